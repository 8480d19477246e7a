"""What is in the way of a part of the cache on this machine, for people: where, why, and what to do about it."""

from __future__ import annotations

import os
import shlex
import stat

from wasmbuild.boundary import host_fix
from wasmbuild.builder.cache.answers import CacheProblem
from wasmbuild.lean.pathlib import Path
from wasmbuild.text import escaped

_ALL = os.R_OK | os.W_OK | os.X_OK
_RIGHTS = stat.S_IRWXU


def met(root: Path, path: str | None, error: OSError) -> CacheProblem:
    """Return what kept a file or folder of the cache at ``root`` from being read, written or replaced.

    Without a path, that is what the host lacks for any of them: room, descriptors, a disk that works.
    """
    why, fix = error.strerror or str(error), "remove it"
    if path is None:
        return _in_part(str(root), why, host_fix(error.errno or 0))
    above = (str(root), os.path.dirname(path))
    place = next((folder for folder in above if not os.access(folder, _ALL)), path)
    try:
        status = os.lstat(place)
    except OSError:
        return _in_part(place, why, "")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        why = "it is another user's"
        # Of a folder of theirs only they can remove what is in it.
        fix = "have its owner remove it" if stat.S_ISDIR(status.st_mode) else fix
    elif stat.S_ISDIR(status.st_mode) and status.st_mode & _RIGHTS != _RIGHTS:
        fix = f"run: chmod u+rwx {shlex.quote(place)}"
    return _in_part(place, why, fix)


def _in_part(place: str, why: str, fix: str) -> CacheProblem:
    return CacheProblem(escaped(f"{place}: {why}; {fix}" if fix else f"{place}: {why}"), in_part=True)
