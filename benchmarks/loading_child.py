"""Runs in a Python of its own: times two ways of loading in turns and prints both medians in seconds as JSON."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime

from wasmbuild import runtime

_SECONDS = 2.0
_ROUNDS = range(15, 2001)
_FIBONACCI = 27


def loading(build: str, target: str, name: str, check: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """``load`` against the calls that one would make without it."""
    manifest = str(Path(build, target))
    loaded = runtime.load(manifest, name)

    def ours() -> object:
        return runtime.load(manifest, name, check=check)  # type: ignore[arg-type]

    def hashed() -> object:
        with open(loaded.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        assert digest == loaded.artifact.sha256
        return wasmtime.Module.deserialize_file(loaded.engine, loaded.path)

    def trusting() -> object:
        return wasmtime.Module.deserialize_file(loaded.engine, loaded.path)

    return ours, hashed if check == "digest" else trusting


def thousand(build: str, target: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Every module of a manifest, against hashing and deserializing each file."""
    directory = Path(build, target)
    names = runtime.modules(directory)
    engine = runtime.engine(directory)
    paths = {name: directory / f"{name}.cwasm" for name in names}
    expected = {name: runtime.load(directory, name).artifact.sha256 for name in names}

    def ours() -> object:
        return [runtime.load(directory, name) for name in names]

    def yardstick() -> object:
        modules = []
        for name, path in paths.items():
            with open(path, "rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == expected[name]
            modules.append(wasmtime.Module.deserialize_file(engine, str(path)))
        return modules

    return ours, yardstick


def compiling(build: str, target: str, name: str, wasm: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """``load`` against compiling the WebAssembly with all cores."""
    data = Path(wasm).read_bytes()
    engine = wasmtime.Engine()
    return lambda: runtime.load(Path(build, target), name), lambda: wasmtime.Module(engine, data)


def cached(
    build: str, target: str, name: str, wasm: str, directory: str
) -> tuple[Callable[[], object], Callable[[], object]]:
    """``load`` against Wasmtime's own cache, filled before."""
    toml = Path(directory, "cache.toml")
    toml.write_text(f"[cache]\ndirectory = {json.dumps(str(Path(directory, 'cache')))}\n", encoding="utf-8")
    config = wasmtime.Config()
    config.cache = str(toml)
    engine = wasmtime.Engine(config)
    data = Path(wasm).read_bytes()
    return lambda: runtime.load(Path(build, target), name), lambda: wasmtime.Module(engine, data)


def running(build: str, target: str, yardstick: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """The recursive Fibonacci function in the code of two targets."""

    def call(name: str) -> Callable[[], object]:
        loaded = runtime.load(Path(build, name), "fibonacci")
        store = wasmtime.Store(loaded.engine)
        function = wasmtime.Instance(store, loaded.module, []).exports(store)["fibonacci"]
        assert isinstance(function, wasmtime.Func)
        return lambda: function(store, _FIBONACCI)

    return call(target), call(yardstick)


def _medians(ours: Callable[[], object], yardstick: Callable[[], object]) -> list[float]:
    took: tuple[list[float], list[float]] = ([], [])
    start = time.perf_counter()
    # The first time anything is done it fills caches.
    for count in range(-1, _ROUNDS.stop):
        if count > _ROUNDS.start and time.perf_counter() - start > _SECONDS:
            break
        for call, times in zip((ours, yardstick), took, strict=True):
            before = time.perf_counter()
            kept = call()
            after = time.perf_counter()
            # Dropping a module unmaps it, which is no part of loading.
            del kept
            if count >= 0:
                times.append(after - before)
    return [statistics.median(times) for times in took]


if __name__ == "__main__":
    ways = {way.__name__: way for way in (loading, thousand, compiling, cached, running)}
    print(json.dumps(_medians(*ways[sys.argv[1]](*sys.argv[2:]))))
