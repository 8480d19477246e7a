"""The toolchains that wasmbuild installed for the user: one directory each, never changed once it has its name.

    toolchains/48.0.8-1a2b3c4d5e6f/wasmtime         the executable
    toolchains/48.0.8-1a2b3c4d5e6f/toolchain.json   where it came from
    libraries/49.0.0-1a2b3c4d5e6f/wasmtime          the Python package, and toolchain.json

The name is the version and the start of the SHA-256 of the executable, or of the package's shared library: the same one
installed twice is one.
"""

from __future__ import annotations

import os
import stat
import sys

from wasmbuild import usercache
from wasmbuild.digest import is_hex
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.versions import is_version, order

SCHEMA = "wasmbuild/toolchain/1"
RECORD = "toolchain.json"
PROGRAM = "wasmtime.exe" if sys.platform == "win32" else "wasmtime"

TOOLCHAINS, LIBRARIES = "toolchains", "libraries"

_DIGITS = 12
LONG_AGO = 10**9
"""A time before any build began: who gives it to what others watch brings none of them back."""


class Archive(NamedTuple):
    """The file that an executable was taken from: its size in bytes and SHA-256 in hex."""

    size: int
    sha256: str


class InstallRecord(NamedTuple):
    """What was installed. ``source`` is an address, a path or ``cargo``; ``archive`` is None where there was none.

    ``sha256`` and ``size`` in bytes are those of the executable, or of a package's shared library.
    """

    version: str
    source: str
    sha256: str
    size: int
    archive: Archive | None = None

    def to_bytes(self) -> bytes:
        """Return the record as it is written."""
        import json

        document = {
            "schema": SCHEMA,
            "version": self.version,
            "source": self.source,
            "executable": {"size": self.size, "sha256": self.sha256},
            "archive": self.archive._asdict() if self.archive is not None else None,
        }
        return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def data_directory() -> Path:
    """Return the user's directory for data, as the system has it; it need not exist.

    Raises RuntimeError when the user has no home directory.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "wasmbuild"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "wasmbuild"
    # The XDG specification has relative paths ignored.
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "share") / "wasmbuild"


def directory(kind: str = TOOLCHAINS) -> Path:
    """Return where toolchains, or libraries, are installed; it need not exist.

    Raises RuntimeError without a home directory.
    """
    return data_directory() / kind


def watched() -> list[Path]:
    """Return the directories whose time changes with what is installed, made where that is possible; never raises.

    One that is not there could not be watched: Make and Ninja would build at each run.
    """
    found = []
    for kind in (TOOLCHAINS, LIBRARIES):
        with suppress(OSError, RuntimeError):
            root = directory(kind)
            if not os.path.isdir(root):
                os.makedirs(root, 0o700)
                os.utime(root, (LONG_AGO, LONG_AGO))
            found.append(root)
    return found


def name(version: str, sha256: str) -> str:
    """Return the name of the directory of an executable."""
    return f"{version}-{sha256[:_DIGITS]}"


def folders(kind: str = TOOLCHAINS) -> list[Path]:
    """Return the directories of what is installed, the highest version first, of equals the latest; never raises.

    Where others than the user may write, nothing is taken for installed.
    """
    found = []
    try:
        root = directory(kind)
        if not usercache.is_own(root.stat(), stat.S_IFDIR):
            return []
        with os.scandir(root) as entries:
            for entry in entries:
                version, _, digits = entry.name.rpartition("-")
                if not is_version(version) or not is_hex(digits, _DIGITS):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.append((order(version), entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    except (OSError, RuntimeError):
        return []
    return [root / entry for _, _, entry in sorted(found, reverse=True)]


def read(folder: Path) -> InstallRecord | None:
    """Return the record of an installed toolchain, or None where it cannot be read."""
    import json

    try:
        document = json.loads((folder / RECORD).read_bytes())
        archive, executable = document["archive"], document["executable"]
        record = InstallRecord(
            str(document["version"]),
            str(document["source"]),
            str(executable["sha256"]),
            int(executable["size"]),
            Archive(int(archive["size"]), str(archive["sha256"])) if archive is not None else None,
        )
        return record if document["schema"] == SCHEMA else None
    # A number too large for any, which is infinite, is no integer.
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
