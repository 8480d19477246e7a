"""The part of the probe that calls functions of components. Only what ``probe_cases.py`` has, and beside it.

A component's values are known by their types when it is loaded: booleans, whole numbers, floats (``"nan"`` and the like
as text), characters, text and names of enums are what JSON calls them, lists and tuples are arrays, records objects.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import wasmtime
from wasmtime import component as model

if TYPE_CHECKING:
    from wasmbuild.verify import values
    from wasmbuild.verify.probe_cases import Exited, FailedError, said
else:
    import values
    from probe_cases import Exited, FailedError, said

_RUN = re.compile(r"wasi:cli/run@[^#]*#run")
_WHOLE = {"S8": 8, "S16": 16, "S32": 32, "S64": 64, "U8": 8, "U16": 16, "U32": 32, "U64": 64}


def call(
    engine: wasmtime.Engine, store: wasmtime.Store, component: Any, case: dict[str, Any], fuel: int | None
) -> dict[str, Any]:
    """Instantiate a component and call the function of a case. Raises Trapped, Exited and FailedError."""
    with model.Linker(engine) as linker:
        if "wasi" in case:
            linker.add_wasip2()
        if case.get("imports"):
            linker.define_unknown_imports_as_traps(component)
        try:
            instance = linker.instantiate(store, component)
        except wasmtime.WasmtimeError as error:
            raise FailedError(f"it cannot be instantiated: {said(str(error))}") from None
        function = _function(store, instance, case["call"])
        type_ = function.type(store)
        types = [item for _, item in type_.params]
        if len(types) != len(case["args"]):
            raise FailedError(f"it takes {len(types)} values")
        args = list(map(_given, case["args"], types))
        if fuel is not None:
            store.set_fuel(fuel)
        try:
            result = function(store, *args)
        except wasmtime.ExitTrap as end:
            raise Exited(end.code) from None
        except wasmtime.WasmtimeError as error:
            raise said(str(error)) from None
        except (TypeError, ValueError, AssertionError, NotImplementedError) as error:
            raise FailedError(f"the library cannot call it: {error}") from None
    if _RUN.fullmatch(case["call"]):
        raise Exited(0 if getattr(result, "tag", None) == "ok" else 1)
    return _outcome(case.get("returns"), result, type_.result)


def _outcome(expected: Any, result: Any, type_: Any) -> dict[str, Any]:
    returned = [] if type_ is None else [_told(result, type_)]
    if expected is None:
        return {"returned": returned}
    if len(expected) != len(returned):
        raise FailedError("it returns no value" if type_ is None else "it returns one value")
    wanted = [_told(_given(value, type_), type_) for value in expected]
    return {"returned": returned, "expected": wanted}


def _function(store: wasmtime.Store, instance: Any, name: str) -> Any:
    outer, hash_, inner = name.partition("#")
    index = instance.get_export_index(store, outer)
    if index is not None and hash_:
        index = instance.get_export_index(store, inner, index)
    function = None if index is None else instance.get_func(store, index)
    if function is None:
        raise FailedError("there is no such function")
    return function


def _given(value: Any, type_: Any) -> Any:
    """Return what the library takes as a value of a component's type; it wraps numbers without a word."""
    kind = type(type_).__name__
    if kind in _WHOLE:
        bits = _WHOLE[kind]
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if kind[0] == "S" else (0, 1 << bits)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
            raise FailedError(f"{_shown(value)} is no {kind.lower()}, a number from {low} to {high - 1}")
        return value
    if kind in ("F32", "F64"):
        try:
            return values.given(value, kind.lower())
        except ValueError as error:
            raise FailedError(str(error)) from None
    if kind == "Bool":
        return _checked(value, isinstance(value, bool), "bool, true or false")
    if kind == "Char":
        return _checked(value, isinstance(value, str) and len(value) == 1, "char, a text of one character")
    if kind == "String":
        return _checked(value, isinstance(value, str), "string")
    if kind == "EnumType":
        return _checked(value, value in type_.names, f"name of the enum; it has {', '.join(type_.names)}")
    if kind == "ListType":
        _checked(value, isinstance(value, list), "list")
        items = [_given(item, type_.element) for item in value]
        return bytes(items) if isinstance(type_.element, model.U8) else items
    if kind == "TupleType":
        types = type_.elements
        _checked(value, isinstance(value, list) and len(value) == len(types), f"tuple of {len(types)} values")
        return tuple(map(_given, value, types))
    if kind == "RecordType":
        fields = dict(type_.fields)
        _checked(value, isinstance(value, dict) and value.keys() == fields.keys(), f"record of {', '.join(fields)}")
        return SimpleNamespace(**{name: _given(value[name], inner) for name, inner in fields.items()})
    raise _other(kind)


def _told(value: Any, type_: Any) -> Any:
    """Return what the library gives as a value of a component's type, or what it takes, in its one form."""
    kind = type(type_).__name__
    if kind in ("F32", "F64"):
        return values.number(value)
    if kind in _WHOLE or kind in ("Bool", "Char", "String", "EnumType"):
        return value
    if kind == "ListType":
        return [_told(item, type_.element) for item in value]
    if kind == "TupleType":
        return list(map(_told, value, type_.elements))
    if kind == "RecordType":
        return {name: _told(getattr(value, name), inner) for name, inner in type_.fields}
    raise _other(kind)


def _checked(value: Any, fits: bool, what: str) -> Any:
    if not fits:
        raise FailedError(f"{_shown(value)} is no {what}")
    return value


def _other(kind: str) -> FailedError:
    return FailedError(f"a value of the component's type {kind.removesuffix('Type').lower()} cannot be tested")


def _shown(value: Any) -> str:
    return values.text(value)[:60]
