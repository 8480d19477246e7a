"""A probe that answers as a script says, and the loader that asks it."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from wasmbuild import files
from wasmbuild.project.cases import Case
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify import probes
from wasmbuild.verify.library_loader import LibraryLoader
from wasmbuild.verify.loading import HERE, Load, LoadingSite, LoadOutcome
from wasmbuild.verify.outcomes import Obstacle
from wasmbuild.verify.tested import CaseResult, Metering

LIMITS = ProcessLimits(seconds=30)
HEAD = """
import os, signal, sys, time
sys.path.extend(sys.argv[2:])
import wire
count = 0
def nothing(request):
    return {"loaded": [{"imports": [], "exports": []} for _ in request["load"]]}, b""
"""
TAIL = """
wire.serve(handle)
"""


class Starter:
    """Starts loaders whose probe handles requests by a script."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._monkeypatch = monkeypatch

    def __call__(self, handle: str, limits: ProcessLimits = LIMITS, site: LoadingSite = HERE) -> LibraryLoader:
        child = self._root / "child.py"
        child.write_text(HEAD + textwrap.dedent(handle) + TAIL)
        self._monkeypatch.setattr(probes, "PROBE", child)
        library = self._root / "site" / "wasmtime" / "linux-x86_64" / "_libwasmtime.so"
        return LibraryLoader(probes.here(FoundCompiler("embedded", str(library), "48.0.0", ""), limits), limits, site)


class Loads:
    """Makes loads of an empty file, and keeps what became of them."""

    def __init__(self, directory: Path, maker: Any) -> None:
        self._path = directory / "file"
        self._path.write_bytes(b"")
        self._maker = maker
        self.outcomes: dict[str, Obstacle | None] = {}
        self.results: dict[str, tuple[CaseResult, ...] | None] = {}
        self.files: list[io.FileIO] = []

    def make(self, name: str, *tests: Case) -> Load:
        file = io.FileIO(self._path)
        self.files.append(file)
        signature = files.signature(self._path.stat())

        def settle(outcome: LoadOutcome) -> None:
            assert file.closed
            assert name not in self.outcomes
            self.outcomes[name], self.results[name] = outcome.obstacle, outcome.results

        metering = Metering(fuel=False, epoch=False) if tests else None
        entry = self._maker.entry(b"", name)._replace(tests=tests)
        return Load(entry, file, signature, settle, [[], None], metering)

    def through(self, loader: LibraryLoader, names: Iterable[str]) -> None:
        """Have as many loads settled as there are names."""
        for name in names:
            loader.put(self.make(name))
        loader.close()
