"""What the probe loads, keeps, forgets and refuses, as its own child."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Any

import pytest
from probing import Probing, how

from wasmbuild.toolchain import worker
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.process import memory_can_be_limited
from wasmbuild.toolchain.worker import ChildExit

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
ADD_TOLD = {"imports": [], "exports": [["add", "func", "(i32, i32) -> (i32)"]]}
NOTHING: dict[str, Any] = {"imports": [], "exports": []}
CALL_ADD = {"test": {"call": "add", "args": [1, 2]}, "fuel": None, "epoch": False}
NOT_KEPT = {"failed": "no artifact was kept"}


def test_a_file_is_loaded_by_its_descriptor_wherever_its_offset_is(probing: Probing) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(probing.compile(ADD))
        file.flush()
        told = probing.ask_load("module", how(), file=file.fileno())
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) > 0
    assert told == ADD_TOLD


@pytest.mark.parametrize("as_files", [True, False], ids=["as files", "as bytes"])
def test_several_are_loaded_at_once(monkeypatch: pytest.MonkeyPatch, as_files: bool) -> None:
    """What is told of one is not that of another, and what is wrong with one is nothing to the others."""
    monkeypatch.setattr(worker, "_PASSES_FILES", as_files)
    many = "".join(f'(func (export "f{n}") (param i32) (result {t}) unreachable)' for n, t in enumerate(("i64", "f32")))
    texts = {
        "add": ADD,
        "empty": "(module)",
        "component": '(component (core module $m) (export "m" (core module $m)))',
        "many": f'(module (import "a" "g" (global i64)) (import "a" "h" (func)) {many} (memory (export "m") 2))',
        "again": ADD,
    }
    with Probing() as probing, ExitStack() as stack:
        files = []
        for name, text in texts.items():
            file = stack.enter_context(tempfile.TemporaryFile())
            data = probing.compile(text)
            file.write(data[:-64] if name == "again" else data)
            file.flush()
            files.append(file.fileno())
        kinds = ["component" if name == "component" else "module" for name in texts]
        told = probing.ask({"load": kinds, "engine": how()}, files=files)["loaded"]
        assert probing.ask(CALL_ADD) == NOT_KEPT
    error = told.pop()
    assert error.keys() == {"error"}
    assert told == [
        ADD_TOLD,
        NOTHING,
        {"imports": [], "exports": [["m", "module", ""]]},
        {
            "imports": [["a", "g", "global", "i64"], ["a", "h", "func", "() -> ()"]],
            "exports": [
                ["f0", "func", "(i32) -> (i64)"],
                ["f1", "func", "(i32) -> (f32)"],
                ["m", "memory", "2"],
            ],
        },
    ]


def test_no_code_of_what_is_loaded_runs(probing: Probing) -> None:
    text = "(module (func $forever (loop (br 0))) (start $forever))"
    assert probing.load(text) == NOTHING
    assert probing.load(text, keep=True) == NOTHING


@pytest.mark.parametrize("kind", ["module", "component"])
@pytest.mark.parametrize("data", [b"", b"\0asm\1\0\0\0", b"\x7fELF" + bytes(500), b"nonsense" * 100], ids=range(4))
def test_what_is_no_artifact_is_refused(probing: Probing, kind: str, data: bytes) -> None:
    told = probing.ask_load(kind, how(), data)
    assert told.keys() == {"error"}
    assert "ELF" in told["error"]


@pytest.mark.parametrize(
    ("kind", "engine", "text", "triple", "said"),
    [
        ("component", how(), ADD, None, "incompatible object file format"),
        ("module", how(), "(component)", None, "incompatible object file format"),
        ("module", how({"consume-fuel": True}), ADD, None, "compiled without fuel support"),
        ("module", how(triple="pulley64"), ADD, None, "compiled for architecture"),
        ("module", how(), ADD, "pulley64", "compiled for architecture 'pulley64'"),
    ],
    ids=range(5),
)
def test_artifacts_of_another_kind_engine_or_target_are_refused(
    probing: Probing, kind: str, engine: list[Any], text: str, triple: str | None, said: str
) -> None:
    told = probing.ask_load(kind, engine, probing.compile(text, triple=triple))
    assert told.keys() == {"error"}
    assert said in told["error"]
    assert probing.load(ADD) == ADD_TOLD


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["property", "nothing", True], "this version of the library has no Config.nothing"),
        (["property", "ptr", True], "this version of the library has no Config.ptr"),
        (["c-api", "wasmtime_config_nothing_set", 1], "this version of the library has no wasmtime_config_nothing_set"),
    ],
)
def test_settings_that_the_library_lacks_are_refused(probing: Probing, call: list[Any], said: str) -> None:
    for _ in range(2):
        assert probing.ask({"engine": [[call], None]}) == {"error": said}


def test_an_engine_is_made_ahead_of_what_it_loads(probing: Probing) -> None:
    assert probing.ask({"engine": how({"consume-fuel": True})}) == {"loaded": []}
    assert probing.load(ADD, {"consume-fuel": True}) == ADD_TOLD


def test_more_engines_than_are_kept(probing: Probing) -> None:
    for _ in range(2):
        for size in range(40):
            engine = [[["property", "max_wasm_stack", 100_000 + size]], None]
            assert probing.ask_load("module", engine, probing.compile(ADD), keep=True) == ADD_TOLD
            assert probing.ask(CALL_ADD)["returned"] == [3]


def test_what_is_not_kept_is_not_tested(probing: Probing) -> None:
    probing.load(ADD)
    assert probing.ask(CALL_ADD) == NOT_KEPT


def test_what_is_kept_is_tested_again_and_again(probing: Probing) -> None:
    probing.load(ADD, keep=True)
    assert [probing.ask(CALL_ADD)["returned"] for _ in range(3)] == [[3]] * 3


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"load": ["module"], "engine": how()}, "(module)"),
        ({"load": ["module"], "engine": how()}, "(component)"),
        ({"load": ["component"], "engine": how(), "keep": True}, "(module)"),
        ({"engine": how()}, None),
        ({"engine": [[["property", "nothing", True]], None]}, None),
    ],
    ids=["loaded", "refused", "refused to keep", "engine", "wrong engine"],
)
def test_what_was_kept_is_forgotten_with_the_next_load(
    probing: Probing, body: dict[str, Any], text: str | None
) -> None:
    probing.load(ADD, keep=True)
    assert probing.ask(CALL_ADD)["returned"] == [3]
    probing.ask(body, probing.compile(text) if text else b"")
    assert probing.ask(CALL_ADD) == NOT_KEPT


def test_the_last_that_was_kept_is_tested(probing: Probing) -> None:
    probing.load(ADD, keep=True)
    probing.load(ADD.replace("i32.add", "i32.sub"), keep=True)
    assert probing.ask(CALL_ADD)["returned"] == [-1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"load": ["module"]},
        {"engine": []},
        {"engine": [1, 2, 3]},
        {"engine": [[["property"]], None]},
        {"load": ["module"], "engine": None},
        {"test": None},
        {"test": {}, "fuel": None, "epoch": False},
        {"test": {"call": "add", "args": [1, 2]}},
        {"test": {"call": "add", "args": 1}, "fuel": None, "epoch": False},
        {"test": {"call": "add", "args": [1, 2], "returns": 3}, "fuel": None, "epoch": False},
    ],
    ids=str,
)
def test_a_request_that_makes_no_sense_ends_the_probe_and_the_next_has_a_new_one(
    probing: Probing, body: dict[str, Any]
) -> None:
    probing.load(ADD, keep=True)
    outcome = probing.outcome(body)
    assert isinstance(outcome, ChildExit)
    assert outcome.reason == "ended with status 1"
    assert "Error: " in outcome.stderr
    assert probing.ask(CALL_ADD) == NOT_KEPT
    assert probing.load(ADD, keep=True) == ADD_TOLD
    assert probing.ask(CALL_ADD)["returned"] == [3]


GROW = '(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))'


@pytest.mark.skipif(not memory_can_be_limited(), reason="bounds the memory of the probe")
def test_what_it_may_allocate_is_bounded() -> None:
    grow = {"test": {"call": "grow", "args": [16384]}, "fuel": None, "epoch": False}
    returned = []
    for memory in (None, 512 << 20):
        with Probing(ProcessLimits(memory=memory)) as probing:
            probing.load(GROW, keep=True)
            returned.append(probing.ask(grow)["returned"])
    assert returned == [[1], [-1]]
