"""Load artifacts with a ``wasmtime`` executable, one process for each.

``wasmtime run`` deserializes the file that it is given before it opens what ``--preload`` names. With a preload that
does not exist it stops there: nothing is instantiated, and no code of the artifact runs.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from wasmbuild.toolchain import child
from wasmbuild.toolchain.child import Limits
from wasmbuild.verify.loading import Load, death, one_line, refusal
from wasmbuild.verify.report import Broken, Obstacle, Unreachable

_MISSING = "missing"
_LOADED = f'failed to open wasm module "{_MISSING}"'
_ERROR = "Error: "
_REFUSED = 1
_USAGE = 2


class ExecutableLoader:
    """Settles what is put in, a few at a time. ``Load.how`` is the command up to what is preloaded.

    The executable is given private copies, in ``directory``. ``limits`` are for one artifact.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._workers = min(os.cpu_count() or 1, 4)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="wasmbuild-loader")
        self._under_way: set[Future[None]] = set()
        self._count = 0
        self._aborted = False

    def put(self, load: Load) -> None:
        """Take a load, waiting while enough others do. Raises ChildError, and OSError when a copy cannot be written."""
        while len(self._under_way) > 2 * self._workers:
            ended, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
        self._count += 1
        self._under_way.add(self._pool.submit(self._load, load, f"load-{self._count}.cwasm"))

    def close(self) -> None:
        """Settle what is left. Raises as ``put`` does."""
        self._pool.shutdown()
        for future in self._under_way:
            future.result()

    def abort(self) -> None:
        """End without settling what has not begun; what runs has its time limit."""
        self._aborted = True
        self._pool.shutdown(cancel_futures=True)

    def _load(self, load: Load, name: str) -> None:
        if self._aborted:
            return None
        copy = self._directory / name
        try:
            if _copy(load, copy) != load.artifact.sha256:
                changed = f"{load.artifact.path} changed while it was verified; verify when nothing writes to it"
                return load.end(Broken(changed))
            command = [*load.how, "--preload", f"probe={_MISSING}", name]
            load.end(self._obstacle(load, child.run(command, limits=self._limits, cwd=self._directory)))
        finally:
            copy.unlink(missing_ok=True)

    def _obstacle(self, load: Load, ended: child.Ended) -> Obstacle | None:
        words = ended.stderr.removeprefix(_ERROR)
        if ended.status == _REFUSED and words.startswith(_LOADED):
            return None
        if ended.status == _REFUSED:
            # The first line names the private copy.
            return refusal(load.artifact, words.partition("\n")[2] or words, self._limits.memory)
        if ended.status == _USAGE:
            return Unreachable(
                f"cannot be loaded on this host: {ended.argv[0]} does not take its settings or was built without `run` "
                f"({one_line(words)})"
            )
        return death(
            load.artifact, ended.reason or "ended well, although it should not", ended.stderr, self._limits.memory
        )


def _copy(load: Load, to: Path) -> str:
    """Copy the open file, and return the SHA-256 in hex of what was copied."""
    digest = hashlib.sha256()
    load.file.seek(0)
    with open(to, "xb") as out:
        while part := load.file.read(1 << 20):
            digest.update(part)
            out.write(part)
    return digest.hexdigest()
