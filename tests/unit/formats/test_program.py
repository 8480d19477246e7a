"""Headers of programs, and of what is none."""

from __future__ import annotations

import pytest
from releases import ARM64, elf, mach_o, pe, universal

from wasmbuild.formats.program import ELF, HEAD, MACH_O, PE, ProgramHeader, read


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (elf(62), ProgramHeader(ELF, ("x86_64",))),
        (elf(ARM64), ProgramHeader(ELF, ("aarch64",))),
        (elf(243), ProgramHeader(ELF, ("riscv64",))),
        (b"\x7fELF\x02\x02\x01" + bytes(9) + b"\0\2\0\x16", ProgramHeader(ELF, ("s390x",))),
        (elf(21), ProgramHeader(ELF, ("machine 0x15",))),
        (mach_o(0x01000007), ProgramHeader(MACH_O, ("x86_64",))),
        (mach_o(0x0100000C), ProgramHeader(MACH_O, ("aarch64",))),
        (universal(0x01000007, 0x0100000C), ProgramHeader(MACH_O, ("x86_64", "aarch64"))),
        (pe(0x8664), ProgramHeader(PE, ("x86_64",))),
        (pe(0xAA64), ProgramHeader(PE, ("aarch64",))),
        # An object file, of 32 bits, bytecode of Java 17, what is cut off, and what only begins as one of Windows.
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\1\0\x3e\0", None),
        (b"\x7fELF\x01\x01\x01" + bytes(9) + b"\2\0\x3e\0", None),
        (b"\xca\xfe\xba\xbe\0\0\0\x3d" + bytes(4000), None),
        (b"\xca\xfe\xba\xbe", None),
        (b"\x7fELF\x02", None),
        (b"MZ" + b"\xff" * 200, None),
        (b"<!DOCTYPE html>", None),
        (b"", None),
    ],
)
def test_what_a_header_says(head: bytes, found: ProgramHeader | None) -> None:
    assert read(head[:HEAD]) == found
