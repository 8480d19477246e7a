"""What a build and a verification say of known faults, in one line each, and whether they fail by them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from wasmbuild.audit.database import shipped
from wasmbuild.audit.report import audit
from wasmbuild.audit.telling import note
from wasmbuild.lean_typing import NamedTuple
from wasmbuild.project.audit_policy import AuditPolicy
from wasmbuild.toolchain import loads_here


class Noted(NamedTuple):
    """``line`` is for people, None where nothing is known; ``fails`` says that ``[audit] enforce`` makes it fail."""

    line: str | None
    fails: bool


def noted(paths: Sequence[str | os.PathLike[str]], policy: AuditPolicy, command: str) -> Noted:
    """Judge what manifests list by the records that came with wasmbuild, for one of ``audit_policy.COMMANDS``.

    What cannot be read is passed over: whoever builds or verifies it tells. What was let pass until an earlier day
    than this is not let pass.
    """
    report = audit(paths, shipped(), policy.on(datetime.now(UTC).date()), library=loads_here.installed())
    line = note(report, shlex.join(["wasmbuild", "audit", *map(_shown, paths)]))
    fails = command in policy.enforce and report.severe
    return Noted(f"{line} (fails by [audit] enforce)" if line and fails else line, fails)


def _shown(path: str | os.PathLike[str]) -> str:
    """Return a path as people write it, from the working directory, where it is below that."""
    path = os.fspath(path)
    if os.path.isabs(path):
        relative = os.path.relpath(path) if os.path.splitdrive(path)[0] == os.path.splitdrive(os.getcwd())[0] else path
        return path if relative.startswith(os.pardir) else relative
    return path
