"""Amounts of memory and time, as they are declared."""

from __future__ import annotations

import re

from wasmbuild.text import quoted, shown

SECONDS = (1, 86400)
"""What may be declared as a time, in seconds."""

BYTES = (1 << 20, 1 << 50)
"""What may be declared as an amount of memory."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")

PATTERN = f"([0-9]{{1,12}}) ?({'|'.join(_UNITS)})"
"""An amount with its unit, as a regular expression."""

_AMOUNT = re.compile(PATTERN)
_NEARLY = re.compile(r"\s*([0-9]{1,12})\s*([kmgtKMGT])i?[bB]?\s*")


def memory_bytes(amount: int | str) -> int:
    """Return an amount of memory in bytes. Raises ValueError with problem and fix."""
    if isinstance(amount, int):
        size = amount
    elif (match := _AMOUNT.fullmatch(amount)) is not None:
        size = int(match[1]) << 10 * _UNITS.index(match[2])
    else:
        fix = 'write bytes, or text like "4 GiB"'
        if (near := _NEARLY.fullmatch(amount)) is not None:
            meant = f"{near[1]} {near[2].upper()}iB"
            # What is told has to be right when it is written.
            try:
                memory_bytes(meant)
            except ValueError as error:
                raise ValueError(f"{quoted(amount)} is out of range", *error.args[1:]) from None
            fix = f"write {quoted(meant)}"
        raise ValueError(f"{quoted(amount)} is no amount of memory", fix)
    if not BYTES[0] <= size <= BYTES[1]:
        raise ValueError(f"{shown(amount)} is out of range", 'write an amount from "1 MiB" to "1024 TiB"')
    return size
