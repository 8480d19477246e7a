"""Whether test cases fit a module, in words; and their form in a manifest."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.formats import typed_cases
from wasmbuild.formats.component_types import FunctionType, ValueType
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.typed_cases import typed
from wasmbuild.project.case_values import CaseValue
from wasmbuild.project.cases import Case, Wasi

WASI = Wasi(("p",))
FD_WRITE = Import("wasi_snapshot_preview1", "fd_write", "func", "(i32, i32, i32, i32) -> (i32)")
EXPORTS = (
    Export("memory", "memory", "1"),
    Export("crc32", "func", "(i32, i32) -> (i32)"),
    Export("scale", "func", "(f32, f64, v128) -> (f32, v128)"),
    Export("_start", "func", "() -> ()"),
    Export("keep", "func", "(externref, i32) -> ()"),
    Export("find", "func", "() -> ((ref null 5))"),
)
LANES: CaseValue = {"i32x4": [1, 2, 3, 4]}


def module(*imports: Import) -> Interface:
    return Interface(imports, EXPORTS)


def check(cases: Sequence[Case], kind: str, interface: Interface) -> list[str]:
    return list(typed_cases.check(cases, kind, interface))


def component(*imports: str) -> Interface:
    names = ("greet", "func"), ("wasi:cli/run@0.2.6", "instance"), ("a:b/c@1.0.0", "instance"), ("t", "type")
    return Interface(
        tuple(Import("", name, "instance", "") for name in imports), tuple(Export(*name, "") for name in names)
    )


@pytest.mark.parametrize(
    "case",
    [
        Case("crc32", (0, 4294967295), returns=(-1,)),
        Case("crc32", (0, -2147483648), traps="out of bounds"),
        Case("scale", (1, "nan", LANES), returns=(0.1, {"f64x2": ["inf", -0.0]})),
        Case("_start", exit=3, wasi=WASI),
        Case("_start", returns=()),
        Case("crc32", (1, 2), exit=1, wasi=WASI),
    ],
)
def test_cases_that_fit_a_module(case: Case) -> None:
    assert check([case], "module", module()) == []


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (Case("crc33", returns=()), 'tests[0].call: there is no export "crc33"; did you mean "crc32"?'),
        (
            Case("absent\x1b", returns=()),
            'tests[0].call: there is no export "absent\\x1b"; exported are "crc32", "scale", "_start", "keep", "find"',
        ),
        (
            Case("memory", returns=()),
            'tests[0].call: "memory" is no function, but a memory; exported are "crc32", "scale", "_start", "keep", '
            '"find"',
        ),
        (Case("crc32", (1,), (1,)), "tests[0].args: has 1 value, and crc32 takes (i32, i32); write 2 values"),
        (Case("crc32", (1, 2), ()), "tests[0].returns: has 0 values, and crc32 returns (i32); write 1 value"),
        (
            Case("crc32", (1, 4294967296), (1,)),
            "tests[0].args[1]: 4294967296 does not fit i32; write a number from -2147483648 to 4294967295",
        ),
        (
            Case("crc32", (1, 2), (1.0,)),
            "tests[0].returns[0]: must be a whole number, not 1.0; write a number without quotes or a point",
        ),
        (
            Case("crc32", (1, LANES), traps="x"),
            "tests[0].args[1]: must be a whole number, not a table; write a number without quotes or a point",
        ),
        (
            Case("scale", (1e39, 1e39, LANES), traps="x"),
            'tests[0].args[0]: 1e+39 is beyond f32; write a smaller number, or "inf"',
        ),
        (
            Case("scale", (1, 1, 1), traps="x"),
            "tests[0].args[2]: must be the lanes of a v128, not 1; write them like { i32x4 = [1, 2, 3, 4] }",
        ),
        *(
            (Case("scale", (1, 1, lanes), traps="x"), f"tests[0].args[2].{message}")
            for lanes, message in (
                ({"i32x4": [1, 2, 3]}, "i32x4: has 3 lanes, and i32x4 has 4; write 4 lanes"),
                ({"i32x4": 1}, "i32x4: must be an array, not 1; write 4 lanes in brackets"),
                (
                    {"i32x5": []},
                    "i32x5: is no shape of a v128; shapes are i8x16, i16x8, i32x4, i64x2, f32x4, f64x2",
                ),
                ({"i8x16": [0] * 15 + [256]}, "i8x16[15]: 256 does not fit i8; write a number from -128 to 255"),
                (
                    {"i64x2": [0, True]},
                    "i64x2[1]: must be a whole number, not true; write a number without quotes or a point",
                ),
                ({"f64x2": [0, "NaN"]}, 'f64x2[1]: "NaN" is no number; write a number, or one of "nan", "inf", "-inf"'),
                ({"f32x4": [0, 0, "nan", 1e39]}, 'f32x4[3]: 1e+39 is beyond f32; write a smaller number, or "inf"'),
            )
        ),
        (
            Case("keep", (1, 2), ()),
            "tests[0].args: keep takes (externref, i32), and references cannot be tested; remove the test",
        ),
        (
            Case("find", (), (1,)),
            "tests[0].returns: find returns ((ref null 5)), and references cannot be tested; remove the test",
        ),
        (
            Case("crc32", (1, 2), exit=0, wasi=WASI),
            "tests[0]: crc32 returns a value, and the test does not say which; write returns = […]",
        ),
    ],
)
def test_cases_that_do_not_fit_a_module(case: Case, message: str) -> None:
    assert check([case], "module", module()) == [message]


def test_every_case_is_looked_at() -> None:
    good = Case("_start", returns=())
    bad = Case("crc32", ("x", True), ("y",))
    assert [line.partition(":")[0] for line in check([good, bad], "module", module())] == [
        "tests[1].args[0]",
        "tests[1].args[1]",
        "tests[1].returns[0]",
    ]


def test_nothing_can_be_called() -> None:
    (line,) = check([Case("f", returns=())], "module", Interface((), ()))
    assert line == 'tests[0].call: there is no export "f"; nothing that can be called is exported'


def test_what_a_module_imports_is_given_or_its_tests_are_refused() -> None:
    without, with_wasi = Case("_start", returns=()), Case("_start", exit=0, wasi=WASI)
    assert check([with_wasi], "module", module(FD_WRITE)) == []
    assert check([with_wasi, without], "module", module(FD_WRITE)) == [
        "tests[1]: the module imports WASI, and the test gives it none; write wasi = {}"
    ]
    log, memory = Import("env", "log", "func", "() -> ()"), FD_WRITE._replace(kind="memory", type="1")
    assert check([with_wasi], "module", module(FD_WRITE, log, memory)) == [
        'tests: the module imports "env.log", "wasi_snapshot_preview1.fd_write", which no test can give it; '
        'write imports = "zero" in the test, or test one that imports WASI alone'
    ]
    assert check([with_wasi._replace(imports="zero")], "module", module(FD_WRITE, log, memory)) == []
    (line,) = check([with_wasi], "module", module(FD_WRITE, log))
    assert 'write imports = "trap" in the test, where it does not use them, or ' in line
    assert check([], "module", module(log)) == []


# --- components -------------------------------------------------------------------------------------------------------


def test_cases_of_components() -> None:
    cases = [
        Case("greet", ("Ada", [1, {"a": True}]), ("Hello",)),
        Case("a:b/c@1.0.0#whatever", (), ()),
        Case("_start", exit=0, wasi=WASI),
        Case("wasi:cli/run@0.2.6#run", exit=1, wasi=WASI),
    ]
    assert check(cases, "component", component()) == []
    assert [case.call for case in typed(cases, "component", component())] == [
        "greet",
        "a:b/c@1.0.0#whatever",
        "wasi:cli/run@0.2.6#run",
        "wasi:cli/run@0.2.6#run",
    ]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (Case("great", returns=()), 'tests[0].call: there is no export "great"; did you mean "greet"?'),
        (
            Case("a:b/c@1.0.1#f", returns=()),
            'tests[0].call: there is no export "a:b/c@1.0.1"; did you mean "a:b/c@1.0.0#f"?',
        ),
        (
            Case("a:b/c@1.0.0", returns=()),
            'tests[0].call: "a:b/c@1.0.0" is an instance, not a function; '
            'write call = "a:b/c@1.0.0#…", with the name of a function in it',
        ),
        (Case("t", returns=()), 'tests[0].call: "t" is no function, but a type; exported are "greet"'),
        (
            Case("greet#f", returns=()),
            'tests[0].call: "greet" is no instance, but a func; exported are "wasi:cli/run@0.2.6", "a:b/c@1.0.0"',
        ),
        (
            Case("greet", returns=(1, 2)),
            "tests[0].returns: has 2 values, and a component returns one at most; write a list of one",
        ),
        (
            Case("wasi:cli/run@0.2.6#run", returns=({"ok": True},), wasi=WASI),
            "tests[0].returns: the call runs the program, which ends with an exit status; "
            "write exit = 0 in its place, or 1 for err",
        ),
        (
            Case("wasi:cli/run@0.2.6#run", returns=({"ok": True},)),
            "tests[0].returns: the call runs the program, which ends with an exit status; "
            "write exit = 0 in its place, or 1 for err, and wasi = {}",
        ),
    ],
)
def test_cases_that_do_not_fit_a_component(case: Case, message: str) -> None:
    assert check([case], "component", component()) == [message]


def test_every_case_of_a_component_is_looked_at() -> None:
    functions = {"greet": FunctionType((ValueType("string"),), ValueType("string"))}
    cases = [Case("gret", ("x",), ("y",)), Case("greet", (1,), ("y",))]
    told = list(typed_cases.check(cases, "component", component(), functions))
    assert [each.partition(":")[0] for each in told] == ["tests[0].call", "tests[1].args[0]"]


def test_a_component_that_is_no_program() -> None:
    interface = Interface((), (Export("wasi:cli/run@0.4.0", "instance", ""),))
    assert check([Case("_start", exit=0, wasi=WASI)], "component", interface) == [
        "tests[0].call: the component is no program: it exports no wasi:cli/run of WASI 0.2 or 0.3; "
        'write call = "…", the name of an exported function'
    ]


INSTANCES = Interface((), (Export("a:b/c", "instance", ""), Export("a:b/d", "instance", "")))
MAKER = "[constructor]counter"


@pytest.mark.parametrize(
    ("of", "fix"),
    [
        (("a:b/c",), f'did you mean "a:b/c#{MAKER}"?'),
        (("a:b/c", "a:b/d"), f'did you mean "a:b/c#{MAKER}" or "a:b/d#{MAKER}"?'),
        ((), 'write call = "INSTANCE#FUNCTION", a function of one of these: "a:b/c", "a:b/d"'),
    ],
)
def test_a_function_that_is_named_without_its_instance(of: Sequence[str], fix: str) -> None:
    counter = ValueType("own")
    takes = FunctionType((counter,), None)
    functions = {"a:b/c#take": takes, **{f"{name}#{MAKER}": FunctionType((), counter) for name in of}}
    called = Case(MAKER, returns=())
    made = Case("a:b/c#take", ({"call": MAKER},), returns=())
    for case, at in ((called, "call"), (made, "args[0].call")):
        assert list(typed_cases.check([case], "component", INSTANCES, functions)) == [
            f'tests[0].{at}: there is no export "{MAKER}"; {fix}'
        ]


@pytest.mark.parametrize(
    ("version", "untestable"), [("0.3.0", False), ("0.3.12", False), ("0.3.0-rc-2026-01-06", True), ("0.4.0", True)]
)
def test_async_programs_are_those_that_executables_run(version: str, untestable: bool) -> None:
    name = f"wasi:cli/run@{version}"
    functions = {f"{name}#run": FunctionType((), None, is_async=True)}
    cases, interface = [Case(f"{name}#run", exit=0, wasi=WASI)], Interface((), (Export(name, "instance", ""),))
    said = "tests[0].call: the function is async, and nothing that verifies calls it; remove the test"
    assert list(typed_cases.check(cases, "component", interface, functions)) == [said] * untestable


def test_what_a_component_imports() -> None:
    case = Case("greet", returns=("x",), wasi=WASI)
    assert check([case], "component", component("wasi:cli/stdout@0.2.0", "wasi:io/streams@0.2.12")) == []
    no_wasi = "wasi:http/types@0.2.0", "wasi:cli/stdout@0.4.0", "wasi:clocks/timezone@0.2.6", "wasi:cli/run@0.2.6"
    for foreign in (*no_wasi, "my:host/log"):
        assert check([case], "component", component("wasi:cli/stdout@0.2.0", foreign)) == [
            f'tests: the component imports "{foreign}", which no test can give it; '
            'write imports = "trap" in the test, where it does not use them, or test one that imports WASI alone'
        ]
    assert check([case._replace(wasi=None)], "component", component("wasi:cli/stdout@0.2.0")) == [
        "tests[0]: the component imports WASI, and the test gives it none; write wasi = {}"
    ]


# --- the form of a manifest -------------------------------------------------------------------------------------------


def test_equal_cases_have_equal_json() -> None:
    one = Case("scale", (1, 2, {"f32x4": [1, 2, "nan", -0.0]}), (3, LANES))
    other = Case("scale", (1.0, 2.0, {"f32x4": [1.0, 2.0, "nan", -0.0]}), (3.0, LANES))
    (made,) = typed([one], "module", module())
    assert json.dumps(made.to_json()) == json.dumps(other.to_json())
    assert typed([other], "module", module()) == (other,)


def test_whole_numbers_stay_as_they_are_written() -> None:
    case = Case("crc32", (0, -1), (3421780262,))
    (made,) = typed([case], "module", module())
    assert json.dumps(made.to_json()) == '{"call": "crc32", "args": [0, -1], "returns": [3421780262]}'


values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["i32x4", "a"]), inner, max_size=2),
    max_leaves=5,
)


@given(st.sampled_from([export.name for export in EXPORTS]), st.lists(values, max_size=3), st.lists(values, max_size=2))
def test_whatever_is_declared_is_judged(call: str, args: list[CaseValue], returns: list[CaseValue]) -> None:
    case = Case(call, tuple(args), tuple(returns))
    lines = check([case], "module", module())
    assert all(line.isprintable() for line in lines)
    if not lines:
        json.dumps(typed([case], "module", module())[0].to_json())


def test_who_wants_one_problem_waits_for_one_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(typed_cases, "suggestion", lambda name, _: compared.append(name))
    cases = [Case(f"absent{n}", returns=()) for n in range(100)]
    assert next(iter(typed_cases.check(cases, "module", module()))).startswith("tests[0].call: there is no export")
    assert compared == ["absent0"]
