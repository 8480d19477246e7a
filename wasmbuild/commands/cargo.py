"""``wasmbuild build --cargo``: what Cargo tells a build script, and what it wants to hear from one.

The variables and the lines are those of https://doc.rust-lang.org/cargo/reference/build-scripts.html, from 1.77 on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from wasmbuild.errors import DeclarationError, OccupiedError, UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames, names
from wasmbuild.text import printable, quoted

if TYPE_CHECKING:
    import argparse

    from wasmbuild.builder.workspace import Workspace
    from wasmbuild.plan.graph import Plan

_DIRECTORY = "wasm"
_ENGINE = "engine.rs"
_DECIDED_BY_CARGO = {"--state-dir": "state_dir", "--stamp": "stamp", "--depfile": "depfile"}
_DECIDED_BY_CARGO |= {"--for": "program", "--json": "json", "--watch": "watch", "SELECTOR": "selectors"}


def build(arguments: argparse.Namespace, placed: Callable[[], int]) -> int:
    """Place a build where Cargo wants it, and return what it ends with.

    Raises UsageError where Cargo did not start it, or an option contradicts, and whatever the build raises.
    """
    _place(arguments)
    try:
        return placed()
    except OccupiedError as error:
        raise DeclarationError(
            mistake._replace(key="--build-dir", fix=f"with --build-dir NAME beside --cargo, {mistake.fix}")
            for mistake in error.mistakes
        ) from None


def _place(arguments: argparse.Namespace) -> None:
    from wasmbuild.engine.programs import program

    for option, name in _DECIDED_BY_CARGO.items():
        if getattr(arguments, name) not in (None, False, []):
            raise UsageError(f"wasmbuild build: {option} does not go with --cargo, which decides that; leave it out")
    out, triple = (_cargo_variable(name) for name in ("OUT_DIR", "TARGET"))
    name = _name(arguments.build_dir)
    arguments.build_dir = Path(out, name)
    # Where no build directory can be: no name starts with a dot.
    arguments.state_dir = Path(out, filenames.STATE_DIRECTORY, name)
    try:
        arguments.program = program(triple)
    except ValueError as error:
        raise UsageError(f"wasmbuild build --cargo: TARGET is {triple!r}, which {error}") from None


def _name(build_dir: Path | None) -> str:
    """Return the name of the build directory in ``OUT_DIR``: the crate has one for each of its declarations."""
    name = _DIRECTORY if build_dir is None else str(build_dir)
    if problem := names.problem(name):
        raise UsageError(
            f"wasmbuild build: --build-dir {quoted(name)} {problem}, and with --cargo it is the name of a directory in "
            f"OUT_DIR, such as codecs; {names.rule()}"
        )
    return name


def ending(arguments: argparse.Namespace, workspace: Workspace, plan: Plan) -> Callable[[], None]:
    """Return what writes the engine and tells Cargo what to watch, once all is built.

    What was built is not watched, nor a source that the build script itself made in its directory: it is younger than
    the start of the script, so that Cargo would run that at each build. What such a source is made of is for the script
    to tell.
    """
    from wasmbuild.builder.inputs import of_declaration, source_of

    overrides = dict(arguments.source)
    variable = _variable(arguments.build_dir.name)
    inputs = [*of_declaration(plan), *(source_of(plan, module, overrides) for module in plan.modules)]

    def end() -> None:
        from wasmbuild.builder import output
        from wasmbuild.embed.source import source
        from wasmbuild.embed.spec import TargetEngine

        toolchain = workspace.toolchain(plan)
        try:
            made = source(
                "rust",
                [TargetEngine(target.name, target.engine) for target in plan.targets],
                toolchain,
                origin=Path(plan.path).as_posix(),
                command="wasmbuild build --cargo",
            )
            watched = [*inputs, *toolchain.files()]
        finally:
            toolchain.close()
        output.update(arguments.build_dir / _ENGINE, made.text.encode(), keep_time=True)
        sys.stdout.write("".join(f"{line}\n" for line in _lines(watched, variable, made.targets[0])))

    return end


def _lines(watched: Iterable[Path], variable: str, target: str) -> list[str]:
    from wasmbuild.confined import is_below

    made = os.path.realpath(_cargo_variable("OUT_DIR"))
    absolute = dict.fromkeys(map(os.path.abspath, watched))
    paths = [path for path in absolute if not is_below(made, os.path.realpath(path))]
    for path in paths:
        if "\n" in path or "\r" in path:
            raise UsageError(f"{printable(path)}: Cargo cannot be told of a name with a line break; rename the file")
    return [
        *(f"cargo::rerun-if-changed={path}" for path in paths),
        "cargo::rerun-if-env-changed=WASMBUILD_WASMTIME",
        f"cargo::rustc-env={variable}={target}",
    ]


def _variable(name: str) -> str:
    """Return the variable with the target's name: Cargo has one set of them for all that a build script starts."""
    return "WASMBUILD_TARGET" if name == _DIRECTORY else f"WASMBUILD_TARGET_{name}"


def _cargo_variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise UsageError(
            f"wasmbuild build --cargo: the environment has no {name}; start it from a build.rs, to which Cargo gives "
            f"that, or leave out --cargo"
        )
    return value
