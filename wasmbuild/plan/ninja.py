"""A plan as a file for Ninja 1.11 and later: an edge for each artifact, the last one for manifests and index.

The file's syntax is that of the manual's "Ninja file reference".
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Module

# Ninja has no escape for these.
_NEVER = re.compile(r"[\x00-\x1f|]")


class Commands(NamedTuple):
    """What edges run, as one line for a shell each; Ninja fills in ``$in``, ``$out``, ``$module`` and ``$target``.

    ``plan`` makes the file again, or is None.
    """

    compile: str
    manifest: str
    plan: str | None


def to_ninja(
    plan: Plan,
    commands: Commands,
    *,
    file: str | None,
    declaration: str,
    build_dir: str,
    source: Callable[[Module], str],
) -> str:
    """Return the file that Ninja reads; ``file`` is its own name, None where it has none and cannot be made again.

    Paths are from the directory in which Ninja runs; ``source`` returns that of a module. Raises UsageError for a path
    that Ninja cannot be told.
    """
    return "\n".join(_lines(plan, commands, file, declaration, build_dir, source)) + "\n"


def _lines(
    plan: Plan,
    commands: Commands,
    file: str | None,
    declaration: str,
    build_dir: str,
    source: Callable[[Module], str],
) -> Iterator[str]:
    yield "# Written by wasmbuild plan --ninja from the declaration, and again when that changes."
    # Of a file that gives no module the last edge says so, which has to run for that: the file itself is its input.
    yield from (f"# {mistake}" for mistake in plan.refused)
    yield "ninja_required_version = 1.11"
    yield from _rule("wasmbuild_compile", commands.compile, "WASM $module@$target", depfile=True)
    yield from _rule("wasmbuild_manifest", commands.manifest, "MANIFESTS of $out")
    if commands.plan is not None and file is not None:
        yield from _rule("wasmbuild_plan", commands.plan, "PLAN $out", depfile=True)
        yield "  generator = 1"
        yield f"build {_path(file)}: wasmbuild_plan | {_path(declaration)}"
    sources = {module.name: source(module) for module in plan.modules}
    made: list[str] = []
    for artifact in plan.artifacts:
        (module, target), out = artifact, f"{build_dir}/{artifact.path}"
        record = out + filenames.RECORD_SUFFIX
        made += [out, record]
        yield (
            f"build {_path(out)} | {_path(record)}: wasmbuild_compile {_path(sources[module.name])} | "
            f"{_path(declaration)}"
        )
        yield f"  module = {module.name}"
        yield f"  target = {target.name}"
    others = [f"{build_dir}/{path}" for path in (*plan.manifests(), *plan.shipped_sources())]
    yield f"# Tests, with the files that they are given: {plan.tests_digest()}"
    inputs = [*made, declaration]
    if file is not None:
        # So the step runs again when an artifact is no longer among its edges, and when tests are others. Their files
        # are told in the depfile alone: where one is gone that is also in an edge, Ninja stops.
        inputs.append(file)
    else:
        inputs += [os.path.join(os.path.dirname(declaration), name) for name in plan.test_files()]
    yield f"build {_path(f'{build_dir}/{filenames.INDEX}')} | {_paths(others)}: wasmbuild_manifest | {_paths(inputs)}"


def _rule(name: str, command: str, description: str, *, depfile: bool = False) -> Iterator[str]:
    yield f"rule {name}"
    yield f"  command = {command}"
    yield f"  description = {description}"
    yield "  restat = 1"
    if depfile:
        yield "  depfile = $out.d"
        yield "  deps = gcc"


def value(text: str) -> str:
    """Return text as the value of a variable has it. Raises UsageError for what no value can hold."""
    return _expressible(text).replace("$", "$$")


def _path(path: str) -> str:
    return re.sub(r"[$ :]", r"$\g<0>", _expressible(path))


def _paths(paths: Sequence[str]) -> str:
    return " ".join(map(_path, paths))


def _expressible(text: str) -> str:
    if _NEVER.search(text):
        raise UsageError(
            f"wasmbuild plan --ninja: Ninja cannot be told of {text!r}, because of | or a control character; rename "
            f"the file or its directory"
        )
    return text
