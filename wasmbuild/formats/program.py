"""Which machines a program is for, as its header says.

Sources: the ELF header, ``e_type`` and ``e_machine`` in ``elf.h``; ``mach-o/loader.h``, ``mach-o/fat.h`` and
``mach/machine.h`` of macOS; "PE Format" of Microsoft, "COFF File Header".
"""

from __future__ import annotations

import struct

from wasmbuild.formats import cwasm
from wasmbuild.lean.typing import NamedTuple

HEAD = 4096
"""How many of a program's first bytes tell which machines it is for."""

ELF, MACH_O, PE = "ELF", "Mach-O", "PE"

_ELF = {header.machine: name for name, header in cwasm.HEADERS.items() if not header.pulley_bits}
_ELF_PROGRAMS = (2, 3)
_BIG_ENDIAN = 2
_MACH_O = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
_PE = {0x8664: "x86_64", 0xAA64: "aarch64"}
_UNIVERSAL = b"\xca\xfe\xba\xbe"
# Java's bytecode begins with the same four bytes, and goes on with a version above 44.
_MOST_SLICES = 40


class ProgramHeader(NamedTuple):
    """What a program says it is: ``format`` is ELF, MACH_O or PE, ``architectures`` are what it is for.

    That is one, but for universal ones. They are named as in target triples, ``riscv64`` without its extensions, and
    others by their number.
    """

    format: str
    architectures: tuple[str, ...]


def read(head: bytes) -> ProgramHeader | None:
    """Return what a program is, from its first HEAD bytes; None for what is none of 64 bits. Never raises."""
    head = head.ljust(HEAD, b"\0")
    if head.startswith(b"\x7fELF\x02"):
        kind, machine = struct.unpack_from(">HH" if head[5] == _BIG_ENDIAN else "<HH", head, 16)
        return ProgramHeader(ELF, (_named(_ELF, machine),)) if kind in _ELF_PROGRAMS else None
    if head.startswith(b"\xcf\xfa\xed\xfe"):
        return ProgramHeader(MACH_O, (_named(_MACH_O, int.from_bytes(head[4:8], "little")),))
    if head.startswith(_UNIVERSAL) and 0 < (count := int.from_bytes(head[4:8], "big")) <= _MOST_SLICES:
        slices = (int.from_bytes(head[at : at + 4], "big") for at in range(8, 8 + 20 * count, 20))
        return ProgramHeader(MACH_O, tuple(_named(_MACH_O, machine) for machine in slices))
    at = int.from_bytes(head[60:64], "little")
    if head.startswith(b"MZ") and head[at : at + 4] == b"PE\0\0":
        return ProgramHeader(PE, (_named(_PE, int.from_bytes(head[at + 4 : at + 6], "little")),))
    return None


def _named(names: dict[int, str], machine: int) -> str:
    return names.get(machine, f"machine {machine:#x}")
