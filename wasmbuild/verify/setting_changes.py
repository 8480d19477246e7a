"""Every setting changed by itself: what a reference would be, so that what an artifact was made with can be named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wasmbuild.engine import lines
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Value
from wasmbuild.engine.rules import EngineError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable

# SIMD cannot be off alone.
_BROUGHT: Mapping[tuple[str, Value], Mapping[str, Value]] = {
    ("wasm-simd", False): {"wasm-relaxed-simd": False},
    ("wasm-relaxed-simd", True): {"wasm-simd": True},
}


class SettingChange(NamedTuple):
    """One setting changed: ``engine`` is the declared one but for ``name``, which is ``value`` and not ``declared``."""

    name: str
    value: Value
    declared: Value
    engine: EngineConfig


class Variant(NamedTuple):
    """What a reference has with one setting changed."""

    change: SettingChange
    shared_flags: Mapping[str, Value]
    tail: bytes


def single_changes(engine: EngineConfig) -> Iterator[SettingChange]:
    """Yield each setting with each other value that fits the target; a number with one other value only."""
    values = engine.values()
    settings = lines.get(engine.line).settings
    followers = {name: values[name] for name, setting in settings.items() if setting.follows}
    followed = {settings[name].follows for name in followers}
    for name, setting in settings.items():
        if setting.runtime_only:
            continue
        for value in _others(values[name], setting.values):
            # What follows a setting may be changed with it, or not.
            for kept in (followers, {}) if name in followed else (followers,):
                try:
                    changed = engine.changed({**kept, **_BROUGHT.get((name, value), {}), name: value})
                except EngineError:
                    continue
                yield SettingChange(name, value, values[name], changed)


def _others(value: Value, all_values: tuple[Value, ...]) -> list[Value]:
    if isinstance(value, int) and not isinstance(value, bool):
        # A multiple of any page size, so that it is not rounded.
        return [value + (1 << 20)]
    return [each for each in all_values if each not in (value, "auto")]


def described(change: SettingChange) -> str:
    """Say in words what a change changes."""
    return f"{change.name} is {shown(change.value)} instead of {shown(change.declared)}"


def shown(value: object) -> str:
    """Return a value as people write it in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{printable(value, 40)}"' if isinstance(value, str) else printable(value, 40)
