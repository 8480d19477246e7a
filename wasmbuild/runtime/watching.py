"""Modules that follow a build directory: a new index means new modules, and instances of the old ones live on."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from wasmbuild import files
from wasmbuild.runtime import shipments
from wasmbuild.runtime.errors import LoadError
from wasmbuild.runtime.loaded import Loaded
from wasmbuild.runtime.loading import LOGGER, load
from wasmbuild.runtime.shipments import Where


class Watcher:
    """Loads modules of one index, manifest or directory, and loads them again when a new one was published there.

    It has no thread: ``get`` looks at the file when the last look is ``interval`` seconds or more ago, which costs a
    ``stat`` or two. A module that is the same in the new index stays the very same object. What cannot be
    loaded anew is logged, kept as it was, and tried again at the next look; ``errors`` has the reason meanwhile.

    A ``Loaded`` that was given out is never changed: its instances, and those that are made of it later, run on until
    the application drops it and asks again. May be used by any number of threads.
    """

    def __init__(self, where: Where, *, interval: float = 1.0, **options: Any) -> None:
        """``options`` are those of ``load``. Nothing is read yet."""
        self._where = where
        self._interval = interval
        self._options = options
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._looks = 0
        self._generation = 0
        self._signature: files.Signature | None = None
        self._known: dict[str, _Known] = {}
        self.errors: dict[str, LoadError] = {}

    def get(self, module: str) -> Loaded:
        """Return a module as it was last published. Raises what ``load`` raises when it was never loaded before."""
        with self._lock:
            self._look()
            known = self._known.get(module)
            if known is not None:
                if known.generation == self._generation or known.tried == self._looks:
                    return known.loaded
                # Meanwhile other threads go on with the old one.
                known.tried = self._looks
            generation, looks = self._generation, self._looks
        try:
            loaded = load(self._where, module, **self._options)
        except LoadError as error:
            if known is None:
                raise
            self.errors[module] = error
            _warn(module, error)
            return known.loaded
        self.errors.pop(module, None)
        with self._lock:
            now = self._known.get(module)
            if now is not None and _same(now.loaded, loaded):
                loaded = now.loaded
            self._known[module] = _Known(loaded, generation, looks)
            return loaded

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < self._interval:
            return
        self._looked = now
        self._looks += 1
        try:
            signature = files.signature(shipments.locate(os.fspath(self._where))[1])
        except LoadError:
            # Taken away, or being published: there is nothing newer than what is known.
            return
        if signature != self._signature:
            self._signature = signature
            self._generation += 1


class _Known:
    def __init__(self, loaded: Loaded, generation: int, tried: int) -> None:
        self.loaded = loaded
        self.generation = generation
        self.tried = tried


def _same(old: Loaded, new: Loaded) -> bool:
    return old.sha256 == new.sha256 and old.target == new.target and old.engine is new.engine


def _warn(module: str, error: LoadError) -> None:
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(LOGGER).warning("%s: keeping what was loaded before: %s", module, error)
