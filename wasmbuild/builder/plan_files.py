"""Where the files of a plan lie: absolute paths as text, worked out once for all who look at them."""

from __future__ import annotations

import os

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan


class PlanFiles:
    """The files of a whole build: ``sources`` in the order of modules, ``artifacts`` by id in the order of the plan.

    Each source is there once: what is remembered of files has a row for each path, and of one that was there twice, the
    first row would stay as it was before an edit.
    """

    def __init__(self, plan: Plan) -> None:
        root = f"{plan.build_dir}{os.sep}"
        self.index = f"{root}{filenames.INDEX}"
        native = filenames.native
        self.manifests = [f"{root}{native(path)}" for path in plan.manifests()]
        self.sources = list(dict.fromkeys([str(module.source) for module in plan.modules]))
        self.artifacts = {artifact.id: f"{root}{native(artifact.path)}" for artifact in plan.artifacts}
        suffix = filenames.RECORD_SUFFIX
        self.records = [path + suffix for path in self.artifacts.values()]
        """Those of the artifacts, in their order."""
        self.made = [self.index, *self.manifests]
        """All that a build makes, for the next build to look at."""
        for pair in zip(self.artifacts.values(), self.records, strict=True):
            self.made += pair
        self.made += [f"{root}{native(path)}" for path in plan.shipped_sources()]
        self.all = self.sources + self.made
        """The sources, then all that a build makes."""
