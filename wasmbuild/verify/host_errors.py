"""What goes wrong with what verifies: errors that say nothing of what is verified, in words and with what to do."""

from __future__ import annotations

import errno
import os
import re

from wasmbuild.boundary import LACKING, host_fix
from wasmbuild.diagnosis import memory as memory_words
from wasmbuild.diagnosis.wording import one_line
from wasmbuild.errors import WasmbuildError
from wasmbuild.shipment.errors import OF_THE_PATH
from wasmbuild.text import printable
from wasmbuild.toolchain.endings import NO_MEMORY
from wasmbuild.toolchain.limits import binding
from wasmbuild.toolchain.process import format_bytes
from wasmbuild.verify.outcomes import Unverified

# Open at once, with those of artifacts on their way to be loaded.
_DESCRIPTORS = 160
_SPACE = "free some, or let TMPDIR name a directory that has some"
_FIXES = {
    **{code: host_fix(code) for code in LACKING},
    errno.EMFILE: f"verification opens about {_DESCRIPTORS} files at once, so raise the limit (ulimit -n)",
    errno.ENFILE: "close programs that hold many files",
    errno.EAGAIN: "raise the limit of processes (ulimit -u) or of address space (ulimit -v), or end some",
    errno.ENOMEM: "free memory, or raise the limit of address space (ulimit -v)",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EROFS: "let TMPDIR name a directory that can be written to",
    errno.EACCES: "give the user who verifies the permission",
    errno.EPERM: "give the user who verifies the permission",
}
_AGAIN = "verify again, and if it comes again, on another machine"
_NO_DIRECTORY = "No usable temporary directory"
_FILE_TOO_LARGE = "SIGXFSZ"
_NO_THREAD = "can't start new thread"
# Errors of the system in the words of Rust and of Python, wherever they stand.
_NUMBER = re.compile(r"\(os error (\d{1,9})\)|Os \{ code: (\d{1,9}),|OSError: \[Errno (\d{1,9})\]")
_RESERVED = re.compile(r"mmap failed to reserve (0x[0-9a-f]{1,16}) bytes")
_MEMORY = re.compile(rf"{memory_words.OF_SYSTEM}|MemoryError")


def is_of_the_path(error: OSError) -> bool:
    """Tell whether an error over a file says something of the file or its path, and not of who opens it."""
    return (error.errno or 0) in OF_THE_PATH


def unverified(what: str, error: BaseException) -> Unverified:
    """Return that something could not be verified because of an error; ``what`` begins the sentence."""
    return Unverified(f"{what}: {with_fix(error)}")


def with_fix(error: BaseException) -> str:
    """Return an error that is not the fault of what is verified, and what to do about it, as one line."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    number = None if cause is None else cause.errno
    if isinstance(error, WasmbuildError):
        # The first line says what happened, the last one what was written, where something was.
        first, *rest = [line.strip() for line in str(error).splitlines() if line.strip() and "    $ " not in line]
        said = printable(f"{first} ({rest[-1]})" if rest else first)
        signs = {_FILE_TOO_LARGE: errno.EFBIG, NO_MEMORY: errno.ENOMEM, _NO_THREAD: errno.EAGAIN}
        number = next((code for sign, code in signs.items() if sign in said), number)
        # Some say what to do themselves.
        return f"{said}; {_FIXES[number]}" if number in _FIXES and host_fix(number) not in said else said
    if isinstance(error, MemoryError):
        return f"there is no memory left; {_FIXES[errno.ENOMEM]}"
    if _NO_THREAD in str(error):
        return f"no thread can be started; {_FIXES[errno.EAGAIN]}"
    if _NO_DIRECTORY in str(error):
        return "there is no directory for temporary files that can be written to; let TMPDIR name one"
    text = printable(error.strerror or error) if isinstance(error, OSError) else printable(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{printable(error.filename)}: {text}"
    return f"{text}; {_FIXES.get(number or 0, _AGAIN)}"


def host_lacks(said: str) -> str:
    """Return what this host did not give to a process that wrote this; empty where it says nothing of that.

    It is the rest of a sentence, with what to do: "reserves 4 GiB of address space, …".
    """
    if reserved := _RESERVED.search(said):
        size = format_bytes(int(reserved[1], 16))
        return (
            f"reserves {size} of address space for a memory, which this process may not have; raise the limit (ulimit "
            "-v), or write a smaller memory-reservation or, from Wasmtime 48 on, gc-heap-reservation under [engine] "
            "and build again"
        )
    if memory_words.NOT_EXECUTABLE in said:
        return (
            "cannot be tried here: this process may not make memory executable; let TMPDIR name a directory that is "
            "not mounted noexec, and allow it (MemoryDenyWriteExecute= of systemd, execmem of SELinux)"
        )
    numbers = [int(next(filter(None, found.groups()))) for found in _NUMBER.finditer(said)]
    for number in numbers:
        if number in _FIXES and number not in (errno.EACCES, errno.EPERM):
            return f"cannot be tried here: {os.strerror(number)}; {_FIXES[number]}"
    # A heap of Wasmtime is full for its module, unless this process may have little.
    if _MEMORY.search(said) or (binding(None).memory is not None and memory_words.failed(said)):
        return f"cannot be tried here: {os.strerror(errno.ENOMEM)}; {_FIXES[errno.ENOMEM]}"
    return ""


def ran_out_of_memory(text: str) -> bool:
    """Tell whether words are of memory that a process did not get."""
    # Reserved address space counts against no limit of ours.
    return not _RESERVED.search(text) and bool(memory_words.failed(text))


def lacks_memory(text: str, memory: int | None) -> str:
    """Return that a limit of so many bytes was too low; empty where words tell of no such thing, or of another limit.

    It is the rest of a sentence: "needs more memory than the limit of 2 GiB".
    """
    if memory is None or not binding(memory).is_ours or not ran_out_of_memory(text):
        return ""
    return f"needs more memory than the limit of {format_bytes(memory)}"


RAISE_MEMORY = "raise --memory-limit, or memory-limit of its runner"
"""What to do about memory that is lacking."""


def how_it_ended(ending: str, stderr: str) -> str:
    """Return how a process ended, with what it wrote, as one line."""
    said = one_line(stderr)
    return f"{ending}{f' ({said})' if said else ''}"
