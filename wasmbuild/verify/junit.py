"""A report in the XML that CI systems read as results of JUnit.

There is no standard; what is written is what most of them understand: ``testsuites``, ``testsuite``, ``testcase`` with
``classname``, ``name`` and ``time``, and ``failure``, ``error`` (for what was not verified) or ``system-out`` in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.verify.outcomes import Verdict

_NO_TARGET = "manifests"
"""The suite of manifests and indexes that cannot be used."""

_ALL = "wasmbuild verify"
"""The whole, and the suite of what makes it fail besides artifacts."""


def junit(timed: Sequence[tuple[Verdict, float]], errors: Sequence[str]) -> str:
    """Return the XML of verdicts with the seconds that each took, and of what else makes the verification fail."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="{_ALL}"{_counts(timed, len(errors))}>']
    suites: dict[str, list[tuple[Verdict, float]]] = {}
    for entry, time in timed:
        suites.setdefault(entry.target or _NO_TARGET, []).append((entry, time))
    for suite, cases in suites.items():
        lines.append(f"  <testsuite name={_quoted(suite)}{_counts(cases)}>")
        for entry, time in cases:
            lines += _case(suite, entry, time)
        lines.append("  </testsuite>")
    if errors:
        lines.append(f'  <testsuite name="{_ALL}"{_counts((), len(errors))}>')
        for number, error in enumerate(errors, 1):
            lines += [
                f'    <testcase classname="{_ALL}" name="error {number}" time="0.000">',
                f'      <failure type="" message={_quoted(error)}/>',
                "    </testcase>",
            ]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _case(suite: str, entry: Verdict, time: float) -> list[str]:
    name = entry.id.removesuffix(f"@{suite}") if entry.is_artifact else entry.id
    head = f'    <testcase classname={_quoted(suite)} name={_quoted(name)} time="{time:.3f}"'
    if not entry.ok:
        tag, message = "failure", f"not {entry.failed}: {entry.message}" if entry.failed else entry.message
        if not entry.verified:
            tag, message = "error", entry.message
        kind = _quoted(entry.failed or "")
        return [f"{head}>", f"      <{tag} type={kind} message={_quoted(message)}/>", "    </testcase>"]
    said = "; ".join(filter(None, (f"proved: {entry.level}", entry.message)))
    return [f"{head}>", f"      <system-out>{_escaped(said)}</system-out>", "    </testcase>"]


def _counts(timed: Sequence[tuple[Verdict, float]], others: int = 0) -> str:
    """Count verdicts, and failures of no artifact."""
    failures = sum(not entry.ok and entry.verified for entry, _ in timed) + others
    errors = sum(not entry.verified for entry, _ in timed)
    seconds = sum(time for _, time in timed)
    return f' tests="{len(timed) + others}" failures="{failures}" errors="{errors}" time="{seconds:.3f}"'


def _quoted(text: str) -> str:
    return quoteattr(_allowed(text))


def _escaped(text: str) -> str:
    return _allowed(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _allowed(text: str) -> str:
    """Replace what XML 1.0 has no way to write: controls, surrogates, U+FFFE and U+FFFF."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
