"""From the paths that were named to the manifests that are verified; whatever cannot be read becomes an entry."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmbuild.confined import ConfinedDirectory, open_named
from wasmbuild.errors import FormatError, UsageError
from wasmbuild.files import read_up_to
from wasmbuild.formats.identify import identify
from wasmbuild.formats.manifest import MAX_INDEX, MAX_MANIFEST, Index, IndexTarget, Manifest
from wasmbuild.project import filenames
from wasmbuild.text import printable
from wasmbuild.verify.intact import AGAIN, check_host
from wasmbuild.verify.report import Entry, unusable

Shipment = tuple[Manifest, ConfinedDirectory]
"""A manifest, and its directory, which holds the artifacts; open until the next one is taken."""

# Of any version: the reader says best what is to be done about one that it does not know.
_INDEX_MARK, _MANIFEST_MARK = b'"wasmbuild/index/', b'"wasmbuild/manifest/'
_SHA256_DIGITS = 64


def collect(paths: Iterable[str | os.PathLike[str]], index_sha256: str | None) -> Iterator[Shipment | Entry]:
    """Yield what is to be verified, in order, one manifest at a time, and an entry for what cannot be used.

    A path is a manifest, an index, or a directory: its index, or else the manifests in it and in the directories right
    below it, none of which a link may lead out of it. No manifest comes twice. ``index_sha256`` pins the bytes of the
    one index that is named. Raises UsageError for what does not go together.
    """
    named = [Path(path) for path in paths]
    if not named:
        raise UsageError("nothing to verify; name a manifest, an index or a build directory")
    if index_sha256 is not None:
        index_sha256 = index_sha256.lower()
        if len(index_sha256) != _SHA256_DIGITS or not set(index_sha256) <= set("0123456789abcdef"):
            raise UsageError(
                f"--index-sha256: {printable(index_sha256)} is no SHA-256; give the 64 hexadecimal digits that "
                f"sha256sum prints for {filenames.INDEX}"
            )
        if len(named) != 1:
            raise UsageError("--index-sha256 pins one index; name that index or its directory, and nothing else")
    return _Collector(index_sha256).all(named)


class _Collector:
    def __init__(self, index_sha256: str | None) -> None:
        self._pinned = index_sha256
        self._seen: set[str] = set()

    def all(self, named: list[Path]) -> Iterator[Shipment | Entry]:
        # A target can be without modules, but not all of them.
        nothing = True
        for path in named:
            for found in self._directory(path) if os.path.isdir(path) else self._file(path):
                nothing = nothing and not isinstance(found, Entry) and not found[0].artifacts
                yield found
        if nothing and named:
            yield _entry(named[0], f"lists no artifacts, so there is nothing to verify; {AGAIN}")

    def _directory(self, directory: Path) -> Iterator[Shipment | Entry]:
        index = directory / filenames.INDEX
        if self._pinned is not None or os.path.lexists(index):
            yield from self._file(index, directory)
            return
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            yield _entry(directory, _cannot_be_read(error, "name a directory that you may read"))
            return
        manifests = [directory / filenames.MANIFEST, *(directory / name / filenames.MANIFEST for name in names)]
        # A link that leads nowhere is there too, and is told.
        manifests = [path for path in manifests if os.path.lexists(path)]
        for manifest in manifests:
            yield from self._file(manifest, directory)
        if not manifests:
            problem = f"holds neither {filenames.INDEX} nor a {filenames.MANIFEST}"
            yield _entry(directory, f"{problem}; build first, or name another directory")

    def _file(self, path: Path, within: Path | None = None) -> Iterator[Shipment | Entry]:
        """Take a file that was named, or one that was found ``within`` a directory that was."""
        try:
            with _opened(path, within) as (file, directory):
                data = read_up_to(file, MAX_MANIFEST + 1)
                if within is None and (found := _instead(data)):
                    yield _entry(path, f"is {found}; name a manifest, an index or a build directory")
                elif self._is_index(data):
                    yield from self._index(path, data, directory)
                elif self._pinned is not None:
                    yield _entry(
                        path, f"is a manifest, and --index-sha256 pins an index; name {filenames.INDEX} instead"
                    )
                elif self._is_new(path):
                    yield Manifest.from_bytes(data, str(path)), directory
        except OSError as error:
            yield _entry(path, _cannot_be_read(error, "name a manifest, an index or a build directory that is there"))
        except FormatError as error:
            yield _entry(path, str(error))

    def _is_index(self, data: bytes) -> bool:
        return self._pinned is not None or (_INDEX_MARK in data and _MANIFEST_MARK not in data)

    def _is_new(self, path: Path) -> bool:
        real = os.path.realpath(path)
        if real in self._seen:
            return False
        self._seen.add(real)
        return True

    def _index(self, path: Path, data: bytes, directory: ConfinedDirectory) -> Iterator[Shipment | Entry]:
        found = hashlib.sha256(data).hexdigest()
        # One that is too large was not read to its end: that is what is said of it.
        if self._pinned not in (None, found) and len(data) <= MAX_INDEX:
            problem = f"has SHA-256 {found}, not the one that --index-sha256 pins: it is another index or was changed"
            yield _entry(path, f"{problem}; get the right one, or pin this one if you trust it")
            return
        index = Index.from_bytes(data[: MAX_INDEX + 1], str(path))
        if not index.targets:
            yield _entry(path, "names no targets, so there is nothing to verify; build first, and mend what fails")
        for target in index.targets:
            yield from self._target(path, index, target, directory)

    def _target(
        self, path: Path, index: Index, target: IndexTarget, directory: ConfinedDirectory
    ) -> Iterator[Shipment | Entry]:
        where = path.parent / target.path
        try:
            with directory.open(target.path)[0] as file, directory.below(target.path.rpartition("/")[0]) as inner:
                data = read_up_to(file, MAX_MANIFEST + 1)
                if len(data) <= MAX_MANIFEST and hashlib.sha256(data).hexdigest() != target.sha256:
                    yield _entry(where, f"is not the manifest that {path.name} names (its SHA-256 differs); {AGAIN}")
                    return
                manifest = Manifest.from_bytes(data, str(where))
                told = (manifest.project, manifest.target, manifest.triple)
                if told != (index.project, target.name, target.triple):
                    problem = f"is that of {manifest.project}, target {manifest.target} ({manifest.triple}), and"
                    named = f"{path.name} says {index.project}, target {target.name} ({target.triple})"
                    yield _entry(where, f"{problem} {named}; {AGAIN}")
                    return
                # Not before: a link may be the manifest of another target, which is to be judged as well.
                if self._is_new(where):
                    yield manifest, inner
        except OSError as error:
            yield _entry(where, _cannot_be_read(error, f"{path.name} names it: {AGAIN}"))
        except FormatError as error:
            yield _entry(where, str(error))


@contextmanager
def _opened(path: Path, within: Path | None) -> Iterator[tuple[io.FileIO, ConfinedDirectory]]:
    """Open a file, and its directory; no link leads out of ``within``, where that is given. Raises OSError."""
    if within is None:
        with open_named(path)[0] as file, ConfinedDirectory(path.parent) as directory:
            yield file, directory
    else:
        name = path.relative_to(within).as_posix()
        with (
            ConfinedDirectory(within) as outer,
            outer.open(name)[0] as file,
            outer.below(name.rpartition("/")[0]) as directory,
        ):
            yield file, directory


def _instead(data: bytes) -> str:
    """Say what a file is that somebody took for a manifest; empty where a reader of JSON knows better."""
    if data.lstrip().startswith(b"{"):
        return ""
    identity = identify(data)
    return identity.sentence if identity.kind in ("artifact", "module", "component", "text") else ""


def _cannot_be_read(error: OSError, fix: str) -> str:
    check_host(error)
    problem = printable(error.strerror or error)
    if isinstance(error, FileNotFoundError):
        return f"is missing; {fix}"
    if error.errno is not None and problem == os.strerror(error.errno):
        return f"cannot be read: {problem}; {fix}"
    return f"{problem}; {fix}"


def _entry(path: Path, problem: str) -> Entry:
    shown = printable(path)
    return unusable(shown, problem if problem.startswith(shown) else f"{shown} {problem}")
