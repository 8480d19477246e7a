"""The library where it is the compiler: what it lacks, with the way out, and its children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path

import engines
import pytest

from wasmbuild.engine import host
from wasmbuild.toolchain import find, search_path
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.toolchain import Toolchain

HOST = host.triple() or "pulley64"
FAR = "s390x-unknown-linux-gnu"
LIMITS = ProcessLimits(seconds=120)


def obstacle(choice: str = "auto") -> str:
    """Return what keeps the library from compiling for a machine that is far away."""
    library = find.library()
    toolchain = Toolchain({search_path.default_line(): library}, LIMITS, choice)
    return toolchain.obstacle(engines.engine(triple=FAR, line=search_path.default_line())) or ""


@pytest.mark.parametrize(
    ("choice", "fix"),
    [
        ("auto", "get one in any of these ways:\n"),
        ("embedded", 'leave out compiler = "embedded" under [toolchain], and a wasmtime executable compiles'),
    ],
)
def test_the_way_out(choice: str, fix: str) -> None:
    assert f"compiles for {HOST} and pulley64 alone, not for {FAR}; {fix}" in obstacle(choice)


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_what_was_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "wasmtime"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert f"\n    passed over: {program} (PATH) is a script" in obstacle()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the end of a process of another is not seen")
def test_a_worker_that_died_while_idle_is_replaced() -> None:
    text = b'(module (func (export "f")))'
    with contextlib.closing(Embedded(find.library(), LIMITS)) as library:
        binary = library.translate(text)
        worker = library._all[0]._child
        assert worker is not None
        end = os.pidfd_open(worker.process.pid)
        os.kill(worker.process.pid, signal.SIGKILL)
        select.select([end], [], [])
        os.close(end)
        assert library.translate(text) == binary
        assert len(library._all) == 1
