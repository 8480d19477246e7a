from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.files import signature
from wasmbuild.verify.host_errors import one_line
from wasmbuild.verify.loading import Load, LoadingSite, LoadOutcome, crash, refusal
from wasmbuild.verify.outcomes import CPU, Broken, Unreachable, Unverified

HAND = "was it built or changed by hand, or by another tool? build it again"


def test_a_missing_cpu_feature_says_nothing_against_the_artifact(maker: Any) -> None:
    words = (
        "compilation settings of module incompatible with native host\n\nCaused by:\n"
        '    compilation setting "has_avx512f" is enabled, but not available on the host\n'
    )
    assert refusal(maker.entry(b""), words, None) == Unreachable(
        "cannot be loaded on this host: its CPU lacks avx512f", CPU
    )


@pytest.mark.parametrize("what", ["architecture", "operating system"])
def test_a_runner_of_another_machine_says_nothing_against_the_artifact(maker: Any, what: str) -> None:
    words = f"failed to deserialize\n\nCaused by:\n    Module was compiled for {what} 'x\x1b[31m'\n"
    assert refusal(maker.entry(b""), words, None, LoadingSite(is_runner=True)) == Broken(
        f"cannot be loaded by the runner of its target: its {what} is not x\\x1b[31m; "
        "correct the runner in wasmbuild.toml"
    )
    assert refusal(maker.entry(b""), words, None) == Broken(
        f"checksum.cwasm is refused by Wasmtime: failed to deserialize: Module was compiled for {what} "
        f"'x\\x1b[31m'; {HAND}"
    )


def test_any_other_refusal_does(maker: Any) -> None:
    words = "failed to deserialize\n\nCaused by:\n    0: bad section\n    1: at byte 7\x1b[31m\n"
    assert refusal(maker.entry(b""), words, None) == Broken(
        f"checksum.cwasm is refused by Wasmtime: failed to deserialize: bad section: at byte 7\\x1b[31m; {HAND}"
    )


@pytest.mark.parametrize("separator", ["\n\nCaused by:\n    0: ", "\n\nCaused by:\n    ", ": "])
def test_how_the_file_was_opened_is_left_out(maker: Any, separator: str) -> None:
    words = f"failed deserialization for: /proc/self/fd/12{separator}unrecognized vendor"
    assert refusal(maker.entry(b""), words, None) == Broken(
        f"checksum.cwasm is refused by Wasmtime: unrecognized vendor; {HAND}"
    )


def test_a_death_is_told_with_what_was_written_last(maker: Any) -> None:
    assert crash(
        maker.entry(b""), "was killed by SIGABRT", "thread 'main' panicked:\nindex out of bounds\n", None
    ) == Broken(
        "checksum.cwasm ends the process that loads it, which was killed by SIGABRT (thread 'main' panicked: index out "
        "of bounds); build again, or copy it again from where it was built"
    )


@pytest.mark.parametrize(
    "words",
    [
        "memory allocation of 70 bytes failed",
        "mmap: Cannot allocate memory (os error 12)",
        "mmap: Out of memory (os error 12)",
    ],
)
def test_the_memory_limit_is_blamed_where_there_is_one(maker: Any, words: str) -> None:
    expected = Broken(
        "checksum.cwasm needs more memory than the limit of 2 GiB; raise --memory-limit, or memory-limit of its runner"
    )
    assert refusal(maker.entry(b""), words, 2 << 30) == expected
    assert crash(maker.entry(b""), "was killed by SIGABRT", words, 2 << 30) == expected
    unlimited = crash(maker.entry(b""), "was killed by SIGABRT", words, None)
    assert isinstance(unlimited, Unverified)
    assert "--memory-limit" not in unlimited.message


@pytest.mark.parametrize("words", ["memory allocation of 70 bytes failed", "GC heap out of memory"])
def test_a_limit_of_the_verifier_that_is_lower_is_no_fault_of_the_artifact(
    maker: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 30, 1 << 30))
    expected = Unverified(
        f"checksum.cwasm cannot be tried here: {os.strerror(errno.ENOMEM)}; free memory, or raise the limit of address "
        "space (ulimit -v)"
    )
    assert refusal(maker.entry(b""), words, 2 << 30) == expected
    assert crash(maker.entry(b""), "was killed by SIGABRT", words, 2 << 30) == expected


def test_address_space_that_cannot_be_reserved_is_no_matter_of_memory(maker: Any) -> None:
    words = "mmap failed to reserve 0x104000000 bytes: Cannot allocate memory (os error 12)"
    assert refusal(maker.entry(b""), words, 2 << 30) == Unverified(
        "checksum.cwasm reserves 4.1 GiB of address space for a memory, which this process may not have; raise the "
        "limit (ulimit -v), or write a smaller memory-reservation or, from Wasmtime 48 on, gc-heap-reservation under "
        "[engine] and build again"
    )


def test_errors_of_several_lines_become_one() -> None:
    assert one_line("a:\n\nCaused by:\n  0: b\n  1: c\n") == "a: b: c"
    assert one_line("thread '<unnamed>' (1041) panicked at x:\nno\n") == "thread '<unnamed>' panicked at x: no"
    assert one_line("x" * 1000).endswith("x…")


def rewritten(path: Path) -> None:
    path.write_bytes(b"new")


def rewritten_in_secret(path: Path) -> None:
    times = path.stat()
    path.write_bytes(b"new")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(b"new")
    path.with_name("new").replace(path)


def allowed(path: Path) -> None:
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("meddle", "is_changed"),
    [(rewritten, True), (rewritten_in_secret, True), (replaced, False), (allowed, False)],
)
@pytest.mark.parametrize("settled", [True, False])
def test_a_file_that_was_written_to_meanwhile_is_not_trusted(
    tmp_path: Path, maker: Any, meddle: Callable[[Path], None], is_changed: bool, settled: bool
) -> None:
    path = tmp_path / "checksum.cwasm"
    path.write_bytes(b"old")
    os.utime(path, ns=(10**18, 10**18))
    outcomes: list[LoadOutcome] = []
    file = io.FileIO(path)
    sig = signature(os.fstat(file.fileno())) if settled else None
    load = Load(maker.entry(b"old"), file, sig, outcomes.append, None)
    time.sleep(0.02)  # two steps of the clock that stamps files
    meddle(path)
    load.end(LoadOutcome(None))
    changed = Broken("checksum.cwasm changed while it was verified; verify when nothing writes to it")
    assert outcomes == [LoadOutcome(changed if is_changed else None)]
    assert file.closed
