"""Loading in children that may crash, hang or run out of memory, and what is loaded while files change."""

from __future__ import annotations

import hashlib
import os
import queue
from pathlib import Path
from typing import Any

import pytest
from support import Project

from wasmbuild.confined import ConfinedDirectory
from wasmbuild.engine import host
from wasmbuild.formats import cwasm
from wasmbuild.formats.manifest import Manifest
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.process import memory_can_be_limited
from wasmbuild.verify import verify
from wasmbuild.verify.intact import Intact
from wasmbuild.verify.loaded import Loaders, LoadingMethod
from wasmbuild.verify.loading import LoadOutcome
from wasmbuild.verify.outcomes import Broken, Obstacle
from wasmbuild.verify.tools import Tools

MODULE = '(module (func (export "f") (result i32) (i32.const 1)))'
HERE = host.triple() or ""
OTHER = '(module (func (export "g") (result i32) (i32.const 2)))'


def loaded(tmp_path: Path, manifest: Manifest, meddle: Any) -> Obstacle | None:
    """Load the only artifact of a manifest, after ``meddle(path)`` was called between hashing and loading."""
    [artifact] = manifest.artifacts
    outcomes: queue.Queue[LoadOutcome] = queue.Queue()
    directory = tmp_path / manifest.target
    with Tools() as tools, ConfinedDirectory(directory) as confined:
        loaders = Loaders(tools, ProcessLimits(seconds=60))
        method = loaders.method(manifest)
        os.utime(directory / artifact.path, ns=(10**18, 10**18))
        opened = Intact().open(artifact, confined)
        assert isinstance(method, LoadingMethod)
        assert not isinstance(opened, Broken)
        meddle(directory / artifact.path)
        method.load(artifact, opened, outcomes.put, test=False)
        loaders.close()
    return outcomes.get_nowait().obstacle


@pytest.mark.parametrize("embedder", ["c-api", "cli"])
def test_what_is_loaded_is_what_was_hashed_not_what_is_there_now(tmp_path: Path, workshop: Any, embedder: str) -> None:
    manifest = workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, engine={"embedder": embedder})
    new = tmp_path / "new"
    new.write_bytes(b"not even an artifact")
    assert loaded(tmp_path, manifest, new.replace) is None
    assert (tmp_path / "host" / "m.cwasm").read_bytes() == b"not even an artifact"


@pytest.mark.parametrize("embedder", ["c-api", "cli"])
def test_a_file_that_is_written_to_in_place_is_not_believed(tmp_path: Path, workshop: Any, embedder: str) -> None:
    manifest = workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, engine={"embedder": embedder})
    other = workshop.compile(OTHER, HERE, {"embedder": embedder})
    changed = Broken("m.cwasm changed while it was verified; verify when nothing writes to it")
    assert loaded(tmp_path, manifest, lambda path: path.write_bytes(other)) == changed


def test_an_executable_loads_no_bytes_that_were_not_hashed(tmp_path: Path, workshop: Any) -> None:
    manifest = workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, engine={"embedder": "cli"})
    other = workshop.compile(OTHER, HERE, {"embedder": "cli"})

    def write_unnoticed(path: Path) -> None:
        path.write_bytes(other)
        os.utime(path, ns=(10**18, 10**18))

    changed = Broken("m.cwasm changed while it was verified; verify when nothing writes to it")
    assert loaded(tmp_path, manifest, write_unnoticed) == changed


def corrupted(data: bytes, count: int) -> list[bytes]:
    """Return artifacts whose headers are right and whose information for the loader is not, one byte each."""
    [info] = [section for section in cwasm.read(data).sections if section.name == ".wasmtime.info"]
    copies = []
    for number in range(count):
        position = info.offset + info.size * number // count
        copies.append(data[:position] + bytes([data[position] ^ 0x80]) + data[position + 1 :])
    return copies


def test_an_artifact_that_ends_the_child_costs_no_other_its_verdict(tmp_path: Path, workshop: Any) -> None:
    good = workshop.compile(workshop.checksum, HERE)
    wrong = corrupted(good, 150)
    instead = {
        f"m{number:03}-{kind}": data
        for number, bad in enumerate(wrong)
        for kind, data in (("bad", bad), ("good", good))
    }
    workshop.ship(tmp_path, "host", HERE, dict.fromkeys(instead, workshop.checksum), instead=instead)
    entries = {entry.id: entry for entry in verify([tmp_path]).artifacts}
    assert len(entries) == 300
    assert {entry.level for name, entry in entries.items() if name.endswith("-good@host")} == {"loaded"}
    deaths = [entry for entry in entries.values() if "ends the process that loads it, which " in entry.message]
    assert deaths
    for entry in deaths:
        assert (entry.ok, entry.level, entry.failed) == (False, "consistent", "loaded")
        assert entry.id.endswith("-bad@host")
    # The verdict is the artifact's own: it is the same where nothing came before it.
    module = deaths[0].id.partition("@")[0]
    workshop.ship(tmp_path, "alone", HERE, {module: workshop.checksum}, instead={module: instead[module]})
    [alone] = verify([tmp_path / "alone"]).artifacts
    assert alone.message == deaths[0].message


@pytest.mark.skipif(os.name == "nt", reason="a script of the shell")
@pytest.mark.parametrize(
    ("does", "level", "ending"),
    [
        ("exec sleep 1000", "loaded", "m.cwasm ends the process that loads it, which did not end within 3 s; "),
        ("kill -SEGV $$", "loaded", "m.cwasm ends the process that loads it, which was killed by SIGSEGV; "),
        ("exit 0", "loaded", "m.cwasm ends the process that loads it, which ended well, although it should not; "),
        ("echo 'error: no such command' >&2; exit 2", "loaded", "was not loaded: "),
    ],
)
def test_an_executable_that_misbehaves_costs_one_artifact_its_verdict(
    tmp_path: Path, workshop: Any, monkeypatch: pytest.MonkeyPatch, does: str, level: str, ending: str
) -> None:
    workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, engine={"embedder": "cli"})
    script = tmp_path / "wasmtime"
    script.write_text(f'#!/bin/sh\nif [ "$1" = run ]; then\n{does}\nfi\nexec {workshop.executable.path} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(script))
    [entry] = verify([tmp_path], limits=ProcessLimits(seconds=3)).artifacts
    assert (entry.ok, entry.level, entry.failed) == (False, "consistent", level)
    assert entry.message.startswith(ending)


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system cannot limit memory")
def test_an_artifact_that_needs_too_much_memory_is_given_up(tmp_path: Path, workshop: Any) -> None:
    size = 80 << 20
    # Memory of 1281 pages, and data at address 0; a size is written in four bytes, seven bits each.
    length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21])
    data = b"\x01\x00\x41\x00\x0b" + length + b"x" * size
    total = len(data)
    length = bytes([total & 0x7F | 0x80, total >> 7 & 0x7F | 0x80, total >> 14 & 0x7F | 0x80, total >> 21])
    large = b"\0asm\x01\0\0\0" + b"\x05\x04\x01\x00\x81\x0a" + b"\x0b" + length + data
    texts = {"a": MODULE, "large": large, "z": MODULE}
    workshop.ship(tmp_path, "host", HERE, texts)
    first, second, third = verify([tmp_path], limits=ProcessLimits(memory=64 << 20, seconds=60)).artifacts
    assert (first.level, third.level) == ("loaded", "loaded")
    assert (second.level, second.failed) == ("consistent", "loaded")
    assert second.message == (
        "large.cwasm needs more memory than the limit of 64 MiB; raise --memory-limit, or memory-limit of its runner"
    )


def test_settings_that_the_library_lacks_are_left_to_an_executable(tmp_path: Path, workshop: Any) -> None:
    texts = {"checksum": workshop.checksum, "plugin": workshop.plugin}
    for target, triple in (("native", HERE), ("portable", "pulley64")):
        workshop.ship(tmp_path, f"rust-{target}", triple, texts, engine={"embedder": "rust"})
        workshop.ship(tmp_path, f"minimal-{target}", triple, {"m": MODULE}, engine={"embedder": "rust-minimal"})
        sequential = {"embedder": "rust", "concurrency-support": False}
        workshop.ship(tmp_path, f"sequential-{target}", triple, texts, engine=sequential)
    report = verify([tmp_path])
    assert [(entry.message, entry.level) for entry in report.artifacts] == [("", "loaded")] * 10


def test_an_executable_refuses_what_is_damaged(tmp_path: Path, workshop: Any) -> None:
    good = workshop.compile(MODULE, HERE, {"embedder": "rust"})
    instead = {f"m{number}": data for number, data in enumerate(corrupted(good, 8))}
    texts = {**dict.fromkeys(instead, MODULE), "good": MODULE}
    workshop.ship(tmp_path, "host", HERE, texts, engine={"embedder": "rust"}, instead=instead)
    entries = {entry.id: entry for entry in verify([tmp_path]).artifacts}
    assert entries.pop("good@host").level == "loaded"
    wrong = [entry for entry in entries.values() if not entry.ok]
    assert wrong
    for entry in wrong:
        assert (entry.level, entry.failed) == ("consistent", "loaded")
        assert "is refused by Wasmtime" in entry.message or "ends the process" in entry.message
        assert str(tmp_path) not in entry.message


def of_another_line(directory: Path) -> str:
    """Make an executable that compiles for no artifact of these tests."""
    script = directory / "wasmtime"
    script.write_text("#!/bin/sh\necho wasmtime 7.0.0\n")
    script.chmod(0o755)
    return str(script)


def test_without_an_executable_such_settings_cannot_be_checked(
    tmp_path: Path, workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, engine={"embedder": "rust"})
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(tmp_path / "none"))
    [entry] = verify([tmp_path]).artifacts
    assert (entry.outcome, entry.level, entry.failed) == ("not-verified", "intact", "consistent")
    assert entry.message.startswith("its engine settings were not checked: ")
    assert f"WASMBUILD_WASMTIME: {tmp_path / 'none'}" in entry.message
    monkeypatch.setenv("WASMBUILD_WASMTIME", of_another_line(tmp_path))
    [entry] = verify([tmp_path]).artifacts
    assert (entry.outcome, entry.level, entry.lacks) == ("passed", "intact", "wasmtime")
    assert entry.message.startswith("its engine settings cannot be checked on this host: ")
    workshop.write(tmp_path, manifest._replace(require="consistent"))
    [entry] = verify([tmp_path]).artifacts
    assert (entry.outcome, entry.failed, entry.lacks) == ("failed", "consistent", "wasmtime")
    assert entry.message.endswith("; its manifest demands the level consistent")


@pytest.mark.skipif("x86_64" not in HERE or "windows" in HERE, reason="there is no stack switching here")
def test_what_the_library_compiles_and_cannot_run_is_checked_without_an_executable(
    tmp_path: Path, workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, engine={"wasm-stack-switching": True})
    monkeypatch.setenv("WASMBUILD_WASMTIME", of_another_line(tmp_path))
    [entry] = verify([tmp_path]).artifacts
    assert (entry.outcome, entry.level, entry.lacks) == ("passed", "consistent", "wasmtime")
    assert entry.message.startswith(
        "cannot be loaded on this host: the library of Wasmtime 48 lacks its settings, and "
    )
    workshop.write(tmp_path, manifest._replace(engine={**manifest.engine, "consume-fuel": True}))
    [entry] = verify([tmp_path]).artifacts
    assert (entry.outcome, entry.failed) == ("failed", "consistent")


def test_digests_are_the_only_thing_that_is_equal_of_two_names(tmp_path: Path, workshop: Any) -> None:
    manifest = workshop.ship(tmp_path, "host", HERE, {"a": MODULE, "b": OTHER})
    first, second = (tmp_path / "host" / f"{name}.cwasm" for name in "ab")
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    assert hashlib.sha256(data).hexdigest() == manifest.artifacts[0].sha256
    assert [entry.failed for entry in verify([tmp_path]).artifacts] == ["intact", "intact"]


@pytest.mark.skipif(os.name == "nt", reason="the limits of POSIX")
@pytest.mark.parametrize("limit", [128, 40])
def test_a_process_that_may_open_few_files(project: Project, workshop: Any, limit: int) -> None:
    """It is enough, or else no artifact is blamed."""
    import resource

    workshop.ship(project.build, "host", HERE, {f"m{number}": MODULE for number in range(200)})

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    ended = project.run("verify", "build", status=0 if limit == 128 else 3, preexec_fn=lower)
    if limit == 128:
        assert "200 artifacts verified: 200 loaded" in ended.stdout
    else:
        assert "FAILED" not in ended.stdout
        assert "NOT VERIFIED" in ended.stdout
        assert "raise the limit (ulimit -n)" in ended.stdout
