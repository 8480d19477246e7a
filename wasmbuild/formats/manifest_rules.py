"""The rules of record, manifest and index: their JSON Schemas, and what a schema cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from wasmbuild.formats.printable import printable
from wasmbuild.formats.schemas import INDEX, JSON_SCHEMAS, MANIFEST, RECORD
from wasmbuild.formats.strict_json import Check, Invalid, check_free, compile_schema, show
from wasmbuild.project import cpu, names, settings, triples


@cache
def _structure(name: str) -> Check:
    return compile_schema(JSON_SCHEMAS[name])


def check_schema(document: object, schema: str) -> None:
    """Tell another version of a format from a damaged file. Raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid(f"must be an object, not {show(document)}")
    found = document.get("schema")
    if isinstance(found, str) and found != schema and found.rpartition("/")[0] == schema.rpartition("/")[0]:
        problem = f"is {show(found)}, and this version of wasmbuild reads {show(schema)}"
        raise Invalid(problem, "schema", fix="use the version of wasmbuild that wrote the file, or build again")


def check_record(document: Any) -> None:
    """Check a document of JSON as a record. Raises Invalid."""
    _structure(RECORD)(document)
    try:
        check_free(document["inputs"])
    except Invalid as error:
        error.path.append("inputs")
        raise


def check_manifest(document: Any) -> None:
    """Check a document of JSON as a manifest. Raises Invalid."""
    _structure(MANIFEST)(document)
    target, wasmtime, artifacts = document["target"], document["wasmtime"], document["artifacts"]
    _check_name(document["project"], "project")
    _check_name(target["name"], "name", "target")
    if not wasmtime["compiler"].startswith(f"{wasmtime['major']}."):
        raise Invalid(f"is not a version of the line {wasmtime['major']}", "compiler", "wasmtime")
    triple = _parse_triple(target["triple"], "triple", "target")
    _check_cpu(triple, target["cpu"], target["isa_flags"])
    _check_engine(triple, wasmtime["major"], document["engine"])
    good: set[str] = set()
    _check_distinct(artifacts, "artifacts", "module", "", good)
    _check_distinct(artifacts, "artifacts", "path", ".cwasm", good)


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


def _check_cpu(triple: triples.TargetTriple, level: str | None, flags: Mapping[str, object]) -> None:
    for name, problem, _fix in cpu.flag_problems(triple.architecture, flags):
        raise Invalid(printable(problem), name, "isa_flags", "target")
    if level is None:
        return
    of_level = cpu.levels(triple.architecture).get(level)
    if of_level is None:
        raise Invalid(f"{show(level)} is no CPU level of {triple.architecture}", "cpu", "target")
    missing = sorted(of_level.keys() - flags.keys())
    if missing:
        raise Invalid(f"lacks {', '.join(missing)}, which {level} has", "isa_flags", "target")


def _check_engine(triple: triples.TargetTriple, line: int, engine: Mapping[str, object]) -> None:
    wrong = settings.line_problem(line)
    if wrong is not None:
        raise Invalid(wrong, "major", "wasmtime", fix="use a version of wasmbuild that knows that line")
    if engine["embedder"] not in settings.EMBEDDERS:
        raise Invalid(f"{show(engine['embedder'])} is no embedder that is known here", "embedder", "engine")
    # A canonical engine has its preset spelled out: what it leaves out is at the default, not as the preset has it.
    spelled_out = {**engine, "embedder": "c-api"}
    for key, problem, _fix in settings.problems(spelled_out, line=line, triple=triple):
        raise Invalid(printable(problem), *reversed(key.split(".", 1)), "engine")
    canonical = settings.expand(spelled_out, line, triple)
    for key, value in engine.items():
        if key != "embedder" and canonical.get(key) != value:
            raise Invalid("says what is the default, which is left out of a manifest", key, "engine")


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
