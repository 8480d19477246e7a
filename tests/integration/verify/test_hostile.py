"""Directories of an enemy, one harm to a target, all of them verified at once as they come, artifacts being real.

What a harm is blamed on, at which level and in which words; all other artifacts in the same report are loaded. What
manifests and indexes can say that is wrong is in ``tests/unit/verify/test_hostile.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mischief import (
    LOG_LOADS,
    Mischief,
    Shipment,
    Watch,
    artifact,
    compiled,
    device,
    directory,
    edited,
    fifo,
    link,
    manifest,
    says,
    through_a_chain,
    through_a_directory,
    unix_socket,
    wasm,
    written,
)

from wasmbuild.builder.workspace import Workspace
from wasmbuild.engine import host
from wasmbuild.engine.triples import parse
from wasmbuild.formats import cwasm
from wasmbuild.formats.manifest import MAX_MANIFEST
from wasmbuild.verify import LEVELS, Verdict, verify

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and FIFOs of POSIX")

MODULE = '(module (func (export "f") (result i32) (i32.const 1)))'
OTHER = '(module (func (export "g")))'
PLUGIN = """(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""
CLEARS = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\04\\00\\00\\00\\1b[2J")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"""
HERE = host.triple() or ""
FAR = "aarch64-unknown-linux-gnu" if parse(HERE).architecture == "x86_64" else "x86_64-unknown-linux-gnu"
FEATURE = "has_sse3" if parse(HERE).architecture == "x86_64" else "has_lse"
LINE_49 = {"major": 49, "compiler": "49.0.0", "compiler_sha256": "0" * 64}


def of_another_machine(data: bytes) -> bytes:
    return data[:18] + cwasm.HEADERS[parse(FAR).architecture].machine.to_bytes(2, "little") + data[20:]


def of_another_line(data: bytes) -> bytes:
    return data.replace(b"\x0248", b"\x0249", 1)


def program_that_clears(shipment: Shipment) -> None:
    """Put a program of WASI there that writes what clears a terminal, and a test that finds it."""
    shipment.replace(shipment.workshop.compile(CLEARS, HERE))
    type_ = "(i32, i32, i32, i32) -> (i32)"
    imports = [{"module": "wasi_snapshot_preview1", "name": "fd_write", "kind": "func", "type": type_}]
    exports = [{"name": "memory", "kind": "memory", "type": "1"}]
    exports += [{"name": "_start", "kind": "func", "type": "() -> ()"}]
    case = {"call": "_start", "args": [], "exit": 0, "stdout": "", "wasi": {"argv": ["\x1b[2J"]}}
    for key, value in {"imports": imports, "exports": exports, "tests": [case]}.items():
        shipment.say(value, "artifacts", 1, key)


class Harm(NamedTuple):
    """``said`` is what is said of each that is blamed, with ``*`` for anything and ``{}`` for the target's name.

    ``level`` is what they reach. ``blamed`` are names of modules, or ``manifest``.
    """

    name: str
    do: Mischief
    said: str
    level: str | None = None
    blamed: str = "m"


AGAIN = "build again, or copy it again from where it was built"
HAND = "was it built or changed by hand, or by another tool? build it again"
EDITED = f"the file was edited or damaged, or another program or version of wasmbuild wrote it: delete it and {AGAIN}"
INSTEAD = f"put the artifact itself there: {AGAIN}"
NAMED = f"index.json names it: {AGAIN}"
ITSELF = f"put the file itself there: {AGAIN}"
NO_FILE = "not a regular file"
OUT = "leads out of the directory through a link"
FOLLOWED = "copy the directory with its links followed (cp -rL), or name the one that the links lead to"
TO_ITSELF = "is a link that leads to itself"
HAS = "m.cwasm has * bytes, and its manifest says *: it was"
COMPILED = f"not an artifact that was compiled from one; {HAND}"
SETTINGS = "has other engine settings than its manifest declares:"
FLAGS = "has other CPU flags than target {} declares:"
EXPORTS = "m.cwasm: its exports are not those of its manifest:"
ESCAPES = {"name": "f\x1b[2J\u202e", "kind": "func", "type": "() -> (i32)"}
TRAPS = {"call": "f", "args": [], "traps": "\x1b[2J\r\n"}

# fmt: off
HARMS = [
    # Links.
    Harm("a link out", artifact(link("../../outside/t/m.cwasm")), f"m.cwasm {OUT}; {FOLLOWED}"),
    Harm("a link to a device", artifact(link("/dev/zero")), f"m.cwasm {OUT}; {ITSELF}"),
    Harm("a directory that is a link out", through_a_directory, f"plugins/m.cwasm {OUT}; {FOLLOWED}"),
    Harm("a chain of links out", through_a_chain, f"m.cwasm {OUT}; {FOLLOWED}"),
    Harm("a link to itself", artifact(link("m.cwasm")), f"m.cwasm {TO_ITSELF}; {INSTEAD}"),
    Harm("a link to nothing", artifact(link("none")), f"m.cwasm is missing; {AGAIN}"),
    Harm("no harm: a link that stays", artifact(link("a.cwasm")), "", blamed=""),
    # What is no file.
    Harm("a FIFO", artifact(fifo), f"m.cwasm is a FIFO, {NO_FILE}; {INSTEAD}"),
    Harm("a socket", artifact(unix_socket), f"m.cwasm is a socket, {NO_FILE}; {INSTEAD}"),
    Harm("a device", artifact(device), f"m.cwasm is a device, {NO_FILE}; {INSTEAD}"),
    Harm("a directory", artifact(directory), f"m.cwasm is a directory, {NO_FILE}; {INSTEAD}"),
    # Manifests that are no files, or not of this directory.
    *(Harm(f"{name} for a manifest", manifest(replace), f"{{}}/manifest.json {words}", blamed="manifest")
      for name, replace, words in (
        ("a link out", link("../../outside/t/manifest.json"), f"{OUT}; {FOLLOWED}"),
        ("a link to itself", link("manifest.json"), f"{TO_ITSELF}; {ITSELF}"),
        ("a link to nothing", link("none"), f"is missing; {NAMED}"),
        ("a FIFO", fifo, f"is a FIFO, {NO_FILE}; {ITSELF}"),
        ("a socket", unix_socket, f"is a socket, {NO_FILE}; {ITSELF}"),
        ("a device", device, f"is a device, {NO_FILE}; {ITSELF}"),
        ("a directory", directory, f"is a directory, {NO_FILE}; {ITSELF}"),
    )),
    Harm("a terabyte for a manifest", manifest(lambda path: os.truncate(path, 1 << 40)),
         f"{{}}/manifest.json: has * bytes, and at most {MAX_MANIFEST} are read; {EDITED}", blamed="manifest"),
    # Sizes and digests.
    Harm("a byte less", artifact(lambda path: path.write_bytes(path.read_bytes()[:-1])),
         f"{HAS} cut off, or changed after it was built; {AGAIN}"),
    Harm("a terabyte", artifact(lambda path: os.truncate(path, 1 << 40)), f"{HAS} changed after it was built; {AGAIN}"),
    Harm("as many zeros", artifact(lambda path: path.write_bytes(bytes(path.stat().st_size))),
         f"m.cwasm has SHA-256 *…, and its manifest says *…; {HAND}"),
    # Something else, its digest being right.
    Harm("a module", written(wasm(100)), f"m.cwasm is a core WebAssembly module, {COMPILED}", "intact"),
    Harm("a module of 100 kB", written(wasm(100_000)), f"m.cwasm is a core WebAssembly module, {COMPILED}", "intact"),
    Harm("a module of 2 MB", written(wasm(2_000_000)), f"m.cwasm is a core WebAssembly module, {COMPILED}", "intact"),
    Harm("text", written(MODULE.encode()), f"m.cwasm is WebAssembly text, {COMPILED}", "intact"),
    Harm("a program", written(Path(sys.executable).resolve()), f"m.cwasm is *, not an artifact; {AGAIN}", "intact"),
    Harm("a script", written(b"#!/bin/sh\n\x1b[31m"), f"m.cwasm is a script, not an artifact; {AGAIN}", "intact"),
    Harm("a part of an artifact", edited(lambda data: data[:-1]),
         "m.cwasm is a damaged artifact: its section table ends *: it was cut off; build it again, or *", "intact"),
    Harm("for another machine", compiled(MODULE, FAR), f"m.cwasm is for {FAR}, and target {{}} is *; {HAND}", "intact"),
    Harm("for Pulley", compiled(MODULE, "pulley64"), "m.cwasm is for pulley64*, and target {} is *; *", "intact"),
    Harm("a header of another machine", edited(of_another_machine),
         f"m.cwasm says it is for {HERE}, but its ELF header is not one of that machine; {HAND}", "intact"),
    Harm("of another line", edited(of_another_line),
         f"m.cwasm is of Wasmtime 49, and its manifest says 48; {HAND}", "intact"),
    Harm("of another kind", compiled(PLUGIN, HERE),
         f"m.cwasm is a component, and its manifest says module; {HAND}", "intact"),
    Harm("for another CPU", compiled(MODULE, HERE, isa_flags={FEATURE: True}),
         f"m.cwasm {FLAGS} {FEATURE} is true instead of false; {HAND}", "intact"),
    Harm("for another engine", compiled(MODULE, HERE, engine={"epoch-interruption": True}),
         f"m.cwasm {SETTINGS} epoch-interruption is true instead of false; {HAND}", "intact"),
    Harm("of another module", compiled(OTHER, HERE),
         f'{EXPORTS} "f" is missing, "g" is not in the manifest; {HAND}', "consistent"),
    # Manifests that lie.
    Harm("a lie about the engine", says(True, "engine", "consume-fuel"),
         f"*.cwasm {SETTINGS} consume-fuel is false instead of true; {HAND}", "intact", "amz"),
    Harm("a lie about the CPU", says({FEATURE: True}, "target", "isa_flags"),
         f"*.cwasm {FLAGS} {FEATURE} is false instead of true; {HAND}", "intact", "amz"),
    Harm("a lie about the line", says(LINE_49, "wasmtime"),
         f"*.cwasm is of Wasmtime 48, and its manifest says 49; {HAND}", "intact", "amz"),
    Harm("a lie about the target", says(FAR, "target", "triple"),
         f"{{}}/manifest.json is that of * ({FAR}), and index.json says * ({HERE}); delete it and {AGAIN}",
         blamed="manifest"),
    Harm("a lie about exports", says([], "artifacts", 1, "exports"),
         f'{EXPORTS} "f" is not in the manifest; {HAND}', "consistent"),
    # What a terminal would obey.
    Harm("a name with escapes", says([ESCAPES], "artifacts", 1, "exports"),
         f'{EXPORTS} "f\\x1b[2J\\u202e" is missing, "f" is not in the manifest; {HAND}', "consistent"),
    Harm("words with escapes", says([TRAPS], "artifacts", 1, "tests"),
         'm.cwasm: test 1 of 1, f() returned 1 instead of trapping with "\\x1b[2J\\r\\n"; *', "loaded"),
    Harm("output with escapes", program_that_clears,
         'm.cwasm: test 1 of 1, * wrote "\\u001b[2J" to stdout instead of ""; *', "loaded"),
    Harm("no harm: a source with escapes", says("a\x1b[2J", "artifacts", 1, "source", "path"), "", blamed=""),
]
# fmt: on


class Verified(NamedTuple):
    """What was said of all harms at once; ``unmade`` are targets whose harm this user may not do."""

    build: Path
    entries: tuple[Verdict, ...]
    unmade: frozenset[str]
    opened: frozenset[str]

    def of(self, target: str) -> dict[str, Verdict]:
        """Return the entries of a target by the name of what they are about."""
        own = {f"{self.build / target}/manifest.json": "manifest", **{f"{name}@{target}": name for name in "amz"}}
        return {own[entry.id]: entry for entry in self.entries if entry.id in own}


TARGETS = [f"t{number}" for number in range(len(HARMS))]


def shipped(root: Path, workshop: Any) -> frozenset[str]:
    """Ship a target for each harm below a directory, with an index, and return those that could not be harmed."""
    texts = dict.fromkeys("amz", MODULE)
    workshop.ship(root / "outside", "t", HERE, texts)
    unmade = set()
    entries = []
    for target, harm in zip(TARGETS, HARMS, strict=True):
        workshop.ship(root / "build", target, HERE, texts)
        shipment = Shipment(root / "build" / target, workshop)
        try:
            harm.do(shipment)
        except PermissionError:
            unmade.add(target)
        # So much is read of a file and no more.
        head = b""
        if shipment.manifest.is_file():
            with shipment.manifest.open("rb") as file:
                head = file.read(MAX_MANIFEST + 1)
        digest = hashlib.sha256(head).hexdigest()
        entries.append({"name": target, "triple": HERE, "path": f"{target}/manifest.json", "sha256": digest})
    index = {"schema": "wasmbuild/index/1", "project": "filters", "targets": entries}
    (root / "build" / "index.json").write_text(json.dumps(index))
    return frozenset(unmade)


@pytest.fixture(scope="module")
def verified(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Verified:
    root = tmp_path_factory.mktemp("hostile")
    unmade = shipped(root, workshop)
    watch = Watch(root / "outside") if sys.platform == "linux" else None
    report = verify([root / "build"])
    return Verified(root / "build", report.artifacts, unmade, frozenset(watch.opened() if watch else ()))


@pytest.mark.parametrize(("target", "harm"), list(zip(TARGETS, HARMS, strict=True)), ids=[harm.name for harm in HARMS])
def test_a_harm_is_blamed_on_what_was_harmed(verified: Verified, target: str, harm: Harm) -> None:
    if target in verified.unmade:
        pytest.skip("this user may not make a device")
    entries = verified.of(target)
    blamed = ["manifest"] if harm.blamed == "manifest" else list(harm.blamed)
    assert [name for name, entry in entries.items() if not entry.ok] == blamed
    said = ".*".join(map(re.escape, harm.said.replace("{}", target).split("*")))
    for name in blamed:
        entry = entries.pop(name)
        assert (entry.level, entry.failed) == (harm.level, LEVELS[LEVELS.index(harm.level) + 1 if harm.level else 0])
        assert re.fullmatch(said, entry.message.removeprefix(f"{verified.build}/")), entry.message
        # One line, and nothing in it that a terminal obeys.
        assert entry.message.isprintable()
        assert len(entry.message) < 600
    assert set(entries) == (set() if blamed == ["manifest"] else set("amz") - set(blamed))
    assert {entry.level for entry in entries.values()} <= {"loaded"}


@pytest.mark.skipif(sys.platform != "linux", reason="inotify of Linux")
def test_nothing_outside_of_the_directory_is_opened(verified: Verified) -> None:
    assert verified.opened == set()
    outside = verified.build.parent / "outside"
    watch = Watch(outside)
    (outside / "t" / "m.cwasm").read_bytes()
    assert watch.opened() == {"m.cwasm"}


def test_nothing_is_deserialized_that_is_not_intact_and_consistent(verified: Verified, tmp_path: Path) -> None:
    script, loaded, config = tmp_path / "log.py", tmp_path / "loaded", tmp_path / "wasmbuild.toml"
    script.write_text(LOG_LOADS)
    runner = {
        "command": [sys.executable, str(script)],
        "python": sys.executable,
        "environment": {"LOADED": str(loaded)},
    }
    # What JSON and TOML have in common, but for the colons.
    table = re.sub(r'"(\w+)": ', r"\1 = ", json.dumps(runner))
    targets = "".join(f'[targets.{target}]\ntriple = "{HERE}"\nrunner = {table}\n' for target in TARGETS)
    config.write_text(f'[project]\nname = "filters"\n{targets}')
    report = verify([verified.build], targets=Workspace(config).runners())
    assert [entry[:4] for entry in report.artifacts] == [entry[:4] for entry in verified.entries]
    right = set()
    for entry in report.artifacts:
        if entry.level not in (None, "intact"):
            module, target = entry.id.split("@")
            right.add(hashlib.sha256((verified.build / target / f"{module}.cwasm").read_bytes()).hexdigest())
    assert len(right) == 3
    assert set(loaded.read_text().split()) == right
