"""From the path that an application names to the targets that may be loaded here, best first.

What was read is kept as long as the stat signature of the index or manifest is the same, so that a load costs a
``stat`` or two. Nothing is kept open between loads.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from wasmbuild.errors import FormatError
from wasmbuild.project import filenames
from wasmbuild.runtime.errors import OtherCodeError, PassedOver
from wasmbuild.runtime.targets import Entry, Fits, candidate_of, read_all, read_target

if TYPE_CHECKING:
    from wasmbuild.files import Signature


Where = str | os.PathLike[str]

_KEPT = 64
"""Indexes and manifests that are remembered at most."""


class Shipment:
    """An index with its manifests, or one manifest; read, checked, and sorted for this machine.

    ``path`` is the index or manifest to which what the application named led.
    """

    def __init__(self, where: str, path: str, data: bytes, signature: Signature, *, settled: bool) -> None:
        """Raises ShipmentError for what is no index or manifest, and DamagedError for what is not the index's."""
        from wasmbuild.engine import triples
        from wasmbuild.runtime.misfits import other_machine

        self.path = path
        # Beside a manifest of a directory an index may come, which is read before it.
        index, manifest = (os.path.join(where, name) for name in (filenames.INDEX, filenames.MANIFEST))
        self._index_to_come = index if path == manifest else None
        self.signature = signature
        # While a change could escape the signature, the bytes themselves are compared.
        self.unsettled: bytes | None = None if settled else data
        self.announced: set[tuple[str, bool, bool]] = set()
        self._directory = os.path.realpath(os.path.dirname(path) or os.curdir)
        self._lock = threading.Lock()
        self._portable: Fits | None = None
        self._native: list[Entry] = []
        self._pulley: list[Entry] = []
        self._foreign: list[Entry] = []
        passed_over = []
        entries = self._entries(data)
        self.targets = tuple(entry.target for entry in entries)
        for entry in entries:
            misfit = other_machine(f"target {entry.target}", entry.triple)
            if misfit is not None:
                self._foreign.append(entry)
                passed_over.append(PassedOver(entry.target, entry.triple, misfit))
            else:
                (self._pulley if triples.parse(entry.triple).is_pulley else self._native).append(entry)
        candidates, missing = read_all(self._native)
        # A CPU level has the flags of those below it and more, and sorting keeps the order of the index otherwise.
        candidates.sort(key=lambda candidate: -len(candidate.manifest.isa_flags))
        self.native = Fits(tuple(candidates), (*passed_over, *missing))

    def stands(self) -> bool:
        """Tell whether it is what would be found again."""
        try:
            status = os.stat(self.path)
        except OSError:
            return False
        if self._index_to_come is not None and os.access(self._index_to_come, os.F_OK):
            return False
        # It brings hashlib, which is not needed before something is loaded.
        from wasmbuild.files import signature

        return signature(status) == self.signature

    @property
    def left_out(self) -> tuple[PassedOver, ...]:
        """The targets of Pulley bytecode, when the caller does not allow it."""
        return tuple(PassedOver(entry.target, entry.triple, _left_out(entry.target)) for entry in self._pulley)

    @property
    def portable(self) -> Fits:
        """The targets of Pulley bytecode, whose manifests are read when they are first needed."""
        with self._lock:
            if self._portable is None:
                candidates, missing = read_all(self._pulley)
                self._portable = Fits(tuple(candidates), tuple(missing))
            return self._portable

    @property
    def shipped(self) -> tuple[Entry, ...]:
        """The targets whose sources could be compiled here: those for this machine, those of Pulley, the others."""
        return (*self._native, *self._pulley, *self._foreign)

    def _entries(self, data: bytes) -> list[Entry]:
        from wasmbuild.formats.manifest import Index, Manifest

        try:
            if b'"wasmbuild/index/' in data and b'"wasmbuild/manifest/' not in data:
                index = Index.from_bytes(data, self.path)
                return [
                    Entry(target.name, target.triple, partial(read_target, self._directory, index.project, target))
                    for target in index.targets
                ]
            manifest = Manifest.from_bytes(data, self.path)
        except FormatError as error:
            from wasmbuild.runtime.unreadable import unreadable

            raise unreadable(self.path, data, error) from None
        candidate = candidate_of(manifest, self._directory)
        return [Entry(manifest.target, manifest.triple, lambda: candidate)]


_lock = threading.Lock()
_shipments: OrderedDict[str, Shipment] = OrderedDict()


def find(where: Where) -> Shipment:
    """Return what lies at an index, a manifest or a directory with one of them. Raises LoadError."""
    name = os.fspath(where)
    known = _shipments.get(name)
    if known is not None and known.unsettled is None and known.stands():
        return known
    path, _ = locate(name)
    with _lock:
        return _read_again(name, path)


def locate(where: str) -> tuple[str, os.stat_result]:
    """Return the path and status of an index or manifest. Raises ShipmentError."""
    try:
        status = os.stat(where)
        if not stat.S_ISDIR(status.st_mode):
            return where, status
        for name in (filenames.INDEX, filenames.MANIFEST):
            path = os.path.join(where, name)
            try:
                return path, os.stat(path)
            except FileNotFoundError:
                pass
    except (OSError, ValueError) as error:
        from wasmbuild.runtime.unreadable import not_there

        raise not_there(where, error) from None
    from wasmbuild.runtime.unreadable import holds_none

    raise holds_none(where, filenames.INDEX, filenames.MANIFEST)


def _read_again(name: str, path: str) -> Shipment:
    from wasmbuild import files
    from wasmbuild.formats.manifest import MAX_MANIFEST

    now = time.time_ns()
    try:
        with files.open_regular(path) as file:
            signature = files.signature(os.fstat(file.fileno()))
            known = _shipments.get(name)
            if known is not None and (known.path, known.signature, known.unsettled) == (path, signature, None):
                return known
            data = files.read_up_to(file, MAX_MANIFEST + 1)
    except (OSError, ValueError) as error:
        from wasmbuild.runtime.unreadable import not_there

        raise not_there(path, error) from None
    settled = files.is_settled(signature, now)
    if known is not None and (known.path, known.signature, known.unsettled) == (path, signature, data):
        if settled:
            known.unsettled = None
        return known
    shipment = _shipments[name] = Shipment(name, path, data, signature, settled=settled)
    _shipments.move_to_end(name)
    if len(_shipments) > _KEPT:
        _shipments.popitem(last=False)
    return shipment


def _left_out(target: str) -> OtherCodeError:
    problem = f"target {target} is Pulley bytecode, and fallback leaves it out"
    return OtherCodeError(problem, 'allow it with fallback=("pulley",)')
