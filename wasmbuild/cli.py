"""The ``wasmbuild`` command: finds the one that is asked for, and turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import NamedTuple, NoReturn

from wasmbuild import __version__, streams
from wasmbuild.errors import DONE, FAILED, INTERRUPTED, UsageError, WasmbuildError


class Command(NamedTuple):
    """One command; the module of its name in ``wasmbuild.commands`` has its options and what it does.

    ``interrupted`` says what is left when it is.
    """

    summary: str
    example: str
    interrupted: str = "nothing was changed"


COMMANDS = {
    "build": Command(
        "precompile what is out of date",
        "wasmbuild build 'checksum@*' -j 4",
        "what was finished is whole, and the next build goes on from there",
    ),
    "compile": Command(
        "compile one file for one target, as a step of another build system",
        "wasmbuild compile fib.wat --target edge-x64 -o fib.cwasm --depfile fib.d",
        "the artifact is the old one or the new one, whole",
    ),
    "plan": Command("show what is declared", "wasmbuild plan --json"),
    "explain": Command("say why artifacts would be built", "wasmbuild explain checksum@edge-x64"),
    "verify": Command(
        "prove what manifests say, wherever they are",
        "wasmbuild verify build --level consistent",
        "not everything was verified, and there is no verdict",
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
    "schema": Command("print the JSON Schema of a file format", "wasmbuild schema manifest"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    # A polite request to stop ends like Ctrl-C: compilers are killed, and what is whole stays.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _terminate)
    with streams.checked():
        return _ended(sys.argv[1:] if argv is None else argv)


def _ended(argv: Sequence[str]) -> int:
    """Run the command, tell of errors, and return the exit code."""
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except WasmbuildError as error:
        for line in str(error).splitlines():
            print(line if line.startswith(" ") else f"error: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        command = COMMANDS.get(argv[0]) if argv else None
        print(f"interrupted; {command.interrupted}" if command else "interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        return FAILED


def _run(argv: Sequence[str]) -> int:
    if not argv or argv[0].startswith("-"):
        parser = Parser(
            prog="wasmbuild",
            usage="wasmbuild COMMAND ...",
            description="Precompile WebAssembly for Wasmtime, for every target, and prove that the artifacts load.",
            epilog=_overview(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--version", action="version", version=f"wasmbuild {__version__}")
        parser.parse_args(argv)
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    name, *rest = argv
    command = COMMANDS.get(name)
    if command is None:
        from wasmbuild.text import suggestion

        meant = suggestion(name, COMMANDS)
        hint = f"did you mean {meant}?" if meant else f"commands are {', '.join(COMMANDS)}"
        raise UsageError(f"wasmbuild: there is no command {name!r}; {hint}")
    parser = Parser(
        prog=f"wasmbuild {name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=f"example:\n  {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module = import_module(f"wasmbuild.commands.{name}")
    configure: Callable[[argparse.ArgumentParser], None] = module.configure
    run: Callable[[argparse.Namespace], int] = module.run
    configure(parser)
    return run(parser.parse_args(rest))


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of wasmbuild."""

    def exit(self, status: int = DONE, message: str | None = None) -> NoReturn:
        sys.stdout.flush()
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see {self.prog} --help")


def _overview() -> str:
    width = max(map(len, COMMANDS))
    commands = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    examples = [f"  {command.example}" for command in COMMANDS.values()]
    return "\n".join(
        ["commands:", *commands, "", "examples:", *examples, "", "wasmbuild COMMAND --help tells more of each."]
    )


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
