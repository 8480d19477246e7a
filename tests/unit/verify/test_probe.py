"""What the probe keeps and lets go of, in this process; and how its process is set up.

What it answers is tested in ``tests/integration/verify``, through the child.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from probing import reply_to

from wasmbuild.toolchain import child, configure, find, wire
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.server import Server
from wasmbuild.toolchain.worker import Request
from wasmbuild.verify import probe_outcomes, probes, values

ENGINE: list[Any] = [[], None]
CALL = {"test": {"call": "f", "args": []}, "fuel": None, "epoch": False}
TOLD = {"imports": [], "exports": [["f", "func", "() -> (i32)"]]}
MEBIBYTE = 1 << 20
needs_limits = pytest.mark.skipif(sys.platform != "linux", reason="the limits of Linux")


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the child's main file, which imports those beside it by their plain names."""
    for name, module in (("values", values), ("configure", configure), ("probe_outcomes", probe_outcomes)):
        monkeypatch.setitem(sys.modules, name, module)
    from wasmbuild.verify import probe_cases, probe_interface

    for name, module in (("probe_cases", probe_cases), ("probe_interface", probe_interface)):
        monkeypatch.setitem(sys.modules, name, module)
    from wasmbuild.verify import probe

    return probe


def answer(probing: Any, request: dict[str, Any], data: bytes = b"", file: int | None = None) -> Any:
    """Return what the parent reads, of a single artifact what is told of that."""
    told, more = probing.handle({**request, "files": file is not None}, data, [] if file is None else [file])
    assert more == b""
    told = json.loads(json.dumps(told))
    return told["loaded"][0] if told.get("loaded") else told


def artifact(result: int = 7, more: str = "") -> bytes:
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, f'(module (func (export "f") (result i32) (i32.const {result})) {more})')
    return bytes(module.serialize())


def test_what_is_kept_is_tested_and_let_go_of_with_the_next(probe: Any) -> None:
    probing = probe.Probe()
    keep = {"load": ["module"], "engine": ENGINE, "keep": True}
    assert answer(probing, CALL) == {"failed": "no artifact was kept"}
    for number in (1, 2):
        assert answer(probing, keep, artifact(number)) == TOLD
        assert answer(probing, CALL) == {"returned": [number], "types": ["i32"]}
    assert answer(probing, {"load": ["module"], "engine": ENGINE}, artifact()) == TOLD
    assert answer(probing, CALL) == {"failed": "no artifact was kept"}


def test_what_is_named_like_an_initializer_and_is_no_function_is_not_called(probe: Any) -> None:
    probing = probe.Probe()
    data = artifact(more='(global (export "_initialize") i32 (i32.const 1))')
    told = answer(probing, {"load": ["module"], "engine": ENGINE, "keep": True}, data)
    assert told["exports"] == [*TOLD["exports"], ["_initialize", "global", "i32"]]
    assert answer(probing, CALL) == {"returned": [7], "types": ["i32"]}


@pytest.mark.parametrize("by_descriptor", [True, False], ids=["as a file", "as bytes"])
def test_an_open_file_is_loaded_from_its_beginning(
    probe: Any, monkeypatch: pytest.MonkeyPatch, by_descriptor: bool
) -> None:
    if by_descriptor and sys.platform != "linux":
        pytest.skip("descriptors have no names")
    monkeypatch.setattr(probe, "_BY_DESCRIPTOR", by_descriptor)
    with tempfile.TemporaryFile() as file:
        file.write(artifact())
        file.flush()
        request = {"load": ["module"], "engine": ENGINE}
        for _ in range(2):
            assert answer(probe.Probe(), request, file=file.fileno()) == TOLD


def test_so_many_engines_are_kept_and_the_oldest_closed(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    made: list[int] = []

    class Engine(wasmtime.Engine):
        def __init__(self, config: wasmtime.Config) -> None:
            super().__init__(config)
            self.number = len(made)
            made.append(self.number)

        def close(self) -> None:
            if self.number not in closed:
                closed.append(self.number)
            super().close()

    monkeypatch.setattr(probe.wasmtime, "Engine", Engine)
    probing = probe.Probe()
    for size in range(20):
        request = {"engine": [[["property", "max_wasm_stack", 100_000 + size]], None]}
        for _ in range(2):
            assert answer(probing, request) == {"loaded": []}
    assert made == list(range(20))
    assert closed == list(range(4))


def test_an_artifact_whose_descriptor_did_not_arrive_is_not_judged(probe: Any) -> None:
    with pytest.raises(OSError, match="not all descriptors of a request arrived"):
        probe.Probe().handle({"load": ["module", "module"], "engine": ENGINE, "files": 2}, b"", [0])


def test_an_error_is_told_in_so_many_words_and_no_more(probe: Any) -> None:
    name = "x" * 9000
    told = answer(probe.Probe(), {"engine": [[["property", name, True]], None]})
    assert told == {"error": f"this version of the library has no Config.{name}"[:4000]}


# --- its process ------------------------------------------------------------------------------------------------------

LIMITED = """
import resource, sys
sys.path.extend(sys.argv[2:])
import probe
hard = resource.RLIM_INFINITY if sys.argv[1] == "-" else int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
probe.limit_memory(1 << 30)
print(*resource.getrlimit(resource.RLIMIT_DATA))
"""


def directories() -> list[str]:
    """Return where the library is, and the files of the child."""
    packages = Path(find.library().path).parents[2]
    return [str(directory) for directory in (packages, probes.PROBE.parent, Path(wire.__file__).parent)]


@needs_limits
@pytest.mark.parametrize(("hard", "limit"), [("-", 1 << 30), (str(512 << 20), 512 << 20), (str(4 << 30), 1 << 30)])
def test_a_limit_that_is_lower_already_stays(hard: str, limit: int) -> None:
    command = [sys.executable, "-I", "-S", "-c", LIMITED, hard, *directories()]
    ended = child.run(command, limits=ProcessLimits(seconds=60))
    assert ended.stdout.split() == [str(limit).encode()] * 2, ended.stderr


def test_no_directory_hides_a_module_of_the_standard_library(tmp_path: Path) -> None:
    for name in ("json", "ctypes", "pathlib", "struct", "resource"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    command = [sys.executable, "-I", "-S", str(probes.PROBE), "-", str(tmp_path), *directories()]
    with Server(command, name="the probe", limits=ProcessLimits(seconds=60)) as server:
        assert reply_to(server, Request({"engine": ENGINE})).body == {"loaded": []}
