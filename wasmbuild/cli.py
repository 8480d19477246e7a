"""The ``wasmbuild`` command: runs the one that is asked for, and turns errors into messages and exit codes.

Little is imported before a request to stop is heard in an orderly way.
"""

from __future__ import annotations

import sys

from wasmbuild import interrupts, streams
from wasmbuild.errors import DEFECT, DONE, FAILED, INTERRUPTED, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    with streams.checked():
        return _ended(list(sys.argv[1:] if argv is None else argv))


def _ended(argv: list[str]) -> int:
    """Run the command, tell of errors, and return the exit code."""
    try:
        with interrupts.ImmediateInterrupts():
            return _run(argv)
    except SystemExit as end:  # of argparse, after --help and --version
        return end.code if isinstance(end.code, int) else DONE
    except WasmbuildError as error:
        print(error.message(), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(argv)
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        return FAILED
    except Exception as error:
        # What stops Python 3.11 while it makes a class, as an import does, comes as a RuntimeError.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _interrupted(argv)
        import traceback

        from wasmbuild import __version__

        traceback.print_exc()
        print(f"error: this is a defect of wasmbuild {__version__}; please report it with the above", file=sys.stderr)
        return DEFECT


def _interrupted(argv: list[str]) -> int:
    from wasmbuild.command_line.subcommands import COMMANDS

    command = COMMANDS.get(argv[0]) if argv else None
    print(f"interrupted; {command.left(argv[1:])}" if command else "interrupted", file=sys.stderr)
    return INTERRUPTED


def _run(argv: list[str]) -> int:
    from wasmbuild import boundary
    from wasmbuild.command_line import dispatch

    with boundary.as_wasmbuild_error():
        code = dispatch.run(argv)
        sys.stdout.flush()
        return code


if __name__ == "__main__":
    interrupts.end(main())
