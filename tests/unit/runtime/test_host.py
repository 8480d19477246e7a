"""What the process or the machine lacks is told as that, and never as damage of a file."""

from __future__ import annotations

import errno
import os
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
        with pytest.raises(runtime.HostLimitError, match="cannot be read: Too many open files"), descriptors(0):
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
            "cannot be loaded: Cannot allocate memory; ",
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
