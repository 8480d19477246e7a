"""What the output of a ``wasmtime`` executable means, in the words that Wasmtime 48 writes."""

from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.formats.extern import Export, Import
from wasmbuild.project.cases import Case, Wasi
from wasmbuild.toolchain.child import ChildResult
from wasmbuild.verify.executable_cases import again, command, obstacle, own_stderr, reply
from wasmbuild.verify.host_errors import one_line
from wasmbuild.verify.tested import Metering

FAILED = "Error: failed to run main module `checksum.cwasm`\n\nCaused by:\n"
BACKTRACE = "    1: error while executing at wasm backtrace:\n    0:     0xe6 - <unknown>!{name}\n"
TRAP = f"{FAILED}    0: failed to invoke `f`\n{BACKTRACE}    2: wasm trap: {{words}}\n"
EXCEPTION = f"{FAILED}    0: failed to invoke `f`\n{BACKTRACE}    2: thrown Wasm exception\n"
BACKTRACE_OF_RUST = "\nStack backtrace:\n   0: wasmtime::main\n"
TAKES = "warning: using `--invoke` with a function that takes arguments is experimental and may break in the future\n"
RETURNS = TAKES.replace("takes arguments", "returns values")
PROGRAM = Wasi(("program",))
START = Case("_start", (), exit=0, wasi=PROGRAM)


@pytest.fixture
def entry(maker: Any) -> Any:
    def entry(type_: str = "() -> ()", *, kind: str = "module", tests: tuple[Case, ...] = ()) -> Any:
        exports = (Export("g", "func", "(i64) -> (i64)"), Export("f", "func", type_))
        return maker.entry(b"", kind=kind, exports=exports)._replace(tests=tests)

    return entry


def ended(status: int, stdout: str = "", stderr: str = "") -> ChildResult:
    return ChildResult(("wasmtime",), status, stdout.encode("utf-8", "surrogateescape"), stderr, "ended somehow")


def test_what_an_executable_says_of_a_call_that_it_cannot_make_is_one_line(maker: Any) -> None:
    said = "warning: slow\nError: failed to run `m.cwasm`\n\nCaused by:\n    0: no instance\n    1: too small\n"
    ended = ChildResult(("wasmtime",), 1, b"", said, "ended with status 1")
    assert reply(maker.entry(b""), Case("f", (), returns=()), ended) == {
        "failed": "Error: failed to run `m.cwasm`: no instance: too small"
    }


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "printed", "value"),
    [
        ("i32", "-5", -5),
        ("i32", "4294967295", -1),
        ("i64", "-9223372036854775808", -(1 << 63)),
        ("f32", "0.1", 0.10000000149011612),
        ("f32", "NaN", "nan"),
        ("f32", "-0", -0.0),
        ("f64", "0.1", 0.1),
        ("f64", "1" + "0" * 300, 1e300),
        ("f64", "0." + "0" * 323 + "5", 5e-324),
        ("f64", "inf", "inf"),
        ("f64", "-inf", "-inf"),
        ("f64", "7", 7.0),
    ],
)
def test_a_result_by_its_type(entry: Any, type_: str, printed: str, value: Any) -> None:
    outcome = reply(entry(f"(i32) -> ({type_})"), Case("f", (1,), returns=(0,)), ended(0, f"{printed}\n"))
    expected = 0 if type_[0] == "i" else 0.0
    assert repr(outcome) == repr({"returned": [value], "types": [type_], "expected": [expected]})


def test_several_results_and_what_is_expected(entry: Any) -> None:
    case = Case("f", (), returns=((1 << 64) - 1, 0.1, "-inf"))
    outcome = reply(entry("() -> (i64, f32, f64)"), case, ended(0, "-1\n0.1\n-inf\n", RETURNS))
    values = [-1, 0.10000000149011612, "-inf"]
    assert outcome == {"returned": values, "expected": values, "types": ["i64", "f32", "f64"]}


def test_a_result_where_none_is_expected(entry: Any) -> None:
    case = Case("f", (), traps="unreachable")
    assert reply(entry("() -> (i32)"), case, ended(0, "3\n")) == {"returned": [3], "types": ["i32"]}
    assert reply(entry(), case, ended(0)) == {"returned": [], "types": []}


def test_references_where_none_is_expected(entry: Any) -> None:
    case = Case("f", (), traps="unreachable")
    outcome = reply(entry("() -> (externref, i32, (ref 1))"), case, ended(0, "<null externref>\n3\n<anyref>\n"))
    assert outcome == {"returned": ["reference", 3, "reference"], "types": ["externref", "i32", "(ref 1)"]}


FEWER = "it writes fewer lines than it returns values"


@pytest.mark.parametrize(
    ("type_", "printed", "why"),
    [
        ("() -> (i32)", "", FEWER),
        ("() -> (i32, i32)", "1\n", FEWER),
        ("() -> (i32, i32, i32)", "1\n2\n", FEWER),
        ("() -> (i32)", "x\n", "invalid literal for int() with base 10: 'x'"),
        ("() -> (i32)", "1.5\n", "invalid literal for int() with base 10: '1.5'"),
        ("() -> (i32)", "4294967296\n", "4294967296 does not fit i32"),
        ("() -> (f32)", "x\n", "could not convert string to float: 'x'"),
        ("() -> (f32)", "1e300\n", "1e+300 is beyond f32"),
        ("() -> (i32)", "out5\n", "invalid literal for int() with base 10: 'out5'"),
        ("() -> (i32)", "00\n", "'00' is not how an executable writes 0"),
        ("() -> (i32)", " 0\n", "' 0' is not how an executable writes 0"),
        ("() -> (i32)", "7\r\n", r"'7\r' is not how an executable writes 7"),
        ("() -> (externref)", "5\n", "'5' is not how an executable writes a reference"),
        ("() -> (i32)", "out\f5\n", "it returns others each time"),
    ],
)
def test_results_that_make_no_sense(entry: Any, type_: str, printed: str, why: str) -> None:
    outcome = reply(entry(type_), Case("f", (), traps="unreachable"), ended(0, printed))
    assert outcome == {"failed": f"its results cannot be told from what it writes: {why}"}


def test_results_come_after_what_a_program_writes(entry: Any) -> None:
    case = Case("f", (), returns=(7, 8), wasi=PROGRAM)
    outcome = reply(entry("() -> (i32, i64)"), case, ended(0, "one\n2\n\n7\n8\n", "words\n"), ended(0, "7\n8\n"))
    assert (outcome["returned"], outcome["stdout"], outcome["stderr"]) == ([7, 8], "one\n2\n\n", "words\n")


def test_what_a_program_writes_is_no_part_of_its_result(entry: Any) -> None:
    case = Case("f", (), returns=(42,), wasi=PROGRAM)
    outcome = reply(entry("() -> (i32)"), case, ended(0, "42\n"), ended(0, "2\n"))
    assert (outcome["returned"], outcome["stdout"]) == ([2], "4")


# --- traps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["<wasm function 4>", "wasm trap: no such", "thrown Wasm exception"])
@pytest.mark.parametrize("more", ["", BACKTRACE_OF_RUST])
@pytest.mark.parametrize("trap", ["wasm `unreachable` instruction executed", "integer divide by zero"])
def test_traps_in_words_without_the_backtrace(entry: Any, trap: str, more: str, name: str) -> None:
    stderr = TRAP.format(words=trap, name=name) + more
    assert reply(entry(), Case("f", (), returns=()), ended(134, "", stderr)) == {"trapped": trap}


def test_an_exception_that_nothing_catches_is_a_trap(entry: Any) -> None:
    stderr = EXCEPTION.format(name="<wasm function 4>") + BACKTRACE_OF_RUST
    for case in (Case("f", (), returns=()), START):
        assert reply(entry(), case, ended(1, "", stderr))["trapped"] == "thrown Wasm exception"


@pytest.mark.parametrize(
    "written", ["", "a line\n", "no newline", "Error: oops\n\nCaused by:\n    1: wasm trap: no\n", f"{FAILED}    no\n"]
)
def test_what_a_program_writes_before_it_traps(entry: Any, written: str) -> None:
    stderr = written + TRAP.format(words="out of bounds memory access", name="x")
    assert reply(entry(), START, ended(134, "out\n", stderr)) == {
        "trapped": "out of bounds memory access", "stdout": "out\n", "stderr": written,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "cause"),
    [(134, "wasm trap: out of bounds memory access"), (1, "unknown import: `a::b` has not been defined")],
)
def test_what_cannot_be_instantiated_is_no_outcome_of_the_call(entry: Any, status: int, cause: str) -> None:
    stderr = f'{FAILED}    0: failed to instantiate "checksum.cwasm"\n    1: {cause}\n'
    assert reply(entry(), Case("f", (), traps="out of bounds"), ended(status, "", stderr)) == {
        "failed": f'Error: failed to run main module `checksum.cwasm`: failed to instantiate "checksum.cwasm": {cause}'
    }


def test_a_component_that_traps_before_it_runs_has_no_outcome(entry: Any) -> None:
    case, backtrace = Case("wasi:cli/run@0.2.6#run", (), traps="bad", wasi=PROGRAM), BACKTRACE.format(name="x")[7:]
    stderr = f"{FAILED}    0: {backtrace}    1: wasm trap: bad\n"
    assert reply(entry(kind="component"), case, ended(134, "", stderr)).keys() == {"failed"}
    stderr = f"{FAILED}    0: failed to invoke `run` function\n    1: {backtrace}    2: wasm trap: bad\n"
    assert reply(entry(kind="component"), case, ended(134, "", stderr))["trapped"] == "bad"


@pytest.mark.parametrize("written", ["", "no newline", "Error: oops\n"])
def test_a_trap_of_a_program_of_wasi_3_is_held_against_a_run_that_calls_nothing(entry: Any, written: str) -> None:
    artifact, case = entry(kind="component"), Case("wasi:cli/run@0.3.0#run", (), traps="bad", wasi=PROGRAM)
    error = f"{FAILED}    0: {BACKTRACE.format(name='x')[7:]}    1: wasm trap: bad\n"
    trapped = ended(134, "", written + error)
    assert again(artifact, case, trapped)
    assert not again(artifact, case, ended(0))
    assert not again(artifact, case._replace(call="wasi:cli/run@0.2.6#run"), trapped)
    uncalled = ended(1, "", f"{FAILED}    no exported instance named `wasi:cli/run@0.2.12`\n")
    assert reply(artifact, case, trapped, uncalled) == {"trapped": "bad", "stdout": "", "stderr": written}
    assert reply(artifact, case, trapped, ended(134, "", error)).keys() == {"failed"}


# --- how programs end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 1, 2, 101, 125])
@pytest.mark.parametrize("stderr", ["", "words", "Error: no such file\n", "warning: slow\nError: oops\n\nCaused by:\n"])
def test_the_status_of_a_program_and_what_it_writes(entry: Any, status: int, stderr: str) -> None:
    outcome: dict[str, Any] = {"exited": status} if status else {"returned": [], "types": []}
    assert reply(entry(), START, ended(status, "out\n", stderr)) == {**outcome, "stdout": "out\n", "stderr": stderr}


def test_output_that_is_no_text_keeps_its_bytes(entry: Any) -> None:
    outcome = reply(entry(), START, ended(0, "a\udcff\0"))
    assert outcome["stdout"].encode("utf-8", "surrogateescape") == b"a\xff\0"


def test_a_function_that_ends_its_program(entry: Any) -> None:
    case = Case("f", (), exit=3, wasi=PROGRAM)
    assert reply(entry("() -> (i32)"), case, ended(3, "5\n")) == {"exited": 3, "stdout": "5\n", "stderr": ""}


@pytest.mark.parametrize(("stdout", "alone"), [("", None), ("out\n", ended(0))], ids=["silent", "writing"])
def test_a_function_that_ends_its_program_well_returns_nothing(entry: Any, stdout: str, alone: Any) -> None:
    case = Case("f", (), returns=(1,), wasi=PROGRAM)
    ends = entry("() -> (i32)")._replace(imports=(Import("wasi_snapshot_preview1", "proc_exit", "func", ""),))
    assert reply(ends, case, ended(0, stdout), alone) == {"exited": 0, "stdout": stdout, "stderr": ""}
    for told in (reply(ends, case._replace(wasi=None), ended(0)), reply(ends, case, ended(0, "out\n"), ended(3))):
        assert told == {"failed": f"its results cannot be told from what it writes: {FEWER}"}


def test_a_component_that_runs_and_ends(entry: Any) -> None:
    case = Case("wasi:cli/run@0.2.6#run", (), exit=0, wasi=PROGRAM)
    assert reply(entry(kind="component"), case, ended(0, "5\n")) == {"exited": 0, "stdout": "5\n", "stderr": ""}


@pytest.mark.parametrize(
    "stderr",
    [
        f"{FAILED}    0: failed to invoke `f`\n    2: exit with invalid exit status outside of [0..126)\n",
        "Error: failed deserialization for: checksum.cwasm\n\nCaused by:\n    Cannot allocate memory (os error 12)\n",
    ],
)
@pytest.mark.parametrize("written", ["", "no newline", "Error: oops\n"])
def test_an_error_of_the_executable_is_no_status_of_the_program(entry: Any, stderr: str, written: str) -> None:
    outcome = reply(entry(), START, ended(1, "", written + stderr))
    assert outcome == {"failed": one_line(stderr)}


@pytest.mark.parametrize("status", [-11, -6, -9, 126, 127, 134, 139])
def test_a_process_that_does_not_end_by_itself_has_no_outcome(entry: Any, status: int) -> None:
    for case in (Case("f", (), returns=()), START):
        assert reply(entry(), case, ended(status, "", "Segmentation fault\n")) == {}


def test_the_words_of_a_trap_are_none_where_a_process_ends_otherwise(entry: Any) -> None:
    stderr = TRAP.format(words="unreachable", name="x")
    case = Case("_start", (), traps="unreachable", wasi=PROGRAM)
    assert reply(entry(), case, ended(3, "", stderr)) == {"exited": 3, "stdout": "", "stderr": stderr}
    for status in (-11, 135):
        assert reply(entry(), case, ended(status, "", stderr)) == {}


def test_a_status_as_of_a_trap_without_one_is_no_outcome(entry: Any) -> None:
    stderr = f"{FAILED}    memory allocation of 12 bytes failed\n"
    assert reply(entry(), Case("f", (), traps="memory"), ended(134, "", stderr)) == {}


@pytest.mark.parametrize("written", ["", "a line\n", "no newline"])
def test_warnings_of_the_executable_are_no_output_of_the_program(entry: Any, written: str) -> None:
    said = TAKES + written + RETURNS.replace("checksum.cwasm", "load-1.cwasm")
    assert own_stderr(said.encode(), entry(), "load-1.cwasm") == written


def test_errors_name_the_artifact_and_no_copy_of_it(entry: Any) -> None:
    said = FAILED.replace("checksum.cwasm", "/private/load-1.cwasm")
    assert own_stderr(said.encode(), entry(), "/private/load-1.cwasm") == FAILED


# --- commands ---------------------------------------------------------------------------------------------------------

RUN = ("wasmtime", "run", "--allow-precompiled")
NOTHING = Metering(fuel=False, epoch=False)


@pytest.mark.parametrize(
    ("types", "values", "spelled"),
    [
        ("i32, i64", (-1, (1 << 64) - 1), ["-1", "-1"]),
        ("f32, f64", (0.1, 0.1), ["0.10000000149011612", "0.1"]),
        ("f32, f64", (7, -0.0), ["7.0", "-0.0"]),
        ("f32, f64, f64", ("nan", "inf", "-inf"), ["nan", "inf", "-inf"]),
        ("", (), []),
    ],
)
def test_values_on_the_command_line(entry: Any, types: str, values: tuple[Any, ...], spelled: list[str]) -> None:
    case = Case("f", values, returns=())
    assert command(RUN, entry(f"({types}) -> ()"), case, "load.cwasm", NOTHING) == [
        *RUN, "-S", "cli=n", "--invoke=f", "load.cwasm", *spelled,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["module", "component"])
def test_what_a_program_is_given(entry: Any, kind: str) -> None:
    wasi = Wasi(("name", "--x", "a b"), (("A", ""), ("LANG", "C=D")))
    case = Case("_start" if kind == "module" else "wasi:cli/run@0.2.6#run", (), exit=0, wasi=wasi)
    assert command(RUN, entry(kind=kind), case, "load.cwasm", NOTHING) == [
        *RUN, "-S", "inherit-env=n", "--argv0=name", "--env=A=", "--env=LANG=C=D",
        *(["--invoke=_start"] if kind == "module" else []), "load.cwasm", "--x", "a b",
    ]  # fmt: skip


def test_a_function_of_a_program_has_its_values_in_place_of_arguments(entry: Any) -> None:
    case = Case("g", (5,), returns=(5,), wasi=Wasi(("name", "x")))
    assert command(RUN, entry(), case, "load.cwasm", NOTHING)[5:] == [
        "--argv0=name", "--invoke=g", "load.cwasm", "5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metering", "fuel", "options"),
    [
        (Metering(fuel=True, epoch=False), 1000, ["-W", "fuel=1000"]),
        (Metering(fuel=True, epoch=False), None, ["-W", "fuel=9223372036854775807"]),
        (Metering(fuel=False, epoch=False), 1000, []),
        (Metering(fuel=False, epoch=True), None, ["-W", "timeout=7200s"]),
        (Metering(fuel=True, epoch=True), 5, ["-W", "fuel=5", "-W", "timeout=7200s"]),
    ],
)
def test_what_an_engine_counts_is_granted(entry: Any, metering: Metering, fuel: int | None, options: list[str]) -> None:
    case = Case("f", (), returns=(), fuel=fuel)
    assert command(RUN, entry(), case, "load.cwasm", metering)[5:-2] == options


# --- what an executable cannot ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "kind", "case", "why"),
    [
        ("() -> (i32, i64, f32, f64)", "module", Case("f", (), returns=(1, 2, 3, 4)), ""),
        ("(i32, i64, f32, f64) -> ()", "module", Case("f", (1, 2, 3, 4), returns=()), ""),
        ("() -> (externref, (ref 1))", "module", Case("f", (), traps="x"), ""),
        ("() -> ()", "module", START, ""),
        ("() -> ()", "component", Case("wasi:cli/run@0.2.6#run", (), exit=0, wasi=PROGRAM), ""),
        (
            "(v128) -> ()", "module", Case("f", ({"i64x2": [1, 2]},), returns=()),
            'an executable takes and gives no vectors, as f({"i64x2": [1, 2]}) does',
        ),
        ("() -> (i32, v128)", "module", Case("f", (), traps="x"), "takes and gives no vectors, as f() does"),
        ("", "component", Case("f", (1,), returns=()), "does not call functions of components such as f(1)"),
        (
            "", "component", Case("wasi:cli/run@0.3.0-rc-2026-01-06#run", (), exit=0, wasi=PROGRAM),
            "does not call functions of components such as wasi:cli/run@0.3.0-rc",
        ),
        ("", "component", Case("a:b/c@1.0.0#run", (), returns=()), "does not call functions of components such as a:b"),
    ],
)  # fmt: skip
def test_what_an_executable_cannot_run(entry: Any, type_: str, kind: str, case: Case, why: str) -> None:
    tests = (Case("g", (1,), returns=(1,)), case) if kind == "module" else (case,)
    said = obstacle(entry(type_, kind=kind, tests=tests), NOTHING)
    assert why in said
    assert bool(said) == bool(why)


@pytest.mark.parametrize(
    ("module", "name", "type_", "expected"),
    [
        ("wasi_snapshot_preview1", "fd_write", "() -> (i32)", True),
        ("wasi_unstable", "fd_pwrite", "() -> (i32, i32)", True),
        ("wasi_snapshot_preview1", "fd_read", "() -> (i32)", False),
        ("env", "fd_write", "() -> (i32)", False),
        ("wasi_snapshot_preview1", "fd_write", "() -> ()", False),
    ],
)
def test_results_are_mixed_with_what_a_module_can_write(
    entry: Any, module: str, name: str, type_: str, expected: bool
) -> None:
    artifact = entry(type_)._replace(imports=(Import(module, name, "func", ""),))
    case = Case("f", (), returns=(42,), wasi=PROGRAM)
    assert bool(again(artifact, case, ended(0, "42\n"))) is expected
    assert not again(artifact, case, ended(1))


@pytest.mark.parametrize("alone", ["3\n", "12\n", "\n2\n"])
def test_results_that_are_others_each_time_are_none(entry: Any, alone: str) -> None:
    case = Case("f", (), returns=(42,), wasi=PROGRAM)
    outcome = reply(entry("() -> (i32)"), case, ended(0, "42\n"), ended(0, alone))
    assert outcome == {"failed": "its results cannot be told from what it writes: it returns others each time"}
