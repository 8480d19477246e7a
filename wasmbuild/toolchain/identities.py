"""What compilers are, by their files: version and digest, remembered for the user while the stat signature stays.

Nothing beside a build's output is asked: who may write there would decide which program the next build runs.
"""

from __future__ import annotations

import os
import time

from wasmbuild import files
from wasmbuild.digest import is_hex, sha256_hex
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.usercache import Documents
from wasmbuild.versions import is_version

SCHEMA = "wasmbuild/identity/2"

# More executables than anybody has.
_DOCUMENTS = Documents("identities", 256)


class KnownIdentity(NamedTuple):
    """What a file is: ``version`` is what it says, empty where it was not asked, ``sha256`` the digest of its bytes."""

    version: str
    sha256: str


class ReplacedError(Exception):
    """A file was replaced while it was looked at."""


# What this process found out, for a machine whose cache cannot be written.
_found: dict[str, tuple[files.Signature, KnownIdentity]] = {}


def recall(path: Path) -> KnownIdentity | None:
    """Return what is known of a file that has not changed since. Raises OSError where there is no file."""
    signature = files.signature(path.stat())
    found = _found.get(str(path))
    if found is None or found[0] != signature:
        found = _read(path)
        if found is None or found[0] != signature:
            return None
        _found[str(path)] = found
    return found[1]


def remember(path: Path, signature: files.Signature, fact: KnownIdentity, now: int) -> None:
    """Note what a file is, unless it may have changed since without its stat signature showing it. Never raises.

    ``now`` is the time in nanoseconds before it was read: by the clock of this machine, which stands for that of the
    file system, since that may be read-only.
    """
    if not files.is_settled(signature, now):
        return
    _found[str(path)] = (signature, fact)
    document = {"schema": SCHEMA, "path": str(path), "signature": signature, **fact._asdict()}
    _DOCUMENTS.remember(_name(path), document)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read only when its stat signature is new. Raises OSError."""
    known = recall(path)
    if known is not None:
        return known.sha256
    now = time.time_ns()
    sha256, signature = files.hash_file(path)
    remember(path, signature, KnownIdentity("", sha256), now)
    return sha256


def _read(path: Path) -> tuple[files.Signature, KnownIdentity] | None:
    document = _DOCUMENTS.recall(_name(path))
    if document is None:
        return None
    try:
        if (document["schema"], document["path"]) != (SCHEMA, str(path)):
            return None
        dev, ino, size, mtime, ctime = document["signature"]
        version, sha256 = document["version"], document["sha256"]
        if not is_hex(sha256, 64) or not (version == "" or is_version(version)):
            return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return (dev, ino, size, mtime, ctime), KnownIdentity(version, sha256)


def _name(path: Path) -> str:
    return sha256_hex(os.fsencode(path))
