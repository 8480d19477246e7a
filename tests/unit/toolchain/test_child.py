"""Running a program to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spawning import needs_spawn

from wasmbuild.errors import ChildError
from wasmbuild.toolchain import child, process, streams
from wasmbuild.toolchain.child import run
from wasmbuild.toolchain.limits import ProcessLimits

Gone = Callable[[int], bool]

LIMITS = ProcessLimits(memory=1 << 30, seconds=30)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


def shell(body: str, limits: ProcessLimits = LIMITS, **options: Any) -> child.ChildResult:
    return run(["/bin/sh", "-c", body], limits=limits, **options)


@pytest.fixture(params=["polled", "threaded", "popen", "no pidfd"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have children as this system has them, and as one that cannot poll their pipes, or not spawn, or not see the end.

    Pythons that are made to run on any Linux can neither spawn nor see the end, and macOS cannot see it.
    """
    if request.param == "threaded":
        monkeypatch.setattr(child, "open_streams", streams.ThreadedStreams)
    if request.param in ("popen", "no pidfd"):
        monkeypatch.setattr(process, "spawn", lambda argv, environment, stdin=None: None)
    if request.param == "no pidfd":
        monkeypatch.delattr(os, "pidfd_open", raising=False)


@pytest.mark.usefixtures("each_way")
class TestEndings:
    def test_success_has_no_reason(self) -> None:
        ended = shell("echo out; echo err >&2")
        assert (ended.status, ended.stdout, ended.stderr, ended.reason) == (0, b"out\n", "err\n", "")
        assert ended.argv == ("/bin/sh", "-c", "echo out; echo err >&2")

    def test_status(self) -> None:
        assert shell("exit 3").reason == "ended with status 3"

    def test_signal(self) -> None:
        ended = shell("kill -SEGV $$")
        assert (ended.status, ended.reason) == (-signal.SIGSEGV, "was killed by SIGSEGV")

    def test_killed_by_somebody(self) -> None:
        assert (
            shell("kill -KILL $$").reason
            == "was killed by SIGKILL, by someone or by the system because it ran out of memory"
        )

    def test_time_limit_kills_the_whole_group(self, gone: Gone) -> None:
        ended = shell("sleep 1000 & echo $!; sleep 1000", ProcessLimits(seconds=1))
        assert ended.reason == "did not end within 1 s"
        assert gone(int(ended.stdout))

    def test_all_output_of_a_dead_child_is_kept(self) -> None:
        ended = shell("head -c 50000 /dev/zero; head -c 60000 /dev/zero >&2; exit 1")
        assert len(ended.stdout) == 50000
        assert ended.stderr == "\ufffd" * 60000

    def test_output_is_bounded(self) -> None:
        ended = shell("echo first; head -c 10000000 /dev/zero; echo last")
        assert ended.stdout.startswith(b"first\n")
        assert ended.stdout.endswith(b"last\n")
        assert len(ended.stdout) < 2 * streams.KEPT_BYTES + 100

    def test_closed_pipes_are_no_end(self) -> None:
        assert shell("exec >&- 2>&-; sleep 0.2; exit 7").status == 7

    def test_what_a_program_leaves_behind_is_killed_and_not_waited_for(self, gone: Gone) -> None:
        ended = shell("sleep 1000 & echo $!")
        assert (ended.status, ended.reason) == (0, "")
        assert gone(int(ended.stdout))

    @pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system, or Python before 3.13 on macOS, does not tell")
    def test_the_most_memory_that_it_had_is_told(self) -> None:
        peak = shell("exit 0").peak_memory
        assert peak is not None
        assert 1 << 16 < peak < 1 << 30


@pytest.mark.skipif(not process.memory_can_be_limited(), reason="this system limits no memory")
class TestMemory:
    def limited_to(self, memory: int) -> str:
        """Return Python that waits for the limit: it comes when the child runs, often too late for it."""
        return f"import resource as r, time\nwhile r.getrlimit(r.RLIMIT_AS)[0] != {memory}: time.sleep(0.01)\n"

    def test_limit(self) -> None:
        code = f"{self.limited_to(1 << 30)}print('started', flush=True); bytearray(1 << 31); print('not reached')"
        ended = run([sys.executable, "-I", "-S", "-c", code], limits=ProcessLimits(memory=1 << 30, seconds=30))
        assert ended.stdout == b"started\n"
        assert ended.reason == "ran out of its memory limit of 1 GiB"

    def test_limit_of_who_allocates_later(self) -> None:
        code = f"{self.limited_to(1 << 29)}import mmap; mmap.mmap(-1, 1 << 30)"
        ended = run([sys.executable, "-I", "-S", "-c", code], limits=ProcessLimits(memory=1 << 29, seconds=30))
        assert ended.reason == "ran out of its memory limit of 512 MiB"

    def test_no_core_is_dumped(self) -> None:
        code = (
            "import resource, sys\n"
            "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
            "from wasmbuild.toolchain.child import ProcessLimits, run\n"
            "wait = 'while [ $(ulimit -c) != 0 ]; do sleep 0.01; done'\n"
            "print(hard, run(['/bin/sh', '-c', wait], limits=ProcessLimits(seconds=30)).status)"
        )
        hard, child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.split()
        if hard == b"0":
            pytest.skip("no core may be dumped here anyhow")
        assert child == b"0"

    def test_a_lower_limit_of_the_caller_stays(self) -> None:
        code = (
            "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
            "from wasmbuild.toolchain.child import ProcessLimits, run\n"
            "limits = ProcessLimits(memory=1 << 33, seconds=30)\n"
            "ended = run(['/bin/sh', '-c', 'sleep 0.2; ulimit -Sv'], limits=limits)\n"
            "sys.stdout.buffer.write(ended.stdout + ended.stderr.encode())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout == b"%d\n" % (1 << 20)


@pytest.mark.skipif(not process.memory_can_be_limited(), reason="this system limits no other process")
def test_what_never_ends_does_not_outlive_a_killed_parent_for_ever(gone: Gone, tmp_path: Path) -> None:
    started = tmp_path / "started"
    code = (
        "import os; os.cpu_count = lambda: 1\n"
        "from wasmbuild.toolchain.child import ProcessLimits, run\n"
        f"loop = 'until ulimit -t | grep -q [0-9]; do sleep 0.01; done; echo $$ > {started}; while :; do :; done'\n"
        "run(['/bin/sh', '-c', loop], limits=ProcessLimits(None, 2))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not started.exists() or not started.read_text():
        assert parent.poll() is None
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    assert gone(int(started.read_text()))


def test_programs_of_windows_are_told_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 knows it by nothing else, and then the package ``wasmtime`` finds no library."""
    monkeypatch.setattr(process, "WINDOWS", True)
    machine = {"PROCESSOR_ARCHITECTURE": "x86", "PROCESSOR_ARCHITEW6432": "AMD64"}
    for name, value in machine.items():
        monkeypatch.setenv(name, value)
    assert machine.items() <= process.environment().items()


def test_the_environment_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMTIME_BACKTRACE_DETAILS", "1")
    monkeypatch.setenv("RUST_BACKTRACE", "full")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", "/home/somebody")
    seen = run(["/usr/bin/env"], limits=LIMITS, env_extra={"EXTRA": "1"}).stdout.decode().splitlines()
    assert sorted(seen) == ["EXTRA=1", "HOME=/home/somebody", "PATH=/usr/bin:/bin", "RUST_BACKTRACE=0"]


def test_input_and_directory(tmp_path: Path) -> None:
    assert run(["/bin/cat"], limits=LIMITS, input=b"x" * 1_000_000).stdout[:10] == b"x" * 10
    assert run(["/bin/cat"], limits=LIMITS).stdout == b""
    assert shell("pwd", cwd=tmp_path).stdout.decode().strip() == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("argv", "cwd", "text"),
    [
        (["/nowhere/wasmtime"], None, "cannot run /nowhere/wasmtime: No such file or directory"),
        (["/etc/passwd"], None, "cannot run /etc/passwd: Permission denied"),
        (["/bin/sh"], "/nowhere", "cannot run /nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_started(argv: list[str], cwd: str | None, text: str) -> None:
    with pytest.raises(ChildError) as error:
        run(argv, limits=LIMITS, cwd=cwd)
    assert str(error.value) == text


@pytest.mark.parametrize("cwd", [None, "/"], ids=["spawned", "popen"])
def test_a_child_inherits_nothing_and_ignores_nothing(cwd: str | None) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    code = (
        "import os; print(os.getsid(0) == os.getpid())\n"
        f"try:\n    os.fstat({write})\n"
        "except OSError:\n    print('closed')"
    )
    try:
        assert run([sys.executable, "-I", "-S", "-c", code], limits=LIMITS, cwd=cwd).stdout == b"True\nclosed\n"
    finally:
        os.close(read)
        os.close(write)
    assert shell("kill -PIPE $$", cwd=cwd).status == -signal.SIGPIPE


def test_what_was_open_before_the_limit_was_lowered_is_not_inherited() -> None:
    code = (
        "import os, resource; from wasmbuild.toolchain.child import ProcessLimits, run\n"
        "os.dup2(1, 100); resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))\n"
        "print(run(['/bin/ls', '/dev/fd/'], limits=ProcessLimits(seconds=30)).stdout.decode())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"0", "1", "2"} <= set(told)
    assert "100" not in told


@needs_spawn
def test_starting_one_imports_nothing_that_is_heavy() -> None:
    code = (
        "import sys; from wasmbuild.toolchain.child import ProcessLimits, run\n"
        "run(['/bin/true'], limits=ProcessLimits(seconds=30)); print(*sys.modules)"
    )
    imported = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"subprocess", "threading", "selectors", "math"} & set(imported.split())


def test_terminal_escapes_are_not_shown() -> None:
    assert shell(r"printf '\033[31mred\r\n\tend' >&2").stderr == "\ufffd[31mred\n\tend"


def test_an_executable_that_is_being_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "program"
    path.write_bytes(Path("/bin/sh").resolve().read_bytes())
    path.chmod(0o755)
    with path.open("ab") as writer:
        pause = time.sleep
        monkeypatch.setattr(process.time, "sleep", lambda seconds: writer.close() or pause(seconds))
        assert run([str(path), "-c", "echo ran"], limits=LIMITS).stdout == b"ran\n"
        assert writer.closed


# As soon as the child is there, and before its parent knows of it.
INTERRUPTED_AT_ONCE = """import os, signal, time
start = os.posix_spawn
def started(*arguments, **options):
    pid = start(*arguments, **options)
    while not os.path.exists("pids"):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    return pid
os.posix_spawn = started
"""
INTERRUPTED_POPEN = """import os, signal, subprocess, time
from wasmbuild.toolchain import process
process.spawn = lambda argv, environment, stdin=None: None
start = subprocess.Popen._execute_child
def started(self, *arguments):
    start(self, *arguments)
    while not os.path.exists("pids"):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
subprocess.Popen._execute_child = started
"""


@pytest.mark.parametrize(
    "before",
    ["", pytest.param(INTERRUPTED_AT_ONCE, marks=needs_spawn), INTERRUPTED_POPEN],
    ids=["later", "at once", "popen"],
)
def test_an_interrupted_parent_leaves_nothing(tmp_path: Path, gone: Gone, before: str) -> None:
    code = (
        f"{before}from wasmbuild.toolchain.child import ProcessLimits, run\n"
        # Whole as soon as it is there, for who waits for it is interrupted then.
        f"script = 'sleep 1000 & echo $! $$ > new; mv new pids; sleep 1000'\n"
        "run(['/bin/sh', '-c', script], limits=ProcessLimits(seconds=900))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, cwd=tmp_path)
    pids = tmp_path / "pids"
    while not pids.exists():
        assert parent.poll() is None or pids.exists()
        time.sleep(0.02)
    if not before:
        parent.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in parent.communicate()[1]
    assert all(gone(int(pid)) for pid in pids.read_text().split())


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("body", ["exec sleep 1000", "exec sleep 1000 > /dev/null 2>&1"], ids=["open", "closed"])
def test_a_request_to_stop_that_does_not_end_the_wait_is_heard(body: str) -> None:
    """As one that comes when the wait is just about to begin: another thread takes it here."""
    asking = threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
    asking.start()
    with pytest.raises(KeyboardInterrupt):
        shell(body)
    asking.join()


def test_kill_all_ends_children_of_other_threads() -> None:
    ended: list[child.ChildResult] = []
    before = set(process._live)
    thread = threading.Thread(target=lambda: ended.append(shell("echo $$; sleep 1000", ProcessLimits(seconds=900))))
    thread.start()
    while not process._live.keys() - before:
        time.sleep(0.01)
    process.kill_all()
    thread.join(30)
    assert ended[0].status == -signal.SIGKILL
    assert not process._live.keys() - before


def test_only_the_children_of_some_threads_are_killed(tmp_path: Path) -> None:
    ended: dict[str, child.ChildResult] = {}

    def run(name: str) -> None:
        ended[name] = shell(f"while [ ! -e {tmp_path}/end ]; do sleep 0.01; done", ProcessLimits(seconds=900))

    before = set(process._live)
    threads = {name: threading.Thread(target=run, args=(name,)) for name in ("killed", "left")}
    for thread in threads.values():
        thread.start()
    while len(process._live.keys() - before) < 2:
        time.sleep(0.01)
    process.kill_all({threads["killed"].ident})
    threads["killed"].join(30)
    (tmp_path / "end").touch()
    threads["left"].join(30)
    assert (ended["killed"].status, ended["left"].status) == (-signal.SIGKILL, 0)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1 << 20, "1 MiB"),
        (3 << 29, "1.5 GiB"),
        (1000 << 40, "1000 TiB"),
        (1 << 61, "2 EiB"),
    ],
)
def test_bytes_for_people(count: int, text: str) -> None:
    assert process.format_bytes(count) == text
