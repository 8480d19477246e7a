"""What is used of ``signal``, without the enums that it makes of all names: they take as long as ten modules do."""

from __future__ import annotations

__all__ = ["signal"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal
