"""The parsers of the command line: its help, its mistakes, and all that is not plain (see ``plain_arguments.py``)."""

from __future__ import annotations

import argparse
import os
import sys

from wasmbuild import __version__
from wasmbuild.command_line.subcommands import COMMANDS, module_of
from wasmbuild.errors import DONE, UsageError
from wasmbuild.lean.typing import Any, NoReturn

_USUAL = 80  # columns

# What a new user types, in this order; the help of each command has its own example.
_FIRST = ("init", "build", "verify", "explain")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Knows how wide the terminal is without ``shutil``, which argparse imports when an argument is added."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, **options})


def _columns() -> int:
    """Return the width of the terminal as ``shutil.get_terminal_size`` does."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return _USUAL


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of wasmbuild."""

    def exit(self, status: int = DONE, message: str | None = None) -> NoReturn:
        sys.stdout.flush()
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")


def overview() -> Parser:
    """Return the parser of what comes before a command."""
    width = max(map(len, COMMANDS))
    lines = ["commands:", *(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items())]
    lines += ["", "examples:", *(f"  {COMMANDS[name].example}" for name in _FIRST)]
    parser = Parser(
        prog="wasmbuild",
        usage="wasmbuild COMMAND ...",
        description="Precompile WebAssembly for Wasmtime, for every target, and prove that the artifacts load.",
        epilog="\n".join([*lines, "", "wasmbuild COMMAND --help tells more of each."]),
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"wasmbuild {__version__}")
    parser.add_argument(
        "--cmake-dir",
        action=_CMakeDirectory,
        nargs=0,
        help="print the directory of the package that CMake finds, for -Dwasmbuild_DIR=…",
    )
    return parser


class _CMakeDirectory(argparse.Action):
    """Prints where the package of CMake is, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from wasmbuild import cmake

        print(cmake.directory())
        parser.exit()


def of_command(name: str) -> Parser:
    """Return the parser of a command."""
    command = COMMANDS[name]
    parser = Parser(
        prog=f"wasmbuild {name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"example:\n  {command.example}",
        formatter_class=_Help,
    )
    module_of(name).configure(parser)
    return parser
