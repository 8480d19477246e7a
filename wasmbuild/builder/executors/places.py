"""Where compiles run, by its address: this machine, or a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from wasmbuild.builder.executors.rationed import here
from wasmbuild.builder.request import Compiler, Executor, Place
from wasmbuild.errors import UsageError
from wasmbuild.project import place_addresses

if TYPE_CHECKING:
    from wasmbuild.project.place_addresses import SchedulerAddress
    from wasmbuild.toolchain.toolchain import Toolchain

VARIABLE = "WASMBUILD_EXECUTOR"
"""The environment variable that names a place, for builds that are not told one."""


class Here:
    """This machine."""

    def executor(self, compiler: Compiler, jobs: int | None) -> Executor:
        return here(compiler, jobs)

    def compiler(self, compiler: Compiler) -> Compiler:
        return compiler

    def close(self) -> None:
        pass


HERE = Here()


def chosen(asked: str | None, declared: str | None) -> SchedulerAddress | None:
    """Return the scheduler that was asked for, else that of the environment, else the declared one; None for here.

    Raises UsageError.
    """
    for text, named_by in ((asked, "--executor"), (os.environ.get(VARIABLE), VARIABLE), (declared, "[build] executor")):
        if text:
            try:
                return place_addresses.scheduler(text)
            except ValueError as error:
                raise UsageError(f"{named_by}: {'; '.join(error.args)}") from None
    return None


def at(
    scheduler: SchedulerAddress | None, toolchain: Toolchain, say: Callable[[str], None] = lambda text: None
) -> Place:
    """Return the place behind a scheduler; None is this machine. Raises UsageError without the extra, ExecutorError."""
    if scheduler is None:
        return HERE
    from importlib.util import find_spec

    where = f"{scheduler.host}:{scheduler.port}"
    if find_spec("distributed") is None:
        raise UsageError(f"dask://{where}: Dask is not installed here; run: pip install 'wasmbuild[dask]'")
    from wasmbuild.builder.executors.dask import DaskPlace

    # Without a scheme, Dask's configuration says which.
    return DaskPlace(f"{scheduler.scheme}://{where}" if scheduler.scheme else where, toolchain, say=say)
