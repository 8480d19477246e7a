"""A release of Wasmtime as upstream publishes it, and an installation that is killed at a step of its own."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

from wasmbuild.toolchain.platforms import PLATFORMS


class Release(NamedTuple):
    version: str
    program: Path
    archive: bytes
    path: str


def tar(version: str, platform: str, program: bytes) -> bytes:
    """Make an archive of a release with nothing in it but a program."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=0) as opened:
        member = tarfile.TarInfo(f"{PLATFORMS[platform].folder(version)}/wasmtime")
        member.size = len(program)
        opened.addfile(member, io.BytesIO(program))
    return buffer.getvalue()


def elf(machine: int, more: bytes = b"") -> bytes:
    """Make what begins as a program of Linux on a machine, and goes on with other bytes."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(44) + more


def mach_o(machine: int) -> bytes:
    """Make what begins as a program of macOS on a machine."""
    return struct.pack("<II", 0xFEEDFACF, machine) + bytes(24)


def universal(*machines: int) -> bytes:
    """Make what begins as a program of macOS on several machines."""
    slices = b"".join(struct.pack(">IIIII", machine, 0, 4096, 0, 0) for machine in machines)
    return struct.pack(">II", 0xCAFEBABE, len(machines)) + slices


def pe(machine: int) -> bytes:
    """Make what begins as a program of Windows on a machine."""
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", machine) + bytes(18)


ARM64 = 183
"""The number of 64-bit ARM in ELF."""


_DYING = """
import os
from pathlib import Path
left = {step}
def dying(call):
    def wrapped(*arguments, **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return call(*arguments, **options)
    return wrapped
for name in ("replace", "chmod", "write_bytes"):
    setattr(Path, name, dying(getattr(Path, name)))
"""


def dies_installing(code: str, step: int) -> bool:
    """Run an installation that dies before what it changes on the disk for the ``step``-th time; tell whether it did.

    What a kill leaves is what the steps before it have done: each step on the disk is the first not done, once.
    """
    command = [sys.executable, "-c", _DYING.format(step=step) + code]
    status = subprocess.run(command, env={**os.environ}, check=False).returncode
    assert status in (0, 9)
    return status == 9
