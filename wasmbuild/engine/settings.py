"""Engine settings in canonical form.

A canonical engine is a dict from names to JSON values: ``embedder`` always, then only what differs from the defaults of
an engine of the C API on that line and kind of target, sorted by name. So a setting spelled out with its default is the
same engine as one left out, and a preset is what it stands for. ``cranelift-flags`` is a dict, present when not empty.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.engine import lines
from wasmbuild.engine.cranelift_flags import flags_that_differ
from wasmbuild.engine.rules import EngineError, effective, embedder_of, problems
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmbuild.engine.triples import TargetTriple


def expand(declared: Mapping[str, object], line: int, triple: TargetTriple | None = None) -> dict[str, Any]:
    """Return the canonical engine of a declaration, its preset spelled out; ``EngineConfig`` is for everybody else.

    Defaults are those of the target where ``triple`` names it, else those of any native target of 64 bits; Pulley has
    some of its own. Raises EngineError with all of ``problems``.
    """
    wrong = problems(declared, line=line, triple=triple)
    if wrong:
        raise EngineError(wrong)
    engine = effective(declared, line, triple, embedder_of(declared))
    architecture = triple.architecture if triple is not None else None
    has = lines.get(line)
    defaults = has.setting_defaults(architecture, str(engine["strategy"]))
    canonical: dict[str, Any] = {}
    # What is named for its value has others no longer follow, which are then named for theirs.
    for _ in range(2):
        left_out = {**defaults, **has.dependent(engine, canonical)}
        canonical.update({name: engine[name] for name in engine if engine[name] != left_out[name]})
    flags = declared.get("cranelift-flags", {})
    if isinstance(flags, Mapping):
        differing = flags_that_differ(flags, has, spectre=engine["signals-based-traps"] is True)
        if differing:
            canonical["cranelift-flags"] = differing
    return {"embedder": embedder_of(declared), **dict(sorted(canonical.items()))}


def of_line(engine: Mapping[str, Any], line: int, other: int, triple: TargetTriple) -> dict[str, Any]:
    """Return a canonical engine of a line for another one, whose defaults may be others: those of ``line`` are named.

    A default that the other line cannot have on that target is left out: what was compiled with it may do without.
    """
    spelled_out = {name: value for name, value in engine.items() if name != "embedder"}
    values, others = (effective(spelled_out, number, triple) for number in (line, other))
    named = {name: value for name, value in values.items() if name in others and value != others[name]}
    refused = {key for key, _problem, _fix in problems({**spelled_out, **named}, line=other, triple=triple)}
    return {**engine, **{name: value for name, value in named.items() if name not in refused}}
