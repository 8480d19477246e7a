"""``wasmbuild.toml`` as frozen models: its tables, their keys and what each value may be.

The models say what is right; ``config`` turns what they refuse into words. Reference and JSON Schema are made from
them, so that their descriptions are what users read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from wasmbuild.engine import lines
from wasmbuild.engine.line import Flag, Setting
from wasmbuild.project import cases
from wasmbuild.project.names import NAME_PATTERN

# In the key of a glob, * stands for what it matches.
_MODULE = NAME_PATTERN.replace("_-]", "_*-]")
COMPILERS = ("auto", "cli", "embedded")


def _value_schema(allowed: Setting | Flag) -> dict[str, Any]:
    if isinstance(allowed.default, bool):
        return {"type": "boolean"}
    if isinstance(allowed.default, int):
        return {"type": "integer", "minimum": allowed.low, "maximum": allowed.high}
    return {"type": "string", "enum": list(allowed.choices)}


def engine_schema() -> dict[str, Any]:
    """Return the JSON Schema of engine settings."""
    newest = lines.newest()
    properties: dict[str, Any] = {
        "runtime": {
            "type": "string",
            "pattern": r"^[1-9][0-9]*\.[0-9]+\.[0-9]+$",
            "description": "The release of Wasmtime that will load the artifacts of its line, such as `48.0.0`: it "
            "changes no artifact, and `build`, `verify` and `audit` tell which of them would crash in it.",
        },
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

_VALUE = {"type": ["boolean", "number", "string", "array", "object"]}
Values = Annotated[tuple[Any, ...], WithJsonSchema({"type": "array", "items": _VALUE, "maxItems": cases.MAX_VALUES})]
"""Values of a test case as declared; ``cases`` judges them."""

Variables = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}})]
"""Environment variables as declared; the reader judges them."""


class ProjectTable(Table):
    """What the project is called and where artifacts go."""

    name: str = Field(
        description="Name of the project: letters, digits, `.`, `_` and `-`.",
        json_schema_extra={"pattern": f"^{NAME_PATTERN}$"},
    )
    build_dir: str = Field(
        default="build",
        description="Directory of the artifacts, below the folder of the file: `<build-dir>/<target>/<module>.cwasm`. "
        "One that another project built is refused.",
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


class RunnerTable(Table):
    """How `verify` loads and tests the artifacts of a target that is not this machine.

    It says `python` or `wasmtime`. A name without `/` is looked up on PATH, a path is relative to the folder of the
    file, and the command runs in that folder. A runner is never shipped: it is taken from the file that is named or
    stood in, not from what is verified.
    """

    command: Texts = Field(
        default=(),
        description=(
            "What runs a program of that target, put in front of it: an emulator, or a wrapper of your own. Empty "
            "where this machine runs such programs itself."
        ),
        examples=[["qemu-aarch64-static", "-L", "sysroot"]],
    )
    python: str | None = Field(
        default=None, description="A Python of that target that has the package `wasmtime` of the same line."
    )
    wasmtime: str | None = Field(default=None, description="A `wasmtime` executable of that target and the same line.")
    environment: Variables = Field(
        default={}, description="Environment variables of the command; it sees few others: PATH, HOME and their like."
    )
    memory_limit: int | str | None = Field(
        default=None,
        description="Memory that it may take: bytes, or text such as `4 GiB`. By default that of `verify` itself.",
    )
    time_limit: int | None = Field(
        default=None,
        description="Seconds that loading one artifact may take, 1 to 86400. By default as on this machine.",
    )


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
    require: Literal["intact", "consistent", "loaded", "tested"] | None = Field(
        default=None,
        description=(
            "Lowest level of verification that passes: `intact`, `consistent`, `loaded` or `tested`. By default the "
            "highest that can be reached. `tested` needs tests of every module of the target."
        ),
    )
    runner: RunnerTable | None = Field(default=None, description="How `verify` loads artifacts of this target.")


class WasiTable(Table):
    """What a test gives a program of WASI; nothing else of the host is there for it."""

    argv: Texts | None = Field(
        default=None,
        description="Arguments, the program's own name first. By default that is the last part of the module's name.",
    )
    env: Variables = Field(default={}, description="Environment variables.")
    stdin: str = Field(default="", description="What it reads from standard input.")
    files: dict[str, str] = Field(
        default={},
        description=(
            "Text files, by path, in a directory that is the program's root. It is made anew for each call, so the "
            "program may write there. They travel in the manifest, as the test does."
        ),
        examples=[{"in.txt": "hello"}],
    )
    dirs: Texts = Field(
        default=(),
        description=(
            "Directories below the folder of `wasmbuild.toml` that it may read and not write, under the paths that are "
            "written here. Their files travel in the manifest too, at most 1000 and 1 MiB of one directory; names that "
            "start with a dot are left out."
        ),
        examples=[["tests/data"]],
    )


class CaseTable(Table):
    """A call that `verify` makes on the artifact, on an instance of its own, and what has to come of it.

    Every test says one of `returns`, `traps` and `exit`. A module without imports can be tested, and with `wasi` one
    that imports WASI (a core module preview 1, a component `wasi:cli` and what belongs to it, of 0.2, and of 0.3 where
    there is an executable of Wasmtime); what else it imports,
    `imports` stands for. A core module that exports `_initialize` and no `_start` has that called first.
    """

    call: str | None = Field(
        default=None,
        description=(
            "The export to call; of a component a function, or `INSTANCE#FUNCTION` for one of an instance that it "
            "exports. With `wasi` it is by default the program itself: `_start`, or `wasi:cli/run` of a component."
        ),
        examples=["crc32"],
    )
    args: Values = Field(default=(), description="Arguments of the call.")
    returns: Values | None = Field(default=None, description="What it returns: `[]` where that is nothing.")
    traps: str | None = Field(
        default=None,
        description="It traps, and this is a part of Wasmtime's words for that.",
        examples=["unreachable"],
    )
    exit: int | None = Field(
        default=None,
        description=(
            "Exit status of a program of WASI, 0 to 125. By default 0, where there is `wasi` and neither `returns` nor "
            "`traps`."
        ),
    )
    imports: str | None = Field(
        default=None,
        description=(
            "What stands for imports that a test cannot give, such as functions of a plugin's host: `trap`, functions "
            "that trap when they are called, or `zero`, functions that return zeros, and memories, tables and globals "
            "as they are declared (core modules only)."
        ),
        examples=["trap"],
    )
    wasi: WasiTable | None = Field(default=None, description="WASI is given to the module: `{}`, or what is in it.")
    stdout: str | None = Field(
        default=None, description="All that is written to standard output. By default anything may be."
    )
    stderr: str | None = Field(
        default=None, description="All that is written to standard error. By default anything may be."
    )
    fuel: int | None = Field(
        default=None,
        description="Fuel that the call may consume, on targets with `consume-fuel`. By default plenty.",
    )
    time_limit: int = Field(
        default=cases.DEFAULT_SECONDS, description="Seconds that the call may take on any target, 1 to 3600."
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
    exclude: Texts = Field(
        default=(),
        description="Globs of files, from the folder of the file, that a glob as `source` leaves out.",
        examples=[["plugins/*.debug.wasm"]],
    )
    targets: Texts | None = Field(default=None, description="Globs over the names of targets. By default all targets.")
    imports: Texts | None = Field(
        default=None,
        description="Globs over `module.name`: what the module may import. By default anything.",
        examples=[["wasi_snapshot_preview1.*"]],
    )
    exports: Texts | None = Field(default=None, description="Names that the module has to export.")
    ship_source: bool = Field(
        default=False,
        description=(
            "Ships the module as binary WebAssembly too, beside each artifact, for loaders that may compile it where "
            "no artifact fits."
        ),
    )
    tests: tuple[CaseTable, ...] = Field(
        default=(), description="Calls that `verify` makes on the artifacts. Of a glob, they are those of each module."
    )


Day = Annotated[Any, WithJsonSchema({"type": "string", "format": "date"})]
"""A date of TOML as declared; the reader judges it."""


class IgnoreTable(Table):
    """A fault that `audit` lets pass. One that is past its date is an error, and so is one without a reason."""

    id: str = Field(
        description="The id of the advisory, or another name of it (`CVE-…`, `RUSTSEC-…`).",
        examples=["GHSA-43j2-gcp4-m22g"],
    )
    reason: str = Field(
        description="Why it does not matter here.", examples=["the modules come from one trusted source"]
    )
    until: Day = Field(default=None, description="The last day on which it is let pass, such as `2027-03-31`.")


class AuditTable(Table):
    """What `wasmbuild audit` fails on, and whether `build` and `verify` fail on it too; they tell of it in any case."""

    fail_on: str = Field(
        default="high",
        description=(
            "Lowest severity that fails: `low`, `medium`, `high` or `critical`. What nobody scored counts as `high`."
        ),
    )
    enforce: Texts = Field(
        default=(), description='Commands that fail where `audit` would: `"build"`, `"verify"`.', examples=[["verify"]]
    )
    ignore: tuple[IgnoreTable, ...] = Field(default=(), description="Faults that are let pass.")


class CacheTable(Table):
    """The cache of artifacts, which all projects and commands of a user share.

    `WASMBUILD_CACHE` names another directory for it, by an absolute path, or says `off`.
    """

    enabled: bool = Field(
        default=True, description="Whether artifacts that were compiled before are taken from it, and others kept."
    )
    max_size: int | str = Field(
        default="5 GiB",
        description=(
            "What is kept in all: bytes, or text such as `5 GiB`. Beyond that, what was used longest ago goes; an "
            "artifact that is larger is not kept."
        ),
    )


class Document(Table):
    """A whole ``wasmbuild.toml``."""

    project: ProjectTable = Field(description="What the project is called and where artifacts go.")
    toolchain: ToolchainTable = Field(default=ToolchainTable(), description="What compiles.")
    engine: Engine = Field(default={}, description="The engine that will load the artifacts, for every target.")
    targets: dict[str, TargetTable] = Field(
        description="The machines to ship to, in order of preference.",
        json_schema_extra={"minProperties": 1, "propertyNames": {"pattern": f"^{NAME_PATTERN}$"}},
    )
    audit: AuditTable = Field(default=AuditTable(), description="Which known faults of Wasmtime fail what.")
    cache: CacheTable = Field(default=CacheTable(), description="Where artifacts are kept for other builds.")
    modules: dict[str, ModuleTable] = Field(
        description="The sources to compile.",
        json_schema_extra={"minProperties": 1, "propertyNames": {"pattern": f"^{_MODULE}(/{_MODULE})*$"}},
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``wasmbuild.toml``, for editors."""
    schema = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "wasmbuild.toml"}
