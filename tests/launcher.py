"""Any shell script as an executable that is no script, for x86-64 Linux."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest

IS_RUN_HERE = sys.platform == "linux" and platform.machine() == "x86_64"


def program(path: Path, body: str) -> Path:
    """Write an executable in machine code that runs a shell script beside it."""
    if not IS_RUN_HERE:
        pytest.skip("the program is in machine code of x86-64 Linux")
    script = path.with_name(path.name + ".sh")
    script.write_text(f"{body}\n")
    path.write_bytes(launcher(script))
    path.chmod(0o755)
    return path


def reporting(path: Path, version: str) -> Path:
    """Write one that says which version of Wasmtime it is, and does nothing else."""
    return program(path, f'[ "$1" != --version ] || exec echo wasmtime {version}')


def launcher(script: Path) -> bytes:
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
