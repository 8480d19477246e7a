"""The tables of a declaration, read one by one, so that one mistake hides no other."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from wasmbuild.errors import Mistake
from wasmbuild.project import cpu, names, rules, settings, triples
from wasmbuild.project.cranelift_flags import shown
from wasmbuild.project.globs import is_glob
from wasmbuild.project.keys import dotted
from wasmbuild.project.model_errors import in_words
from wasmbuild.project.models import (
    COMPILERS,
    Document,
    ModuleTable,
    ProjectTable,
    Table,
    TargetTable,
    ToolchainTable,
    alias,
)
from wasmbuild.project.paths import path_problem
from wasmbuild.project.plan import Limits, Project, Target
from wasmbuild.project.toolchain_values import DEFAULT_MEMORY, SECONDS, Mistaken, memory_bytes, wasmtime_line

# Only Linux can limit the memory of a child that has been started.
_CAN_LIMIT_MEMORY = sys.platform == "linux"
_TableT = TypeVar("_TableT", bound=Table)


class Reader:
    """Turns the tables of a file into a Project and notes what is wrong; what is sound goes on to be checked."""

    def __init__(self, file: str, directory: Path, default_line: int) -> None:
        self.mistakes: list[Mistake] = []
        self._file = file
        self._directory = directory
        self._default_line = default_line

    def project(self, document: Mapping[str, Any]) -> Project:
        if not document:
            self._mistake((), "is empty", "write [project], [targets.NAME] and [modules.NAME]")
        else:
            self._unknown_keys((), document, Document)
        project = self._project_table(document)
        line, at_least, compiler, limits = self._toolchain(document.get("toolchain", {}))
        engine = self._settings(("engine",), document.get("engine", {}), line)
        targets, target_names = self._targets(document, line, engine)
        return Project(
            file=self._file,
            directory=self._directory,
            name=project.name,
            build_dir=self._directory / project.build_dir,
            line=line,
            at_least=at_least,
            compiler=compiler,
            limits=limits,
            targets=targets,
            target_names=target_names,
            modules=self._modules(document),
        )

    # --- tables

    def _project_table(self, document: Mapping[str, Any]) -> ProjectTable:
        given = document.get("project")
        if given is None and document:
            self._mistake(("project",), "is missing", 'write [project] and name = "…" below it')
        table = self._table(("project",), given, ProjectTable) if given is not None else None
        if table is None:
            return ProjectTable.model_construct(name="")
        if (problem := names.problem(table.name)) is not None:
            self._mistake(("project", "name"), f"{names.quoted(table.name)} {problem}", names.rule())
        wrong = path_problem(table.build_dir, above=False)
        if wrong is None and os.path.normpath(table.build_dir) == ".":
            wrong = ("is the folder of the file itself", 'name a directory in it, such as "build"')
        if wrong is not None:
            self._mistake(("project", "build-dir"), f"{names.quoted(table.build_dir)} {wrong[0]}", wrong[1])
        return table.model_copy(update={"build_dir": os.path.normpath(table.build_dir)})

    def _toolchain(self, given: object) -> tuple[int, str | None, str, Limits]:
        table = self._table(("toolchain",), given, ToolchainTable) or ToolchainTable()
        found = wasmtime_line(table.wasmtime, self._default_line)
        if isinstance(found, Mistaken):
            self._mistake(("toolchain", "wasmtime"), *found)
            found = (settings.LINES[0], None)
        compiler = table.compiler
        if compiler not in COMPILERS:
            compiler = self._compiler_path(compiler)
        seconds = table.time_limit
        if not SECONDS[0] <= seconds <= SECONDS[1]:
            fix = f"write seconds from {SECONDS[0]} to {SECONDS[1]}"
            self._mistake(("toolchain", "time-limit"), f"{shown(seconds)} is out of range", fix)
        return *found, compiler, Limits(self._memory(table.memory_limit), seconds)

    def _compiler_path(self, text: str) -> str:
        key = ("toolchain", "compiler")
        if not text or not text.isprintable() or not re.search(r"[/\\]", text):
            meant = names.suggestion(text, COMPILERS)
            words = ", ".join(map(names.quoted, COMPILERS))
            fix = f"did you mean {names.quoted(meant)}?" if meant else f"write one of {words}, or a path"
            if text and meant is None:
                fix += f" such as {names.quoted('./' + text)}"
            self._mistake(key, f"unknown compiler {names.quoted(text)}", fix)
        elif text.startswith("~"):
            self._mistake(key, f"{names.quoted(text)} starts with ~, which is not expanded", "write the whole path")
        return os.path.normpath(self._directory / text) if text.isprintable() else text

    def _memory(self, given: int | str | None) -> int | None:
        if given is None:
            return DEFAULT_MEMORY if _CAN_LIMIT_MEMORY else None
        size = memory_bytes(given)
        if isinstance(size, Mistaken):
            self._mistake(("toolchain", "memory-limit"), *size)
            return None
        return size

    def _settings(self, key: tuple[str, ...], given: object, line: int) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            self._mistake(key, f"must be a table, not {shown(given)}", f"write [{dotted(*key)}]")
            return {}
        wrong = rules.value_problems(given, line=line)
        for where, problem, fix in wrong:
            self._mistake((*key, *where.split(".", 1)), problem, fix)
        names_of_wrong = {where.partition(".")[0] for where, _problem, _fix in wrong}
        return {name: value for name, value in given.items() if name not in names_of_wrong}

    def _targets(
        self, document: Mapping[str, Any], line: int, engine: dict[str, Any]
    ) -> tuple[tuple[Target, ...], tuple[str, ...]]:
        given = self._tables(document, "targets", 'write [targets.NAME] and triple = "…" below it')
        before = len(self.mistakes)
        everywhere = dict.fromkeys(rules.combination_problems(engine, line=line, triple=None), not given)
        seen: dict[str, str] = {}
        targets = []
        for name, value in given.items():
            key = ("targets", name)
            if (bad_name := names.problem(name)) is not None:
                self._mistake(key, f"{names.quoted(name)} {bad_name}", names.rule())
            elif name.lower() == "index.json":
                self._mistake(key, "the name is that of a file that wasmbuild writes", "choose another name")
            elif (other := seen.setdefault(name.lower(), name)) != name:
                problem = f"is {names.quoted(other)} but for case, and would be the same directory on some systems"
                self._mistake(key, problem, "rename one of them")
            target = self._target(key, value, line, engine, everywhere)
            if target is not None:
                targets.append(target)
        blamed = [
            Mistake(self._file, dotted("engine", *where.split(".", 1)), problem, fix)
            for (where, problem, fix), applies in everywhere.items()
            if applies
        ]
        self.mistakes[before:before] = blamed
        return tuple(targets), tuple(given)

    def _target(
        self,
        key: tuple[str, str],
        value: object,
        line: int,
        common: dict[str, Any],
        everywhere: dict[rules.Problem, bool],
    ) -> Target | None:
        """Read one target; those of the problems ``everywhere``, of ``[engine]``, that it has too are marked there."""
        before = len(self.mistakes)
        own: dict[str, Any] = {}
        if isinstance(value, Mapping) and "engine" in value:
            own = self._settings((*key, "engine"), value["engine"], line)
            value = {**value, "engine": {}}
        table = self._table(key, value, TargetTable)
        if table is None:
            return None
        try:
            triple = triples.parse(table.triple)
        except ValueError as error:
            problem, _, fix = str(error).partition("; ")
            self._mistake((*key, "triple"), f"{names.quoted(table.triple)} {problem}", fix)
            return None
        for where, problem, fix in cpu.problems(triple.architecture, table.cpu, table.cpu_features):
            self._mistake((*key, where), problem, fix)
        merged = _merged(common, own)
        found = rules.combination_problems(merged, line=line, triple=triple)
        for where, problem, fix in found:
            if (where, problem, fix) in everywhere:
                everywhere[where, problem, fix] = True
            else:
                name, *rest = where.split(".", 1)
                inherited = name in common and (name not in own or (rest and rest[0] not in own[name]))
                declared = f"{problem}, but [engine] declares it" if inherited else problem
                self._mistake((*key, "engine", name, *rest), declared, fix)
        if found or len(self.mistakes) > before:
            return None
        flags = cpu.isa_flags(triple.architecture, table.cpu, table.cpu_features)
        return Target(key[1], triple, table.cpu, flags, settings.expand(merged, line, triple), table.require)

    def _modules(self, document: Mapping[str, Any]) -> dict[str, ModuleTable]:
        given = self._tables(document, "modules", 'write [modules.NAME] and source = "…" below it')
        modules = {}
        for name, value in given.items():
            key = ("modules", name)
            table = self._table(key, value, ModuleTable)
            if table is not None and self._check_module(key, name, table):
                modules[name] = table
        return modules

    def _check_module(self, key: tuple[str, str], name: str, table: ModuleTable) -> bool:
        """Note what is wrong with a module, and tell whether its name and source are sound."""
        if table.targets == ():
            self._mistake((*key, "targets"), "is empty", "name targets, or leave it out for all of them")
        for field in ("targets", "imports", "exports"):
            if "" in (getattr(table, field) or ()):
                self._mistake((*key, field), "has an empty text", "remove it")
        before = len(self.mistakes)
        if (wrong := path_problem(table.source, above=True)) is not None:
            self._mistake((*key, "source"), f"{names.quoted(table.source)} {wrong[0]}", wrong[1])
        wildcards = re.findall(r"\*+", name)
        plain = re.sub(r"\*+", "x", name)
        if is_glob(table.source) and wildcards not in (["*"], ["**"]):
            example = dotted("modules", "plugins/*" if wildcards else f"{name}/*")
            fix = f"write [{example}], in which * stands for the stem of each file"
            self._mistake(key, "source is a glob, so the key needs one * or **", fix)
        elif wildcards and not is_glob(table.source):
            fix = "write a source with a wildcard, or a key without"
            self._mistake(key, f"the key has a wildcard, but the source {names.quoted(table.source)} has none", fix)
        elif (bad_name := names.problem(plain, module=True)) is not None:
            self._mistake(key, f"{names.quoted(name)} {bad_name}", names.rule(module=True))
        return len(self.mistakes) == before

    # --- what all tables share

    def _tables(self, document: Mapping[str, Any], name: str, fix: str) -> Mapping[str, Any]:
        given = document.get(name)
        if isinstance(given, Mapping) and given:
            return given
        if given is None or given == {}:
            if document:
                self._mistake((name,), "is missing", fix)
        else:
            self._mistake((name,), f"must be a table, not {shown(given)}", fix)
        return {}

    def _table(self, key: tuple[str, ...], given: object, model: type[_TableT]) -> _TableT | None:
        if not isinstance(given, Mapping):
            fix = f"write [{dotted(*key)}]"
            if model is ModuleTable and isinstance(given, str):
                fix += f" and source = {names.quoted(given)} below it"
            self._mistake(key, f"must be a table, not {shown(given)}", fix)
            return None
        self._unknown_keys(key, given, model)
        known = {alias(name) for name in model.model_fields}
        # An array of TOML is a list, and the models hold tuples, which do not change.
        frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items() if name in known}
        try:
            return model.model_validate(frozen)
        except ValidationError as error:
            seen = set()
            for detail in error.errors(include_url=False, include_context=False):
                # Behind the key and the index are the names of the types that were tried.
                place = tuple(part for part in detail["loc"] if isinstance(part, int) or part in known)
                if place not in seen:
                    seen.add(place)
                    self._mistake((*key, *place), *in_words(detail, model))
        # What is right is looked at all the same, unless what every table needs is wrong.
        sound = {name: value for name, value in frozen.items() if not any(place[0] == name for place in seen)}
        try:
            return model.model_validate(sound)
        except ValidationError:
            return None

    def _unknown_keys(self, key: tuple[str, ...], given: Mapping[str, Any], model: type[Table]) -> None:
        known = [alias(name) for name in model.model_fields]
        for name in given:
            if name not in known:
                meant = names.suggestion(name, known)
                fix = f"known keys are {', '.join(known)}"
                self._mistake((*key, name), "unknown key", f"did you mean {meant}? {fix}" if meant else fix)

    def _mistake(self, key: tuple[str | int, ...], problem: str, fix: str) -> None:
        self.mistakes.append(Mistake(self._file, dotted(*key), problem, fix))


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of ``[engine]`` with those of a target put over them; flags are put together one by one."""
    merged = {**common, **own}
    flags = {**common.get("cranelift-flags", {}), **own.get("cranelift-flags", {})}
    return {**merged, "cranelift-flags": flags} if flags else merged
