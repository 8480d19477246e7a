"""From the path that an application names to the targets that may be loaded here, best first.

One load looks at one directory, which it holds open: whatever its name leads to meanwhile, index, manifests and
artifacts are those of that directory. What was read is kept as long as the stat signature of the index or manifest is
the same and the directory lies where it did, so that a load costs a few system calls. Nothing is kept open between
loads.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from functools import partial
from types import TracebackType

from wasmbuild.confined import ConfinedDirectory
from wasmbuild.errors import FormatError, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames
from wasmbuild.runtime.errors import OtherCodeError, PassedOver
from wasmbuild.runtime.file_errors import holds_none, not_read, of_memory, unreadable
from wasmbuild.runtime.forking import ForkSafeLock
from wasmbuild.runtime.targets import Candidates, TargetEntry, best_first, candidate_of, read_all, read_target
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmbuild.files import Signature
    from wasmbuild.shipment.source import ShipmentSource


Where = str | os.PathLike[str]

_KEPT = 64
"""Indexes and manifests that are remembered at most."""

_SEPARATORS = (os.sep, os.altsep or os.sep)

_Identity = tuple[str, int, int, "Signature"]
"""Name of the index or manifest, device and inode of its directory, and its own stat signature."""


class Shipment:
    """An index with its manifests, or one manifest; read, checked, and sorted for this machine.

    ``path`` is the index or manifest to which what the application named led.
    """

    def __init__(self, path: str, data: bytes, identity: _Identity, source: ShipmentSource, *, settled: bool) -> None:
        """Raises ShipmentError for what is no index or manifest."""
        from wasmbuild.engine import triples
        from wasmbuild.runtime.mismatches import other_machine

        self.path = path
        self.identity = identity
        self._directory = source.path
        # While a change could escape the signature, the bytes themselves are compared.
        self.unsettled: bytes | None = None if settled else data
        self.announced: set[tuple[str, bool, bool]] = set()
        self._lock = ForkSafeLock()
        self._portable: Candidates | None = None
        self._native: list[TargetEntry] = []
        self._pulley: list[TargetEntry] = []
        self._foreign: list[TargetEntry] = []
        passed_over = []
        entries = self._entries(data, source)
        self.targets = tuple(entry.target for entry in entries)
        for entry in entries:
            mismatch = other_machine(f"target {entry.target}", entry.triple)
            if mismatch is not None:
                self._foreign.append(entry)
                passed_over.append(PassedOver(entry.target, entry.triple, mismatch))
            else:
                (self._pulley if triples.parse(entry.triple).is_pulley else self._native).append(entry)
        here = read_all(self._native, source)
        self.native = Candidates(best_first(here.candidates), (*passed_over, *here.passed_over), here.unreadable)
        self._awaited = _awaited(here, self._native)

    def is_outdated(self, source: ShipmentSource) -> bool:
        """Tell whether it has to be read again, though the index or manifest is the same.

        Its directory has another path by now, or a target can be read that could not when it was looked for: an index
        may come first.
        """
        return self._has_moved() or any(entry.is_here(source) for entry in self._awaited)

    def _has_moved(self) -> bool:
        try:
            status = os.stat(self._directory)
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self.identity[1:3]

    @property
    def left_out(self) -> tuple[PassedOver, ...]:
        """The targets of Pulley bytecode, when the caller does not allow it."""
        return tuple(PassedOver(entry.target, entry.triple, _left_out(entry.target)) for entry in self._pulley)

    def portable(self, source: ShipmentSource) -> Candidates:
        """Return the targets of Pulley bytecode, whose manifests are read when they are first needed."""
        with self._lock.mutex:
            if self._portable is None:
                self._portable = read_all(self._pulley, source)
                self._awaited += _awaited(self._portable, self._pulley)
            return self._portable

    @property
    def shipped(self) -> tuple[TargetEntry, ...]:
        """The targets whose sources could be compiled here: those for this machine, those of Pulley, the others."""
        return (*self._native, *self._pulley, *self._foreign)

    def _entries(self, data: bytes, source: ShipmentSource) -> list[TargetEntry]:
        from wasmbuild.formats.manifest import Index, Manifest
        from wasmbuild.shipment.manifests import is_index

        try:
            if is_index(data):
                index = Index.from_bytes(data, self.path)
                return [
                    TargetEntry(target.name, target.triple, partial(read_target, index, target, self.path))
                    for target in index.targets
                ]
            manifest = Manifest.from_bytes(data, self.path)
        except FormatError as error:
            raise unreadable(self.path, data, error) from None
        candidate = candidate_of(manifest, "", source)
        return [TargetEntry(manifest.target, manifest.triple, lambda _source: candidate)]


class OpenShipment:
    """A shipment and its directory, which is held open for one load. A context manager."""

    __slots__ = ("shipment", "source")

    def __init__(self, shipment: Shipment, source: ShipmentSource) -> None:
        self.shipment = shipment
        self.source = source

    def __enter__(self) -> OpenShipment:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.source.close()

    @property
    def portable(self) -> Candidates:
        """The targets of Pulley bytecode."""
        return self.shipment.portable(self.source)


_lock = ForkSafeLock()
_shipments: OrderedDict[str, Shipment] = OrderedDict()


def find(where: Where) -> Shipment:
    """Return what lies at an index, a manifest or a directory with one of them. Raises LoadError."""
    with open_shipment(where) as found:
        return found.shipment


def forget(where: Where) -> None:
    """Have what lies there read again, whatever its signature says."""
    _shipments.pop(os.fspath(where), None)


def open_shipment(where: Where) -> OpenShipment:
    """Open what lies at an index, a manifest or a directory with one of them.

    Raises LoadError, and UsageError for a place without a name.
    """
    name = os.fspath(where)
    # An empty path is the working directory for the system, and an unset variable for whoever wrote it.
    if not name:
        raise UsageError('where="": the place to load from is empty; name a directory or a file, "." for this one')
    try:
        directory, file = _directory_of(name)
    except (OSError, ValueError) as error:
        raise not_read(name, error) from None
    try:
        return OpenShipment(_shipment(name, directory, file), directory)
    except BaseException:
        directory.close()
        raise


def _directory_of(name: str) -> tuple[ConfinedDirectory, str | None]:
    """Return the directory of an index or manifest, held open, and the name of a file that was named itself."""
    try:
        return ConfinedDirectory(name), None
    except NotADirectoryError:
        folder, file = os.path.split(name)
        return ConfinedDirectory(folder), file


def _shipment(name: str, directory: ConfinedDirectory, file: str | None) -> Shipment:
    shown = name
    try:
        if file is not None:
            status = directory.stat(file)
        else:
            for found in (filenames.INDEX, filenames.MANIFEST):
                try:
                    status = directory.stat(found)
                except FileNotFoundError:
                    continue
                shown = f"{name}{found}" if name.endswith(_SEPARATORS) else f"{name}{os.sep}{found}"
                break
            else:
                raise holds_none(name, filenames.INDEX, filenames.MANIFEST)
        known = _shipments.get(name)
        if known is not None and known.unsettled is None:
            # It brings hashlib, which is not needed before something is loaded.
            from wasmbuild.files import signature

            if known.identity == _identity(shown, directory, signature(status)) and not known.is_outdated(directory):
                return known
        with _lock.mutex:
            return _read(name, shown, directory, file)
    except OSError as error:
        raise not_read(shown, error) from None
    except MemoryError:
        raise of_memory(printable(shown)) from None


def _read(name: str, path: str, directory: ConfinedDirectory, named: str | None) -> Shipment:
    """Read an index or manifest, unless another thread has meanwhile; ``named`` is the file that was named itself."""
    from wasmbuild import files
    from wasmbuild.formats.manifest import MAX_MANIFEST

    now = time.time_ns()
    file, status = directory.open(os.path.basename(path)) if named is None else directory.open_named(named)
    with file:
        identity = _identity(path, directory, files.signature(status))
        known = _shipments.get(name)
        if known is not None and known.is_outdated(directory):
            known = None
        if known is not None and (known.identity, known.unsettled) == (identity, None):
            return known
        data = files.read_up_to(file, MAX_MANIFEST + 1)
    settled = files.is_settled(identity[3], now)
    if known is not None and (known.identity, known.unsettled) == (identity, data):
        if settled:
            known.unsettled = None
        return known
    shipment = _shipments[name] = Shipment(path, data, identity, directory, settled=settled)
    _shipments.move_to_end(name)
    if len(_shipments) > _KEPT:
        _shipments.popitem(last=False)
    return shipment


def _identity(path: str, directory: ConfinedDirectory, signature: Signature) -> _Identity:
    status = directory.stat()
    return path, status.st_dev, status.st_ino, signature


def _awaited(found: Candidates, entries: list[TargetEntry]) -> tuple[TargetEntry, ...]:
    """Return the entries of targets that are not here, or not as they should be."""
    missing = {one.target for one in found.passed_over}
    return (*(entry for entry in entries if entry.target in missing), *found.unreadable)


def _left_out(target: str) -> OtherCodeError:
    problem = f"target {target} is Pulley bytecode, and fallback leaves it out"
    return OtherCodeError(problem, 'allow it with fallback=("pulley",)')
