"""What WebAssembly uses, and what faults its artifact has, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wasmbuild.audit.judge import NOT_AFFECTED, Finding
from wasmbuild.console.figures import counted, human_size
from wasmbuild.formats.traits import Traits
from wasmbuild.project.audit_policy import SEVERITIES
from wasmbuild.text import printable


def of_source(traits: Traits) -> str:
    """Tell the proposals that WebAssembly uses, and what else decides whether a known fault concerns it."""
    proposals = ", ".join(map(printable, traits.features)) or "no proposal beyond the first version of WebAssembly"
    parts = [f"largest function {human_size(traits.function_body)}"] if traits.function_body else []
    if traits.br_table:
        parts.append(f"largest br_table {counted(traits.br_table, 'target')}")
    if traits.tags:
        beside = " and ".join(part.replace("-", " ") for part in traits.odd_tags_with)
        parts.append(counted(traits.tags, "exception tag") + (f" (an odd number, with {beside})" if beside else ""))
    parts += [text for name, text in _FLAGS.items() if getattr(traits, name)]
    return "; ".join([proposals, *parts])


_FLAGS = {
    "passive_data": "passive data",
    "call_ref": "call_ref",
    "try_table": "try_table",
    "string_transcoding": "text passed between components in it",
    "memory64": "a memory of 64 bits",
    "table64": "a table of 64 bits",
    "shared_memory": "a shared memory",
}


def faults(findings: Sequence[Finding], compiler: str) -> Iterator[str]:
    """Yield a line for each known fault that an artifact has or may have, or one that says how many it has not."""
    concern = [finding for finding in findings if finding.verdict != NOT_AFFECTED]
    for finding in concern:
        advisory = finding.advisory
        yield f"{advisory.id} ({SEVERITIES[advisory.weight]}): {finding.verdict}: {printable(finding.reason, 1000)}"
    if not concern:
        known = f"of the {len(findings)} known" if findings else "known"
        yield f"none {known} of Wasmtime {printable(compiler)}"
