"""Test cases as a ``wasmtime`` executable runs them: a command for each, and what its output and exit status mean.

It calls functions of core modules, which take numbers and give numbers and references, and runs programs of WASI. What
it prints on stdout after the program's own output are the results, one a line, and nothing stands between the two: a
second run, in which the program writes nowhere, tells which they are. Of a program of WASI 0.3 it does not say whether
a trap came of the call or of what comes before: a second run, which calls nothing, tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from wasmbuild.diagnosis.wording import one_line
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.formats.typed_cases import NUMBERS, RUN_3, RUN_BY_EXECUTABLES, function_types, is_of_wasi, need_wasi_3
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.project import cases
from wasmbuild.project.cases import Case
from wasmbuild.toolchain.child import ChildResult
from wasmbuild.verify import values
from wasmbuild.verify.outcomes import CALLS, Unreachable
from wasmbuild.verify.tested import CaseResult, Metering

TRAPPED = 134
"""Exit status of an executable whose program trapped."""

_ENDED = (1, TRAPPED)
# An exception that nothing catches is a trap too, and so is a call of what stands for an import.
_TRAP = re.compile(
    r"wasm trap: (.*)|^ +(?:\d+: )?(thrown Wasm exception|unknown import: .* has not been defined)$", re.MULTILINE
)
# A program may have written before it, and no newline.
_WARNING = re.compile(r"warning: using `--invoke` with a function .*\n")
_OWN = re.compile(r"Error: (?:failed to run main module `|failed deserialization for: )")
_FAILED = re.compile(r"^Error: ", re.MULTILINE)
# Without it, the error is one of what comes before the call: instantiation, or `_initialize`; or of WASI 0.3.
_CALLED = re.compile(r"Caused by:\n +(?:0: )?failed to invoke ")
# It finds no program of WASI 0.2 in the instance, and ends. What it lacks then is not called when it is instantiated.
_CALLS_NOTHING = ("-S", "p3=n", "-W", "unknown-imports-trap")
_WRITES_NOTHING = ("-S", "inherit-stdout=n")
_STAND_IN = re.compile(r"unknown import: `([^#`]*)#")
_OTHER_RESOURCE = "mismatched resource types"
_REFERENCE = re.compile(r"<(?:null )?\w+ref>")
_UNTOLD = "its results cannot be told from what it writes"
# In the run that calls nothing, WASI is not there: a program that uses it before its call traps there for want of it.
_UNPLACED = "trapped, in the call or before it: of a program that uses WASI 0.3 before its call, that is not told"
_WASI = ("wasi_snapshot_preview1", "wasi_unstable")
_WRITING = ("fd_write", "fd_pwrite")
_ENDING = ("proc_exit",)
_READING = ("args_get", "args_sizes_get")


class RunOptions(NamedTuple):
    """How artifacts of an engine are loaded: by which options of ``wasmtime run``.

    ``without_library`` says why no library loads them, which would run what an executable cannot; empty where one does.
    """

    options: Sequence[str]
    without_library: str = ""


def untestable(artifact: ManifestArtifact, why: str, how: RunOptions) -> Unreachable:
    """Return that an executable cannot run the tests of an artifact, which it loads as ``how`` says, and what can."""
    return Unreachable(f"cannot be tested: {why}; {_instead(artifact, how)}", CALLS)


def _instead(artifact: ManifestArtifact, how: RunOptions) -> str:
    without = how.without_library
    if not without and need_wasi_3(artifact.tests, artifact.imports):
        without = "WASI 0.3 takes an executable"
    return f"nothing does: {without}" if without else "a runner with a python does"


def obstacle(artifact: ManifestArtifact, metering: Metering) -> str:
    """Say why an executable cannot run all tests of an artifact; empty when it can."""
    functions = {item.name for item in artifact.exports if item.kind == "func"}
    initializes = "_initialize" in functions
    if initializes and cases.START in functions:
        return "an executable calls _initialize although there is _start"
    for case in artifact.tests:
        if artifact.kind == "component":
            if not RUN_BY_EXECUTABLES.fullmatch(case.call):
                return f"an executable does not call functions of components such as {case.title}"
        elif any("v128" in part for part in _types(artifact, case)):
            return f"an executable takes and gives no vectors, as {case.title} does"
        elif case.args and case.wasi is not None and _imports_wasi(artifact, _READING):
            return f"an executable gives the args of {case.title} to the program in place of its argv"
        elif initializes and metering.fuel and case.fuel is not None:
            return f"with an executable _initialize consumes fuel of {case.title}"
    return ""


def again(artifact: ManifestArtifact, case: Case, ended: ChildResult) -> Sequence[str]:
    """Return the options of a second run of a case, where what came of the first leaves open what that was.

    A module can write to where its results are printed: then they alone are. A program of WASI 0.3 can trap before it
    is called, in the same words: then it is not called.
    """
    if ended.status == 0 and _types(artifact, case)[1] and _imports_wasi(artifact, _WRITING):
        return _WRITES_NOTHING
    if ended.status in _ENDED and RUN_3.fullmatch(case.call) and _TRAP.search(ended.stderr):
        return _CALLS_NOTHING
    return ()


def command(
    run: Sequence[str],
    artifact: ManifestArtifact,
    case: Case,
    file: str,
    metering: Metering,
    directories: Mapping[str, str] = MappingProxyType({}),
    more: Sequence[str] = (),
) -> list[str]:
    """Return the command of one test; ``run`` is the one that runs a precompiled file without options of its own.

    ``directories`` are where those of the case lie, by their paths for the program, and ``more`` are the options of a
    second run.
    """
    # By itself an executable gives WASI to everything, where a case has something stand in for it too.
    options = ["-S", "cli=n" if case.wasi is None else "inherit-env=n", *more]
    if metering.fuel:
        options += ["-W", f"fuel={case.fuel or cases.FUEL[1]}"]
    if metering.epoch:
        # Without, it is interrupted at once.
        options += ["-W", f"timeout={2 * cases.SECONDS[1]}s"]
    if case.imports is not None and not _imports_wasi_alone(artifact, case):
        options += ["-W", "unknown-imports-trap" if case.imports == cases.TRAP else "unknown-imports-default"]
    arguments: list[str] = []
    if case.wasi is not None:
        program, *arguments = case.wasi.argv
        options.append(f"--argv0={program}")
        options += [f"--dir={directory}::{path}" for path, directory in directories.items()]
        for name, value in case.wasi.env:
            options.append(f"--env={name}={value}")
    if artifact.kind == "module":
        options.append(f"--invoke={case.call}")
        taken = _types(artifact, case)[0]
        # What a function does not take are arguments of the program.
        arguments = [_spelled(value, type_) for value, type_ in zip(case.args, taken, strict=True)] or arguments
    return [*run, *options, file, *arguments]


def own_stderr(written: bytes, artifact: ManifestArtifact, file: str) -> str:
    """Return what was written on stderr, without a warning that comes with every call, and without the private copy.

    It is compared, so it is not made safe to show.
    """
    return _WARNING.sub("", written.decode("utf-8", "surrogateescape")).replace(file, artifact.path)


def reply(
    artifact: ManifestArtifact, case: Case, ended: ChildResult, second: ChildResult | None = None
) -> dict[str, Any]:
    """Return what came of a test as the probe tells it; ``{}`` when the process did not end by itself.

    Of ``ended.stderr``, ``own_stderr`` is wanted. ``second`` is what came of it where it ran ``again``.
    """
    stdout, stderr = ended.stdout.decode("utf-8", "surrogateescape"), ended.stderr
    failed = _failure(case, stderr)
    if failed is not None and ended.status in _ENDED:
        own = stderr[failed:]
        traps = list(_TRAP.finditer(own))
        # Names of functions come before it.
        trap = traps[-1][1] or traps[-1][2] if traps else ""
        before = "" if _CALLED.search(own) else _before_call(case, own, second)
        if traps and not before:
            return {"trapped": trap, **_written(case, stdout, stderr[:failed])}
        if traps and before != own:
            return {"failed": f"{_UNPLACED} ({trap})"}
        if traps or ended.status == 1:
            return {"failed": one_line(own)}
    if ended.status < 0 or ended.status >= 126:
        return {}
    if ended.status or artifact.kind == "component" or _ends_itself(artifact, case, second or ended):
        return {"exited": ended.status, **_written(case, stdout, stderr)}
    try:
        return _returned(artifact, case, stdout, stderr, second)
    except ValueError as error:
        return {"failed": f"{_UNTOLD}: {error}"}


def replaced_wasi(artifact: ManifestArtifact, case: Case, ended: ChildResult, how: RunOptions) -> CaseResult | None:
    """Return that what stands for other imports of a component stood for WASI too; None where that made no difference.

    It is defined by the exact names of what is imported, which are those of one release of WASI. The resources in it
    are of their own, and the component is not instantiated where WASI has those.
    """
    if artifact.kind != "component" or case.wasi is None or case.imports is None or ended.status not in _ENDED:
        return None
    failed = _failure(case, ended.stderr)
    if failed is None:
        return None
    given = {item.name for item in artifact.imports if is_of_wasi(artifact.kind, item)}
    met = {match[1] for match in _STAND_IN.finditer(ended.stderr, failed)}
    if given.isdisjoint(met) and not (given and _OTHER_RESOURCE in ended.stderr[failed:]):
        return None
    problem = (
        f"cannot be executed: an executable has what stands for imports (imports = {case.imports}) stand for WASI too"
    )
    return CaseResult(case, problem, None, problem, _instead(artifact, how), judged=False, lacks=CALLS)


def is_unplaced(reply: Mapping[str, Any]) -> bool:
    """Tell whether what came of a test is a trap that may be of the call, or of what comes before it."""
    return str(reply.get("failed", "")).startswith(_UNPLACED)


def is_untold(reply: Mapping[str, Any]) -> bool:
    """Tell whether what came of a test is that its results cannot be read."""
    return str(reply.get("failed", "")).startswith(_UNTOLD)


def _failure(case: Case, stderr: str) -> int | None:
    """Return where the executable's own error begins, None without one; a program may have written others."""
    own = [*_OWN.finditer(stderr)] or ([] if case.wasi is not None else [*_FAILED.finditer(stderr)][:1])
    return own[-1].start() if own else None


def _before_call(case: Case, own: str, uncalled: ChildResult | None) -> str:
    """Return what the executable says of a trap before the call, from the run without one; empty where there is none.

    Where that is not known, it is what it said itself.
    """
    failed = None if uncalled is None else _failure(case, uncalled.stderr)
    if uncalled is None or failed is None:
        return own
    said = uncalled.stderr[failed:]
    return said if _TRAP.search(said) else ""


def _ends_itself(artifact: ManifestArtifact, case: Case, printing: ChildResult) -> bool:
    """Tell whether a program ended itself with 0 in a function that returns values: none of them is printed then."""
    can = case.wasi is not None and _imports_wasi(artifact, _ENDING)
    return can and bool(_types(artifact, case)[1]) and printing.status == 0 and not printing.stdout


def _returned(
    artifact: ManifestArtifact, case: Case, stdout: str, stderr: str, alone: ChildResult | None
) -> dict[str, Any]:
    _, types = _types(artifact, case)
    printed = "" if not types else stdout if alone is None else alone.stdout.decode("utf-8", "surrogateescape")
    results = printed.splitlines(keepends=True)
    if len(results) < len(types):
        raise ValueError("it writes fewer lines than it returns values")
    if len(results) > len(types) or not stdout.endswith(printed):
        raise ValueError("it returns others each time")
    kept = stdout[: len(stdout) - len(printed)]
    outcome: dict[str, Any] = {
        "returned": [_read(line.removesuffix("\n"), type_) for line, type_ in zip(results, types, strict=True)],
        "types": list(types),
        **_written(case, kept, stderr),
    }
    if case.returns is not None:
        outcome["expected"] = [
            values.canonical(values.argument(value, type_), type_)
            for value, type_ in zip(case.returns, types, strict=True)
        ]
    return outcome


def _written(case: Case, stdout: str, stderr: str) -> Mapping[str, str]:
    if case.wasi is None:
        return {}
    return {"stdout": _kept(stdout), "stderr": _kept(stderr)}


def _kept(text: str) -> str:
    written = text.encode("utf-8", "surrogateescape")
    return written[: values.OUTPUT_LIMIT].decode("utf-8", "surrogateescape")


def _imports_wasi_alone(artifact: ManifestArtifact, case: Case) -> bool:
    """Tell whether a component is given all that it imports: what stood for the rest would stand for that."""
    return (
        artifact.kind == "component"
        and case.wasi is not None
        and all(is_of_wasi(artifact.kind, item) for item in artifact.imports)
    )


def _imports_wasi(artifact: ManifestArtifact, names: Sequence[str]) -> bool:
    return any(item.module in _WASI and item.name in names for item in artifact.imports)


def _types(artifact: ManifestArtifact, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    text = next((item.type for item in artifact.exports if item.name == case.call), "")
    return function_types(text) or ((), ())


def _spelled(value: Any, type_: str) -> str:
    taken = values.canonical(values.argument(value, type_), type_)
    return taken if isinstance(taken, str) else repr(taken)


def _read(text: str, type_: str) -> Any:
    if type_ not in NUMBERS:
        if not _REFERENCE.fullmatch(text):
            raise ValueError(f"{text!r} is not how an executable writes a reference")
        return values.REFERENCE
    number = float(text) if type_[0] == "f" else int(text)
    if type_[0] == "i" and str(number) != text:
        raise ValueError(f"{text!r} is not how an executable writes {number}")
    return values.canonical(values.argument(number, type_), type_)
