"""``[build]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wasmbuild.project import executor_addresses
from wasmbuild.project.tables.base import Table
from wasmbuild.project.tables.refusals import Wrong
from wasmbuild.project.tables.values import Rule


def _address(text: str) -> Wrong | None:
    try:
        executor_addresses.scheduler(text)
    except ValueError as error:
        problem, fix = error.args
        return problem, fix
    return None


class BuildTable(Table):
    """Where a build compiles; it changes no artifact."""

    executor: Annotated[str, Rule(_address, pattern=executor_addresses.PATTERN)] | None = Field(
        default=None,
        description=(
            "`dask://HOST:8786` for the workers behind a scheduler of Dask, which takes the extra `dask`, or `local`, "
            "which it is by default. `WASMBUILD_EXECUTOR` in the environment, then `build --executor`, come first."
        ),
        examples=["dask://scheduler.example:8786"],
    )
