"""The child that holds the ``wasmtime`` library. Standard library, ``wire``, ``configure`` and ``wasmtime`` alone.

It is run by path, isolated, with two arguments: the directories that hold ``wasmtime`` and ``wasmbuild``. Requests
have ``do``:

``compile``
    ``kind`` ``"module"`` or ``"component"``, ``target`` a triple, ``flags`` ISA flags, ``calls`` as
    ``EngineConfig.library_calls`` makes them, ``parallel`` whether to use all cores. The binary is in the
    file ``wasm`` or comes with the request; the artifact goes to the new file ``out`` or into the reply.
``validate``
    as ``compile``, for modules: tells whether the binary is valid with these settings, without compiling it.
``translate``
    the request's bytes are WebAssembly text, the reply's are the binary.

A reply ``{"error": text}`` is Wasmtime's refusal, ``{"errno": number, "error": text, "file": path}`` the system's.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_ENGINES = 16
"""At most so many engines are kept for requests to come."""


def main() -> None:
    """Answer requests until the parent is gone."""
    # At the end: neither directory may hide a module of the standard library.
    sys.path += sys.argv[1:]
    from wasmbuild.toolchain import wire

    wire.serve(LibraryWorker().handle)


class LibraryWorker:
    """Compiles, one request after the other, with an engine per set of settings."""

    def __init__(self) -> None:
        import wasmtime
        from wasmtime import _bindings, component

        self._wasmtime = wasmtime
        self._bindings = _bindings
        self._kinds: dict[str, Any] = {"module": wasmtime.Module, "component": component.Component}
        self._engines: dict[str, Any] = {}

    def handle(self, request: dict[str, Any], data: bytes, files: list[int]) -> tuple[dict[str, Any], bytes]:
        """Answer one request; see the module's docstring."""
        try:
            return {}, _DO[request["do"]](self, request, data)
        except self._wasmtime.WasmtimeError as error:
            return {"error": str(error)}, b""
        except OSError as error:
            return {"errno": error.errno, "error": error.strerror or str(error), "file": error.filename}, b""

    def compile(self, request: dict[str, Any], data: bytes) -> bytes:
        engine = self._engine(request)
        artifact = self._kinds[request["kind"]](engine, _binary(request, data))
        try:
            serialized = artifact.serialize()
        finally:
            artifact.close()
        if "out" not in request:
            return bytes(serialized)
        with open(request["out"], "wb") as out:
            out.write(serialized)
        return b""

    def validate(self, request: dict[str, Any], data: bytes) -> bytes:
        self._wasmtime.Module.validate(self._engine(request), _binary(request, data))
        return b""

    def translate(self, request: dict[str, Any], data: bytes) -> bytes:
        return bytes(self._wasmtime.wat2wasm(data))

    def _engine(self, request: dict[str, Any]) -> Any:
        key = json.dumps([request[name] for name in ("target", "flags", "calls", "parallel")])
        engine = self._engines.get(key)
        if engine is None:
            while len(self._engines) >= _ENGINES:
                self._engines.pop(next(iter(self._engines))).close()
            engine = self._engines[key] = self._wasmtime.Engine(self._config(request))
        return engine

    def _config(self, request: dict[str, Any]) -> Any:
        from wasmbuild.toolchain.configure import configure

        config = self._wasmtime.Config()
        # Always spelled out, for without it the library takes over the features of this machine's CPU.
        config.target = request["target"]
        for name, value in request["flags"].items():
            config.cranelift_flag_set(name, str(value).lower() if isinstance(value, bool) else str(value))
        configure(config, request["calls"])
        self._bindings.wasmtime_config_parallel_compilation_set(config.ptr(), request["parallel"])
        return config


def _binary(request: dict[str, Any], data: bytes) -> bytes:
    if data:
        return data
    with open(request["wasm"], "rb") as file:
        return file.read()


_DO = {"compile": LibraryWorker.compile, "validate": LibraryWorker.validate, "translate": LibraryWorker.translate}


if __name__ == "__main__":
    main()
