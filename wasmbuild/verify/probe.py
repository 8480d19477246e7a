"""The child that loads artifacts. Standard library and ``wasmtime`` alone, so that it can be copied to another machine.

It is run by path. The first argument bounds, in bytes, what it may allocate, or is ``-``; reserved address space does
not count, since instances of WebAssembly reserve gigabytes. The others are directories: those that hold ``wasmtime``
and the files that go along with this one, where they are not in its own (``wasmbuild/verify/probes.py`` has them).

One request loads one artifact and forgets it again; nothing is instantiated, so no code of the artifact runs. A request
says:

``load``
    ``"module"`` or ``"component"``; without, only the engine is made, for requests to come
``keep``
    whether requests to come test the artifact
``engine``
    the engine that loads it: ``[CALLS, TARGET]``, calls as ``wasmbuild.project.settings.config_calls`` makes them, and
    ``"pulley64"`` or null for this machine with all the features that its CPU has

The artifact is the descriptor that comes with the request, or its bytes. The reply is ``{"imports": [[module, name,
kind, type], …], "exports": [[name, kind, type], …]}`` in the terms of ``wasmbuild/formats/extern.py``, or ``{"error":
text}`` with Wasmtime's words. The library does not tell every type: a value type that it keeps to itself is written
``?``, and whether a table is of 64 bits or shared is left out.

A request with ``test`` executes one case on the artifact that was kept: see ``probe_cases.py``.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # At the end: no directory may hide a module of the standard library.
    sys.path.extend(sys.argv[2:])

import wasmtime
from wasmtime import _bindings as c_api

Reply = tuple[dict[str, Any], bytes]

_MESSAGE_LIMIT = 4000
_ENGINES = 16
"""At most so many engines are kept for requests to come."""

_BY_DESCRIPTOR = sys.platform == "linux"
_CORE_KINDS = ("func", "global", "table", "memory", "tag")
# Of WASMTIME_COMPONENT_ITEM_*, in the order of their numbers.
_ITEM_KINDS = ("component", "instance", "module", "func", "type", "func", "type")
_NO_MAXIMUM = 0xFFFFFFFF


def _known_types() -> list[tuple[Any, str]]:
    codes = ((0, "i32"), (1, "i64"), (2, "f32"), (3, "f64"), (128, "externref"), (129, "funcref"))
    known = [(c_api.wasm_valtype_new(code), name) for code, name in codes]
    return [*known[:4], (c_api.wasmtime_wasm_valtype_v128(), "v128"), *known[4:]]


class Probe:
    """Handles the requests of one process."""

    def __init__(self) -> None:
        self._engines: dict[str, wasmtime.Engine] = {}
        self._types = _known_types()
        self._kept: tuple[str, wasmtime.Engine, Any, dict[str, str]] | None = None

    def handle(self, request: dict[str, Any], data: bytes, descriptor: int | None) -> Reply:
        if "test" in request:
            return self._test(request), b""
        try:
            self._forget()
            engine = self._engine(request["engine"])
            if "load" not in request:
                return {}, b""
            kind = request["load"]
            artifact = _deserialize(_class(kind), engine, data, descriptor)
            self._kept = kind, engine, artifact, {}
            told = self._component(engine, artifact) if kind == "component" else self._module(artifact)
            if request.get("keep"):
                self._kept[3].update({name: type_ for name, what, type_ in told["exports"] if what == "func"})
            else:
                self._forget()
            return told, b""
        except wasmtime.WasmtimeError as error:
            return {"error": str(error)[:_MESSAGE_LIMIT]}, b""

    def _test(self, request: dict[str, Any]) -> dict[str, Any]:
        if TYPE_CHECKING:
            from wasmbuild.verify import probe_cases
        else:
            import probe_cases

        if self._kept is None:
            return {"failed": "no artifact was kept"}
        return probe_cases.execute(*self._kept, request)

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept[2].close()
            self._kept = None

    def _engine(self, wanted: list[Any]) -> wasmtime.Engine:
        key = json.dumps(wanted)
        engine = self._engines.get(key)
        if engine is None:
            while len(self._engines) >= _ENGINES:
                self._engines.pop(next(iter(self._engines))).close()
            engine = self._engines[key] = wasmtime.Engine(_config(*wanted))
        return engine

    def _module(self, module: Any) -> dict[str, Any]:
        imports, exports = c_api.wasm_importtype_vec_t(0, None), c_api.wasm_exporttype_vec_t(0, None)
        c_api.wasmtime_module_imports(module.ptr(), ctypes.byref(imports))
        c_api.wasmtime_module_exports(module.ptr(), ctypes.byref(exports))
        told = {
            "imports": [
                [
                    _text(c_api.wasm_importtype_module(item)),
                    _text(c_api.wasm_importtype_name(item)),
                    *self._extern(c_api.wasm_importtype_type(item)),
                ]
                for item in _items(imports)
            ],
            "exports": [
                [_text(c_api.wasm_exporttype_name(item)), *self._extern(c_api.wasm_exporttype_type(item))]
                for item in _items(exports)
            ],
        }
        c_api.wasm_importtype_vec_delete(ctypes.byref(imports))
        c_api.wasm_exporttype_vec_delete(ctypes.byref(exports))
        return told

    def _component(self, engine: wasmtime.Engine, component: Any) -> dict[str, Any]:
        type_ = c_api.wasmtime_component_type(component.ptr())
        count = c_api.wasmtime_component_type_import_count(type_, engine.ptr())
        imports = [
            ["", *_item(c_api.wasmtime_component_type_import_nth, type_, engine, index)] for index in range(count)
        ]
        count = c_api.wasmtime_component_type_export_count(type_, engine.ptr())
        exports = [_item(c_api.wasmtime_component_type_export_nth, type_, engine, index) for index in range(count)]
        c_api.wasmtime_component_type_delete(type_)
        return {"imports": imports, "exports": exports}

    def _extern(self, extern: Any) -> tuple[str, str]:
        kind = _CORE_KINDS[int(c_api.wasm_externtype_kind(extern))]
        if kind == "func":
            return kind, self._function(c_api.wasm_externtype_as_functype(extern))
        if kind == "global":
            global_ = c_api.wasm_externtype_as_globaltype(extern)
            mutable = "mut " if c_api.wasm_globaltype_mutability(global_) else ""
            return kind, mutable + self._value(c_api.wasm_globaltype_content(global_))
        if kind == "memory":
            return kind, _memory(c_api.wasm_externtype_as_memorytype(extern))
        if kind == "table":
            table = c_api.wasm_externtype_as_tabletype(extern)
            limits = c_api.wasm_tabletype_limits(table).contents
            maximum = "" if limits.max == _NO_MAXIMUM else f"..{limits.max}"
            return kind, f"{self._value(c_api.wasm_tabletype_element(table))} {limits.min}{maximum}"
        tag = c_api.wasm_externtype_as_tagtype(extern)
        return kind, self._values(c_api.wasm_functype_params(c_api.wasm_tagtype_functype(tag)))

    def _function(self, function: Any) -> str:
        parameters = self._values(c_api.wasm_functype_params(function))
        return f"{parameters} -> {self._values(c_api.wasm_functype_results(function))}"

    def _values(self, vector: Any) -> str:
        return f"({', '.join(map(self._value, _items(vector.contents)))})"

    def _value(self, value: Any) -> str:
        # Asking for the kind of a type that the C API has no number for ends the process; comparing does not.
        for known, name in self._types:
            if c_api.wasmtime_wasm_valtype_equal(value, known):
                return name
        return "?"


def limit_memory(size: int) -> None:
    """Bound what this process can allocate to ``size`` bytes, where the system has such a limit."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    size = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _config(calls: list[list[Any]], target: str | None) -> wasmtime.Config:
    if TYPE_CHECKING:
        from wasmbuild.toolchain.configure import configure
    else:
        from configure import configure

    config = wasmtime.Config()
    if target is not None:
        config.target = target
    configure(config, calls)
    return config


def _class(kind: str) -> Any:
    if kind == "component":
        from wasmtime.component import Component

        return Component
    return wasmtime.Module


def _deserialize(kind: Any, engine: wasmtime.Engine, data: bytes, descriptor: int | None) -> Any:
    if descriptor is None:
        return kind.deserialize(engine, data)
    if _BY_DESCRIPTOR:
        return kind.deserialize_file(engine, f"/proc/self/fd/{descriptor}")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return kind.deserialize(engine, file.read())


def _items(vector: Any) -> list[Any]:
    return vector.data[: vector.size] if vector.size else []


def _text(name: Any) -> str:
    vector = name.contents
    return ctypes.string_at(vector.data, vector.size).decode("utf-8") if vector.size else ""


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
    name, size = ctypes.POINTER(ctypes.c_char)(), ctypes.c_size_t()
    item = c_api.wasmtime_component_item_t()
    if not nth(type_, engine.ptr(), index, ctypes.byref(name), ctypes.byref(size), ctypes.byref(item)):
        raise wasmtime.WasmtimeError("the library counts more imports or exports than it names")
    told = [ctypes.string_at(name, size.value).decode("utf-8"), _ITEM_KINDS[item.kind], ""]
    c_api.wasmtime_component_item_delete(ctypes.byref(item))
    return told


def main() -> None:
    """Answer requests until the parent is gone."""
    if TYPE_CHECKING:
        from wasmbuild.toolchain import wire
    else:
        import wire

    if sys.argv[1] != "-":
        limit_memory(int(sys.argv[1]))
    wire.serve(Probe().handle)


if __name__ == "__main__":
    main()
