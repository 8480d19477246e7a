"""Turn the bytes of an artifact into a module: the very bytes that were checked, through one descriptor."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Literal

import wasmtime

from wasmbuild.confined import open_below
from wasmbuild.runtime.errors import DamagedError, LoadError, MissingArtifactError

if TYPE_CHECKING:
    from wasmtime.component import Component

    from wasmbuild.formats.manifest import ManifestArtifact

Check = Literal["digest", "size", "none"]

# Wasmtime maps a file instead of copying it. Elsewhere a descriptor has no path that leads to the same file.
_BY_DESCRIPTOR = sys.platform == "linux" and os.path.isdir("/proc/self/fd")
# What is larger is hashed in pieces that stay in the processor's cache.
_CHUNK = 256 << 10


def load_checked(
    path: str, directory: str, artifact: ManifestArtifact, engine: wasmtime.Engine, check: Check, *, declared: bool
) -> wasmtime.Module | Component:
    """Load an artifact of a manifest whose directory is given; ``path`` is where it is, for people.

    ``declared`` tells that the engine was made from the manifest, and not by the application. Raises LoadError.
    """
    try:
        descriptor, before = open_below(directory, artifact.path)
    except OSError as error:
        raise cannot_be_opened(path, error) from None
    try:
        data = None
        if check != "none":
            if before.st_size != artifact.size:
                raise other_size(path, before.st_size, artifact.size)
            if check == "digest":
                found, data = _digest(descriptor, artifact.size)
                if found != artifact.sha256:
                    raise other_digest(path, found, artifact.sha256)
        try:
            loaded = deserialize(descriptor, data, artifact.kind, engine)
        except wasmtime.WasmtimeError as error:
            raise refused(path, descriptor, artifact.kind, str(error), declared=declared) from None
        if check == "digest":
            after = os.fstat(descriptor)
            if before.st_mtime_ns != after.st_mtime_ns or before.st_size != after.st_size:
                raise damaged(path, "was written to while it was loaded")
        return loaded
    except OSError as error:
        raise damaged(path, f"cannot be read: {error.strerror or error}") from None
    finally:
        os.close(descriptor)


def deserialize(descriptor: int, data: bytes | None, kind: str, engine: wasmtime.Engine) -> wasmtime.Module | Component:
    """Deserialize an open file, or its bytes where they were read already. Raises WasmtimeError and OSError."""
    loader: type[wasmtime.Module | Component] = wasmtime.Module
    if kind == "component":
        from wasmtime.component import Component

        loader = Component
    if _BY_DESCRIPTOR:
        return loader.deserialize_file(engine, f"/proc/self/fd/{descriptor}")
    if data is None:
        with io.FileIO(descriptor, closefd=False) as file:
            file.seek(0)
            data = file.readall()
    return loader.deserialize(engine, data)


def refused(path: str, descriptor: int, kind: str | None, words: str, *, declared: bool) -> LoadError:
    """Return the error for an open file that Wasmtime refused with these words; ``kind`` is None for either kind."""
    from wasmbuild.formats.cwasm import ReadAt
    from wasmbuild.runtime.misfits import fitting, other_kind
    from wasmbuild.runtime.words import OTHER_KIND, refusal
    from wasmbuild.text import printable

    subject = printable(path)
    with io.FileIO(descriptor, closefd=False) as file:
        try:
            facts = fitting(subject, ReadAt.of(file, os.fstat(descriptor).st_size))
        except LoadError as error:
            return error
    if OTHER_KIND in words or kind not in (None, facts.kind):
        return other_kind(subject, facts.kind)
    return refusal(subject, words, declared=declared)


def _digest(descriptor: int, size: int) -> tuple[str, bytes | None]:
    """Return the SHA-256 of an open file, and its bytes where they are what will be loaded."""
    from hashlib import sha256

    if size <= _CHUNK and len(data := os.read(descriptor, size + 1)) == size:
        return sha256(data).hexdigest(), data
    with io.FileIO(descriptor, closefd=False) as file:
        file.seek(0)
        if not _BY_DESCRIPTOR:
            data = file.readall()
            return sha256(data).hexdigest(), data
        digest = sha256()
        buffer = memoryview(bytearray(_CHUNK))
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
        return digest.hexdigest(), None


def other_size(path: str, found: int, listed: int) -> DamagedError:
    """Return the error for a file that has another number of bytes than its manifest lists."""
    how = "cut off, or changed" if found < listed else "changed"
    return damaged(path, f"has {found} bytes, and its manifest says {listed}: it was {how} after it was built")


def other_digest(path: str, found: str, listed: str) -> DamagedError:
    """Return the error for a file that has another SHA-256 than its manifest lists."""
    return damaged(path, f"has SHA-256 {found[:16]}…, and its manifest says {listed[:16]}…")


def damaged(path: str, problem: str) -> DamagedError:
    """Return the error for a file that is not as it was built."""
    from wasmbuild.runtime.misfits import AGAIN
    from wasmbuild.text import printable

    return DamagedError(f"{printable(path)} {problem}", f"{AGAIN}, as a new file that replaces the old one")


def cannot_be_opened(path: str, error: OSError) -> LoadError:
    """Return the error for a file that a manifest lists and that is not there, or no regular file below it."""
    from wasmbuild.runtime.misfits import AGAIN
    from wasmbuild.text import printable

    subject = printable(path)
    if isinstance(error, FileNotFoundError):
        return MissingArtifactError(f"{subject} is missing", f"its manifest lists it: {AGAIN}")
    problem = printable(error.strerror or error)
    if error.errno is not None and problem == os.strerror(error.errno):
        problem = f"cannot be opened: {problem}"
    return DamagedError(f"{subject} {problem}", f"put the file itself there: {AGAIN}")
