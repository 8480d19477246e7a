"""The part of the probe that gives a component its imports. Only what ``probe_components.py`` may import.

The library's own stand-ins replace WASI. They are defined by the exact names of what is imported, before which its WASI
of another release of 0.2 gives way, and for a resource that one interface of WASI takes from another there is one
more, which then is not the resource that WASI gives.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import wasmtime
from wasmtime import _ffi as c_api
from wasmtime import component as model

if TYPE_CHECKING:
    from wasmbuild.verify.probe_interface import named_item
else:
    from probe_interface import named_item

_NO_FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()


def define(linker: model.Linker, component: Any, case: dict[str, Any], wasi: Collection[str]) -> object:
    """Define what a case gives to a component, and return what is to be kept until nothing can call that any more.

    ``wasi`` are the names of its imports that are of WASI. Raises WasmtimeError.
    """
    if "wasi" in case:
        linker.add_wasip2()
    if not case.get("imports"):
        return None
    if "wasi" not in case:
        linker.define_unknown_imports_as_traps(component)
        return None
    stand_ins = _StandIns(linker.engine, wasi)
    type_ = c_api.wasmtime_component_type(component.ptr())
    try:
        with linker.root() as root:
            count = c_api.wasmtime_component_type_import_count(type_, linker.engine.ptr())
            stand_ins.define(root, count, c_api.wasmtime_component_type_import_nth, type_)
    finally:
        c_api.wasmtime_component_type_delete(type_)
    return stand_ins


class _StandIns:
    """Functions that trap and resources of which there are none, in place of what WASI does not give."""

    def __init__(self, engine: wasmtime.Engine, wasi: Collection[str]) -> None:
        self._engine = engine
        self._wasi = wasi
        self._resources: list[model.ResourceType] = []
        self._functions: list[Any] = []

    def define(
        self, into: model.LinkerInstance | None, count: int, nth: Callable[..., bool], type_: Any, within: str = ""
    ) -> None:
        """Define what ``nth`` has of a type. Without ``into`` it is there already, and its resources are noted."""
        for index in range(count):
            name, item = named_item(nth, type_, self._engine, index)
            if item.kind == c_api.WASMTIME_COMPONENT_ITEM_RESOURCE.value:
                self._resource(into, name, model.ResourceType._from_ptr(item.of.resource))
                continue
            try:
                if item.kind == c_api.WASMTIME_COMPONENT_ITEM_COMPONENT_INSTANCE.value:
                    self._instance(into, name, item.of.component_instance)
                elif into is not None and item.kind == c_api.WASMTIME_COMPONENT_ITEM_COMPONENT_FUNC.value:
                    self._function(into, name, f"{within}#{name}" if within else name)
            finally:
                c_api.wasmtime_component_item_delete(ctypes.byref(item))

    def _instance(self, into: model.LinkerInstance | None, name: str, type_: Any) -> None:
        count = c_api.wasmtime_component_instance_type_export_count(type_, self._engine.ptr())
        nth = c_api.wasmtime_component_instance_type_export_nth
        if into is None or name in self._wasi:
            self.define(None, count, nth, type_)
            return
        with into.add_instance(name) as inner:
            self.define(inner, count, nth, type_, name)

    def _resource(self, into: model.LinkerInstance | None, name: str, type_: model.ResourceType) -> None:
        # One that is another's is not to be given again.
        if type_ not in self._resources:
            self._resources.append(type_)
            if into is not None:
                into.add_resource(name, model.ResourceType.host(len(self._resources)), lambda *_: None)

    def _function(self, into: model.LinkerInstance, name: str, title: str) -> None:
        message = f"unknown import: `{title}` has not been defined".encode()

        def trap(*_: object) -> int | None:
            error = c_api.wasmtime_error_new(ctypes.create_string_buffer(message))
            return ctypes.cast(error, ctypes.c_void_p).value

        # The package's own makes objects of the arguments first, and does not know those of all types.
        function = c_api.wasmtime_component_func_callback_t(trap)
        self._functions.append(function)
        encoded = name.encode("utf-8")
        error = c_api.wasmtime_component_linker_instance_add_func(
            into.ptr(), ctypes.create_string_buffer(encoded), len(encoded), function, None, _NO_FINALIZER
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
