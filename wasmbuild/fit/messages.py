"""What a program's output says of the engine that refused an artifact, and which settings that leaves to try."""

from __future__ import annotations

from collections.abc import Callable

from wasmbuild.diagnosis import loading
from wasmbuild.engine import lines
from wasmbuild.engine.cranelift_flags import value_problem
from wasmbuild.engine.line import Value
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import shown


class Change(NamedTuple):
    """Settings that an engine has, and what it said."""

    settings: dict[str, Value]
    said: str

    def __str__(self) -> str:
        return ", ".join(f"{name} = {shown(value)}" for name, value in self.settings.items())


class Obstacle(NamedTuple):
    """What an engine said that no setting changes, and what it means."""

    said: str
    meaning: str


class OtherLine(NamedTuple):
    """The engine is of another major version of Wasmtime."""

    said: str


class OtherPlatform(NamedTuple):
    """The engine is for another architecture or operating system."""

    said: str


class OtherKind(NamedTuple):
    """The program loads components where a module was given, or the other way round."""

    said: str


class NonexistentTarget(NamedTuple):
    """The engine was given an artifact for a target that does not exist, and noticed."""

    said: str


class Compiles(NamedTuple):
    """The program takes the artifact for standard WebAssembly, which it would compile."""

    said: str


class AlreadyLoaded(NamedTuple):
    """What only a program says that has loaded the artifact, and then wanted more of it than it has."""

    said: str


Meaning = Change | Obstacle | NonexistentTarget | Compiles | OtherLine | OtherPlatform | OtherKind | AlreadyLoaded

_UNKNOWN = "no setting of wasmbuild.toml changes that; give the program's engine its default there"
_CUT_SHORT = "the program did not get the whole artifact"
_NO_CHANGE: dict[str, Callable[[str], Meaning]] = {
    loading.OTHER_LINE: OtherLine,
    loading.OTHER_ARCHITECTURE: OtherPlatform,
    loading.OTHER_SYSTEM: OtherPlatform,
    loading.OTHER_KIND: OtherKind,
    loading.NO_TARGET: NonexistentTarget,
    loading.STANDARD: Compiles,
    loading.LOADED: AlreadyLoaded,
}


def meaning(output: str, line: int | None = None) -> Meaning | None:
    """Return what the first message of Wasmtime in a program's output means, or None where there is none.

    ``line`` is that of the artifact which the program was given.
    """
    cause = loading.cause(output, line)
    if cause is None:
        return None
    differs = loading.difference(cause)
    if differs is not None:
        return _change(differs, cause.said)
    if cause.word in _NO_CHANGE:
        return _NO_CHANGE[cause.word](cause.said)
    return Obstacle(cause.said, _CUT_SHORT if cause.word == loading.DAMAGED else _UNKNOWN)


def _change(differs: loading.EngineDifference, said: str) -> Change | Obstacle:
    name, value = differs.setting, differs.engine
    setting = lines.every_setting().get(name)
    if setting is None or value_problem(value, setting) is not None:
        return Obstacle(said, _UNKNOWN)
    # SIMD cannot be off alone.
    brought: dict[str, Value] = {"wasm-relaxed-simd": False} if name == "wasm-simd" and value is False else {}
    return Change({**brought, name: value}, said)
