"""The connection to the scheduler of a Dask cluster: all that is said to Dask, in its words."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import warnings
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from wasmbuild.errors import ExecutorError

_IS_OURS = "distributed" not in sys.modules

import dask  # noqa: E402 -- first it is asked whether the program around this one uses it
from distributed import Client, Future, Security  # noqa: E402
from distributed.comm import normalize_address  # noqa: E402
from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError  # noqa: E402
from distributed.utils import CancelledError  # noqa: E402
from distributed.versions import VersionMismatchWarning  # noqa: E402

from wasmbuild.builder.executors import remote  # noqa: E402
from wasmbuild.builder.executors.cluster_client import (  # noqa: E402
    RequestFailedError,
    RequestLostError,
    WorkersDiedError,
)
from wasmbuild.toolchain.find import EMBEDDED, FoundCompiler  # noqa: E402

if _IS_OURS:
    # What is wrong is reported once, in our words; a program that uses Dask itself says what it wants to hear.
    for _name in ("distributed", "distributed.client"):
        logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_INSTALL = "pip install 'wasmbuild[dask]=={}'"
# Of a request, which is sent once; the threshold is for those who send their data with each task by mistake.
_SIZE_TO_WARN_OF = {"distributed.admin.large-graph-warning-threshold": "16GiB"}
_FIRST = 100


class DaskClient:
    """A client of one scheduler, for one build; everything happens in one event loop."""

    def __init__(self, address: str, compilers: Iterable[FoundCompiler], build: str) -> None:
        """``address`` is as Dask has it, ``build`` a name that no other build has; ``compilers`` are all it needs."""
        self.address = address
        self._compilers = {compiler.sha256: compiler for compiler in compilers}
        self._build = build
        self._numbers = itertools.count()
        self._client: Client | None = None
        self._programs: dict[str, Future] = {}

    async def connect(self, seconds: float) -> None:
        """Reach the scheduler, anew where it was lost. Raises OSError where it is not there, ExecutorError."""
        await self.close(seconds)
        _check_certificates(self.address)
        client = Client(self.address, asynchronous=True, timeout=seconds, set_as_default=False)
        try:
            with warnings.catch_warnings():
                # They are compared below, in fewer words.
                warnings.simplefilter("ignore", VersionMismatchWarning)
                await _wait_for_scheduler(client, self.address, 2 * seconds)
            self._client = client
            await asyncio.wait_for(self._check_scheduler(), 2 * seconds)
        except BaseException:
            self._client = None
            with suppress(Exception):
                await asyncio.wait_for(client.close(), seconds)
            raise

    @property
    def is_connected(self) -> bool:
        """Tell whether what was submitted is still known to the scheduler, as far as the connection tells."""
        return self._client is not None and self._client.status == "running"

    async def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the scheduler says of its workers, by their addresses. Raises OSError."""
        identity = await self._connected().scheduler.identity(n_workers=-1)
        workers: Mapping[str, Mapping[str, Any]] = identity["workers"]
        return workers

    async def examine(self, address: str) -> Mapping[str, Any]:
        """Return what a worker says of itself, or a ``problem``. Raises OSError."""
        answers = await self._connected().run(
            remote.examine, list(self._compilers), workers=[address], on_error="return"
        )
        answer = answers.get(address, OSError("it is gone"))
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, Exception) and _is_lack(answer):
            return {"problem": _lacks()}
        if isinstance(answer, Exception):
            return {"problem": f"could not say what it is: {type(answer).__name__}: {answer}"}
        described: Mapping[str, Any] = answer
        return described

    async def install(self, address: str, lacks: Iterable[str]) -> str:
        """Send a worker the compilers with these digests; return why that did not help, or nothing. Raises OSError."""
        for sha256 in lacks:
            compiler = self._compilers[sha256]
            if compiler.kind == EMBEDDED:
                return f"lacks the library that compiles here; run there: pip install wasmtime=={compiler.version}"
            if problem := await self._install(address, compiler):
                return problem
        return ""

    async def _install(self, address: str, compiler: FoundCompiler) -> str:
        client, sha256 = self._connected(), compiler.sha256
        if sha256 not in self._programs:
            data = await asyncio.to_thread(Path(compiler.path).read_bytes)
            # Sent once from here; workers have it from each other.
            self._programs[sha256] = self._submit(client, bytes, data)
        future = self._submit(client, remote.install, self._programs[sha256], sha256, workers=[address])
        try:
            return str(await _ended(future))
        except WorkersDiedError:
            return "dies of the compiler that it is sent"
        except RequestFailedError as error:
            return f"cannot take the compiler that it is sent: {error}"
        except RequestLostError as error:
            # What it waited for may be lost as well.
            self._programs.pop(sha256, None)
            raise OSError("it is gone, or starts nothing") from error
        finally:
            future.release()

    async def compile(self, asked: bytes, wasm: bytes, workers: Collection[str]) -> tuple[str, object]:
        """Run a request on one of these workers; return its address and its answer.

        Raises RequestLostError where the scheduler knows nothing of it any more or has nobody for it, WorkersDiedError
        where it was run and its workers died again and again, ExecutorError where it failed in another way, OSError.
        """
        client = self._connected()
        future = self._submit(client, remote.compile_there, asked, wasm, self._build, workers=workers)
        try:
            answered = await _ended(future)
            is_pair = isinstance(answered, tuple) and len(answered) == 2
            address, answer = answered if is_pair else ("", answered)
            # A worker that is reached by the name of a host has another address for the scheduler than for itself.
            return address if address in workers else await _holder(client, future), answer
        except RequestFailedError as error:
            raise ExecutorError(
                f"a worker of the Dask scheduler at {self.address} failed to compile: {error}; its log says more"
            ) from error
        finally:
            future.release()

    async def invite(self) -> None:
        """Wait for any worker at all: a cluster that grows on demand sees that there is something to do."""
        # A task of ours would end a worker that has no wasmbuild.
        future = self._submit(self._connected(), int)
        try:
            await future
        finally:
            future.release()

    async def stop(self, workers: Collection[str]) -> None:
        """Kill what these workers run for the build."""
        await self._connected().run(remote.stop, self._build, workers=list(workers), on_error="ignore")

    async def close(self, seconds: float) -> None:
        """Let go of the scheduler, which forgets what was submitted."""
        client, self._client, self._programs = self._client, None, {}
        if client is not None:
            with suppress(Exception):
                await asyncio.wait_for(client.close(), seconds)

    # --- in Dask's words

    def _connected(self) -> Client:
        if self._client is None:
            raise ConnectionError("not connected")
        return self._client

    def _submit(self, client: Client, function: Any, *arguments: Any, workers: Collection[str] | None = None) -> Future:
        with dask.config.set(_SIZE_TO_WARN_OF):
            return client.submit(
                function,
                *arguments,
                key=f"wasmbuild-{function.__name__}-{self._build}-{next(self._numbers)}",
                workers=None if workers is None else list(workers),
                # What was asked for first comes first; a compiler before what waits for it.
                priority=0 if function is remote.compile_there else _FIRST,
                pure=False,
            )

    async def _check_scheduler(self) -> None:
        client = self._connected()
        try:
            theirs = await client.run_on_scheduler(remote.versions)
        except Exception as error:
            if not _is_lack(error):
                raise
            raise ExecutorError(f"the scheduler at {self.address} {_lacks()}") from error
        if problem := remote.version_problem(theirs):
            raise ExecutorError(f"the scheduler at {self.address} {problem}")


async def _ended(future: Future) -> Any:
    """Return what a task returned. Raises RequestLostError, WorkersDiedError, and RequestFailedError for all others."""
    try:
        return await future
    except (CancelledError, NoValidWorkerError, NoWorkerError, OSError) as error:
        raise RequestLostError(str(error)) from error
    except KilledWorker as error:
        raise WorkersDiedError(str(error.last_worker.address), error.allowed_failures + 1) from error
    except Exception as error:
        raise RequestFailedError(f"{type(error).__name__}: {error}") from error


async def _holder(client: Client, future: Future) -> str:
    """Return the scheduler's address of the worker that has what a task returned. Raises RequestLostError, OSError."""
    for addresses in (await client.who_has([future])).values():
        for address in addresses:
            return str(address)
    raise RequestLostError("the worker that had it is gone")


def _is_lack(error: Exception) -> bool:
    """Tell whether another machine could not find our code; Dask passes some exceptions on as text."""
    names = ("ModuleNotFoundError", "ImportError", "AttributeError")
    return type(error).__name__ in names or str(error).startswith(names)


def _lacks() -> str:
    install = _INSTALL.format(remote.versions()["wasmbuild"])
    return f"has no wasmbuild, or another one than here; run there: {install}"


async def _wait_for_scheduler(client: Client, address: str, seconds: float) -> None:
    """Wait until a client is connected. Raises OSError, and ExecutorError where another part of a cluster answers."""
    try:
        await asyncio.wait_for(client, seconds)
    except TypeError as error:
        # Workers and what watches them are asked in other ways.
        raise ExecutorError(
            f"what answers at {address} is no scheduler but another part of a Dask cluster; name the address that "
            "dask scheduler prints"
        ) from error


def _check_certificates(address: str) -> None:
    """Raise ExecutorError for an address with TLS where Dask's configuration has no certificates to speak it with."""
    if not normalize_address(address).startswith("tls://"):
        return
    try:
        context = Security().get_connection_args("client")["ssl_context"]
        problem = "names no authority, or no certificate of a client"
    except OSError as error:  # of the file, or of what is in it
        context, problem = None, f"names certificates that cannot be used: {error.strerror or error}"
    if context is None:
        raise ExecutorError(
            f"{address} speaks TLS, for which Dask's configuration {problem}; set distributed.comm.tls.ca-file, "
            f"distributed.comm.tls.client.cert and distributed.comm.tls.client.key there, to files"
        )
