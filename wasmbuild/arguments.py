"""What the arguments of the command line say, done: read as a plain line where they are one, else by ``argparse``."""

from __future__ import annotations

import sys

from wasmbuild import plain_arguments
from wasmbuild.errors import UsageError
from wasmbuild.subcommands import COMMANDS, module_of


def run(arguments: list[str]) -> int:
    """Do what the arguments of the command line say; return the exit code. Raises WasmbuildError, SystemExit."""
    if not arguments or arguments[0].startswith("-"):
        from wasmbuild.parsers import overview

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
    module = module_of(name)
    said: object = plain_arguments.read(module.configure, rest)
    if said is None:
        from wasmbuild.parsers import of_command

        said = of_command(name).parse_args(rest)
    code: int = module.run(said)
    return code
