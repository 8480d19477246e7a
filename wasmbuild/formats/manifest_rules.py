"""The rules of manifest and index: their JSON Schemas, and what a schema cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from wasmbuild.engine import cpu, rules, triples
from wasmbuild.engine.checked import canonical_problems
from wasmbuild.formats import given_directories, typed_cases
from wasmbuild.formats.documents import INDEX, MANIFEST
from wasmbuild.formats.reading import interface_of
from wasmbuild.formats.schema_check import Check, compile_schema
from wasmbuild.formats.schemas import JSON_SCHEMAS
from wasmbuild.formats.strict_json import Invalid, show
from wasmbuild.lean.typing import Any
from wasmbuild.project import names
from wasmbuild.project.case_rules import problems
from wasmbuild.project.cases import Case
from wasmbuild.project.filenames import ARTIFACT_SUFFIX, WASM_SUFFIX
from wasmbuild.project.keys import Problem
from wasmbuild.text import printable


@cache
def _structure(name: str) -> Check:
    return compile_schema(JSON_SCHEMAS[name])


def check_manifest(document: Any) -> None:
    """Check a document of JSON as a manifest. Raises Invalid."""
    _structure(MANIFEST)(document)
    target, wasmtime, artifacts = document["target"], document["wasmtime"], document["artifacts"]
    _check_name(document["project"], "project")
    _check_name(target["name"], "name", "target")
    for key in ("compiler", "runtime"):
        if not wasmtime.get(key, wasmtime["compiler"]).startswith(f"{wasmtime['major']}."):
            raise Invalid(f"is not a version of the line {wasmtime['major']}", key, "wasmtime")
    triple = _parse_triple(target["triple"], "triple", "target")
    line = _known_line(wasmtime["major"])
    _check_cpu(triple, line, target["cpu"], target["isa_flags"])
    _check_engine(triple, line, document["engine"])
    good: set[str] = set()
    _check_distinct(artifacts, "artifacts", "module", "", good)
    _check_distinct(artifacts, "artifacts", "path", ARTIFACT_SUFFIX, good)
    for index, artifact in enumerate(artifacts):
        if "tests" in artifact:
            _check_tests(artifact, "tests", index, "artifacts")
    given_directories.check(document, "artifacts")
    _check_shipped(artifacts, good)


def check_index(document: Any) -> None:
    """Check a document of JSON as an index. Raises Invalid."""
    _structure(INDEX)(document)
    targets = document["targets"]
    _check_name(document["project"], "project")
    good: set[str] = set()
    _check_distinct(targets, "targets", "name", "", good)
    _check_distinct(targets, "targets", "path", ".json", good)
    for index, target in enumerate(targets):
        _parse_triple(target["triple"], "triple", index, "targets")


def _check_name(name: str, *place: str | int) -> None:
    wrong = names.problem(name, module=True)
    if wrong is not None:
        raise Invalid(f"{show(name)} {wrong}", *place)


def _parse_triple(text: str, *place: str | int) -> triples.TargetTriple:
    try:
        return triples.parse(text)
    except ValueError as error:
        problem = str(error).partition("; ")[0]
        raise Invalid(f"{show(text)} {printable(problem)}", *place) from None


def _known_line(line: int) -> int:
    wrong = rules.line_problem(line)
    if wrong is not None:
        raise Invalid(wrong, "major", "wasmtime", fix="use a version of wasmbuild that knows that line")
    return line


def _check_cpu(triple: triples.TargetTriple, line: int, level: str | None, flags: Mapping[str, object]) -> None:
    for name, problem, _fix in cpu.flag_problems(triple.architecture, flags, line):
        raise Invalid(printable(problem), name, "isa_flags", "target")
    if level is None:
        return
    of_level = cpu.levels(triple.architecture, line).get(level)
    if of_level is None:
        raise Invalid(f"{show(level)} is no CPU level of {triple.architecture}", "cpu", "target")
    missing = sorted(of_level.keys() - flags.keys())
    if missing:
        raise Invalid(f"lacks {', '.join(missing)}, which {level} has", "isa_flags", "target")


def _check_engine(triple: triples.TargetTriple, line: int, engine: Mapping[str, object]) -> None:
    for key, problem, _fix in canonical_problems(engine, line, triple):
        raise Invalid(printable(problem), *reversed(key.split(".", 1)), "engine")


def _check_tests(artifact: Mapping[str, Any], *place: str | int) -> None:
    """Check that test cases are sound, and that they fit the exports that the manifest names."""
    # Only the first problem is told, and to tell one can cost a comparison with hundreds of names.
    for path, problem, _fix in _test_problems(artifact):
        raise Invalid(printable(problem), *reversed(path), *place)


def _test_problems(artifact: Mapping[str, Any]) -> Iterator[Problem]:
    tests = [Case.from_json(test) for test in artifact["tests"]]
    for index, test in enumerate(tests):
        for path, problem, fix in problems(test):
            yield (index, *path), problem, fix
    yield from typed_cases.problems(tests, artifact["kind"], interface_of(artifact))


def _check_shipped(artifacts: Iterable[Mapping[str, Any]], good: set[str]) -> None:
    """Check that modules that are shipped have names of their own."""
    shipping = [(index, artifact) for index, artifact in enumerate(artifacts) if "wasm" in artifact]
    seen: dict[str, int] = {}
    for index, artifact in shipping:
        path = artifact["wasm"]["path"]
        name = path.removesuffix(WASM_SUFFIX)
        if name not in good:
            _check_name(name, "path", "wasm", index, "artifacts")
        first = seen.setdefault(name.lower(), index)
        if first != index:
            problem = f"{show(path)} is that of artifacts[{first}] too, upper and lower case apart"
            raise Invalid(problem, "path", "wasm", index, "artifacts")


def _check_distinct(entries: Iterable[Mapping[str, str]], where: str, key: str, suffix: str, good: set[str]) -> None:
    """Check that what becomes files has names for every system, none of them the same but for case.

    ``good`` holds the names that were found so, and grows.
    """
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = entry[key].removesuffix(suffix)
        if name not in good:
            _check_name(name, key, index, where)
            good.add(name)
        first = seen.setdefault(name.lower(), index)
        if first != index:
            problem = f"{show(entry[key])} is that of {where}[{first}] too, upper and lower case apart"
            raise Invalid(problem, key, index, where)
