"""How a child ended, in words, by the limits that there are: of each it is told whose it was, and what helps."""

from __future__ import annotations

import sys

import pytest

from wasmbuild.toolchain import endings
from wasmbuild.toolchain.child import run
from wasmbuild.toolchain.limits import ProcessLimits, binding
from wasmbuild.toolchain.process import memory_can_be_limited

ALLOCATION = "memory allocation of 512 bytes failed\n"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The limits that this process has, as the system says of them: by default it has none."""
    resource = pytest.importorskip("resource")
    limits: dict[str, int] = {}
    numbers = {getattr(resource, name): name for name in ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_CPU")}

    def told(number: int) -> tuple[int, int]:
        return (limits.get(numbers[number], resource.RLIM_INFINITY), resource.RLIM_INFINITY)

    monkeypatch.setattr(resource, "getrlimit", told)
    return limits


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (
            "/opt/wasmtime: error while loading shared libraries: libgcc_s.so.1: cannot open shared object file: No "
            "such file or directory\n",
            "libgcc_s.so.1 (on Alpine: apk add libgcc)",
        ),
        (
            "Error loading shared library libssl.so.3: No such file or directory (needed by ./wasmtime)\n"
            "Error relocating ./wasmtime: SSL_new: symbol not found\n",
            "libssl.so.3",
        ),
        (
            'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    import wasmtime\n'
            "OSError: Error loading shared library libgcc_s.so.1: No such file or directory (needed by /x/_y.so)\n",
            "libgcc_s.so.1 (on Alpine: apk add libgcc)",
        ),
        ("OSError: libm.so.6: cannot open shared object file: No such file or directory\n", "libm.so.6"),
    ],
)
def test_what_the_linker_did_not_find(said: str, missing: str) -> None:
    """As glibc 2.36 and musl 1.2.3 say it, of a program and of what Python loads."""
    ending = endings.ending(127, said, ProcessLimits())
    assert ending == f"lacks the shared library {missing}"
    assert endings.want(ending) == endings.want(ending, alone=True) == "install it"
    assert endings.says_all(ending)


@pytest.mark.parametrize(
    "said",
    [
        "Error: failed to read a.wasm: No such file or directory\n",
        "the guest says: x: cannot open shared object file: No such luck\n",
        "OSError: [Errno 2] No such file or directory: 'x.so'\n",
    ],
)
def test_what_is_said_of_other_files_is_no_linkers(said: str) -> None:
    assert endings.ending(1, said, ProcessLimits()) == "ended with status 1"


def test_panics_and_statuses() -> None:
    limits = ProcessLimits(seconds=1)
    assert endings.ending(-6, "thread '<unnamed>' (7) panicked at x.rs:1:2:\n", limits) == "panicked (SIGABRT)"
    assert endings.ending(-6, "", limits) == "was killed by SIGABRT"
    assert endings.ending(0xC0000005, "", limits) == "ended with status 0xc0000005"
    assert endings.ending(-200, "", limits) == "was killed by signal 200"
    # Without a limit, words that any program may write are no proof.
    assert endings.ending(1, "the tank is out of memory", limits) == "ended with status 1"


@pytest.mark.parametrize(
    ("memory", "there", "whose", "fix"),
    [
        (3 << 29, {}, "its memory limit of 1.5 GiB", ""),
        (3 << 29, {"RLIMIT_AS": 3 << 29}, "its memory limit of 1.5 GiB", ""),
        (3 << 29, {"RLIMIT_AS": 3 << 28}, "memory", "raise the limit (ulimit -v) or free some memory"),
        (3 << 29, {"RLIMIT_DATA": 3 << 28}, "memory", "raise the limit (ulimit -v) or free some memory"),
        (None, {"RLIMIT_AS": 3 << 29}, "memory", "raise the limit (ulimit -v) or free some memory"),
        (None, {}, "memory", "free some memory, or compile fewer at a time (-j 1)"),
    ],
)
def test_the_limit_that_is_named_is_the_one_that_was_reached(
    given: dict[str, int], memory: int | None, there: dict[str, int], whose: str, fix: str
) -> None:
    given.update(there)
    limits = ProcessLimits(memory)
    ending = endings.ending(-6, ALLOCATION, limits)
    assert ending == f"ran out of {whose} (memory allocation of 512 bytes failed)"
    assert endings.is_out_of_memory(ending)
    assert endings.want(ending) == fix
    assert endings.limit_to_raise(ending, limits) == ("" if fix else "raise memory-limit under [toolchain]")


@pytest.mark.parametrize(
    ("there", "more", "given_more"),
    [
        ({}, "", "memory"),
        ({"RLIMIT_AS": 1 << 30}, "", "memory"),
        ({"RLIMIT_CPU": 60}, " or used up its CPU time (ulimit -t)", "memory or CPU time"),
    ],
)
def test_what_the_system_kills(given: dict[str, int], there: dict[str, int], more: str, given_more: str) -> None:
    given.update(there)
    ending = endings.ending(-9, "", ProcessLimits(1 << 33, 600))
    assert ending == f"was killed by SIGKILL, by someone or by the system because it ran out of memory{more}"
    assert endings.want(ending) == f"give it more {given_more}, or compile fewer at a time (-j 1)"
    assert endings.is_from_outside(-9)
    limits = ProcessLimits(1 << 33, 600)
    late = endings.ending(-9, "", limits, timed_out=True)
    assert (endings.want(late), endings.limit_to_raise(late, limits)) == ("", "raise time-limit under [toolchain]")


@pytest.mark.parametrize(
    "stderr",
    [
        "thread 'main' (7) panicked at rayon-core/src/registry.rs:167:10:\n"
        "The global thread pool has not been initialized.: ThreadPoolBuildError { kind: IOError(Os { code: 11, kind: "
        'WouldBlock, message: "Resource temporarily unavailable" }) }\n',
        "Traceback (most recent call last):\n  …\nRuntimeError: can't start new thread\n",
    ],
    ids=["Rust", "Python"],
)
def test_threads_that_the_system_does_not_start(given: dict[str, int], stderr: str) -> None:
    """Rust panics then, and Python raises what looks like a bug; it is none of who asks for them."""
    ending = endings.ending(1, stderr, ProcessLimits())
    assert ending == "could start no thread"
    assert endings.want(ending).startswith("raise the limit of processes (ulimit -u) or of address space (ulimit -v), ")
    assert endings.limit_to_raise(ending, ProcessLimits(1 << 30)) == (
        "raise memory-limit under [toolchain] or the limit of processes (ulimit -u)"
    )
    given["RLIMIT_AS"] = 1 << 20
    assert endings.limit_to_raise(ending, ProcessLimits(1 << 30)) == ""


def test_of_other_endings_no_host_is_blamed() -> None:
    for status in (0, 1, 134, -6, -11):
        assert not endings.want(endings.ending(status, "", ProcessLimits(1 << 33)))
        assert not endings.is_from_outside(status)


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system sets no limit of another process")
def test_cpu_time_that_is_used_up() -> None:
    code = "import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, r.getrlimit(r.RLIMIT_CPU)[1]))\nwhile True: pass"
    ended = run([sys.executable, "-I", "-S", "-c", code], limits=ProcessLimits())
    assert ended.reason == "was killed by SIGXCPU"
    assert endings.want(ended.reason) == "raise the limit of CPU time (ulimit -t)"
    assert endings.is_from_outside(ended.status)


def test_the_lowest_limit_binds(given: dict[str, int]) -> None:
    assert binding(None) == (None, False)
    assert binding(7) == (7, True)
    given.update({"RLIMIT_AS": 6, "RLIMIT_DATA": 5})
    assert binding(7) == (5, False)
    assert binding(None) == (5, False)
    assert binding(5) == (5, True)
