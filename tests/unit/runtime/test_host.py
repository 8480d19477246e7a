"""What the process or the machine lacks is told as that, and never as damage of a file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from wasmbuild import runtime
from wasmbuild.confined import ConfinedDirectory
from wasmbuild.files import read_up_to
from wasmbuild.runtime import artifacts, standalone
from wasmbuild.runtime.file_errors import said_by_host

NO_DESCRIPTORS = os.strerror(errno.EMFILE)

resource = pytest.importorskip("resource", reason="needs limits of POSIX")


def real(functions: int = 1) -> bytes:
    config = wasmtime.Config()
    config.parallel_compilation = False
    body = " ".join(f'(func (export "f{n}") (result i32) i32.const {n})' for n in range(functions))
    return bytes(wasmtime.Module(wasmtime.Engine(config), f"(module {body})").serialize())


@contextmanager
def descriptors(more: int) -> Iterator[None]:
    """Let this process open so many more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for _ in range(more):
            os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("more", range(4))
def test_no_descriptors_left(shipping: Any, more: int) -> None:
    large = real(3000)
    assert len(large) > artifacts.COPIED
    shipping.target("here", {"a": large})
    root = shipping.index()
    runtime.load(root, "a")
    os.utime(root / "index.json", ns=(1, 1))
    with descriptors(more):
        with pytest.raises(runtime.HostLimitError) as caught:
            runtime.load(root, "a")
        assert caught.value.errno == errno.EMFILE
        assert "ulimit -n" in caught.value.hint
        assert "keeps a file open" in caught.value.hint
        with pytest.raises(runtime.HostLimitError, match=f"cannot be read: {NO_DESCRIPTORS}"), descriptors(0):
            runtime.load_source(root / "here" / "a.cwasm")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_small_module_that_is_kept_holds_no_descriptor_and_a_large_one_holds_one(shipping: Any) -> None:
    shipping.target("here", {"large": real(3000), "small": real()})
    root = shipping.index()
    for module, checks, each in (("small", ("digest",), 0), ("large", ("digest", "size", "none"), 1)):
        for check in checks:
            before = len(os.listdir("/proc/self/fd"))
            kept = [runtime.load(root, module, check=check) for _ in range(10)]  # type: ignore[arg-type]
            assert len(os.listdir("/proc/self/fd")) - before == each * len(kept)
            del kept


# What is imported when something goes wrong was not imported before: a process of its own.
_STARVED = """
import resource, sys
import wasmtime
from wasmbuild import runtime

call, *imported = sys.argv[1:]
for module in imported:
    __import__(module)
with open("m.wat", "w") as file:
    file.write('(module (memory 1) (data (i32.const 0) "data"))')
opened = runtime.load_source("m.wat")
linker, store = wasmtime.Linker(opened.engine), wasmtime.Store(opened.engine)
if call == "instantiate":
    runtime.instantiate
resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    try:
        if call == "instantiate":
            runtime.instantiate(opened, linker, store)
        else:
            linker.instantiate(store, opened.module)
    except wasmtime.WasmtimeError as error:
        raise (runtime.explain if call == "explain" else runtime.Watcher)(error, "m.wat")
except runtime.HostLimitError as error:
    print(error.errno, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a module's data is in no memory file")
@pytest.mark.parametrize("imported", [(), ("wasmbuild.diagnosis.wording", "wasmbuild.diagnosis.memory")])
@pytest.mark.parametrize(
    ("call", "what"), [("instantiate", "m.wat"), ("explain", "m.wat"), ("Watcher", "wasmbuild.runtime.Watcher")]
)
def test_no_descriptors_left_to_instantiate(tmp_path: Path, call: str, what: str, imported: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", _STARVED, call, *imported]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
    assert told.startswith(f"{errno.EMFILE} {what} cannot be loaded: {NO_DESCRIPTORS}; raise the limit (ulimit -n)")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a module's data is in no memory file")
def test_why_there_was_no_memory_file_is_asked_and_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    error = wasmtime.WasmtimeError("cannot create a memfd")
    likely = runtime.explain(error, "a.cwasm")
    assert isinstance(likely, runtime.HostLimitError)
    assert likely.errno == errno.EMFILE
    assert "most likely because too many files were open; raise the limit (ulimit -n)" in str(likely)

    def forbidden(name: str) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    certain = runtime.explain(error, "a.cwasm")
    assert isinstance(certain, runtime.HostLimitError)
    assert certain.errno == errno.EPERM
    assert certain.problem == "a.cwasm cannot be loaded: this process may make no memory file (memfd) for its data"
    assert "memory-init-cow = false" in certain.hint
    monkeypatch.delattr(os, "memfd_create")
    assert str(runtime.explain(error, "a.cwasm")) == str(likely)
    with descriptors(0):
        assert f"cannot be loaded: {NO_DESCRIPTORS}; raise" in str(runtime.explain(error, "a.cwasm"))


def test_a_module_without_copy_on_write_needs_no_memory_file() -> None:
    config = wasmtime.Config()
    config.memory_init_cow = False
    engine = wasmtime.Engine(config)
    module = wasmtime.Module(engine, '(module (memory 1) (data (i32.const 0) "data"))')
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    with descriptors(0):
        linker.instantiate(store, module)


@pytest.mark.parametrize("at", ["index.json", "manifest.json", "a.cwasm"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOMEM, errno.EIO, errno.ENFILE, errno.ETIMEDOUT])
def test_whatever_the_system_refuses_is_of_the_host(
    shipping: Any, monkeypatch: pytest.MonkeyPatch, at: str, code: int
) -> None:
    shipping.target("here", {"a": real()})
    root = shipping.index()
    opened = ConfinedDirectory.open

    def refused(directory: ConfinedDirectory, path: str) -> Any:
        if path == at:
            raise OSError(code, os.strerror(code))
        return opened(directory, path)

    monkeypatch.setattr(ConfinedDirectory, "open", refused)
    with pytest.raises(runtime.HostLimitError) as caught:
        runtime.load(root, "a")
    assert caught.value.errno == code
    assert os.strerror(code) in caught.value.problem
    assert "build again" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_memory_that_is_not_there(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shipping.target("here", {"a": real()})
    root = shipping.index()

    def out_of_memory(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(artifacts, "deserialize", out_of_memory)
    with pytest.raises(runtime.HostLimitError, match="needs more memory than this process can have"):
        runtime.load(root, "a")


@pytest.mark.parametrize(
    ("said", "code", "part"),
    [
        ("failed to open file\n\nCaused by:\n    Too many open files (os error 24)\n", errno.EMFILE, "ulimit -n"),
        (
            "mmap failed to reserve 0x104000000 bytes\n\nCaused by:\n    Cannot allocate memory (os error 12)\n",
            errno.ENOMEM,
            "needs 4362076160 bytes of address space for a linear memory, which this process may not have; raise",
        ),
        (
            "failed deserialization for: a\n\nCaused by:\n    2: mmap failed to allocate 0x73738 bytes\n    3: Cannot "
            "allocate memory (os error 12)\n",
            errno.ENOMEM,
            f"cannot be loaded: {os.strerror(errno.ENOMEM)}; ",
        ),
        (
            "failed to open file\n\nCaused by:\n    Permission denied (os error 13)\n",
            errno.EACCES,
            "enter the directories",
        ),
    ],
)
def test_what_wasmtime_passes_on_of_the_system(said: str, code: int, part: str) -> None:
    error = said_by_host("it", said)
    assert error is not None
    assert error.errno == code
    assert part in str(error)
    assert said_by_host("it", "unknown import: `os::error` has not been defined") is None


@pytest.mark.parametrize("head", [b"\0asm\1\0\0\0", b"(module", b"   \n", b"MZ"])
@pytest.mark.parametrize("load", [runtime.load_source, runtime.load_any, lambda path: runtime.explain(NOT_TAKEN, path)])
def test_a_large_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Any, head: bytes
) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(head.ljust(70_000) if head != b"\0asm\1\0\0\0" else head)
        file.truncate(5 << 30)
    read = 0

    def counted(file: Any, limit: int) -> bytes:
        nonlocal read
        data = read_up_to(file, limit)
        read += len(data)
        return data

    monkeypatch.setattr(standalone.files, "read_up_to", counted)
    try:
        error = load(path)
    except runtime.LoadError as raised:
        error = raised
    expected = runtime.NotWebAssemblyError if head == b"MZ" else runtime.InvalidSourceError
    assert type(error) is expected
    assert read <= 64 << 10


NOT_TAKEN = wasmtime.WasmtimeError("failed to parse WebAssembly module")
