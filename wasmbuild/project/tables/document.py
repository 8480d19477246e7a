"""``[project]``, a whole ``wasmbuild.toml``, and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import Field

from wasmbuild.project import filenames, names
from wasmbuild.project.globs import GLOB_PATTERN
from wasmbuild.project.names import NAME_PATTERN
from wasmbuild.project.tables.audit import AuditTable
from wasmbuild.project.tables.base import Table
from wasmbuild.project.tables.build import BuildTable
from wasmbuild.project.tables.cache import CacheTable
from wasmbuild.project.tables.engine import EngineTable
from wasmbuild.project.tables.modules import ModuleTable
from wasmbuild.project.tables.refusals import Wrong
from wasmbuild.project.tables.targets import TargetTable
from wasmbuild.project.tables.toolchain import ToolchainTable
from wasmbuild.project.tables.values import InsidePath, Name
from wasmbuild.text import quoted

# In the key of a glob, * stands for what it matches.
_MODULE = NAME_PATTERN.replace("_-]", "_*-]")


class ProjectTable(Table):
    """What the project is called and where artifacts go."""

    name: Name = Field(description="Name of the project: letters, digits, `.`, `_` and `-`.")
    build_dir: InsidePath = Field(
        default="build",
        description="Directory of the artifacts, below the folder of the file: `<build-dir>/<target>/<module>.cwasm`. "
        "One that another project built is refused.",
    )


class Document(Table):
    """A whole ``wasmbuild.toml``."""

    project: ProjectTable = Field(description="What the project is called and where artifacts go.")
    toolchain: ToolchainTable = Field(default_factory=ToolchainTable, description="What compiles.")
    engine: EngineTable = Field(
        default_factory=EngineTable, description="The engine that will load the artifacts, for every target."
    )
    targets: dict[str, TargetTable] = Field(
        description="The machines to ship to, in order of preference.",
        json_schema_extra={"minProperties": 1, "propertyNames": {"pattern": f"^{NAME_PATTERN}$"}},
    )
    audit: AuditTable = Field(default_factory=AuditTable, description="Which known faults of Wasmtime fail what.")
    build: BuildTable = Field(default_factory=BuildTable, description="Where a build compiles.")
    cache: CacheTable = Field(default_factory=CacheTable, description="Where artifacts are kept for other builds.")
    modules: dict[str, ModuleTable] = Field(
        description="The sources to compile.",
        json_schema_extra={
            "minProperties": 1,
            "propertyNames": {"pattern": f"^{_MODULE}(/{_MODULE})*$"},
            "allOf": [
                {"patternProperties": {r"\*": {"properties": {"source": {"pattern": GLOB_PATTERN}}}}},
                {"patternProperties": {"^[^*]*$": {"properties": {"source": {"not": {"pattern": GLOB_PATTERN}}}}}},
            ],
        },
    )


def target_name_problems(keys: Iterable[str]) -> dict[str, Wrong]:
    """Return problem and fix of those of the targets' names that cannot be, each of them a directory."""
    found = {}
    seen: dict[str, str] = {}
    for name in keys:
        if (wrong := names.problem(name)) is not None:
            found[name] = f"{quoted(name)} {wrong}", names.rule()
        elif name.lower() == filenames.INDEX:
            found[name] = "the name is that of a file that wasmbuild writes", "choose another name"
        elif (other := seen.setdefault(name.lower(), name)) != name:
            problem = f"is {quoted(other)} but for case, and would be the same directory on some systems"
            found[name] = problem, "rename one of them"
    return found


def module_key_problem(key: str) -> Wrong | None:
    """Return problem and fix of a module's key, in which ``*`` stands for part of a name, or None."""
    wrong = names.problem(re.sub(r"\*+", "x", key), module=True)
    return None if wrong is None else (f"{quoted(key)} {wrong}", names.rule(module=True))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``wasmbuild.toml``, for editors."""
    schema = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "wasmbuild.toml"}
