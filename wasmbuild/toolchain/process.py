"""Start a child process, bound what it may take, and end it with all of its own children."""

from __future__ import annotations

import errno
import os
import sys
import time
from _thread import allocate_lock, get_ident

from wasmbuild import interrupts
from wasmbuild.errors import ChildError, HostError, ToolchainError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.signal import signal
from wasmbuild.lean.typing import IO, TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.search_path import WINDOWS
from wasmbuild.toolchain.spawn import Spawned, spawn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Container, Mapping, Sequence
    from typing import TypeAlias, TypeGuard

    Process: TypeAlias = subprocess.Popen[bytes] | Spawned

# What a program cannot do without; nothing else of the caller's environment reaches a child, because some of it changes
# what is compiled (WASMTIME_BACKTRACE_DETAILS) or what is loaded (LD_PRELOAD).
_KEPT = ("PATH", "HOME")
_KEPT_ON_WINDOWS = (
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    # How Python 3.11 tells the machine.
    "PROCESSOR_ARCHITECTURE",
    "PROCESSOR_ARCHITEW6432",
)

# An executable that another thread has just finished writing is "busy" until every child forked meanwhile has called
# exec, which takes microseconds.
_BUSY_TRIES = 20
_BUSY_PAUSE_SECONDS = 0.02

# macOS counts bytes, all others KiB.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024

KILLED = -9
"""How ``Popen.returncode`` tells of SIGKILL, which the signal module of Windows lacks."""

# With the thread that started it.
_live: dict[Process, int] = {}
_live_lock = allocate_lock()
_ends = False


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the scrubbed environment of a child: PATH, HOME, ``RUST_BACKTRACE=0`` and ``extra``.

    On Windows also the variables without which programs there do not start.
    """
    names = _KEPT + _KEPT_ON_WINDOWS if WINDOWS else _KEPT
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "RUST_BACKTRACE": "0", **(extra or {})}


def start(
    argv: Sequence[str],
    limits: ProcessLimits,
    *,
    stdin: int | IO[bytes] | None = None,
    env_extra: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Process:
    """Start a child with its own process group, stdout and stderr being pipes. Without ``stdin`` its input is empty.

    The memory limit is set as soon as the child runs. What it allocated before counts against the limit, so that only
    a process which never allocates again escapes it.

    Raises ChildError when the child cannot be started, ToolchainError when this system cannot limit memory, HostError
    when it has no device for an empty input; KeyboardInterrupt after ``end_all``.
    """
    # The system says of it what it says of a program that is not there, and names neither.
    if not os.path.exists(os.devnull):
        raise HostError(f"no program can be run: there is no {os.devnull} here; give this container or chroot a /dev")
    if limits.memory is not None and not memory_can_be_limited():
        raise ToolchainError(
            f"this system cannot limit the memory of a program that it runs ({format_bytes(limits.memory)} asked for); "
            f"leave memory-limit out of [toolchain] here"
        )
    process: Process | None = None
    try:
        # Popen that is interrupted leaves its child to nobody.
        with interrupts.DeferredInterrupts():
            process = _open(argv, stdin, environment(env_extra), cwd)
            with _live_lock:
                _live[process] = get_ident()
        if _ends:
            raise KeyboardInterrupt
        _bound(process.pid, limits.memory)
    except BaseException:
        if process is not None:
            end(process)
        raise
    return process


def _open(
    argv: Sequence[str], stdin: int | IO[bytes] | None, env: Mapping[str, str], cwd: str | os.PathLike[str] | None
) -> Process:
    tries = 0
    while True:
        tries += 1
        try:
            spawned = spawn(argv, env, stdin) if cwd is None and (stdin is None or _is_descriptor(stdin)) else None
            return spawned or _popen(argv, stdin, env, cwd)
        except OSError as error:
            if error.errno != errno.ETXTBSY or tries == _BUSY_TRIES:
                missing = error.filename if cwd is not None and error.filename == os.fspath(cwd) else argv[0]
                raise ChildError(f"cannot run {missing}: {error.strerror or error}") from error
            time.sleep(_BUSY_PAUSE_SECONDS)


def as_host_error(error: ChildError) -> HostError | None:
    """Return what this host lacks, where that is why a child could not be started; else None."""
    from wasmbuild.boundary import host_fix, is_lacking

    cause = error.__cause__
    return HostError(f"{error}; {host_fix(cause.errno or 0)}") if is_lacking(cause) else None


def _is_descriptor(stdin: int | IO[bytes]) -> TypeGuard[int]:
    """Tell whether it is one, and not a file of Python or a wish of ``subprocess``, which are negative numbers."""
    return isinstance(stdin, int) and stdin >= 0


def _popen(
    argv: Sequence[str], stdin: int | IO[bytes] | None, env: Mapping[str, str], cwd: str | os.PathLike[str] | None
) -> subprocess.Popen[bytes]:
    import subprocess

    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=env,
        cwd=cwd,
        # A session of its own: no terminal to read from, no Ctrl-C of the terminal, one group to kill.
        start_new_session=not WINDOWS,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def memory_can_be_limited() -> bool:
    """Tell whether this system can limit the memory of a process that has been started (Linux can)."""
    try:
        import resource
    except ImportError:
        return False
    return hasattr(resource, "prlimit")


def _bound(pid: int, memory: int | None) -> None:
    """Limit the address space of a running process to ``memory`` bytes, and let it leave no core dump."""
    if not memory_can_be_limited():
        return
    import resource

    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        if memory is not None:
            there, _ = resource.prlimit(pid, resource.RLIMIT_AS)
            allowed = memory if there == resource.RLIM_INFINITY else min(memory, there)
            resource.prlimit(pid, resource.RLIMIT_AS, (allowed, allowed))
    except ProcessLookupError:
        pass  # it has ended already
    except (OSError, ValueError) as error:
        raise ChildError(f"cannot limit the memory of a child process: {error}") from error


def end_some_time(process: Process, seconds: float | None) -> None:
    """Let the system end a child that outlives its parent, at a time that it cannot compute for before ``seconds``."""
    if seconds is None or not memory_can_be_limited():
        return
    import resource

    most = (int(seconds) + 1) * (os.cpu_count() or 1)
    with suppress(OSError, ValueError):  # it has ended
        there, _ = resource.prlimit(process.pid, resource.RLIMIT_CPU)
        if there == resource.RLIM_INFINITY or there > most:
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (most, most))


def kill(process: Process) -> None:
    """Kill a child and all that it started, without waiting; any thread may call this, at any time."""
    # The number of a process that has been waited for may belong to another one by now.
    if process.returncode is None:
        _kill_group(process)


def _kill_group(process: Process) -> None:
    try:
        if WINDOWS and not isinstance(process, Spawned):
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS says EPERM of a group of which only the dead leader is left.
        pass


def has_ended(process: Process) -> bool:
    """Tell whether a child has ended, and leave what it used to be told by ``end``, where this system can do both."""
    if process.returncode is not None:
        return True
    if hasattr(os, "waitid"):
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        # Somebody else has waited for it.
        return process.poll() is not None
    if process.poll() is None:
        return False
    if not WINDOWS:
        # Its number is that of its group as long as anything of that is left, and nobody else's.
        _kill_group(process)
    return True


class Exit(NamedTuple):
    """The end of a child: its status, as ``Popen.returncode`` has it, and the most memory that it had, in bytes.

    None where the system does not tell, or somebody else has waited for it.
    """

    status: int
    peak_memory: int | None


def end(process: Process) -> Exit:
    """Kill whatever is left of a child and its group, close its pipes and tell how it ended."""
    try:
        kill(process)
        peak = _wait(process)
        status = process.wait()
    finally:
        with _live_lock:
            _live.pop(process, None)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
    return Exit(status, peak)


def _wait(process: Process) -> int | None:
    """Wait for a child in the way that tells what it used; None where there is none."""
    if process.returncode is not None or not hasattr(os, "wait4"):
        return None
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * _MAXRSS_UNIT or None


def kill_all(threads: Container[int] | None = None) -> None:
    """Kill every child that is running, for a parent that was interrupted while other threads wait for children.

    ``threads`` are the identifiers of those whose children are meant, by default all.

    Those threads see their children die. None may start another: whoever hands out work stops first.
    """
    with _live_lock:
        running = [process for process, thread in _live.items() if threads is None or thread in threads]
    for process in running:
        kill(process)


def end_all() -> None:
    """Kill every child, and let none be started any more: this process is about to end, whatever its threads do."""
    global _ends
    _ends = True
    kill_all()


def format_bytes(count: int) -> str:
    """Return a number of bytes as people write it: ``2 GiB``, ``1.5 MiB``, ``700 bytes``."""
    for unit, shift in (("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << shift:
            return f"{round(count / (1 << shift), 1):g} {unit}"
    return f"{count} bytes"
