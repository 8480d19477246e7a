"""Requests and answers on their way to another machine and back: JSON and plain values, which any Python understands.

Whoever reads them takes nothing for granted: a request is judged again where it arrives, and an answer is held to its
request like what was compiled here.
"""

from __future__ import annotations

import json
from typing import Any

from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import CompileRequest, CompileResult, Labels
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError, StarvedCompileError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.toolchain.limits import ProcessLimits

SCHEMA = "wasmbuild/compile/1"

# No compile takes a year, and a number that is larger by far fills the lines where it is shown.
_MOST_SECONDS = 366 * 86400.0
_SILENT = "does not say why it cannot compile"


class WorkerFailure(NamedTuple):
    """A machine could not do a request, for a reason that is its own: the request is as good as before.

    ``reason`` goes on after the machine's name: "has no room …". With ``lacks_compiler`` it is that.
    """

    reason: str
    lacks_compiler: bool = False


def request_to_bytes(request: CompileRequest) -> bytes:
    """Return a request as it travels, its binary apart."""
    document = {
        "schema": SCHEMA,
        "wasm": request.wasm_sha256,
        "kind": request.kind,
        "engine": request.engine.to_json(),
        "compiler": list(request.compiler),
        "limits": [request.limits.memory, request.limits.seconds],
        "threads": request.threads,
        "labels": list(request.labels),
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def request_from_bytes(data: bytes) -> CompileRequest:
    """Read a request. Raises ValueError or EngineError for one that another version of wasmbuild wrote."""
    try:
        document = json.loads(data)
        if document["schema"] != SCHEMA:
            raise ValueError(f"the request is {document['schema']}, not {SCHEMA}")
        memory, seconds = document["limits"]
        return CompileRequest(
            str(document["wasm"]),
            str(document["kind"]),
            EngineConfig.from_json(document["engine"]),
            CompilerIdentity(*map(str, document["compiler"])),
            ProcessLimits(memory, seconds),
            int(document["threads"]),
            Labels(*map(str, document["labels"])),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the request cannot be read: {error}") from error


def answer(result: CompileResult, artifact: bytes | None, sha256: str | None) -> dict[str, Any]:
    """Return what came of a request as plain values."""
    return {
        "schema": SCHEMA,
        "key": result.key,
        "artifact": artifact,
        "sha256": sha256,
        "error": None if result.error is None else str(result.error),
        "starved": isinstance(result.error, StarvedCompileError),
        "seconds": result.seconds,
        "peak-memory": result.peak_memory,
    }


def unfit(reason: str, *, lacks_compiler: bool = False) -> dict[str, Any]:
    """Return the answer of a machine that cannot do a request, which goes on after its name."""
    return {"schema": SCHEMA, "unfit": reason, "lacks-compiler": lacks_compiler}


def result_of(answer: object, worker: str) -> CompileResult | WorkerFailure:
    """Read an answer of the machine that people call ``worker``; what is no answer is an error of the artifact."""
    try:
        if not isinstance(answer, dict) or answer["schema"] != SCHEMA:
            raise ValueError
        if "unfit" in answer:
            return WorkerFailure(_typed(answer["unfit"], str) or _SILENT, _typed(answer["lacks-compiler"], bool))
        error, peak = answer["error"], answer["peak-memory"]
        kind = StarvedCompileError if _typed(answer["starved"], bool) else CompileError
        return CompileResult(
            key=_typed(answer["key"], str),
            made_by=f"the worker {worker}",
            artifact=None if error is not None else _typed(answer["artifact"], bytes),
            error=None if error is None else kind(f"on {worker}: {_typed(error, str)}"),
            seconds=_duration(answer["seconds"]),
            peak_memory=None if peak is None else _typed(peak, int),
            sha256=None if error is not None else _typed(answer["sha256"], str),
            worker=worker,
        )
    except (KeyError, ValueError):
        problem = f"the worker {worker} answered with something that is no answer; take it out of the cluster"
        return CompileResult("", f"the worker {worker}", error=CompileError(problem), worker=worker)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError
    return value


def _duration(value: Any) -> float:
    seconds = float(_typed(value, float))
    if not 0 <= seconds <= _MOST_SECONDS:  # nor is NaN
        raise ValueError
    return seconds
