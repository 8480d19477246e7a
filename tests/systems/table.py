"""Runs the suite and prints it as the table of docs/build-systems.md: ``python tests/systems/table.py``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[1] / "integration" / "systems"


class Cells:
    """Collects what became of each test."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], str] = {}
        self.reasons: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        named = re.search(r"::test_(\w+)\[([^\]]+)\]$", report.nodeid)
        if named is None or (report.when != "call" and report.passed):
            return
        behaviour, system = named.groups()
        reason = getattr(report, "wasxfail", None)
        if reason:
            if reason not in self.reasons:
                self.reasons.append(reason)
            cell = f"[{self.reasons.index(reason) + 1}]"
        else:
            cell = "yes" if report.passed else "not run" if report.skipped else "**no**"
        self.found[behaviour.replace("_", " "), system] = cell

    def table(self) -> str:
        systems = list(dict.fromkeys(system for _, system in self.found))
        lines = [f"| | {' | '.join(systems)} |", f"|---{'|---' * len(systems)}|"]
        for behaviour in dict.fromkeys(behaviour for behaviour, _ in self.found):
            cells = " | ".join(self.found.get((behaviour, system), "") for system in systems)
            lines.append(f"| {behaviour} | {cells} |")
        notes = [f"[{number}] {reason}." for number, reason in enumerate(self.reasons, 1)]
        return "\n".join([*lines, "", *notes])


if __name__ == "__main__":
    cells = Cells()
    code = pytest.main([str(SUITE), "-q", "-m", "slow", *sys.argv[1:]], plugins=[cells])
    print(cells.table())
    sys.exit(code)
