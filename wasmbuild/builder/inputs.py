"""What a whole build depends on, for the build around it: each file by the path that it is known by there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from wasmbuild.confined import is_below
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Module


def source_of(plan: Plan, module: Module, sources: Mapping[str, Path]) -> Path:
    """Return the path of a module's source as it is known: as it was given, or as the declaration was named."""
    return sources.get(module.name) or _beside(plan, module.source_text)


def of_declaration(plan: Plan) -> Iterator[Path]:
    """Yield what decides the plan: the declaration, the folders of globs, and the files that tests are given.

    Folders that the build itself writes into are left out, for they would bring it back each time, but not those where
    globs find something: a file that comes there would be built by nobody.
    """
    yield Path(plan.path)
    for path in (*_folders(plan), *plan.test_files()):
        yield _beside(plan, path)


def of_build(plan: Plan, build_dir: Path, sources: Mapping[str, Path]) -> Iterator[Path]:
    """Yield the declaration, the sources, the folders of globs, and what is made: all that brings a build back.

    What is made is among them so that what is deleted, or edited, is made again; records are not, for an artifact that
    is right has one. ``build_dir`` and ``sources`` are paths as they were given; the rest is as the declaration was
    named, from the working directory or absolute.
    """
    yield from of_declaration(plan)
    for module in plan.modules:
        yield source_of(plan, module, sources)
    artifacts = [artifact.path for artifact in plan.artifacts]
    for path in (filenames.INDEX, *plan.manifests(), *artifacts, *plan.shipped_sources()):
        yield build_dir / path


def _beside(plan: Plan, path: str) -> Path:
    """Return a path from the declaration's folder as the build takes it: ``..`` is by names, links or not."""
    return Path(os.path.normpath(os.path.join(os.path.dirname(plan.path), path)))


def _folders(plan: Plan) -> Iterator[str]:
    root, build, state = map(os.path.realpath, (plan.directory, plan.build_dir, plan.state_dir))
    targets = [os.path.join(build, target.name) for target in plan.targets]
    holding = {os.path.dirname(file) for _, matched in plan.globs for file in matched}
    for folder in plan.folders:
        path = os.path.normpath(os.path.join(root, folder))
        written = path in (build, state) or any(is_below(target, path) for target in targets)
        if path == root or folder in holding or not written:
            yield folder
