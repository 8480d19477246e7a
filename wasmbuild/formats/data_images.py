"""Which active data Wasmtime makes an image of that can be mapped, and which its code has to copy.

Source: ``ModuleTranslation::try_static_init`` in the crate ``wasmtime-environ`` (48.0.8, 49.0.3), with what
``Config::memory_guaranteed_dense_image_size`` is by default.
"""

from __future__ import annotations

ALWAYS = 16 << 20
"""Bytes below which an image is made, however little data is in it."""

_PAGE = 1 << 16


class DataImages:
    """The active data of one module, as far as its place is a constant."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[int, int, int]] = {}
        self._refused = False

    def add(self, index: int, memory: str, offset: int, size: int) -> None:
        """Add data of ``size`` bytes at ``offset`` of a memory of that index and type, whose text it is."""
        least = memory.partition(" ")[0].partition("..")[0]
        small = " page-size=" in memory
        self._refused |= small or offset + size > int(least) * _PAGE
        if size:
            low, high, total = self._spans.get(index, (offset, offset, 0))
            self._spans[index] = min(low, offset), max(high, offset + size), total + size

    @property
    def missing(self) -> bool:
        """Whether there is data that no image is made of; then none is made of any."""
        spans = self._spans.values()
        return self._refused or any(high - low >= max(ALWAYS, 2 * total) for low, high, total in spans)
