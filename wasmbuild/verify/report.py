"""What verification found: one entry per artifact, and its JSON form ``wasmbuild/report/1``."""

from __future__ import annotations

import json

from wasmbuild.errors import DONE, FAILED, NOT_VERIFIED
from wasmbuild.formats.schema_parts import Schema, array, choice, published, strict
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.project.levels import LEVELS
from wasmbuild.verify.outcomes import LACKS, OUTCOMES, Verdict

SCHEMA = "wasmbuild/report/1"


class Report(NamedTuple):
    """The verdicts, in the order of the paths that were given, of the targets in an index, and of a manifest.

    ``seconds`` is how long each took, in the same order; the JSON form leaves it out, for equal reports are equal text.
    ``errors`` are what else makes it fail, one line for people each.
    """

    artifacts: tuple[Verdict, ...]
    seconds: tuple[float, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every artifact reaches the level that is required of it, and nothing else makes it fail."""
        return not self.errors and all(entry.ok for entry in self.artifacts)

    @property
    def exit_code(self) -> int:
        """What a command that verified returns: a failure is told before what was not verified."""
        if self.ok:
            return DONE
        failed = self.errors or any(not entry.ok and entry.verified for entry in self.artifacts)
        return FAILED if failed else NOT_VERIFIED

    def to_json(self) -> str:
        """Return the report as JSON; equal reports give equal text. The last line ends with a newline."""
        document = {
            "schema": SCHEMA,
            "ok": self.ok,
            "artifacts": [{key: getattr(entry, key) for key in _KEYS} for entry in self.artifacts],
            "errors": list(self.errors),
        }
        return json.dumps(document, indent=2) + "\n"

    def to_junit(self) -> str:
        """Return the report as JUnit's XML: a suite for each target, a case for each artifact. Times are in seconds."""
        from wasmbuild.verify.junit import junit

        timed = zip(self.artifacts, self.seconds or (0.0,) * len(self.artifacts), strict=True)
        return junit(list(timed), self.errors)


_KEYS = ("id", "ok", "outcome", "level", "failed", "required", "lacks", "message")
_LEVEL: Schema = {"type": ["string", "null"], "enum": [*LEVELS, None]}

_VERDICT = strict(
    {
        "id": {
            "type": "string",
            "description": "module@target, or the path of a manifest or an index that cannot be used",
        },
        "ok": {"type": "boolean", "description": "whether it passed"},
        "outcome": {
            **choice(OUTCOMES),
            "description": "not-verified: what verifies failed, which says nothing of the artifact",
        },
        "level": {**_LEVEL, "description": "the highest level that holds"},
        "failed": {**_LEVEL, "description": "the level that should hold and does not, or was not judged"},
        "required": {**choice(LEVELS), "description": "the lowest level that passes"},
        "lacks": {
            "type": ["string", "null"],
            "enum": [*LACKS, None],
            "description": "why a higher level was not tried: "
            + "; ".join(f"{key}: {text}" for key, text in LACKS.items()),
        },
        "message": {
            "type": "string",
            "description": "one line for people; of an artifact that is ok, why this host proves no more",
        },
    }
)

JSON_SCHEMA = published(
    SCHEMA,
    "What verification found",
    strict(
        {
            "schema": {"type": "string", "const": SCHEMA},
            "ok": {"type": "boolean", "description": "whether the verification passed"},
            "artifacts": array(_VERDICT),
            "errors": {
                **array({"type": "string"}),
                "description": "what makes it fail besides artifacts, such as known faults by [audit] enforce",
            },
        }
    ),
)
"""The JSON Schema (draft 2020-12) of ``Report.to_json``."""
