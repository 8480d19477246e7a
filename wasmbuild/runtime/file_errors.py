"""What it means that a file cannot be had: which error it is, and whether it is one of the file at all."""

from __future__ import annotations

import errno
import os
import re

from wasmbuild.boundary import host_fix
from wasmbuild.errors import FormatError
from wasmbuild.runtime.errors import (
    DamagedError,
    HostLimitError,
    LinkedOutError,
    LoadError,
    MissingArtifactError,
    NoShipmentError,
    ShipmentError,
)
from wasmbuild.shipment.errors import AGAIN, Reason, ShippedFileError
from wasmbuild.text import printable

NAME_ONE = "name an index, a manifest or a build directory that is there"

_CLASSES: dict[Reason, type[LoadError]] = {
    Reason.MISSING: MissingArtifactError,
    Reason.LINK_OUT: LinkedOutError,
}
# What an error of the operating system ends with, whichever call of Wasmtime it stopped.
_OS_ERROR = r"(?s)(?:mmap failed to (?P<how>\w+) (?P<size>0x[0-9a-f]+) bytes.*)?\(os error (?P<code>\d+)\)"
# Of the memory file that holds a module's data on Linux. Of this error, Wasmtime drops what the operating system said.
_NO_MEMORY_FILE = "cannot create a memfd"
_TOO_MANY = (
    "raise the limit (ulimit -n), or drop modules that are no longer used: each of more than 64 KiB, and each that "
    "has data and was instantiated, keeps a file open"
)


def of_artifact(error: ShippedFileError) -> LoadError:
    """Return the error for a file that a manifest lists."""
    if error.reason is Reason.HOST:
        return of_host(f"{error.where} {error.problem}", error.code)
    if error.reason is Reason.MISSING:
        return MissingArtifactError(f"{error.where} {error.problem}", f"its manifest lists it: {error.fix}")
    return _of(error, f"{error.fix}, as a new file that replaces the old one")


def of_manifest(error: ShippedFileError, target: str) -> LoadError:
    """Return the error for the manifest of a target that an index names."""
    if error.reason is Reason.MISSING:
        problem = f"target {target} is not here: {error.where} is missing"
        return MissingArtifactError(problem, f"copy the whole directory of the target: {AGAIN}")
    return _of(error, error.fix)


def of_shipment(error: ShippedFileError) -> LoadError:
    """Return the error for the index or manifest that an application names."""
    if error.reason in (Reason.HOST, Reason.LINK_OUT):
        return _of(error, error.fix)
    kind = NoShipmentError if error.reason is Reason.MISSING else ShipmentError
    return kind(f"{error.where} {error.problem}", error.fix)


def _of(error: ShippedFileError, fix: str) -> LoadError:
    problem = f"{error.where} {error.problem}"
    if error.reason is Reason.HOST:
        return of_host(problem, error.code)
    kind = _CLASSES.get(error.reason, DamagedError)
    return kind(problem, error.fix if kind is not DamagedError else fix)


def of_host(problem: str, code: int) -> HostLimitError:
    """Return the error for a failure of the process or the machine; ``code`` is its ``errno``."""
    return HostLimitError(problem, _TOO_MANY if code == errno.EMFILE else host_fix(code), code)


def of_system(subject: str, error: OSError) -> HostLimitError:
    """Return the error for something that was stopped by whatever the operating system refused on the way.

    Even what is imported to say what is wrong has to be opened.
    """
    return of_host(f"{subject} cannot be loaded: {printable(error.strerror or error)}", error.errno or 0)


def of_memory(subject: str) -> HostLimitError:
    """Return the error for something that this process has no memory for."""
    return of_host(f"{subject} needs more memory than this process can have", errno.ENOMEM)


def said_by_host(subject: str, message: str) -> HostLimitError | None:
    """Return the error for words of Wasmtime about what the operating system refused, or None. Raises OSError."""
    if os.name != "posix":
        return None
    if _NO_MEMORY_FILE in message:
        return _without_memory_file(subject)
    found = re.search(_OS_ERROR, message)
    if found is None:
        return None
    code = int(found["code"])
    if found["how"] == "reserve":
        return HostLimitError(
            f"{subject} needs {int(found['size'], 16)} bytes of address space for a linear memory, which this process "
            "may not have",
            "raise its limit (ulimit -v), or write smaller ones under [engine], such as memory-reservation = 268435456 "
            "and memory-guard-size = 65536, and build again",
            code,
        )
    from wasmbuild.diagnosis.memory import NOT_EXECUTABLE

    if NOT_EXECUTABLE in message:
        return HostLimitError(
            f"{subject} needs executable memory, which this process may not make",
            "where its file system is mounted noexec, deserialize its bytes; else allow it (MemoryDenyWriteExecute= of "
            "systemd, execmem of SELinux), or load a target of pulley64, which needs none",
            code,
        )
    return of_host(f"{subject} cannot be loaded: {os.strerror(code)}", code)


def _without_memory_file(subject: str) -> HostLimitError:
    """Return why the system makes no memory file, for which it is asked again."""
    try:
        # Not every build of Python has the call; whatever is opened tells of descriptors.
        descriptor = os.memfd_create("wasm") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDONLY)
    except PermissionError as error:
        problem = f"{subject} cannot be loaded: this process may make no memory file (memfd) for its data"
        return HostLimitError(
            problem,
            "let what confines it allow memfd_create, or write memory-init-cow = false under [engine] and build again",
            error.errno or 0,
        )
    except OSError as error:
        return of_system(subject, error)
    os.close(descriptor)
    problem = "there was no memory file (memfd) for its data, most likely because too many files were open"
    return of_host(f"{subject} cannot be loaded: {problem}", errno.EMFILE)


def holds_none(directory: str, *names: str) -> NoShipmentError:
    """Return the error for a directory that has none of the files."""
    return NoShipmentError(
        f"{printable(directory)} holds neither {' nor '.join(names)}",
        "run `wasmbuild build`, or name the directory that it made or a copy of it",
    )


def not_read(where: str, error: OSError | ValueError) -> LoadError:
    """Return the error for the path of an index, a manifest or a directory that cannot be opened."""
    if isinstance(error, OSError):
        return of_shipment(ShippedFileError.of(error, where, NAME_ONE))
    return ShipmentError(f"{printable(where)} cannot be read: {printable(error)}", NAME_ONE)


def unreadable(where: str, data: bytes, error: FormatError) -> ShipmentError:
    """Return the error for a file that is no index or manifest."""
    if data.startswith((b"\0asm", b"\x7fELF")):
        what = "WebAssembly" if data.startswith(b"\0asm") else "a program or artifact"
        return ShipmentError(
            f"{printable(where)} is {what}, not an index or manifest",
            "give load() what wasmbuild wrote beside the artifacts; for a file alone there is load_any(path)",
        )
    problem, _, fix = str(error).rpartition("; ")
    return ShipmentError(problem or fix, fix)
