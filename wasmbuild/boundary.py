"""What a host or an input may do to a program at any place, as errors of wasmbuild.

Where something better can be said of an error, it is caught where it happens. What is left ends here: at the end of a
command, of a task, of the work on one artifact. Anything else that gets so far is a defect of wasmbuild.
"""

from __future__ import annotations

import errno
import os

from wasmbuild.errors import DiskError, HostError, UsageError, WasmbuildError
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

_ASKED = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EINVAL)
# Also of a link that leads out of a directory, and of a socket.
_OF_THE_FILE = (*_ASKED, errno.ENOENT, errno.EFBIG, errno.EXDEV, errno.ENXIO)
NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Error numbers of a disk, or of a user's part of it, that is full."""
LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ESTALE)
"""Error numbers of a host that lacks something or fails just now, which say nothing of the file or program."""
_FIXES = {
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "its links lead to themselves; name another path",
    errno.ENOTDIR: "a part of the path is a file, not a directory; correct the path",
    errno.EISDIR: "it is a directory; name a file",
    errno.EINVAL: "name another path",
    errno.ENOENT: "something else removed it meanwhile, or it is a wrong path; check it, and try again",
    errno.EACCES: "check that you may use it and enter the directories above it",
    errno.EPERM: "check that you may use it and enter the directories above it",
    errno.EROFS: "it is on a file system that cannot be written; choose another place",
    errno.EMFILE: "this process may not open more files; raise the limit (ulimit -n)",
    errno.ENFILE: "this system has no more open files; close some programs",
    errno.ENOMEM: "there is too little memory; close some programs, or raise the limit (ulimit -v)",
    errno.EAGAIN: "there are too many processes; close some programs, or raise the limit (ulimit -u)",
    errno.EFBIG: "files may not get that large here; raise the limit (ulimit -f)",
    errno.ESTALE: "it is another one by now; try again, or mount anew what it is on",
    errno.EIO: "the disk failed; check it",
    **dict.fromkeys(NO_ROOM, "free some space there"),
}
# Modules of Python that are left out where what they are made of was not there when it was built.
_OPTIONAL = {"_bz2", "_ctypes", "_hashlib", "_lzma", "_sqlite3", "_ssl", "zlib"}
# Of the dynamic linker of glibc, and of that of musl, about an extension module.
_UNMAPPED = {
    "failed to map segment from shared object",
    "cannot map zero-fill pages",
    "Cannot allocate memory",
    "Out of memory",
}
GONE = "the working directory is not there any more; change to one that is"
_NO_TEMPORARY = "set TMPDIR to a directory that you may write to"


def host_fix(code: int) -> str:
    """Return what to do about what the operating system said, empty where nothing is known to help."""
    return _FIXES.get(code, "")


def is_lacking(error: BaseException | None) -> TypeGuard[OSError]:
    """Tell whether an error is of a host that lacks something or fails just now."""
    return isinstance(error, OSError) and error.errno in LACKING


def fix_of(error: Exception, otherwise: str) -> str:
    """Return what to do about an error over a file: about the host where it is that which lacks something or fails."""
    return host_fix(error.errno or 0) if is_lacking(error) else otherwise


def is_of_host(error: BaseException | None) -> bool:
    """Tell whether the operating system refused a file for what this process may do or has, and not for what it is."""
    return isinstance(error, OSError) and error.errno not in _OF_THE_FILE


@contextmanager
def as_wasmbuild_error() -> Iterator[None]:
    """Raise what the host or an input does, and nothing else tells, as an error of wasmbuild.

    A BrokenPipeError stays one: whoever reads the output has seen enough.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, UnicodeError, MemoryError, RecursionError) as error:
        raise _said(error) from error
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name in _OPTIONAL:
            raise HostError(f"this Python was built without its module {error.name}; use one that has it") from error
        if not _UNMAPPED.intersection(str(error).split(": ")):
            raise
        raise _unmapped(error) from error


def _said(error: Exception) -> WasmbuildError:
    if isinstance(error, OSError):
        return _of_host(error)
    if isinstance(error, MemoryError):
        return HostError("memory ran out; close some programs, raise the limit (ulimit -v), or do less at once")
    if isinstance(error, RecursionError):
        return UsageError("what was read is nested too deeply to be read; check that it is the right file")
    shown = getattr(error, "object", "")
    shown = shown if isinstance(shown, str) else os.fsdecode(bytes(shown[:200]))
    if isinstance(error, UnicodeEncodeError) and error.encoding != "utf-8":
        # What is written is UTF-8 on all systems, so that this is a path.
        problem = f"is a path with characters that this locale lacks, whose encoding is {error.encoding}"
        fix = "set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
        return UsageError(f"{printable(shown)}: {problem}; {fix}")
    return UsageError(f"{printable(shown)}: has characters that are not of its encoding; use UTF-8")


def _unmapped(error: ImportError) -> HostError:
    # The C library tells the two apart in some of its versions alone.
    why = "memory ran out, or it lies where nothing may be executed (noexec)"
    return HostError(f"{printable(error)}: {why}; raise the limit (ulimit -v), close some programs, or move it")


def _of_host(error: OSError) -> WasmbuildError:
    reason = error.strerror or str(error) or type(error).__name__
    if isinstance(error, FileNotFoundError) and error.filename is None:
        if _is_gone():
            return UsageError(GONE)
        # The one other such error is that of `tempfile`, which lists all that it tried.
        return HostError(f"{printable(reason, 400)}; {_NO_TEMPORARY}")
    where = "" if error.filename is None else f"{printable(_name(error.filename), 400)}: "
    fix = _FIXES.get(error.errno or 0, "try again when this is mended")
    kind = UsageError if error.errno in _ASKED else DiskError
    return kind(f"{where}cannot be used: {reason}; {fix}" if where else f"{reason}; {fix}")


def _is_gone() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _name(filename: object) -> str:
    if isinstance(filename, (str, bytes)):
        return os.fsdecode(filename)
    return f"the descriptor {filename}" if isinstance(filename, int) else str(filename)
