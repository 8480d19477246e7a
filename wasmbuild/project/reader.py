"""The tables of a declaration, read one by one, so that one mistake hides no other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from wasmbuild.engine import lines, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Problem
from wasmbuild.errors import Mistake
from wasmbuild.project import versions
from wasmbuild.project.audit_policy import AuditPolicy
from wasmbuild.project.cache_policy import CachePolicy
from wasmbuild.project.declared import ModuleDeclaration, Project, Target, lines_of
from wasmbuild.project.keys import KeyPath, dotted
from wasmbuild.project.tables.audit import AuditTable
from wasmbuild.project.tables.base import Context, Table, read_table
from wasmbuild.project.tables.build import BuildTable
from wasmbuild.project.tables.cache import CacheTable
from wasmbuild.project.tables.document import Document, ProjectTable, module_key_problem, target_name_problems
from wasmbuild.project.tables.engine import EngineTable
from wasmbuild.project.tables.modules import ModuleTable
from wasmbuild.project.tables.refusals import HERE
from wasmbuild.project.tables.targets import TargetTable
from wasmbuild.project.tables.toolchain import COMPILERS, ToolchainTable
from wasmbuild.text import shown

_TableT = TypeVar("_TableT", bound=Table)

# Of a name that dots divide: no more than these, for a file may have tables in tables without end.
_PIECES = 8


class _WantedLine(NamedTuple):
    """A line of Wasmtime, and the lowest version of its compiler, which None leaves open."""

    line: int
    at_least: str | None = None


class DeclarationReader:
    """Turns the tables of a file into a Project and notes what is wrong; what is sound goes on to be checked."""

    def __init__(self, file: str, directory: Path, default_line: int | None, *, needs_modules: bool = True) -> None:
        self.mistakes: list[Mistake] = []
        self._misspelt: set[str | None] = set()
        self._file = file
        self._needs_modules = needs_modules
        self._directory = directory
        self._default_line = default_line

    def project(self, document: Mapping[str, Any]) -> Project:
        """Return what the tables of a file declare; ``mistakes`` has all that is wrong with them."""
        if not document:
            self._mistake((), "is empty", "write [project], [targets.NAME] and [modules.NAME]")
        for name in document:
            if name not in Document.known_keys():
                self._mistake((name,), *Document.unknown_key(name))
        self._misspelt = {Document.meant(name) for name in document}
        if document and "project" not in document and "project" not in self._misspelt:
            self._mistake(("project",), "is missing", 'write [project] and name = "…" below it')
        project = self._table(document, ProjectTable, "project") if "project" in document else None
        toolchain = self._table(document, ToolchainTable, "toolchain") or ToolchainTable()
        wanted = self._line(toolchain, document)
        context = Context(wanted.line, for_all=True)
        engine = self._table(document, EngineTable, "engine", context=context) or EngineTable()
        targets, target_names = self._targets(document, wanted, engine)
        modules = self._modules(document)
        # Building a model takes longer than reading a table by it, and most files have none of these.
        audit = self._table(document, AuditTable, "audit") if "audit" in document else None
        cache = self._table(document, CacheTable, "cache") if "cache" in document else None
        build = self._table(document, BuildTable, "build") if "build" in document else None
        return Project(
            file=self._file,
            directory=self._directory,
            name="" if project is None else project.name,
            build_dir=self._directory / os.path.normpath("build" if project is None else project.build_dir),
            line=wanted.line,
            compiler=self._compiler(toolchain.compiler, targets),
            limits=toolchain.limits(),
            targets=targets,
            target_names=target_names,
            modules=modules,
            audit=AuditPolicy() if audit is None else audit.policy(),
            cache=CachePolicy() if cache is None else cache.policy(self._directory),
            executor=None if build is None else build.executor,
        )

    # --- tables

    def _line(self, toolchain: ToolchainTable, document: Mapping[str, Any]) -> _WantedLine:
        """Return what is wanted for targets that say nothing of it."""
        if toolchain.wasmtime is not None:
            return _WantedLine(*versions.split(toolchain.wasmtime))
        if self._default_line is None:
            without = "the wasmtime Python package is not installed here, or has no version that can be told"
        elif problem := rules.line_problem(self._default_line):
            without = f"the installed library does not fit: {problem}"
        else:
            return _WantedLine(self._default_line)
        declared = document.get("toolchain", {})
        if not isinstance(declared, Mapping) or "wasmtime" not in declared:
            self._mistake(("toolchain", "wasmtime"), f"is missing, and {without}", versions.write_a_line())
        return _WantedLine(versions.ordinary()[0])

    def _compiler(self, declared: str, targets: Sequence[Target]) -> str:
        for line in lines_of(targets):
            if declared == "embedded" and (problem := lines.without_library(line)):
                self._mistake(("toolchain", "compiler"), problem, 'write "cli", or leave it out')
        return declared if declared in COMPILERS else os.path.normpath(self._directory / declared)

    def _targets(
        self, document: Mapping[str, Any], default: _WantedLine, engine: EngineTable
    ) -> tuple[tuple[Target, ...], tuple[str, ...]]:
        tables = self._named_tables(document, "targets", 'write [targets.NAME] and triple = "…" below it')
        tables, meant = self._whole(tables, "targets", "triple")
        before = len(self.mistakes)
        everywhere = dict.fromkeys(
            rules.combination_problems(engine.settings, line=default.line, triple=None), not tables
        )
        bad_names = target_name_problems(tables)
        targets = []
        for name in tables:
            if name in bad_names:
                self._mistake(("targets", name), *bad_names[name])
            target = self._target(tables, name, default, engine, everywhere)
            if target is not None:
                targets.append(target)
        blamed = [
            Mistake(self._file, dotted("engine", *where.split(".", 1)), problem, fix)
            for (where, problem, fix), applies in everywhere.items()
            if applies
        ]
        if engine.runtime is not None:
            of_lines = [target.engine.line for target in targets] or [default.line]
            if (other := versions.other_line_problem(engine.runtime, of_lines)) is not None:
                blamed.append(Mistake(self._file, "engine.runtime", *other))
        self.mistakes[before:before] = blamed
        self._one_release_each(targets)
        return tuple(targets), (*tables, *meant)

    def _one_release_each(self, targets: Sequence[Target]) -> None:
        """Note targets of one line that are for two releases which load nothing of each other."""
        first: dict[int, Target] = {}
        for target in targets:
            line = target.engine.line
            other = first.setdefault(line, target)
            if lines.get(line).own_release_only and target.runtime != other.runtime:
                problem = f"is {target.runtime}, and target {other.name} of the same line is for {other.runtime}"
                fix = "write one release, or a declaration for each: one build has one compiler of a line"
                self._mistake(("targets", target.name, "engine", "runtime"), problem, fix)

    def _target(
        self,
        tables: Mapping[str, Any],
        name: str,
        default: _WantedLine,
        engine: EngineTable,
        everywhere: dict[Problem, bool],
    ) -> Target | None:
        """Read one target; those of the problems ``everywhere``, of ``[engine]``, that it has too are marked there."""
        before = len(self.mistakes)
        wanted = _wanted(tables[name], default)
        line = wanted.line
        table = self._table(tables, TargetTable, "targets", name, context=Context(line, name=name))
        if table is None:
            return None
        triple = triples.parse(table.triple)
        common, own = engine.settings, table.engine.settings
        merged = _merged(common, own)
        # What [engine] declares was judged as of the line of those that name none.
        found = rules.value_problems(merged, line=line) if line != default.line else []
        found = found or rules.combination_problems(merged, line=line, triple=triple)
        for where, problem, fix in found:
            if (where, problem, fix) in everywhere:
                everywhere[where, problem, fix] = True
            else:
                setting, *rest = where.split(".", 1)
                inherited = setting in common and (setting not in own or (rest and rest[0] not in own[setting]))
                declared = f"{problem}, but [engine] declares it" if inherited else problem
                self._mistake(("targets", name, "engine", setting, *rest), declared, fix)
        if found or len(self.mistakes) > before:
            return None
        config = EngineConfig.declared(merged, line=line, triple=triple, cpu=table.cpu, cpu_features=table.cpu_features)
        runner = None if table.runner is None else table.runner.runner(self._directory)
        if runner is not None and runner.python is not None and (problem := lines.without_library(line)):
            fix = f'write wasmtime = "…" in its place, an executable of that target and of Wasmtime {line}'
            self._mistake(("targets", name, "runner", "python"), problem, fix)
            return None
        runtime = table.engine.runtime
        if runtime is None and engine.runtime is not None and versions.split(engine.runtime)[0] == line:
            runtime = engine.runtime
        at_least = wanted.at_least
        if lines.get(line).own_release_only:
            if (wrong := versions.own_release_problem(line, at_least, runtime)) is not None:
                table_of = ("targets", name) if "wasmtime" in tables[name] else ("toolchain",)
                mistake = Mistake(self._file, dotted(*table_of, "wasmtime"), *wrong)
                # What [toolchain] says is that of many targets.
                self.mistakes += [mistake] if mistake not in self.mistakes else []
                return None
            runtime = at_least = runtime or at_least
        return Target(name, table.cpu, config, table.require, runner, runtime, at_least)

    def _modules(self, document: Mapping[str, Any]) -> dict[str, ModuleDeclaration]:
        if not self._needs_modules and "modules" not in document:
            return {}
        modules = {}
        tables = self._named_tables(document, "modules", 'write [modules.NAME] and source = "…" below it')
        tables, _ = self._whole(tables, "modules", "source")
        for name in tables:
            table = self._table(tables, ModuleTable, "modules", name)
            wrong = (table.key_problem(name) if table else None) or module_key_problem(name)
            if wrong is not None:
                self._mistake(("modules", name), *wrong)
            elif table is not None and (table.tests or not tables[name].get("tests")):
                # Of a module whose tests are all wrong, nobody is to say that it has none.
                modules[name] = table.declaration()
        return modules

    def _whole(self, tables: Mapping[str, Any], section: str, required: str) -> tuple[dict[str, Any], list[str]]:
        """Return the tables of a section without those that lie in one of them, and the names that these are to have.

        They are told by the key that each of the section has to have, and noted.
        """
        whole, meant = {}, []
        for name, table in tables.items():
            pieces = list(_in_pieces(table, required, name))
            for path in pieces:
                problem = f"lies in the table of another {section.removesuffix('s')}, since a dot divides keys"
                meant.append(".".join(path))
                self._mistake((section, *path), problem, f"write [{dotted(section, meant[-1])}]")
            within = {path[1] for path in pieces}
            whole[name] = {key: value for key, value in table.items() if key not in within} if pieces else table
            if pieces and not whole[name]:
                del whole[name]
        return whole, meant

    # --- what they have in common

    def _named_tables(self, document: Mapping[str, Any], section: str, fix: str) -> Mapping[str, Any]:
        """Return a table of tables, empty where it is missing."""
        tables = document.get(section, {})
        if not isinstance(tables, Mapping):
            self._mistake((section,), f"must be a table, not {shown(tables)}", fix)
            return {}
        if document and not tables and (section in document or section not in self._misspelt):
            self._mistake((section,), "is missing", fix)
        return tables

    def _table(
        self, tables: Mapping[str, Any], model: type[_TableT], *key: str, context: Context | None = None
    ) -> _TableT | None:
        """Return the table of a key without what is wrong in it, None where too little is left."""
        table, problems = read_table(model, tables.get(key[-1], {}), context)
        for path, problem, fix in problems:
            self._mistake((*key, *path), problem, fix)
        return table

    def _mistake(self, key: KeyPath, problem: str, fix: str) -> None:
        table = key[:-1] if key and isinstance(key[-1], int) else key
        self.mistakes.append(Mistake(self._file, dotted(*key), problem, fix.replace(HERE, dotted(*table))))


def _in_pieces(table: object, required: str, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the keys of tables that lie in the one of another name: a name that has dots and no quotes around it."""
    if isinstance(table, Mapping) and len(path) < _PIECES:
        for key, value in table.items():
            if isinstance(value, Mapping):
                yield from [(*path, key)] if required in value else _in_pieces(value, required, *path, key)


def _wanted(table: object, default: _WantedLine) -> _WantedLine:
    """Return what a target wants, as far as that is right."""
    text = table.get("wasmtime") if isinstance(table, Mapping) else None
    return _WantedLine(*versions.split(text)) if isinstance(text, str) and versions.problem(text) is None else default


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of ``[engine]`` with those of a target put over them; flags are put together one by one."""
    merged = {**common, **own}
    flags = {**common.get("cranelift-flags", {}), **own.get("cranelift-flags", {})}
    return {**merged, "cranelift-flags": flags} if flags else merged
