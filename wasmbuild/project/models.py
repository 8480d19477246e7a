"""``wasmbuild.toml`` as frozen models: its tables, their keys and what each value may be.

The models say what is right; ``config`` turns what they refuse into words. Reference and JSON Schema are made from
them, so that their descriptions are what users read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from wasmbuild.project.cranelift_flags import FLAGS
from wasmbuild.project.defaults import EMBEDDER_DOCS, EMBEDDERS
from wasmbuild.project.names import NAME_PATTERN
from wasmbuild.project.setting_table import SETTINGS

# In the key of a glob, * stands for what it matches.
_MODULE = NAME_PATTERN.replace("_-]", "_*-]")
COMPILERS = ("auto", "cli", "embedded")
LEVELS = ("intact", "consistent", "loaded")


def _value_schema(default: bool | int | str, choices: tuple[str, ...], low: int, high: int) -> dict[str, Any]:
    if isinstance(default, bool):
        return {"type": "boolean"}
    if isinstance(default, int):
        return {"type": "integer", "minimum": low, "maximum": high}
    return {"type": "string", "enum": list(choices)}


def engine_schema() -> dict[str, Any]:
    """Return the JSON Schema of engine settings."""
    properties: dict[str, Any] = {
        "embedder": {"enum": list(EMBEDDERS), "description": "; ".join(f"{k}: {v}" for k, v in EMBEDDER_DOCS.items())},
        "cranelift-flags": {
            "type": "object",
            "properties": {
                name: {**_value_schema(flag.default, flag.choices, flag.low, flag.high), "description": flag.doc}
                for name, flag in FLAGS.items()
            },
            "additionalProperties": False,
        },
    }
    for name, setting in SETTINGS.items():
        value = _value_schema(setting.default[0], setting.choices, setting.low, setting.high)
        properties[name] = {**value, "description": setting.doc}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def alias(field: str) -> str:
    """Return the key of a field."""
    return field.replace("_", "-")


class Table(BaseModel):
    """A table of the file: nothing is converted, nothing unknown is taken, nothing can be changed."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=alias,
        populate_by_name=False,
    )


Engine = Annotated[dict[str, Any], WithJsonSchema(engine_schema())]
"""Engine settings as declared; ``settings.problems`` judges them."""

Texts = tuple[str, ...]


class ProjectTable(Table):
    """What the project is called and where artifacts go."""

    name: str = Field(
        description="Name of the project: letters, digits, `.`, `_` and `-`.",
        json_schema_extra={"pattern": f"^{NAME_PATTERN}$"},
    )
    build_dir: str = Field(
        default="build",
        description="Directory of the artifacts, below the folder of the file: `<build-dir>/<target>/<module>.cwasm`.",
    )


class ToolchainTable(Table):
    """What compiles."""

    wasmtime: str | None = Field(
        default=None,
        description=(
            "Line of Wasmtime that will load the artifacts, such as `48`, or the lowest version of the compiler, such "
            "as `48.0.8`. By default the line of the installed library."
        ),
        examples=["48"],
    )
    compiler: str = Field(
        default="auto",
        description=(
            "`cli` is a `wasmtime` executable, `embedded` the installed library, `auto` an executable where one is "
            "found and else the library; or the path of an executable."
        ),
    )
    memory_limit: int | str | None = Field(
        default=None,
        description=(
            "Memory that compiling one artifact may take: bytes, or text such as `4 GiB`. By default 8 GiB where the "
            "system can limit memory (Linux); elsewhere the key is refused."
        ),
        examples=["4 GiB"],
    )
    time_limit: int = Field(default=600, description="Seconds that compiling one artifact may take, 1 to 86400.")


class TargetTable(Table):
    """A machine to ship to."""

    triple: str = Field(description="Target triple.", examples=["aarch64-unknown-linux-gnu"])
    cpu: str | None = Field(
        default=None,
        description="CPU level. By default the lowest of the architecture, never that of the machine that builds.",
    )
    cpu_features: Texts = Field(default=(), description="CPU features beyond the level.")
    engine: Engine = Field(
        default={}, description="Engine settings of this target, added to `[engine]` and overriding it."
    )
    require: Literal["intact", "consistent", "loaded"] | None = Field(
        default=None,
        description=(
            "Lowest level of verification that passes: `intact`, `consistent` or `loaded`. By default the highest that "
            "can be reached."
        ),
    )


class ModuleTable(Table):
    """A source to compile; its key is the name of the module."""

    source: str = Field(
        description=(
            "Path of a `.wat`, a core module or a component, from the folder of the file, with `/`. Or a glob: then "
            "the key has a `*` that stands for the stem of each file, or a `**` for its path below the first wildcard."
        ),
        examples=["src/checksum.wat"],
    )
    targets: Texts | None = Field(default=None, description="Globs over the names of targets. By default all targets.")
    imports: Texts | None = Field(
        default=None,
        description="Globs over `module.name`: what the module may import. By default anything.",
        examples=[["wasi_snapshot_preview1.*"]],
    )
    exports: Texts | None = Field(default=None, description="Names that the module has to export.")


class Document(Table):
    """A whole ``wasmbuild.toml``."""

    project: ProjectTable = Field(description="What the project is called and where artifacts go.")
    toolchain: ToolchainTable = Field(default=ToolchainTable(), description="What compiles.")
    engine: Engine = Field(default={}, description="The engine that will load the artifacts, for every target.")
    targets: dict[str, TargetTable] = Field(
        description="The machines to ship to, in order of preference.",
        json_schema_extra={"minProperties": 1, "propertyNames": {"pattern": f"^{NAME_PATTERN}$"}},
    )
    modules: dict[str, ModuleTable] = Field(
        description="The sources to compile.",
        json_schema_extra={"minProperties": 1, "propertyNames": {"pattern": f"^{_MODULE}(/{_MODULE})*$"}},
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``wasmbuild.toml``, for editors."""
    schema = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "wasmbuild.toml"}
