"""The ``[engine]`` table for settings that were found: the preset that leaves least to say, and the rest."""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.engine import lines
from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.engine.line import EQUAL, FEATURE
from wasmbuild.engine.rules import effective
from wasmbuild.engine.triples import TargetTriple

Value = bool | int | str

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
    wanted = effective(found, line, triple)
    order = sorted(lines.get(line).embedders, key=lambda name: _BEFORE.index(name) if name in _BEFORE else len(_BEFORE))
    return min((_declaration(embedder, wanted, line, triple) for embedder in order), key=len)


def _declaration(embedder: str, wanted: Mapping[str, Value], line: int, triple: TargetTriple) -> dict[str, Value]:
    declared: dict[str, Value] = {"embedder": embedder}
    # It decides what the others are by default.
    if wanted["strategy"] != "cranelift":
        declared["strategy"] = wanted["strategy"]
    have = effective(declared, line, triple)
    accepted = {*have.items(), *lines.get(line).embedders[embedder].unconfigured.items()}
    for name in sorted(wanted):
        if (name, wanted[name]) not in accepted:
            declared[name] = wanted[name]
    return declared


def toml(declared: Mapping[str, Value]) -> str:
    """Return the table as TOML, with a newline at its end."""
    return "\n".join(["[engine]", *(f"{name} = {shown(value)}" for name, value in declared.items()), ""])
