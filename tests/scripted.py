"""A ``wasmtime`` executable that does as each artifact says, and the loader that starts it."""

from __future__ import annotations

import io
import sys
import textwrap
from pathlib import Path
from typing import Any

from wasmbuild.files import signature
from wasmbuild.formats.extern import Export
from wasmbuild.project.cases import Case
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.executable_cases import RunOptions
from wasmbuild.verify.executable_loader import ExecutableLoader, LoaderCommand
from wasmbuild.verify.loading import HERE, Load, LoadingSite, LoadOutcome
from wasmbuild.verify.outcomes import Obstacle
from wasmbuild.verify.tested import Metering

RUNNER = LoadingSite(is_runner=True)
OPTIONS = RunOptions(["-W", "simd=y"])
# The artifact is a script, with these names. It is loaded where that says nothing else.
WASMTIME = """
import hashlib, json, os, resource, signal, sys, time
arguments = sys.argv[1:]
loading = "--preload" in arguments
if arguments == ["--version"]:
    print("wasmtime 48.0.2")
    sys.exit()
[file] = [argument for argument in arguments if argument.endswith(".cwasm")]
with open(file, "rb") as opened:
    content = opened.read()
def fail(words, status=1):
    sys.stderr.write(words)
    sys.exit(status)
exec(content)
if loading:
    fail('Error: failed to open wasm module "missing"\\n\\nCaused by:\\n    No such file or directory\\n')
"""


class Loading:
    """A directory of artifacts and an executable that loads them."""

    def __init__(self, root: Path, maker: Any) -> None:
        self._root = root
        self._maker = maker
        self._files: list[io.FileIO] = []
        self.private = root / "private"
        self.project = root / "project"
        self.private.mkdir()
        self.project.mkdir()
        (root / "wasmtime.py").write_text(WASMTIME)
        self.program = LoaderCommand((sys.executable, "-I", "-S", str(root / "wasmtime.py")), {"A": "b"})
        self.outcomes: dict[str, LoadOutcome] = {}

    def load(
        self,
        does: str = "",
        *,
        name: str = "m",
        type_: str = "() -> ()",
        kind: str = "module",
        tests: tuple[Case, ...] = (),
        metering: Metering | None = None,
    ) -> Load:
        """Return the load of an artifact that does something when it is loaded, or tested."""
        path = self._root / f"{name}.cwasm"
        path.write_text(textwrap.dedent(does))
        file = io.FileIO(path)
        self._files.append(file)
        entry = self._maker.entry(path.read_bytes(), name, kind=kind, exports=(Export("f", "func", type_),))
        if tests and metering is None:
            metering = Metering(fuel=False, epoch=False)

        def settle(outcome: LoadOutcome) -> None:
            assert file.closed
            assert name not in self.outcomes
            self.outcomes[name] = outcome

        return Load(entry._replace(tests=tests), file, signature(path.stat()), settle, OPTIONS, metering)

    def run(
        self,
        *loads: Load,
        site: LoadingSite = HERE,
        limits: ProcessLimits | None = None,
        program: LoaderCommand | None = None,
    ) -> None:
        """Settle loads; nothing is left behind."""
        loader = ExecutableLoader(program or self.program, self.private, limits or ProcessLimits(seconds=60), site)
        try:
            for load in loads:
                loader.put(load)
        finally:
            loader.close()
            assert list(self.private.iterdir()) == []
            assert all(file.closed for file in self._files)

    def obstacle(self, does: str, **how: Any) -> Obstacle | None:
        """Return what keeps an artifact from being loaded."""
        self.run(self.load(does), **how)
        assert self.outcomes["m"].results is None
        return self.outcomes["m"].obstacle

    def test(
        self, does: str, *cases: Case, type_: str = "() -> ()", metering: Metering | None = None, **how: Any
    ) -> tuple[list[str], Obstacle | None]:
        """Return what came of tests, in words, and what they have against the artifact."""
        self.run(self.load(does, type_=type_, tests=cases, metering=metering), **how)
        outcome = self.outcomes["m"]
        return [result.summary for result in outcome.results or ()], outcome.obstacle


TELL = """
with open({noted!r}, "w") as out:
    json.dump({{
        "arguments": arguments, "cwd": os.getcwd(), "environment": dict(os.environ),
        "file": os.path.realpath(file), "sha256": hashlib.sha256(content).hexdigest(),
        "data": resource.getrlimit(resource.RLIMIT_DATA)[0], "space": resource.getrlimit(resource.RLIMIT_AS)[0],
        "stdin": sys.stdin.buffer.read().decode("utf-8"),
    }}, out)
"""
