"""Where compiles run, by its address: this machine, or a cluster."""

from __future__ import annotations

import os

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import executor_addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.builder.interfaces import Compiler, ExecutionBackend, Executor
    from wasmbuild.project.executor_addresses import SchedulerAddress
    from wasmbuild.toolchain.toolchain import Toolchain

VARIABLE = "WASMBUILD_EXECUTOR"
"""The environment variable that names an executor, for builds without an option that does."""


class LocalBackend:
    """This machine."""

    def executor(self, compiler: Compiler, jobs: int | None) -> Executor:
        from wasmbuild.builder.executors.jobserver import local_executor

        return local_executor(compiler, jobs)

    def compiler(self, compiler: Compiler) -> Compiler:
        return compiler

    def close(self) -> None:
        pass


THIS_MACHINE = LocalBackend()


def requested(named: str | None, declared: str | None) -> SchedulerAddress | None:
    """Return the scheduler that the build was told, else that of the environment, else the declared one; None for here.

    Raises UsageError.
    """
    for text, named_by in (
        (named, "executor"),
        (os.environ.get(VARIABLE), VARIABLE),
        (declared, "[build] executor"),
    ):
        if text:
            try:
                return executor_addresses.scheduler(text)
            except ValueError as error:
                raise UsageError(f"{named_by}: {'; '.join(error.args)}") from None
    return None


def at(scheduler: SchedulerAddress | None, toolchain: Toolchain, say: Callable[[str], None]) -> ExecutionBackend:
    """Return what runs requests on the workers of a scheduler, or on this machine where it is None.

    Raises UsageError without the extra, ExecutorError.
    """
    if scheduler is None:
        return THIS_MACHINE
    from importlib.util import find_spec

    where = f"{scheduler.host}:{scheduler.port}"
    if find_spec("distributed") is None:
        raise UsageError(f"dask://{where}: Dask is not installed here; run: pip install 'wasmbuild[dask]'")
    from wasmbuild.builder.executors.dask import DaskBackend

    # Without a scheme, Dask's configuration says which.
    return DaskBackend(f"{scheduler.scheme}://{where}" if scheduler.scheme else where, toolchain, say)
