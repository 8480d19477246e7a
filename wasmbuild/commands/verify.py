"""``wasmbuild verify``: prove what manifests say, wherever they are; runners come from a wasmbuild.toml of the user."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG
from wasmbuild.project.levels import LEVELS

if TYPE_CHECKING:
    import argparse

    from wasmbuild.audit.known_faults import KnownFaults
    from wasmbuild.project.declared import Project


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="MANIFEST|DIR",
        nargs="+",
        type=options.named,
        help="manifests, indexes, or directories with them",
    )
    parser.add_argument("--level", choices=LEVELS, help="demand this level of every artifact, and try no higher one")
    parser.add_argument("--index-sha256", metavar="HEX", help="the digest that the index must have")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=options.file,
        help=f"a declaration whose runners load the artifacts of their targets (default: {CONFIG} of the working "
        f"directory, unless that is inside what is verified, or beside an index)",
    )
    parser.add_argument(
        "--memory-limit",
        metavar="SIZE",
        type=options.memory,
        help='what loads artifacts may allocate, for example "512 MiB"; a runner\'s own comes first (default: 2 GiB '
        "where the system can limit memory)",
    )
    parser.add_argument(
        "--time-limit",
        metavar="SECONDS",
        type=options.duration,
        help="how long loading one artifact may take; a runner's own comes first, and a test has its own (default: 30)",
    )
    parser.add_argument("--junit", metavar="FILE", type=options.file, help="write the report for CI as JUnit XML")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("-q", "--quiet", action="store_true", help="show what failed only")
    told.add_argument(
        "-v", "--verbose", action="store_true", help="say of each target why no higher level was tried, and what to do"
    )
    options.add_json(parser, "the report")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.console.terminal import Console
    from wasmbuild.console.verification_table import tell
    from wasmbuild.verify import default_limits, verify

    if arguments.junit is not None:
        _check_junit(arguments)
    own = _own(arguments.config, arguments.paths)
    # All that is wrong with it is told before anything is said to be right.
    project = None if own is None else own.project()
    if project is not None:
        options.check_beside("verify", [("--junit", arguments.junit)], project)
    report = verify(
        arguments.paths,
        level=arguments.level,
        index_sha256=arguments.index_sha256,
        targets=() if project is None else project.targets,
        limits=default_limits(arguments.memory_limit, arguments.time_limit),
    )
    line, fails = _known_faults(arguments.paths, project)
    if fails and line is not None:
        report = report._replace(errors=(line,))
    if arguments.junit is not None:
        from wasmbuild.builder import output

        output.write(arguments.junit, report.to_junit().encode())
    if arguments.json:
        sys.stdout.write(report.to_json())
        # What cannot be written is told before anything else, however little of it waits in a buffer.
        sys.stdout.flush()
    else:
        console = Console(sys.stdout, quiet=arguments.quiet)
        tell(report, console, _what_is_verified(arguments), verbose=arguments.verbose)
    if line is not None and (fails or not arguments.quiet):
        print(line, file=sys.stderr)
    return report.exit_code


def _what_is_verified(arguments: argparse.Namespace) -> list[str]:
    """Return the arguments that decide what is verified, and how far."""
    options = ("config", arguments.config), ("level", arguments.level), ("index-sha256", arguments.index_sha256)
    given = [word for name, value in options if value is not None for word in (f"--{name}", str(value))]
    return [*given, *map(str, arguments.paths)]


def _known_faults(paths: Sequence[str], project: Project | None) -> KnownFaults:
    from wasmbuild.audit.known_faults import of_paths

    return of_paths(paths, project)


def _check_junit(arguments: argparse.Namespace) -> None:
    """Check that the report can be written and overwrites nothing that is read. Raises UsageError, DiskError."""
    junit: Path = arguments.junit
    named = [("MANIFEST", Path(path)) for path in arguments.paths if not os.path.isdir(path)]
    options.check_output("verify", "--junit", junit, [("--config", arguments.config or Path(CONFIG)), *named])
    if _is_read(junit, arguments.paths):
        raise UsageError(
            f"wasmbuild verify: --junit {junit} would overwrite a file that is verified; name another one with --junit"
        )


def _is_read(path: Path, verified: Sequence[str]) -> bool:
    """Tell whether a path leads to an index, a manifest, an artifact, its record or its source in what is verified."""
    from wasmbuild.builder import output
    from wasmbuild.project import filenames
    from wasmbuild.verify.collect import collect
    from wasmbuild.verify.outcomes import Verdict

    # Most reports are new, or lie elsewhere.
    if not os.path.isfile(path) or not any(_is_inside(path, named) for named in verified):
        return False
    if any(output.is_same(path, Path(named, filenames.INDEX)) for named in verified):
        return True
    found = path.stat()
    for shipment in collect(verified, None):
        if isinstance(shipment, Verdict):
            continue
        manifest, directory = shipment
        for name in (filenames.MANIFEST, *options.shipped_with(manifest)):
            with contextlib.suppress(OSError), directory.open(name)[0] as file:
                if os.path.samestat(os.fstat(file.fileno()), found):
                    return True
    return False


def _own(config: Path | None, paths: Sequence[str]) -> Workspace | None:
    """Return the declaration whose runners and ``[audit]`` apply, which is the user's and not what is verified.

    A runner is a command, and a fault that is let pass is a decision: neither comes with what is shipped.
    """
    if config is not None:
        return Workspace(config)
    from wasmbuild.project import filenames

    here = Path(CONFIG)
    # One that lies beside an index or a manifest came with it.
    if not os.path.isfile(here) or any(os.path.lexists(name) for name in (filenames.INDEX, filenames.MANIFEST)):
        return None
    if any(_is_inside(here, path) for path in paths):
        return None
    # Where it cannot be read, going on without its runners would prove less and say that all is well.
    return Workspace(here)


def _is_inside(file: Path, verified: str) -> bool:
    """Tell whether a file of the working directory lies in what is verified, as either is named or by where it is."""
    named = Path(verified) if os.path.isdir(verified) else Path(verified).parent
    found = Path(os.path.realpath(verified))
    directories = {Path(os.path.realpath(named)), found if os.path.isdir(found) else found.parent}
    locations = (Path(os.path.realpath(file.parent), file.name), Path(os.path.realpath(file)))
    return any(directory in location.parents for directory in directories for location in locations)
