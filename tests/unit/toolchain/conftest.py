"""Programs that play a part: any script as an executable that is no script, children of servers."""

from __future__ import annotations

import os
import platform
import stat
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmbuild.toolchain import identities, search_path

MakeProgram = Callable[[Path, str], Path]
Gone = Callable[[int], bool]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine without any compiler, and return its root."""
    (tmp_path / "home").mkdir()
    # What is imported when it is needed would not be found later.
    import resource
    import secrets

    import tomli

    del resource, secrets, tomli
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second"), "/usr/bin", "/bin"]))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(search_path.VARIABLE, raising=False)
    monkeypatch.setattr(identities, "_found", {})
    return tmp_path


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let this process forget what it found out, so that only the user's cache knows."""
    return lambda: monkeypatch.setattr(identities, "_found", {})


@pytest.fixture
def gone() -> Gone:
    """Wait a while for a process to end, and tell whether it did; one that is dead but not waited for has ended."""

    def alive(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def wait(pid: int) -> bool:
        for _ in range(1000):
            if not alive(pid):
                return True
            time.sleep(0.02)
        return False

    return wait


@pytest.fixture
def script() -> MakeProgram:
    """Write a shell script that can be run."""

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return path

    return make


@pytest.fixture
def program(script: MakeProgram) -> MakeProgram:
    """Write an executable in machine code that runs a shell script beside it."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the program is in machine code of x86-64 Linux")

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_launcher(script(path.with_name(path.name + ".sh"), body)))
        path.chmod(0o755)
        return path

    return make


def _launcher(script: Path) -> bytes:
    """Return an ELF program that calls execve("/bin/sh", ["/bin/sh", script, *its arguments], its environment)."""
    base, code_at = 0x400000, 64 + 56
    shell, name = b"/bin/sh\0", bytes(script) + b"\0"
    code_size = 42
    shell_at = base + code_at + code_size
    code = b"".join(
        [
            b"\x48\x8b\x0c\x24",  # mov rcx, [rsp]             argc
            b"\x48\x8d\x54\xcc\x10",  # lea rdx, [rsp+rcx*8+16]    environment
            b"\xbf" + struct.pack("<I", shell_at),  # mov edi, shell
            b"\xb8" + struct.pack("<I", shell_at + len(shell)),  # mov eax, script
            b"\x48\x89\x44\x24\x08",  # mov [rsp+8], rax           in place of argv[0]
            b"\x48\x89\x3c\x24",  # mov [rsp], rdi             in place of argc
            b"\x48\x89\xe6",  # mov rsi, rsp
            b"\xb8\x3b\x00\x00\x00",  # mov eax, 59                execve
            b"\x0f\x05",  # syscall
            b"\x0f\x0b",  # ud2
            b"\x90\x90",
        ]
    )
    assert len(code) == code_size
    data = code + shell + name
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + code_at, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    size = code_at + len(data)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + data
