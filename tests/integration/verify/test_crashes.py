"""Tests over which their process dies, hangs or runs out of memory: each costs one artifact its verdict, wherever.

What crashes are real artifacts in which the machine code of a function was exchanged, with the digest of what came of
it: what a compiler with a bug makes. The first three levels hold.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from matrix import thorough

from wasmbuild.builder.workspace import Workspace
from wasmbuild.engine import host
from wasmbuild.engine.triples import parse
from wasmbuild.formats import cwasm
from wasmbuild.formats.manifest import Manifest
from wasmbuild.project.cases import Case, Wasi
from wasmbuild.project.declared import Target
from wasmbuild.toolchain.process import memory_can_be_limited
from wasmbuild.verify import Verdict, default_limits, verify
from wasmbuild.verify.tested import WRONG

HERE = host.triple() or ""
ARCHITECTURE = parse(HERE).architecture
# exit_group(3) and kill(getpid(), SIGTERM) are calls of Linux.
CODE = {
    "x86_64": {
        "illegal": "0f0b",
        "segfault": "31c0 8b00",
        "exits": "b8e7000000 bf03000000 0f05",
        "killed": "b827000000 0f05 89c7 be0f000000 b83e000000 0f05",
    },
    "aarch64": {
        "illegal": "00000000",
        "segfault": "000080d2 000040f9",
        "exits": "600080d2 c80b80d2 010000d4",
        "killed": "881580d2 010000d4 e10180d2 281080d2 010000d4",
    },
}
needs_code = pytest.mark.skipif(
    sys.platform != "linux" or ARCHITECTURE not in CODE, reason="machine code for Linux on x86-64 and aarch64"
)
needs_limit = pytest.mark.skipif(not memory_can_be_limited(), reason="this system cannot limit memory")

TWO = """(module
  (func (export "before") (result i32) (i32.const 1))
  (func (export "f") (param i64) (result i64)
    (i64.add (i64.mul (local.get 0) (i64.const 0x123456789abcdef)) (i64.const 0xfedcba987654321))))"""
LOOPS = """(module
  (func (export "before") (result i32) (i32.const 1))
  (func (export "f") (param i64) (result i64) (loop (br 0)) (unreachable)))"""
# 500 MB, from the beginning or when it is called.
LARGE = LOOPS.replace("(module", "(module (memory 8000)").replace("(loop (br 0)) (unreachable)", "(i64.const 1)")
GROWS = """(module
  (memory 1)
  (func (export "before") (result i32) (i32.const 1))
  (func (export "f") (param i64) (result i64) (i64.extend_i32_s (memory.grow (i32.const 8000)))))"""

# 320 MB.
TABLE = """(module
  (table $t 1 funcref)
  (func (export "before") (result i32) (i32.const 1))
  (func (export "f") (param i64) (result i64)
    (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 40_000_000)))))"""


class Ways:
    """How the artifacts of this host are loaded: by its library, or by runners that run a program of it."""

    def __init__(self, directory: Path, workshop: Any) -> None:
        self._config = directory / "wasmbuild.toml"
        self._programs = {"python": sys.executable, "wasmtime": workshop.executable.path}

    def targets(self, way: str, *, command: tuple[str, ...] = (), options: str = "") -> tuple[Target, ...]:
        runner = ""
        if way in self._programs:
            program = f"{way} = {json.dumps(self._programs[way])}"
            runner = f"[targets.t.runner]\ncommand = {json.dumps(command)}\n{program}\n{options}\n"
        self._config.write_text(f'[project]\nname = "filters"\n[targets.t]\ntriple = "{HERE}"\n{runner}')
        return Workspace(self._config).runners()


@pytest.fixture
def ways(tmp_path: Path, workshop: Any) -> Ways:
    return Ways(tmp_path, workshop)


def ship(
    root: Path, workshop: Any, target: str, triple: str, tests: Mapping[str, tuple[Case, ...]], **what: Any
) -> Manifest:
    """Ship artifacts with tests, by module."""
    manifest: Manifest = workshop.ship(root, target, triple, **what)
    with_tests = [artifact._replace(tests=tests[artifact.module]) for artifact in manifest.artifacts]
    manifest = manifest._replace(artifacts=tuple(with_tests))
    workshop.write(root, manifest)
    return manifest


def crashing(data: bytes, code: str) -> bytes:
    """Return an artifact whose second function begins with other machine code."""
    sections = {section.name: section for section in cwasm.read(data).sections}
    symbols, strings, text = (sections[name] for name in (".symtab", ".strtab", ".text"))
    for at in range(symbols.offset, symbols.offset + symbols.size, 24):
        name, _, _, _, value, size = struct.unpack_from("<IBBHQQ", data, at)
        if data[strings.offset + name :].startswith(b"wasm[0]::function[1]\0"):
            start, new = text.offset + value, bytes.fromhex(code)
            assert len(new) <= size
            return data[:start] + new + data[start + len(new) :]
    raise AssertionError("it has no second function")


BEFORE = Case("before", (), returns=(1,))
SUM = 0xFEDCBA987654321
F = Case("f", (0,), returns=(SUM,), seconds=60)
ONE = F._replace(returns=(1,))


@thorough("way", ["library", "wasmtime", "python"], always=2)
@needs_code
def test_a_test_over_which_its_process_ends_costs_one_artifact_its_verdict(
    tmp_path: Path, workshop: Any, ways: Ways, way: str
) -> None:
    code = CODE[ARCHITECTURE]
    instead = {module: crashing(workshop.compile(TWO, HERE), new) for module, new in code.items()}
    texts = {**dict.fromkeys(code, TWO), "loops": LOOPS, "a": TWO, "z": TWO}
    tests = {module: (BEFORE, F._replace(seconds=1) if module == "loops" else F, BEFORE) for module in texts}
    ship(tmp_path, workshop, "t", HERE, tests, texts=texts, instead=instead)
    entries = {
        entry.id.partition("@")[0]: entry for entry in verify([tmp_path / "t"], targets=ways.targets(way)).artifacts
    }
    for module in "az":
        assert entries.pop(module) == Verdict(f"{module}@t", True, "tested", None, "tested", "")
    ends = "ends the process that runs it, which"
    again = "; compile it again, or with another patch release of Wasmtime"
    said = {
        "exits": f"{ends} ended with status 3{again}",
        "illegal": f"{ends} was killed by SIGILL{again}",
        "killed": f"{ends} was killed by SIGTERM{again}",
        "segfault": f"{ends} was killed by SIGSEGV{again}",
        "loops": "did not end within 1 s; raise the time-limit of the test, or correct what never ends",
    }
    if way == "wasmtime":
        # As a program that ends itself.
        said["exits"] = f"ended with exit status 3 instead of returning {SUM}; {WRONG}"
    assert {module: entry.message for module, entry in entries.items()} == {
        module: f"{module}.cwasm: test 2 of 3, f(0) {words}" for module, words in said.items()
    }
    assert {entry[1:5] for entry in entries.values()} == {(False, "loaded", "tested", "tested")}


@needs_limit
@thorough(
    ("way", "options", "memory"),
    [
        ("library", "", 256 << 20),
        ("wasmtime", 'memory-limit = "256 MiB"', 8 << 30),
        ("python", "", 256 << 20),
        ("python", 'memory-limit = "256 MiB"', 8 << 30),
        ("wasmtime", "", 256 << 20),
    ],
    always=2,
)
def test_a_test_that_takes_too_much_memory_costs_one_artifact_its_verdict(
    tmp_path: Path, workshop: Any, ways: Ways, way: str, options: str, memory: int
) -> None:
    texts = {"a": TWO, "grows": GROWS, "large": LARGE, "table": TABLE, "z": TWO}
    tests = {**dict.fromkeys(("grows", "large", "table"), (BEFORE, ONE)), **dict.fromkeys("az", (BEFORE, F))}
    ship(tmp_path, workshop, "t", HERE, tests, texts=texts)
    report = verify([tmp_path / "t"], targets=ways.targets(way, options=options), limits=default_limits(memory))
    first, grows, large, table, last = report.artifacts
    assert (first.level, last.level) == ("tested", "tested")
    assert {entry[1:5] for entry in (grows, large, table)} == {(False, "loaded", "tested", "tested")}
    # The program is told that it cannot have more, and goes on.
    assert grows.message == f"grows.cwasm: test 2 of 2, f(0) returned -1 instead of 1; {WRONG}"
    lacks = "needs more memory than the limit of 256 MiB"
    assert large.message == (
        f"large.cwasm: test 1 of 2, before() {lacks}; 1 more test fails; "
        "raise --memory-limit, or memory-limit of its runner"
    )
    assert table.message == (
        f"table.cwasm: test 2 of 2, f(0) {lacks}; raise --memory-limit, or memory-limit of its runner"
    )
    # With what is allowed by default, all is well.
    report = verify([tmp_path / "t"], targets=ways.targets(way))
    assert {entry.level for entry in report.artifacts} == {"tested"}


# --- several targets --------------------------------------------------------------------------------------------------

# What it loads lies in the artifact as it is written here.
LOADS = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\\18\\00\\00\\00\\05\\00\\00\\00\\01\\02\\03\\04\\00\\00\\f8\\7fright")
  (func (export "number") (result i32) (i32.load (i32.const 16)))
  (func (export "nan") (result f64) (f64.load (i32.const 16)))
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 40)))))"""
WASI = Wasi(("loads",), (), "")
RIGHT, WRONGLY = b"\1\2\3\4\0\0\xf8\x7fright", b"\3\2\3\4\0\0\xf8\x7fwrong"


@pytest.mark.parametrize(
    ("case", "right", "wrong"),
    [
        (
            Case("number", (), returns=(0x04030201,), wasi=WASI),
            (True, "tested", None, "tested", ""),
            (
                False,
                "loaded",
                "tested",
                "tested",
                'm.cwasm: test 1 of 1, number(argv ["loads"]) returned 67305987 instead of 67305985; '
                f"{WRONG}; on here, pulley it returned 67305985",
            ),
        ),
        (
            # One NaN is as good as another.
            Case("nan", (), returns=("nan",), wasi=WASI),
            (True, "tested", None, "tested", ""),
            (True, "tested", None, "tested", ""),
        ),
    ],
    ids=["number", "NaN"],
)
def test_what_differs_between_targets_is_said_of_each_and_names_the_others(
    tmp_path: Path, workshop: Any, case: Case, right: tuple[Any, ...], wrong: tuple[Any, ...]
) -> None:
    manifests = []
    for target, triple in (("here", HERE), ("pulley", "pulley64"), ("other", "pulley64")):
        data = workshop.compile(LOADS, triple)
        assert data.count(RIGHT) == 1
        if target == "other":
            data = data.replace(RIGHT, WRONGLY)
        manifests.append(
            ship(tmp_path, workshop, target, triple, {"m": (case,)}, texts={"m": LOADS}, instead={"m": data})
        )
    workshop.index(tmp_path, *manifests)
    assert verify([tmp_path]).artifacts == (
        Verdict("m@here", *right),
        Verdict("m@pulley", *right),
        Verdict("m@other", *wrong),
    )


@needs_code
def test_a_crash_on_one_target_is_told_with_what_comes_of_it_on_another(tmp_path: Path, workshop: Any) -> None:
    data = crashing(workshop.compile(TWO, HERE), CODE[ARCHITECTURE]["illegal"])
    tests = {"m": (BEFORE, F)}
    here = ship(tmp_path, workshop, "here", HERE, tests, texts={"m": TWO}, instead={"m": data})
    workshop.index(tmp_path, here, ship(tmp_path, workshop, "pulley", "pulley64", tests, texts={"m": TWO}))
    crashed, right = verify([tmp_path]).artifacts
    assert right == Verdict("m@pulley", True, "tested", None, "tested", "")
    assert crashed.message == (
        "m.cwasm: test 2 of 2, f(0) ends the process that runs it, which was killed by SIGILL; compile it again, or "
        f"with another patch release of Wasmtime; on pulley it returned {SUM}"
    )
