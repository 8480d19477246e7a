"""``wasmbuild verify``: prove what manifests say, wherever they are; runners come from a wasmbuild.toml of the user."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild.build.workspace import CONFIG, Workspace
from wasmbuild.commands import options
from wasmbuild.errors import DeclarationError, ToolchainError
from wasmbuild.formats.schemas import LEVELS

if TYPE_CHECKING:
    from wasmbuild.project.plan import Target


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="MANIFEST|DIR", nargs="+", help="manifests, indexes, or directories with them")
    parser.add_argument("--level", choices=LEVELS, help="try and demand no more than this level")
    parser.add_argument("--index-sha256", metavar="HEX", help="the digest that the index must have")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
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
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write the report for CI as JUnit XML")
    parser.add_argument("-q", "--quiet", action="store_true", help="show what failed only")
    options.add_json(parser, "the report")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.console import Console
    from wasmbuild.verdicts import tell
    from wasmbuild.verify import default_limits, verify

    report = verify(
        arguments.paths,
        level=arguments.level,
        index_sha256=arguments.index_sha256,
        targets=_targets(arguments.config, arguments.paths),
        limits=default_limits(arguments.memory_limit, arguments.time_limit),
    )
    if arguments.junit is not None:
        from wasmbuild.build.store import Store

        Store(arguments.junit.parent).write(arguments.junit, report.to_junit().encode())
    if arguments.json:
        sys.stdout.write(report.to_json())
    else:
        tell(report, Console(sys.stdout, quiet=arguments.quiet))
    return report.exit_code


def _targets(config: Path | None, paths: Sequence[str]) -> Sequence[Target]:
    """Return the targets whose runners may be used: a runner is a command, so it never comes from what is verified."""
    if config is not None:
        return Workspace(config).runners()
    from wasmbuild.project import filenames

    here = Path(CONFIG)
    # One that lies beside an index or a manifest came with it.
    if not here.is_file() or any(os.path.lexists(name) for name in (filenames.INDEX, filenames.MANIFEST)):
        return ()
    if any(_is_inside(here, path) for path in paths):
        return ()
    try:
        return Workspace(here).runners()
    except (DeclarationError, ToolchainError) as error:
        print(f"no runner is used, because the declaration here cannot be read:\n{error}", file=sys.stderr)
        return ()


def _is_inside(file: Path, verified: str) -> bool:
    """Tell whether a file of the working directory lies in what is verified, as either is named or by where it is."""
    named = Path(verified) if os.path.isdir(verified) else Path(verified).parent
    found = Path(os.path.realpath(verified))
    directories = {Path(os.path.realpath(named)), found if found.is_dir() else found.parent}
    places = (Path(os.path.realpath(file.parent), file.name), Path(os.path.realpath(file)))
    return any(directory in place.parents for directory in directories for place in places)
