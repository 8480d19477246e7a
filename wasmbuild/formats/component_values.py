"""Whether values of test cases are of the types that a component's function has.

How values are written is told in ``wasmbuild/verify/probe_components.py``, which gives them to the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from wasmbuild.formats.component_types import UNKNOWN, FunctionType, ValueType
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.project.case_values import number_of_values, number_problem
from wasmbuild.project.cases import Case
from wasmbuild.project.keys import KeyPath, Problem
from wasmbuild.text import listed, quoted, shown, suggestion

Functions = Mapping[str, FunctionType | None]
"""What a component exports, as ``component_types.exported_functions`` has it."""

_BARE = {"option": "some", "result": "ok"}
_TABLES = frozenset(("record", "variant", "option", "result", "own", "borrow", UNKNOWN.kind))
"""Kinds of types whose values may be written as tables."""

_WITHOUT_VALUES = ("stream", "future", "error-context", "map", "fixed-length list")
"""Kinds of types of which the library has no values."""

_SHOWN = 8
_COMPARED = 500
_RESOURCE = "resource"
_MAKER_KEYS = ("call", "args")


class Exports(NamedTuple):
    """What a component exports: its functions, as far as they are known.

    ``missing`` says of a call that there is no such function, and what to write, and returns None where there may be.
    """

    functions: Functions
    missing: Callable[[str], tuple[str, str] | None]


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


def problems(case: Case, function: FunctionType, exports: Exports) -> Iterator[Problem]:
    """Say what of a case does not fit the function that it calls: place in the case, what is wrong, what to write."""
    if untestable := _untestable(function):
        yield ("call",), untestable, "remove the test"
        return
    yield from _arguments((), case.args, function, exports)
    if case.returns is None:
        return
    if len(case.returns) != (function.result is not None):
        has, what = number_of_values(len(case.returns)), "nothing" if function.result is None else "one value"
        yield ("returns",), f"has {has}, and the function returns {what}", f"write {what}"
    elif function.result is not None:
        yield from _value(("returns", 0), case.returns[0], function.result, exports=None)


def _untestable(function: FunctionType) -> str:
    """Return what keeps the library from calling a function, which no executable calls; empty where nothing does."""
    if function.is_async:
        return "the function is async, and nothing that verifies calls it"
    kind = next(_kinds_without_values(function.result), None)
    return f"the function returns a value of type {kind}, which cannot be tested" if kind else ""


def _kinds_without_values(type_: ValueType | None) -> Iterator[str]:
    if type_ is not None:
        if type_.kind in _WITHOUT_VALUES:
            yield type_.kind
        for _, inner in type_.cases:
            yield from _kinds_without_values(inner)


def _arguments(path: KeyPath, values: Sequence[Any], function: FunctionType, exports: Exports) -> Iterator[Problem]:
    takes = len(function.parameters)
    if len(values) != takes:
        has, wanted = number_of_values(len(values)), number_of_values(takes)
        yield (*path, "args"), f"has {has}, and the function takes {takes}", f"write {wanted}"
        return
    for index, (value, type_) in enumerate(zip(values, function.parameters, strict=True)):
        yield from _value((*path, "args", index), value, type_, exports=exports)


def _maker(path: KeyPath, value: Mapping[str, Any], exports: Exports) -> Iterator[Problem]:
    """Say what keeps a call from making a resource."""
    call, args = value["call"], value.get("args", [])
    for key in (key for key in value if key not in _MAKER_KEYS):
        meant = suggestion(key, _MAKER_KEYS)
        fix = 'write { call = "…", args = […] }' if meant is None else f"did you mean {meant}?"
        yield (*path, key), "is no key of a call", fix
    if not isinstance(args, (list, tuple)):
        yield (*path, "args"), f"{shown(args)} is no list of arguments", "write [ … ]"
    elif problem := exports.missing(call):
        yield (*path, "call"), *problem
    elif (function := exports.functions.get(call)) is not None:
        if untestable := _untestable(function):
            yield (*path, "call"), untestable, "name another that makes it"
        elif not _is_resource(function.result):
            returned = "nothing" if function.result is None else f"a value of type {function.result.kind}"
            yield (*path, "call"), f"the function makes no resource: it returns {returned}", "name one that makes it"
        else:
            yield from _arguments(path, args, function, exports)


def _is_resource(result: ValueType | None) -> bool:
    """Tell whether a result is a resource, or may have one where all goes well, as far as it is known."""
    if result is None:
        return False
    held = [result]
    if result.kind == "variant":
        held = [of for _, of in result.cases if of is not None]
    elif result.kind in _BARE and (of := dict(result.cases)[_BARE[result.kind]]) is not None:
        held = [of]
    return any(of.kind in ("own", UNKNOWN.kind) for of in held)


def _value(path: KeyPath, value: Any, type_: ValueType, *, exports: Exports | None) -> Iterator[Problem]:
    """Say the same of one value; ``exports`` may make it where it is an argument, and are None where it is a result."""
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
                yield from _value((*path, index), item, inner, exports=exports)
    elif kind == "record":
        yield from _record(path, value, type_, exports=exports)
    elif kind in ("variant", "option", "result"):
        yield from _case(path, value, type_, exports=exports)
    elif kind in ("own", "borrow"):
        made = isinstance(value, dict) and isinstance(value.get("call"), str)
        if exports is not None and not made:
            yield path, f"{shown(value)} is no resource", 'write { call = "…", args = […] }, the call that makes one'
        elif exports is not None:
            yield from _maker(path, value, exports)
        elif value != _RESOURCE:
            yield (
                path,
                f"{shown(value)} is no resource",
                f"write {quoted(_RESOURCE)}, which is all that can be said of it",
            )
    elif kind in _WITHOUT_VALUES:
        yield path, f"a value of type {kind} cannot be tested", "remove the test"
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


def _record(path: KeyPath, value: Any, type_: ValueType, *, exports: Exports | None) -> Iterator[Problem]:
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
            yield from _value((*path, name), item, inner, exports=exports)


def _case(path: KeyPath, value: Any, type_: ValueType, *, exports: Exports | None) -> Iterator[Problem]:
    cases = dict(type_.cases)
    bare = _BARE.get(type_.kind)
    if isinstance(value, Mapping) and len(value) == 1 and (name := next(iter(value))) in cases:
        inner = cases[name]
        if inner is not None:
            yield from _value((*path, name), value[name], inner, exports=exports)
        elif value[name] is not True:
            yield (*path, name), f"{name} holds nothing", f"write {{ {name} = true }}"
    elif (
        bare is not None
        and (inner := cases[bare]) is not None
        and (inner.kind in _TABLES or not isinstance(value, Mapping))
    ):
        yield from _uncased(path, value, type_, inner, exports=exports)
    elif bare is not None or not isinstance(value, str) or value not in cases or cases[value] is not None:
        yield path, f"{shown(value)} is no {type_.kind}", f"write {_one_of_cases(type_)}"


def _uncased(
    path: KeyPath, value: Any, type_: ValueType, inner: ValueType, *, exports: Exports | None
) -> Iterator[Problem]:
    """Say the same of an option or result whose value stands without its case.

    What the value is not may have been meant as another case, so that all of them are told.
    """
    for at, problem, fix in _value(path, value, inner, exports=exports):
        if at != path or inner.kind in _WITHOUT_VALUES:
            yield at, problem, fix
        elif inner.kind in _BARE:
            yield path, f"{shown(value)} is no {type_.kind}", f"write {_one_of_cases(type_)}"
        else:
            yield path, f"{shown(value)} is no {type_.kind}", f"{fix}, or {_one_of_cases(type_)}"


def _one_of_cases(type_: ValueType) -> str:
    written = [f"{{ {name} = {'true' if inner is None else '…'} }}" for name, inner in type_.cases]
    return f"one of {listed(written, _SHOWN)}"
