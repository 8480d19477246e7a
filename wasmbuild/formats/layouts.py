"""Releases of one line whose libraries keep their fields in other places than an artifact's code looks for them.

Wasmtime aligns what stands behind an odd number of exception tags since a patch release of some lines
(GHSA-p79w-pv2r-29qp), which moved it; artifacts name the line alone, so that the loader takes both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from wasmbuild.engine import lines
from wasmbuild.formats.traits import Traits
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.formats.manifest import Manifest

_READ_ALWAYS = frozenset(
    ("passive-data", "active-data-imported-memory", "active-data-without-image", "active-data-non-constant-offset")
)
_IMAGE_SIZE = "memory-guaranteed-dense-image-size"
_VERSION = re.compile(r"(\d+)\.0\.(\d+)", re.ASCII)


def crashes(manifest: Manifest, traits: Traits | None, runtime: str, *, on_windows: bool) -> bool:
    """Tell whether an artifact of a manifest would certainly crash in a release of its line; without traits nobody can.

    ``on_windows`` says that it is loaded there, by which data of native code is copied.
    """
    return (
        traits is not None
        and bool(traits.odd_tags_with)
        and differ(manifest.compiler, runtime)
        and reads_moved(traits, manifest.engine, manifest.triple, manifest.major, on_windows=on_windows)
    )


def differ(compiler: str, runtime: str) -> bool:
    """Tell whether two versions of one line are known to have other layouts; pre-releases are not known."""
    versions = [_VERSION.fullmatch(version) for version in (compiler, runtime)]
    if not versions[0] or not versions[1] or versions[0][1] != versions[1][1]:
        return False
    moved = moved_in(int(versions[0][1]))
    return (int(versions[0][2]) < moved) is not (int(versions[1][2]) < moved)


def moved_in(line: int) -> int:
    """Return the patch release of a line that moved its fields; 0 where all releases are known to be alike, or none is.

    Lines before those that are known load what their own version compiled, or had one layout for all releases.
    """
    return lines.get(line).layout_moved_in if line in lines.known() else 0


def reads_moved(traits: Traits, engine: Mapping[str, object], triple: str, line: int, *, on_windows: bool) -> bool:
    """Tell whether an artifact's code certainly reads what moved; ``engine`` is that of its manifest."""
    # Pulley of 32 bits has nothing that alignment moves.
    if triple.startswith("pulley32"):
        return False
    has = traits.odd_tags_with
    image_size = engine.get(_IMAGE_SIZE, lines.get(line).settings[_IMAGE_SIZE].default)
    without_images = (
        on_windows
        or engine.get("memory-init-cow") is False
        or (isinstance(image_size, int) and traits.odd_tags_image_size > image_size)
    )
    return not _READ_ALWAYS.isdisjoint(has) or (without_images and "active-data" in has)
