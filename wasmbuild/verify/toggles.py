"""Every setting changed by itself: what a reference would be, so that what an artifact was made with can be named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wasmbuild.engine import lines, settings
from wasmbuild.engine.rules import effective
from wasmbuild.engine.triples import TargetTriple
from wasmbuild.text import printable

Value = bool | int | str
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
    for setting_name, setting in lines.get(line).settings.items():
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


def described(toggle: Toggle) -> str:
    """Say in words what a toggle changes."""
    return f"{toggle.name} is {shown(toggle.value)} instead of {shown(toggle.declared)}"


def shown(value: object) -> str:
    """Return a value as people write it in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{printable(value, 40)}"' if isinstance(value, str) else printable(value, 40)
