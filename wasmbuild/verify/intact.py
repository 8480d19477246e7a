"""The first level: the bytes of an artifact, and of the source that is shipped with it, are those of its manifest."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import time
from typing import NamedTuple

from wasmbuild.confined import ConfinedDirectory
from wasmbuild.errors import HostError
from wasmbuild.files import Signature, is_settled, signature
from wasmbuild.formats.cwasm import ReadAt
from wasmbuild.formats.manifest import ManifestArtifact, Wasm
from wasmbuild.text import printable
from wasmbuild.verify.report import Broken

AGAIN = "build again, or copy it again from where it was built"
BY_HAND = "was it built or changed by hand, or by another tool? build it again"

_BUFFER = 1 << 20
# Open at once, with those of artifacts on their way to be loaded.
_DESCRIPTORS = 160
# Bytes; what is larger is hashed in pieces, and its headers are read from the file again.
_SMALL = 256 << 10


class Opened(NamedTuple):
    """An artifact that is intact.

    ``file`` is the open file that was hashed, to be closed by whoever has it, and ``signature`` what it had before
    that, None where a change since may not show in it. ``read_at`` gives its bytes as long as it is open.
    """

    file: io.FileIO
    signature: Signature | None
    read_at: ReadAt


class Intact:
    """Opens and hashes one artifact after the other."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_BUFFER))

    def open(self, artifact: ManifestArtifact, directory: ConfinedDirectory) -> Opened | Broken:
        """Open an artifact and hold its size and SHA-256 against the manifest; return it, or why it is another.

        The same holds for its source, where that is shipped.
        """
        opened = self._open(artifact, directory)
        if isinstance(opened, Broken) or artifact.wasm is None:
            return opened
        shipped = self._open(artifact.wasm, directory)
        if isinstance(shipped, Broken):
            opened.file.close()
            return Broken(f"the source that is shipped with it, {shipped.message}")
        shipped.file.close()
        return opened

    def _open(self, artifact: ManifestArtifact | Wasm, directory: ConfinedDirectory) -> Opened | Broken:
        try:
            file, status = directory.open(artifact.path)
        except OSError as error:
            return Broken(_cannot_be_opened(artifact, error))
        try:
            opened = self._read(artifact, file, status)
        except OSError as error:
            opened = f"cannot be read: {error.strerror or error}; {AGAIN}"
        if isinstance(opened, Opened):
            return opened
        file.close()
        return Broken(f"{artifact.path} {opened}")

    def _read(self, artifact: ManifestArtifact | Wasm, file: io.FileIO, status: os.stat_result) -> Opened | str:
        size, sig = status.st_size, signature(status)
        settled = is_settled(sig, time.time_ns())
        if size != artifact.size:
            how = "cut off, or changed" if size < artifact.size else "changed"
            return f"has {size} bytes, and its manifest says {artifact.size}: it was {how} after it was built; {AGAIN}"
        # Who asks for one byte more than there is, and does not get it, has read to the end.
        if size <= _SMALL and len(data := os.read(file.fileno(), size + 1)) == size:
            found = hashlib.sha256(data).hexdigest()
            read_at = ReadAt(lambda offset, count: data[offset : offset + count], size)
        else:
            file.seek(0)
            digest, left = hashlib.sha256(), size + 1
            while left and (count := file.readinto(self._buffer[:left])):
                digest.update(self._buffer[:count])
                left -= count
            if left != 1:
                return f"changed while it was read; {AGAIN}, and verify when nothing writes to it"
            found, read_at = digest.hexdigest(), ReadAt.of(file, size)
        if found != artifact.sha256:
            return f"has SHA-256 {found[:16]}…, and its manifest says {artifact.sha256[:16]}…; {BY_HAND}"
        return Opened(file, sig if settled else None, read_at)


def check_host(error: OSError) -> None:
    """Raise HostError for an error over a file that says nothing of the file."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        problem = f"cannot open any more files: {os.strerror(error.errno)}"
        raise HostError(f"{problem}; verification needs about {_DESCRIPTORS} at once, so raise the limit (ulimit -n)")


def _cannot_be_opened(artifact: ManifestArtifact | Wasm, error: OSError) -> str:
    check_host(error)
    if isinstance(error, FileNotFoundError):
        return f"{artifact.path} is missing; {AGAIN}"
    problem = printable(error.strerror or error)
    if error.errno is not None and problem == os.strerror(error.errno):
        return f"{artifact.path} cannot be opened: {problem}; {AGAIN}"
    return f"{artifact.path} {problem}; put the artifact itself there: {AGAIN}"
