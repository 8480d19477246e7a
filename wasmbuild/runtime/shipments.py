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
from typing import TYPE_CHECKING, NamedTuple

from wasmbuild.beneath import open_below, resolve_below
from wasmbuild.errors import FormatError
from wasmbuild.runtime import engines
from wasmbuild.runtime.errors import (
    DamagedError,
    LoadError,
    MissingArtifactError,
    OtherCodeError,
    PassedOver,
    ShipmentError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.files import Signature
    from wasmbuild.formats.manifest import IndexTarget, Manifest, ManifestArtifact

INDEX_NAME = "index.json"
MANIFEST_NAME = "manifest.json"

Where = str | os.PathLike[str]

_KEPT = 64
"""Indexes and manifests that are remembered at most."""


class Candidate:
    """A target that may be loaded here, with its manifest.

    ``directory`` is the manifest's, through all links; ``pulley`` is the triple of Pulley bytecode, None for this
    machine's own code.
    """

    def __init__(self, manifest: Manifest, directory: str, pulley: str | None) -> None:
        self.manifest = manifest
        self.directory = directory
        self.pulley = pulley
        self.engine_key = engines.key(manifest.engine, manifest.major, pulley)
        self.artifacts: dict[str, ManifestArtifact] = {artifact.module: artifact for artifact in manifest.artifacts}

    @property
    def target(self) -> str:
        return self.manifest.target

    @property
    def triple(self) -> str:
        return self.manifest.triple

    def passed_over(self, error: LoadError) -> PassedOver:
        return PassedOver(self.target, self.triple, error)


class Fits(NamedTuple):
    """The targets of an index that may be loaded here, best first, and why the others may not."""

    candidates: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...]


class _Entry(NamedTuple):
    """A target that is named, and what reads its manifest."""

    target: str
    triple: str
    read: Callable[[], Candidate]


class Shipment:
    """An index with its manifests, or one manifest; read, checked, and sorted for this machine.

    ``path`` is the index or manifest to which what the application named led.
    """

    def __init__(self, where: str, path: str, data: bytes, signature: Signature, *, settled: bool) -> None:
        """Raises ShipmentError for what is no index or manifest, and DamagedError for what is not the index's."""
        from wasmbuild.project import triples
        from wasmbuild.runtime.misfits import other_machine

        self.path = path
        # Beside a manifest of a directory an index may come, which is read before it.
        self._index_to_come = os.path.join(where, INDEX_NAME) if path == os.path.join(where, MANIFEST_NAME) else None
        self.signature = signature
        # While a change could escape the signature, the bytes themselves are compared.
        self.unsettled: bytes | None = None if settled else data
        self.announced: set[tuple[str, bool]] = set()
        self._directory = os.path.realpath(os.path.dirname(path) or os.curdir)
        self._lock = threading.Lock()
        self._portable: Fits | None = None
        native: list[_Entry] = []
        self._pulley: list[_Entry] = []
        passed_over = []
        entries = self._entries(data)
        self.targets = tuple(entry.target for entry in entries)
        for entry in entries:
            misfit = other_machine(f"target {entry.target}", entry.triple)
            if misfit is not None:
                passed_over.append(PassedOver(entry.target, entry.triple, misfit))
            else:
                (self._pulley if triples.parse(entry.triple).is_pulley else native).append(entry)
        candidates, missing = _read_all(native)
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
                candidates, missing = _read_all(self._pulley)
                self._portable = Fits(tuple(candidates), tuple(missing))
            return self._portable

    def modules(self) -> set[str]:
        """Return the names of all modules that targets for this machine have."""
        return {name for fits in (self.native, self.portable) for c in fits.candidates for name in c.artifacts}

    def _entries(self, data: bytes) -> list[_Entry]:
        from wasmbuild.formats.manifest import Index, Manifest

        try:
            if b'"wasmbuild/index/' in data and b'"wasmbuild/manifest/' not in data:
                index = Index.from_bytes(data, self.path)
                return [_Entry(t.name, t.triple, partial(self._read, index.project, t)) for t in index.targets]
            manifest = Manifest.from_bytes(data, self.path)
        except FormatError as error:
            raise _unreadable(self.path, data, error) from None
        candidate = _candidate(manifest, self._directory)
        return [_Entry(manifest.target, manifest.triple, lambda: candidate)]

    def _read(self, project: str, target: IndexTarget) -> Candidate:
        """Read the manifest of a target of an index. Raises LoadError."""
        from hashlib import sha256

        from wasmbuild.files import read_up_to
        from wasmbuild.formats.manifest import MAX_MANIFEST, Manifest
        from wasmbuild.formats.printable import printable
        from wasmbuild.runtime.misfits import AGAIN

        where = os.path.join(self._directory, *target.path.split("/"))
        shown = printable(where)
        try:
            descriptor, _ = open_below(self._directory, target.path)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                data = read_up_to(file, MAX_MANIFEST + 1)
                directory = resolve_below(self._directory, target.path.rpartition("/")[0])
        except FileNotFoundError:
            raise MissingArtifactError(
                f"target {target.name} is not here: {shown} is missing",
                f"copy the whole directory of the target: {AGAIN}",
            ) from None
        except OSError as error:
            raise DamagedError(f"{shown} cannot be read: {printable(error.strerror or error)}", AGAIN) from None
        if sha256(data).hexdigest() != target.sha256:
            raise DamagedError(f"{shown} is not the manifest that its index names (its SHA-256 differs)", AGAIN)
        try:
            manifest = Manifest.from_bytes(data, where)
        except FormatError as error:
            raise _unreadable(where, data, error) from None
        told = (manifest.project, manifest.target, manifest.triple)
        if told != (project, target.name, target.triple):
            raise DamagedError(f"{shown} is the manifest of another project or target than its index says", AGAIN)
        return _candidate(manifest, directory)


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
        for name in (INDEX_NAME, MANIFEST_NAME):
            path = os.path.join(where, name)
            try:
                return path, os.stat(path)
            except FileNotFoundError:
                pass
    except (OSError, ValueError) as error:
        raise _no_shipment(where, error) from None
    from wasmbuild.formats.printable import printable

    raise ShipmentError(
        f"{printable(where)} holds neither {INDEX_NAME} nor {MANIFEST_NAME}",
        "run `wasmbuild build`, or name the directory that it made or a copy of it",
    )


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
        raise _no_shipment(path, error) from None
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


def _read_all(entries: list[_Entry]) -> tuple[list[Candidate], list[PassedOver]]:
    """Read manifests. One that is not here is passed over: a machine may be given its own targets alone."""
    candidates, missing = [], []
    for entry in entries:
        try:
            candidates.append(entry.read())
        except MissingArtifactError as error:
            missing.append(PassedOver(entry.target, entry.triple, error))
    return candidates, missing


def _left_out(target: str) -> OtherCodeError:
    problem = f"target {target} is Pulley bytecode, and fallback leaves it out"
    return OtherCodeError(problem, 'allow it with fallback=("pulley",)')


def _candidate(manifest: Manifest, directory: str) -> Candidate:
    from wasmbuild.project import triples

    return Candidate(manifest, directory, manifest.triple if triples.parse(manifest.triple).is_pulley else None)


def _no_shipment(where: str, error: OSError | ValueError) -> ShipmentError:
    from wasmbuild.formats.printable import printable

    what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {_words(error)}"
    return ShipmentError(f"{printable(where)} {what}", "name an index, a manifest or a build directory that is there")


def _words(error: OSError | ValueError) -> str:
    from wasmbuild.formats.printable import printable

    return printable(error.strerror if isinstance(error, OSError) and error.strerror else error)


def _unreadable(where: str, data: bytes, error: FormatError) -> ShipmentError:
    from wasmbuild.formats.printable import printable

    if data.startswith((b"\0asm", b"\x7fELF")):
        what = "WebAssembly" if data.startswith(b"\0asm") else "a program or artifact"
        return ShipmentError(
            f"{printable(where)} is {what}, not an index or manifest",
            "give load() what wasmbuild wrote beside the artifacts; for a file alone there is load_any(path)",
        )
    problem, _, fix = str(error).rpartition("; ")
    return ShipmentError(problem or fix, fix)
