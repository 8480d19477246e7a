"""The same test on several targets: where it came out differently, each side is told of the other."""

from __future__ import annotations

import json
from collections.abc import Sequence

from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import listed
from wasmbuild.verify.tested import CaseResult, differ

_NAMED = 3


class _CaseRun(NamedTuple):
    position: int
    number: int
    target: str
    result: CaseResult
    speaks: bool


class TargetComparison:
    """Collects what came of tests, by project, module and test."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], list[_CaseRun]] = {}

    def add(self, position: int, manifest: Manifest, artifact: ManifestArtifact, results: Sequence[CaseResult]) -> None:
        """Add the tests of the artifact whose verdict has a position in the report."""
        named = next((index for index, test in enumerate(results) if test.problem), None)
        for index, test in enumerate(results):
            if test.outcome is not None:
                key = (manifest.project, artifact.module, json.dumps(test.case.to_json(), sort_keys=True))
                # A note says "it" of a test with a problem, so that has to be the one that the verdict names.
                speaks = index == named or not test.problem
                self._seen.setdefault(key, []).append(_CaseRun(position, index, manifest.target, test, speaks))

    def notes(self) -> dict[int, str]:
        """Return what to add to the verdicts at some positions; the order of adding does not matter."""
        found: dict[int, list[tuple[bool, int, str]]] = {}
        for tests in self._seen.values():
            seen = sorted(tests, key=lambda item: (item.position, item.number))
            for item in seen:
                note = _note(item, [other for other in seen if other.target != item.target])
                if note and item.speaks:
                    found.setdefault(item.position, []).append((not item.result.problem, item.number, note))
        return {position: min(notes)[-1] for position, notes in sorted(found.items())}


def _note(item: _CaseRun, others: Sequence[_CaseRun]) -> str:
    """Return how a test came out elsewhere, where that says something about how it came out here."""
    otherwise = [other for other in others if other.result.outcome != item.result.outcome]
    if item.result.problem and otherwise:
        # One that came out right says most.
        otherwise.sort(key=lambda other: bool(other.result.problem))
        return f"on {_targets(otherwise)} it {differ(item.result, otherwise[0].result)[1]}"
    if item.result.problem and others:
        return f"it is the same on {listed([other.target for other in others], _NAMED)}"
    passed = [other for other in otherwise if not other.result.problem]
    if passed:
        here, there = differ(item.result, passed[0].result)
        return f"{item.result.case.title} {here}, and on {_targets(passed)} it {there}"
    return ""


def _targets(seen: Sequence[_CaseRun]) -> str:
    """Return the targets where it came out as in the first."""
    return listed([item.target for item in seen if item.result.outcome == seen[0].result.outcome], _NAMED)
