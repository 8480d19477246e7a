"""Files that are neither WebAssembly nor an artifact, damaged or not there; no child is needed to say so."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.formats.cwasm import read
from wasmbuild.inspection.reading import Inspector


@pytest.fixture(scope="module")
def reader() -> Iterator[Inspector]:
    with Inspector() as reader:
        yield reader


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is an empty file"),
        (b"  \n;; nothing\n", "is a file of blanks and comments only"),
        (
            gzip.compress(b"x", mtime=0),
            "is a gzip file: it is neither WebAssembly nor an artifact of Wasmtime; unpack it",
        ),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(60), "is an ELF program for x86-64"),
        (b"<!DOCTYPE html>", "is an HTML page"),
        (b"\0asm\1", "is a WebAssembly file that was cut off after 5 bytes"),
        (b"\0asm\1\0\0\0\1\x10", "is a core WebAssembly module that was cut off or damaged"),
        (b"\0asm\1\0\0\0\2\1\0\1\1\0", "is a malformed module"),
        (b"\x7fELF\x02\x01\x01\xc8" + bytes(20), "is a damaged artifact: its ELF header takes 64 bytes"),
        (b'{\n"artifacts": [], "schema": "wasmbuild/manifest/1"}', "is a manifest of wasmbuild; `wasmbuild verify`"),
        (b'{"key": "", "schema": "wasmbuild/record/1"}', "is a record of wasmbuild; name its artifact"),
        (b'{"a": 1}', 'is text, but not WebAssembly text: it starts with "{"a": 1}"'),
        # What is read of it ends within a character.
        (b"a" + "é".encode() * 40_000, 'is text, but not WebAssembly text: it starts with "aéé'),
        (b"\x1b[31mred", r'it starts with "\x1b[31mred"'),
    ],
)
def test_one_line_says_what_a_file_is(tmp_path: Path, reader: Inspector, data: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    described = reader.describe(str(path))
    assert described.kind == "other"
    assert described.exit_code == 1
    assert described.error.startswith(f"{path} is ")
    assert said in described.error
    assert described.error.isprintable()


def test_a_missing_file_is_a_wrong_request(tmp_path: Path, reader: Inspector) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(b"")
    described = reader.describe(str(tmp_path / "cheksum.cwasm"))
    meant = tmp_path / "checksum.cwasm"
    assert described.error == f"{tmp_path / 'cheksum.cwasm'}: there is no such file; did you mean {meant}?"
    assert described.exit_code == 2
    assert reader.describe(str(tmp_path / "no" / "such")).exit_code == 2
    assert "no file can have this name" in reader.describe("a\0b").error


def test_a_link_that_leads_nowhere_is_not_what_was_meant(tmp_path: Path, reader: Inspector) -> None:
    (tmp_path / "sum.cwasm").symlink_to(tmp_path / "gone")
    assert reader.describe(str(tmp_path / "sam.cwasm")).error == f"{tmp_path / 'sam.cwasm'}: there is no such file"


def test_a_link_that_leads_nowhere_is_told_as_that(tmp_path: Path, reader: Inspector) -> None:
    link = tmp_path / "sum.cwasm"
    link.symlink_to(tmp_path / "gone")
    (tmp_path / "sums.cwasm").touch()
    described = reader.describe(str(link))
    assert described.error == f"{link}: is a link that leads nowhere; mend the link, or remove it"
    assert described.exit_code == 2


def test_a_directory_is_a_wrong_request(tmp_path: Path, reader: Inspector) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    described = reader.describe(str(folder))
    assert described.error == (
        f"{folder} is a directory; name the files in it, or prove what is in it with `wasmbuild verify '{folder}'`"
    )
    assert described.exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs FIFOs and devices")
def test_a_fifo_and_a_device_are_not_waited_for(tmp_path: Path, reader: Inspector) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "fifo"), "/dev/zero"):
        described = reader.describe(path)
        assert described.error == f"{path}: cannot be read: not a regular file; name another path"
        assert described.exit_code == 2


def test_a_huge_file_is_not_read(tmp_path: Path, reader: Inspector) -> None:
    path = tmp_path / "huge.wasm"
    with path.open("wb") as file:
        file.write(b"\0asm\1\0\0\0\0\x01\0")
        file.truncate((1 << 30) + 1)
    described = reader.describe(str(path))
    assert "of WebAssembly at most 1073741824 are read" in described.error
    assert described.exit_code == 1


def test_an_artifact_of_an_unknown_line_is_described_as_far_as_it_goes(
    tmp_path: Path, reader: Inspector, make: Any
) -> None:
    path = tmp_path / "old.wasm"
    path.write_bytes(make(version="7", isa={"has_lse": True}, extra=[(".text", b"code")]))
    described = reader.describe(str(path))
    artifact = described.artifact
    assert artifact is not None
    assert (described.error, described.exit_code) == ("", 0)
    assert (artifact.line, artifact.triple, artifact.architecture) == ("7", "aarch64-unknown-linux-gnu", "aarch64")
    assert artifact.cpu.level == "armv8.1-a"
    assert "Wasmtime 7 is unknown" in artifact.engine.problem
    assert [(s.name, s.size, s.role) for s in artifact.sections[1:2]] == [(".text", 4, "code")]
    assert described.notes == (
        "its name is that of WebAssembly to be compiled, but it is precompiled already: call it .cwasm",
    )


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("24.0.9", "Wasmtime 24 is unknown to this version of wasmbuild"),
        ("48.0.2", 'no Wasmtime that is known calls itself "48.0.2"'),
        ("\x1b[31m", r'no Wasmtime that is known calls itself "\x1b[31m"'),
        ("", 'no Wasmtime that is known calls itself ""'),
    ],
)
def test_an_artifact_that_names_no_line_is_described_too(
    tmp_path: Path, reader: Inspector, make: Any, version: str, told: str
) -> None:
    path = tmp_path / "old.cwasm"
    path.write_bytes(make(version=version))
    described = reader.describe(str(path))
    assert described.artifact is not None
    assert described.artifact.line == version
    assert described.artifact.engine.problem.startswith(told)


def test_an_unknown_target_is_described_too(tmp_path: Path, reader: Inspector, make: Any) -> None:
    path = tmp_path / "far.cwasm"
    path.write_bytes(make("\x1b[31mquantum-unknown-none", version="48"))
    artifact = reader.describe(str(path)).artifact
    assert artifact is not None
    assert artifact.architecture is None
    assert artifact.engine.problem == r"this version of wasmbuild knows no target \x1b[31mquantum-unknown-none"


@given(at=st.integers(0, 700), patch=st.binary(max_size=8), cut=st.none() | st.integers(0, 700))
def test_a_damaged_artifact_is_described_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, reader: Inspector, make: Any, at: int, patch: bytes, cut: int | None
) -> None:
    data = make(version="7", isa={"has_lse": True}, extra=[(".text", b"code")])
    path = tmp_path_factory.getbasetemp() / "damaged.cwasm"
    path.write_bytes((data[:at] + patch + data[at + len(patch) :])[:cut])
    described = reader.describe(str(path))
    assert bool(described.error) == (described.artifact is None)
    assert described.error.isprintable()


def test_sections_that_overlap_are_not_hashed_over_and_over(tmp_path: Path, reader: Inspector, make: Any) -> None:
    data = make(version="7", extra=[(f".s{number}", b"x" * 100) for number in range(3)])
    assert all(section.size for section in read(data).sections)
    # Each of the three now starts where the file does, and has all of it.
    table = len(data) - 64 * 6
    for row in range(2, 5):
        at = table + 64 * row + 24
        data = data[:at] + bytes(8) + len(data).to_bytes(8, "little") + data[at + 16 :]
    path = tmp_path / "overlap.cwasm"
    path.write_bytes(data)
    artifact = reader.describe(str(path)).artifact
    assert artifact is not None
    assert [section.sha256 for section in artifact.sections] == [None] * 5
