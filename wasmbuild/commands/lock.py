"""``wasmbuild lock``: writes ``wasmbuild.lock``, which names the very executables that a project is compiled with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterable

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options
from wasmbuild.commands.downloads import add_attestation, add_network, attest_of, install_reporter, require_lockable
from wasmbuild.errors import DONE
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain.search_path import LOCK

if TYPE_CHECKING:
    from wasmbuild.installing.locking import ArchiveSource, RequestedVersion
    from wasmbuild.project.declared import Project
    from wasmbuild.toolchain.lockfile import Locked

SCHEMA = "wasmbuild/locked/1"


class _LockChange(NamedTuple):
    """What is locked of a line, and what was."""

    was: Locked | None
    now: Locked


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--platform",
        dest="platforms",
        metavar="NAME",
        action="append",
        default=[],
        help="lock what compiles on that platform too, such as linux-arm64, without installing it; may be repeated",
    )
    parser.add_argument("--bump", action="store_true", help="lock the newest release of the line")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    add_attestation(parser, "lock", action=argparse.BooleanOptionalAction)
    options.add_json(parser, "what is locked, and what was,")
    options.add_config(parser)
    add_network(parser)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.builder import output
    from wasmbuild.console.terminal import Console
    from wasmbuild.installing import mirror
    from wasmbuild.installing.locking import ArchiveSource, NoExecutableError, RequestedVersion
    from wasmbuild.project.declared import lines_of
    from wasmbuild.toolchain import lockfile

    workspace = Workspace(arguments.config)
    project = workspace.project()
    require_lockable(project)
    # One that is wrong is told by the first lock, and not by a later one that has to download.
    mirror.requested(arguments.mirror)
    before = lockfile.read(workspace.directory)
    console = Console(sys.stderr)
    least = lines_of(project.targets)
    changes: list[_LockChange] = []
    # Of a line that never was: there is no executable of it to lose, and the others have theirs.
    left_out: list[NoExecutableError] = []
    try:
        for line, at_least in least.items():
            was = lockfile.of_line(before, line)
            # What was confirmed once is not replaced by what was not, unless that is asked for.
            confirmed = was is not None and any(each.attested_by for each in was.platforms.values())
            attest = attest_of(arguments.attestation is True, perhaps=confirmed and arguments.attestation is None)
            source = ArchiveSource(arguments.mirror, arguments.offline, attest, reporter=install_reporter(console))
            try:
                now = _locked(arguments, project, least, was, RequestedVersion(line, at_least), source)
            except NoExecutableError as error:
                if was is not None:
                    raise
                left_out.append(error)
            else:
                changes.append(_LockChange(was, now))
    finally:
        console.clear()
    if left_out and not changes:
        raise left_out[0]
    content = lockfile.to_bytes([*(each for each in before if each.line not in least), *(each.now for each in changes)])
    if not arguments.dry_run and any(each.was != each.now for each in changes):
        output.write(workspace.directory / LOCK, content)
    if arguments.json:
        options.print_json(_document(changes))
    else:
        for change in changes:
            console.say(_story(*change, written=not arguments.dry_run))
    for missing in left_out:
        print(f"left out: {missing}", file=sys.stderr)
    return DONE


def _locked(
    arguments: argparse.Namespace,
    project: Project,
    lines: Collection[int],
    was: Locked | None,
    wanted: RequestedVersion,
    source: ArchiveSource,
) -> Locked:
    from wasmbuild.engine.lines import own_release_only
    from wasmbuild.installing import locking
    from wasmbuild.toolchain.find import find

    if arguments.bump:
        # What no other release loads has none to choose from.
        only = wanted.at_least if own_release_only(wanted.line) else None
        version = only or locking.newest(wanted, was, source)
        if was is None or version != was.version:
            return locking.lock_version(wanted, version, was, arguments.platforms, source)
    if was is not None and was.request == wanted.request and (arguments.bump or arguments.platforms):
        return locking.lock_platforms(was, arguments.platforms, source)
    compiler = find(project.compiler, wanted.line, project.directory, at_least=wanted.at_least, others=lines)
    return locking.lock_found(wanted, compiler, was, arguments.platforms, source)


def _story(was: Locked | None, now: Locked, *, written: bool) -> str:
    names = ", ".join(sorted(now.platforms))
    if all(executable.attested_by for executable in now.platforms.values()):
        names += ", attested"
    if was == now:
        return f"{LOCK} is up to date: {now.version} for {names}"
    versions = f"{was.version} → {now.version}" if was and was.version != now.version else now.version
    return f"{LOCK} {'locks' if written else 'would lock'} Wasmtime {versions} for {names}"


def _document(changes: Iterable[_LockChange]) -> dict[str, object]:
    return {"schema": SCHEMA, "toolchains": [_toolchain(*change) for change in changes]}


def _toolchain(was: Locked | None, now: Locked) -> dict[str, object]:
    platforms = {
        name: {
            "source": executable.source,
            "archive": executable.archive._asdict() if executable.archive is not None else None,
            "executable": {"size": executable.size, "sha256": executable.sha256},
            "attested_by": executable.attested_by or None,
        }
        for name, executable in sorted(now.platforms.items())
    }
    return {
        "request": now.request,
        "from": was.version if was is not None else None,
        "to": now.version,
        "changed": was != now,
        "platforms": platforms,
    }
