"""The ``[engine]`` table for settings that were found: the preset that leaves least to say, and the rest."""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.engine import lines
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import EQUAL, FEATURE, Embedder, Value
from wasmbuild.engine.triples import TargetTriple

_BEFORE = ("c-api", "rust")
"""Presets that are named first where several say the same."""


def is_checked(name: str) -> bool:
    """Tell whether Wasmtime's loader looks at a setting, so that it can be found out."""
    setting = lines.every_setting().get(name)
    return name == "embedder" or (setting is not None and setting.check in (EQUAL, FEATURE))


def shortest(found: Mapping[str, Value], line: int, triple: TargetTriple) -> dict[str, Value]:
    """Return the shortest declaration of an engine that has the settings found, defaults of ``c-api`` for the rest.

    A feature that such an engine accepts and cannot run stays off, as in its preset.
    """
    embedders = lines.get(line).embedders
    config = EngineConfig(line, triple, {}, found)
    order = sorted(embedders, key=lambda name: _BEFORE.index(name) if name in _BEFORE else len(_BEFORE))
    return min((_declaration(config, name, embedders[name]) for name in order), key=len)


def refused(found: Mapping[str, Value], declared: EngineConfig) -> list[str]:
    """Return the settings of an engine for which a program with those that were found refuses its artifacts."""
    settings = lines.get(declared.line).settings
    differences = EngineConfig(declared.line, declared.triple, {}, found).differences(declared)
    return [name for name, (_, value) in differences.items() if name in settings and settings[name].binds(value)]


def _declaration(config: EngineConfig, name: str, embedder: Embedder) -> dict[str, Value]:
    accepted = embedder.unconfigured.items()
    return {key: value for key, value in config.declaration(name).items() if (key, value) not in accepted}
