"""Why there is no index or manifest where an application names one."""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.runtime.errors import ShipmentError
from wasmbuild.text import printable


def not_there(where: str, error: OSError | ValueError) -> ShipmentError:
    """Return the error for a path that cannot be opened."""
    what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {_words(error)}"
    return ShipmentError(f"{printable(where)} {what}", "name an index, a manifest or a build directory that is there")


def holds_none(directory: str, *names: str) -> ShipmentError:
    """Return the error for a directory that has none of the files."""
    return ShipmentError(
        f"{printable(directory)} holds neither {' nor '.join(names)}",
        "run `wasmbuild build`, or name the directory that it made or a copy of it",
    )


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


def _words(error: OSError | ValueError) -> str:
    return printable(error.strerror if isinstance(error, OSError) and error.strerror else error)
