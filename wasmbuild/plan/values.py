"""What is declared, as JSON values and back: the parts that plans and remembered declarations have in common.

Paths of programs are relative to the declaration's folder where they lie in it, and start with ``./`` then; bare names
are found on PATH. What is read of a plan has the structure of its schema, and what is remembered was written here.
"""

from __future__ import annotations

import os

from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.project.declared import CompileLimits, Runner, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PlanHeader(NamedTuple):
    """What is declared once: name, build directory, compiler and limits, as in ``Project``."""

    name: str
    build_dir: Path
    compiler: str
    limits: CompileLimits


def from_folder(directory: Path, path: Path) -> str:
    """Return a path from the declaration's folder, with forward slashes.

    Raises UsageError where there is none: from one drive of Windows to another.
    """
    try:
        return os.path.relpath(path, directory).replace(os.sep, "/")
    except ValueError:
        raise UsageError(
            f"{path} is on another drive than {directory}, from where a plan tells of files; have both on one drive"
        ) from None


def head_to_json(head: PlanHeader, directory: Path) -> dict[str, Any]:
    return {
        "project": head.name,
        "build-dir": from_folder(directory, head.build_dir),
        "compiler": path_to_text(head.compiler, directory),
        "limits": head.limits._asdict(),
    }


def head_from_json(document: Mapping[str, Any], directory: Path) -> PlanHeader:
    return PlanHeader(
        document["project"],
        # A path of the kind that was given.
        type(directory)(os.path.normpath(directory / document["build-dir"])),
        path_from_text(document["compiler"], directory),
        CompileLimits(**document["limits"]),
    )


def target_to_json(target: Target, directory: Path) -> dict[str, Any]:
    return {
        "name": target.name,
        "wasmtime": {"line": target.engine.line, "at-least": target.at_least, "runtime": target.runtime},
        "triple": target.triple.text,
        "cpu": target.cpu,
        "isa-flags": dict(target.engine.isa_flags),
        "engine": target.engine.engine_table(),
        "require": target.require,
        "runner": None if target.runner is None else _runner_to_json(target.runner, directory),
    }


def engine_from_json(document: Mapping[str, Any]) -> EngineConfig:
    """Return the engine of a target's document. Raises ValueError for a triple that Wasmtime has no back end for."""
    triple = triples.parse(document["triple"])
    return EngineConfig(document["wasmtime"]["line"], triple, document["isa-flags"], document["engine"])


def target_from_json(document: Mapping[str, Any], engine: EngineConfig, directory: Path) -> Target:
    wasmtime, runner = document["wasmtime"], document["runner"]
    return Target(
        document["name"],
        document["cpu"],
        engine,
        document["require"],
        None if runner is None else _runner_from_json(runner, directory),
        wasmtime["runtime"],
        wasmtime["at-least"],
    )


def contract_to_json(imports: Sequence[str] | None, exports: Sequence[str] | None, ships: bool) -> dict[str, Any]:
    return {
        "imports": None if imports is None else list(imports),
        "exports": None if exports is None else list(exports),
        "ship-source": ships,
    }


def contract_from_json(document: Mapping[str, Any]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None, bool]:
    return texts(document["imports"]), texts(document["exports"]), document["ship-source"]


def texts(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _runner_to_json(runner: Runner, directory: Path) -> dict[str, Any]:
    return {
        "command": [path_to_text(word, directory) if index == 0 else word for index, word in enumerate(runner.command)],
        "python": runner.python and path_to_text(runner.python, directory),
        "wasmtime": runner.wasmtime and path_to_text(runner.wasmtime, directory),
        "environment": runner.environment,
        "limits": {"memory": runner.memory, "seconds": runner.seconds},
    }


def _runner_from_json(document: Mapping[str, Any], directory: Path) -> Runner:
    command = document["command"]
    return Runner(
        tuple([path_from_text(word, directory) if index == 0 else word for index, word in enumerate(command)]),
        document["python"] and path_from_text(document["python"], directory),
        document["wasmtime"] and path_from_text(document["wasmtime"], directory),
        document["environment"],
        str(directory),
        document["limits"]["memory"],
        document["limits"]["seconds"],
    )


def path_to_text(name: str, directory: Path) -> str:
    """Return the path of a program, or its bare name: from the declaration's folder what lies in it."""
    path = Path(name)
    return f"./{path.relative_to(directory).as_posix()}" if path.is_relative_to(directory) else name


def path_from_text(text: str, directory: Path) -> str:
    """Return what ``path_to_text`` was given, for a declaration in this folder."""
    return os.path.normpath(directory / text) if "/" in text or "\\" in text else text
