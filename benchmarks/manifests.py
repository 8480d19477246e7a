"""Wrong manifests, swapped artifacts, indexes that lead elsewhere: each is found, and the right entry is blamed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.measure import BenchmarkError
from benchmarks.table import Benchmark, Count
from benchmarks.workspace import Workspace
from benchmarks.wrong import claims, documents, files, indexes, promises
from benchmarks.wrong.crate import Crate, UnfitError
from benchmarks.wrong.indexes import Box
from benchmarks.wrong.shipments import ExpectedVerdict, Shipment, build
from wasmbuild.verify import Verdict, verify

_SEED = 1_000
_COUNT = 1_000
_QUICK_COUNT = 120
_CRATES = (*files.WAYS, *claims.WAYS, *promises.WAYS, *documents.WAYS)
_WAYS = len(_CRATES) + len(indexes.WAYS)
# Between wrong ones, so that finding them is no refusal of all.
_RIGHT_EACH = 20
_TRIES = 1_000
_RIGHT = "right"


class _Case:
    """A directory to verify and what has to be said of everything in it."""

    def __init__(self, what: str, made: Crate | Box) -> None:
        self.what = what
        self.directory: Path = made.directory
        self.expected = dict(made.expected)
        made.write()


def found(workspace: Workspace) -> Count:
    """Verify as many directories, each wrong in one way, in one run, with right ones between them."""
    count = _QUICK_COUNT if workspace.quick else _COUNT
    directory = workspace.root / "wrong"
    cases = list(_cases(build(workspace), directory, count))
    report = verify([case.directory for case in cases])
    by_case: dict[str, dict[str, Verdict]] = {case.directory.name: {} for case in cases}
    for entry in report.artifacts:
        by_case[_case_of(entry.id, directory)][entry.id] = entry
    missed = []
    for case in cases:
        problem = _problem(case.expected, by_case[case.directory.name])
        if problem and case.what == _RIGHT:
            raise BenchmarkError(f"nothing is wrong with {case.directory}, and yet {problem}")
        if problem:
            missed.append(f"{case.what}: {problem}")
    what = f"wrong manifests and swapped artifacts found, the right entry blamed; {_WAYS} ways of being wrong"
    return Count("manifests", what, count, missed)


def _cases(shipments: Sequence[Shipment], directory: Path, count: int) -> Iterator[_Case]:
    """Yield so many wrong directories, none like another, and right ones between them."""
    chance = random.Random(_SEED)  # noqa: S311 -- the same in every run
    ways = itertools.cycle([*map(_crates, _CRATES), *map(_boxes, indexes.WAYS)])
    seen: set[str] = set()
    for number, (what, make) in zip(range(count), ways, strict=False):
        if number % _RIGHT_EACH == 0:
            crate = Crate(
                shipments[number // _RIGHT_EACH % len(shipments)], directory / f"r{number}", chance, shipments
            )
            yield _Case("right", crate)
        for _ in range(_TRIES):
            try:
                made = make(directory / f"w{number}", chance, shipments)
            except UnfitError:
                continue
            if made.fingerprint() not in seen:
                break
        else:
            raise BenchmarkError(f"there are not that many ways to have {what}")
        seen.add(made.fingerprint())
        yield _Case(what, made)


_Make = Callable[[Path, random.Random, Sequence[Shipment]], Crate | Box]


def _crates(harm: Callable[[Crate], None]) -> tuple[str, _Make]:
    def make(directory: Path, chance: random.Random, shipments: Sequence[Shipment]) -> Crate:
        crate = Crate(chance.choice(shipments), directory, chance, shipments)
        harm(crate)
        return crate

    return f"{harm.__module__.rpartition('.')[2]}.{harm.__name__}", make


def _boxes(harm: Callable[[Box], None]) -> tuple[str, _Make]:
    def make(directory: Path, chance: random.Random, shipments: Sequence[Shipment]) -> Box:
        pair = chance.sample(shipments, 2)
        crates = [
            Crate(shipment, directory / f"{directory.name}{place}", chance, shipments)
            for shipment, place in zip(pair, "ab", strict=True)
        ]
        box = Box(directory, crates)
        harm(box)
        return box

    return f"indexes.{harm.__name__}", make


def _case_of(id: str, directory: Path) -> str:
    """Return the name of the case that an entry of the report is about: of its target, or in its path."""
    path = Path(id)
    return path.relative_to(directory).parts[0] if path.is_relative_to(directory) else id.rpartition("@")[2].strip("ab")


def _problem(expected: dict[str, ExpectedVerdict], verdicts: dict[str, Verdict]) -> str:
    """Return in words which verdict of a case is not the expected one."""
    for id in sorted(expected.keys() | verdicts.keys()):
        entry = verdicts.get(id)
        verdict = None if entry is None else (entry.ok, entry.level, entry.failed)
        if verdict != expected.get(id):
            return f"{id} is {verdict} instead of {expected.get(id)}{'' if entry is None else f': {entry.message}'}"
    return ""


BENCHMARKS = [Benchmark("manifests", found)]
