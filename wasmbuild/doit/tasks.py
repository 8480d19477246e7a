"""Declarations as tasks of doit: one for each artifact, one for the manifests, one that verifies."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from doit.task import clean_targets

from wasmbuild import files, interrupts
from wasmbuild.doit import actions, alike, builds, waiting
from wasmbuild.doit.checks import ArtifactCheck, IndexCheck
from wasmbuild.doit.kinds import MANIFESTS, META, OTHER, OUTDATED, UP_TO_DATE
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan

_IO = {"capture": False}
_GC_THRESHOLD = 50_000

_OTHER = {META: OTHER}


def _end_children_too() -> None:
    """Have doit, where it is asked to stop, end what its threads run for our tasks, and not wait for that."""
    interrupts.raise_when_terminated()
    waiting.hear_requests()
    interrupts.before_it_ends(actions.end_all)


class Declared:
    """What a wasmbuild.toml declares, for doit; nothing is looked at before it is asked for."""

    def __init__(self, arguments: builds.BuildArguments) -> None:
        self._of_any_process = arguments

    @property
    def _arguments(self) -> builds.BuildArguments:
        return self._of_any_process.here()

    def tasks(self, basename: str = "compile") -> Iterator[dict[str, Any]]:
        """Yield the tasks that compile: ``basename:module@target`` for each artifact, then ``basename:manifests``.

        Their targets are the artifacts, with paths as seen from the working directory, so that other tasks may depend
        on the files or on the tasks. Sources may be the targets of other tasks, if those write the paths as seen from
        the working directory. What is up to date, is to doit too; mistakes in the declaration are written to stderr and
        become a task that fails with all of them.
        """
        build = builds.of_run(self._arguments)
        if build.error is not None:
            # doit itself may fail before that task runs: those that others depend on are missing.
            builds.say(str(build.error))
        yield from self._tasks(basename, build)

    def _tasks(self, basename: str, build: builds.Build) -> Iterator[dict[str, Any]]:
        if build.planned is None or build.error is not None:
            action = (actions.fail, [str(build.error)])
            yield {"basename": basename, "actions": [action], "io": _IO, "meta": _OTHER}
            return
        group = {"basename": basename, "name": None, "doc": "precompile what is out of date, for every target"}
        yield {**group, "meta": _OTHER}
        yield from self._of_build(basename, build, build.planned.plan)

    def verify(self, basename: str | None = None) -> dict[str, Any]:
        """Return the task that verifies what was built: after all that doit runs, or after the tasks of ``basename``.

        doit's processes (``-P process``) need the latter.
        """
        _end_children_too()
        builds.end_former()
        return {
            "actions": [(actions.verify_artifacts, [self._arguments], {"ordered": basename is not None})],
            "task_dep": [] if basename is None else [basename],
            "doc": "prove that the artifacts are what was declared and that they load",
            "io": _IO,
            "verbosity": 2,
            "meta": _OTHER,
        }

    def dodo(self) -> tuple[dict[str, Any], Callable[[], Iterator[object]], Callable[[], dict[str, Any]]]:
        """Return ``DOIT_CONFIG``, ``task_compile`` and ``task_verify`` for a ``dodo.py`` of wasmbuild's own."""
        from wasmbuild.builder.job_slots import cores
        from wasmbuild.doit.reporter import Reporter
        from wasmbuild.doit.skipping import MEMORY

        # Fewer passes over the many objects of many tasks, none of which is garbage.
        gc.set_threshold(_GC_THRESHOLD)
        interrupts.tell_in_one_line("what was finished is whole, and the next run goes on from there")
        _end_children_too()
        build = builds.anew(self._arguments)
        config: dict[str, Any] = {
            "default_tasks": ["compile", "verify"],
            "backend": "sqlite3",
            # Records say what is up to date; a database beside them could only fail (no rights, a full disk) or lie.
            "dep_file": MEMORY,
            "par_type": "thread",
            "num_process": cores() if len(build.outdated) > 1 else 0,
            "continue": True,
            "reporter": Reporter,
        }

        def task_compile() -> Iterator[object]:
            """precompile what is out of date, for every target"""
            yield from alike.made(self._tasks("compile", builds.of_run(self._arguments)))

        def task_verify() -> dict[str, Any]:
            return self.verify()

        return config, task_compile, task_verify

    def _of_build(self, basename: str, build: builds.Build, plan: Plan) -> Iterator[dict[str, Any]]:
        arguments = self._arguments
        root = files.relative(plan.build_dir)
        up_to_date = [ArtifactCheck(build)]
        # doit shows them with `info`; by then the check has cleared the dependency.
        sources = _relative(plan)
        metas = {
            kind: {name: {META: kind, "source": path} for name, path in sources.items()}
            for kind in (UP_TO_DATE, OUTDATED)
        }
        triples = {target.name: target.triple.text for target in plan.targets}
        names = []
        for artifact, reasons in build.in_order(plan):
            (module, target), id = artifact, artifact.id
            path = f"{root}/{artifact.path}"
            names.append(f"{basename}:{id}")
            yield {
                "basename": basename,
                "name": id,
                "actions": [(actions.compile_artifact, [arguments, id, reasons is None])],
                "file_dep": [sources[module.name]],
                "targets": [path, path + filenames.RECORD_SUFFIX],
                "uptodate": up_to_date if reasons is None else [ArtifactCheck(build, reasons)],
                "clean": True,
                "io": _IO,
                "doc": triples[target.name],
                "meta": metas[UP_TO_DATE if reasons is None else OUTDATED][module.name],
            }
        targets = [*plan.manifests(), *plan.shipped_sources()]
        yield self._manifests(basename, root, targets, names, build, whole=build.up_to_date and not plan.refused)

    def _manifests(
        self, basename: str, root: str, targets: list[str], names: list[str], build: builds.Build, *, whole: bool
    ) -> dict[str, Any]:
        return {
            "basename": basename,
            "name": MANIFESTS,
            "actions": [(actions.write_manifests, [self._arguments])],
            "task_dep": names,
            "targets": [f"{root}/{path}" for path in (filenames.INDEX, *targets)],
            "uptodate": [IndexCheck(build) if whole else False],
            "clean": [clean_targets, (actions.remove_state, [self._arguments])],
            "io": _IO,
            "doc": "the manifests of targets that are whole, and the index",
            "meta": {META: MANIFESTS},
        }


def _relative(plan: Plan) -> dict[str, str]:
    """Return the paths of sources, by module, as seen from the working directory."""
    base = f"{plan.directory}{os.sep}"
    above = files.relative(plan.directory)
    prefix = "" if above == os.curdir else above + os.sep
    paths = {module.name: str(module.source) for module in plan.modules}
    return {
        name: prefix + path[len(base) :] if path.startswith(base) else files.relative(path)
        for name, path in paths.items()
    }


def _absolute(directory: str | os.PathLike[str] | None) -> str | None:
    if directory is None:
        return None
    # An empty name is refused when it is placed.
    return os.path.abspath(directory) if os.fspath(directory) else ""


def load(
    config: str | os.PathLike[str] = filenames.CONFIG,
    *,
    build_dir: str | os.PathLike[str] | None = None,
    state_dir: str | os.PathLike[str] | None = None,
    sources: Mapping[str, str | os.PathLike[str]] | None = None,
    targets: Iterable[str] = (),
    program: str | None = None,
) -> Declared:
    """Take what a wasmbuild.toml declares, for doit.

    The keywords are those of ``wasmbuild.api.build``; ``sources`` may be the targets of other tasks, and need not be
    there yet. All paths count from the working directory, now.
    """
    return Declared(
        builds.BuildArguments(
            os.path.abspath(config),
            _absolute(build_dir),
            _absolute(state_dir),
            tuple((name, os.fspath(path)) for name, path in (sources or {}).items()),
            (targets,) if isinstance(targets, str) else tuple(targets),
            program,
        )
    )
