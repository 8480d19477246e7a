"""The part of the probe that executes a test case. Standard library, ``wasmtime`` and the files beside this one alone.

Each case is executed in a store and on an instance of its own. What came of it is a JSON object with one of

``returned``
    the results, each in its one form (``values.py``), and ``types``, those of a core function. ``expected`` is what the
    case says that it returns, in the same form, where it says so; then none is a reference
``trapped``
    Wasmtime's words for the trap
``exited``
    the status with which a program of WASI ended itself
``failed``
    why there was no such outcome: it could not be instantiated, or a value is none of the function's type; then
    ``unfit`` is true

and, of a case with ``wasi``, ``stdout`` and ``stderr``: text, in which bytes that are no UTF-8 are surrogates.
"""

from __future__ import annotations

import base64
import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import wasmtime
from wasmtime import _bindings as c_api

if TYPE_CHECKING:
    from wasmbuild.verify import values
    from wasmbuild.verify.probe_outcomes import WORDS_LIMIT, Exited, FailedError, Trapped, UnfitError, said
else:
    import values
    from probe_outcomes import WORDS_LIMIT, Exited, FailedError, Trapped, UnfitError, said

PLENTY = (1 << 63) - 1
"""Fuel for what a case does not limit."""

_FAR = 1 << 62
_KINDS = {"i32": 0, "i64": 1, "f32": 2, "f64": 3, "v128": 4}
_NAMES = {number: name for name, number in _KINDS.items()}


class CaseWasi:
    """What a case gives to the program it calls, and what that writes; ``held`` is what directories hold."""

    def __init__(self, case: dict[str, Any], held: dict[str, dict[str, str]]) -> None:
        self.wasi: dict[str, Any] | None = case.get("wasi")
        self._held = held
        self._out: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._directories: list[str] = []

    def config(self) -> wasmtime.WasiConfig:
        """Return a configuration of WASI that has nothing of this process."""
        wasi = self.wasi or {}
        config = wasmtime.WasiConfig()
        config.argv = wasi.get("argv", [])
        config.env = list(wasi.get("env", {}).items())
        data = wasi.get("stdin", "").encode("utf-8")
        stdin = c_api.wasm_byte_vec_t()
        c_api.wasm_byte_vec_new(ctypes.byref(stdin), len(data), (ctypes.c_ubyte * len(data))(*data))
        c_api.wasi_config_set_stdin_bytes(config.ptr(), ctypes.byref(stdin))
        if wasi.get("files"):
            root = tempfile.mkdtemp(prefix="wasmbuild-test-")
            self._directories.append(root)
            write_files(root, wasi["files"], _from_text)
            config.preopen_dir(root, "/")
        for path, sha256 in wasi.get("dirs", {}).items():
            directory = tempfile.mkdtemp(prefix="wasmbuild-test-")
            self._directories.append(directory)
            write_files(directory, self._held[sha256], _from_base64)
            config.preopen_dir(directory, path, False)
        config.stdout_custom = self._taker("stdout")
        config.stderr_custom = self._taker("stderr")
        return config

    def close(self) -> None:
        """Remove what was given for this call alone."""
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)

    def written(self) -> dict[str, str]:
        """Return what the program wrote."""
        if self.wasi is None:
            return {}
        return {name: data.decode("utf-8", "surrogateescape") for name, data in self._out.items()}

    def _taker(self, name: str) -> Callable[[bytes], int]:
        kept = self._out[name]

        def take(data: bytes) -> int:
            kept.extend(data[: values.OUTPUT_LIMIT - len(kept)])
            return len(data)

        return take


def write_files(root: str, files: dict[str, str], to_bytes: Callable[[str], bytes]) -> None:
    """Write files by path into a directory. Raises OSError."""
    for name, content in files.items():
        path = os.path.join(root, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(to_bytes(content))


def _from_text(content: str) -> bytes:
    return content.encode("utf-8")


def _from_base64(content: str) -> bytes:
    return base64.b64decode(content)


def execute(
    kind: str, engine: wasmtime.Engine, artifact: Any, functions: dict[str, str], request: dict[str, Any]
) -> dict[str, Any]:
    """Execute one case on an artifact that is loaded, and return what came of it.

    ``functions`` are the types of the functions that a core module exports, by name, as text. Of the request, ``test``
    is the case, ``fuel`` what it may consume, or None where the engine counts none, ``epoch`` whether the engine
    interrupts by epochs, ``wasi`` the names of a component's imports that are of WASI, if it has any, and
    ``directories`` what those hold that the case names, if it does.
    """
    case = request["test"]
    wasi = CaseWasi(case, request.get("directories", {}))
    store = wasmtime.Store(engine)
    try:
        if request["epoch"]:
            store.set_epoch_deadline(_FAR)
        if wasi.wasi is not None:
            store.set_wasi(wasi.config())
        if request["fuel"] is not None:
            store.set_fuel(PLENTY)
        if kind == "component":
            outcome = _components().call(engine, store, artifact, request)
        else:
            outcome = _core(engine, store, artifact, functions, case, request["fuel"])
    except Trapped as trap:
        outcome = {"trapped": str(trap)}
    except Exited as end:
        outcome = {"exited": end.status}
    except FailedError as error:
        outcome = {"failed": str(error)[:WORDS_LIMIT]}
        if isinstance(error, UnfitError):
            outcome["unfit"] = True
    finally:
        store.close()
        wasi.close()
    return {**outcome, **wasi.written()}


def _core(
    engine: wasmtime.Engine,
    store: wasmtime.Store,
    module: Any,
    functions: dict[str, str],
    case: dict[str, Any],
    fuel: int | None,
) -> dict[str, Any]:
    context = c_api.wasmtime_store_context(store.ptr())
    with wasmtime.Linker(engine) as linker:
        if "wasi" in case:
            linker.define_wasi()
        if case.get("imports"):
            _stand_in(linker, context, module, case["imports"])
        instance, trap = c_api.wasmtime_instance_t(), ctypes.POINTER(c_api.wasm_trap_t)()
        error = c_api.wasmtime_linker_instantiate(
            linker.ptr(), context, module.ptr(), ctypes.byref(instance), ctypes.byref(trap)
        )
        _before_the_call("it cannot be instantiated", error, trap)
        if "_initialize" in functions and "_start" not in functions:
            error, trap = _call(context, _function(context, instance, "_initialize"), [], [])
            _before_the_call("its _initialize fails", error, trap)
        function = _function(context, instance, case["call"])
        parameters, results = _types(functions[case["call"]])
        expected = case.get("returns")
        _check_testable(parameters if expected is None else parameters + results)
        if len(case["args"]) != len(parameters):
            raise FailedError(f"it takes {len(parameters)} values")
        args = list(map(_from_json, case["args"], parameters))
        if fuel is not None:
            store.set_fuel(fuel)
        raw = (c_api.wasmtime_val_t * len(results))()
        error, trap = _call(context, function, list(map(_raw, args, parameters)), raw)
        _raise(error, trap)
        given = list(map(_value, raw))
        written = [None] * len(results) if expected is None else expected
        if len(written) != len(results):
            raise FailedError(f"it returns {len(results)} values")
        shapes = [values.shape_of(value) or values.DEFAULT_SHAPE for value in written]
        outcome: dict[str, Any] = {
            "returned": list(map(values.canonical, given, results, shapes)),
            "types": results,
        }
        if expected is not None:
            outcome["expected"] = list(map(values.canonical, map(_from_json, written, results), results, shapes))
        return outcome


def _stand_in(linker: wasmtime.Linker, context: Any, module: Any, imports: str) -> None:
    """Define what nothing else gives to a core module."""
    if imports == "trap":
        error = c_api.wasmtime_linker_define_unknown_imports_as_traps(linker.ptr(), module.ptr())
    else:
        error = c_api.wasmtime_linker_define_unknown_imports_as_default_values(linker.ptr(), context, module.ptr())
    _before_the_call("nothing can stand for its imports", error, None)


def _components() -> Any:
    if TYPE_CHECKING:
        from wasmbuild.verify import probe_components
    else:
        import probe_components

    return probe_components


def _before_the_call(what: str, error: Any, trap: Any) -> None:
    """Raise FailedError for what went wrong before the call that is tested; a program may end itself."""
    try:
        _raise(error, trap)
    except (Trapped, FailedError) as problem:
        raise FailedError(f"{what}: {problem}") from None


def _raise(error: Any, trap: Any) -> None:
    if error:
        status = ctypes.c_int()
        if c_api.wasmtime_error_exit_status(error, ctypes.byref(status)):
            c_api.wasmtime_error_delete(error)
            raise Exited(status.value)
        text = _message(c_api.wasmtime_error_message, error)
        c_api.wasmtime_error_delete(error)
        raise said(text)
    if trap:
        text = _message(c_api.wasm_trap_message, trap).rstrip("\0")
        c_api.wasm_trap_delete(trap)
        problem = said(text)
        raise problem if isinstance(problem, Trapped) else Trapped(text[:WORDS_LIMIT])


def _message(teller: Callable[..., None], of: Any) -> str:
    vector = c_api.wasm_byte_vec_t()
    teller(of, ctypes.byref(vector))
    text = ctypes.string_at(vector.data, vector.size).decode("utf-8", "replace")
    c_api.wasm_byte_vec_delete(ctypes.byref(vector))
    return text


def _function(context: Any, instance: Any, name: str) -> Any:
    item: Any = c_api.wasmtime_extern_t()
    encoded = name.encode("utf-8")
    found = c_api.wasmtime_instance_export_get(
        context, ctypes.byref(instance), ctypes.create_string_buffer(encoded, len(encoded)), len(encoded),
        ctypes.byref(item),
    )  # fmt: skip
    if not found or item.kind != 0:
        raise FailedError("there is no such function")
    return item.of.func


def _call(context: Any, function: Any, args: list[Any], results: Any) -> tuple[Any, Any]:
    trap = ctypes.POINTER(c_api.wasm_trap_t)()
    error = c_api.wasmtime_func_call(
        context, ctypes.byref(function), (c_api.wasmtime_val_t * len(args))(*args), len(args),
        results or (c_api.wasmtime_val_t * 0)(), len(results), ctypes.byref(trap),
    )  # fmt: skip
    return error, trap


def _types(text: str) -> tuple[list[str], list[str]]:
    """Return the types of parameters and results that the text of a function's type names."""
    parts = [part.split(", ") if part else [] for part in text[1:-1].split(") -> (")]
    return parts[0], parts[1]


def _check_testable(types: list[str]) -> None:
    for name in types:
        if name not in _KINDS:
            raise FailedError(f"a value of type {name} cannot be tested")


def _from_json(value: Any, type_: str) -> Any:
    try:
        return values.argument(value, type_)
    except ValueError as error:
        raise FailedError(str(error)) from None


def _raw(value: Any, type_: str) -> Any:
    raw: Any = c_api.wasmtime_val_t()
    raw.kind = _KINDS[type_]
    if type_ == "v128":
        ctypes.memmove(ctypes.addressof(raw.of.v128), value, 16)
    else:
        setattr(raw.of, type_, value)
    return raw


def _value(raw: Any) -> Any:
    name = _NAMES.get(raw.kind)
    if name is None:
        # It keeps alive what it refers to, until the caller gives it up.
        c_api.wasmtime_val_unroot(ctypes.byref(raw))
        return values.REFERENCE
    return ctypes.string_at(ctypes.addressof(raw.of.v128), 16) if name == "v128" else getattr(raw.of, name)
