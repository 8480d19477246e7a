"""The tables of a declaration, read one by one, so that one mistake hides no other."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from wasmbuild.engine import cpu, lines, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.errors import Mistake
from wasmbuild.lean_typing import Any
from wasmbuild.project import amounts, filenames, names
from wasmbuild.project.audit_table import read_audit
from wasmbuild.project.cache_policy import DEFAULT_BYTES, CachePolicy
from wasmbuild.project.case_tables import case_of, read_cases
from wasmbuild.project.declared import CompileLimits, ModuleDeclaration, Project, Target
from wasmbuild.project.globs import is_glob
from wasmbuild.project.keys import dotted
from wasmbuild.project.models import (
    COMPILERS,
    CacheTable,
    CaseTable,
    Document,
    ModuleTable,
    ProjectTable,
    TargetTable,
    ToolchainTable,
)
from wasmbuild.project.paths import path_problem
from wasmbuild.project.runners import read_runner
from wasmbuild.project.tables import Tables
from wasmbuild.project.toolchain_values import DEFAULT_MEMORY, Mistaken, runtime_version, wasmtime_line
from wasmbuild.text import quoted, suggestion

# Only Linux can limit the memory of a child that has been started.
_CAN_LIMIT_MEMORY = sys.platform == "linux"


class DeclarationReader:
    """Turns the tables of a file into a Project and notes what is wrong; what is sound goes on to be checked."""

    def __init__(self, file: str, directory: Path, default_line: int, *, needs_modules: bool = True) -> None:
        self._needs_modules = needs_modules
        self._all = Tables(file)
        self._directory = directory
        self._default_line = default_line

    @property
    def mistakes(self) -> list[Mistake]:
        """All that is wrong, in the order in which it is looked at."""
        return self._all.mistakes

    def project(self, document: Mapping[str, Any]) -> Project:
        if not document:
            self._all.mistake((), "is empty", "write [project], [targets.NAME] and [modules.NAME]")
        else:
            self._all.unknown_keys((), document, Document)
        project = self._project_table(document)
        line, at_least, compiler, limits = self._toolchain(document.get("toolchain", {}))
        engine, runtime = self._settings(("engine",), document.get("engine", {}), line)
        targets, target_names = self._targets(document, line, engine, runtime)
        return Project(
            file=self._all.file,
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
            audit=read_audit(self._all, document.get("audit", {})),
            cache=self._cache(document.get("cache", {})),
        )

    # --- tables

    def _project_table(self, document: Mapping[str, Any]) -> ProjectTable:
        given = document.get("project")
        if given is None and document:
            self._all.mistake(("project",), "is missing", 'write [project] and name = "…" below it')
        table = self._all.table(("project",), given, ProjectTable) if given is not None else None
        if table is None:
            return ProjectTable.model_construct(name="")
        if (problem := names.problem(table.name)) is not None:
            self._all.mistake(("project", "name"), f"{quoted(table.name)} {problem}", names.rule())
        wrong = path_problem(table.build_dir, above=False)
        if wrong is None and os.path.normpath(table.build_dir) == ".":
            wrong = ("is the folder of the file itself", 'name a directory in it, such as "build"')
        if wrong is not None:
            self._all.mistake(("project", "build-dir"), f"{quoted(table.build_dir)} {wrong[0]}", wrong[1])
        return table.model_copy(update={"build_dir": os.path.normpath(table.build_dir)})

    def _toolchain(self, given: object) -> tuple[int, str | None, str, CompileLimits]:
        table = self._all.table(("toolchain",), given, ToolchainTable) or ToolchainTable()
        found = wasmtime_line(table.wasmtime, self._default_line)
        if isinstance(found, Mistaken):
            self._all.mistake(("toolchain", "wasmtime"), *found)
            found = (lines.known()[0], None)
        compiler = table.compiler
        if compiler not in COMPILERS:
            compiler = self._compiler_path(compiler)
        amounts.check_seconds(self._all, ("toolchain", "time-limit"), table.time_limit)
        memory = DEFAULT_MEMORY if _CAN_LIMIT_MEMORY else None
        if table.memory_limit is not None:
            memory = amounts.memory(self._all, ("toolchain", "memory-limit"), table.memory_limit)
        return *found, compiler, CompileLimits(memory, table.time_limit)

    def _cache(self, given: object) -> CachePolicy:
        table = self._all.table(("cache",), given, CacheTable) or CacheTable()
        size = amounts.memory(self._all, ("cache", "max-size"), table.max_size)
        return CachePolicy(table.enabled, size or DEFAULT_BYTES)

    def _compiler_path(self, text: str) -> str:
        key = ("toolchain", "compiler")
        if not text or not text.isprintable() or not re.search(r"[/\\]", text):
            meant = suggestion(text, COMPILERS)
            words = ", ".join(map(quoted, COMPILERS))
            fix = f"did you mean {quoted(meant)}?" if meant else f"write one of {words}, or a path"
            if text and meant is None:
                fix += f" such as {quoted('./' + text)}"
            self._all.mistake(key, f"unknown compiler {quoted(text)}", fix)
        elif text.startswith("~"):
            self._all.mistake(key, f"{quoted(text)} starts with ~, which is not expanded", "write the whole path")
        return os.path.normpath(self._directory / text) if text.isprintable() else text

    def _settings(self, key: tuple[str, ...], given: object, line: int) -> tuple[dict[str, Any], str | None]:
        """Return the settings of an engine that are right, and the release that will load what it is for."""
        if not isinstance(given, Mapping):
            self._all.mistake(key, f"must be a table, not {shown(given)}", f"write [{dotted(*key)}]")
            return {}, None
        runtime = None
        if "runtime" in given:
            found = runtime_version(given["runtime"])
            if isinstance(found, Mistaken):
                self._all.mistake((*key, "runtime"), *found)
            elif _line(found) != line:
                self._all.mistake((*key, "runtime"), *_other_line(found, line))
            else:
                runtime = found
            given = {name: value for name, value in given.items() if name != "runtime"}
        wrong = rules.value_problems(given, line=line)
        for where, problem, fix in wrong:
            # A quoted key has dots of its own.
            self._all.mistake((*key, *([where] if where in given else where.split(".", 1))), problem, fix)
        names_of_wrong = {where if where in given else where.partition(".")[0] for where, _problem, _fix in wrong}
        return {name: value for name, value in given.items() if name not in names_of_wrong}, runtime

    def _targets(
        self, document: Mapping[str, Any], line: int, engine: dict[str, Any], runtime: str | None
    ) -> tuple[tuple[Target, ...], tuple[str, ...]]:
        given = self._all.tables(document, "targets", 'write [targets.NAME] and triple = "…" below it')
        before = len(self._all.mistakes)
        everywhere = dict.fromkeys(rules.combination_problems(engine, line=line, triple=None), not given)
        seen: dict[str, str] = {}
        targets = []
        for name, value in given.items():
            key = ("targets", name)
            if (bad_name := names.problem(name)) is not None:
                self._all.mistake(key, f"{quoted(name)} {bad_name}", names.rule())
            elif name.lower() == filenames.INDEX:
                self._all.mistake(key, "the name is that of a file that wasmbuild writes", "choose another name")
            elif (other := seen.setdefault(name.lower(), name)) != name:
                problem = f"is {quoted(other)} but for case, and would be the same directory on some systems"
                self._all.mistake(key, problem, "rename one of them")
            target = self._target(key, value, line, engine, everywhere)
            if target is not None:
                targets.append(target._replace(runtime=target.runtime or runtime))
        blamed = [
            Mistake(self._all.file, dotted("engine", *where.split(".", 1)), problem, fix)
            for (where, problem, fix), applies in everywhere.items()
            if applies
        ]
        self._all.mistakes[before:before] = blamed
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
        before = len(self._all.mistakes)
        own: dict[str, Any] = {}
        runtime = None
        if isinstance(value, Mapping) and "engine" in value:
            own, runtime = self._settings((*key, "engine"), value["engine"], line)
            value = {**value, "engine": {}}
        runner = None
        if isinstance(value, Mapping) and "runner" in value:
            runner = read_runner(self._all, (*key, "runner"), value["runner"], self._directory)
            value = {name: item for name, item in value.items() if name != "runner"}
        table = self._all.table(key, value, TargetTable)
        if table is None:
            return None
        try:
            triple = triples.parse(table.triple)
        except ValueError as error:
            problem, _, fix = str(error).partition("; ")
            self._all.mistake((*key, "triple"), f"{quoted(table.triple)} {problem}", fix)
            return None
        for where, problem, fix in cpu.problems(triple.architecture, table.cpu, table.cpu_features, line):
            self._all.mistake((*key, where), problem, fix)
        merged = _merged(common, own)
        found = rules.combination_problems(merged, line=line, triple=triple)
        for where, problem, fix in found:
            if (where, problem, fix) in everywhere:
                everywhere[where, problem, fix] = True
            else:
                name, *rest = where.split(".", 1)
                inherited = name in common and (name not in own or (rest and rest[0] not in own[name]))
                declared = f"{problem}, but [engine] declares it" if inherited else problem
                self._all.mistake((*key, "engine", name, *rest), declared, fix)
        if found or len(self._all.mistakes) > before:
            return None
        config = EngineConfig.declared(merged, line=line, triple=triple, cpu=table.cpu, cpu_features=table.cpu_features)
        return Target(key[1], table.cpu, config, table.require, runner, runtime)

    def _modules(self, document: Mapping[str, Any]) -> dict[str, ModuleDeclaration]:
        if not self._needs_modules and "modules" not in document:
            return {}
        given = self._all.tables(document, "modules", 'write [modules.NAME] and source = "…" below it')
        modules = {}
        for name, value in given.items():
            key = ("modules", name)
            tests: tuple[CaseTable, ...] = ()
            if isinstance(value, Mapping) and "tests" in value:
                tests = read_cases(self._all, (*key, "tests"), value["tests"])
                value = {**value, "tests": tests}
            table = self._all.table(key, value, ModuleTable)
            if table is not None and self._check_module(key, name, table):
                modules[name] = ModuleDeclaration(
                    table.source,
                    table.targets,
                    table.imports,
                    table.exports,
                    table.ship_source,
                    tuple(map(case_of, table.tests)),
                    table.exclude,
                )
        return modules

    def _check_module(self, key: tuple[str, str], name: str, table: ModuleTable) -> bool:
        """Note what is wrong with a module, and tell whether its name and source are sound."""
        if table.targets == ():
            self._all.mistake((*key, "targets"), "is empty", "name targets, or leave it out for all of them")
        for field in ("exclude", "targets", "imports", "exports"):
            if "" in (getattr(table, field) or ()):
                self._all.mistake((*key, field), "has an empty text", "remove it")
        before = len(self._all.mistakes)
        if table.exclude and not is_glob(table.source):
            problem = f"leaves out files of a glob, and the source {quoted(table.source)} is none"
            self._all.mistake((*key, "exclude"), problem, "remove it")
        for pattern in filter(None, table.exclude):
            if (wrong := path_problem(pattern, above=True)) is not None:
                self._all.mistake((*key, "exclude"), f"{quoted(pattern)} {wrong[0]}", wrong[1])
        if (wrong := path_problem(table.source, above=True)) is not None:
            self._all.mistake((*key, "source"), f"{quoted(table.source)} {wrong[0]}", wrong[1])
        wildcards = re.findall(r"\*+", name)
        plain = re.sub(r"\*+", "x", name)
        if is_glob(table.source) and wildcards not in (["*"], ["**"]):
            example = dotted("modules", "plugins/*" if wildcards else f"{name}/*")
            fix = f"write [{example}], in which * stands for the stem of each file"
            self._all.mistake(key, "source is a glob, so the key needs one * or **", fix)
        elif wildcards and not is_glob(table.source):
            fix = "write a source with a wildcard, or a key without"
            self._all.mistake(key, f"the key has a wildcard, but the source {quoted(table.source)} has none", fix)
        elif (bad_name := names.problem(plain, module=True)) is not None:
            self._all.mistake(key, f"{quoted(name)} {bad_name}", names.rule(module=True))
        return len(self._all.mistakes) == before


def _line(version: str) -> int:
    return int(version.partition(".")[0])


def _other_line(runtime: str, line: int) -> tuple[str, str]:
    problem = f"Wasmtime {runtime} loads no artifact of line {line}"
    return problem, f"write a release of line {line}, or the line {_line(runtime)} as wasmtime under [toolchain]"


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of ``[engine]`` with those of a target put over them; flags are put together one by one."""
    merged = {**common, **own}
    flags = {**common.get("cranelift-flags", {}), **own.get("cranelift-flags", {})}
    return {**merged, "cranelift-flags": flags} if flags else merged
