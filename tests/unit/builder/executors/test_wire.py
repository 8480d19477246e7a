"""Requests and answers on their way between machines."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.builder.executors import wire
from wasmbuild.builder.executors.wire import WorkerFailure
from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import CompileRequest, CompileResult, Labels
from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError, StarvedCompileError
from wasmbuild.toolchain.limits import ProcessLimits

TRIPLES = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "s390x-unknown-linux-gnu", "pulley64"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.sampled_from(TRIPLES),
    st.booleans(),
    st.sampled_from(["none", "speed", "speed_and_size"]),
    st.none() | st.integers(1, 1 << 50),
    st.integers(1, 86400),
    TEXT,
)
def test_a_request_arrives_as_it_was_sent(
    triple: str, fuel: bool, level: str, memory: int | None, seconds: int, name: str
) -> None:
    engine = EngineConfig.declared(
        {"consume-fuel": fuel, "cranelift-opt-level": level}, line=48, triple=triples.parse(triple)
    )
    request = CompileRequest(
        "a" * 64,
        "module",
        engine,
        CompilerIdentity("48.0.2", "c" * 64),
        ProcessLimits(memory, seconds),
        1,
        Labels(name, name),
    )
    arrived = wire.request_from_bytes(wire.request_to_bytes(request))
    assert arrived == request
    assert arrived.key() == request.key()


@given(st.binary() | TEXT.map(str.encode))
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- what JSON says of it
        wire.request_from_bytes(data)


@given(st.binary(), st.floats(0, 1e6), st.none() | st.integers(0, 1 << 60))
def test_an_answer_arrives_as_it_was_sent(artifact: bytes, seconds: float, peak: int | None) -> None:
    sent = CompileResult("k", "/usr/bin/wasmtime", artifact, seconds=seconds, peak_memory=peak)
    arrived = wire.result_of(wire.answer(sent, artifact, "d"), "seven")
    assert arrived == sent._replace(made_by="the worker seven", sha256="d", worker="seven")


@pytest.mark.parametrize("kind", [CompileError, StarvedCompileError])
def test_whose_fault_an_error_is_arrives(kind: type[CompileError]) -> None:
    sent = CompileResult("k", "/usr/bin/wasmtime", error=kind("a.wasm: no"))
    arrived = wire.result_of(json.loads(json.dumps(wire.answer(sent, None, None))), "seven")
    assert isinstance(arrived, CompileResult)
    assert (type(arrived.error), str(arrived.error)) == (kind, "on seven: a.wasm: no")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from(["key", "artifact", "sha256", "error", "starved", "seconds", "peak-memory", "schema"])


@given(VALUES)
def test_what_is_no_answer_is_an_error(value: Any) -> None:
    result = wire.result_of(value, "seven")
    assert isinstance(result, CompileResult)
    assert str(result.error) == (
        "the worker seven answered with something that is no answer; take it out of the cluster"
    )


@given(FIELDS, VALUES)
def test_no_field_is_believed_to_be_what_it_is_not(field: str, value: Any) -> None:
    answer = {**wire.answer(CompileResult("k", "w", b""), b"", "d"), field: value}
    result = wire.result_of(answer, "seven")
    assert isinstance(result, CompileResult)
    assert 0 <= result.seconds < 1e9
    if result.error is None:
        assert isinstance(result.artifact, bytes)
        assert isinstance(result.sha256, str)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1e308, -0.1, 1e308])
def test_no_time_that_nobody_can_be_told_is_an_answer(seconds: float) -> None:
    result = wire.result_of(wire.answer(CompileResult("k", "w", seconds=seconds), b"", "d"), "seven")
    assert isinstance(result, CompileResult)
    assert "something that is no answer" in str(result.error)


def test_a_machine_that_cannot_says_why() -> None:
    assert wire.result_of(wire.unfit("is full"), "seven") == WorkerFailure("is full", lacks_compiler=False)
    assert wire.result_of(wire.unfit("lacks it", lacks_compiler=True), "seven") == WorkerFailure("lacks it", True)
    assert wire.result_of(wire.unfit(""), "seven") == WorkerFailure("does not say why it cannot compile")
