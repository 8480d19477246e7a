"""Single-byte flips in real artifacts: every one is found by ``verify``, and before anything is loaded."""

from __future__ import annotations

import hashlib
import itertools
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import BenchmarkError
from benchmarks.modules import tiny_modules
from benchmarks.projects import Target
from benchmarks.table import Benchmark, Count
from benchmarks.workspace import Workspace, host_targets, real_modules
from tests import corpus
from wasmbuild.formats import cwasm
from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.verify import Verdict, verify

_SEED = 10_000
_FLIPS = 10_000
_QUICK_FLIPS = 1_000
_DECLARED = 2_000
_QUICK_DECLARED = 200
_TINY = 2
# Every copy is a file: so many bytes of them are on disk at a time.
_BATCH_BYTES = 256 << 20
_NOBITS = 8
# Besides this host's own: another byte order and other machine code.
_FOREIGN = Target("s390x", "s390x-unknown-linux-gnu")


class _Original(NamedTuple):
    """An artifact as it was built, and where in it a byte can be flipped: each section, each table, what is between."""

    manifest: Manifest
    artifact: ManifestArtifact
    path: Path
    data: bytes
    regions: Sequence[range]


class _Flip(NamedTuple):
    original: _Original
    offset: int
    mask: int

    def __str__(self) -> str:
        artifact, manifest = self.original.artifact, self.original.manifest
        return f"{artifact.module}@{manifest.target}: byte {self.offset} ^ {self.mask:#04x}"

    def flipped(self) -> bytes:
        data = bytearray(self.original.data)
        data[self.offset] ^= self.mask
        return bytes(data)


def unchanged(workspace: Workspace) -> Count:
    """Flips that the manifest does not know of."""
    originals = _originals(workspace)
    flips = _drawn(originals, _QUICK_FLIPS if workspace.quick else _FLIPS, lambda original: original.regions)
    missed = _missed(workspace, flips, (False, None, "intact"))
    what = f"single-byte flips found before anything is loaded; all sections of {len(originals)} artifacts"
    return Count("flips", what, len(flips), missed)


def declared(workspace: Workspace) -> Count:
    """Flips in what an artifact says of itself, where the manifest gives the digest of the flipped bytes.

    Not all of these bytes mean something: a vendor in a triple or a reserved word of a header changes nothing.
    """
    originals = _originals(workspace)
    flips = _drawn(originals, _QUICK_DECLARED if workspace.quick else _DECLARED, _headers)
    missed = _missed(workspace, flips, (False, "intact", "consistent"), redeclare=True)
    what = "flips in headers and engine sections that the manifest was made to agree with, found without loading"
    return Count("flips-declared", what, len(flips), missed, demanded=False)


@cache
def _originals(workspace: Workspace) -> list[_Original]:
    modules = [*tiny_modules(_TINY), *real_modules(corpus.names(for_ci=True))]
    project = workspace.project("flips", modules, [*host_targets(), _FOREIGN])
    project.build()
    originals = []
    for path in sorted(project.build_dir.glob("*/manifest.json")):
        manifest = Manifest.from_bytes(path.read_bytes(), str(path))
        for artifact in manifest.artifacts:
            file = path.parent / artifact.path
            data = file.read_bytes()
            originals.append(_Original(manifest, artifact, file, data, _regions(data)))
    return originals


def _regions(data: bytes) -> list[range]:
    """Return the file cut at the bounds of everything in it: tables, sections, and the gaps between them."""
    facts = cwasm.read(data)
    bounds = {0, 64, len(data)}
    for section in facts.sections:
        if section.size and section.type != _NOBITS:
            bounds.update((section.offset, section.offset + section.size))
    ordered = sorted(bounds)
    return [range(start, end) for start, end in itertools.pairwise(ordered)]


def _headers(original: _Original) -> list[range]:
    """Return the ELF header, the engine section and the section table, which is the last of a file."""
    sections = {section.name: section for section in cwasm.read(original.data).sections}
    engine = sections[cwasm.ENGINE_SECTION]
    return [range(64), range(engine.offset, engine.offset + engine.size), original.regions[-1]]


def _drawn(originals: Sequence[_Original], count: int, regions: Callable[[_Original], Sequence[range]]) -> list[_Flip]:
    """Draw flips: each region of each artifact has one, and the rest fall anywhere in it, more on small artifacts."""
    chance = random.Random(_SEED)  # noqa: S311 -- the same flips in every run
    where = {index: regions(original) for index, original in enumerate(originals)}
    drawn = [(index, region) for index, of_one in where.items() for region in of_one]
    # Large ones cost the most to write and hash.
    weights = [len(original.data) ** -0.5 for original in originals]
    for index in chance.choices(range(len(originals)), weights, k=max(0, count - len(drawn))):
        [region] = chance.choices(where[index], [len(region) for region in where[index]])
        drawn.append((index, region))
    chance.shuffle(drawn)
    return [_Flip(originals[index], chance.choice(region), chance.randint(1, 255)) for index, region in drawn[:count]]


def _missed(
    workspace: Workspace,
    flips: Sequence[_Flip],
    expected: tuple[bool, str | None, str],
    *,
    redeclare: bool = False,
) -> list[str]:
    """Verify all flips, and return those whose verdict is not the expected ``(ok, level, failed)``.

    With ``redeclare`` the manifest has the digest of the flipped bytes, and nothing is to be loaded; without, whatever
    gets that far is. Raises BenchmarkError where an artifact that nobody touched, which lies beside them, is not found
    right.
    """
    missed = []
    for batch in _batches(flips):
        directory = workspace.root / "flipped"
        named = _ship(directory, batch, redeclare=redeclare)
        level = "consistent" if redeclare else None
        report = verify([directory], level=level)
        for entry in report.artifacts:
            flip = named.pop(entry.id, None)
            if flip is None and not entry.ok:
                raise BenchmarkError(f"{entry.id} was not touched, and yet: {entry.message}")
            if flip is not None and (entry.ok, entry.level, entry.failed) != expected:
                missed.append(f"{flip}: {_shown(entry)}")
        missed += [f"{flip}: no verdict" for flip in named.values()]
        shutil.rmtree(directory)
    return missed


def _batches(flips: Sequence[_Flip]) -> Iterator[list[_Flip]]:
    batch: list[_Flip] = []
    size = 0
    for flip in flips:
        batch.append(flip)
        size += flip.original.artifact.size
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _ship(directory: Path, flips: Sequence[_Flip], *, redeclare: bool) -> dict[str, _Flip]:
    """Write copies with a byte flipped, and their originals beside them; return the flips by the ids of the copies."""
    manifests: dict[str, Manifest] = {}
    artifacts: dict[str, list[ManifestArtifact]] = {}
    named = {}
    for number, flip in enumerate(flips):
        (manifest, artifact, path, *_), target = flip.original, flip.original.manifest.target
        if manifests.setdefault(target, manifest) is not manifest:
            raise BenchmarkError(f"there are two manifests of {target}")
        beside = artifacts.setdefault(target, [])
        (directory / target).mkdir(parents=True, exist_ok=True)
        if artifact not in beside:
            (directory / target / artifact.path).hardlink_to(path)
            beside.append(artifact)
        module, data = f"flip-{number:05}", flip.flipped()
        (directory / target / f"{module}.cwasm").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest() if redeclare else artifact.sha256
        beside.append(artifact._replace(module=module, path=f"{module}.cwasm", sha256=digest))
        named[f"{module}@{target}"] = flip
    for target, manifest in manifests.items():
        data = manifest._replace(artifacts=tuple(artifacts[target])).to_bytes()
        (directory / target / "manifest.json").write_bytes(data)
    return named


def _shown(entry: Verdict) -> str:
    return f"level {entry.level}, failed {entry.failed}: {entry.message}"


BENCHMARKS = [Benchmark("flips", unchanged), Benchmark("flips-declared", declared)]
