"""Which settings an artifact was made with, told by changing one setting of its reference at a time.

The tail of an engine section is a row of numbers, written by position as postcard's varints; a changed setting shows as
a few of them, or as a bit of the last one, which holds the WebAssembly features. So several settings that differ at
once can be told apart, and a number that nobody would guess can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.formats.printable import printable
from wasmbuild.project import settings
from wasmbuild.project.rules import effective
from wasmbuild.project.triples import TargetTriple

Value = bool | int | str
Traits = dict[tuple[str, str | int], Value]
"""What can differ between two engine sections: numbers of the tail, bits of its last number, shared flags."""

# Bytes; those of lines 48 to 50 have about 60.
_LONGEST_TAIL = 512
# SIMD cannot be off alone.
_BROUGHT: Mapping[tuple[str, Value], Mapping[str, Value]] = {
    ("wasm-simd", False): {"wasm-relaxed-simd": False},
    ("wasm-relaxed-simd", True): {"wasm-simd": True},
}


class Toggle(NamedTuple):
    """One setting changed: ``engine`` is the declared one but for ``name``, which is ``value`` and not ``declared``."""

    name: str
    value: Value
    declared: Value
    engine: Mapping[str, Any]


class Toggled(NamedTuple):
    """What a reference has with one setting changed."""

    toggle: Toggle
    shared_flags: Mapping[str, Value]
    tail: bytes


def toggles(engine: Mapping[str, Any], line: int, triple: TargetTriple) -> Iterator[Toggle]:
    """Yield each setting with each other value that fits the target; a number with one other value only."""
    # A canonical engine spells its preset out, and may have less: the name alone would bring the rest of it back.
    engine = {**engine, "embedder": "c-api"}
    values = effective(engine, line, triple)
    for setting_name, setting in settings.SETTINGS.items():
        if setting.runtime_only:
            continue
        declared = values[setting_name]
        for value in _others(declared, setting.choices):
            brought = _BROUGHT.get((setting_name, value), {})
            try:
                changed = settings.expand({**engine, **brought, setting_name: value}, line, triple)
            except ValueError:
                continue
            yield Toggle(setting_name, value, declared, changed)


def _others(value: Value, choices: tuple[str, ...]) -> list[Value]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        # A multiple of any page size, so that it is not rounded.
        return [value + (1 << 20)]
    return [choice for choice in choices if choice not in (value, "auto")]


def first_step(reference_tail: bytes, facts: ArtifactFacts, variants: list[Toggled]) -> Toggled | None:
    """Return the one setting to change first, when an artifact's tail has more or fewer numbers than its reference's.

    Such tails do not line up. None when they do, or when no single setting makes them.
    """
    count = len(_varints(facts.tail))
    if len(_varints(reference_tail)) == count:
        return None
    found = _traits(facts.shared_flags, facts.tail)
    lined_up = [variant for variant in variants if len(_varints(variant.tail)) == count]
    return min(
        lined_up, key=lambda variant: len(_changes(_traits(variant.shared_flags, variant.tail), found)), default=None
    )


def names(
    reference_flags: Mapping[str, Value], reference_tail: bytes, facts: ArtifactFacts, variants: list[Toggled]
) -> list[str]:
    """Say in words which settings an artifact has that its reference has not, each by itself."""
    left = _changes(_traits(reference_flags, reference_tail), _traits(facts.shared_flags, facts.tail))
    if ("length", 0) in left:
        left = {trait: value for trait, value in left.items() if trait[0] != "number"}
    changed = [
        (toggle, _changes(_traits(reference_flags, reference_tail), _traits(flags, tail)))
        for toggle, flags, tail in variants
    ]
    words = []
    # The one that explains most comes first: one setting may bring others along.
    for toggle, changes in sorted(changed, key=lambda pair: -len(pair[1])):
        if not changes or not changes.keys() <= left.keys():
            continue
        if all(left[trait] == value for trait, value in changes.items()):
            words.append(described(toggle))
        elif set(changes.values()) == {toggle.value} and len({left[trait] for trait in changes}) == 1:
            # A number that is written as it is, perhaps more than once, can be read.
            words.append(described(toggle._replace(value=left[next(iter(changes))])))
        else:
            continue
        for explained in changes:
            del left[explained]
    for kind, trait in sorted(left, key=str):
        if kind == "flag":
            flag = str(trait)
            old, new = (flags.get(flag, "unknown") for flags in (reference_flags, facts.shared_flags))
            words.append(f"cranelift-flags.{printable(flag, 40)} is {shown(new)} instead of {shown(old)}")
    if any(kind != "flag" for kind, _ in left):
        words.append("something that has no name here")
    return words


def described(toggle: Toggle) -> str:
    """Say in words what a toggle changes."""
    return f"{toggle.name} is {shown(toggle.value)} instead of {shown(toggle.declared)}"


def _traits(flags: Mapping[str, Value], tail: bytes) -> Traits:
    *numbers, features = _varints(tail)
    traits: Traits = {("number", index): number for index, number in enumerate(numbers)}
    # Rows of another length do not line up, so all that can be said of them is that they differ.
    traits["length", 0] = len(numbers)
    traits.update({("feature", bit): features >> bit & 1 for bit in range(max(features.bit_length(), 64))})
    traits.update({("flag", flag): value for flag, value in flags.items()})
    return traits


def _changes(before: Traits, after: Traits) -> Traits:
    """Return the traits of ``after`` that are others before; those that it lost are 0."""
    changes = {trait: value for trait, value in after.items() if trait not in before or before[trait] != value}
    changes.update({trait: 0 for trait in before if trait not in after})
    return changes


def _varints(data: bytes) -> list[int]:
    """Return a row of varints; at least one, of whatever is there. What is longer than any tail of Wasmtime is cut."""
    numbers, number, shift = [], 0, 0
    for byte in data[:_LONGEST_TAIL]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    return [*numbers, number] if shift or not numbers else numbers


def shown(value: object) -> str:
    """Return a value as people write it in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{printable(value, 40)}"' if isinstance(value, str) else printable(value, 40)
