"""The source that a manifest ships: what keeps it from being compiled, and how often it is."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from fallback import EMPTY, FOREIGN, compiled, refused

from wasmbuild.runtime import compiling, engines
from wasmbuild.runtime.errors import (
    DamagedError,
    InvalidSourceError,
    LinkedOutError,
    LoadError,
    MissingArtifactError,
    NotWebAssemblyError,
    OtherKindError,
    PrecompiledError,
)

COMPONENT = b"\0asm\x0d\0\1\0"
OTHER = 49 if engines.library_line() == 48 else 48


@pytest.mark.parametrize("check", ["digest", "size", "none"])
def test_what_is_not_the_manifests_is_never_compiled(shipping: Any, check: str) -> None:
    directory = shipping.target("here", {"a": b"x"}, sources={"a": EMPTY}, major=OTHER)
    path = directory / "a.wasm"
    path.write_bytes(EMPTY[:-1] + b"x")
    error = refused(DamagedError, directory, check=check)
    assert error.problem.startswith(f"{path} has SHA-256 ")
    assert error.hint == (
        "build again, or copy it again from where it was built, as a new file that replaces the old one"
    )
    path.write_bytes(EMPTY[:-1])
    assert refused(DamagedError, directory, check=check).problem == (
        f"{path} has 7 bytes, and its manifest says 8: it was cut off, or changed after it was built"
    )
    path.unlink()
    assert str(refused(MissingArtifactError, directory, check=check)) == (
        f"{path} is missing; its manifest lists it: build again, or copy it again from where it was built"
    )


def test_what_lies_elsewhere_or_is_no_file(shipping: Any, tmp_path: Path) -> None:
    directory = shipping.target("here", {"a": b"x"}, sources={"a": EMPTY}, major=OTHER)
    path = directory / "a.wasm"
    path.rename(tmp_path / "outside.wasm")
    path.symlink_to(tmp_path / "outside.wasm")
    assert str(refused(LinkedOutError, directory)) == (
        f"{path} leads out of the directory through a link; copy the directory with its links followed (cp -rL), or "
        "name the one that the links lead to"
    )
    path.unlink()
    os.mkfifo(path)
    assert refused(DamagedError, directory).problem == f"{path} is a FIFO, not a regular file"


@pytest.mark.parametrize(
    ("content", "kind", "what"),
    [
        (None, PrecompiledError, "an artifact that Wasmtime "),
        (COMPONENT, OtherKindError, "a WebAssembly component, and its manifest lists it as a module to be compiled"),
        (b"(module)", NotWebAssemblyError, "WebAssembly text, and its manifest lists it as a module to be compiled"),
        (b"\0asm", NotWebAssemblyError, "a WebAssembly file that was cut off after 4 bytes, and its manifest lists"),
        (b"", NotWebAssemblyError, "an empty file, and its manifest lists it as a module to be compiled"),
    ],
)
def test_what_is_no_source_though_a_manifest_lists_it(
    shipping: Any, make_artifact: Callable[..., bytes], content: bytes | None, kind: type[LoadError], what: str
) -> None:
    content = make_artifact() if content is None else content
    directory = shipping.target("here", {"a": b"x"}, sources={"a": content}, major=OTHER)
    error = refused(kind, directory)
    assert error.problem.startswith(f"{directory / 'a.wasm'} is {what}")
    assert error.hint == "build again, or copy it again from where it was built"


def test_what_wasmtime_refuses_to_compile(shipping: Any) -> None:
    # A function section without code.
    directory = shipping.target("here", {"a": b"x"}, FOREIGN, {"a": EMPTY + b"\1\4\1\x60\0\0\3\2\1\0"})
    error = refused(InvalidSourceError, directory)
    assert error.problem.startswith(f"{directory / 'a.wasm'} is not compiled by Wasmtime: ")
    assert error.hint == "correct the source"


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was compiled, in order."""
    monkeypatch.setattr(compiling, "_compiled", type(compiling._compiled)())
    done: list[str] = []
    compile_ = compiling._compile

    def counted(path: str, *arguments: Any) -> Any:
        done.append(path)
        return compile_(path, *arguments)

    monkeypatch.setattr(compiling, "_compile", counted)
    return done


def test_what_is_in_use_is_not_compiled_again(shipping: Any, compiles: list[str]) -> None:
    directory = shipping.target("other", {"a": b"x", "b": b"x"}, FOREIGN, {"a": EMPTY, "b": EMPTY})
    first = compiled(directory)
    assert compiled(directory).module is first.module
    # The same bytes under another name.
    assert compiled(directory, "b").module is first.module
    assert len(compiles) == 1
    own = compiled(directory, engine=wasmtime.Engine())
    assert own.module is not first.module
    first.module.close()
    assert compiled(directory).module.exports == []
    del first, own
    gc.collect()
    assert len(compiling._compiled) == 0
    compiled(directory)
    assert len(compiles) == 4


def test_threads_that_ask_at_once_compile_once(
    shipping: Any, compiles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = shipping.target("other", {"a": b"x"}, FOREIGN, {"a": EMPTY})
    together = threading.Barrier(8)
    read = compiling._read

    def met(*arguments: Any) -> bytes:
        data = read(*arguments)
        together.wait(30)
        return data

    monkeypatch.setattr(compiling, "_read", met)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(compiled(directory))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(loaded.module) for loaded in found}) == 1
    assert len(found) == 8
    assert len(compiles) == 1
