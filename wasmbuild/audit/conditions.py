"""What has to hold of an artifact for a fault to be in it: each condition holds, does not, or cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wasmbuild.audit.database import Affected
from wasmbuild.engine import triples
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.text import listed, printable

Traits = Mapping[str, Any]


class Answer(NamedTuple):
    """Whether a condition holds, None where it cannot be told, and why in a few words."""

    holds: bool | None
    why: str = ""


YES = Answer(True)


class Machine(NamedTuple):
    """Architecture and system of a target triple; ``system`` is None where the triple does not say.

    Systems have the names that Rust gives them, by which Wasmtime's source is told apart: to it, Android is no Linux.
    """

    architecture: str
    system: str | None


def machine(triple: str) -> Machine:
    """Return what a triple is for, one that this version of wasmbuild does not know too."""
    try:
        found = triples.parse(triple)
    except ValueError:
        return Machine(triple.partition("-")[0], None)
    # Bytecode runs on any system.
    system = None if found.is_pulley else "android" if found.environment == "android" else found.os
    return Machine(found.architecture, system)


def on(affected: Affected, machine: Machine) -> Answer:
    """Tell whether a fault is found on a machine."""
    architecture, system = machine
    if affected.architectures and architecture not in affected.architectures:
        return Answer(
            False, f"concerns {listed(sorted(affected.architectures))}, and this is {printable(architecture)}"
        )
    width = 32 if architecture.startswith("pulley32") else 64
    if affected.pointer_width not in (None, width):
        return Answer(
            False, f"concerns targets of {affected.pointer_width} bits, and this is {printable(architecture)}"
        )
    if not affected.systems or system in affected.systems:
        return YES
    systems = listed(sorted(affected.systems))
    if system is None:
        return Answer(None, f"concerns {systems}, and the triple does not say where it runs")
    return Answer(False, f"concerns {systems}, and this is for {printable(system)}")


def configured(
    affected: Affected, engine: Mapping[str, object], isa: Mapping[str, object], defaults: Mapping[str, object]
) -> Answer:
    """Tell whether engine and CPU are such that a fault can be there; ``defaults`` are those that are known."""
    if affected.strategies:
        strategy = engine.get("strategy", defaults.get("strategy"))
        if strategy is None:
            return Answer(None, "the default of strategy on that line is not known here")
        if strategy not in affected.strategies:
            return Answer(False, f"concerns {listed(affected.strategies)}, and {printable(strategy)} compiled it")
    for flag, wanted in affected.isa.items():
        if isa.get(flag, False) is not wanted:
            return Answer(False, f"{flag} is {'off' if wanted else 'on'}")
    return any_of(_settings(alternative, engine, defaults) for alternative in affected.settings)


def of_source(
    affected: Affected,
    kind: str,
    engine: Mapping[str, object],
    defaults: Mapping[str, object],
    traits: Traits | None,
) -> Answer:
    """Tell whether a module or component has what a fault needs; ``traits`` are None where nobody read them."""
    features = any_of(all_of(_feature(name, kind, engine, traits) for name in each) for each in affected.features)
    if features.holds is False:
        return features
    shape = any_of(
        all_of(_trait(name, value, {**defaults, **engine}, traits) for name, value in each.items())
        for each in affected.shapes
    )
    return all_of((features, shape))


def any_of(alternatives: Iterable[Answer]) -> Answer:
    """Tell whether one of several holds, as none does where there are some and each is false; of none, that it does."""
    answers = list(alternatives)
    if not answers:
        return YES
    for wanted in (True, None):
        for each in answers:
            if each.holds is wanted:
                return each
    return Answer(False, listed(list(dict.fromkeys(each.why for each in answers))))


def all_of(parts: Iterable[Answer]) -> Answer:
    """Tell whether all of several hold."""
    answers = list(parts)
    for wanted in (False, None):
        for each in answers:
            if each.holds is wanted:
                return each
    return Answer(True, listed([each.why for each in answers if each.why]))


def _settings(wanted: Mapping[str, object], engine: Mapping[str, object], defaults: Mapping[str, object]) -> Answer:
    found = []
    for name, value in wanted.items():
        if name not in engine and name not in defaults:
            return Answer(None, f"the default of {name} on that line is not known here")
        is_so = engine.get(name, defaults.get(name))
        if is_so != value or isinstance(is_so, bool) is not isinstance(value, bool):
            return Answer(False, f"{name} is {_shown(is_so)}")
        found.append(f"{name} is {_shown(is_so)}")
    return Answer(True, listed(found))


def _feature(name: str, kind: str, engine: Mapping[str, object], traits: Traits | None) -> Answer:
    if name.startswith("component-model") and kind == "module":
        return Answer(False, "is no component")
    if name == "component-model":
        return Answer(True, "is a component")
    used = traits.get("features") if traits is not None else None
    if isinstance(used, list | tuple):
        return Answer(True, f"uses {name}") if name in used else Answer(False, f"uses no {name}")
    if engine.get(f"wasm-{name}") is False:
        return Answer(False, f"wasm-{name} is off")
    return Answer(None, f"its manifest does not say whether it uses {name}")


def _trait(name: str, wanted: Any, settings: Mapping[str, object], traits: Traits | None) -> Answer:
    found = traits.get(name) if traits is not None else None
    if isinstance(wanted, bool):
        if isinstance(found, bool):
            return Answer(found is wanted, _FLAGS.get(name, (f"has no {name}", f"has {name}"))[found])
    elif "minimum" in wanted:
        if isinstance(found, int) and not isinstance(found, bool):
            least = wanted["minimum"]
            has = _NUMBERS.get(name, f"{name} is {{}}").format(f"{found:,}")
            return Answer(True, has) if found >= least else Answer(False, f"{has}, less than {least:,}")
    elif "above" in wanted:
        limit = settings.get(wanted["above"])
        if type(found) is int and type(limit) is int:
            having, lacking = _ABOVE[name]
            why = f"{having.format(f'{found:,}')}, and {wanted['above']} is {limit:,}"
            return Answer(True, why) if found > limit else Answer(False, lacking)
    elif isinstance(found, list | tuple):
        part = str(wanted["contains"])
        having, lacking = _LISTS.get(name, (f"its {name} has {{}}", f"its {name} lacks what is needed"))
        return Answer(True, having.format(part.replace("-", " "))) if part in found else Answer(False, lacking)
    return Answer(None, f"its manifest does not say of its {name}")


# How a trait is told of: when a flag is off and on, a number, a list that has a part and that lacks it, and a number
# that is above a setting and that is not.
_FLAGS = {
    "call-ref": ("has no call_ref", "has call_ref"),
    "string-transcoding": ("passes no text between its parts", "passes text between its parts"),
    "table64": ("has no table of 64 bits", "has a table of 64 bits"),
    "try-table": ("has no try_table", "has try_table"),
}
_NUMBERS = {
    "br-table": "its largest br_table has {} targets",
    "function-body": "its largest function has {} bytes",
    "function-values": "a function of it is at most {} values to Cranelift",
}
_LISTS = {
    "odd-tags-with": ("has an odd number of tags with {}", "has no odd number of tags beside such data"),
}
_ABOVE = {
    "odd-tags-image-size": (
        "has an odd number of tags with active data that is mapped from {} on",
        "has no odd number of tags beside such data",
    ),
}


def _shown(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else printable(value)
