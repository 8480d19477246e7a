"""The child that loads artifacts. Standard library and ``wasmtime`` alone, so that it can be copied to another machine.

One request loads one artifact after the other and forgets them again; nothing is instantiated, so no code of theirs
runs. A request says:

``load``
    a list of ``"module"`` or ``"component"``, one for each artifact; without, only the engine is made, for requests to
    come
``unsized``
    positions in ``load`` of modules with tables so large that to ask for the size of one ends the process
``keep``
    whether requests to come test the artifact, which is a single one then
``engine``
    the engine that loads them: ``[CALLS, TARGET]``, calls as ``EngineConfig.library_calls`` makes them,
    and ``"pulley64"`` or null for this machine with all the features that its CPU has

The artifacts are the descriptors that come with the request, or the bytes of all. The reply is ``{"loaded": […]}`` with
an object for each, ``{"imports": [[module, name, kind, type], …], "exports": [[name, kind, type], …]}`` in the terms of
``wasmbuild/formats/extern.py``, or ``{"error": text}`` with Wasmtime's words; it is this alone where there can be no
such engine. The library does not tell every type: a value type that it keeps to itself is written ``?``, and whether a
table is of 64 bits or shared is left out, and so are the sizes of tables of what is ``unsized``.

A request with ``test`` executes one case on the artifact that was kept: see ``probe_cases.py``.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import wasmtime

if TYPE_CHECKING:
    from wasmbuild.verify.probe_interface import Externs, Interfaces, LoadReply
else:
    from probe_interface import Externs, Interfaces, LoadReply

Reply = tuple[dict[str, Any], bytes]

_MESSAGE_LIMIT = 4000
_ENGINES = 16
"""At most so many engines are kept for requests to come."""

# As in wasmbuild/runtime/artifacts.py; a container may have no /proc.
_BY_DESCRIPTOR = sys.platform == "linux" and os.path.isdir("/proc/self/fd")


class Probe:
    """Handles the requests of one process."""

    def __init__(self) -> None:
        self._engines: dict[str, wasmtime.Engine] = {}
        self._interfaces = Interfaces()
        self._kept: tuple[str, wasmtime.Engine, Any, dict[str, str]] | None = None

    def handle(self, request: dict[str, Any], data: bytes, files: list[int]) -> Reply:
        if "test" in request:
            return self._test(request), b""
        self._forget()
        try:
            engine = self._engine(request["engine"])
        except wasmtime.WasmtimeError as error:
            return _refusal(error), b""
        keep = bool(request.get("keep"))
        if len(files) != request.get("files", 0):
            raise OSError("not all descriptors of a request arrived")
        contents: list[Any] = [*files] or _parts(data, request.get("sizes", [len(data)]))
        unsized = request.get("unsized", [])
        artifacts = enumerate(zip(request.get("load", []), contents))
        described = self._interfaces.tell(
            [self._load(engine, *artifact, keep=keep, sizes=at not in unsized) for at, artifact in artifacts]
        )
        if self._kept is not None:
            self._kept[3].update({name: type_ for name, what, type_ in described[0]["exports"] if what == "func"})
        return {"loaded": described}, b""

    def _load(
        self, engine: wasmtime.Engine, kind: str, content: bytes | int, *, keep: bool, sizes: bool
    ) -> Externs | LoadReply:
        try:
            artifact = _deserialize(_class(kind), engine, content)
            try:
                if kind == "component":
                    return self._interfaces.component(engine, artifact)
                return self._interfaces.module(artifact, sizes=sizes)
            finally:
                if keep:
                    self._kept = kind, engine, artifact, {}
                else:
                    artifact.close()
        except wasmtime.WasmtimeError as error:
            self._forget()
            return _refusal(error)

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


def limit_memory(size: int) -> None:
    """Bound what this process can allocate to ``size`` bytes, where the system has such a limit."""
    import resource

    there, _ = resource.getrlimit(resource.RLIMIT_DATA)
    size = size if there == resource.RLIM_INFINITY else min(size, there)
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


def _deserialize(kind: Any, engine: wasmtime.Engine, content: bytes | int) -> Any:
    if isinstance(content, bytes):
        return kind.deserialize(engine, content)
    if _BY_DESCRIPTOR:
        try:
            return kind.deserialize_file(engine, f"/proc/self/fd/{content}")
        except wasmtime.WasmtimeError as error:
            # As there too, for file systems that are mounted noexec.
            if "make memory executable" not in str(error):
                raise
    with os.fdopen(os.dup(content), "rb") as file:
        file.seek(0)
        return kind.deserialize(engine, file.read())


def _parts(data: bytes, sizes: list[int]) -> list[bytes]:
    ends = list(accumulate(sizes))
    return [data[end - size : end] for size, end in zip(sizes, ends)]


def _refusal(error: wasmtime.WasmtimeError) -> LoadReply:
    return {"error": str(error)[:_MESSAGE_LIMIT]}


def main() -> None:
    """Answer requests until the parent is gone; ``probe_main.py`` has the arguments."""
    if TYPE_CHECKING:
        from wasmbuild.toolchain import wire
    else:
        import wire

    if sys.argv[1] != "-":
        limit_memory(int(sys.argv[1]))
    wire.serve(Probe().handle)
