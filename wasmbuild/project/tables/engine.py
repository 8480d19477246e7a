"""``[engine]``, and ``engine`` in targets: what settings are and may be is said by the data of a line of Wasmtime."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from wasmbuild.engine import lines, rules
from wasmbuild.engine.line import Flag, Setting
from wasmbuild.project import versions
from wasmbuild.project.keys import KeyPath, Problem
from wasmbuild.project.tables.base import Context, Table
from wasmbuild.project.tables.values import Rule


def _value_schema(allowed: Setting | Flag) -> dict[str, Any]:
    if isinstance(allowed.default, bool):
        return {"enum": [True, False, *allowed.choices]} if allowed.choices else {"type": "boolean"}
    if isinstance(allowed.default, int):
        return {"type": "integer", "minimum": allowed.low, "maximum": allowed.high}
    return {"type": "string", "enum": list(allowed.choices)}


def _schema(schema: dict[str, Any]) -> None:
    newest = lines.newest()
    properties: dict[str, Any] = {
        **schema["properties"],
        "embedder": {
            "enum": list(newest.embedders),
            "description": "; ".join(f"{name}: {embedder.doc}" for name, embedder in newest.embedders.items()),
        },
        "cranelift-flags": {
            "type": "object",
            "properties": {
                name: {**_value_schema(flag), "description": flag.doc} for name, flag in newest.flags.items()
            },
            "additionalProperties": False,
        },
    }
    for name, setting in lines.every_setting().items():
        properties[name] = {**_value_schema(setting), "description": setting.doc}
    schema.clear()
    schema.update({"type": "object", "properties": properties, "additionalProperties": False})


class EngineTable(Table):
    """Settings of the engine that will load the artifacts."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_schema)

    runtime: Annotated[str, Rule(versions.release_problem, any_type=True, pattern=versions.RELEASE_PATTERN)] | None = (
        Field(
            default=None,
            description=(
                "The release of Wasmtime that will load the artifacts of its line, such as `48.0.0`: it changes no "
                "artifact, and `build`, `verify` and `audit` tell which of them would crash in it."
            ),
        )
    )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as declared."""
        return dict(self.model_extra or {})

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        settings = self.settings
        line = lines.known()[-1] if context is None else context.line
        for_all = context is not None and context.for_all
        if self.runtime is not None and not for_all:
            other = versions.other_line_problem(self.runtime, [line])
            if other is not None:
                yield ("runtime",), *other
        for name, problem, fix in rules.value_problems(settings, line=line, others=self.known_keys()):
            # A quoted key has dots of its own.
            path: KeyPath = (name,) if name in settings else tuple(name.split(".", 1))
            yield path, problem, fix
