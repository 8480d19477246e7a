"""``wasmbuild toolchain``: which compilers there are, which one compiles here, and how to get another."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import downloads, options
from wasmbuild.errors import DONE, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG
from wasmbuild.text import printable
from wasmbuild.toolchain import installed, search_path

if TYPE_CHECKING:
    import argparse

    from wasmbuild.console.terminal import Console
    from wasmbuild.installing.install import Installed
    from wasmbuild.toolchain.find import FoundCompiler
    from wasmbuild.toolchain.installed import InstallRecord


def configure(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = commands.add_parser("list", help="show the executables of Wasmtime that are found here")
    options.add_json(listing, "the list")
    listing.set_defaults(act=_list)

    installing = commands.add_parser("install", help="install an executable that compiles for every target")
    installing.add_argument(
        "version",
        metavar="VERSION",
        nargs="?",
        help="such as 48.0.8, or 48 for the newest of that line; a file says its own",
    )
    installing.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="release: the archive of a release (default); cargo: built here from crates, in minutes; vendored: built "
        "here from the release's archive of sources; else a file: an executable or an archive, as a path or file://",
    )
    installing.add_argument(
        "--locked", action="store_true", help=f"install the very executable that {search_path.LOCK} names, or fail"
    )
    downloads.add_attestation(installing, "install")
    installing.add_argument(
        "--library",
        action="store_true",
        help="install the library of that line for this machine, beside that of this environment, with which targets "
        "of that line are verified: by pip, from its index or that of --mirror, or --from a wheel",
    )
    options.add_config(installing)
    downloads.add_network(installing)
    installing.set_defaults(act=_install)

    which = commands.add_parser("which", help="print the path of the compiler that is used here, then why")
    which.add_argument(
        "--config", metavar="FILE", type=options.file, help=f"the declaration (default: {CONFIG}, if any)"
    )
    which.set_defaults(act=_which)

    checking = commands.add_parser(
        "check", help="compile a module for every target of the declaration, and say what is known of the compiler"
    )
    options.add_json(checking, "what came of it")
    options.add_config(checking)
    checking.set_defaults(act=_check)

    removing = commands.add_parser("remove", help="remove what was installed")
    removing.add_argument("version", metavar="VERSION", help="such as 48.0.8")
    removing.add_argument("--library", action="store_true", help="remove the library of that version")
    removing.set_defaults(act=_remove)


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.act(arguments)
    return code


def _list(arguments: argparse.Namespace) -> int:
    from wasmbuild.commands import toolchain_list

    return toolchain_list.run(as_json=arguments.json)


def _install(arguments: argparse.Namespace) -> int:
    from wasmbuild.console.figures import human_size
    from wasmbuild.console.terminal import Console
    from wasmbuild.engine.rules import line_problem
    from wasmbuild.installing.install import RELEASE, install
    from wasmbuild.versions import order

    if arguments.config != Path(CONFIG) and not arguments.locked:
        raise UsageError("wasmbuild toolchain install: --config says where --locked finds what is locked; leave it out")
    console = Console(sys.stderr)
    try:
        if arguments.library:
            done = [_install_library(arguments, console)]
        elif arguments.locked:
            done = _install_locked(arguments, console)
        elif arguments.version is None and arguments.source is None:
            raise UsageError(
                "wasmbuild toolchain install: name a version, such as 48.0.8, or a file: --from FILE; or give --locked"
            )
        else:
            installed_now = install(
                arguments.version,
                arguments.source or RELEASE,
                mirror_address=arguments.mirror,
                offline=arguments.offline,
                attest=downloads.attest_of(arguments.attestation),
                reporter=downloads.install_reporter(console),
            )
            done = [installed_now]
    finally:
        console.clear()
    for path, record, new in done:
        print(path, flush=True)
        was = "installed" if new else "is installed already"
        what, part = ("the library of Wasmtime", "library") if arguments.library else ("Wasmtime", "executable")
        console.say(f"{what} {record.version} {was}, from {printable(record.source, 400)}")
        console.say(f"    {part}: {human_size(record.size)}, SHA-256 {record.sha256}")
        if record.archive is not None:
            said = ", attested" if arguments.attestation else ""
            console.say(f"    archive: {human_size(record.archive.size)}, SHA-256 {record.archive.sha256}{said}")
        # It is what the check of a line that is new compares with.
        if (unknown := line_problem(order(record.version)[0])) is not None:
            console.say(f"no build uses it: {unknown}")
    return DONE


def _install_library(arguments: argparse.Namespace, console: Console) -> Installed:
    from wasmbuild.installing.library import install_library

    if (arguments.version is None and arguments.source is None) or arguments.locked:
        raise UsageError(
            "wasmbuild toolchain install: --library takes a version, such as 49, or a wheel, --from FILE, and no "
            "--locked"
        )
    if arguments.attestation:
        raise UsageError("wasmbuild toolchain install: --library is a wheel, of which pip checks what its index says")
    return install_library(
        arguments.version,
        arguments.source,
        index=arguments.mirror,
        offline=arguments.offline,
        reporter=downloads.install_reporter(console),
    )


def _install_locked(arguments: argparse.Namespace, console: Console) -> list[Installed]:
    from functools import partial

    from wasmbuild.installing.install import names_file
    from wasmbuild.installing.install_locked import install_locked, install_locked_file
    from wasmbuild.installing.locking import ArchiveSource, NoExecutableError, RequestedVersion
    from wasmbuild.project.declared import lines_of
    from wasmbuild.toolchain.find import find

    if arguments.version is not None:
        raise UsageError("wasmbuild toolchain install: --locked installs what is locked; leave out the version")
    workspace = Workspace(arguments.config)
    project = workspace.project()
    downloads.require_lockable(project)
    attest = downloads.attest_of(arguments.attestation)
    source = ArchiveSource(arguments.mirror, arguments.offline, attest, reporter=downloads.install_reporter(console))
    least = lines_of(project.targets)
    wanted = [RequestedVersion(*each) for each in least.items()]
    if arguments.source is not None and names_file(arguments.source):
        return [install_locked_file(workspace.directory, wanted, arguments.source, source)]
    done: list[Installed] = []
    # As ``wasmbuild lock`` leaves them out.
    left_out: list[NoExecutableError] = []
    for each in wanted:
        here = partial(find, project.compiler, each.line, project.directory, at_least=each.at_least, others=least)
        try:
            done.append(install_locked(workspace.directory, each, arguments.source, source, here))
        except NoExecutableError as error:
            left_out.append(error)
    if left_out and not done:
        raise left_out[0]
    for missing in left_out:
        console.say(f"left out: {missing}")
    return done


def _which(arguments: argparse.Namespace) -> int:
    from wasmbuild.project.declared import lines_of
    from wasmbuild.text import escaped
    from wasmbuild.toolchain import lockfile
    from wasmbuild.toolchain.executable_copy import lasting
    from wasmbuild.toolchain.find import AUTO, EMBEDDED, find, named_executable, why_passed_over

    locked: dict[int, str | None]
    if arguments.config is not None or os.path.isfile(CONFIG):
        workspace = Workspace(arguments.config or Path(CONFIG))
        declared = workspace.project()
        compilers, choice = workspace.toolchain(declared).compilers, declared.compiler
        least = lines_of(declared.targets)
        named = named_executable(choice, workspace.directory)
        locked = {line: lockfile.wanted(workspace.directory, line) for line in compilers}
    else:
        line, choice, locked, least = search_path.default_line(), AUTO, {}, {}
        named = named_executable(choice, os.curdir)
        compilers = {line: find(choice, line, os.curdir)}
    for line, compiler in compilers.items():
        path, lacking = lasting(compiler.path)
        print(path, flush=True)
        named_by = named[1] if named is not None and str(named[0]) == compiler.path else ""
        is_locked = locked.get(line) == compiler.sha256
        why = f"{named_by} names it" if named_by else _why(compiler, choice, line, is_locked=is_locked)
        print(f"Wasmtime {compiler.version}: {why}", file=sys.stderr)
        print(f"    SHA-256 {compiler.sha256}", file=sys.stderr)
        if compiler.kind == EMBEDDED != choice:
            for reason in why_passed_over(line, least.get(line)):
                print(escaped(reason), file=sys.stderr)
        if lacking:
            print(f"    {lacking}", file=sys.stderr)
    return DONE


def _why(compiler: FoundCompiler, choice: str, line: int, *, is_locked: bool) -> str:
    if compiler.kind == "embedded":
        if choice == "embedded":
            return 'the library of the wasmtime package, as compiler = "embedded" says'
        installed_by = ", installed by wasmbuild," if Path(compiler.path) != search_path.library() else ""
        return f"the library of the wasmtime package{installed_by} since no executable of line {line} was found"
    what = f"what {search_path.LOCK} names" if is_locked else f"the highest version of line {line} that was found"
    return what + (f" ({origin})" if (origin := _origin(compiler)) else "")


def _origin(compiler: FoundCompiler) -> str:
    """Return where an executable was found; one without its permission to run is run as a copy of the same bytes."""
    from wasmbuild.toolchain import identities

    found = list(search_path.executables())
    for candidate in found:
        if str(candidate.path) == compiler.path:
            return candidate.origin
    for candidate in found:
        with contextlib.suppress(OSError):
            if identities.digest(candidate.path) == compiler.sha256:
                return candidate.origin
    return ""


def _check(arguments: argparse.Namespace) -> int:
    from wasmbuild.commands import toolchain_check

    workspace = Workspace(arguments.config)
    project = workspace.project()
    return toolchain_check.run(project, workspace.toolchain(project), as_json=arguments.json)


def _remove(arguments: argparse.Namespace) -> int:
    from wasmbuild.installing import store

    kind, other, has_other = installed.TOOLCHAINS, installed.LIBRARIES, "its library is: add --library"
    if arguments.library:
        kind, other, has_other = other, kind, "its executable is: leave out --library"
    with store.alone(lambda text: print(text, file=sys.stderr), kind) as scratch:
        there = _records(kind)
        found = _of_version(there, arguments.version)
        if not found:
            known = ", ".join(record.version for _, record in there)
            hint = f"there are {known}" if known else "nothing is"
            hint = has_other if _of_version(_records(other), arguments.version) else hint
            raise UsageError(f"Wasmtime {printable(arguments.version)} is not installed by wasmbuild; {hint}")
        for folder in found:
            store.remove(folder, scratch)
    for folder in found:
        print(f"removed {folder}", file=sys.stderr)
    return DONE


def _records(kind: str) -> list[tuple[Path, InstallRecord]]:
    return [(folder, record) for folder in installed.folders(kind) if (record := installed.read(folder)) is not None]


def _of_version(there: list[tuple[Path, InstallRecord]], version: str) -> list[Path]:
    return [folder for folder, record in there if version in (record.version, folder.name)]
