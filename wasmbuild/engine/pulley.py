"""Machines that wasmbuild compiles nothing for, and for each the triple of Pulley, the interpreter that runs there.

The executables of 48.0.2 and 49.0.3, which hold every backend, refuse these architectures or panic on them, all but
``_COMPILED_FOR``: what their compiler may use of the CPU, and what loads it, nobody has written down here.
"""

from __future__ import annotations

_32_BIT = (
    "386", "i386", "i486", "i586", "i686", "x86", "aarch32", "arm", "armel", "armhf", "armv5te", "armv6", "armv6l",
    "armv7", "armv7a", "armv7k", "armv7l", "armv7s", "armv8l", "thumbv6m", "thumbv7em", "thumbv7m", "thumbv7neon",
    "thumbv8m", "arm64_32", "aarch64_32", "riscv32", "riscv32gc", "riscv32i", "riscv32im", "riscv32imac",
    "riscv32imafc", "riscv32imc", "mips", "mipsel", "mipsle", "powerpc", "ppc", "s390", "sparc", "m68k", "csky",
    "hexagon", "xtensa",
)  # fmt: skip
_64_BIT = (
    "aarch64_be", "powerpc64", "powerpc64le", "ppc64", "ppc64le", "ppc_64", "ppcle_64", "mips64", "mips64el",
    "mips64le", "sparc64", "sparcv9", "loong64", "loongarch64", "nvptx64", "bpfeb", "bpfel", "avr", "amdgcn",
    "mips_64", "mipsel_64", "sparc_64", "loongarch_64",
)  # fmt: skip
_COMPILED_FOR = ("riscv64imac", "riscv64a23")

_BIG_ENDIAN = (
    "aarch64_be", "powerpc64", "ppc64", "ppc_64", "mips64", "sparc64", "sparcv9", "mips", "powerpc", "ppc", "s390",
    "sparc", "m68k", "mips_64", "sparc_64",
)  # fmt: skip


def problem(architecture: str) -> str:
    """Return why nothing is compiled for a machine that ``interpreter`` knows."""
    if architecture in _COMPILED_FOR:
        return f"is for {architecture}, which this version of wasmbuild does not know"
    what = f"a machine of 32 bits ({architecture})" if architecture in _32_BIT else f"for {architecture}"
    return f"is {what}, for which Wasmtime has no compiler"


def interpreter(architecture: str) -> str | None:
    """Return the triple of Pulley for a machine that wasmbuild compiles nothing for; None for any other, known or not.

    ``architecture`` is the first part of the triple of the machine, or what Docker, Go, Debian and Meson call it.
    """
    if architecture not in (*_32_BIT, *_64_BIT, *_COMPILED_FOR):
        return None
    return f"pulley{32 if architecture in _32_BIT else 64}{'be' if architecture in _BIG_ENDIAN else ''}"
