"""What ``[audit]`` comes to: which known faults fail what, and which are let pass."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

SEVERITIES = ("low", "medium", "high", "critical")
COMMANDS = ("build", "verify")
"""Commands that can be made to fail by a known fault."""


class Ignore(NamedTuple):
    """An advisory that is let pass: its id or alias, why, and the last day on which that holds (None: for ever)."""

    id: str
    reason: str
    until: date | None = None


class AuditPolicy(NamedTuple):
    """``fail_on`` is the lowest of ``SEVERITIES`` that fails; ``enforce`` those of ``COMMANDS`` that fail by it too."""

    fail_on: str = "high"
    ignore: tuple[Ignore, ...] = ()
    enforce: tuple[str, ...] = ()

    def on(self, day: date) -> AuditPolicy:
        """Return what holds on a day: without what was let pass until an earlier one."""
        return self._replace(ignore=tuple(each for each in self.ignore if each.until is None or each.until >= day))

    def in_force(self) -> AuditPolicy:
        """Return what holds today, in UTC."""
        if all(ignored.until is None for ignored in self.ignore):
            return self
        return self.on(today())


def today() -> date:
    """Return the day in UTC, the same one everywhere."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date()
