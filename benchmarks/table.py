"""The rows of the result and how they are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measure import Medians

if TYPE_CHECKING:
    from benchmarks.workspace import Workspace

_UNITS = {"s": 1.0, "ms": 1e-3, "MB": 1e6}
_HEADER = ("row", "wasmbuild", "yardstick", "ratio", "limit", "met", "what was measured")
_MET = {True: "yes", False: "NO", None: ""}


class Limit(NamedTuple):
    """The most that a row may be: ``factor`` times the yardstick plus ``offset`` in seconds or bytes."""

    factor: float
    offset: float = 0.0

    def value(self, yardstick: float) -> float:
        """Return the limit in the unit of the yardstick."""
        return self.factor * yardstick + self.offset


class Row(NamedTuple):
    """One line of the table: medians in seconds or bytes, shown in ``unit`` ("s", "ms" or "MB").

    ``limit`` is None for a row that is only informative.
    """

    name: str
    what: str
    medians: Medians
    unit: str
    limit: Limit | None = None

    @property
    def met(self) -> bool | None:
        """Whether the row is within its limit; None when it has none."""
        if self.limit is None:
            return None
        return self.medians.ours <= self.limit.value(self.medians.yardstick)

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, in the order of the header."""
        ours, yardstick = self.medians
        return (
            self.name,
            self._shown(ours),
            self._shown(yardstick),
            f"{ours / yardstick:.2f}",
            "" if self.limit is None else f"≤ {self._shown(self.limit.value(yardstick))}",
            _MET[self.met],
            self.what + self._rule(),
        )

    def _shown(self, value: float) -> str:
        value /= _UNITS[self.unit]
        return f"{value:.{2 if value < 10 else 1}f} {self.unit}"

    def _rule(self) -> str:
        if self.limit is None:
            return ""
        times = f"{self.limit.factor:g} × yardstick" if self.limit.factor else ""
        plus = f"{self.limit.offset / _UNITS[self.unit]:.3g} {self.unit}" if self.limit.offset else ""
        return f" (at most {' + '.join(filter(None, (times, plus)))})"


class Count(NamedTuple):
    """One line of the table that counts: how many verdicts are right, of all there are.

    ``missed`` says of each other one what it is and what the verdict was. Not one may be missed where they are all
    ``demanded``; else the row is only informative.
    """

    name: str
    what: str
    all: int
    missed: Sequence[str]
    demanded: bool = True

    @property
    def met(self) -> bool | None:
        """Whether none is missed; None when that is not demanded."""
        return not self.missed if self.demanded else None

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, in the order of the header."""
        right = self.all - len(self.missed)
        return (
            self.name,
            f"{right:,}",
            f"{self.all:,}",
            # 1.00 is all of them, and nothing less.
            f"{100 * right // self.all / 100:.2f}",
            "all" if self.demanded else "",
            _MET[self.met],
            self.what,
        )


class Benchmark(NamedTuple):
    """A row that can be measured. ``slow`` ones are left out of a quick run."""

    name: str
    measure: Callable[[Workspace], Row | Count]
    slow: bool = False


def render(rows: Iterable[Row | Count]) -> str:
    """Return the table as text: columns aligned, the header first."""
    lines = [_HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    last = len(widths) - 1
    text = []
    for line in lines:
        cells = [
            cell.ljust(width) if index in (0, last) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
