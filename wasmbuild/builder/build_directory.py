"""The only writer of a build directory: whole files or none, and what is no longer declared leaves it."""

from __future__ import annotations

import os
import time
from _thread import allocate_lock

from wasmbuild import files
from wasmbuild.builder import disk, noop
from wasmbuild.builder.disk import ALONE_PREFIX, BUILDING, TEMPORARY_PREFIX, as_disk_error, delete
from wasmbuild.builder.lock import Lock
from wasmbuild.builder.memory import Memory
from wasmbuild.digest import is_hex, sha256_hex
from wasmbuild.errors import DiskError
from wasmbuild.formats.record import MAX_RECORD, Record
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Set

    from wasmbuild.files import Signature
    from wasmbuild.formats.ownership import OwnRecord

# No single file is that long in the making.
_STALE_NS = 24 * 3600 * 10**9
LOCK = filenames.BUILD_LOCK.rpartition("/")[2]


class BuildDirectory:
    """A build directory. Reading needs no lock; whatever writes is called between ``lock()`` and ``unlock()``."""

    def __init__(self, root: Path, state: Path | None = None) -> None:
        """The lock and what is remembered lie in ``state``."""
        self.root = root
        self._state = state or root / filenames.STATE_DIRECTORY
        self.memory = Memory(self._state / "state.tsv")
        self._lock = Lock(self._state / LOCK, root)
        self._scratch: Path | None = None
        self._making = allocate_lock()
        self._unstamped = False
        self._noted: bytes | None = None

    @property
    def locked(self) -> bool:
        return self._lock.held

    @property
    def undisturbed(self) -> bool:
        """Whether nobody had it since this process, which has it now, had it before."""
        return self._lock.undisturbed

    def lock(self, timeout: float | None = None, on_wait: Callable[[str], None] | None = None) -> bool:
        """Take the build directory for this process; tell whether it had to wait.

        Raises DiskError when the directory cannot be made or locked, or ``timeout`` seconds are over.
        """
        if os.path.exists(self.root) and not os.path.isdir(self.root):
            raise DiskError(
                f"{files.seen_from_here(self.root)}: the build directory is a file, not a directory; move it away, or "
                "set another build-dir"
            )
        waited = self._lock.acquire(timeout, on_wait)
        self.tick()
        return waited

    @property
    def declaration(self) -> str:
        """The absolute path of the declaration that was built here last; empty where that is unknown.

        It is unknown in a copy, of which the other declaration knows nothing, and where the note is damaged.
        """
        root, _, path = self._lock.note.partition(b"\0")
        try:
            return os.fsdecode(path) if root == self._place() else ""
        except UnicodeDecodeError:  # on Windows alone
            return ""

    def note_declaration(self, path: str) -> None:
        """Note which declaration all that lies here is of."""
        self._lock.note = b"%s\0%s" % (self._place(), os.fsencode(path))

    def _place(self) -> bytes:
        return os.fsencode(os.path.realpath(self.root))

    def remove_leftovers(self, *, below: bool = True) -> None:
        """Remove what killed builds left; without ``below``, in the build directory itself alone."""
        for leftover in list(self._leftovers(below)):
            delete(leftover)

    def unlock(self) -> None:
        """Remove the temporary directory, note what ``note_noop`` was told, and let the next build in.

        Raises DiskError.
        """
        try:
            self._delete_scratch()
            if self._noted is not None:
                noted, self._noted = self._noted, None
                self.write(self._noop, noted)
        finally:
            self._lock.release()

    def tick(self) -> None:
        """Read the file system's clock, against which the age of what is read from now on is measured."""
        with as_disk_error(self._lock.path, "touched", BUILDING):
            self.memory.now = self._lock.clock()

    def settle(self) -> None:
        """Read the clock when it has gone on far enough for all that this build saw to be trusted from now on."""
        if self._unstamped or self.memory.young:
            # Both stamps, of what was written and of now, may be behind by a tick of the clock that gives them.
            time.sleep(2 * files.FINE_STEP_NS / 1e9)
        self.tick()

    def save(self) -> None:
        """Write down what is remembered, if that changed. Raises DiskError."""
        self.memory.save(lambda path, parts: disk.write_parts(path, parts, BUILDING, self._prefix))

    @property
    def has_state(self) -> bool:
        """Whether there is a directory for what is remembered: what a link in the place of ours leads to is none."""
        return os.path.isdir(self._state) and not self._lock.leads_elsewhere

    def delete_state(self) -> None:
        """Delete what is remembered, and its directory where nothing else is in it: a user may have named any."""
        if not self.has_state:
            return
        self.memory.delete()
        for path in (self._noop, self._lock.path):
            with suppress(OSError):
                os.unlink(path)
        with suppress(OSError):
            os.rmdir(self._state)

    def forget_noop(self) -> None:
        """Let no later build believe that everything is as the last whole build left it. Raises DiskError."""
        self._noted = None
        with as_disk_error(self._noop, "removed", BUILDING):
            self._noop.unlink(missing_ok=True)

    def note_noop(self, identity: list[object], digest: str) -> None:
        """Have ``unlock`` note that everything is right, with signatures of this digest.

        It does so last of all: whoever finds the note has nothing to clean up after a build that was killed.
        """
        self._noted = noop.to_bytes(identity, digest)

    @property
    def _noop(self) -> Path:
        return noop.file(self._state)

    def scratch(self) -> Path:
        """Return a private directory on the same file system, for files on their way into the build directory.

        Threads may ask at once. Raises DiskError.
        """
        # Of thousands, one makes it.
        if self._scratch is not None:
            return self._scratch
        with self._making:
            if self._scratch is None:
                directory = self.root / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
                disk.make(directory, BUILDING)
                self._scratch = directory
            return self._scratch

    def scratch_elsewhere(self) -> None:
        """Have ``scratch`` return one of the system's temporary directories, for what comes to no place here.

        Raises OSError.
        """
        import tempfile

        self._delete_scratch()
        self._scratch = Path(tempfile.mkdtemp(prefix="wasmbuild-"))

    def _delete_scratch(self) -> None:
        if self._scratch is None:
            return
        delete(self._scratch)
        if os.path.lexists(self._scratch):
            # The next build is to remove it, and has to look for that.
            self._noted = None
        self._scratch = None

    def write(self, path: Path | str, data: bytes) -> None:
        """Replace a file with new bytes, whole or not at all. Raises DiskError."""
        disk.write(path, data, BUILDING, self._prefix)

    def put(self, path: Path | str, data: bytes, facts: Any = None) -> str:
        """Write a file of the build, remember what it holds, and return its digest. Raises DiskError.

        ``facts`` is what is remembered of it besides its digest.
        """
        stamped = disk.write(path, data, BUILDING, self._prefix)
        sha256 = sha256_hex(data)
        self._note(path, stamped, sha256, facts)
        return sha256

    def publish(
        self, path: Path | str, made: Path | str, record: Record, stamped: Signature | None = None, facts: Any = None
    ) -> str:
        """Put a compiled file and its record in place: the record first, so that no artifact of ours is without one.

        ``facts`` is what is remembered of the record; ``stamped`` is what ``files.stamp`` said of the file before it
        was read for its record. An artifact that has these very bytes already is left untouched. Returns the digest
        of the record. Raises DiskError.
        """
        sha256 = self.put(f"{path}{filenames.RECORD_SUFFIX}", record.to_bytes(), facts)
        known = self.memory.digest_of_now(path)
        if known != record.sha256 and (known or not disk.holds(path, record.size, record.sha256)):
            self.move(made, path)
            self._note(path, stamped, record.sha256)
        return sha256

    def move(self, made: Path | str, path: Path | str) -> None:
        """Replace a file by another one on the same file system, whole or not at all. Raises DiskError."""
        disk.move(made, path, BUILDING, self._prefix)

    def touch(self, *paths: Path) -> None:
        """Give files of ours the present time. Raises DiskError."""
        for path in paths:
            with as_disk_error(path, "touched", BUILDING):
                os.utime(path)
            self._note(path, files.stamp(path))

    def remove(self, *paths: Path) -> None:
        """Delete files of ours that may be gone already. Raises DiskError."""
        for path in paths:
            with as_disk_error(path, "removed", BUILDING):
                path.unlink(missing_ok=True)
            self.memory.forget(path)

    def sweep(self, directory: Path) -> None:
        """Delete a directory, and those above it up to the build directory, where nothing is left in them."""
        while self.root in directory.parents:
            try:
                directory.rmdir()
            except OSError:
                return
            directory = directory.parent

    def files(self) -> list[str]:
        """Return the paths of all files but temporary ones, and those of a build directory below this one."""
        return [f"{directory}{os.sep}{name}" for directory, names, _ in self._walk() for name in names]

    def orphans(self, found: Iterable[str], declared: Set[str]) -> list[Path]:
        """Return, of files found here, the artifacts that some wasmbuild made and that are no longer declared.

        A file without a record that names it is not ours and never listed.
        """
        records = (path for path in found if path.endswith(filenames.ARTIFACT_RECORD_SUFFIX))
        artifacts = (path.removesuffix(filenames.RECORD_SUFFIX) for path in records)
        undeclared = (Path(path) for path in artifacts if path not in declared)
        return [path for path in undeclared if self.own_record(path) is not None]

    def own_record(self, artifact: Path) -> OwnRecord | None:
        """Return the record beside an artifact, of any version of wasmbuild, None where there is none that names it."""
        from wasmbuild.formats import ownership

        try:
            record = ownership.record(files.read(record_path(artifact), MAX_RECORD)[0])
        except OSError:
            return None
        target, _, module = artifact.relative_to(self.root).as_posix().partition("/")
        id = f"{module.removesuffix(filenames.ARTIFACT_SUFFIX)}@{target}"
        return record if record is not None and record.id == id else None

    def _note(self, path: Path | str, stamped: Signature | None, sha256: str | None = None, facts: Any = None) -> None:
        if stamped is None:
            self._unstamped = True
        elif (placed := files.placed(path, stamped)) is not None:
            self.memory.note_made(path, placed, sha256, facts)

    @property
    def _prefix(self) -> str:
        """Without the lock, names are those that no build removes meanwhile."""
        return TEMPORARY_PREFIX if self.locked else ALONE_PREFIX

    def _leftovers(self, below: bool) -> Iterator[str]:
        for directory, names, temporary in self._walk(below=below):
            for name in [*filter(_is_temporary, names), *temporary]:
                path = f"{directory}{os.sep}{name}"
                if not name.startswith(ALONE_PREFIX) or self._is_stale(path):
                    yield path

    def _is_stale(self, path: str) -> bool:
        try:
            return os.lstat(path).st_mtime_ns + _STALE_NS < self._lock.clock()
        except OSError:
            return False

    def _walk(self, *, below: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
        """Go through the build directory: directories with the names of files, and of temporary directories, in them.

        These are never entered, nor is what a build directory of its own holds: another build may be at work there.
        """
        root = str(self.root)
        for directory, subdirectories, names in os.walk(root):
            if filenames.STATE_DIRECTORY in subdirectories and directory != root and _is_build_directory(directory):
                subdirectories.clear()
                continue
            temporary = list(filter(_is_temporary, subdirectories))
            subdirectories[:] = [name for name in subdirectories if name not in temporary and below]
            yield directory, names, temporary


def _is_temporary(name: str) -> bool:
    """Tell whether a name is one that a build gives to what is in the making; users give others that begin so."""
    if not name.startswith(TEMPORARY_PREFIX):
        return False
    return all(is_hex(part, 16) for part in name.removeprefix(ALONE_PREFIX).removeprefix(TEMPORARY_PREFIX).split("-"))


def _is_build_directory(directory: str) -> bool:
    return os.path.exists(os.path.join(directory, filenames.native(filenames.BUILD_LOCK)))


def record_path(artifact: Path) -> Path:
    """Return where the record of an artifact lies: beside it."""
    return artifact.parent / f"{artifact.name}{filenames.RECORD_SUFFIX}"
