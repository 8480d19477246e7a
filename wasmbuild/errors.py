"""Every error that wasmbuild raises on purpose, each with the exit code of the command.

The text of an exception is the whole message for the person who reads it: what happened, where (file, key or id),
the likely cause and what to do. Nothing above adds to it, and nothing below prints it.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple, TypeVar
from wasmbuild.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = TypeVar("Kind", bound="WasmbuildError")

DONE = 0
FAILED = 1
WRONG_REQUEST = 2
DISK = 3
"""Of what several artifacts or files end with, the highest is that of the command."""
NOT_VERIFIED = 3
DEFECT = 70
"""An exception that nobody expected; as ``EX_SOFTWARE`` in sysexits.h."""
INTERRUPTED = 130


class WasmbuildError(Exception):
    """Base of all errors of wasmbuild; ``str(error)`` is the message, ``exit_code`` what the command returns."""

    exit_code = WRONG_REQUEST

    def __str__(self) -> str:
        # Names, paths and the words of tools are anybody's, and this is shown on terminals and in logs.
        return escaped(super().__str__(), kept="\n\t")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between processes by pickle, which would make them of the text alone.
        return remade, (type(self), self.args, self.__dict__)

    def message(self) -> str:
        """Return the message as people see it, each line that is not indented marked as an error."""
        return marked(str(self), "error: ")


def marked(message: str, mark: str) -> str:
    """Return a message with a mark before each line that is not indented: one that is belongs to the line above it."""
    return "\n".join([line if line.startswith(" ") else mark + line for line in message.splitlines()])


def remade(kind: type[Kind], args: tuple[object, ...], state: dict[str, object]) -> Kind:
    """Return an error with the ``args`` and attributes of another, whatever its class takes to make one."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class Mistake(NamedTuple):
    """One mistake in a declaration.

    ``file`` is named as the user named it, ``key`` is the dotted key (empty for the file as a whole), ``problem``
    says what is wrong and ``fix`` what to write instead. ``of_host`` tells that nobody knows what is there, because
    this host could not read it.
    """

    file: str
    key: str
    problem: str
    fix: str
    of_host: bool = False

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        return escaped(f"{where}: {self.problem}; {self.fix}" if self.fix else f"{where}: {self.problem}")


class DeclarationError(WasmbuildError):
    """The declaration is wrong, or could not be read: all of its mistakes at once, one line each."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        if self.mistakes and all(mistake.of_host for mistake in self.mistakes):
            self.exit_code = DISK
        super().__init__("\n".join(map(str, self.mistakes)))


class OccupiedError(DeclarationError):
    """The build directory holds what another declaration built, and this one would remove."""


class UsageError(WasmbuildError):
    """The command line or an argument of a function asks for something that does not exist or does not fit."""


class ToolchainError(WasmbuildError):
    """There is no compiler that can do what is declared."""


class HostError(WasmbuildError):
    """This process may not do what the work needs, or lacks it, whatever the files are."""

    exit_code = DISK


class ExecutorError(WasmbuildError):
    """The machines that were to compile cannot, or cannot be reached."""

    exit_code = DISK


class FormatError(WasmbuildError):
    """A file is not what it is taken for, or is damaged."""

    exit_code = FAILED


class CompileError(WasmbuildError):
    """One artifact could not be compiled."""

    exit_code = FAILED


class UnreadableSourceError(CompileError):
    """One artifact could not be compiled because this host could not read its source."""

    exit_code = DISK


class StarvedCompileError(CompileError):
    """One artifact could not be compiled because what compiles it got too little of this host, or was killed."""

    exit_code = DISK


class ChildError(WasmbuildError):
    """A child process could not be started, ended badly, or did not answer."""

    exit_code = FAILED


class DiskError(WasmbuildError):
    """A build directory, or another file, cannot be locked, read or written."""

    exit_code = DISK
