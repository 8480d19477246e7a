"""An audit as SARIF 2.1.0, which code hosts show beside the code.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from wasmbuild import __version__
from wasmbuild.audit.database import Advisory
from wasmbuild.audit.judge import AFFECTED, NOT_AFFECTED
from wasmbuild.audit.report import AuditReport
from wasmbuild.project.audit_policy import SEVERITIES

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
# What GitHub shows as low, medium, high and critical.
_SCORES = {"low": "2.0", "medium": "5.0", "high": "8.0", "critical": "9.5"}


def to_sarif(report: AuditReport) -> str:
    """Return a report as SARIF; each artifact that has, or may have, a fault is a result of the fault's rule."""
    rules: dict[str, Advisory] = {}
    results: list[dict[str, object]] = []
    for entry in report.entries:
        for finding in entry.findings:
            if finding.verdict == NOT_AFFECTED:
                continue
            advisory = finding.advisory
            rules.setdefault(advisory.id, advisory)
            result: dict[str, object] = {
                "ruleId": advisory.id,
                "level": _LEVELS[SEVERITIES[advisory.weight]] if finding.verdict == AFFECTED else "note",
                "message": {"text": f"{entry.id}: {advisory.summary} ({finding.verdict}: {finding.reason})"},
                "locations": [
                    {
                        "physicalLocation": {"artifactLocation": {"uri": _uri(entry.manifest)}},
                        "logicalLocations": [{"name": entry.id, "kind": "module"}],
                    }
                ],
                "partialFingerprints": {"artifactAndAdvisory/v1": f"{entry.id} {advisory.id}"},
            }
            if advisory.id in entry.ignored:
                result["suppressions"] = [{"kind": "external", "justification": entry.ignored[advisory.id]}]
            results.append(result)
    notifications = [
        {"level": "error", "message": {"text": f"{each.path} {each.message}"}} for each in report.unreadable
    ]
    run = {
        "tool": {
            "driver": {
                "name": "wasmbuild audit",
                "version": __version__,
                "rules": [_rule(advisory) for advisory in rules.values()],
            }
        },
        "invocations": [{"executionSuccessful": not report.unreadable, "toolExecutionNotifications": notifications}],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(advisory: Advisory) -> dict[str, object]:
    rule: dict[str, object] = {
        "id": advisory.id,
        "shortDescription": {"text": advisory.summary},
        "fullDescription": {"text": advisory.details},
        "properties": {
            "security-severity": _SCORES[SEVERITIES[advisory.weight]],
            "tags": ["security", *advisory.aliases],
        },
    }
    return {**rule, "helpUri": advisory.url} if advisory.url else rule


def _uri(path: str) -> str:
    """Return a path as a reference that is relative as long as the path is."""
    named = Path(path)
    return named.as_uri() if named.is_absolute() else quote(named.as_posix())
