"""What a loaded module or component imports and exports. Standard library and ``wasmtime`` alone: a part of the probe.

A module can have thousands of functions, and under an emulator each step takes ten times as long. So the C API is
called with addresses that are plain numbers, without the objects that the package's own bindings make of each pointer,
and step by step for all of them, of several modules too, not one after the other.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, compress, islice
from typing import Any, NamedTuple

import wasmtime
from wasmtime import _bindings as c_api
from wasmtime._ffi import dll

_CORE_KINDS = ("func", "global", "table", "memory", "tag")
# Of WASMTIME_COMPONENT_ITEM_*, in the order of their numbers.
_EXTERN: Any = getattr(c_api, "wasmtime_component_extern_t", None)
_ITEM_KINDS = ("component", "instance", "module", "func", "type", "func", "type")
_NO_MAXIMUM = 0xFFFFFFFF

_ADDRESS = ctypes.c_void_p


class _Vector(ctypes.Structure):
    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_size_t)))


class _Name(ctypes.Structure):
    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_char)))


def _of(name: str, result: Any = _ADDRESS, arguments: int = 1) -> Callable[..., Any]:
    """Return a function of the C API that takes addresses."""
    return ctypes.PYFUNCTYPE(result, *[_ADDRESS] * arguments)((name, dll))


_import_module = _of("wasm_importtype_module")
_import_name = _of("wasm_importtype_name")
_import_type = _of("wasm_importtype_type")
_export_name = _of("wasm_exporttype_name")
_export_type = _of("wasm_exporttype_type")
_kind = _of("wasm_externtype_kind", ctypes.c_uint8)
_as_function = _of("wasm_externtype_as_functype")
_as_global = _of("wasm_externtype_as_globaltype")
_as_memory = _of("wasm_externtype_as_memorytype")
_as_table = _of("wasm_externtype_as_tabletype")
_as_tag = _of("wasm_externtype_as_tagtype")
_parameters = _of("wasm_functype_params")
_results = _of("wasm_functype_results")
_content = _of("wasm_globaltype_content")
_mutability = _of("wasm_globaltype_mutability", ctypes.c_uint8)
_element = _of("wasm_tabletype_element")
_limits = _of("wasm_tabletype_limits")
_tag_function = _of("wasm_tagtype_functype")
_are_equal = _of("wasmtime_wasm_valtype_equal", ctypes.c_bool, 2)


LoadReply = dict[str, Any]
"""What is said of one artifact, as ``probe.py`` describes it."""


class Externs(NamedTuple):
    """What a module imports and exports, not yet told. Both vectors are owned.

    Without ``sizes`` those of its tables are not asked for.
    """

    imports: Any
    exports: Any
    sizes: bool


class Interfaces:
    """Tells interfaces, in the terms of ``wasmbuild/formats/extern.py``."""

    def __init__(self) -> None:
        codes = ((0, "i32"), (1, "i64"), (2, "f32"), (3, "f64"), (128, "externref"), (129, "funcref"))
        types = [(c_api.wasm_valtype_new(code), name) for code, name in codes]
        types.insert(4, (c_api.wasmtime_wasm_valtype_v128(), "v128"))
        # Asking for the kind of a type that the C API has no number for ends the process; comparing does not.
        self._types = [(partial(_are_equal, ctypes.cast(type_, _ADDRESS)), name) for type_, name in types]

    def module(self, module: wasmtime.Module, *, sizes: bool) -> Externs:
        """Take what is to be told out of a module, which can be closed then; ``tell`` must follow.

        Without ``sizes`` those of its tables are left out.
        """
        externs = Externs(c_api.wasm_importtype_vec_t(0, None), c_api.wasm_exporttype_vec_t(0, None), sizes)
        c_api.wasmtime_module_imports(module.ptr(), ctypes.byref(externs.imports))
        c_api.wasmtime_module_exports(module.ptr(), ctypes.byref(externs.exports))
        return externs

    def tell(self, several: Sequence[Externs | LoadReply]) -> list[LoadReply]:
        """Return ``{"imports": [[module, name, kind, type], …], "exports": [[name, kind, type], …]}`` for modules.

        A value type that the library keeps to itself is written ``?``; whether a table is of 64 bits or shared is left
        out, and its size where that was not to be asked. What is told already stays as it is.
        """
        modules = [externs for externs in several if isinstance(externs, Externs)]
        imports = [_items(ctypes.addressof(externs.imports)) for externs in modules]
        exports = [_items(ctypes.addressof(externs.exports)) for externs in modules]
        imported, exported = list(chain(*imports)), list(chain(*exports))
        unsized: set[int] = set()
        for externs, own, others in zip(modules, imports, exports):
            if not externs.sizes:
                unsized.update(chain(map(_import_type, own), map(_export_type, others)))
        kinds, types = self._externs([*map(_import_type, imported), *map(_export_type, exported)], unsized)
        from_modules, names = map(_text, map(_import_module, imported)), map(_text, map(_import_name, imported))
        all_imports = zip(from_modules, names, kinds, types)
        count = len(imported)
        all_exports = zip(map(_text, map(_export_name, exported)), kinds[count:], types[count:])
        replies = iter(
            [
                {"imports": list(islice(all_imports, len(own))), "exports": list(islice(all_exports, len(others)))}
                for own, others in zip(imports, exports)
            ]
        )
        for externs in modules:
            c_api.wasm_importtype_vec_delete(ctypes.byref(externs.imports))
            c_api.wasm_exporttype_vec_delete(ctypes.byref(externs.exports))
        return [next(replies) if isinstance(externs, Externs) else externs for externs in several]

    def component(self, engine: wasmtime.Engine, component: Any) -> LoadReply:
        """Return the same of a component, whose imports have no module and whose types are left empty."""
        type_ = c_api.wasmtime_component_type(component.ptr())
        count = c_api.wasmtime_component_type_import_count(type_, engine.ptr())
        imports = [
            ["", *_item(c_api.wasmtime_component_type_import_nth, type_, engine, index)] for index in range(count)
        ]
        count = c_api.wasmtime_component_type_export_count(type_, engine.ptr())
        exports = [_item(c_api.wasmtime_component_type_export_nth, type_, engine, index) for index in range(count)]
        c_api.wasmtime_component_type_delete(type_)
        return {"imports": imports, "exports": exports}

    def _externs(self, externs: list[int], unsized: set[int]) -> tuple[list[str], list[str]]:
        """Return kinds and types; of tables that are ``unsized`` that of their elements."""
        kinds = [_CORE_KINDS[kind] for kind in map(_kind, externs)]
        functions = [_as_function(extern) for extern, kind in zip(externs, kinds) if kind == "func"]
        signatures = map("{} -> {}".format, *self._signatures(functions))
        types = [
            next(signatures) if kind == "func" else self._type(kind, extern, extern not in unsized)
            for extern, kind in zip(externs, kinds)
        ]
        return kinds, types

    def _type(self, kind: str, extern: int, sized: bool) -> str:
        if kind == "global":
            global_ = _as_global(extern)
            value = _content(global_)
            return ("mut " if _mutability(global_) else "") + self._names([value])[value]
        if kind == "memory":
            return _memory(ctypes.cast(_as_memory(extern), ctypes.POINTER(c_api.wasm_memorytype_t)))
        if kind == "table":
            table = _as_table(extern)
            element = _element(table)
            if not sized:
                return self._names([element])[element]
            limits = c_api.wasm_limits_t.from_address(_limits(table))
            maximum = "" if limits.max == _NO_MAXIMUM else f"..{limits.max}"
            return f"{self._names([element])[element]} {limits.min}{maximum}"
        [[parameters], _] = self._signatures([_tag_function(_as_tag(extern))])
        return parameters

    def _signatures(self, functions: list[int]) -> tuple[list[str], list[str]]:
        """Return the parameters and the results of functions."""
        parameters = list(map(_items, map(_parameters, functions)))
        results = list(map(_items, map(_results, functions)))
        name = self._names(list(chain(*parameters, *results))).__getitem__
        return (
            [f"({', '.join(map(name, values))})" for values in parameters],
            [f"({', '.join(map(name, values))})" for values in results],
        )

    def _names(self, values: list[int]) -> dict[int, str]:
        names: dict[int, str] = {}
        for is_equal, name in self._types:
            if not values:
                break
            equal = list(map(is_equal, values))
            names.update(dict.fromkeys(compress(values, equal), name))
            values = [value for value, found in zip(values, equal) if not found]
        return {**names, **dict.fromkeys(values, "?")}


def _items(address: int) -> list[int]:
    vector = _Vector.from_address(address)
    return vector.data[: vector.size] if vector.size else []


def _text(address: int) -> str:
    name = _Name.from_address(address)
    return name.data[: name.size].decode("utf-8") if name.size else ""


def _memory(memory: Any) -> str:
    most = ctypes.c_uint64()
    text = str(c_api.wasmtime_memorytype_minimum(memory))
    if c_api.wasmtime_memorytype_maximum(memory, ctypes.byref(most)):
        text += f"..{most.value}"
    if c_api.wasmtime_memorytype_is64(memory):
        text += " i64"
    if c_api.wasmtime_memorytype_isshared(memory):
        text += " shared"
    page_size = c_api.wasmtime_memorytype_page_size(memory)
    return text if page_size == 65536 else f"{text} page-size={page_size}"


def _item(nth: Callable[..., bool], type_: Any, engine: wasmtime.Engine, index: int) -> list[str]:
    name, item = named_item(nth, type_, engine, index)
    item_row = [name, _ITEM_KINDS[item.kind], ""]
    c_api.wasmtime_component_item_delete(ctypes.byref(item))
    return item_row


def named_item(nth: Callable[..., bool], type_: Any, engine: wasmtime.Engine, index: int) -> tuple[str, Any]:
    """Return the name of an import or export of a type of components, and what it is, which is owned.

    Raises WasmtimeError where there is none.
    """
    name, size = ctypes.POINTER(ctypes.c_char)(), ctypes.c_size_t()
    item: Any = c_api.wasmtime_component_item_t()
    # From line 49 on the item comes in an extern, which has more to say.
    later: Any = c_api
    extern = ctypes.POINTER(_EXTERN)() if _EXTERN is not None else None
    named = item if extern is None else extern
    if not nth(type_, engine.ptr(), index, ctypes.byref(name), ctypes.byref(size), ctypes.byref(named)):
        raise wasmtime.WasmtimeError("the library counts more imports or exports than it names")
    if extern is not None:
        later.wasmtime_component_extern_type(extern, ctypes.byref(item))
        later.wasmtime_component_extern_delete(extern)
    return ctypes.string_at(name, size.value).decode("utf-8"), item
