from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matrix import examples

from wasmbuild import files
from wasmbuild.confined import ConfinedDirectory
from wasmbuild.formats.manifest import ManifestArtifact, Wasm
from wasmbuild.verify import intact
from wasmbuild.verify.intact import Intact
from wasmbuild.verify.outcomes import Broken

AGAIN = "build again, or copy it again from where it was built"
DATA = bytes(range(256)) * 20


def found(directory: Path, artifact: ManifestArtifact) -> str:
    """Return what is wrong with an artifact, empty when it is intact."""
    with ConfinedDirectory(directory) as confined:
        opened = Intact().open(artifact, confined)
    if isinstance(opened, Broken):
        return opened.message
    opened.file.close()
    return ""


def test_right_bytes_are_intact_and_can_be_read_again(tmp_path: Path, maker: Any) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(DATA)
    with ConfinedDirectory(tmp_path) as confined:
        opened = Intact().open(maker.entry(DATA), confined)
    assert not isinstance(opened, Broken)
    file, _, read_at = opened
    with file:
        assert read_at.size == len(DATA)
        assert read_at.read(10, 20) == DATA[10:30]
        assert read_at.read(len(DATA) - 3, 20) == DATA[-3:]
        assert read_at.read(len(DATA) + 3, 20) == b""
        # The bytes that were hashed, whatever becomes of the path.
        (tmp_path / "checksum.cwasm").unlink()
        file.seek(0)
        assert file.read() == DATA


@pytest.mark.parametrize(("later", "is_watched"), [(0, True), (files.COARSE_STEP_NS, False)], ids=["now", "long ago"])
def test_a_file_that_was_just_written_is_watched_by_its_bytes(
    tmp_path: Path, maker: Any, monkeypatch: pytest.MonkeyPatch, later: int, is_watched: bool
) -> None:
    """A change within the same step of the clock that stamps files would not show."""
    path = tmp_path / "checksum.cwasm"
    path.write_bytes(DATA)
    # By the clock of a busy machine, a step may be over before it is opened.
    now = path.stat().st_ctime_ns + later
    monkeypatch.setattr(intact, "time", SimpleNamespace(time_ns=lambda: now))
    with ConfinedDirectory(tmp_path) as confined:
        opened = Intact().open(maker.entry(DATA), confined)
    assert not isinstance(opened, Broken)
    opened.file.close()
    assert (opened.signature is None) is is_watched


def test_the_source_that_is_shipped_has_to_be_intact_too(tmp_path: Path, maker: Any) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(DATA)
    shipped = tmp_path / "checksum.wasm"
    artifact = maker.entry(DATA)._replace(wasm=Wasm("checksum.wasm", 4, hashlib.sha256(b"wasm").hexdigest()))
    assert found(tmp_path, artifact) == f"the source that is shipped with it, checksum.wasm is missing; {AGAIN}"
    shipped.write_bytes(b"wasm")
    assert found(tmp_path, artifact) == ""
    shipped.write_bytes(b"wasm and more")
    assert "shipped with it, checksum.wasm has 13 bytes, and its manifest says 4" in found(tmp_path, artifact)
    shipped.write_bytes(b"mine")
    assert "shipped with it, checksum.wasm has SHA-256 " in found(tmp_path, artifact)


def test_more_bytes_than_fit_in_the_buffer(tmp_path: Path, maker: Any) -> None:
    data = os.urandom(1000) * 3000
    (tmp_path / "checksum.cwasm").write_bytes(data)
    with ConfinedDirectory(tmp_path) as confined:
        opened = Intact().open(maker.entry(data), confined)
    assert not isinstance(opened, Broken)
    file, _, read_at = opened
    with file:
        assert read_at.read(2_000_000, 100) == data[2_000_000:2_000_100]


class Growing(ConfinedDirectory):
    """A directory whose files grow as soon as they are open."""

    def open(self, path: str) -> tuple[io.FileIO, os.stat_result]:
        opened = super().open(path)
        with (Path(self.path) / path).open("ab") as file:
            file.write(b"x")
        return opened


@pytest.mark.parametrize("size", [0, 1, (1 << 18), (1 << 18) + 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20])
def test_sizes_around_that_of_the_buffer_and_a_file_that_grows(tmp_path: Path, maker: Any, size: int) -> None:
    data = bytes(size)
    (tmp_path / "checksum.cwasm").write_bytes(data)
    assert found(tmp_path, maker.entry(data)) == ""
    with Growing(tmp_path) as growing:
        opened = Intact().open(maker.entry(data), growing)
    assert isinstance(opened, Broken)
    assert opened.message.startswith("checksum.cwasm changed while it was read; ")


def test_an_empty_artifact_can_be_what_the_manifest_says(tmp_path: Path, maker: Any) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(b"")
    assert found(tmp_path, maker.entry(b"")) == ""


@settings(examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(DATA) * 8 - 1))
def test_every_flipped_bit_is_found(tmp_path: Path, maker: Any, bit: int) -> None:
    data = bytearray(DATA)
    data[bit // 8] ^= 1 << bit % 8
    (tmp_path / "checksum.cwasm").write_bytes(data)
    assert "has SHA-256" in found(tmp_path, maker.entry(DATA))


def test_another_content_is_told_with_what_to_do(tmp_path: Path, maker: Any) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(b"x" * len(DATA))
    entry = maker.entry(DATA)
    assert found(tmp_path, entry) == (
        f"checksum.cwasm has SHA-256 {maker.entry(b'x' * len(DATA)).sha256[:16]}…, and its manifest says "
        f"{entry.sha256[:16]}…; was it built or changed by hand, or by another tool? build it again"
    )


@pytest.mark.parametrize(("size", "how"), [(100, "cut off, or changed"), (6000, "changed")])
def test_another_size_is_told(tmp_path: Path, maker: Any, size: int, how: str) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(bytes(size))
    assert found(tmp_path, maker.entry(DATA)) == (
        f"checksum.cwasm has {size} bytes, and its manifest says 5120: it was {how} after it was built; {AGAIN}"
    )


def test_a_missing_artifact_is_told(tmp_path: Path, maker: Any) -> None:
    assert found(tmp_path, maker.entry(DATA)) == f"checksum.cwasm is missing; {AGAIN}"


def test_a_directory_in_place_of_an_artifact_is_told(tmp_path: Path, maker: Any) -> None:
    (tmp_path / "checksum.cwasm").mkdir()
    assert found(tmp_path, maker.entry(DATA)) == (
        f"checksum.cwasm is a directory, not a regular file; put the artifact itself there: {AGAIN}"
    )


@pytest.mark.skipif(os.name == "nt", reason="links and FIFOs of POSIX")
def test_neither_a_fifo_nor_a_link_out_is_read(tmp_path: Path, maker: Any) -> None:
    directory = tmp_path / "pi"
    directory.mkdir()
    (tmp_path / "outside").write_bytes(DATA)
    os.mkfifo(directory / "pipe.cwasm")
    (directory / "link.cwasm").symlink_to("../outside")
    assert "pipe.cwasm is a FIFO" in found(directory, maker.entry(DATA, "pipe"))
    assert "link.cwasm leads out of the directory through a link" in found(directory, maker.entry(DATA, "link"))


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_artifact_is_told(tmp_path: Path, maker: Any) -> None:
    (tmp_path / "checksum.cwasm").write_bytes(DATA)
    (tmp_path / "checksum.cwasm").chmod(0)
    assert "checksum.cwasm cannot be opened: Permission denied" in found(tmp_path, maker.entry(DATA))
