"""What tasks tell others of what they made, by doit's ``getargs``: ``path``, ``size`` in bytes and ``sha256``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from wasmbuild import files
from wasmbuild.formats.manifest import MAX_INDEX
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.project.declared import Artifact


def artifact(declared: Artifact, build_dir: Path) -> dict[str, Any]:
    """Return what there is to tell of an artifact that is right; its path is that of the task's target.

    Raises DiskError where its record cannot be read.
    """
    from wasmbuild.builder.records import read_record

    record = read_record(build_dir.joinpath(*declared.path.split("/")))
    return {"path": f"{files.relative(build_dir)}/{declared.path}", "size": record.size, "sha256": record.sha256}


def index(build_dir: Path) -> dict[str, Any]:
    """Return the same of the index, which stands for everything. Raises OSError."""
    data, _ = files.read(build_dir / filenames.INDEX, MAX_INDEX)
    path = f"{files.relative(build_dir)}/{filenames.INDEX}"
    return {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
