"""Plans as JSON for other programs, written and read back: ``wasmbuild/plan/1``.

Of each target it says what a compiler is told (``arguments``, which go between the executable and the files) and what
decides the bytes of its artifacts besides source and compiler (``key``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from wasmbuild.engine import rules
from wasmbuild.errors import FormatError
from wasmbuild.formats import given_directories
from wasmbuild.formats.schema_check import Check, compile_schema
from wasmbuild.formats.strict_json import Invalid, loads, show
from wasmbuild.lean.typing import Any
from wasmbuild.plan import values
from wasmbuild.plan.graph import COMPILE, Plan, Step
from wasmbuild.plan.schema import PLAN, PLAN_SCHEMA
from wasmbuild.project import filenames
from wasmbuild.project.cases import Case, Files
from wasmbuild.project.declared import Artifact, Module, Target

_MAX_BYTES = 256 << 20


def to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON values, with paths relative to the declaration's folder."""
    head = values.PlanHeader(plan.project_name, plan.build_dir, plan.compiler, plan.limits)
    return {
        "schema": PLAN,
        "declaration": os.path.basename(plan.path),
        **values.head_to_json(head, plan.directory),
        "targets": [_target_to_json(target, plan) for target in plan.targets],
        "modules": [
            {
                "name": module.name,
                "source": module.source_text,
                **_file_to_json(plan, module),
                **({} if module.key is None else {"declared-as": module.key}),
                **values.contract_to_json(module.imports, module.exports, module.ship_source),
                "tests": [case.to_json() for case in module.tests],
            }
            for module in plan.modules
        ],
        **given_directories.to_json(given_directories.named_by(plan.tests())),
        "globs": {pattern: list(matched) for pattern, matched in plan.globs},
        "steps": [_step_to_json(step) for step in plan.steps()],
    }


def from_bytes(data: bytes, directory: Path, *, where: str) -> Plan:
    """Read a plan of a declaration in an absolute ``directory``; ``where`` names the document in messages.

    The steps have to be those of its targets and modules, and what it says of a target what follows from its settings.
    Raises FormatError.
    """
    try:
        document = loads(data, _MAX_BYTES)
        _structure()(document)
        return _read(document, directory)  # type: ignore[arg-type]  # its structure was checked
    except Invalid as error:
        place = error.where()
        raise FormatError(f"{where}: {place + ': ' if place else ''}{error.problem}") from None


def _read(document: Mapping[str, Any], directory: Path) -> Plan:
    head = values.head_from_json(document, directory)
    for key, right in values.head_to_json(head, directory).items():
        # A path in another spelling is another text: what is read is written as it stands, or refused.
        if document[key] != right:
            raise Invalid("is not as it is written here", key)
    given_directories.check(document, "modules")
    held = given_directories.from_json(document)
    targets = _by_name("targets", [_target(*item, directory) for item in enumerate(document["targets"])])
    modules = _by_name("modules", [_module_from_json(item, directory, held) for item in document["modules"]])
    artifacts = []
    for index, step in enumerate(document["steps"]):
        if step["kind"] == COMPILE:
            try:
                artifacts.append(Artifact(modules[step["module"]], targets[step["target"]]))
            except KeyError as missing:
                raise Invalid(f"names {show(missing.args[0])}, which is not there", index, "steps") from None
    plan = Plan(
        str(directory / document["declaration"]),
        directory,
        head.name,
        head.build_dir,
        head.compiler,
        head.limits,
        tuple(targets.values()),
        tuple(modules.values()),
        tuple(artifacts),
        tuple([(pattern, tuple(matched)) for pattern, matched in document["globs"].items()]),
        head.build_dir / filenames.STATE_DIRECTORY,
    )
    for index, target in enumerate(plan.targets):
        wrong = target.engine.problems()
        if wrong:
            key, problem, _ = wrong[0]
            raise Invalid(problem, key, "engine", index, "targets")
        _compare(document["targets"][index], _target_to_json(target, plan), index, "targets")
    for index, module in enumerate(plan.modules):
        _compare(document["modules"][index].get("file"), _file_to_json(plan, module).get("file"), index, "modules")
    steps = [_step_to_json(step) for step in plan.steps()]
    if len(steps) != len(document["steps"]):
        raise Invalid("are not those of the targets and modules", "steps")
    for index, step in enumerate(steps):
        _compare(document["steps"][index], step, index, "steps")
    return plan


def _compare(found: object, right: object, *place: str | int) -> None:
    if found != right:
        raise Invalid("is not what follows from the rest of the plan", *place)


def _by_name(where: str, items: list[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for index, item in enumerate(items):
        if named.setdefault(item.name, item) is not item:
            raise Invalid(f"{show(item.name)} is there twice", index, where)
    return named


def _target(index: int, document: Mapping[str, Any], directory: Path) -> Target:
    try:
        if (problem := rules.line_problem(document["wasmtime"]["line"])) is not None:
            raise Invalid(problem, "line", "wasmtime")
        try:
            engine = values.engine_from_json(document)
        except ValueError as error:
            raise Invalid(str(error), "triple") from None
        return values.target_from_json(document, engine, directory)
    except Invalid as error:
        error.path += [index, "targets"]
        raise


def _target_to_json(target: Target, plan: Plan) -> dict[str, Any]:
    return {
        **values.target_to_json(target, plan.directory),
        "arguments": ["compile", *target.engine.executable_arguments()],
        "key": target.engine.key_inputs(),
    }


def _file_to_json(plan: Plan, module: Module) -> dict[str, Any]:
    """Return the file that takes the place of a declared source, if one does."""
    file = plan.source_file(module)
    return {} if file == module.source_text else {"file": file}


def _module_from_json(document: Mapping[str, Any], directory: Path, held: Mapping[str, Files]) -> Module:
    return Module(
        document["name"],
        Path(os.path.normpath(directory / document.get("file", document["source"]))),
        document["source"],
        *values.contract_from_json(document)[:2],
        tuple([Case.from_json(test, held) for test in document["tests"]]),
        document["ship-source"],
        key=document.get("declared-as"),
    )


def _step_to_json(step: Step) -> dict[str, Any]:
    named = {key: name for key, name in (("module", step.module), ("target", step.target)) if name}
    return {
        "id": step.id,
        "kind": step.kind,
        **named,
        "inputs": list(step.inputs),
        "outputs": list(step.outputs),
        "needs": list(step.needs),
    }


@cache
def _structure() -> Check:
    return compile_schema(PLAN_SCHEMA)
