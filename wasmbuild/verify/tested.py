"""The fourth level: calls of an artifact's exports return what its manifest says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.formats.printable import printable
from wasmbuild.project.cases import Case
from wasmbuild.verify import values
from wasmbuild.verify.report import Broken

WRONG = (
    "either the artifact is wrong or the test: compile it with another patch release of Wasmtime, or correct the test"
)
NONSENSE = {"failed": "the process that runs it answers with nonsense"}

_SHOWN = 80
_OUTPUT_SHOWN = 40
_OUTCOMES = ("returned", "trapped", "exited")


class Ran(NamedTuple):
    """A test that was executed, and what came of it in words (``"returned 3"``).

    ``outcome`` is text that is equal where outcomes are equal, None where there was none. ``problem`` says what is
    wrong with it, and is empty where nothing is.
    """

    case: Case
    words: str
    outcome: str | None
    problem: str


class Grant(NamedTuple):
    """What an engine counts while it runs a test, so that it has to be given some."""

    fuel: bool
    epoch: bool

    @classmethod
    def of(cls, engine: Mapping[str, Any]) -> Grant:
        """Return what an engine in canonical form counts."""
        return cls(engine.get("consume-fuel") is True, engine.get("epoch-interruption") is True)


def judged(case: Case, told: Mapping[str, Any]) -> Ran:
    """Judge what came of a test, as ``probe_cases.py`` tells it."""
    if not _is_told(told):
        told = NONSENSE
    words = _words(case, told)
    if "failed" in told:
        return Ran(case, words, None, words)
    problems = [_wrong(case, told, words)]
    problems += [
        _other_output(name, wanted, told.get(name, ""))
        for name, wanted in (("stdout", case.stdout), ("stderr", case.stderr))
        if wanted is not None
    ]
    outcome = values.text({key: told[key] for key in (*_OUTCOMES, "stdout", "stderr") if key in told})
    return Ran(case, words, outcome, "; ".join(filter(None, problems)))


def died(case: Case, ending: str) -> Ran:
    """Judge a test over which its process ended; ``ending`` says how."""
    words = f"ends the process that runs it, which {ending}"
    return Ran(case, words, words, words)


def verdict(artifact: ManifestArtifact, ran: Sequence[Ran]) -> Broken | None:
    """Return what the tests that ran have against an artifact, or None."""
    failed = [index for index, test in enumerate(ran) if test.problem]
    if not failed:
        return None
    first = failed[0]
    others = len(failed) - 1
    more = f"; {others} more test{'s fail' if others > 1 else ' fails'}" if others else ""
    return Broken(f"{place(artifact, first)} {ran[first].problem}{more}; {WRONG}")


def place(artifact: ManifestArtifact, index: int) -> str:
    """Return the beginning of a sentence about one test."""
    case = artifact.tests[index]
    return f"{artifact.path}: test {index + 1} of {len(artifact.tests)}, {case.title}"


def _is_told(told: Mapping[str, Any]) -> bool:
    kinds = {"returned": list, "expected": list, "trapped": str, "exited": int, "failed": str}
    kinds |= {"stdout": str, "stderr": str, "types": list}
    return (
        sum(key in told for key in (*_OUTCOMES, "failed")) == 1
        and all(isinstance(told[key], kind) for key, kind in kinds.items() if key in told)
        and all(isinstance(type_, str) for type_ in told.get("types", ()))
    )


def _words(case: Case, told: Mapping[str, Any]) -> str:
    if "failed" in told:
        return f"cannot be executed: {printable(told['failed'], 300)}"
    if "trapped" in told:
        return f"trapped ({printable(told['trapped'], _SHOWN)})"
    if "exited" in told:
        return f"ended with exit status {told['exited']}"
    return f"returned {_listed(told['returned'], case, told.get('types', ()))}"


def _wrong(case: Case, told: Mapping[str, Any], words: str) -> str:
    """Return in which way a call came out that should have come out otherwise; empty when it did not."""
    if case.returns is not None:
        if "returned" in told and values.same(told["returned"], told.get("expected")):
            return ""
        wanted = _listed(case.returns, None, ())
        return f"{words} instead of {wanted}" if "returned" in told else f"{words} instead of returning {wanted}"
    if case.traps is not None:
        if case.traps in told.get("trapped", ""):
            return ""
        return f'{words} instead of trapping with "{printable(case.traps, _SHOWN)}"'
    status = 0 if "returned" in told else told.get("exited")
    return "" if status == case.exit else f"{words} instead of exit status {case.exit}"


def _listed(items: Sequence[Any], case: Case | None, types: Sequence[str]) -> str:
    """Return values as people write them; a whole number with a sign only where the case has none that is larger."""
    if case is not None and case.returns is not None and len(types) == len(items) == len(case.returns):
        items = [_like(*triple) for triple in zip(items, case.returns, types, strict=True)]
    return printable(", ".join(_shown(item, _SHOWN) for item in items), 2 * _SHOWN) or "nothing"


def _like(value: Any, written: Any, type_: str) -> Any:
    if type_ in ("i32", "i64") and isinstance(value, int) and isinstance(written, int):
        bits = int(type_[1:])
        if value < 0 and written >= 1 << (bits - 1):
            return value + (1 << bits)
    return value


def _other_output(name: str, wanted: str, written: str) -> str:
    if written == wanted:
        return ""
    same = next((i for i, (a, b) in enumerate(zip(wanted, written, strict=False)) if a != b), None)
    start = max(0, (min(len(wanted), len(written)) if same is None else same) - _OUTPUT_SHOWN // 2)
    here, there = (_part(text, start) for text in (written, wanted))
    return f"wrote {here} to {name} instead of {there}"


def _part(text: str, start: int) -> str:
    part = text[start : start + _OUTPUT_SHOWN]
    shown = _shown(part, 4 * _OUTPUT_SHOWN)
    return f"{'…' if start else ''}{shown}{'…' if start + _OUTPUT_SHOWN < len(text) else ''}"


def _shown(value: Any, limit: int) -> str:
    return printable(json.dumps(value, ensure_ascii=False), limit)
