"""What an audit found: an entry for each artifact, and its JSON form ``wasmbuild/audit/1``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping

from wasmbuild.audit.database import UNSCORED, Advisory, Database
from wasmbuild.audit.judge import AFFECTED, NOT_AFFECTED, VERDICTS, AuditedTarget, Finding, Judge, worst
from wasmbuild.audit.shipment import ShippedManifest, Unreadable
from wasmbuild.audit.versions import parse
from wasmbuild.errors import DONE, FAILED, NOT_VERIFIED
from wasmbuild.formats.schema_parts import Schema, array, choice, or_null, published, strict
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project.audit_policy import SEVERITIES, AuditPolicy
from wasmbuild.toolchain.loads_here import is_loaded_by_library

if TYPE_CHECKING:
    from datetime import date

SCHEMA = "wasmbuild/audit/1"
STALE_DAYS = 90
"""After this many days records are told to be old: upstream mends something nearly every month."""


class AuditedArtifact(NamedTuple):
    """What is known of one artifact. ``manifest`` is the path that lists it, ``status`` the worst verdict that is not
    let pass; ``ignored`` are ids of advisories that are, each with the reason. It stands for ``alike`` artifacts.
    """

    id: str
    manifest: str
    compiler: str
    runtime: str | None
    status: str
    findings: tuple[Finding, ...]
    ignored: Mapping[str, str]
    alike: int = 1

    @property
    def is_let_pass(self) -> bool:
        """Whether it is only not affected because that is let pass."""
        return self.status == NOT_AFFECTED and any(each.verdict != NOT_AFFECTED for each in self.findings)


class AuditReport(NamedTuple):
    """What an audit found. ``compilers`` are the versions that compiled, each with the records that hold it, whatever
    the artifact; ``unused`` are ids of ``ignore`` that no record has.
    """

    entries: tuple[AuditedArtifact, ...]
    unreadable: tuple[Unreadable, ...]
    compilers: Mapping[str, tuple[Advisory, ...]]
    database: Database
    policy: AuditPolicy
    unused: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing fails by the policy, and all could be judged."""
        return not self.unreadable and not self.severe

    @property
    def exit_code(self) -> int:
        """What a command that audits returns: a failure is told before what could not be looked at."""
        if self.severe or not all(each.by_host for each in self.unreadable):
            return FAILED
        return NOT_VERIFIED if self.unreadable else DONE

    @property
    def severe(self) -> bool:
        """Whether an artifact is affected as severely as the policy does not let pass."""
        least = SEVERITIES.index(self.policy.fail_on)
        return any(
            finding.verdict == AFFECTED
            and finding.advisory.weight >= least
            and finding.advisory.id not in entry.ignored
            for entry in self.entries
            for finding in entry.findings
        )

    @property
    def worst(self) -> AuditedArtifact | None:
        """The first artifact of those with the worst status, None where there is none."""
        return max(self.entries, key=lambda entry: VERDICTS.index(entry.status), default=None)

    def count(self, status: str | None = None) -> int:
        """Return how many artifacts have a status, by default how many there are."""
        return sum(entry.alike for entry in self.entries if status in (None, entry.status))

    def to_json(self, today: date) -> str:
        """Return the report as JSON; ``today`` decides which lines are out of support. Its last line ends."""
        about = {
            "schema": SCHEMA,
            "ok": self.ok,
            "database": {"date": self.database.date.isoformat(), "advisories": len(self.database.advisories)},
            "support": [
                {"line": line, "until": until.isoformat(), "ended": ended}
                for line, until, ended in supported(self, today)
            ],
            "errors": [each._asdict() for each in self.unreadable],
        }
        lines = [f'"{name}": {_ENCODE(value)}' for name, value in about.items()]
        # Most artifacts share what is found, and text is made of it once.
        found: dict[int, str] = {}
        artifacts = ",\n".join(_entry(entry, found) for entry in self.entries)
        lines.append(f'"artifacts": [\n{artifacts}\n]' if artifacts else '"artifacts": []')
        return "{\n" + ",\n".join(lines) + "\n}\n"


def audit(
    paths: Iterable[str | os.PathLike[str]],
    database: Database,
    policy: AuditPolicy,
    runtimes: Iterable[str] = (),
    library: str | None = None,
) -> AuditReport:
    """Judge the artifacts of manifests by what these say; nothing else is opened.

    ``paths`` are manifests, indexes or directories. The rest is as for ``judged``.
    """
    from wasmbuild.audit.manifests import collect

    return judged(collect(paths), database, policy, runtimes, library)


def judged(
    manifests: Iterable[ShippedManifest | Unreadable],
    database: Database,
    policy: AuditPolicy,
    runtimes: Iterable[str] = (),
    library: str | None = None,
) -> AuditReport:
    """Judge the artifacts of manifests.

    Each of ``runtimes`` is the version that loads artifacts of its
    line, whatever their manifests say. ``library`` is that of this machine, which is taken to load what is for it where
    nobody says otherwise. Nothing is printed, and what cannot be read is told in the report. The dates of ``policy``
    are not looked at.
    """
    by_line = {version.line: runtime for runtime in runtimes if (version := parse(runtime)) is not None}
    ignored = {ignore.id: ignore.reason for ignore in policy.ignore}
    passed = {
        advisory.id: next(ignored[name] for name in (advisory.id, *advisory.aliases) if name in ignored)
        for advisory in database.advisories
        if not ignored.keys().isdisjoint((advisory.id, *advisory.aliases))
    }
    known = {name for advisory in database.advisories for name in (advisory.id, *advisory.aliases)}
    entries: list[AuditedArtifact] = []
    unreadable: list[Unreadable] = []
    compilers: dict[str, tuple[Advisory, ...]] = {}
    for shipped in manifests:
        if isinstance(shipped, Unreadable):
            unreadable.append(shipped)
            continue
        version = parse(shipped.compiler)
        runtime = by_line.get(version.line, shipped.runtime) if version is not None else None
        here = library if is_loaded_by_library(shipped.engine.get("embedder"), shipped.triple) else None
        target = AuditedTarget(shipped.compiler, shipped.triple, shipped.engine, shipped.isa_flags, runtime, here)
        judge = Judge(database, target)
        entries += _entries(shipped, judge, runtime, passed)
        if shipped.artifacts:
            found = {advisory.id: advisory for advisory in (*compilers.get(shipped.compiler, ()), *judge.advisories)}
            compilers[shipped.compiler] = tuple(found.values())
    unused = tuple(name for name in ignored if name not in known)
    return AuditReport(tuple(entries), tuple(unreadable), compilers, database, policy, unused)


def supported(report: AuditReport, today: date) -> list[tuple[int, date, bool]]:
    """Return the lines of what was judged, until when upstream supports each, and whether that day is past."""
    versions = {parse(compiler) for compiler in report.compilers}
    lines = sorted({version.major for version in versions if version is not None})
    ends = [(line, report.database.support.until(line)) for line in lines]
    return [(line, until, until < today) for line, until in ends]


def _entries(
    shipped: ShippedManifest, judge: Judge, runtime: str | None, passed: Mapping[str, str]
) -> Iterator[AuditedArtifact]:
    known: dict[int, tuple[str, dict[str, str]]] = {}
    # Most artifacts of a build share their traits with those of other targets.
    alike: dict[tuple[str, int], tuple[Finding, ...]] = {}
    for artifact in shipped.artifacts:
        shape = artifact.kind, id(artifact.traits)
        findings = alike.get(shape)
        if findings is None:
            findings = alike[shape] = judge.judge(artifact.kind, artifact.traits)
        if id(findings) not in known:
            ignored = {f.advisory.id: passed[f.advisory.id] for f in findings if f.advisory.id in passed}
            status = worst([finding for finding in findings if finding.advisory.id not in ignored])
            known[id(findings)] = status, ignored
        status, ignored = known[id(findings)]
        yield AuditedArtifact(
            artifact.id, shipped.path, shipped.compiler, runtime, status, findings, ignored, artifact.alike
        )


_ENCODE = json.JSONEncoder(check_circular=False).encode


def _entry(entry: AuditedArtifact, found: dict[int, str]) -> str:
    if id(entry.findings) not in found:
        found[id(entry.findings)] = _ENCODE([_finding(finding, entry.ignored) for finding in entry.findings])
    head = {
        "id": entry.id,
        "manifest": entry.manifest,
        "compiler": entry.compiler,
        "runtime": entry.runtime,
        "status": entry.status,
    }
    return f'{_ENCODE(head)[:-1]}, "advisories": {found[id(entry.findings)]}}}'


def _finding(finding: Finding, ignored: Mapping[str, str]) -> dict[str, object]:
    advisory = finding.advisory
    return {
        "id": advisory.id,
        "aliases": advisory.aliases,
        "severity": SEVERITIES[advisory.weight],
        "scored": advisory.severity != UNSCORED,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "fixed": finding.fixed,
        "ignored": ignored.get(advisory.id),
    }


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


_VERDICT = choice(tuple(reversed(VERDICTS)))
_FINDING = strict(
    {
        "id": {"type": "string"},
        "aliases": array({"type": "string"}),
        "severity": choice(SEVERITIES),
        "scored": {"type": "boolean", "description": "false where nobody scored it: it counts as high"},
        "verdict": _VERDICT,
        "reason": _text("one line for people"),
        "fixed": or_null(_text("the first version of the line that mends it, or of a later line")),
        "ignored": or_null(_text("the reason, where [[audit.ignore]] lets it pass")),
    }
)
_ARTIFACT = strict(
    {
        "id": _text("module@target"),
        "manifest": _text("the path of the manifest that lists it"),
        "compiler": _text("the version that compiled it"),
        "runtime": or_null(_text("the version that loads it, where --runtime or the manifest says so")),
        "status": {**_VERDICT, "description": "the worst verdict that is not let pass"},
        "advisories": array(_FINDING),
    }
)
_LINE = strict(
    {
        "line": {"type": "integer"},
        "until": _text("the day on which upstream's support ends"),
        "ended": {"type": "boolean"},
    }
)
_ERROR = strict(
    {
        "path": {"type": "string"},
        "message": _text("why nothing was judged"),
        "by_host": {"type": "boolean", "description": "whether the system refused it, whatever is there"},
    }
)

JSON_SCHEMA = published(
    SCHEMA,
    "What is known of artifacts",
    strict(
        {
            "schema": {"type": "string", "const": SCHEMA},
            "ok": {"type": "boolean", "description": "whether nothing fails by [audit] fail-on, and all could be read"},
            "database": strict(
                {
                    "date": _text("the day on which the records were last held against upstream's"),
                    "advisories": {"type": "integer"},
                }
            ),
            "support": array(_LINE),
            "errors": array(_ERROR),
            "artifacts": array(_ARTIFACT),
        }
    ),
)
"""The JSON Schema (draft 2020-12) of ``AuditReport.to_json``."""
