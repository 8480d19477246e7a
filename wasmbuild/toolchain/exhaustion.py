"""Whether a process that is late has no more memory to get: qemu computes for ever then, and says nothing."""

from __future__ import annotations

from wasmbuild.toolchain.process import format_bytes

_TOLD = ", having allocated all of the "
# Allocators ask for this much or more at a time.
_LEFT = 1 << 20


def told(pid: int) -> str:
    """Return that a process has allocated all that its RLIMIT_DATA allows; empty where not, or where no system tells.

    It goes on after the words that say how the process ended: ", having allocated all of the 2 GiB that it may".
    """
    try:
        import resource

        limit, _ = resource.prlimit(pid, resource.RLIMIT_DATA)
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            allocated = next((int(line.split()[1]) << 10 for line in status if line.startswith("VmData:")), 0)
    except (ImportError, AttributeError, OSError):
        return ""
    if limit == resource.RLIM_INFINITY or limit - allocated >= _LEFT:
        return ""
    return f"{_TOLD}{format_bytes(limit)} that it may"


def is_told(ending: str) -> bool:
    """Tell whether words that say how a process ended are these."""
    return _TOLD in ending
