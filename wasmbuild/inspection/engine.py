"""The engine settings of an artifact by name, found by comparing it with references and confirmed by one more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wasmbuild.engine import lines, settings, triples
from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.inspection.facts import Engine
from wasmbuild.text import printable
from wasmbuild.toolchain.find import Compiler
from wasmbuild.verify import toggles
from wasmbuild.verify.reference import Reference, References, Settings
from wasmbuild.verify.tails import Explained, line_up
from wasmbuild.verify.tools import Tools

Value = bool | int | str

_SPELLED_OUT = "c-api"
"""The preset that stands for the defaults alone."""

# Without a garbage collector the tail is shorter, and does not line up with others.
_STARTS: tuple[dict[str, Any], ...] = (
    {},
    {"gc-support": False},
    {"strategy": "winch"},
    {"strategy": "winch", "gc-support": True},
)


class Engines:
    """Tells engine settings; what it learned of one artifact serves the next."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._references = References(tools)
        self._told: dict[tuple[str, bytes], Engine] = {}

    def of(self, facts: ArtifactFacts, hint: Mapping[str, Any] | None) -> Engine:
        """Return the settings of an artifact; ``hint`` is what its record or manifest says, and is not trusted."""
        key = (repr(hint), facts.engine)
        if key not in self._told:
            self._told[key] = self._tell(facts, hint)
        return self._told[key]

    def _tell(self, facts: ArtifactFacts, hint: Mapping[str, Any] | None) -> Engine:
        try:
            triple = triples.parse(facts.triple)
        except ValueError:
            return _untold(f"this version of wasmbuild knows no target {printable(facts.triple)}")
        line = int(facts.version) if facts.version.isascii() and facts.version.isdecimal() else 0
        if (unknown := settings.line_problem(line)) is not None:
            return _untold(unknown)
        best: Engine | None = None
        problem = ""
        for base in _bases(hint, line, triple):
            reference = self._reference(base, line, triple)
            if isinstance(reference, str):
                problem = problem or reference
                continue
            told = self._from(reference, facts)
            if told.exact:
                return told
            if best is None or len(told.unnamed) < len(best.unnamed):
                best = told
        return best or _untold(problem)

    def _from(self, reference: Reference, facts: ArtifactFacts) -> Engine:
        """Return the settings of an artifact as far as they can be told from one reference."""
        found = (facts.shared_flags, facts.tail)
        base, line, triple, _isa_flags = reference.settings
        if found == (reference.shared_flags, reference.tail):
            return Engine(_named(reference.settings.engine, line), exact=True)
        if not line_up(facts.tail, reference.tail):
            return Engine(_named(base, line), exact=False, unnamed=("more than can be told apart",))
        explained = self._references.explain(reference, facts)
        try:
            engine = settings.expand(_changed(reference, explained), line, triple)
        except ValueError:
            return Engine(_named(base, line), exact=False, unnamed=("settings that do not go together",))
        confirmed = self._reference(engine, line, triple)
        if isinstance(confirmed, Reference) and (confirmed.shared_flags, confirmed.tail) == found:
            return Engine(_named(engine, line), exact=True)
        return Engine(_named(engine, line), exact=False, unnamed=_rest(explained, line))

    def _reference(self, engine: Mapping[str, Any], line: int, triple: triples.TargetTriple) -> Reference | str:
        """Return the reference for settings, or why there is none."""
        # No ISA flags: the tail is the same whatever they are, and those of a hostile artifact are no options.
        reference = self._references.made_with(Settings(engine, line, triple, {}))
        if isinstance(reference, Reference):
            return reference
        if not isinstance(self._tools.executable(line), Compiler):
            has = f"; the wasmtime Python package here is {self._tools.library.version}" if self._tools.library else ""
            return (
                f"no Wasmtime {line} that could make references for {triple} is installed{has}: "
                f"install `wasmbuild[cross]`, or an executable of Wasmtime {line}"
            )
        return reference.message


def _bases(hint: Mapping[str, Any] | None, line: int, triple: triples.TargetTriple) -> Iterator[dict[str, Any]]:
    """Yield settings to start from: what was declared, then the defaults of each compiler inside Wasmtime."""
    if hint is not None:
        try:
            compiled = settings.compiler_inputs(hint, line)
            yield settings.expand({**compiled, "embedder": _SPELLED_OUT}, line, triple)
        except ValueError:
            pass
    for start in _STARTS:
        try:
            yield settings.expand(start, line, triple)
        except ValueError:
            continue


def _changed(reference: Reference, explained: Explained) -> dict[str, Any]:
    """Return the settings of a reference with what was found to differ."""
    base, line, triple, _isa_flags = reference.settings
    wanted: dict[str, Any] = {**base, "embedder": _SPELLED_OUT}
    before = settings.effective(wanted, line, triple)
    for toggle in explained.toggles:
        # A setting may bring others along.
        after = settings.effective({**toggle.engine, "embedder": _SPELLED_OUT}, line, triple)
        wanted.update({name: value for name, value in after.items() if before[name] != value})
        wanted[toggle.name] = toggle.value
    flags = {name: value for name, value in explained.flags.items() if name in lines.get(line).flags}
    if flags:
        wanted["cranelift-flags"] = {**base.get("cranelift-flags", {}), **flags}
    return wanted


def _named(engine: Mapping[str, Any], line: int) -> dict[str, Any]:
    """Return a canonical engine under the preset that says most of it."""
    rest = {name: value for name, value in engine.items() if name != "embedder"}
    presets = {name: embedder.settings for name, embedder in lines.get(line).embedders.items()}
    fitting = [
        name
        for name, preset in presets.items()
        if name != "cli" and all(rest.get(key) == value for key, value in preset.items())
    ]
    return {"embedder": max(fitting, key=lambda name: len(presets[name])), **rest}


def _rest(explained: Explained, line: int) -> tuple[str, ...]:
    flags = [
        f"the flag {printable(name, 40)} of Cranelift is {toggles.shown(value)}"
        for name, value in sorted(explained.flags.items())
        if name not in lines.get(line).flags
    ]
    if explained.unknown or not flags:
        count = explained.unknown or 1
        flags.append(f"{count} more that {'has' if count == 1 else 'have'} no name here")
    return tuple(flags)


def _untold(why: str) -> Engine:
    return Engine(None, exact=False, untold=why)
