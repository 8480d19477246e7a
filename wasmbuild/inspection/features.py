"""Which features of WebAssembly a module needs: those without which it is not valid."""

from __future__ import annotations

from wasmbuild.engine import host, lines, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import FEATURE
from wasmbuild.engine.rules import EngineError
from wasmbuild.errors import WasmbuildError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain.embedded import Embedded

_SIMD, _RELAXED_SIMD = "wasm-simd", "wasm-relaxed-simd"


class NeededFeatures(NamedTuple):
    """The ``features`` (settings) that a module needs of Wasmtime ``line``; None where that was not told.

    ``problem`` says why it is valid with no features at all, or why it could not be told; or is empty.
    """

    line: int | None
    features: tuple[str, ...] | None
    problem: str


UNKNOWN = NeededFeatures(None, None, "")


def untold(why: str) -> NeededFeatures:
    """Return that features could not be told, and why."""
    return UNKNOWN._replace(problem=why)


def needed(data: bytes, library: Embedded) -> NeededFeatures:
    """Tell the features that a core module needs by validating it, each time with another one switched off."""
    major = library.compiler.version.partition(".")[0]
    line = int(major) if major.isdecimal() else 0
    own = host.triple()
    if (unknown := rules.line_problem(line)) is not None:
        return untold(unknown)
    if own is None:
        return untold("no Wasmtime compiles for this machine")
    validator = _Validator(data, library, line, triples.parse(own))
    try:
        return NeededFeatures(line, *validator.needed())
    except WasmbuildError as error:
        return NeededFeatures(line, None, printable(str(error).partition("\n")[0]))


class _Validator:
    def __init__(self, data: bytes, library: Embedded, line: int, host: triples.TargetTriple) -> None:
        self._data, self._library = data, library
        self._plain = EngineConfig.declared({}, line=line, triple=host)
        switches = {
            name: setting.default is True
            for name, setting in lines.get(line).settings.items()
            if setting.check == FEATURE and name.startswith("wasm-") and not name.startswith("wasm-component-model")
        }
        self._usual = [name for name, default in switches.items() if default and self._can_be(_off(name))]
        self._unusual = [name for name, default in switches.items() if not default and self._can_be({name: True})]

    def needed(self) -> tuple[tuple[str, ...], str]:
        """Return the features, and why the module is valid with none of them."""
        if not self._refusal(dict.fromkeys(self._usual, False)):
            return (), ""
        every: dict[str, bool] = {}
        problem = self._refusal(every)
        if problem:
            every = dict.fromkeys(self._unusual, True)
            if self._refusal(every):
                return (), printable(" ".join(problem.split()))
        needed = [name for name in (*every, *self._usual) if self._refusal({**every, **_off(name)})]
        return tuple(sorted(needed)), ""

    def _can_be(self, changed: dict[str, bool]) -> bool:
        try:
            self._plain.changed(changed)
        except EngineError:
            return False
        return True

    def _refusal(self, changed: dict[str, bool]) -> str:
        return self._library.validate(self._data, self._plain.changed(changed))


def _off(name: str) -> dict[str, bool]:
    """Return what switches a feature off: relaxed SIMD cannot be without SIMD."""
    return {_SIMD: False, _RELAXED_SIMD: False} if name == _SIMD else {name: False}
