"""What runs on a worker of a cluster: it says what it is, takes a compiler that it lacks, compiles, and stops.

A compile runs in a child with the limits of its request, in a directory of its own that is removed afterwards. Nothing
is kept but the compiler, by its digest, in the cache of the user who runs the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmbuild import __version__
from wasmbuild.builder.compile import LocalCompiler
from wasmbuild.builder.executors import wire
from wasmbuild.errors import CompileError, WasmbuildError
from wasmbuild.toolchain import executable, find, process
from wasmbuild.toolchain.toolchain import Toolchain

if TYPE_CHECKING:
    from distributed import Worker

_PREFIX = "wasmbuild-"
_STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.02

# The threads that compile, by the build they do it for, and the builds that were stopped.
_compiling: dict[str, set[int]] = {}
_stopped: deque[str] = deque(maxlen=1024)
_lock = threading.Lock()


def versions() -> dict[str, str]:
    """Return what has to be the same on all machines of a build."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {"wasmbuild": __version__, "Python": python, "distributed": metadata.version("distributed")}


def version_problem(theirs: Mapping[str, str]) -> str:
    """Say what another machine that has these versions has to change, to go on after its name; nothing if nothing."""
    for name, ours in versions().items():
        if (other := theirs.get(name)) != ours:
            return f"has {name} {other}, and this machine has {ours}; install the same on both"
    return ""


def system() -> str:
    """Return the kind of machine that this is, as far as a program has to be made for it."""
    return f"{sys.platform} {platform.machine()}"


async def examine(digests: Sequence[str]) -> dict[str, Any]:
    """Return what this machine is, and which of the compilers with these digests it lacks."""
    lacks = [sha256 for sha256 in digests if await asyncio.to_thread(find.by_digest, sha256) is None]
    return {
        "versions": versions(),
        "system": system(),
        "limits-memory": process.memory_can_be_limited(),
        "lacks": lacks,
    }


def install(program: bytes, sha256: str) -> str:
    """Keep a compiler that was sent; return why it cannot be used here, or nothing."""
    if hashlib.sha256(program).hexdigest() != sha256:
        return "got a compiler that was damaged on its way"
    try:
        with _directory() as directory:
            sent = directory / "wasmtime"
            sent.write_bytes(program)
            executable.identify(sent)
    except OSError as error:
        return f"has no room for the compiler: {error.strerror or error}"
    except executable.UnusableExecutableError as error:
        return f"cannot use the compiler that it was sent: it {error}"
    except WasmbuildError as error:
        return f"cannot use the compiler that it was sent: {error}"
    return "" if find.by_digest(sha256) else "could not keep the compiler that it was sent"


def compile(asked: bytes, wasm: bytes, build: str) -> dict[str, Any]:  # noqa: A001 -- called as remote.compile
    """Compile a binary as a request asks for it, for a build that may be stopped meanwhile."""
    try:
        request = wire.request_from_bytes(asked)
    except (ValueError, WasmbuildError) as error:
        return wire.unfit(f"does not understand the request: {error}")
    if hashlib.sha256(wasm).hexdigest() != request.wasm_sha256:
        return wire.unfit("got a module that was damaged on its way")
    found = find.by_digest(request.compiler.sha256)
    if found is None:
        return _lacks_compiler()
    try:
        with _registered(build), _directory() as directory:
            source = directory / "source.wasm"
            source.write_bytes(wasm)
            toolchain = Toolchain({request.engine.line: found}, request.limits)
            try:
                result = LocalCompiler(toolchain, lambda: directory).compile(request, source)
            finally:
                toolchain.close()
            if result.error is not None:
                if not isinstance(result.error, CompileError):
                    return wire.unfit(f"cannot compile: {result.error}")
                if find.by_digest(found.sha256) != found:
                    # It was removed or replaced meanwhile, which is no fault of the artifact.
                    return _lacks_compiler()
                return wire.answer(result, None, None)
            artifact = Path(str(result.artifact)).read_bytes()
            return wire.answer(result, artifact, hashlib.sha256(artifact).hexdigest())
    except OSError as error:
        return wire.unfit(f"has no room to compile: {error.strerror or error}{_place(error)}")


def _lacks_compiler() -> dict[str, Any]:
    return wire.unfit("has no compiler with that digest", lacks_compiler=True)


def compile_there(asked: bytes, wasm: bytes, build: str) -> tuple[str, dict[str, Any]]:
    """Compile as a task of Dask, and say which worker it was, by its address."""
    from distributed import get_worker

    return get_worker().address, compile(asked, wasm, build)


async def stop(build: str) -> None:
    """Kill what compiles for a build, and let nothing more start for it."""
    with _lock:
        _stopped.append(build)
    await asyncio.to_thread(_kill, build)


def _kill(build: str) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        with _lock:
            threads = set(_compiling.get(build, ()))
        if not threads:
            return
        # Again and again: one of them may be about to start a child.
        process.kill_all(threads)
        time.sleep(_PAUSE_SECONDS)


@contextlib.contextmanager
def _registered(build: str) -> Iterator[None]:
    thread = threading.get_ident()
    with _lock:
        if build in _stopped:
            raise InterruptedError(4, "the build was stopped", build)
        _compiling.setdefault(build, set()).add(thread)
    try:
        yield
    finally:
        with _lock:
            _compiling[build].discard(thread)
            if not _compiling[build]:
                del _compiling[build]


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    """Make a directory for one task where Dask keeps what it spills, else where temporary files go. Raises OSError."""
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_scratch()))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _place(error: OSError) -> str:
    """Say where an error of a directory of ours was, in brackets; where a write failed, the system names no file."""
    place = error.filename or _scratch()
    return f" ({place})" if place else ""


def _scratch() -> str | None:
    from distributed import get_worker

    try:
        worker: Worker = get_worker()
    except ValueError:  # no task of Dask
        return None
    return str(worker.local_directory)
