"""From the paths that were named to the manifests that are verified; whatever cannot be read becomes an entry."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmbuild.confined import ConfinedDirectory
from wasmbuild.digest import is_hex
from wasmbuild.errors import FormatError, UsageError
from wasmbuild.files import read_up_to
from wasmbuild.formats.identify import taken_for_json
from wasmbuild.formats.manifest import MAX_INDEX, MAX_MANIFEST, Index, IndexTarget, Manifest
from wasmbuild.project import filenames
from wasmbuild.shipment import manifests
from wasmbuild.shipment.errors import NAME_ONE, NO_TARGETS, Reason, ShippedFileError
from wasmbuild.shipment.source import ShipmentSource
from wasmbuild.text import printable
from wasmbuild.verify.intact import AGAIN
from wasmbuild.verify.outcomes import Verdict, unusable

Shipment = tuple[Manifest, ShipmentSource]
"""A manifest, and its directory, which holds the artifacts; open until the next one is taken."""


def collect(paths: Iterable[str | os.PathLike[str]], index_sha256: str | None) -> Iterator[Shipment | Verdict]:
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
        if not is_hex(index_sha256, 64):
            raise UsageError(
                f"{printable(index_sha256)} is no SHA-256 of an index; give the 64 hexadecimal digits that "
                f"sha256sum prints for {filenames.INDEX}"
            )
        if len(named) != 1:
            raise UsageError("a SHA-256 pins one index; name that index or its directory, and nothing else")
    return _Collector(index_sha256).all(named)


class _Collector:
    def __init__(self, index_sha256: str | None) -> None:
        self._pinned = index_sha256
        self._seen: set[str] = set()

    def all(self, named: list[Path]) -> Iterator[Shipment | Verdict]:
        # A target can be without modules, but not all of them.
        nothing = True
        for path in named:
            for found in self._directory(path) if os.path.isdir(path) else self._file(path):
                nothing = nothing and not isinstance(found, Verdict) and not found[0].artifacts
                yield found
        if nothing and named:
            yield _entry(named[0], f"lists no artifacts, so there is nothing to verify; {AGAIN}")

    def _directory(self, directory: Path) -> Iterator[Shipment | Verdict]:
        index = directory / filenames.INDEX
        try:
            if self._pinned is not None or _is_there(index):
                yield from self._file(index, directory)
                return
            names = sorted(os.listdir(directory))
        except OSError as error:
            yield _failed(ShippedFileError.of(error, str(directory), "name a directory that you may read"))
            return
        found = False
        for manifest in (directory / filenames.MANIFEST, *(directory / name / filenames.MANIFEST for name in names)):
            try:
                if not _is_there(manifest):
                    continue
            except OSError as error:
                # There may be one, and it may be wrong.
                yield _failed(ShippedFileError.of(error, str(manifest)))
            else:
                yield from self._file(manifest, directory)
            found = True
        if not found:
            problem = f"holds neither {filenames.INDEX} nor a {filenames.MANIFEST}"
            yield _entry(directory, f"{problem}; build first, or name another directory")

    def _file(self, path: Path, within: Path | None = None) -> Iterator[Shipment | Verdict]:
        """Take a file that was named, or one that was found ``within`` a directory that was."""
        try:
            with _opened(path, within) as (file, directory):
                data = read_up_to(file, MAX_MANIFEST + 1)
                if within is None and (found := taken_for_json(data, path.name)):
                    yield _entry(path, f"is {found}; {NAME_ONE}")
                elif self._is_index(data):
                    yield from self._index(path, data, directory)
                elif self._pinned is not None:
                    yield _entry(path, f"is a manifest, and a SHA-256 pins an index; name {filenames.INDEX} instead")
                elif self._is_new(path):
                    yield Manifest.from_bytes(data, str(path)), directory
        except OSError as error:
            failure = ShippedFileError.of(error, str(path), f"{NAME_ONE} that is there")
            # No file can have such a name: nothing was looked at.
            yield _failed(failure, verified=False if error.errno == errno.ENAMETOOLONG else None)
        except FormatError as error:
            yield _entry(path, str(error))

    def _is_index(self, data: bytes) -> bool:
        return self._pinned is not None or manifests.is_index(data)

    def _is_new(self, path: str | Path) -> bool:
        real = os.path.realpath(path)
        if real in self._seen:
            return False
        self._seen.add(real)
        return True

    def _index(self, path: Path, data: bytes, directory: ShipmentSource) -> Iterator[Shipment | Verdict]:
        found = hashlib.sha256(data).hexdigest()
        # One that is too large was not read to its end: that is what is said of it.
        if self._pinned not in (None, found) and len(data) <= MAX_INDEX:
            problem = f"has SHA-256 {found}, not the one that is pinned: it is another index or was changed"
            yield _entry(path, f"{problem}; get the right one, or pin this one if you trust it")
            return
        index = Index.from_bytes(data[: MAX_INDEX + 1], str(path))
        if not index.targets:
            yield _entry(path, f"names no targets, so there is nothing to verify: {NO_TARGETS}")
        for target in index.targets:
            yield from self._target(path, index, target, directory)

    def _target(
        self, path: Path, index: Index, target: IndexTarget, directory: ShipmentSource
    ) -> Iterator[Shipment | Verdict]:
        where = manifests.path_of(target, str(path))
        try:
            manifest, inner = manifests.read_target(directory, index, target, str(path))
        except ShippedFileError as error:
            yield _failed(error)
        except FormatError as error:
            yield _entry(Path(where), str(error))
        else:
            with inner:
                # Not before: a link may be the manifest of another target, which is to be judged as well.
                if self._is_new(where):
                    yield manifest, inner


@contextmanager
def _opened(path: Path, within: Path | None) -> Iterator[tuple[io.FileIO, ConfinedDirectory]]:
    """Open a file, and its directory; no link leads out of ``within``, where that is given. Raises OSError."""
    if within is None:
        with ConfinedDirectory(path.parent) as directory, directory.open_named(path.name)[0] as file:
            yield file, directory
    else:
        name = path.relative_to(within).as_posix()
        with (
            ConfinedDirectory(within) as outer,
            outer.open(name)[0] as file,
            outer.below(name.rpartition("/")[0]) as directory,
        ):
            yield file, directory


def _is_there(path: Path) -> bool:
    """Tell whether there is something of that name, be it a link that leads nowhere. Raises OSError."""
    try:
        os.lstat(path)
    except OSError as error:
        # The last: below a link that leads to itself.
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise
    return True


def _failed(error: ShippedFileError, verified: bool | None = None) -> Verdict:
    """Return what it says of a file that it cannot be had; ``verified`` is that of the entry, None to tell by why."""
    return unusable(error.where, str(error), verified=error.reason is not Reason.HOST if verified is None else verified)


def _entry(path: Path, problem: str) -> Verdict:
    shown = printable(path)
    return unusable(shown, problem if problem.startswith(shown) else f"{shown} {problem}")
