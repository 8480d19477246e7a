"""``[cache]``."""

from __future__ import annotations

from pydantic import Field

from wasmbuild.project.cache_policy import CachePolicy
from wasmbuild.project.tables.base import Table
from wasmbuild.project.tables.values import Bytes


class CacheTable(Table):
    """The cache of artifacts, which all projects and commands of a user share.

    `WASMBUILD_CACHE` names another directory for it, by an absolute path, or says `off`.
    """

    enabled: bool = Field(
        default=True, description="Whether artifacts that were compiled before are taken from it, and others kept."
    )
    max_size: Bytes = Field(
        default="5 GiB",
        validate_default=True,
        description=(
            "What is kept in all: bytes, or text such as `5 GiB`. Beyond that, what was used longest ago goes; an "
            "artifact that is larger is not kept."
        ),
    )

    def policy(self) -> CachePolicy:
        """Return what the table comes to."""
        return CachePolicy(self.enabled, self.max_size)
