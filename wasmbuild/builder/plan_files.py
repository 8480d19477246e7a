"""Where the files of a plan lie: absolute paths as text, worked out once for all who look at them."""

from __future__ import annotations

import os
from functools import cached_property

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan


class PlanFiles:
    """The files of a whole build: ``sources`` in the order of modules, ``artifacts`` by id in the order of the plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        root = f"{plan.build_dir}{os.sep}"
        self.index = f"{root}{filenames.INDEX}"
        self.manifests = [f"{root}{target.name}{os.sep}{filenames.MANIFEST}" for target in plan.targets]
        self.sources = [str(module.source) for module in plan.modules]
        native = filenames.native
        self.artifacts = {artifact.id: f"{root}{native(artifact.path)}" for artifact in plan.artifacts}

    @cached_property
    def made(self) -> list[str]:
        """All that a build makes, for the next build to look at."""
        suffix = filenames.RECORD_SUFFIX
        found = [self.index, *self.manifests]
        for path in self.artifacts.values():
            found += (path, path + suffix)
        if any(module.ship_source for module in self._plan.modules):
            root = f"{self._plan.build_dir}{os.sep}"
            shipped = (artifact for artifact in self._plan.artifacts if artifact.module.ship_source)
            found += [f"{root}{filenames.native(artifact.wasm_path)}" for artifact in shipped]
        return found

    @cached_property
    def all(self) -> list[str]:
        """The sources, then all that a build makes."""
        return self.sources + self.made
