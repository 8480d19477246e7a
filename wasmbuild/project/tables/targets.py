"""``[targets.NAME]`` and ``[targets.NAME.runner]``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Set
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from wasmbuild.engine import cpu, triples
from wasmbuild.project.declared import Runner
from wasmbuild.project.keys import Problem
from wasmbuild.project.levels import LEVELS
from wasmbuild.project.tables.base import Context, Table
from wasmbuild.project.tables.engine import EngineTable
from wasmbuild.project.tables.refusals import Wrong
from wasmbuild.project.tables.values import Bytes, Rule, Seconds, Texts, Variables, WasmtimeVersion, in_home, one_of
from wasmbuild.text import quoted


def _program(text: str) -> Wrong | None:
    if not text:
        return "is empty", "write a path from the folder of the file, or the name of a program on PATH"
    if not text.isprintable():
        return f"{quoted(text)} has a character that no path should have", "correct the path"
    return in_home(text)


def _command(command: tuple[str, ...]) -> list[Problem]:
    judged = [_program(word) for word in command[:1]]
    judged += [("has a NUL, which no argument can have", "remove it") if "\0" in word else None for word in command[1:]]
    return [((index,), *wrong) for index, wrong in enumerate(judged) if wrong is not None]


def _triple(text: str) -> Wrong | None:
    try:
        triples.parse(text)
    except ValueError as error:
        problem, _, fix = str(error).partition("; ")
        return f"{quoted(text)} {problem}", fix
    return None


_Program = Annotated[str, Rule(_program, pattern="^[^~]")]


class RunnerTable(Table):
    """How `verify` loads and tests the artifacts of a target that is not this machine.

    It says `python` or `wasmtime`. A name without `/` is looked up on PATH, a path is relative to the folder of the
    file, and the command runs in that folder. A runner is never shipped: it is taken from the file that is named or
    stood in, not from what is verified.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["python"]}, {"required": ["wasmtime"]}]})

    command: Annotated[Texts, Rule(_command)] = Field(
        default=(),
        description=(
            "What runs a program of that target, put in front of it: an emulator, or a wrapper of your own. Empty "
            "where this machine runs such programs itself."
        ),
        examples=[["qemu-aarch64-static", "-L", "sysroot"]],
    )
    python: _Program | None = Field(
        default=None, description="A Python of that target that has the package `wasmtime` of the same line."
    )
    wasmtime: _Program | None = Field(
        default=None, description="A `wasmtime` executable of that target and the same line."
    )
    environment: Variables = Field(
        default={}, description="Environment variables of the command; it sees few others: PATH, HOME and their like."
    )
    memory_limit: Bytes | None = Field(
        default=None,
        description="Memory that it may take: bytes, or text such as `4 GiB`. By default that of `verify` itself.",
    )
    time_limit: Seconds | None = Field(
        default=None,
        description="Seconds that loading one artifact may take, 1 to 86400. By default as on this machine.",
    )

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        named = {"python", "wasmtime"} & (self.model_fields_set | wrong)
        if not named:
            fix = 'write python = "…", a Python of that target with wasmtime, or wasmtime = "…", an executable'
            yield (), "has neither python nor wasmtime", fix
        elif len(named) == 2:
            yield ("wasmtime",), "a runner has one of python and wasmtime", "remove one of them"

    def runner(self, directory: Path) -> Runner:
        """Return the runner of a file in ``directory``.

        Whether its programs exist is not looked at: what builds needs none of them.
        """

        def place(program: str) -> str:
            return os.path.normpath(directory / program) if re.search(r"[/\\]", program) else program

        return Runner(
            command=(*map(place, self.command[:1]), *self.command[1:]),
            python=None if self.python is None else place(self.python),
            wasmtime=None if self.wasmtime is None else place(self.wasmtime),
            environment=self.environment,
            directory=str(directory),
            memory=self.memory_limit,
            seconds=self.time_limit,
        )


def _cpu_schema(schema: dict[str, Any]) -> None:
    """Say which CPUs go with which triples."""

    def one_of_these(known: list[str]) -> dict[str, Any] | bool:
        return {"enum": known} if known else False

    schema["allOf"] = [
        {
            "if": {"properties": {"triple": {"pattern": f"^({'|'.join(triples.spellings(architecture))})(-|$)"}}},
            "then": {
                "properties": {
                    "cpu": one_of_these(cpu.every_level(architecture)),
                    "cpu-features": {"items": one_of_these(cpu.every_feature(architecture))},
                }
            },
        }
        for architecture in triples.ARCHITECTURES
    ]


class TargetTable(Table):
    """A machine to ship to."""

    model_config = ConfigDict(json_schema_extra=_cpu_schema)

    triple: Annotated[str, Rule(_triple, pattern=triples.PATTERN)] = Field(
        description="Target triple.", examples=["aarch64-unknown-linux-gnu"]
    )
    cpu: str | None = Field(
        default=None,
        description="CPU level. By default the lowest of the architecture, never that of the machine that builds.",
    )
    cpu_features: Texts = Field(default=(), description="CPU features beyond the level.")
    engine: EngineTable = Field(
        default_factory=EngineTable,
        description="Engine settings of this target, added to `[engine]` and overriding it.",
    )
    wasmtime: WasmtimeVersion | None = Field(
        default=None,
        description=(
            "Line of Wasmtime that will load the artifacts of this target, or the lowest version of its compiler, as "
            "in `[toolchain]`, which has the default. Each line has one compiler, of at least the highest version that "
            "a target of that line asks for."
        ),
        examples=["49"],
    )
    require: Annotated[str, one_of(LEVELS, "unknown level {}")] | None = Field(
        default=None,
        description=(
            "Lowest level of verification that passes: `intact`, `consistent`, `loaded` or `tested`. By default the "
            "highest that can be reached. `tested` needs tests of every module of the target."
        ),
    )
    runner: RunnerTable | None = Field(default=None, description="How `verify` loads artifacts of this target.")

    @classmethod
    def example(cls, key: str, name: str) -> str:
        return triples.example(name) if key == "triple" and name else super().example(key, name)

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        architecture = triples.parse(self.triple).architecture
        line = None if context is None else context.line
        for key, problem, fix in cpu.problems(architecture, self.cpu, self.cpu_features, line):
            yield (key,), problem, fix
