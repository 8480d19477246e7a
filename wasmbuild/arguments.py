"""What the command line can say: the commands, and the parser of each."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from types import ModuleType

from wasmbuild import __version__
from wasmbuild.errors import DONE, UsageError
from wasmbuild.lean_typing import Any, NamedTuple, NoReturn


class Command(NamedTuple):
    """One command; the module of its name in ``wasmbuild.commands`` has its options and what it does.

    ``interrupted`` says what is left when it is.
    """

    summary: str
    example: str
    interrupted: str = "nothing was changed"


COMMANDS = {
    "init": Command("write a first wasmbuild.toml for the sources that are there", "wasmbuild init"),
    "build": Command(
        "precompile what is out of date",
        "wasmbuild build 'checksum@*' -j 4",
        "what was finished is whole, and the next build goes on from there",
    ),
    "compile": Command(
        "compile one file for one target, declared or not",
        "wasmbuild compile fib.wat --target edge-x64 -o fib.cwasm --depfile fib.d",
        "the artifact is the old one or the new one, whole",
    ),
    "manifest": Command(
        "write manifests and index of artifacts that were compiled one by one",
        "wasmbuild manifest --build-dir out",
        "manifests that stand are whole, and the next run writes the others",
    ),
    "plan": Command("show what is declared", "wasmbuild plan --json"),
    "explain": Command("say why artifacts would be built", "wasmbuild explain checksum@edge-x64"),
    "verify": Command(
        "prove what manifests say, wherever they are",
        "wasmbuild verify build --level consistent",
        "not everything was verified, and there is no verdict",
    ),
    "audit": Command(
        "say which artifacts have a known fault of the compiler that made them",
        "wasmbuild audit build --runtime 48.0.0",
    ),
    "toolchain": Command(
        "show, install and remove compilers",
        "wasmbuild toolchain install 48.0.8",
        "what is installed is whole, and nothing else was",
    ),
    "lock": Command(
        "name the very executables that compile, for every machine that builds",
        "wasmbuild lock --platform linux-arm64",
        "the lock file is the old one or the new one, whole",
    ),
    "inspect": Command("say what a file is, without loading it", "wasmbuild inspect build/pi/checksum.cwasm"),
    "embed": Command(
        "write source that configures an application's engine to match",
        "wasmbuild embed --lang c --target pi -o engine.h",
        "the file is the old one or the new one, whole",
    ),
    "fit": Command(
        "find the engine settings of a program that loads artifacts",
        "wasmbuild fit -- ./loader {}",
        "no table was found",
    ),
    "cache": Command(
        "say what is kept of artifacts that were compiled before, or remove it",
        "wasmbuild cache stats",
        "what was not removed is whole",
    ),
    "completion": Command("print a script that lets a shell complete the command", "wasmbuild completion bash"),
    "schema": Command("print the JSON Schema of a file format", "wasmbuild schema manifest"),
}

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


def run(arguments: list[str]) -> int:
    """Do what the arguments of the command line say; return the exit code. Raises WasmbuildError, SystemExit."""
    if not arguments or arguments[0].startswith("-"):
        parser = overview()
        parser.parse_args(arguments)
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    name, *rest = arguments
    if name not in COMMANDS:
        from wasmbuild.text import suggestion

        meant = suggestion(name, COMMANDS)
        hint = f"did you mean {meant}?" if meant else f"commands are {', '.join(COMMANDS)}"
        raise UsageError(f"wasmbuild: there is no command {name!r}; {hint}")
    parser, module = of_command(name)
    code: int = module.run(parser.parse_args(rest))
    return code


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


def of_command(name: str) -> tuple[Parser, ModuleType]:
    """Return the parser of a command, and the module that runs it."""
    command = COMMANDS[name]
    parser = Parser(
        prog=f"wasmbuild {name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"example:\n  {command.example}",
        formatter_class=_Help,
    )
    module = import_module(f"wasmbuild.commands.{name}")
    module.configure(parser)
    return parser, module
