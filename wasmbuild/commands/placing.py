"""Options of a build that is a step of another one: where it stands, and what tells the other that it is done."""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.commands import options
from wasmbuild.errors import CompileError, UsageError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.plan.placement import Placement
from wasmbuild.toolchain.search_path import LOCK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from wasmbuild.builder.workspace import Workspace
    from wasmbuild.engine.programs import Program
    from wasmbuild.plan.graph import Plan


class SourceOverride(NamedTuple):
    """A source that another build makes: a file in the place of the one that a module declares."""

    module: str
    path: Path


def add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        metavar="NAME=PATH",
        action="append",
        type=_source_override,
        default=[],
        help="take this file in the place of the one that modules.NAME declares; records keep the declared path",
    )


def add_directories(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--build-dir",
        metavar="D",
        type=options.directory,
        help="build there, anywhere, and not in [project] build-dir",
    )
    parser.add_argument(
        "--state-dir",
        metavar="S",
        type=options.directory,
        help="keep the lock and what is remembered there (default: .wasmbuild in the build directory), so that the "
        "build directory holds what ships and its records alone; one for each build directory",
    )


def add_selection(parser: argparse.ArgumentParser, others: str = "") -> None:
    """Add options that select targets; ``others`` says what happens to those that are not."""
    parser.add_argument(
        "--target",
        metavar="GLOB",
        action="append",
        default=[],
        help=f"targets with such names alone{others}",
    )
    parser.add_argument(
        "--for",
        dest="program",
        metavar="TRIPLE",
        type=_program,
        help=f"targets alone whose artifacts a program of that triple can load: its own, and Pulley's{others}",
    )


def add_step(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stamp",
        metavar="P",
        type=options.file,
        help="write an empty file when all is done, after everything else (default, with --build-dir or --depfile: "
        "the build directory itself gets the present time)",
    )
    options.add_depfile(parser, "the stamp, or without one the build directory,")


def placement(arguments: argparse.Namespace, *, awaited: bool = False, keeps: bool = False) -> Placement:
    """Return where the command line places a build, whose sources may be ``awaited`` from the one around.

    With ``keeps``, what was made for targets that are not selected stays.

    Raises UsageError for a module with two sources.
    """
    sources: dict[str, Path] = {}
    for name, path in arguments.source:
        if name in sources and sources[name] != path:
            raise UsageError(f"--source gives {name!r} two files, {sources[name]} and {path}; leave out one of them")
        sources[name] = path
    return Placement(
        build_dir=_absolute(getattr(arguments, "build_dir", None)),
        state_dir=_absolute(getattr(arguments, "state_dir", None)),
        sources=sources,
        targets=tuple(getattr(arguments, "target", ())),
        program=getattr(arguments, "program", None),
        awaited=awaited,
        keeps=keeps,
    )


def is_step(arguments: argparse.Namespace) -> bool:
    """Tell whether another build waits for a sign that this one is done."""
    return any(path is not None for path in (arguments.build_dir, arguments.stamp, arguments.depfile))


def ending(arguments: argparse.Namespace, workspace: Workspace, plan: Plan) -> Callable[[], None]:
    """Return what tells the build around this one that all is done: the depfile, then the stamp or the directory.

    Raises UsageError for names that no depfile can hold, and for outputs that would overwrite what is read or made,
    before anything is made.
    """
    build_dir = arguments.build_dir or Path(os.path.normpath(Path(plan.path).parent / plan.build_dir_text))
    check_outputs("build", [("--stamp", arguments.stamp), ("--depfile", arguments.depfile)], arguments, plan)
    content = None
    if arguments.depfile is not None:
        content = _depfile(arguments, workspace, plan, build_dir)

    def end() -> None:
        from wasmbuild.builder import output

        if content is not None:
            output.write(arguments.depfile, content)
        if arguments.stamp is not None:
            output.write(arguments.stamp, b"")
        # By the name that was just written its folder is younger, which may be one that a glob looks into.
        output.touch(arguments.stamp or plan.build_dir)
        try:
            files.pass_step()
            _check_unchanged(workspace)
        except BaseException:
            take_back(arguments, plan)
            raise

    return end


def take_back(arguments: argparse.Namespace, plan: Plan) -> None:
    """Remove the stamp, or give the build directory an old time, lest the build around this one take it for done."""
    from wasmbuild.builder import output

    with suppress(OSError):
        if arguments.stamp is None:
            os.utime(plan.build_dir, (0, 0))
        elif (stamp := output.replaced(arguments.stamp)) is not None:
            stamp.unlink()


def _check_unchanged(workspace: Workspace) -> None:
    """Raise CompileError for what was edited before the sign got its time, which is younger: nobody would build it."""
    planned = workspace.planned()
    if workspace.is_up_to_date(planned):
        return
    # A whole build leaves no note where it may not write, nor while another one is at work: what counts is what is so.
    session = workspace.session(planned, cached=False)
    try:
        if session.is_whole() and not planned.plan.refused:
            return
        changed = [status.artifact.id for status in session.outdated()] or [planned.plan.path]
    finally:
        session.close()
    raise CompileError("\n".join(f"{each}: changed while it was built; build again" for each in sorted(changed)))


def _depfile(arguments: argparse.Namespace, workspace: Workspace, plan: Plan, build_dir: Path) -> bytes:
    from wasmbuild.builder.inputs import of_build

    toolchain = workspace.toolchain(plan)
    try:
        inputs = [*of_build(plan, build_dir, dict(arguments.source)), *toolchain.files()]
    finally:
        toolchain.close()
    return options.depfile(arguments, arguments.stamp or build_dir, inputs)


def check_outputs(
    command: str, outputs: Iterable[tuple[str, Path | None]], arguments: argparse.Namespace, plan: Plan
) -> None:
    """Check that files that are written besides a build overwrite nothing that it reads or makes, nor each other.

    ``outputs`` are options with the files that they name, if any. Raises UsageError, DiskError.
    """
    from wasmbuild.builder.inputs import source_of

    overrides = dict(arguments.source)
    beside = Path(plan.path).parent
    taken = [("--config", arguments.config), ("the lock file", beside / LOCK)]
    taken += [
        ("--source" if module.name in overrides else "the source", source_of(plan, module, overrides))
        for module in plan.modules
    ]
    taken += [("the file of a test", beside / file) for file in plan.test_files()]
    for option, path in outputs:
        if path is None:
            continue
        if _is_made(plan, path):
            raise options.overwrites_made(command, option, path)
        options.check_output(command, option, path, taken)
        taken.append((option, path))


def _is_made(plan: Plan, path: Path) -> bool:
    """Tell whether a path is that of an artifact, a record, a manifest or the index of a build directory."""
    from wasmbuild.builder.plan_files import PlanFiles
    from wasmbuild.confined import is_below

    root, real = os.path.realpath(plan.build_dir), os.path.realpath(path)
    if not is_below(root, real):
        return False
    meant = os.path.normcase(plan.build_dir / os.path.relpath(real, root))
    return meant in map(os.path.normcase, PlanFiles(plan).made)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else Path(os.path.abspath(path))


def _source_override(text: str) -> SourceOverride:
    name, equals, path = text.partition("=")
    if not name or not equals or not path:
        raise options.refused(f"{text!r} is not NAME=PATH, such as filter=out/filter.wasm")
    return SourceOverride(name, Path(path))


def _program(text: str) -> Program:
    from wasmbuild.engine.programs import program

    try:
        return program(text)
    except ValueError as error:
        raise options.refused(f"{text!r} {error}") from None
