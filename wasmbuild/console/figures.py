"""Sizes, durations and counts as people read them."""

from __future__ import annotations


def human_size(count: int) -> str:
    """Return a number of bytes as people read it, in decimal units: ``20.7 kB``."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def human_seconds(seconds: float) -> str:
    """Return a duration as people read it: ``0.42 s``, ``2 min 5 s``."""
    if seconds < 9.95:
        return f"{seconds:.2f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 artifact``, ``2 artifacts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
