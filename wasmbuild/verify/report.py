"""What verification found: one entry per artifact, and its JSON form ``wasmbuild/report/1``."""

from __future__ import annotations

import json
from typing import NamedTuple

from wasmbuild.errors import DONE, FAILED
from wasmbuild.project.levels import LEVELS

SCHEMA = "wasmbuild/report/1"


class Broken(NamedTuple):
    """A level does not hold: what is wrong with the artifact, and what to do, in one line."""

    message: str


class Unreachable(NamedTuple):
    """A level cannot be tried on this host, which says nothing against the artifact: why, in one line."""

    message: str


Obstacle = Broken | Unreachable
"""What keeps an artifact from a level."""


class Entry(NamedTuple):
    """The verdict on one artifact, or on a manifest or an index that cannot be used.

    ``id`` is ``module@target``, or the path of the manifest or index as it was named. ``level`` is the highest level
    that holds, or None; ``failed`` the one that does not although it should, or None; ``required`` the lowest level
    that passes. ``message`` is one line for people, safe to show: what is wrong and what to do, or why a higher level
    cannot be tried on this host; empty where there is nothing to say.
    """

    id: str
    ok: bool
    level: str | None
    failed: str | None
    required: str
    message: str


class Report(NamedTuple):
    """The verdicts, in the order of the paths that were given, of the targets in an index, and of a manifest.

    ``seconds`` is how long each took, in the same order; the JSON form leaves it out, for equal reports are equal text.
    """

    artifacts: tuple[Entry, ...]
    seconds: tuple[float, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every artifact reaches the level that is required of it."""
        return all(entry.ok for entry in self.artifacts)

    @property
    def exit_code(self) -> int:
        """What a command that verified returns."""
        return DONE if self.ok else FAILED

    def to_json(self) -> str:
        """Return the report as JSON; equal reports give equal text. The last line ends with a newline."""
        document = {
            "schema": SCHEMA,
            "ok": self.ok,
            "artifacts": [entry._asdict() for entry in self.artifacts],
        }
        return json.dumps(document, indent=2) + "\n"

    def to_junit(self) -> str:
        """Return the report as JUnit's XML: a suite for each target, a case for each artifact. Times are in seconds."""
        from wasmbuild.verify.junit import junit

        return junit(list(zip(self.artifacts, self.seconds or (0.0,) * len(self.artifacts), strict=True)))


def entry(
    id: str,
    reached: str | None,
    obstacle: Obstacle | None,
    *,
    require: str | None,
    reachable: str,
    ceiling: str,
) -> Entry:
    """Judge an artifact that holds up to ``reached`` and, with an obstacle, not at the level above.

    ``require`` is what the manifest demands, or None for whatever this host can reach (``reachable``). More than
    ``ceiling``, the highest level that was asked for, is demanded of no artifact.
    """
    required = require or reachable
    if isinstance(obstacle, Unreachable) and require is None:
        # Some obstacles, such as a missing feature of the CPU, show only when the level is tried.
        required = min(required, reached or LEVELS[0], key=LEVELS.index)
    required = min(required, ceiling, key=LEVELS.index)
    if obstacle is None:
        return Entry(id, True, reached, None, required, "")
    above = LEVELS[0] if reached is None else LEVELS[LEVELS.index(reached) + 1]
    if isinstance(obstacle, Broken):
        return Entry(id, False, reached, above, required, obstacle.message)
    if reached is not None and LEVELS.index(reached) >= LEVELS.index(required):
        return Entry(id, True, reached, None, required, obstacle.message)
    message = f"{obstacle.message}; its manifest demands the level {required}"
    return Entry(id, False, reached, above, required, message)


def unusable(path: str, message: str) -> Entry:
    """Return the entry of a manifest or an index that cannot be used: nothing below it could be judged."""
    return Entry(path, False, None, LEVELS[0], LEVELS[0], message)


_LEVEL = {"type": ["string", "null"], "enum": [*LEVELS, None]}

JSON_SCHEMA: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:{SCHEMA.replace('/', ':')}",
    "title": "What verification found",
    "type": "object",
    "required": ["schema", "ok", "artifacts"],
    "additionalProperties": False,
    "properties": {
        "schema": {"type": "string", "const": SCHEMA},
        "ok": {"type": "boolean", "description": "whether every artifact reaches the level that is required of it"},
        "artifacts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": list(Entry._fields),
                "additionalProperties": False,
                "properties": {
                    "id": {
                        "type": "string",
                        "description": "module@target, or the path of a manifest or an index that cannot be used",
                    },
                    "ok": {"type": "boolean"},
                    "level": {**_LEVEL, "description": "the highest level that holds"},
                    "failed": {**_LEVEL, "description": "the level that should hold and does not"},
                    "required": {"type": "string", "enum": list(LEVELS), "description": "the lowest level that passes"},
                    "message": {
                        "type": "string",
                        "description": "one line for people; of an artifact that is ok, why this host proves no more",
                    },
                },
            },
        },
    },
}
"""The JSON Schema (draft 2020-12) of ``Report.to_json``."""
