"""``wasmbuild init``: a first wasmbuild.toml and dodo.py for the sources that are there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wasmbuild import files
from wasmbuild.builder.disk import Advice, as_disk_error
from wasmbuild.commands import options
from wasmbuild.console.figures import counted
from wasmbuild.errors import DONE, ToolchainError, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG
from wasmbuild.text import listed, quoted

if TYPE_CHECKING:
    import argparse

_DODO = "dodo.py"
_WRITING = Advice(
    full="free some space and try again",
    forbidden="check that you may write there, or name another directory",
    gone="its directory was removed or moved meanwhile; try again, or name another directory",
    other="try again when this is mended, or name another directory",
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory",
        metavar="DIR",
        type=options.directory,
        nargs="?",
        default=Path(),
        help="where the sources are, and the files go (default: the current directory)",
    )


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.plan.graph import plan
    from wasmbuild.project import starter
    from wasmbuild.project.config import parse
    from wasmbuild.toolchain.search_path import default_line

    directory: Path = arguments.directory
    config = directory / CONFIG
    if not os.path.isdir(directory):
        raise UsageError(f"{directory}: there is no such directory; name the one that has the sources")
    if os.path.lexists(config):
        raise UsageError(f"{config}: is there already, and nothing was written; edit it, or name another directory")
    found, passed_over, others, unlisted = starter.find(directory)
    if passed_over:
        names = listed([quoted(path) for path in passed_over])
        print(f"left out, because no declaration can name it: {names}", file=sys.stderr)
    if others or unlisted:
        left_out = [f"{quoted(path)} ({_what_is(directory / path)})" for path in others]
        left_out += [
            f"{quoted(os.path.normpath(error.filename))} (cannot be listed: {error.strerror or error})"
            for error in unlisted
        ]
        print(f"left out: {listed(left_out)}", file=sys.stderr)
    if not found:
        other = "other " if passed_over or others or unlisted else ""
        raise UsageError(
            f"no {other}.wasm or .wat file was found below {quoted(str(directory))}; put one there, or name the "
            f"directory that has them"
        )
    line = default_line()
    absolute = Path(os.path.abspath(directory))
    entries = starter.entries(directory, found)
    text = starter.declaration(absolute, entries, line, compiles_all=_has_executable(line, absolute))
    planned = plan(parse(text.encode(), file=str(config), directory=absolute, default_line=line))
    _write(config, text)
    modules, targets = counted(len(planned.modules), "module"), counted(len(planned.targets), "target")
    print(f"{config}: {modules} for {targets}", file=sys.stderr)
    if os.path.lexists(directory / _DODO):
        print(f"{directory / _DODO}: is there already, and is left as it is", file=sys.stderr)
    else:
        _write(directory / _DODO, starter.DODO)
        print(f"{directory / _DODO}: the same as tasks of doit", file=sys.stderr)
    where = "" if absolute == Path.cwd() else f"cd {files.in_shell(directory)}, "
    print(f"next: {where}wasmbuild build, wasmbuild verify build", file=sys.stderr)
    return DONE


def _has_executable(line: int, directory: Path) -> bool:
    """Tell whether a build would find an executable of a line."""
    from wasmbuild.toolchain.find import CLI, find

    try:
        find(CLI, line, directory)
    except (ToolchainError, OSError):
        # A build says why; here nobody has asked for one yet.
        return False
    return True


def _what_is(path: Path) -> str:
    """Say what a file is that was not taken for a source."""
    from wasmbuild.formats.cwasm import ReadAt
    from wasmbuild.formats.identify import identify_at

    try:
        with files.open_regular(path) as file:
            return identify_at(ReadAt.of(file, os.fstat(file.fileno()).st_size)).sentence
    except FileNotFoundError:
        return "a link that leads nowhere"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def _write(path: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all. Raises UsageError, DiskError."""
    with as_disk_error(path, "written", _WRITING):
        try:
            with files.NewFile(path, stamps=False) as file:
                file.write(text.encode())
        except FileExistsError:
            raise UsageError(
                f"{path}: is there by now, and is left as it is; edit it, or name another directory"
            ) from None
