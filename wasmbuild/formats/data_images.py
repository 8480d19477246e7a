"""Which active data Wasmtime makes an image of that can be mapped, and which its code has to copy.

Source: ``ModuleTranslation::try_static_init`` in the crate ``wasmtime-environ`` (48.0.8, 49.0.3).
"""

from __future__ import annotations

_PAGE = 1 << 16


class DataImages:
    """The active data of one module, as far as its place is a constant."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[int, int, int]] = {}
        self.refused = False
        """Whether there is data that no image can be made of; then none is made of any."""

    def add(self, index: int, memory: str, offset: int, size: int) -> None:
        """Add data of ``size`` bytes at ``offset`` of a memory of that index and type, whose text it is."""
        least = memory.partition(" ")[0].partition("..")[0]
        small = " page-size=" in memory
        end = offset + size
        self.refused |= small or end > int(least) * _PAGE or end >> 64 > 0
        if size:
            low, high, total = self._spans.get(index, (offset, offset, 0))
            self._spans[index] = min(low, offset), max(high, end), total + size

    @property
    def least_size(self) -> int:
        """The least ``memory-guaranteed-dense-image-size`` with which images are made; 0 where data is dense enough."""
        spans = self._spans.values()
        return max((high - low + 1 for low, high, total in spans if high - low >= 2 * total), default=0)
