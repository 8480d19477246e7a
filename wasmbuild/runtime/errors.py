"""Why something cannot be loaded: one class for each reason, so that an application can tell them apart.

The text of each error is the whole message: what is wrong with what, then what to do; ``problem`` and ``hint`` are its
two halves.
"""

from __future__ import annotations

from collections.abc import Sequence

from wasmbuild.errors import DISK, FAILED, WasmbuildError, remade
from wasmbuild.lean.typing import NamedTuple


class LoadError(WasmbuildError):
    """Base of all errors of ``wasmbuild.runtime``; ``problem`` says what is wrong, ``hint`` what to do about it.

    ``hint`` is empty where nothing is known that would help.
    """

    exit_code = FAILED

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(_message(problem, hint))
        self.problem = problem
        self.hint = hint

    def with_hint(self, hint: str) -> LoadError:
        """Return the same error with another hint."""
        return remade(type(self), (_message(self.problem, hint),), {**self.__dict__, "hint": hint})


def _message(problem: str, hint: str) -> str:
    return f"{problem}; {hint}" if hint else problem


class ShipmentError(LoadError):
    """There is no index or manifest where one was named, or it cannot be read."""


class NoShipmentError(ShipmentError):
    """There is no index or manifest where one was named, at least not now."""


class NotInManifestError(LoadError):
    """No manifest lists a module of that name."""


class MissingFileError(LoadError):
    """A file is not there, or not one that can be read."""


class MissingArtifactError(MissingFileError):
    """A manifest or artifact that is listed is not there."""


class LinkedOutError(LoadError):
    """A link leads out of the directory that everything of a shipment, or of its target, has to lie in."""


class HostLimitError(LoadError):
    """This process or machine lacks something, whatever the files are: rights, descriptors, memory, address space.

    ``errno`` is what the operating system said, as in ``OSError``.
    """

    exit_code = DISK

    def __init__(self, problem: str, hint: str, errno: int) -> None:
        super().__init__(problem, hint)
        self.errno = errno


class DamagedError(LoadError):
    """A file is not the one that was built: cut off, changed, swapped, or no whole artifact."""


class NotPrecompiledError(LoadError):
    """WebAssembly that is not compiled was given where a precompiled artifact is needed."""


class PrecompiledError(LoadError):
    """A precompiled artifact was given where WebAssembly that is not compiled is needed."""


class NotWebAssemblyError(LoadError):
    """A file is neither WebAssembly nor an artifact made from it."""


class InvalidSourceError(LoadError):
    """Wasmtime refuses to compile a source."""


class OtherKindError(LoadError):
    """A component was given where a core module is needed, or the other way."""


class UntrustedError(LoadError):
    """An artifact lies outside of the places that the caller trusts; loading it could run any code."""


class OtherArchitectureError(LoadError):
    """The code is for another architecture."""


class OtherCodeError(LoadError):
    """Pulley bytecode was given to an engine for native code, or the other way."""


class OtherSystemError(LoadError):
    """The code is for another operating system."""


class OtherLineError(LoadError):
    """The artifact is of another line (major version) of Wasmtime than the installed library."""


class OtherLayoutError(LoadError):
    """The artifact would crash: a release of the same line, but of another layout than the library's, compiled it."""


class OtherSettingError(LoadError):
    """Artifact and engine disagree in a setting; ``setting`` is its name in wasmbuild.toml, or what Wasmtime calls it.

    ``setting`` is None where Wasmtime does not tell.
    """

    def __init__(self, problem: str, hint: str, setting: str | None = None) -> None:
        super().__init__(problem, hint)
        self.setting = setting


class InexpressibleSettingError(LoadError):
    """The engine that is declared has ``settings`` that the Python library of Wasmtime cannot express."""

    def __init__(self, problem: str, hint: str, settings: Sequence[str]) -> None:
        super().__init__(problem, hint)
        self.settings = tuple(settings)


class MissingCpuFeatureError(LoadError):
    """The CPU of this machine lacks a ``feature`` that the code uses, named as in ``cpu-features``."""

    def __init__(self, problem: str, hint: str, feature: str) -> None:
        super().__init__(problem, hint)
        self.feature = feature


class RefusedError(LoadError):
    """Wasmtime refuses an artifact or an engine for a reason that has no class of its own."""


class TrapError(LoadError):
    """A module was loaded, and its own code failed, when it was instantiated or in a call."""


class UnknownImportError(LoadError):
    """A module imports what its linker does not define; ``missing`` names all of it, or what Wasmtime named first."""

    def __init__(self, problem: str, hint: str, missing: Sequence[str]) -> None:
        super().__init__(problem, hint)
        self.missing = tuple(missing)


class OtherImportTypeError(LoadError):
    """A linker defines an ``import_`` with another type than the module expects."""

    def __init__(self, problem: str, hint: str, import_: str) -> None:
        super().__init__(problem, hint)
        self.import_ = import_


class PassedOver(NamedTuple):
    """A target whose artifact or source was not taken, and why."""

    target: str
    triple: str
    error: LoadError

    @property
    def for_this_machine(self) -> bool:
        """Whether it was for this architecture and operating system, as a source is for all."""
        return not isinstance(self.error, OtherArchitectureError | OtherSystemError)

    def __str__(self) -> str:
        subject = f"target {self.target} "
        problem = self.error.problem
        rest = problem.removeprefix(subject)
        return f"{self.target}: {problem}" if rest == problem else f"{self.target} {rest}"


class NoFittingArtifactError(LoadError):
    """No target has what can be loaded here; ``passed_over`` has the reason for each of them."""

    def __init__(self, problem: str, hint: str, passed_over: Sequence[PassedOver]) -> None:
        super().__init__(problem, hint)
        self.passed_over = tuple(passed_over)
        if passed_over:
            self.args = ("\n  ".join((f"{problem}:", *map(str, passed_over))) + f"\n{hint}",)

    def with_hint(self, hint: str) -> LoadError:
        return type(self)(self.problem, hint, self.passed_over)
