"""Modules that follow a build directory: a new index means new modules, and instances of the old ones live on."""

from __future__ import annotations

import sys
import time

from wasmbuild.lean.typing import Any
from wasmbuild.runtime.engines import is_closed
from wasmbuild.runtime.errors import LoadError, NoShipmentError
from wasmbuild.runtime.forking import ForkSafeLock
from wasmbuild.runtime.loaded import Loaded
from wasmbuild.runtime.loading import LOGGER, load_within
from wasmbuild.runtime.publication import PATIENCE
from wasmbuild.runtime.shipments import Shipment, Where, find


class Watcher:
    """Loads modules of one index, manifest or directory, and loads them again when a new one was published there.

    It has no thread: ``get`` looks at the file when the last look is ``interval`` seconds or more ago, which costs a
    few system calls, and for two seconds after a publication a reading of the index, where the file system's times
    could hide the next one. A module that is the same in the new index stays the very same object. What cannot be
    loaded anew is kept as it was, and tried again at the next look; ``errors`` has the reason meanwhile, and each is
    logged once. What an application has closed, or the engine of which, is loaded anew, as if it never was.

    A ``Loaded`` that was given out is never changed: its instances, and those that are made of it later, run on until
    the application drops it and asks again. May be used by any number of threads.
    """

    def __init__(self, where: Where, *, interval: float = 1.0, **options: Any) -> None:
        """``options`` are those of ``load``. Nothing is read yet."""
        self._where = where
        self._interval = interval
        self._options = options
        self._lock = ForkSafeLock()
        self._looked = float("-inf")
        self._looks = 0
        self._generation = 0
        self._shipment: Shipment | None = None
        self._watched: dict[str, _Watched] = {}
        self.errors: dict[str, LoadError] = {}

    def get(self, module: str) -> Loaded:
        """Return a module as it was last published. Raises what ``load`` raises when it was never loaded before."""
        with self._lock.mutex:
            self._look()
            watched = self._open(module)
            if watched is not None:
                if watched.generation == self._generation or watched.tried == self._looks:
                    return watched.loaded
                # Meanwhile other threads go on with the old one.
                watched.tried = self._looks
            generation, looks = self._generation, self._looks
        try:
            # Who has something to go on with does not wait for a build.
            loaded = load_within(PATIENCE if watched is None else 0, self._where, module, **self._options)
        except LoadError as error:
            if watched is None:
                raise
            # What lasts as long as a build is said once, not at every look.
            if str(error) != str(self.errors.get(module)):
                _warn(module, error)
            self.errors[module] = error
            return watched.loaded
        self.errors.pop(module, None)
        with self._lock.mutex:
            now = self._open(module)
            if now is not None and _same(now.loaded, loaded):
                loaded = now.loaded
            self._watched[module] = _Watched(loaded, generation, looks)
            return loaded

    def _open(self, module: str) -> _Watched | None:
        """Return what was loaded of a module, unless an application that had it has closed it or its engine."""
        watched = self._watched.get(module)
        return None if watched is None or _is_closed(watched.loaded) else watched

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < self._interval:
            return
        self._looked = now
        self._looks += 1
        try:
            shipment = find(self._where)
        except NoShipmentError:
            # Taken away, or being published: there is nothing newer than what is known.
            return
        except LoadError:
            # Loading says what is wrong with it.
            self._shipment = None
            self._generation += 1
            return
        if shipment is not self._shipment:
            self._shipment = shipment
            self._generation += 1


class _Watched:
    def __init__(self, loaded: Loaded, generation: int, tried: int) -> None:
        self.loaded = loaded
        self.generation = generation
        self.tried = tried


def _is_closed(loaded: Loaded) -> bool:
    value = loaded.module if loaded.kind == "module" else loaded.component
    return is_closed(value) or is_closed(loaded.engine)


def _same(old: Loaded, new: Loaded) -> bool:
    return old.sha256 == new.sha256 and old.target == new.target and old.engine is new.engine


def _warn(module: str, error: LoadError) -> None:
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(LOGGER).warning("%s: keeping what was loaded before: %s", module, error)
