"""What lies in the directory of the cache on this machine, for who counts or removes it."""

from __future__ import annotations

import os
import time

from wasmbuild.builder.cache.entry import TEMPORARY
from wasmbuild.digest import is_hex
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY = 24 * 3600
_NAME = 63


def used(status: os.stat_result, now: float) -> float:
    """Return when an entry was last used; one of the future was stamped by a clock that was wrong."""
    return status.st_mtime if status.st_mtime <= now + _DAY else 0.0


def entries(root: Path, faults: list[OSError]) -> Iterator[tuple[str, os.stat_result]]:
    """Go through all entries, and remove on the way what processes that were killed left a day ago.

    What else is there is not of ours, and stays: whoever names the directory may keep something in it. Why a part of it
    cannot be read is added to ``faults``; raises OSError where nothing can be.
    """
    now = time.time()
    for folder in _scanned(root):
        if not is_hex(folder.name, 1) or not folder.is_dir(follow_symlinks=False):
            continue
        try:
            inside = _scanned(folder.path)
        except OSError as error:
            faults.append(error)
            continue
        for found in inside:
            is_temporary = found.name.startswith(TEMPORARY)
            if not is_temporary and not is_hex(found.name, _NAME):
                continue
            if found.is_dir(follow_symlinks=False):
                continue
            try:
                status = found.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                faults.append(error)
                continue
            if not is_temporary:
                yield found.path, status
            elif abs(now - status.st_mtime) > _DAY:
                with suppress(OSError):
                    os.unlink(found.path)


def unlinked(path: str, faults: list[OSError]) -> bool:
    """Remove a file, and tell whether it is gone; why it is not is added to ``faults``."""
    try:
        # A file system that is read-only says so of what is not there too, where it is to be removed.
        os.lstat(path)
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        faults.append(error)
        return False
    return True


def _scanned(directory: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except FileNotFoundError:
        return []
