"""The part of the probe that calls functions of components. Only what ``probe_cases.py`` may import.

A component's values are known by their types when it is loaded: booleans, whole numbers, floats (``"nan"`` and the like
as text), characters, text and names of enums are what JSON calls them, lists, tuples and flags are arrays, records
objects, of which optional fields may be left out. A case of a variant, an option or a result is an object of one key,
its name, with what it holds, or ``true`` where it holds nothing; a bare value is that of ``some`` or ``ok``, a bare
name a case of a variant that holds nothing. A resource is what a call returns, ``{"call": NAME, "args": […]}``, be it
as ``some``, ``ok`` or a case of a variant, and as a result the text ``"resource"``, for nothing can be said of it. The
library has no values of futures, streams and contexts of errors, and ends the process over one that is returned; maps
it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import wasmtime
from wasmtime import component as model

if TYPE_CHECKING:
    from wasmbuild.verify import probe_stand_ins, values
    from wasmbuild.verify.probe_outcomes import Exited, FailedError, UnfitError, said
else:
    import probe_stand_ins
    import values
    from probe_outcomes import Exited, FailedError, UnfitError, said

_RUN = re.compile(r"wasi:cli/run@[^#]*#run")
_RESOURCE = "resource"
_BARE = {"OptionType": "some", "ResultType": "ok"}
_UNKNOWN = "a value of a type that the library does not know, such as a map, cannot be tested"
_WITHOUT_VALUES = ("FutureType", "StreamType", "ErrorContext")
_WHOLE = {"S8": 8, "S16": 16, "S32": 32, "S64": 64, "U8": 8, "U16": 16, "U32": 32, "U64": 64}


def call(engine: wasmtime.Engine, store: wasmtime.Store, component: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Instantiate a component and call the function of a case. Raises Trapped, Exited and FailedError."""
    case, fuel = request["test"], request["fuel"]
    # By itself the library often goes by a value's class, and a bool is an int to it, and anything an option.
    variants: Any = model._types.VariantLikeType
    variants._tagged = lambda _: True
    with model.Linker(engine) as linker:
        try:
            # Until the call has returned, they are referred to by address.
            _kept = probe_stand_ins.define(linker, component, case, request.get("wasi", ()))
            instance = linker.instantiate(store, component)
        except wasmtime.WasmtimeError as error:
            raise FailedError(f"it cannot be instantiated: {said(str(error))}") from None
        function = _function(store, instance, case["call"])
        types, result_type = _signature(store, function)
        args = _arguments(store, instance, "it", case["args"], types)
        if fuel is not None:
            store.set_fuel(fuel)
        try:
            result = _called(store, function, args)
        except wasmtime.ExitTrap as end:
            raise Exited(end.code) from None
        except wasmtime.WasmtimeError as error:
            raise said(str(error)) from None
    if _RUN.fullmatch(case["call"]):
        raise Exited(0 if getattr(result, "tag", None) == "ok" else 1)
    return _outcome(case.get("returns"), result, result_type)


def _called(store: wasmtime.Store, function: Any, args: list[Any]) -> Any:
    """Return what a call returns. Raises WasmtimeError and FailedError."""
    try:
        return function(store, *args)
    except (TypeError, ValueError, AssertionError, NotImplementedError) as error:
        raise FailedError(f"the library cannot call it: {error}") from None


def _outcome(expected: Any, result: Any, type_: Any) -> dict[str, Any]:
    returned = [] if type_ is None else [_to_json(result, type_)]
    if expected is None:
        return {"returned": returned}
    if len(expected) != len(returned):
        raise UnfitError("it returns no value" if type_ is None else "it returns one value")
    wanted = [_to_json(_from_json(value, type_, None), type_) for value in expected]
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


def _signature(store: wasmtime.Store, function: Any) -> tuple[list[Any], Any]:
    """Return the types of a function's parameters, and of its result or None. Raises UnfitError."""
    type_ = function.type(store)
    try:
        types, result = [item for _, item in type_.params], type_.result
        returned = {type(part).__name__ for part in _parts(result)}
    except TypeError:
        raise UnfitError(_UNKNOWN) from None
    for kind in _WITHOUT_VALUES:
        if kind in returned:
            raise _other(kind)
    return types, result


def _parts(type_: Any) -> Iterator[Any]:
    """Return a type and all in it. Raises TypeError where that is one that the library does not know."""
    yield type_
    kind = type(type_).__name__
    inner: list[Any] = []
    if kind == "ListType":
        inner = [type_.element]
    elif kind == "TupleType":
        inner = type_.elements
    elif kind == "RecordType":
        inner = [item for _, item in type_.fields]
    elif kind in ("OptionType", "ResultType", "VariantType"):
        inner = [item for _, item in type_._cases()]
    for item in inner:
        yield from _parts(item)


def _arguments(store: wasmtime.Store, instance: Any, who: str, written: list[Any], types: list[Any]) -> list[Any]:
    if len(types) != len(written):
        raise UnfitError(f"{who} takes {len(types)} values")
    make = partial(_made, store, instance)
    try:
        return [_from_json(value, type_, make) for value, type_ in zip(written, types)]
    except TypeError:
        raise UnfitError(_UNKNOWN) from None


def _made(store: wasmtime.Store, instance: Any, asked: dict[str, Any]) -> Any:
    """Return the resource that a call makes."""
    name = asked["call"]
    function = _function(store, instance, name)
    types, type_ = _signature(store, function)
    args = _arguments(store, instance, name, asked.get("args", []), types)
    try:
        made = _called(store, function, args)
    except wasmtime.WasmtimeError as error:
        raise FailedError(f"{name} makes no resource: {said(str(error))}") from None
    held, holds, kind = made, type_, type(type_).__name__
    if kind == "VariantType" or (kind in _BARE and made.tag == _BARE[kind]):
        held, holds = made.payload, dict(type_._cases())[made.tag]
    if type(holds).__name__ != "OwnType":
        returned = "nothing" if type_ is None else _shown(_to_json(made, type_))
        raise FailedError(f"{name} makes no resource: it returned {returned}")
    return held


def _from_json(value: Any, type_: Any, make: Callable[[dict[str, Any]], Any] | None) -> Any:
    """Return what the library takes as a value of a component's type; it wraps numbers without a word.

    ``make`` makes a resource; without, it is one to compare with.
    """
    kind = type(type_).__name__
    if kind in _WHOLE:
        bits = _WHOLE[kind]
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if kind[0] == "S" else (0, 1 << bits)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
            raise UnfitError(f"{_shown(value)} is no {kind.lower()}, a number from {low} to {high - 1}")
        return value
    if kind in ("F32", "F64"):
        try:
            return values.argument(value, kind.lower())
        except ValueError as error:
            raise UnfitError(str(error)) from None
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
        items = [_from_json(item, type_.element, make) for item in value]
        return bytes(items) if isinstance(type_.element, model.U8) else items
    if kind == "TupleType":
        types = type_.elements
        _checked(value, isinstance(value, list) and len(value) == len(types), f"tuple of {len(types)} values")
        return tuple([_from_json(item, inner, make) for item, inner in zip(value, types)])
    if kind == "RecordType":
        fields = dict(type_.fields)
        optional = {name: {"none": True} for name, inner in fields.items() if isinstance(inner, model.OptionType)}
        whole = {**optional, **value} if isinstance(value, dict) else {}
        _checked(value, whole.keys() == fields.keys() and bool(fields), f"record of {', '.join(fields)}")
        record = model.Record()
        for name, inner in fields.items():
            setattr(record, name, _from_json(whole[name], inner, make))
        return record
    if kind == "FlagsType":
        names = type_.names
        fits = isinstance(value, list) and all(name in names for name in value)
        return set(_checked(value, fits, f"list of flags; there are {', '.join(names)}"))
    if kind in ("OptionType", "ResultType", "VariantType"):
        name, inner, held = _case(value, kind, dict(type_._cases()))
        payload = None if inner is None else _from_json(held, inner, make)
        return model.Variant(name, payload)
    if kind in ("OwnType", "BorrowType"):
        if make is None:
            return _checked(value, value == _RESOURCE, f'resource, of which "{_RESOURCE}" is all that can be said')
        fits = (
            isinstance(value, dict) and isinstance(value.get("call"), str) and isinstance(value.get("args", []), list)
        )
        return make(_checked(value, fits, 'resource; write { call = "…", args = […] }, what makes one'))
    raise _other(kind)


def _case(value: Any, kind: str, cases: dict[str, Any]) -> tuple[str, Any, Any]:
    """Return the case that a value names, its type or None, and what it holds."""
    bare = _BARE.get(kind)
    if isinstance(value, dict) and len(value) == 1 and (name := next(iter(value))) in cases:
        if cases[name] is None:
            _checked(value, value[name] is True, f"case {name}, which holds nothing; write {{ {name} = true }}")
        return name, cases[name], value[name]
    if bare is None and isinstance(value, str) and value in cases and cases[value] is None:
        return value, None, True
    written = ", ".join(f"{{ {name} = {'true' if inner is None else '…'} }}" for name, inner in cases.items())
    _checked(value, bare is not None and cases[bare] is not None, f"{kind[:-4].lower()}; write one of {written}")
    return str(bare), cases[str(bare)], value


def _to_json(value: Any, type_: Any) -> Any:
    """Return what the library gives as a value of a component's type, or what it takes, in its one form."""
    kind = type(type_).__name__
    if kind in ("F32", "F64"):
        return values.number(value)
    if kind in _WHOLE or kind in ("Bool", "Char", "String", "EnumType"):
        return value
    if kind == "ListType":
        return [_to_json(item, type_.element) for item in value]
    if kind == "TupleType":
        return list(map(_to_json, value, type_.elements))
    if kind == "RecordType":
        return {name: _to_json(getattr(value, name), inner) for name, inner in type_.fields}
    if kind == "FlagsType":
        return [name for name in type_.names if name in value]
    if kind in ("OptionType", "ResultType", "VariantType"):
        inner = dict(type_._cases())[value.tag]
        return {value.tag: True if inner is None else _to_json(value.payload, inner)}
    if kind in ("OwnType", "BorrowType"):
        return _RESOURCE
    raise _other(kind)


def _checked(value: Any, fits: bool, what: str) -> Any:
    if not fits:
        raise UnfitError(f"{_shown(value)} is no {what}")
    return value


def _other(kind: str) -> UnfitError:
    name = "error-context" if kind == "ErrorContext" else kind.removesuffix("Type").lower()
    return UnfitError(f"a value of the component's type {name} cannot be tested")


def _shown(value: Any) -> str:
    return values.text(value)[:60]
