"""What the arguments of the command line say, done: read as a plain line where they are one, else by ``argparse``."""

from __future__ import annotations

import sys

from wasmbuild.command_line import plain_arguments
from wasmbuild.command_line.subcommands import COMMANDS, module_of
from wasmbuild.errors import UsageError

_ELSEWHERE = {"version": "--version", "help": "--help", "watch": "build --watch"}
"""What does what other tools have a command for."""


def run(arguments: list[str]) -> int:
    """Do what the arguments of the command line say; return the exit code. Raises WasmbuildError, SystemExit."""
    if not arguments or arguments[0].startswith("-"):
        from wasmbuild.command_line.parsers import overview

        parser = overview()
        parser.parse_args(arguments)
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    name, *rest = arguments
    if name not in COMMANDS:
        from wasmbuild.text import suggestion

        meant = _ELSEWHERE.get(name) or suggestion(name, COMMANDS)
        hint = f"did you mean {meant}?" if meant else f"commands are {', '.join(COMMANDS)}"
        if name == "clean":
            hint = "remove the build directory, which has all that was built"
        raise UsageError(f"wasmbuild: there is no command {name!r}; {hint}")
    module = module_of(name)
    said: object = plain_arguments.read(module.configure, rest)
    if said is None:
        from wasmbuild.command_line.parsers import of_command

        said = of_command(name).parse_args(rest)
    code: int = module.run(said)
    return code
