"""A shipment need not be a directory: the one reader takes whatever can read and open."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tempfile
from types import TracebackType
from typing import Self

import pytest

from wasmbuild.confined import LinkOutError, NotRegularError
from wasmbuild.errors import FormatError
from wasmbuild.formats.documents import Source
from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact
from wasmbuild.shipment.artifacts import SMALL, open_listed
from wasmbuild.shipment.errors import Reason, ShippedFileError
from wasmbuild.shipment.manifests import is_index, read_target
from wasmbuild.shipment.source import ShipmentSource


class MemorySource:
    """Files that lie nowhere, by path."""

    path = "memory"

    def __init__(self, files: dict[str, bytes | OSError]) -> None:
        self.files = files

    def _bytes(self, path: str) -> bytes:
        found = self.files.get(path, FileNotFoundError(2, "No such file or directory"))
        if isinstance(found, OSError):
            raise found
        return found

    def read(self, path: str, limit: int) -> bytes:
        return self._bytes(path)[:limit]

    def open(self, path: str) -> tuple[io.FileIO, os.stat_result]:
        descriptor, name = tempfile.mkstemp()
        file = io.FileIO(descriptor, "r+b")
        os.unlink(name)
        file.write(self._bytes(path))
        file.seek(0)
        return file, os.fstat(descriptor)

    def below(self, path: str) -> ShipmentSource:
        start = f"{path}/"
        return MemorySource(
            {name.removeprefix(start): data for name, data in self.files.items() if name.startswith(start)}
        )

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def listed(data: bytes) -> ManifestArtifact:
    digest = hashlib.sha256(data).hexdigest()
    return ManifestArtifact("m", "module", "m.cwasm", len(data), digest, "0" * 64, Source("m.wat", "1" * 64), (), ())


def shipment(data: bytes = b"artifact") -> tuple[MemorySource, Index]:
    manifest = Manifest(
        project="demo", target="pi", triple="aarch64-unknown-linux-gnu", cpu=None, isa_flags={}, major=48,
        compiler="48.0.2", compiler_sha256="2" * 64, engine={"embedder": "c-api"}, require=None,
        artifacts=(listed(data),),
    ).to_bytes()  # fmt: skip
    target = IndexTarget("pi", "aarch64-unknown-linux-gnu", "pi/manifest.json", hashlib.sha256(manifest).hexdigest())
    index = Index("demo", (target,))
    return MemorySource({"index.json": index.to_bytes(), "pi/manifest.json": manifest, "pi/m.cwasm": data}), index


def fault(source: MemorySource, index: Index) -> ShippedFileError:
    with pytest.raises(ShippedFileError) as caught:
        read_target(source, index, index.targets[0], "x/index.json")
    return caught.value


@pytest.mark.parametrize("size", [0, 8, SMALL, SMALL + 1])
@pytest.mark.parametrize("whole", [False, True])
def test_from_the_index_to_the_bytes(size: int, whole: bool) -> None:
    data = os.urandom(size)
    source, written = shipment(data)
    read = source.read("index.json", SMALL)
    assert is_index(read)
    index = Index.from_bytes(read, "index.json")
    assert index == written
    manifest, inner = read_target(source, index, index.targets[0], "index.json")
    file, status, kept = open_listed(inner, manifest.artifacts[0], "m", whole=whole)
    with file:
        file.seek(0)
        assert file.read() == data
    assert status.st_size == size
    assert kept == (data if whole or size <= SMALL else None)


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        (None, Reason.MISSING, "x/pi/manifest.json is missing; index.json names it: build again, or copy it again"),
        (
            LinkOutError(os.sep),
            Reason.LINK_OUT,
            "x/pi/manifest.json leads out of the directory through a link; copy the ",
        ),
        (
            LinkOutError(os.devnull),
            Reason.LINK_OUT,
            "x/pi/manifest.json leads out of the directory through a link; put the file itself there: build again, or ",
        ),
        (
            NotRegularError(stat.S_IFIFO),
            Reason.NOT_REGULAR,
            "x/pi/manifest.json is a FIFO, not a regular file; put the file itself there: build again, or copy",
        ),
        (
            PermissionError(13, "Permission denied"),
            Reason.HOST,
            "x/pi/manifest.json cannot be read: Permission denied",
        ),
        (
            b"{}",
            Reason.OTHER_BYTES,
            "x/pi/manifest.json is not the manifest that index.json names (its SHA-256",
        ),
    ],
)
def test_what_is_wrong_with_a_manifest(change: bytes | OSError | None, reason: Reason, message: str) -> None:
    source, index = shipment()
    if change is None:
        del source.files["pi/manifest.json"]
    else:
        source.files["pi/manifest.json"] = change
    error = fault(source, index)
    assert error.reason is reason
    assert str(error).replace(os.sep, "/").startswith(message)


def test_what_is_no_manifest_though_the_index_names_these_bytes() -> None:
    source, index = shipment()
    source.files["pi/manifest.json"] = b"{}"
    target = index.targets[0]._replace(sha256=hashlib.sha256(b"{}").hexdigest())
    with pytest.raises(FormatError, match="artifacts: is missing; it is no manifest or index"):
        read_target(source, index, target, "index.json")


@pytest.mark.parametrize("check", ["digest", "size", "none"])
def test_what_is_checked_of_a_file(check: str) -> None:
    for data, found in ((b"artifacT", "digest"), (b"artifac", "size")):
        source, _ = shipment()
        source.files["pi/m.cwasm"] = data
        inner = source.below("pi")
        wrong = check == "digest" or (check, found) == ("size", "size")
        if wrong:
            with pytest.raises(ShippedFileError) as caught:
                open_listed(inner, listed(b"artifact"), "m", check=check)  # type: ignore[arg-type]
            assert caught.value.reason is (Reason.OTHER_SIZE if found == "size" else Reason.OTHER_BYTES)
        else:
            open_listed(inner, listed(b"artifact"), "m", check=check).file.close()  # type: ignore[arg-type]
