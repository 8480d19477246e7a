"""The same test on several targets: where it came out differently, each side is told of the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.verify.tested import Ran

_NAMED = 3


class _Seen(NamedTuple):
    position: int
    target: str
    ran: Ran


class Across:
    """Collects what came of tests, by project, module and test."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], list[_Seen]] = {}

    def add(self, position: int, manifest: Manifest, artifact: ManifestArtifact, ran: Sequence[Ran]) -> None:
        """Add the tests of the artifact whose verdict has a position in the report."""
        for test in ran:
            if test.outcome is not None:
                key = (manifest.project, artifact.module, json.dumps(test.case.to_json(), sort_keys=True))
                self._seen.setdefault(key, []).append(_Seen(position, manifest.target, test))

    def notes(self) -> dict[int, str]:
        """Return what to add to the verdicts at some positions; the order of adding does not matter."""
        notes: dict[int, str] = {}
        for key in sorted(self._seen):
            seen = sorted(self._seen[key], key=lambda item: item.position)
            for item in seen:
                note = _note(item, [other for other in seen if other.target != item.target])
                if note and item.position not in notes:
                    notes[item.position] = note
        return notes


def _note(item: _Seen, others: Sequence[_Seen]) -> str:
    """Return how a test came out elsewhere, where that says something about how it came out here."""
    differ = [other for other in others if other.ran.outcome != item.ran.outcome]
    if item.ran.problem and differ:
        return f"on {_targets(differ)} it {differ[0].ran.words}"
    if item.ran.problem and others:
        return f"it is the same on {_listed([other.target for other in others])}"
    passed = [other for other in differ if not other.ran.problem]
    if passed:
        words = (item.ran.words, passed[0].ran.words)
        here, there = words if words[0] != words[1] else ("wrote something else", "")
        where = f"on {_targets(passed)} it {there}" if there else f"than on {_targets(passed)}"
        return f"{item.ran.case.title} {here}{', and ' if there else ' '}{where}"
    return ""


def _targets(seen: Sequence[_Seen]) -> str:
    """Return the targets where it came out as in the first."""
    return _listed([item.target for item in seen if item.ran.outcome == seen[0].ran.outcome])


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
