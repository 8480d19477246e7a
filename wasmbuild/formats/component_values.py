"""Whether values of test cases are of the types that a component's function has.

How values are written is told in ``wasmbuild/verify/probe_components.py``, which gives them to the function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wasmbuild.formats.component_types import UNKNOWN, FunctionType, ValueType
from wasmbuild.lean.typing import Any
from wasmbuild.project.case_values import number_problem
from wasmbuild.project.cases import Case
from wasmbuild.project.keys import Problem
from wasmbuild.text import listed, quoted, shown, suggestion

Functions = Mapping[str, FunctionType | None]
"""What a component exports, as ``component_types.exported_functions`` has it."""

_BARE = {"option": "some", "result": "ok"}
_TABLES = frozenset(("record", "variant", "option", "result", "own", "borrow", UNKNOWN.kind))
"""Kinds of types whose values may be written as tables."""
_SHOWN = 8
_COMPARED = 500
_RESOURCE = "resource"


def absent(call: str, functions: Functions) -> tuple[str, str] | None:
    """Return that an instance has no such function, and what to write; None where it has, or is not known."""
    instance, hash_, name = call.partition("#")
    if call in functions or not hash_:
        return None
    known = [of.removeprefix(f"{instance}#") for of in functions if of.startswith(f"{instance}#")]
    if not known:
        return None
    meant = suggestion(name, known[:_COMPARED])
    names = listed([quoted(of) for of in known], _SHOWN)
    fix = f"it has {names}" if meant is None else f"did you mean {quoted(f'{instance}#{meant}')}?"
    return f"{quoted(instance)} has no function {quoted(name)}", fix


def problems(case: Case, function: FunctionType, functions: Functions) -> Iterator[Problem]:
    """Say what of a case does not fit the function that it calls: place in the case, what is wrong, what to write.

    ``functions`` are all of the component that are known.
    """
    takes = len(function.parameters)
    if len(case.args) != takes:
        number = f"{len(case.args)} value{'' if len(case.args) == 1 else 's'}"
        yield ("args",), f"has {number}, and the function takes {takes}", f"write {takes}"
    else:
        for index, (value, type_) in enumerate(zip(case.args, function.parameters, strict=True)):
            yield from _value(("args", index), value, type_, functions=functions)
    if case.returns is None:
        return
    if len(case.returns) != (function.result is not None):
        what = "nothing" if function.result is None else "one value"
        yield ("returns",), f"has {len(case.returns)} values, and the function returns {what}", f"write {what}"
    elif function.result is not None:
        yield from _value(("returns", 0), case.returns[0], function.result, functions=None)


def _value(
    path: tuple[str | int, ...], value: Any, type_: ValueType, *, functions: Functions | None
) -> Iterator[Problem]:
    """Say the same of one value; ``functions`` are those that may make an argument, None where it is a result."""
    kind = type_.kind
    if kind in ("list", "tuple"):
        types = [of for _, of in type_.cases]
        if not isinstance(value, list) or (kind == "tuple" and len(value) != len(types)):
            what = "a list" if kind == "list" else f"a tuple of {len(types)}"
            yield path, f"{shown(value)} is not {what}", "write [ … ]"
            return
        for index, item in enumerate(value):
            inner = types[0 if kind == "list" else index]
            if inner is not None:
                yield from _value((*path, index), item, inner, functions=functions)
    elif kind == "record":
        yield from _record(path, value, type_, functions=functions)
    elif kind in ("variant", "option", "result"):
        yield from _case(path, value, type_, functions=functions)
    elif kind in ("own", "borrow"):
        made = isinstance(value, dict) and isinstance(value.get("call"), str)
        if functions is not None and not made:
            yield path, f"{shown(value)} is no resource", 'write { call = "…", args = […] }, the call that makes one'
        elif functions is not None and (problem := absent(value["call"], functions)):
            yield (*path, "call"), *problem
        elif functions is None and value != _RESOURCE:
            yield (
                path,
                f"{shown(value)} is no resource",
                f"write {quoted(_RESOURCE)}, which is all that can be said of it",
            )
    elif wrong := _simple(value, type_):
        yield path, *wrong


def _simple(value: Any, type_: ValueType) -> tuple[str, str] | None:
    """Return problem and fix of a value of a type without values in it."""
    kind = type_.kind
    if kind == "bool":
        return None if isinstance(value, bool) else (f"{shown(value)} is no bool", "write true or false")
    if kind in ("f32", "f64"):
        return number_problem(value, kind)
    if kind[0] in "su" and kind[1:].isdecimal():
        bits = int(kind[1:])
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind[0] == "s" else (0, (1 << bits) - 1)
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if fits else (f"{shown(value)} is no {kind}", f"write a number from {low} to {high}")
    if kind in ("string", "char"):
        fits = isinstance(value, str) and (kind == "string" or len(value) == 1)
        return (
            None
            if fits
            else (f"{shown(value)} is no {kind}", "write text" if kind == "string" else "write one character")
        )
    names = [name for name, _ in type_.cases]
    shown_names = listed([quoted(name) for name in names], _SHOWN)
    if kind == "enum" and value not in names:
        return f"{shown(value)} is no name of the enum", f"write one of {shown_names}"
    if kind == "flags":
        listing = isinstance(value, list)
        wrong = [name for name in value if name not in names] if listing else [value]
        if wrong:
            what = "none of its flags" if listing else "no list of its flags"
            return f"{shown(wrong[0])} is {what}", f"write a list of {shown_names}"
    return None


def _record(
    path: tuple[str | int, ...], value: Any, type_: ValueType, *, functions: Functions | None
) -> Iterator[Problem]:
    fields = dict(type_.cases)
    named = value if isinstance(value, Mapping) else None
    needed = [name for name, of in fields.items() if of is None or of.kind != "option"]
    if named is None or not named.keys() <= fields.keys() or not named.keys() >= set(needed):
        written = listed([f"{name} = …" for name in fields], _SHOWN)
        yield path, f"{shown(value)} is not its record", f"write {{ {written} }}"
        return
    for name, item in named.items():
        inner = fields[name]
        if inner is not None:
            yield from _value((*path, name), item, inner, functions=functions)


def _case(
    path: tuple[str | int, ...], value: Any, type_: ValueType, *, functions: Functions | None
) -> Iterator[Problem]:
    cases = dict(type_.cases)
    bare = _BARE.get(type_.kind)
    if isinstance(value, Mapping) and len(value) == 1 and (name := next(iter(value))) in cases:
        inner = cases[name]
        if inner is not None:
            yield from _value((*path, name), value[name], inner, functions=functions)
        elif value[name] is not True:
            yield (*path, name), f"{name} holds nothing", f"write {{ {name} = true }}"
    elif (
        bare is not None
        and (inner := cases[bare]) is not None
        and (inner.kind in _TABLES or not isinstance(value, Mapping))
    ):
        yield from _value(path, value, inner, functions=functions)
    elif bare is not None or not isinstance(value, str) or value not in cases or cases[value] is not None:
        written = [f"{{ {name} = {'true' if inner is None else '…'} }}" for name, inner in cases.items()]
        yield path, f"{shown(value)} is no {type_.kind}", f"write one of {listed(written, _SHOWN)}"
