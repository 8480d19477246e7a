"""How a child ended, in words; and whether it was for a limit of ours, or for what this host gives it or did to it."""

from __future__ import annotations

from wasmbuild.lean.signal import signal
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain.limits import binding, is_cpu_limited
from wasmbuild.toolchain.process import KILLED, format_bytes

if TYPE_CHECKING:
    from wasmbuild.toolchain.limits import ProcessLimits

NO_MEMORY = "ran out of memory"
"""Of a child that had no limit of ours, or one higher than that of this process."""

_OUR_MEMORY = "ran out of its memory limit"
_LATE = "did not end within "
_PANIC = r"thread '[^'\n]*'[^\n]* panicked at|panicked at "
# What Rust, and Python, call it that the system started no thread.
_BLOCKED = r"Os \{ code: \d+, kind: WouldBlock|(?m:^RuntimeError: can't start new thread$)"
_NO_THREAD = "could start no thread"
_KILLED = "was killed by SIGKILL"
_NO_CPU = "was killed by SIGXCPU"
_FREE = "free some memory"
_OR_FEWER = ", or compile fewer at a time (-j 1)"
_UNLINKED = "lacks the shared library "


def ending(status: int, stderr: str, limits: ProcessLimits, *, timed_out: bool = False) -> str:
    """Say how a child ended, as the rest of a sentence that starts with its name; empty when it ended well.

    ``status`` is as ``Popen.returncode`` has it: negative for the number of a signal.
    """
    if timed_out and limits.seconds is not None:
        return f"{_LATE}{limits.seconds:g} s"
    if status == 0:
        return ""
    from wasmbuild.diagnosis import linking, memory

    if library := linking.missing(stderr):
        return f"{_UNLINKED}{library}"
    failed = memory.failed(stderr)
    # Without a limit, words that any program may write are no proof.
    if failed or (limits.memory is not None and memory.out(stderr)):
        detail = f" ({failed})" if failed.startswith("memory allocation of") else ""
        return f"{out_of_memory(limits.memory)}{detail}"
    import re

    if re.search(_BLOCKED, stderr):
        return _NO_THREAD
    if re.search(_PANIC, stderr):
        return f"panicked ({_status(status)})"
    if status == KILLED:
        computed = " or used up its CPU time (ulimit -t)" if is_cpu_limited() else ""
        return f"{_KILLED}, by someone or by the system because it ran out of memory{computed}"
    return f"was killed by {_status(status)}" if status < 0 else f"ended with {_status(status)}"


def out_of_memory(memory: int | None) -> str:
    """Say that a child ran out of memory that was to take no more than so many bytes, as ``ending`` does."""
    limit = binding(memory)
    return f"{_OUR_MEMORY} of {format_bytes(limit.memory)}" if limit.memory and limit.is_ours else NO_MEMORY


def _status(status: int) -> str:
    if status >= 0:
        # Windows reports a crash as a large number that is known by its hexadecimal form.
        return f"status {status}" if status < 256 else f"status {status:#x}"
    from signal import Signals

    try:
        return Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def is_late(ending: str) -> bool:
    """Tell whether a child took too long, from the words that say how it ended."""
    return ending.startswith(_LATE)


def is_out_of_memory(ending: str) -> bool:
    """Tell whether a child got no more memory, from the words that say how it ended."""
    return ending.startswith((_OUR_MEMORY, NO_MEMORY))


def is_unlinked(ending: str) -> bool:
    """Tell whether a program did not start for want of a shared library, from the words that say how it ended."""
    return ending.startswith(_UNLINKED)


def says_all(ending: str) -> bool:
    """Tell whether what a child wrote says no more than how it ended, and in words of its own Python or of a linker."""
    return is_late(ending) or is_out_of_memory(ending) or is_unlinked(ending)


def is_from_outside(status: int) -> bool:
    """Tell whether it may have been somebody else or the system that ended a child, from its status."""
    return status == KILLED or (hasattr(signal, "SIGXCPU") and status == -signal.SIGXCPU)


def limit_to_raise(ending: str, limits: ProcessLimits) -> str:
    """Say which limit of ours a child ran into, from the words that say how it ended; empty when it was none."""
    if ending == _NO_THREAD and limits.declared and binding(limits.memory).is_ours:
        return "raise memory-limit under [toolchain] or the limit of processes (ulimit -u)"
    key = "memory-limit" if ending.startswith(_OUR_MEMORY) else "time-limit" if is_late(ending) else ""
    if not key:
        return ""
    if limits.declared:
        return f"raise {key} under [toolchain]"
    return f"declare the target in a wasmbuild.toml, with a higher {key} under [toolchain]"


def want(ending: str, *, alone: bool = False) -> str:
    """Say what this host has to give a child, from the words that say how it ended; empty when that was not why.

    Where it is not ``alone``, it may help too to run fewer at a time.
    """
    if is_unlinked(ending):
        return "install it"
    or_fewer = "" if alone else _OR_FEWER
    if ending.startswith(NO_MEMORY):
        limited = binding(None).memory is not None
        return f"raise the limit (ulimit -v) or {_FREE}" if limited else f"{_FREE}{or_fewer}"
    if ending == _NO_THREAD:
        return f"raise the limit of processes (ulimit -u) or of address space (ulimit -v){or_fewer}"
    if ending.startswith(_KILLED):
        return f"give it more {'memory or CPU time' if is_cpu_limited() else 'memory'}{or_fewer}"
    return "raise the limit of CPU time (ulimit -t)" if ending.startswith(_NO_CPU) else ""
