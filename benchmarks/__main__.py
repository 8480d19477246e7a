"""Measure wasmbuild and print one table; exit code 1 when a row misses its limit or could not be measured."""

from __future__ import annotations

import argparse
import fnmatch
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from benchmarks import (
    audit,
    cold,
    edits,
    emulated,
    flips,
    loading,
    manifests,
    many_machines,
    memory,
    noop,
    remote,
    restored,
    settings,
    startup,
    systems,
    verify,
)
from benchmarks.measure import BenchmarkError, program
from benchmarks.table import Benchmark, Count, Row, render
from benchmarks.workspace import Workspace
from tests.corpus import CorpusError
from wasmbuild.errors import WasmbuildError

ALL = [
    *cold.BENCHMARKS,
    *restored.BENCHMARKS,
    *remote.BENCHMARKS,
    *many_machines.BENCHMARKS,
    *noop.BENCHMARKS,
    *edits.BENCHMARKS,
    *verify.BENCHMARKS,
    *startup.BENCHMARKS,
    *audit.BENCHMARKS,
    *memory.BENCHMARKS,
    *loading.BENCHMARKS,
    *emulated.BENCHMARKS,
    *flips.BENCHMARKS,
    *manifests.BENCHMARKS,
    *settings.BENCHMARKS,
    *systems.BENCHMARKS,
]

# Above this load by other work, ratios are noisy and limits in milliseconds too strict.
_QUIET = 0.5

_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for and return the exit code."""
    options = _parser().parse_args(arguments)
    selected = _selected(options.only, quick=options.quick)
    if not selected:
        print(f"no row is named like that; rows: {', '.join(row.name for row in ALL)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    # Rows that are about the cache name one of their own.
    os.environ["WASMBUILD_CACHE"] = "off"
    rows: list[Row | Count] = []
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wasmbuild-benchmarks-") as temporary:
        workspace = Workspace(Path(temporary), quick=options.quick)
        for benchmark in selected:
            print(f"{benchmark.name} …", file=sys.stderr)
            try:
                row = benchmark.measure(workspace)
            except (BenchmarkError, CorpusError, WasmbuildError) as error:
                print(f"{benchmark.name}: not measured: {error}", file=sys.stderr)
                continue
            rows.append(row)
            # The table comes at the end of hours, if nobody stops this before.
            print("  ".join(filter(None, row.cells())), file=sys.stderr, flush=True)
        if rows:
            print(_machine(workspace), f"{time.monotonic() - start:.0f} s of measuring.", sep=", ")
            print(render(rows))
            if load > _QUIET:
                print(f"Measure again on a quiet machine: its load was {load:.1f} before this.")
            for row in rows:
                _tell_missed(row)
    missed = len(rows) < len(selected) or any(row.met is False for row in rows)
    return 1 if missed else 0


def _tell_missed(row: Row | Count) -> None:
    if isinstance(row, Count) and row.demanded:
        for missed in row.missed[:_SHOWN]:
            print(f"{row.name}: {missed}", file=sys.stderr)
        if len(row.missed) > _SHOWN:
            print(f"{row.name}: and {len(row.missed) - _SHOWN} more", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure wasmbuild against what one would use without it, in turns, and print the medians; count "
        "what verification finds and accepts.",
        epilog=f"Rows: {', '.join(row.name for row in ALL)}.",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="ROW", help="measure rows of this name; a glob, may be repeated"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer rounds, modules and cases, and no row of 8,000 artifacts unless it is named",
    )
    return parser


def _selected(patterns: Sequence[str], *, quick: bool) -> list[Benchmark]:
    if patterns:
        return [row for row in ALL if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in patterns)]
    return [row for row in ALL if not (quick and row.slow)]


def _machine(workspace: Workspace) -> str:
    compiler = subprocess.run([workspace.executable, "--version"], capture_output=True, text=True, check=True)
    ninja = subprocess.run([program("ninja"), "--version"], capture_output=True, text=True, check=True)
    return ", ".join(
        (
            f"{platform.system()} {platform.machine()}",
            f"{workspace.jobs} cores",
            f"Python {platform.python_version()}",
            compiler.stdout.strip(),
            f"ninja {ninja.stdout.strip()}",
        )
    )


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that the temporary directory is removed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
