"""Test cases by themselves: what is declared, what is sound, what is shown."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.builder.test_scaling import FEW, MANY, calls

from wasmbuild.errors import DeclarationError
from wasmbuild.plan.graph import plan
from wasmbuild.project import case_values
from wasmbuild.project.case_rules import directory_problems, problems
from wasmbuild.project.case_values import number_problem, value_problems
from wasmbuild.project.cases import Case, Wasi
from wasmbuild.project.config import parse
from wasmbuild.project.declared import Module, Runner, Target
from wasmbuild.project.keys import KeyPath

HEAD = '[project]\nname = "p"\n[targets.pi]\ntriple = "aarch64-unknown-linux-gnu"\n'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("m.wat", "lib/one.wasm", "lib/two.wasm"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def modules(directory: Path, text: str) -> tuple[Module, ...]:
    data = (HEAD + text).encode()
    return plan(parse(data, file="wasmbuild.toml", directory=directory, default_line=48)).modules


def target(directory: Path, text: str) -> Target:
    data = (HEAD + text + '\n[modules.m]\nsource = "m.wat"\n').encode()
    return parse(data, file="wasmbuild.toml", directory=directory, default_line=48).targets[0]


# --- declared ---------------------------------------------------------------------------------------------------------


def test_tests_of_a_glob_are_those_of_each_module(directory: Path) -> None:
    made = modules(directory, '[modules."lib/*"]\nsource = "lib/*.wasm"\ntests = [{ wasi = {} }]\n')
    assert [module.tests for module in made] == [
        (Case("_start", exit=0, wasi=Wasi(("one",))),),
        (Case("_start", exit=0, wasi=Wasi(("two",))),),
    ]


def test_a_module_without_tests_ships_nothing_more(directory: Path) -> None:
    (module,) = modules(directory, '[modules.m]\nsource = "m.wat"\n')
    assert (module.tests, module.ship_source) == ((), False)
    (module,) = modules(directory, '[modules.m]\nsource = "m.wat"\nship-source = true\ntests = []\n')
    assert (module.tests, module.ship_source) == ((), True)


def test_spellings_of_one_test_are_one_test(directory: Path) -> None:
    made = modules(
        directory,
        '[modules.m]\nsource = "m.wat"\ntests = [\n'
        '{ call = "f", args = [nan, -nan, inf, -inf], returns = [] },\n'
        '{ call = "f", args = ["nan", "nan", "inf", "-inf"], returns = [], time-limit = 10 },\n'
        '{ wasi = { env = { A = "1", B = "2" } } },\n'
        '{ wasi = { argv = ["m"], env = { B = "2", A = "1" }, stdin = "" }, call = "_start", exit = 0 },\n'
        "]\n",
    )
    one, same, program, same_program = made[0].tests
    assert one == same
    assert program == same_program
    assert json.dumps(one.to_json()) == json.dumps(same.to_json())


def test_more_tests_than_a_manifest_holds(directory: Path) -> None:
    many = ",".join(['{ call = "f", returns = [] }'] * 1001)
    with pytest.raises(DeclarationError) as raised:
        modules(directory, f'[modules.m]\nsource = "m.wat"\ntests = [{many}]\n')
    assert str(raised.value) == "wasmbuild.toml: modules.m.tests: has 1001 tests; declare at most 1000"


def test_tests_that_are_all_wrong_are_not_called_missing(directory: Path) -> None:
    text = 'require = "tested"\n[modules.m]\nsource = "m.wat"\ntests = [{ call = "f", returns = 5 }]\n'
    with pytest.raises(DeclarationError) as raised:
        modules(directory, text)
    assert str(raised.value) == "wasmbuild.toml: modules.m.tests[0].returns: must be an array, not 5; write [5]"


# --- runners ----------------------------------------------------------------------------------------------------------


def test_a_runner_names_programs_of_the_folder_of_its_file_or_of_path(directory: Path) -> None:
    text = '[targets.pi.runner]\ncommand = ["../bin/qemu", "-L", "sys/root"]\npython = "sys/root/python3"\n'
    assert target(directory, text).runner == Runner(
        command=(str(directory.parent / "bin" / "qemu"), "-L", "sys/root"),
        python=str(directory / "sys" / "root" / "python3"),
        wasmtime=None,
        environment={},
        directory=str(directory),
    )
    text = '[targets.pi.runner]\ncommand = ["qemu"]\nwasmtime = "wasmtime"\nmemory-limit = 2147483648\ntime-limit = 5\n'
    assert target(directory, text).runner == Runner(
        ("qemu",), None, "wasmtime", {}, str(directory), memory=2 << 30, seconds=5
    )
    absolute = (directory / "python3").as_posix()
    runner = target(directory, f'runner = {{ python = "{absolute}" }}').runner
    assert runner is not None
    assert (runner.command, runner.python) == ((), str(directory / "python3"))


def test_a_target_without_runner_has_none(directory: Path) -> None:
    assert target(directory, "").runner is None


# --- sound ------------------------------------------------------------------------------------------------------------

INTEGERS = {
    "i8": (-128, 255),
    "i16": (-(1 << 15), 0xFFFF),
    "i32": (-(1 << 31), 0xFFFFFFFF),
    "i64": (-(1 << 63), 2**64 - 1),
}


@pytest.mark.parametrize("type_", INTEGERS)
def test_whole_numbers_are_signed_or_unsigned(type_: str) -> None:
    low, high = INTEGERS[type_]
    assert number_problem(low, type_) is None
    assert number_problem(high, type_) is None
    for beyond in (low - 1, high + 1):
        assert number_problem(beyond, type_) == (
            f"{beyond} does not fit {type_}",
            f"write a number from {low} to {high}",
        )
    fix = "write a number without quotes or a point"
    assert number_problem(1.0, type_) == ("must be a whole number, not 1.0", fix)
    assert number_problem(True, type_) == ("must be a whole number, not true", fix)
    assert number_problem("1", type_) == ('must be a whole number, not "1"', fix)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_f32_is_refused_where_rounding_makes_it_infinite(number: float) -> None:
    try:
        struct.pack("<f", number)
    except OverflowError:
        assert number_problem(number, "f32") is not None
    else:
        assert number_problem(number, "f32") is None
    assert number_problem(number, "f64") is None


def test_the_largest_f32_as_it_is_usually_written() -> None:
    assert number_problem(3.4028235e38, "f32") is None
    assert number_problem(-3.4028236e38, "f32") == ("-3.4028236e+38 is beyond f32", 'write a smaller number, or "-inf"')


@pytest.mark.parametrize(
    ("value", "problem", "fix"),
    [
        (10**400, "an enormous number is beyond f64", 'write a smaller number, or "inf"'),
        ("NaN", '"NaN" is no number', 'write a number, or one of "nan", "inf", "-inf"'),
        ("-0.0", '"-0.0" is no number', "write -0.0 without quotes"),
        (True, "must be a number, not true", "write a number"),
        ([1], "must be a number, not an array", "write a number"),
    ],
)
def test_what_is_no_number(value: object, problem: str, fix: str) -> None:
    assert number_problem(value, "f64") == (problem, fix)


@pytest.mark.parametrize("value", [0, 1.5, "nan", "inf", "-inf", -0.0, 1 << 70])
def test_what_is_a_number(value: object) -> None:
    assert number_problem(value, "f64") is None


def test_values_are_bounded() -> None:
    deep: object = 1
    for _ in range(case_values.MAX_DEPTH):
        deep = [deep]
    assert value_problems(deep) == []
    assert value_problems([deep]) == [((0,) * 16, "is nested too deeply", "write at most 16 levels")]
    assert value_problems([0] * 1001) == [((), "has 1001 values, at most 1000 fit", "write fewer")]
    assert value_problems(["x" * 65537]) == [((0,), "has 65537 characters", "write at most 65536")]
    assert value_problems({"a": 1 << 64})[0][0] == ("a",)
    assert value_problems({"a\ud800": 1, "b": 2}) == [
        (("a\ud800",), "holds half of a character: not Unicode text", "correct it")
    ]
    assert value_problems(None)[0][1] == "nothing is no value"
    assert value_problems(float("inf")) == [((), "inf is no number of JSON", 'write "inf"')]


@pytest.mark.parametrize(
    ("case", "path", "problem"),
    [
        (Case("f"), (), "does not say what comes of the call"),
        (
            Case("f", exit=0, traps="x", wasi=Wasi(("p",))),
            ("exit",),
            "a call has one outcome, and traps is one already",
        ),
        (Case("f", returns=(), stderr=""), ("stderr",), "is there for WASI only"),
        (Case("f", returns=(), fuel=0), ("fuel",), "0 is out of range"),
        (Case("f", returns=(), fuel=1 << 63), ("fuel",), "9223372036854775808 is out of range"),
        (Case("f", returns=(), seconds=3601), ("time_limit",), "3601 is out of range"),
        (Case("f" * 10_001, returns=()), ("call",), "has 10001 characters"),
        (Case("f", args=(1,) * 1001, returns=()), ("args",), "has 1001 values, at most 1000 fit"),
        (Case("f", traps="x" * 65537), ("traps",), "has 65537 characters"),
        (Case("f", exit=0, wasi=Wasi(("p",), stdin="x" * 65537)), ("wasi", "stdin"), "has 65537 characters"),
        (Case("f", exit=0, wasi=Wasi(("p",) * 1001)), ("wasi", "argv"), "has 1001 entries"),
        (Case("f", exit=0, wasi=Wasi(("p", "\0"))), ("wasi", "argv", 1), "has a NUL, which ends a text there"),
        (Case("f", exit=0, wasi=Wasi(("p",), (("A=", ""),))), ("wasi", "env", "A="), "is no name of a variable"),
    ],
)
def test_what_is_not_sound(case: Case, path: KeyPath, problem: str) -> None:
    assert [(found[0], found[1]) for found in problems(case)] == [(path, problem)]


@given(st.sets(st.lists(st.sampled_from(["a", "b", "a-"]), min_size=1, max_size=4).map("/".join)))
def test_no_file_lies_below_another(paths: set[str]) -> None:
    below = [path for path in sorted(paths) if any(path.startswith(f"{other}/") for other in paths)]
    files = tuple((path, "") for path in sorted(paths))
    for found, place in (
        (problems(Case("f", exit=0, wasi=Wasi(("p",), files=files))), ("wasi", "files")),
        (directory_problems(files), ()),
    ):
        assert found == [((*place, path), "lies below another file", "correct one of them") for path in below]


def test_the_cost_of_a_file_of_a_test_is_constant() -> None:
    def cost(files: int) -> float:
        given = tuple((f"data/{number}/in.txt", "") for number in range(files))
        case = Case("f", exit=0, wasi=Wasi(("p",), files=given))
        return calls(lambda: [problems(case), directory_problems(given)]) / files

    cost(1)  # what is imported and compiled the first time
    assert cost(MANY) < cost(FEW) * 1.1


# --- shown ------------------------------------------------------------------------------------------------------------


def test_a_title_is_the_call() -> None:
    assert Case("crc32", (0, 9), (1,)).title == "crc32(0, 9)"
    assert Case("f", ("nan", -0.0, {"i32x4": [1, 2, 3, 4]}), ()).title == 'f("nan", -0.0, {"i32x4": [1, 2, 3, 4]})'
    assert Case("_start", exit=0, wasi=Wasi(("wc", "-l"))).title == '_start(argv ["wc", "-l"])'


@given(st.text(), st.lists(st.text() | st.floats() | st.integers()))
def test_a_title_is_safe_to_show(call: str, args: list[case_values.CaseValue]) -> None:
    title = Case(call, tuple(args), ()).title
    assert title.isprintable()
    assert len(title) < 1100
