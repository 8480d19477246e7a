"""``[modules.NAME]``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from typing import Annotated

from pydantic import ConfigDict, Field

from wasmbuild.project.declared import ModuleDeclaration
from wasmbuild.project.globs import GLOB_PATTERN, is_glob
from wasmbuild.project.keys import Problem, dotted
from wasmbuild.project.paths import PATH_PATTERN, path_problem
from wasmbuild.project.tables.base import Context, Table
from wasmbuild.project.tables.cases import Cases
from wasmbuild.project.tables.refusals import Wrong
from wasmbuild.project.tables.values import Patterns, RelativePath, Rule, named
from wasmbuild.text import quoted


def _excluded(patterns: tuple[str, ...]) -> list[Problem]:
    judged = [named(path_problem)(pattern) for pattern in patterns if pattern]
    return [((), *wrong) for wrong in judged if wrong is not None]


def _no_target(patterns: tuple[str, ...]) -> Wrong | None:
    return None if patterns else ("is empty", "name targets, or leave it out for all of them")


def _several(value: object) -> Wrong | None:
    if not isinstance(value, list):
        return None
    fix = 'write a table for each file, or a glob, such as [modules."*"] and source = "src/*.wat"'
    return "is one path, not an array", fix


class ModuleTable(Table):
    """A source to compile; its key is the name of the module."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"required": ["exclude"], "properties": {"exclude": {"minItems": 1}}},
            "then": {"properties": {"source": {"pattern": GLOB_PATTERN}}},
        }
    )

    source: Annotated[RelativePath, Rule(_several, any_type=True)] = Field(
        description=(
            "Path of a `.wat`, a core module or a component, from the folder of the file, with `/`. Or a glob: then "
            "the key has a `*` that stands for the stem of each file, or a `**` for its path below the first wildcard."
        ),
        examples=["src/checksum.wat"],
    )
    exclude: Annotated[Patterns, Rule(_excluded, items={"type": "string", "pattern": PATH_PATTERN})] = Field(
        default=(),
        description="Globs of files, from the folder of the file, that a glob as `source` leaves out.",
        examples=[["plugins/*.debug.wasm"]],
    )
    targets: Annotated[Patterns, Rule(_no_target, minItems=1)] | None = Field(
        default=None, description="Globs over the names of targets. By default all targets."
    )
    imports: Patterns | None = Field(
        default=None,
        description="Globs over `module.name`: what the module may import. By default anything.",
        examples=[["wasi_snapshot_preview1.*"]],
    )
    exports: Patterns | None = Field(default=None, description="Names that the module has to export.")
    ship_source: bool = Field(
        default=False,
        description=(
            "Ships the module as binary WebAssembly too, beside each artifact, for loaders that may compile it where "
            "no artifact fits."
        ),
    )
    tests: Cases = Field(
        default=(),
        description="Calls that `verify` makes on the artifacts. Of a glob, they are those of each module.",
    )

    @classmethod
    def written_for(cls, value: object) -> str:
        return f"{cls.header} and source = {quoted(value)} below it" if isinstance(value, str) else cls.header

    @classmethod
    def unknown_key(cls, key: str) -> Wrong:
        if key == "build":
            return "unknown key", (
                "a source is made before wasmbuild is started, by the build that wasmbuild is a step of; remove the key"
            )
        return super().unknown_key(key)

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        if self.exclude and not is_glob(self.source):
            problem = f"leaves out files of a glob, and the source {quoted(self.source)} is none"
            yield ("exclude",), problem, "remove it"

    def key_problem(self, key: str) -> Wrong | None:
        """Return what is wrong between the table's key and its source: both have a wildcard, or none."""
        wildcards = re.findall(r"\*+", key)
        if is_glob(self.source) and wildcards not in (["*"], ["**"]):
            example = dotted("modules", "plugins/*" if wildcards else f"{key}/*")
            fix = f"write [{example}], in which * stands for the stem of each file"
            return "source is a glob, so the key needs one * or **", fix
        if wildcards and not is_glob(self.source):
            fix = "write a source with a wildcard, or a key without"
            return f"the key has a wildcard, but the source {quoted(self.source)} has none", fix
        return None

    def declaration(self) -> ModuleDeclaration:
        """Return what the table declares."""
        return ModuleDeclaration(
            self.source,
            self.targets,
            self.imports,
            self.exports,
            self.ship_source,
            tuple([test.case() for test in self.tests]),
            self.exclude,
        )
