"""Amounts of memory and time that are declared in more than one table."""

from __future__ import annotations

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.project.tables import Key, Tables
from wasmbuild.project.toolchain_values import SECONDS, Mistaken, memory_bytes


def memory(tables: Tables, key: Key, given: int | str) -> int | None:
    """Return an amount of memory in bytes, None where it is noted as a mistake."""
    size = memory_bytes(given)
    if isinstance(size, Mistaken):
        tables.mistake(key, *size)
        return None
    return size


def check_seconds(tables: Tables, key: Key, seconds: int) -> None:
    """Note a time that is out of range."""
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        fix = f"write seconds from {SECONDS[0]} to {SECONDS[1]}"
        tables.mistake(key, f"{shown(seconds)} is out of range", fix)
