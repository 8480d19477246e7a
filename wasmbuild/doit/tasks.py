"""Declarations as tasks of doit: one for each artifact, one for the manifests, one that verifies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wasmbuild.build.noop import Known
from wasmbuild.build.workspace import CONFIG
from wasmbuild.doit import builds
from wasmbuild.project import filenames

MANIFESTS = "manifests"
_IO = {"capture": False}

# What the reporter tells our tasks by.
META = "wasmbuild"
OUTDATED = "outdated"
UP_TO_DATE = "up-to-date"
_OUTDATED = {META: OUTDATED}
_UP_TO_DATE = {META: UP_TO_DATE}
_OTHER = {META: "other"}


class Declared:
    """What a wasmbuild.toml declares, for doit; nothing is looked at before it is asked for."""

    def __init__(self, config: str | os.PathLike[str]) -> None:
        self._config = os.path.abspath(config)

    def tasks(self, basename: str = "compile") -> Iterator[dict[str, Any]]:
        """Yield the tasks that compile: ``basename:module@target`` for each artifact, then ``basename:manifests``.

        Their targets are the artifacts, with paths as seen from the working directory, so that other tasks may depend
        on the files or on the tasks. What is up to date now, is to doit too; mistakes in the declaration become a task
        that fails with all of them.
        """
        build = builds.of(self._config)
        if build.error is not None:
            action = (builds.fail, [str(build.error)])
            yield {"basename": basename, "actions": [action], "io": _IO, "meta": _OTHER}
            return
        group = {"basename": basename, "name": None, "doc": "precompile what is out of date, for every target"}
        yield {**group, "meta": _OTHER}
        if build.known is not None:
            yield from self._of_known(basename, build.known, os.path.relpath(build.workspace.root))
        else:
            yield from self._of_session(basename, build)

    def verify(self) -> dict[str, Any]:
        """Return the task that verifies what was built."""
        build = builds.of(self._config)
        action = (
            (builds.fail, [str(build.error)]) if build.error is not None else (builds.verify_artifacts, [self._config])
        )
        return {
            "actions": [action],
            "doc": "prove that the artifacts are what was declared and that they load",
            "io": _IO,
            "verbosity": 2,
            "meta": _OTHER,
        }

    def dodo(self) -> tuple[dict[str, Any], Callable[[], Iterator[dict[str, Any]]], Callable[[], dict[str, Any]]]:
        """Return ``DOIT_CONFIG``, ``task_compile`` and ``task_verify`` for a ``dodo.py`` of wasmbuild's own."""
        from wasmbuild.build.run import cores
        from wasmbuild.doit.reporter import Reporter

        build = builds.of(self._config)
        config: dict[str, Any] = {
            "default_tasks": ["compile", "verify"],
            "backend": "sqlite3",
            # Records say what is up to date; a database beside them could only fail (no rights, a full disk) or lie.
            "dep_file": ":memory:",
            "par_type": "thread",
            "num_process": cores() if len(build.outdated) > 1 else 0,
            "continue": True,
            "reporter": Reporter,
        }

        def task_compile() -> Iterator[dict[str, Any]]:
            """precompile what is out of date, for every target"""
            yield from self.tasks()

        def task_verify() -> dict[str, Any]:
            return self.verify()

        return config, task_compile, task_verify

    def _of_known(self, basename: str, known: Known, root: str) -> Iterator[dict[str, Any]]:
        config = self._config
        up_to_date = [True]
        for target, triple, modules in known.targets:
            for module in modules:
                id = f"{module}@{target}"
                path = f"{root}/{target}/{module}.cwasm"
                yield {
                    "basename": basename,
                    "name": id,
                    "actions": [(builds.compile_artifact, [config, id])],
                    "targets": [path, path + ".json"],
                    "uptodate": up_to_date,
                    "clean": True,
                    "io": _IO,
                    "doc": triple,
                    "meta": _UP_TO_DATE,
                }
        yield self._manifests(basename, root, [target for target, _, _ in known.targets], up_to_date=True)

    def _of_session(self, basename: str, build: builds.Build) -> Iterator[dict[str, Any]]:
        session = build.open()
        config = self._config
        root = os.path.relpath(session.store.root)
        # The largest first, so that no core waits for a long compile that started last.
        outdated = session.outdated()
        right = [status for status in session.statuses.values() if status.right]
        for status in outdated + right:
            artifact = status.artifact
            path = f"{root}/{artifact.path}"
            task: dict[str, Any] = {
                "basename": basename,
                "name": artifact.id,
                "actions": [(builds.compile_artifact, [config, artifact.id])],
                "targets": [path, path + ".json"],
                "uptodate": [True],
                "clean": True,
                "io": _IO,
                "doc": artifact.target.triple.text,
                "meta": _UP_TO_DATE,
            }
            if not status.right:
                task["meta"] = _OUTDATED
                reasons = status.reasons or [f"cannot be built: {status.error}"]
                task["uptodate"] = [builds.OutOfDate(build, artifact.id, reasons)]
            yield task
        yield self._manifests(basename, root, [target.name for target in session.plan.targets], up_to_date=False)

    def _manifests(self, basename: str, root: str, targets: list[str], *, up_to_date: bool) -> dict[str, Any]:
        return {
            "basename": basename,
            "name": MANIFESTS,
            "actions": [(builds.write_manifests, [self._config])],
            "targets": [f"{root}/{filenames.INDEX}", *(f"{root}/{target}/{filenames.MANIFEST}" for target in targets)],
            "uptodate": [up_to_date],
            "clean": True,
            "io": _IO,
            "doc": "the manifests of targets that are whole, and the index",
            "meta": {META: MANIFESTS},
        }


def load(config: str | os.PathLike[str] = CONFIG) -> Declared:
    """Take what a wasmbuild.toml declares, for doit. ``config`` counts from the working directory, now."""
    return Declared(Path(config))
