"""Use what is published in a directory, though a build may be writing there at this moment."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

from wasmbuild.lean.typing import TypeVar
from wasmbuild.project import filenames
from wasmbuild.runtime.errors import HostLimitError, LoadError, MissingArtifactError
from wasmbuild.runtime.file_errors import of_memory, of_system
from wasmbuild.runtime.shipments import OpenShipment, Shipment, Where, find, forget, open_shipment
from wasmbuild.text import printable

_Result = TypeVar("_Result")

PATIENCE = 2.0
"""Seconds to wait for a build in the same directory to publish what is asked for."""

_POLL = 0.02
# Publications in a row that are each gone before they were used.
_RETRIES = 5
_HINT = (
    "a build is writing in this directory: try again when it has ended, or build elsewhere and let a link or a rename "
    "publish the whole directory at once"
)


def use_published(where: Where, use: Callable[[OpenShipment], _Result], *, patience: float = PATIENCE) -> _Result:
    """Return what ``use`` makes of the shipment at an index, a manifest or a directory. Raises LoadError.

    What fails is tried again when something else was published meanwhile, and as long as a build is going on there,
    for ``patience`` seconds.
    """
    deadline: float | None = None
    retries = 0
    while True:
        shipment = None
        try:
            with open_shipment(where) as opened:
                shipment = opened.shipment
                return use(opened)
        except LoadError as error:
            if isinstance(error, HostLimitError) and error.errno != errno.ESTALE:
                raise
            if isinstance(error, MissingArtifactError) and not retries:
                # The index stays the same where a target is taken away.
                forget(where)
            # Published while it was read: what is there now is whole again.
            if retries < _RETRIES and _is_another(where, shipment):
                retries += 1
                continue
            if not _is_being_built(where):
                raise
            now = time.monotonic()
            deadline = now + patience if deadline is None else deadline
            if now >= deadline:
                raise error.with_hint(_HINT) from None
        except OSError as error:
            raise of_system(printable(os.fspath(where)), error) from None
        except MemoryError:
            raise of_memory(printable(os.fspath(where))) from None
        time.sleep(_POLL)


def _is_another(where: Where, shipment: Shipment | None) -> bool:
    try:
        return find(where) is not shipment
    except LoadError:
        return False


def _is_being_built(where: Where) -> bool:
    """Tell whether a build has its lock on the directory, or on the one above, where that of a target was named."""
    from wasmbuild import locks

    try:
        path = os.path.realpath(where)
    except (OSError, ValueError):  # the working directory was removed; a zero byte
        return False
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    # A build locks the directory itself, wherever its state lies, and a file where the system locks no directory.
    held = ("", os.path.join(*filenames.BUILD_LOCK.split("/")))
    return any(locks.is_held(os.path.join(at, name)) for at in (folder, os.path.dirname(folder)) for name in held)
