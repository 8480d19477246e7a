"""What an enemy wants to have loaded, started or executed is not; what Wasmtime says of the rest is safe to show."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matrix import thorough
from support import run_here

from wasmbuild.engine import host
from wasmbuild.formats import cwasm
from wasmbuild.verify import Verdict, verify
from wasmbuild.verify.executable_loader import ExecutableLoader
from wasmbuild.verify.library_loader import LibraryLoader
from wasmbuild.verify.loading import Load

MODULE = '(module (func (export "f") (result i32) (i32.const 1)))'
HERE = host.triple() or ""
posix = pytest.mark.skipif(os.name == "nt", reason="a script of the shell")


class Puts:
    """Notes which artifacts any loader is given, and calls ``meddle`` with each path before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.meddle: Callable[[str], object] = str
        for loader in (LibraryLoader, ExecutableLoader):
            monkeypatch.setattr(loader, "put", self._watched(loader.put))

    def _watched(self, put: Any) -> Any:
        def watched(loader: Any, load: Load) -> None:
            self.paths.append(load.artifact.path)
            self.meddle(load.artifact.path)
            put(loader, load)

        return watched


def declares(data: bytes) -> str:
    """Return what an artifact declares; not the names of CPU features that are off."""
    facts = cwasm.read(data)
    on = {name for name, value in facts.isa_flags.items() if value is not False}
    return repr((facts.version, facts.triple, facts.shared_flags, len(facts.isa_flags), sorted(on), facts.tail))


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> Puts:
    return Puts(monkeypatch)


@pytest.mark.parametrize("embedder", ["c-api", "cli"])
def test_nothing_is_loaded_that_is_not_intact(tmp_path: Path, workshop: Any, puts: Puts, embedder: str) -> None:
    texts = dict.fromkeys(("bad", "cut", "good", "gone"), MODULE)
    workshop.ship(tmp_path, "pi", HERE, texts, engine={"embedder": embedder})
    data = (tmp_path / "pi" / "bad.cwasm").read_bytes()
    (tmp_path / "pi" / "bad.cwasm").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (tmp_path / "pi" / "cut.cwasm").write_bytes(data[:-1])
    (tmp_path / "pi" / "gone.cwasm").unlink()
    entries = {entry.id: entry for entry in verify([tmp_path]).artifacts}
    assert entries.pop("good@pi") == Verdict("good@pi", True, "loaded", None, "loaded", "")
    assert {entry[1:4] for entry in entries.values()} == {(False, None, "intact")}
    assert puts.paths == ["good.cwasm"]


@thorough("every", [5, 1], always=1)
def test_nothing_is_loaded_whose_engine_section_has_a_flipped_byte(
    tmp_path: Path, workshop: Any, puts: Puts, every: int
) -> None:
    good = workshop.compile(MODULE, HERE)
    [engine] = [section for section in cwasm.read(good).sections if section.name == ".wasmtime.engine"]
    flips = range(engine.offset, engine.offset + engine.size, every)
    instead = {f"m{at}": good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :] for at in flips}
    workshop.ship(tmp_path, "pi", HERE, dict.fromkeys([*instead, "good"], MODULE), instead=instead)
    entries = {entry.id.partition("@")[0]: entry for entry in verify([tmp_path]).artifacts}
    assert entries.pop("good").level == "loaded"
    assert len(entries) == len(flips)
    assert engine.size > 500
    for module, entry in entries.items():
        assert entry.ok or entry.message.startswith(f"{module}.cwasm ")
        assert entry.message.isprintable()
    consistent = {module for module, entry in entries.items() if entry.level in ("consistent", "loaded")}
    assert {declares(instead[module]) for module in consistent} == {declares(good)}
    assert set(puts.paths) == {f"{module}.cwasm" for module in (*consistent, "good")}


def test_flipped_bytes_elsewhere_cost_no_other_its_verdict(tmp_path: Path, workshop: Any) -> None:
    good = workshop.compile(workshop.checksum, HERE)
    flips = range(3, len(good), len(good) // 100)
    instead = {f"m{at}": good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :] for at in flips}
    texts = {name: workshop.checksum for at in instead for name in (at, f"{at}-good")}
    workshop.ship(tmp_path, "pi", HERE, texts, instead=instead)
    for entry in verify([tmp_path]).artifacts:
        if "-good" in entry.id:
            assert (entry.ok, entry.level, entry.message) == (True, "loaded", "")
        elif not entry.ok:
            assert (entry.level, entry.failed) in {("intact", "consistent"), ("consistent", "loaded")}
            assert entry.message.startswith(f"{entry.id.partition('@')[0]}.cwasm")
            assert entry.message.isprintable()


@posix
@pytest.mark.parametrize("embedder", ["c-api", "cli"])
@pytest.mark.parametrize(("in_place", "said"), [(False, ""), (True, "bad.cwasm changed while it was verified; ")])
def test_a_file_that_is_replaced_while_it_is_verified_is_blamed_or_harmless(
    tmp_path: Path, workshop: Any, puts: Puts, embedder: str, in_place: bool, said: str
) -> None:
    workshop.ship(tmp_path, "pi", HERE, {"bad": MODULE, "good": MODULE}, engine={"embedder": embedder})
    bad = tmp_path / "pi" / "bad.cwasm"
    os.utime(bad, ns=(10**18, 10**18))

    def meddle(path: str) -> None:
        if path == "bad.cwasm" and in_place:
            bad.write_bytes(b"not even an artifact")
        elif path == "bad.cwasm":
            (tmp_path / "new").write_bytes(b"not even an artifact")
            (tmp_path / "new").replace(bad)

    puts.meddle = meddle
    first, second = verify([tmp_path]).artifacts
    assert (first.id, first.ok, first.failed) == ("bad@pi", not in_place, "loaded" if in_place else None)
    assert first.message.startswith(said)
    assert second == Verdict("good@pi", True, "loaded", None, "loaded", "")


ENDLESS = {
    "module": '(module (func $spin (loop (br 0))) (start $spin) (func (export "f")))',
    "component": """(component
      (core module $m (func $spin (loop (br 0))) (start $spin) (func (export "f")))
      (core instance $i (instantiate $m))
      (func (export "f") (canon lift (core func $i "f"))))""",
}


@pytest.mark.parametrize("embedder", ["c-api", "cli"])
def test_start_functions_that_never_end_are_not_started(tmp_path: Path, workshop: Any, embedder: str) -> None:
    workshop.ship(tmp_path, "here", HERE, ENDLESS, engine={"embedder": embedder})
    workshop.ship(tmp_path, "pulley", "pulley64", ENDLESS, engine={"embedder": embedder})
    assert [entry[1:6] for entry in verify([tmp_path]).artifacts] == [(True, "loaded", None, "loaded", "")] * 4


@posix
def test_what_wasmtime_says_of_an_artifact_writes_nothing_to_the_terminal(
    tmp_path: Path, workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.ship(tmp_path, "pi", HERE, {"bad": MODULE, "good": MODULE}, engine={"embedder": "cli"})
    script = tmp_path / "wasmtime"
    words = r"\033]0;pi\007\033[2J\r\302\205\342\200\256"
    script.write_text(
        f"""#!/bin/sh
case "$*" in
  run*) printf 'Error: failed to load %s\\n\\nCaused by:\\n    0: {words}\\n' "$*" >&2; exit 1 ;;
  *) exec {workshop.executable.path} "$@" ;;
esac
"""
    )
    script.chmod(0o755)
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(script))
    entries = verify([tmp_path]).artifacts
    assert [entry[:4] for entry in entries] == [
        (f"{module}@pi", False, "consistent", "loaded") for module in ("bad", "good")
    ]
    for entry in entries:
        assert "is refused by Wasmtime: " in entry.message
        assert "]0;pi" in entry.message
        assert entry.message.isprintable()


# --- a wasmbuild.toml in what is verified -----------------------------------------------------------------------------

FAR = "aarch64-unknown-linux-gnu" if not HERE.startswith("aarch64") else "x86_64-unknown-linux-gnu"


@posix
@thorough(
    ("cwd", "named"),
    [
        (".", "shipped/index.json"),
        ("shipped", "."),
        ("link", "../shipped"),
        ("shipped/pi", ".."),
        (".", "shipped"),
        (".", "shipped/pi"),
        ("elsewhere", "../shipped"),
        ("elsewhere", "../link"),
        ("shipped", "pi"),
        ("shipped", "index.json"),
        ("shipped", "../shipped"),
        ("shipped/pi", "."),
        ("shipped/pi", "manifest.json"),
    ],
    always=3,
)
def test_a_runner_in_what_is_verified_is_never_obeyed(tmp_path: Path, workshop: Any, cwd: str, named: str) -> None:
    root = tmp_path / "shipped"
    workshop.index(root, workshop.ship(root, "pi", FAR, {"bad": MODULE}))
    marker = tmp_path / "obeyed"
    command = json.dumps(["/bin/sh", "-c", f"touch {marker}"])
    toml = f"""[project]
name = "filters"
[targets.pi]
triple = "{FAR}"
[targets.pi.runner]
command = {command}
python = "python3"
[modules.bad]
source = "bad.wat"
"""
    for directory in (root, root / "pi"):
        (directory / "wasmbuild.toml").write_text(toml)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(root)
    ended = run_here("verify", "--json", named, cwd=tmp_path / cwd)
    [entry] = json.loads(ended.stdout)["artifacts"]
    assert (entry["id"], entry["ok"], entry["level"]) == ("bad@pi", True, "consistent"), ended
    assert "no runner is declared" in entry["message"]
    assert not marker.exists()
    # The marker is what a runner leaves that is obeyed.
    run_here("verify", "--config", str(root / "wasmbuild.toml"), str(root))
    assert marker.exists()
