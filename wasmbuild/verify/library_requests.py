"""What the probe is asked to execute: see ``probe_cases.py``."""

from __future__ import annotations

from wasmbuild.formats import given_directories
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.formats.typed_cases import is_of_wasi
from wasmbuild.lean.typing import Any
from wasmbuild.project import cases
from wasmbuild.project.cases import Case
from wasmbuild.verify.tested import Metering


def to_execute(artifact: ManifestArtifact, case: Case, metering: Metering) -> dict[str, Any]:
    """Return the request that executes one case on an artifact that is kept."""
    return {
        "test": case.to_json(),
        "fuel": (case.fuel or cases.FUEL[1]) if metering.fuel else None,
        "epoch": metering.epoch,
        "wasi": [item.name for item in artifact.imports if is_of_wasi(artifact.kind, item)],
        **given_directories.to_json(given_directories.named_by([case])),
    }
