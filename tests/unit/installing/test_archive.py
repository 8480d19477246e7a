"""Archives that want more than to bring an executable."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.errors import FormatError
from wasmbuild.installing import archive

PROGRAM = b"\x7fELF" + b"program" * 1000


def tar(path: Path, *members: tarfile.TarInfo, mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as opened:  # type: ignore[call-overload]
        for member in (*members, named("w/wasmtime")):
            opened.addfile(member, io.BytesIO(PROGRAM) if member.isreg() else None)
    return path


def named(name: str, **fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = len(PROGRAM)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


def taken(path: Path, program: str = "wasmtime") -> bytes:
    with archive.executable(path, program, path.parent, shown="a.tar.xz") as parts:
        return b"".join(parts)


@pytest.mark.parametrize("mode", ["w:xz", "w:gz"])
def test_the_executable_is_taken(tmp_path: Path, mode: str) -> None:
    path = tar(tmp_path / "a", named("w", type=tarfile.DIRTYPE, size=0), named("w/LICENSE"), mode=mode)
    assert archive.is_archive(path)
    assert taken(path) == PROGRAM


def test_from_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("w/wasmtime.exe", PROGRAM)
        opened.writestr("w/wasmtime-min.exe", b"")
    assert taken(tmp_path / "a.zip", "wasmtime.exe") == PROGRAM


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (named("../wasmtime"), "leaves the folder"),
        (named("/etc/wasmtime"), "leaves the folder"),
        (named("w/../../x"), "leaves the folder"),
        (named("w\\..\\x"), "leaves the folder"),
        (named("C:x"), "leaves the folder"),
        (named("w/x", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0), "is a link"),
        (named("w/x", type=tarfile.LNKTYPE, linkname="w/wasmtime", size=0), "is a link"),
        (named("w/x", type=tarfile.CHRTYPE, size=0), "is no plain file"),
        (named("w/x", type=tarfile.FIFOTYPE, size=0), "is no plain file"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_no_release_has(tmp_path: Path, member: tarfile.TarInfo, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        taken(tar(tmp_path / "a", member))


def test_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar(tmp_path / "a")
    monkeypatch.setattr(archive, "MAX_MEMBER", 100)
    with pytest.raises(FormatError, match="holds more than 100 bytes"):
        taken(path)
    monkeypatch.undo()
    many = [named(f"w/{number}", size=0) for number in range(1001)]
    with pytest.raises(FormatError, match="is one of more than 1000"):
        taken(tar(tmp_path / "a", *many))


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        link = zipfile.ZipInfo("w/wasmtime.exe")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(FormatError, match="is a link"):
        taken(tmp_path / "a.zip", "wasmtime.exe")


def test_no_executable(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"holds no wasmtime\.exe; name an archive of a release"):
        taken(tar(tmp_path / "a"), "wasmtime.exe")


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no archive" * 9])
def test_damage(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tar(tmp_path / "a")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FormatError, match=r"a\.tar\.xz: is damaged, or no archive of a release"):
        taken(path)


@pytest.mark.parametrize(
    ("compression", "at", "flipped"),
    [(zipfile.ZIP_STORED, 6, 1), (zipfile.ZIP_BZIP2, 44, 255), (zipfile.ZIP_DEFLATED, -4, 255)],
    ids=["encrypted", "a damaged part", "a directory before the file"],
)
def test_a_damaged_zip(tmp_path: Path, compression: int, at: int, flipped: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as opened:
        opened.writestr("w/wasmtime", PROGRAM)
    data = bytearray(path.read_bytes())
    for place in [at, data.index(b"PK\1\2") + 8] if compression == zipfile.ZIP_STORED else [at]:
        data[place] ^= flipped
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.tar\.xz: is damaged, or no archive of a release"):
        taken(path)


@given(st.binary(max_size=200), st.integers(0, 5))
def test_any_bytes_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: bytes, start: int) -> None:
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes([b"", b"\x1f\x8b", b"\xfd7zXZ\x00", b"PK\x03\x04", b"\x1f\x8b\x08", b"PK\x05\x06"][start] + data)
    with pytest.raises(FormatError):
        taken(path)


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="needs Python 3.11.4")
def test_sources_may_link_within_their_folder_alone(tmp_path: Path) -> None:
    def sources(linkname: str) -> Path:
        path = tmp_path / "src"
        with tarfile.open(path, "w:gz") as opened:
            opened.addfile(named("w/Cargo.toml", size=0), io.BytesIO())
            opened.addfile(named("w/link", type=tarfile.SYMTYPE, linkname=linkname, size=0))
        return path

    path = sources("Cargo.toml")
    assert archive.is_of_sources(path, shown="s")
    (tmp_path / "one").mkdir()
    assert archive.unpack_sources(path, tmp_path / "one", shown="s") == tmp_path / "one" / "w"
    (tmp_path / "two").mkdir()
    with pytest.raises(FormatError, match="s: is damaged"):
        archive.unpack_sources(sources("../../../etc/passwd"), tmp_path / "two", shown="s")


def test_sources_are_not_unpacked_without_a_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has one since 3.11.4, and a distribution's 3.11 may be older."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with pytest.raises(FormatError, match=r"s: this Python unpacks no sources safely; take 3\.11\.4 or later"):
        archive.unpack_sources(tmp_path / "src", tmp_path, shown="s")
