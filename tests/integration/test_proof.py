"""Tests that travel with artifacts, and runners for machines that one does not have, as their user meets them."""

from __future__ import annotations

import importlib.util
import os
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from matrix import thorough
from roundtrips import CORE
from support import ADD, BOTH_LOADERS, HEAD, MODULES, TARGETS, Project

from wasmbuild.engine import lines
from wasmbuild.engine.line import MAX_SIZE
from wasmbuild.project.case_values import MAX_DEPTH

ROOT = Path(__file__).parents[2]
PULLEY = '[targets.portable]\ntriple = "pulley64"\n'
X64 = TARGETS[: TARGETS.index("[targets.arm]")]

NUMBERS = """(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "v128") (param v128) (result v128) local.get 0)
  (func (export "two") (result i32 f64) (i32.const -1) (f64.const 0.5))
  (func (export "fail") unreachable)
  (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
  (func (export "forever") (loop br 0)))
"""


def declared(call: str, outcome: str, args: str = "[]", extra: str = "", targets: str = X64) -> str:
    test = f'[[modules.n.tests]]\ncall = "{call}"\nargs = {args}\n{outcome}\n{extra}'
    return f'{HEAD}{targets}[modules.n]\nsource = "n.wat"\n{test}[modules.add]\nsource = "add.wat"\n'


@thorough(
    ("call", "args", "outcome"),
    [
        ("i32", "[-1]", "returns = [4294967295]"),
        ("f32", '["nan"]', 'returns = ["nan"]'),
        ("v128", "[{ i32x4 = [1, -2, 3, 4] }]", "returns = [{ i32x4 = [1, 4294967294, 3, 4] }]"),
        ("fail", "[]", 'traps = "unreachable"'),
        ("i32", "[4294967295]", "returns = [-1]"),
        ("i64", "[-9223372036854775808]", "returns = [9223372036854775808]"),
        ("f32", "[0.1]", "returns = [0.1]"),
        ("f64", '["-inf"]', 'returns = ["-inf"]'),
        ("f64", "[-0.0]", "returns = [-0.0]"),
        ("two", "[]", "returns = [-1, 0.5]"),
        ("divide", "[0]", 'traps = "divide by zero"'),
    ],
    always=4,
)
def test_what_returns_as_declared_is_tested(project: Project, call: str, args: str, outcome: str) -> None:
    project.write("n.wat", NUMBERS)
    project.declare(declared(call, outcome, args, targets=X64 + PULLEY))
    project.run("build")
    found = project.verdicts()
    assert found["n@x64"]["level"] == found["n@portable"]["level"] == "tested"
    assert found["add@x64"]["level"] == "loaded"


@pytest.mark.parametrize(
    ("call", "args", "outcome", "said"),
    [
        ("i32", "[1]", "returns = [2]", "i32(1) returned 1 instead of 2"),
        ("f64", "[0.0]", "returns = [-0.0]", "f64(0.0) returned 0.0 instead of -0.0"),
        ("fail", "[]", "returns = []", "fail() trapped"),
        ("divide", "[1]", 'traps = "divide by zero"', "divide(1) returned 1"),
        ("divide", "[0]", 'traps = "unreachable"', "divide(0) trapped"),
    ],
)
def test_what_does_not_is_said_and_the_rest_goes_on(
    project: Project, call: str, args: str, outcome: str, said: str
) -> None:
    project.write("n.wat", NUMBERS)
    project.declare(declared(call, outcome, args))
    project.run("build")
    found = project.verdicts(status=1)
    assert found["n@x64"]["level"] == "loaded"
    assert found["n@x64"]["failed"] == "tested"
    assert said in found["n@x64"]["message"]
    assert found["add@x64"]["ok"] is True


def lists(depth: int) -> str:
    """Return a component whose function gives back lists of lists of numbers, so deep."""
    type_ = "(list " * depth + "u8" + ")" * depth
    return f"""(component {CORE} (func $f (param "x" {type_}) (result {type_})
      (canon lift (core func $i "pair") (memory $i "memory") (realloc (func $i "realloc")))) (export "f" (func $f)))"""


def test_values_are_nested_as_deeply_as_they_may_be(project: Project) -> None:
    project.write("n.wat", lists(MAX_DEPTH))
    value = "[" * MAX_DEPTH + "7, 8" + "]" * MAX_DEPTH
    project.declare(declared("f", f"returns = [{value}]", f"[{value}]", targets=PULLEY))
    project.run("build")
    assert project.verdicts()["n@portable"]["level"] == "tested"
    project.declare(declared("f", f"returns = [[{value}]]", f"[{value}]", targets=PULLEY))
    refusal = project.run("build", status=2).stderr
    assert f"is nested too deeply; write at most {MAX_DEPTH} levels" in refusal


def test_a_long_value_is_shown_where_it_begins_to_differ(project: Project) -> None:
    project.write("n.wat", lists(1))
    project.declare(declared("f", f"returns = [{[*range(99), 7]}]", f"[{[*range(100)]}]", targets=PULLEY))
    project.run("build")
    shown = "…89, 90, 91, 92, 93, 94, 95, 96, 97, 98, "
    said = project.verdicts(status=1)["n@portable"]["message"]
    assert f"returned {shown}99] instead of {shown}7]; " in said


def test_a_call_that_never_ends_costs_one_artifact_its_verdict(project: Project) -> None:
    project.write("n.wat", NUMBERS)
    project.declare(declared("forever", "returns = []", extra="time-limit = 1\n"))
    project.run("build")
    found = project.verdicts(status=1)
    assert "forever()" in found["n@x64"]["message"]
    assert "did not end within 1 s" in found["n@x64"]["message"]
    assert found["add@x64"]["level"] == "loaded"


def test_engines_that_count_are_granted_enough(project: Project) -> None:
    project.write("n.wat", NUMBERS)
    engine = "engine = { consume-fuel = true, epoch-interruption = true }\n"
    project.declare(declared("i32", "returns = [7]", "[7]", targets=X64 + engine))
    project.run("build")
    assert project.verdicts()["n@x64"]["level"] == "tested"


DEPTH = """(module (func $f (export "f") (param i32) (result i32)
  (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
    (else (i32.const 0)))))"""
DEEP = 'call = "f", args = [3000], traps = "call stack exhausted"'
SHARED = """(module (memory (export "m") 1 2 shared)
  (func (export "add") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 5))))"""
IMPORTS = SHARED.replace('(memory (export "m")', '(import "env" "m" (memory').replace("shared)", "shared))")


@pytest.mark.parametrize(
    ("text", "engine", "test", "without"),
    [
        (DEPTH, "max-wasm-stack = 20000", DEEP, "f(3000) returned 3000 instead of trapping"),
        (SHARED, "shared-memory = true", 'call = "add", returns = [0]', "; write shared-memory = true under [engine]"),
        (
            IMPORTS,
            "shared-memory = true",
            'call = "add", returns = [0], imports = "zero"',
            "; write shared-memory = true",
        ),
    ],
    ids=["stack", "shared", "shared-import"],
)
def test_what_the_engine_alone_decides_is_so_when_tested(
    project: Project, text: str, engine: str, test: str, without: str
) -> None:
    """By both loaders, and what is told where it is not declared helps."""
    project.write("m.wat", text)
    modules = f'[modules.m]\nsource = "m.wat"\ntests = [{{ {test} }}]\n'
    project.declare(f"{BOTH_LOADERS}{modules}")
    project.run("build")
    assert [without in entry["message"] for entry in project.verdicts(status=1).values()] == [True, True]
    project.declare(f"{BOTH_LOADERS}[engine]\n{engine}\n{modules}")
    assert project.compiled() == set()
    assert [entry["level"] for entry in project.verdicts().values()] == ["tested", "tested"]


STACKS = """(module (type $f (func)) (type $c (cont $f)) (tag $t (param i32))
  (func $g (suspend $t (i32.const 7))) (elem declare func $g)
  (func (export "f") (result i32)
    (block $h (result i32 (ref $c)) (resume $c (on $t $h) (cont.new $c (ref.func $g))) (return (i32.const 0)))
    (drop)))"""


def test_stacks_are_switched_by_an_executable(project: Project) -> None:
    """The library, which compiles it, is built without that, and its process would end over it."""
    project.write("n.wat", STACKS)
    project.declare(declared("f", "returns = [7]", targets=X64 + "engine = { wasm-stack-switching = true }\n"))
    project.run("build")
    assert project.verdicts()["n@x64"]["level"] == "tested"


# Its frame is larger than a page.
LARGE = f"""(module (func $id (param i64) (result i64) local.get 0)
  (func (export "f") (result i64) (local {" ".join(["i64"] * 1000)})
    {"".join(f"(local.set {i} (call $id (i64.const 1)))" for i in range(1000))}
    (i64.const 0) {"".join(f"(i64.add (local.get {i}))" for i in range(1000))}))"""
NUMERIC = {name: flag for name, flag in lines.get(48).flags.items() if type(flag.default) is int}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, flag in NUMERIC.items() for value in (flag.low, flag.high)]
)
def test_a_flag_at_its_bounds_runs(project: Project, name: str, value: int) -> None:
    project.write("n.wat", LARGE)
    engine = f"engine = {{ cranelift-flags = {{ {name} = {value} }} }}\n"
    project.declare(declared("f", "returns = [1000]", targets=X64 + engine))
    project.run("build")
    assert project.verdicts()["n@x64"]["level"] == "tested"


def test_the_largest_sizes_are_told_to_be_too_large(project: Project) -> None:
    """No sum of what is declared passes 64 bits, which Wasmtime would tell in words of its own."""
    sizes = ("memory-reservation", "memory-reservation-for-growth", "memory-guard-size")
    project.write("m.wat", '(module (memory 1) (func (export "f")))')
    engine = "".join(f"{name} = {MAX_SIZE}\n" for name in sizes)
    module = '[modules.m]\nsource = "m.wat"\ntests = [{ call = "f", returns = [] }]\n'
    project.declare(f"{BOTH_LOADERS}[engine]\n{engine}{module}")
    project.run("build")
    found = project.verdicts(status=3).values()
    assert ["write a smaller memory-reservation" in entry["message"] for entry in found] == [True, True]


def test_a_heap_of_objects_that_is_too_large_is_told_and_a_smaller_one_helps(project: Project) -> None:
    project.write(
        "n.wat", '(module (type $s (struct)) (func (export "f") (result i32) (ref.test (ref $s) (struct.new $s))))'
    )
    entry = {}
    # More than any machine has addresses.
    for size, status in ((1000 << 40, 3), (1 << 30, 0)):
        engine = f"[engine]\nmemory-reservation = {1 << 30}\ngc-heap-reservation = {size}\n"
        project.declare(declared("f", "returns = [1]", targets=X64) + engine)
        project.run("build")
        entry[size] = project.verdicts(status=status)["n@x64"]
    said = entry[1000 << 40]["message"]
    assert "reserves 1000 TiB of address space" in said
    assert "a smaller memory-reservation or, from Wasmtime 48 on, gc-heap-reservation under [engine]" in said
    assert entry[1 << 30]["level"] == "tested"


def test_a_demanded_test_that_cannot_be_run_here_is_a_failure(project: Project) -> None:
    project.write("n.wat", NUMBERS)
    arm = TARGETS[TARGETS.index("[targets.arm]") :] + 'require = "tested"\n'
    text = declared("i32", "returns = [7]", "[7]", targets=arm)
    project.declare(text[: text.index("[modules.add]")])
    project.run("build")
    found = project.verdicts(status=1)["n@arm"]
    assert found["level"] == "consistent"
    assert found["required"] == "tested"
    assert "no runner is declared; under [targets.arm] of wasmbuild.toml write runner = {" in found["message"]


def test_a_level_below_runs_nothing(project: Project) -> None:
    project.write("n.wat", NUMBERS)
    project.declare(declared("i32", "returns = [8]", "[7]"))
    project.run("build")
    assert project.verdicts("--level", "loaded")["n@x64"]["level"] == "loaded"


def test_a_report_for_ci(project: Project) -> None:
    project.write("n.wat", NUMBERS)
    project.declare(declared("i32", "returns = [8]", "[7]"))
    project.run("build")
    project.run("verify", "--junit", "reports/junit.xml", "build", status=1)
    suites = ET.parse(project.root / "reports/junit.xml").getroot()  # noqa: S314 -- it was just written
    cases = {case.get("name"): case for case in suites.iter("testcase")}
    assert set(cases) == {"add", "n"}
    failure = cases["n"].find("failure")
    assert failure is not None
    assert "i32(7) returned 7 instead of 8" in str(failure.get("message"))


def hostile(project: Project, toml: Path) -> Path:
    """Declare a runner that leaves a trace when it is obeyed."""
    trace = project.root / "obeyed"
    command = f'["/bin/sh", "-c", "touch {trace}"]'
    runner = f'[targets.arm.runner]\ncommand = {command}\npython = "/usr/bin/python3"\n'
    toml.write_text(HEAD + TARGETS + runner + MODULES)
    return trace


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_a_runner_comes_from_the_users_declaration_never_from_what_is_verified(project: Project) -> None:
    project.run("build")
    trace = hostile(project, project.build / "wasmbuild.toml")
    project.run("verify", "build")
    project.run("verify", ".", cwd=project.build)
    assert not trace.exists()
    hostile(project, project.root / "wasmbuild.toml")
    project.run("verify", "build", status=1)
    assert trace.exists()
    trace.unlink()
    project.run("verify", ".", cwd=project.root, status=1)
    assert not trace.exists()


def _prepare(directory: Path) -> Path:
    """Unpack an arm64 Python with wasmtime, unless that was done, with the script that users have."""
    specification = importlib.util.spec_from_file_location("sysroot", ROOT / "examples/qemu/sysroot.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    prepared: Path = module.prepare(directory)
    return prepared


@pytest.fixture(scope="session")
def sysroot() -> Path:
    """The directory that is unpacked once and for all runs."""
    cache = Path(os.environ.get("WASMBUILD_TEST_CACHE") or ROOT / ".cache")
    return _prepare(cache / "arm64")


@pytest.mark.needs("apt-get", "dpkg-deb")
def test_two_that_unpack_at_once_leave_what_the_first_one_runs_from(tmp_path: Path) -> None:
    def prepared(_: int) -> int:
        return _prepare(tmp_path / "arm64").stat().st_ino

    with ThreadPoolExecutor() as threads:
        first, second = threads.map(prepared, range(2))
    assert first == second
    assert [path.name for path in tmp_path.iterdir()] == ["arm64"]


def on_arm(project: Project, runner: str, modules: str) -> None:
    arm = TARGETS[TARGETS.index("[targets.arm]") :]
    project.declare(f"{HEAD}{X64}{arm}[targets.arm.runner]\n{runner}\n{modules}")


QEMU = 'command = ["qemu-aarch64-static", "-L", "{sysroot}"]\n'


@pytest.mark.needs("qemu-aarch64-static", "apt-get", "dpkg-deb")
@pytest.mark.parametrize("program", ["python", "wasmtime"])
def test_artifacts_of_another_machine_are_loaded_and_tested_under_emulation(
    project: Project, sysroot: Path, program: str
) -> None:
    path = sysroot / ("usr/bin/python3" if program == "python" else "usr/bin/wasmtime")
    runner = QEMU.format(sysroot=sysroot) + f'{program} = "{path}"'
    on_arm(project, runner, MODULES + '[[modules.sub.tests]]\ncall = "sub"\nargs = [5, 3]\nreturns = [2]\n')
    project.run("build")
    found = project.verdicts()
    assert found["sub@arm"]["level"] == "tested"
    assert found["add@arm"]["level"] == "loaded"
    damaged = project.build / "arm/add.cwasm"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert project.verdicts(status=1)["add@arm"]["failed"] == "intact"


@pytest.mark.needs("qemu-aarch64-static", "apt-get", "dpkg-deb")
def test_a_published_miscompile_is_caught_where_it_happens(project: Project, sysroot: Path) -> None:
    """CVE-2026-115893: 48.0.2 compiles a br_table of very many targets wrongly for aarch64, and it loads."""
    targets = " ".join(["0"] * 270_000)
    project.write(
        "table.wat",
        f"""(module (func (export "pick") (param i32) (result i32)
  (block $other (block $first (br_table {targets} 1 (local.get 0))) (return (i32.const 7))) (i32.const 9)))""",
    )
    runner = QEMU.format(sysroot=sysroot) + f'python = "{sysroot / "usr/bin/python3"}"'
    tests = "".join(
        f'[[modules.table.tests]]\ncall = "pick"\nargs = [{index}]\nreturns = [{value}]\n'
        for index, value in ((3, 7), (269_999, 7), (300_000, 9))
    )
    on_arm(project, runner, f'[modules.table]\nsource = "table.wat"\n{tests}[modules.add]\nsource = "add.wat"\n')
    project.run("build")
    found = project.verdicts(status=1)
    assert found["table@x64"]["level"] == "tested"
    assert found["table@arm"]["failed"] == "tested"
    assert "pick(300000)" in found["table@arm"]["message"]
    assert found["add@arm"]["level"] == "loaded"


@pytest.mark.needs("qemu-aarch64-static")
def test_a_runner_that_does_not_work_is_a_failure_that_says_why(project: Project) -> None:
    on_arm(project, f'command = ["no-such-emulator"]\npython = "{sys.executable}"', MODULES)
    project.write("add.wat", ADD)
    project.run("build")
    message = project.verdicts(status=1)["add@arm"]["message"]
    assert "no-such-emulator" in message
