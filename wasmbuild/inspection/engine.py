"""The engine settings of an artifact by name, found by comparing it with references and confirmed by one more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wasmbuild.engine import lines, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.rules import EngineError
from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.inspection.facts import Engine
from wasmbuild.lean.typing import Any
from wasmbuild.text import printable, quoted
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.verify import setting_changes
from wasmbuild.verify.engine_sections import Explained, line_up
from wasmbuild.verify.reference import Reference, References
from wasmbuild.verify.tools import Tools

# Without a garbage collector the tail is shorter, and does not line up with others.
_STARTS: tuple[dict[str, Any], ...] = (
    {},
    {"gc-support": False},
    {"strategy": "winch"},
    {"strategy": "winch", "gc-support": True},
)
_APART = ("more than can be told apart",)
_NOT_TOGETHER = ("settings that do not go together",)


class Engines:
    """Tells engine settings; what it learned of one artifact serves the next."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._references = References(tools)
        self._known: dict[tuple[str, bytes], Engine] = {}

    def of(self, facts: ArtifactFacts, hint: Mapping[str, Any] | None) -> Engine:
        """Return the settings of an artifact; ``hint`` is what its record or manifest says, and is not trusted."""
        key = (repr(hint), facts.engine)
        if key not in self._known:
            self._known[key] = self._tell(facts, hint)
        return self._known[key]

    def _tell(self, facts: ArtifactFacts, hint: Mapping[str, Any] | None) -> Engine:
        try:
            triple = triples.parse(facts.triple)
        except ValueError:
            return _unknown(f"this version of wasmbuild knows no target {printable(facts.triple)}")
        # Some lines name the whole release.
        major = facts.version.partition(".")[0]
        line = int(major) if major.isascii() and major.isdecimal() else None
        unknown = None if line is None else rules.line_problem(line)
        if line is None or unknown is not None or lines.get(line).version_in_artifacts(facts.version) != facts.version:
            return _unknown(unknown or f"no Wasmtime that is known calls itself {quoted(facts.version)}")
        told: list[Engine] = []
        problem = ""
        for base in _bases(hint, line, triple):
            reference = self._reference(base)
            if isinstance(reference, str):
                problem = problem or reference
                continue
            found = self._from(reference, facts)
            if found.exact:
                return found
            told.append(found)
        return min(told, key=_left, default=_unknown(problem))

    def _from(self, reference: Reference, facts: ArtifactFacts) -> Engine:
        """Return the settings of an artifact as far as they can be told from one reference."""
        found = (facts.shared_flags, facts.tail)
        base = reference.engine
        if found == (reference.shared_flags, reference.tail):
            return Engine(_named(base), exact=True)
        if not line_up(facts.tail, reference.tail):
            return Engine(_named(base), exact=False, unnamed=_APART)
        explained = self._references.explain(reference, facts)
        try:
            engine = base.changed(_changes(base, explained))
        except EngineError:
            return Engine(_named(base), exact=False, unnamed=_NOT_TOGETHER)
        confirmed = self._reference(engine)
        if isinstance(confirmed, Reference) and (confirmed.shared_flags, confirmed.tail) == found:
            return Engine(_named(engine), exact=True)
        return Engine(_named(engine), exact=False, unnamed=_rest(explained, base.line))

    def _reference(self, engine: EngineConfig) -> Reference | str:
        """Return the reference for an engine, or why there is none."""
        reference = self._references.made_with(engine)
        if isinstance(reference, Reference):
            return reference
        if not isinstance(self._tools.executable(engine.line), FoundCompiler):
            library = self._tools.library
            has = f", and the wasmtime Python package here is {library.version}" if library else ""
            return (
                f"no Wasmtime {engine.line} that could make references for {engine.triple} is installed{has}; "
                f"run: {', or '.join(lines.install_commands(engine.line))}"
            )
        return reference.message


def _bases(hint: Mapping[str, Any] | None, line: int, triple: triples.TargetTriple) -> Iterator[EngineConfig]:
    """Yield engines to start from: what was declared, then the defaults of each compiler inside Wasmtime.

    They have no ISA flags: the tail is the same whatever they are, and those of a hostile artifact are no options.
    """
    declared = [] if hint is None else [EngineConfig(line, triple, {}, hint).key_inputs()["engine"]]
    for start in (*declared, *_STARTS):
        try:
            yield EngineConfig(line, triple, {}, {}).changed(start)
        except EngineError:
            continue


def _changes(base: EngineConfig, explained: Explained) -> dict[str, Any]:
    """Return what was found to differ from an engine."""
    before, settings = base.values(), lines.get(base.line).settings
    wanted: dict[str, Any] = {name: before[name] for name, setting in settings.items() if setting.follows}
    for change in explained.changes:
        # A setting may bring others along; those that follow it have the number that was read.
        wanted.update(
            {
                name: change.value if settings[name].follows == change.name else value
                for name, value in change.engine.values().items()
                if before[name] != value
            }
        )
        wanted[change.name] = change.value
    flags = {name: value for name, value in explained.flags.items() if name in lines.get(base.line).flags}
    return {**wanted, "cranelift-flags": {**base.cranelift_flags, **flags}} if flags else wanted


def _named(engine: EngineConfig) -> dict[str, Any]:
    """Return an engine's table under the preset that says most of it."""
    presets = {name: embedder.settings for name, embedder in lines.get(engine.line).embedders.items()}
    fitting = [
        name
        for name, preset in presets.items()
        if name != "cli" and all(engine.settings.get(key) == value for key, value in preset.items())
    ]
    return engine.named(max(fitting, key=lambda name: len(presets[name]))).engine_table()


def _rest(explained: Explained, line: int) -> tuple[str, ...]:
    flags = [
        f"the flag {printable(name, 40)} of Cranelift is {setting_changes.shown(value)}"
        for name, value in sorted(explained.flags.items())
        if name not in lines.get(line).flags
    ]
    if explained.unknown or not flags:
        count = explained.unknown or 1
        flags.append(f"{count} more that {'has' if count == 1 else 'have'} no name here")
    return tuple(flags)


def _left(found: Engine) -> tuple[bool, int]:
    """Return how much was not told; where nothing was, the one thing that it says stands for any number."""
    return found.unnamed in (_APART, _NOT_TOGETHER), len(found.unnamed)


def _unknown(why: str) -> Engine:
    return Engine(None, exact=False, problem=why)
