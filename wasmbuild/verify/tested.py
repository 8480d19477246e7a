"""The fourth level: calls of an artifact's exports return what its manifest says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from wasmbuild.diagnosis.wording import one_line
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.project.cases import Case
from wasmbuild.text import printable
from wasmbuild.toolchain import exhaustion
from wasmbuild.toolchain.endings import is_late
from wasmbuild.verify import host_errors, values
from wasmbuild.verify.host_errors import host_lacks
from wasmbuild.verify.outcomes import CALLS, Broken, Unreachable, Unverified

WRONG = "correct the source or the test; if both are right, compile with another patch release of Wasmtime"
DIED = "compile it again, or with another patch release of Wasmtime"
UNFIT = "correct the test"
WITHOUT_WASI = 'where the call uses no WASI, write imports = "trap" in the test and leave wasi out; or remove the test'
NOT_SHARED = "write shared-memory = true under [engine] and build again"
TOO_LARGE = host_errors.RAISE_MEMORY
TOO_SLOW = "raise the time-limit of the test, or correct what never ends"
NONSENSE = {"failed": "the process that runs it answers with nonsense"}

_SHOWN = 80
_OUTPUT_SHOWN = 40
_OUTCOMES = ("returned", "trapped", "exited")
_DEEPEST = 100
# The library of line 50 says so; those of 48 and 49 end their process, with that in what they write.
_ASYNC = "async-lifted export"
# Of an import for which the C API makes no stand-in.
_ASYNC_IMPORT = "type mismatch with async"
_NOT_GIVEN = "a matching implementation was not found in the linker"
_NOT_SHARED = "shared memory support is disabled"


class CaseResult(NamedTuple):
    """A test that was executed, and what came of it in words (``"returned 3"``).

    ``outcome`` is text that is equal where outcomes are equal, None where there was none. ``problem`` says what is
    wrong with it, and is empty where nothing is; ``fix`` is what to do then. Where it is not ``judged``, the problem is
    one of what ran it; ``lacks`` is which of ``outcomes.LACKS`` that lacks, or None. ``returned`` is all that the
    call returned, as people write it, None where it did not return.
    """

    case: Case
    summary: str
    outcome: str | None
    problem: str
    fix: str
    judged: bool = True
    lacks: str | None = None
    returned: str | None = None


class Metering(NamedTuple):
    """What an engine counts while it runs a test, so that it has to be given some."""

    fuel: bool
    epoch: bool

    @classmethod
    def of(cls, engine: Mapping[str, Any]) -> Metering:
        """Return what an engine in canonical form counts."""
        return cls(engine.get("consume-fuel") is True, engine.get("epoch-interruption") is True)


def judged(case: Case, reply: Mapping[str, Any], memory: int | None = None) -> CaseResult:
    """Judge what came of a test, as ``probe_cases.py`` tells it, under a limit of ``memory`` bytes."""
    if not _is_reply(reply) or not _answers(case, reply):
        reply = NONSENSE
    if case.exit is not None and reply.get("returned") == []:
        # An executable does not tell a program that returns from one that ends itself with 0.
        reply = {**{key: value for key, value in reply.items() if key not in ("returned", "types")}, "exited": 0}
    returned = _listed(reply["returned"], case, reply.get("types", ())) if "returned" in reply else None
    summary = _summary(reply, returned)
    if "failed" in reply:
        if lacks := host_errors.lacks_memory(reply["failed"], memory):
            return CaseResult(case, lacks, None, lacks, TOO_LARGE)
        if lacks := host_lacks(reply["failed"]):
            return CaseResult(case, lacks, None, lacks, "", judged=False)
        if _ASYNC in reply["failed"]:
            return _asynchronous(case)
        if case.wasi is not None and _ASYNC_IMPORT in reply["failed"]:
            return CaseResult(case, summary, None, summary, WITHOUT_WASI, judged=False, lacks=CALLS)
        return CaseResult(case, summary, None, summary, _fix_of_failed(case, reply))
    problems = [_wrong(case, reply, summary, returned)]
    problems += [
        _other_output(name, wanted, reply[name])
        for name, wanted in (("stdout", case.stdout), ("stderr", case.stderr))
        if wanted is not None
    ]
    outcome = values.text({key: reply[key] for key in (*_OUTCOMES, "stdout", "stderr") if key in reply})
    problem = "; ".join(filter(None, problems))
    return CaseResult(case, summary, outcome, problem, _fix(case, reply), returned=returned)


def died(case: Case, ending: str, stderr: str, memory: int | None = None, *, is_own: bool = False) -> CaseResult:
    """Judge a test over which its process ended; ``ending`` says how, ``stderr`` is what it wrote.

    ``is_own`` says that it ended for a reason of its own, or was ended from outside.
    """
    if lacks := host_errors.lacks_memory(stderr, memory):
        return CaseResult(case, lacks, None, lacks, TOO_LARGE)
    if exhaustion.is_told(ending):
        return CaseResult(case, ending, None, ending, f"{TOO_LARGE}, or {TOO_SLOW}")
    if is_late(ending):
        return CaseResult(case, ending, ending, ending, TOO_SLOW)
    if lacks := host_lacks(stderr):
        return CaseResult(case, lacks, None, lacks, "", judged=False)
    if _ASYNC in stderr:
        return _asynchronous(case)
    if is_own:
        summary = f"did not run to its end: the process that runs it {host_errors.how_it_ended(ending, stderr)}"
        return CaseResult(case, summary, None, summary, "verify again", judged=False)
    summary = f"ends the process that runs it, which {host_errors.how_it_ended(ending, stderr)}"
    return CaseResult(case, summary, summary, summary, DIED)


def _asynchronous(case: Case) -> CaseResult:
    # Its type does not say so: a function of an async type that is not lifted so can be called.
    problem = "cannot be executed: the function is async, and the library calls none that is"
    return CaseResult(case, problem, None, problem, "remove the test", judged=False, lacks=CALLS)


def verdict(artifact: ManifestArtifact, results: Sequence[CaseResult]) -> Broken | Unverified | Unreachable | None:
    """Return what the tests that ran have against an artifact, or that one of them has no outcome, or None."""
    failed = [index for index, test in enumerate(results) if test.problem and test.judged]
    if not failed:
        without = [index for index, test in enumerate(results) if test.problem]
        if not without:
            return None
        index = min(without, key=lambda index: results[index].lacks is not None)
        test = results[index]
        message = f"{place(artifact, index)} {test.problem}"
        message = f"{message}; {test.fix}" if test.fix else message
        return Unverified(message) if test.lacks is None else Unreachable(message, test.lacks)
    first = failed[0]
    others = len(failed) - 1
    more = f"; {others} more test{'s fail' if others > 1 else ' fails'}" if others else ""
    return Broken(f"{place(artifact, first)} {results[first].problem}{more}; {results[first].fix}")


def place(artifact: ManifestArtifact, index: int) -> str:
    """Return the beginning of a sentence about one test."""
    case = artifact.tests[index]
    return f"{artifact.path}: test {index + 1} of {len(artifact.tests)}, {case.title}"


def differ(here: CaseResult, there: CaseResult) -> tuple[str, str]:
    """Return in words in which way two calls came out, of which the outcomes differ."""
    if here.returned is not None and there.returned is not None and here.returned != there.returned:
        mine, its = _values_apart(here.returned, there.returned)
        return f"returned {mine}", f"returned {its}"
    if here.summary == there.summary and here.outcome is not None and there.outcome is not None:
        outcomes = json.loads(here.outcome), json.loads(there.outcome)
        for name in ("stdout", "stderr"):
            written, other = (outcome.get(name, "") for outcome in outcomes)
            if written != other:
                mine, its = _output_apart(written, other)
                return f"wrote {mine} to {name}", f"wrote {its}"
    return here.summary, there.summary


def _is_reply(reply: Mapping[str, Any]) -> bool:
    kinds = {"returned": list, "expected": list, "trapped": str, "exited": int, "failed": str}
    kinds |= {"stdout": str, "stderr": str, "types": list}
    return (
        sum(key in reply for key in (*_OUTCOMES, "failed")) == 1
        and all(type(reply[key]) is kind for key, kind in kinds.items() if key in reply)
        and all(isinstance(type_, str) for type_ in reply.get("types", ()))
        and _is_shallow(reply, _DEEPEST)
    )


def _answers(case: Case, reply: Mapping[str, Any]) -> bool:
    """Tell whether it says all that a case asks for; where it failed there is nothing to say."""
    if "failed" in reply:
        return True
    if case.returns is not None and "expected" in reply and len(reply["expected"]) != len(case.returns):
        return False
    wanted = {"stdout": case.stdout, "stderr": case.stderr}
    return all(name in reply for name, text in wanted.items() if text is not None)


def _is_shallow(value: Any, levels: int) -> bool:
    """Tell whether lists and objects are nested so little that the value can be written again."""
    if not isinstance(value, (list, dict)):
        return True
    items = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in items)


def _summary(reply: Mapping[str, Any], returned: str | None) -> str:
    if "failed" in reply:
        return f"cannot be executed: {one_line(reply['failed'])}"
    if "trapped" in reply:
        return f"trapped ({printable(reply['trapped'], _SHOWN)})"
    if returned is None:
        return f"ended with exit status {reply['exited']}"
    return f"returned {_begun(returned)}"


def _wrong(case: Case, reply: Mapping[str, Any], summary: str, returned: str | None) -> str:
    """Return in which way a call came out that should have come out otherwise; empty when it did not."""
    if case.returns is not None:
        if returned is not None and values.same(reply["returned"], reply.get("expected")):
            return ""
        wanted = _listed(case.returns)
        if returned is None:
            return f"{summary} instead of returning {_begun(wanted)}"
        if max(len(returned), len(wanted)) > _SHOWN and "expected" in reply:
            # What is shown in part has to be in one form: a test may leave out fields that are none, for example.
            wanted = _listed(reply["expected"], case, reply.get("types", ()))
        here, there = _values_apart(returned, wanted)
        return f"returned {here} instead of {there}"
    if case.traps is not None:
        if case.traps in reply.get("trapped", ""):
            return ""
        return f'{summary} instead of trapping with "{printable(case.traps, _SHOWN)}"'
    status = 0 if "returned" in reply else reply.get("exited")
    return "" if status == case.exit else f"{summary} instead of exit status {case.exit}"


def _fix_of_failed(case: Case, reply: Mapping[str, Any]) -> str:
    """Return what to do where a case cannot be executed."""
    failed = reply["failed"]
    if _NOT_SHARED in failed:
        return NOT_SHARED
    if case.wasi is not None and _NOT_GIVEN in failed:
        return WITHOUT_WASI
    return UNFIT if reply.get("unfit") is True else WRONG


def _fix(case: Case, reply: Mapping[str, Any]) -> str:
    """Return what to do about a call that came out otherwise."""
    if case.returns != () or "exited" not in reply:
        return WRONG
    # A program that ends itself, as those of Go do where others return, is tested by its exit status.
    instead = f"write exit = {reply['exited']} instead of returns"
    return f"correct the source, or, if it is to end so, {instead}" if reply["exited"] else instead


def _listed(items: Sequence[Any], case: Case | None = None, types: Sequence[str] = ()) -> str:
    """Return values as people write them; a whole number with a sign only where the case has none that is larger."""
    if case is not None and case.returns is not None and len(types) == len(items) == len(case.returns):
        items = [_like(*triple) for triple in zip(items, case.returns, types, strict=True)]
    return ", ".join(map(_json, items))


def _like(value: Any, written: Any, type_: str) -> Any:
    if type_ in ("i32", "i64") and isinstance(value, int) and isinstance(written, int):
        bits = int(type_[1:])
        if value < 0 and written >= 1 << (bits - 1):
            return value + (1 << bits)
    return value


def _other_output(name: str, wanted: str, written: str) -> str:
    if written == wanted:
        return ""
    here, there = _output_apart(written, wanted)
    return f"wrote {here} to {name} instead of {there}"


def _output_apart(one: str, other: str) -> tuple[str, str]:
    """Return of two outputs, in quotes, the part where they begin to differ."""
    start = _start(one, other, _OUTPUT_SHOWN)
    return _part(one, start, _OUTPUT_SHOWN, _json), _part(other, start, _OUTPUT_SHOWN, _json)


def _values_apart(one: str, other: str) -> tuple[str, str]:
    """Return of what two calls returned the part where it begins to differ."""
    start = _start(one, other, _SHOWN)
    return _begun(one, start), _begun(other, start)


def _begun(returned: str, start: int = 0) -> str:
    return _part(returned, start, _SHOWN) or "nothing"


def _start(one: str, other: str, width: int) -> int:
    """Return where to begin to show two texts that differ, both from their beginning where they can be shown whole."""
    if len(one) <= width and len(other) <= width:
        return 0
    shorter = min(len(one), len(other))
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), shorter)
    return max(0, same - width // 2)


def _part(text: str, start: int, width: int, spell: Callable[[str], str] = str) -> str:
    shown = printable(spell(text[start : start + width]), 4 * width)
    return f"{'…' if start else ''}{shown}{'…' if start + width < len(text) else ''}"


def _json(value: Any) -> str:
    # Manifests sort what they hold, so that the order of a record's fields is not that of its type there.
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
