"""Test cases as a ``wasmtime`` executable runs them: a command for each, and what its output and exit status mean.

It calls functions of core modules, whose values are numbers, and runs programs of WASI. What it prints on stdout after
the program's own output are the results, one a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.project import cases
from wasmbuild.project.cases import Case
from wasmbuild.toolchain.child import Ended
from wasmbuild.verify import values
from wasmbuild.verify.tested import Grant

TRAPPED = 134
"""Exit status of an executable whose program trapped."""

_FUNCTION = re.compile(r"\((.*)\) -> \((.*)\)")
_RUN = re.compile(r"wasi:cli/run@[^#]*#run")
_NUMBERS = ("i32", "i64", "f32", "f64")
_TRAP = re.compile(r"wasm trap: (.*)")
_WARNING = re.compile(r"^warning: using `--invoke` with a function .*\n", re.MULTILINE)
_FAILED = re.compile(r"^Error: .*", re.MULTILINE)


def obstacle(artifact: ManifestArtifact) -> str:
    """Say why an executable cannot run all tests of an artifact; empty when it can."""
    for case in artifact.tests:
        if artifact.kind == "component":
            if not _RUN.fullmatch(case.call):
                return f"an executable does not call functions of components such as {case.title}"
        elif any(type_ not in _NUMBERS for part in _types(artifact, case) for type_ in part):
            return f"an executable takes and gives no vectors, as {case.title} does"
    return ""


def command(run: Sequence[str], artifact: ManifestArtifact, case: Case, file: str, grant: Grant) -> list[str]:
    """Return the command of one test; ``run`` is the one that runs a precompiled file without options of its own."""
    options = ["-S", "inherit-env=n"]
    if grant.fuel:
        options += ["-W", f"fuel={case.fuel or cases.FUEL[1]}"]
    if grant.epoch:
        # Without, it is interrupted at once.
        options += ["-W", f"timeout={2 * cases.SECONDS[1]}s"]
    words: list[str] = []
    if case.wasi is not None:
        program, *words = case.wasi.argv
        options += ["--argv0", program]
        for name, value in case.wasi.env:
            options += ["--env", f"{name}={value}"]
    if artifact.kind == "module" and case.call != cases.START:
        options += ["--invoke", case.call]
        words = [_spelled(value, type_) for value, type_ in zip(case.args, _types(artifact, case)[0], strict=True)]
    return [*run, *options, file, *words]


def told(artifact: ManifestArtifact, case: Case, ended: Ended) -> dict[str, Any]:
    """Return what came of a test as the probe tells it; ``{}`` when the process did not end by itself."""
    stderr = _WARNING.sub("", ended.stderr)
    stdout = ended.stdout.decode("utf-8", "surrogateescape")
    failed = _FAILED.search(stderr)
    trap = _TRAP.search(stderr, failed.start()) if failed else None
    if ended.status == TRAPPED and trap is not None and failed is not None:
        return {"trapped": trap[1], **_written(case, stdout, stderr[: failed.start()])}
    if ended.status == 1 and failed is not None:
        return {"failed": stderr[failed.start() :]}
    if ended.status < 0 or ended.status >= 126:
        return {}
    if ended.status or artifact.kind == "component" or case.call == cases.START:
        return {"exited": ended.status, **_written(case, stdout, stderr)}
    try:
        return _returned(artifact, case, stdout, stderr)
    except ValueError as error:
        return {"failed": f"its results cannot be told from what it writes: {error}"}


def _returned(artifact: ManifestArtifact, case: Case, stdout: str, stderr: str) -> dict[str, Any]:
    _, types = _types(artifact, case)
    lines = stdout.splitlines(keepends=True)
    kept, results = lines[: len(lines) - len(types)], lines[len(lines) - len(types) :]
    if kept and types and not kept[-1].endswith("\n"):
        raise ValueError("its output does not end with a newline")
    outcome: dict[str, Any] = {
        "returned": [_read(line.strip(), type_) for line, type_ in zip(results, types, strict=True)],
        "types": list(types),
        **_written(case, "".join(kept), stderr),
    }
    if case.returns is not None:
        outcome["expected"] = [
            values.told(values.given(value, type_), type_) for value, type_ in zip(case.returns, types, strict=True)
        ]
    return outcome


def _written(case: Case, stdout: str, stderr: str) -> Mapping[str, str]:
    return {} if case.wasi is None else {"stdout": stdout, "stderr": stderr}


def _types(artifact: ManifestArtifact, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    text = next((item.type for item in artifact.exports if item.name == case.call), "")
    match = _FUNCTION.fullmatch(text)
    parameters, results = (tuple(part.split(", ")) if part else () for part in (match.groups() if match else ("", "")))
    return parameters, results


def _spelled(value: Any, type_: str) -> str:
    taken = values.told(values.given(value, type_), type_)
    return taken if isinstance(taken, str) else repr(taken)


def _read(text: str, type_: str) -> Any:
    number = float(text) if type_[0] == "f" else int(text)
    return values.told(values.given(number, type_), type_)
