"""How far engine sections differ, setting by setting.

The tail of an engine section is a row of numbers, written by position as postcard's varints: tunables, then the bits of
the WebAssembly features. A changed setting shows as a few of them, so what each setting changes in a reference
(``wasmbuild.verify.setting_changes``) is looked for in an artifact: several that differ at once can be told apart, and
a number that nobody would guess can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wasmbuild.engine.line import Value
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.verify.setting_changes import SettingChange, Variant

SectionTraits = dict[tuple[str, str | int], Value]
"""What can differ between two engine sections: numbers of the tail and their count, bits of its last, shared flags."""

# Bytes; those of lines 48 to 50 have about 60.
_LONGEST = 512
_COUNT = ("count", 0)


class Explained(NamedTuple):
    """What an artifact has other than a reference.

    ``changes`` are the settings, each with the value that the artifact has, ``flags`` Cranelift's flags that are not as
    these settings have them, and ``unknown`` counts the tunables and features that no setting explains.
    """

    changes: tuple[SettingChange, ...]
    flags: dict[str, Value]
    unknown: int


def line_up(one: bytes, other: bytes) -> bool:
    """Tell whether two tails are rows of as many numbers, so that they can be compared one by one."""
    return len(_varints(one)) == len(_varints(other))


def explain(
    reference: tuple[Mapping[str, Value], bytes],
    found: tuple[Mapping[str, Value], bytes],
    variants: Iterable[Variant],
) -> Explained:
    """Tell in which settings ``found`` differs from ``reference``, each given as its shared flags and its tail."""
    base = _traits(*reference)
    left = _changes(base, _traits(*found))
    if _COUNT in left:
        # Rows of another length do not line up, so all that can be said of them is that they differ.
        left = {trait: value for trait, value in left.items() if trait[0] != "number"}
    found_changes, kept = [], {}
    changed = [(variant.change, _changes(base, _traits(variant.shared_flags, variant.tail))) for variant in variants]
    # The one that explains most comes first: one setting may bring others along.
    for setting, changes in sorted(changed, key=lambda pair: -len(pair[1])):
        # The flags that a setting brings may be declared otherwise beside it.
        own = {trait: value for trait, value in changes.items() if trait[0] != "flag"} or changes
        if not own or not own.keys() <= left.keys():
            continue
        numbers = {left[trait] for trait in own}
        if all(left[trait] == value for trait, value in own.items()):
            found_changes.append(setting)
        elif type(setting.value) is int and set(own.values()) == {setting.value} and len(numbers) == 1:
            # A number that is written as it is can be read.
            found_changes.append(setting._replace(value=numbers.pop()))
        else:
            continue
        for trait, value in changes.items():
            if trait not in left:
                kept[str(trait[1])] = base[trait]
            elif trait in own or left[trait] == value:
                del left[trait]
    flags = {str(name): value for (kind, name), value in left.items() if kind == "flag"}
    return Explained(tuple(found_changes), {**flags, **kept}, len(left) - len(flags))


def _traits(flags: Mapping[str, Value], tail: bytes) -> SectionTraits:
    *numbers, features = _varints(tail)
    traits: SectionTraits = {("number", index): number for index, number in enumerate(numbers)}
    traits[_COUNT] = len(numbers)
    traits.update({("feature", bit): features >> bit & 1 for bit in range(max(features.bit_length(), 64))})
    traits.update({("flag", flag): value for flag, value in flags.items()})
    return traits


def _changes(before: SectionTraits, after: SectionTraits) -> SectionTraits:
    """Return the traits of ``after`` that are others before; those that it lost are 0."""
    changes = {trait: value for trait, value in after.items() if trait not in before or before[trait] != value}
    changes.update({trait: 0 for trait in before if trait not in after})
    return changes


def _varints(data: bytes) -> list[int]:
    """Return a row of varints; at least one, of whatever is there. What is longer than any tail of Wasmtime is cut."""
    numbers, number, shift = [], 0, 0
    for byte in data[:_LONGEST]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    return [*numbers, number] if shift or not numbers else numbers
