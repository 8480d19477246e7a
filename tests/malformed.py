"""What is said of WebAssembly that cannot be read."""

from __future__ import annotations

# Codes that a newer proposal may have given a meaning are no sign of damage.
UNKNOWN = (
    "no known kind",
    "is no kind of",
    "unknown",
    "not a type",
    "not a heap type",
    "something can be set",
    "not start a",
    "no place in",
    "is no bound",
    "an export has",
)
AGAIN = "; it was damaged or cut off on its way here, or the tool that made it is wrong: make it again"


def said(what: str, problem: str) -> str:
    if any(words in problem for words in UNKNOWN):
        return (
            f"not readable as a {what}: {problem}; either it uses a proposal that this version of wasmbuild does not "
            "know, and has to be built without it, or it is damaged"
        )
    return f"a malformed {what}: {problem}{AGAIN}"
