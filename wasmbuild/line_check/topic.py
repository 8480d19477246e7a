"""What came of one kind of thing that a line's file says."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple


class Disagreement(NamedTuple):
    """Something that is not as the file says: the dotted key in it, what is the case, what to write there."""

    key: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}; {self.fix}"


class Topic:
    """One kind of thing: how many were held against compilers, which are not as said, and which nobody could try."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tried = 0
        self.disagreements: list[Disagreement] = []
        self.untried: list[str] = []

    def grouped(self) -> list[str]:
        """Return a line for each key and what to write there, however often it was met."""
        groups: dict[tuple[str, str], list[Disagreement]] = {}
        for found in self.disagreements:
            groups.setdefault((found.key, found.fix), []).append(found)
        return [
            str(first) + (f" (and {len(others)} more like it)" if others else "") for first, *others in groups.values()
        ]

    def check(self, right: bool, key: str, problem: str, fix: str) -> None:
        """Note what came of one thing."""
        self.tried += 1
        if not right:
            self.disagreements.append(Disagreement(key, problem, fix))
