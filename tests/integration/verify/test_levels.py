"""The ladder on real artifacts of every target family: what is right is accepted, what is wrong is blamed right."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.engine import host
from wasmbuild.engine.triples import parse
from wasmbuild.formats.extern import Export
from wasmbuild.verify import Verdict, verify

HAND = "was it built or changed by hand, or by another tool? build it again"
FAMILIES = {
    "x64": ("x86_64-unknown-linux-gnu", None),
    "x64-v2": ("x86_64-unknown-linux-gnu", "x86-64-v2"),
    "arm": ("aarch64-unknown-linux-gnu", "armv8.1-a"),
    "mac": ("aarch64-apple-darwin", None),
    "win": ("x86_64-pc-windows-msvc", None),
    "riscv": ("riscv64gc-unknown-linux-gnu", "rv64gcv"),
    "s390x": ("s390x-unknown-linux-gnu", "z15"),
    "pulley": ("pulley64", None),
    "pulley32": ("pulley32", None),
    "pulley-be": ("pulley64be", None),
}
HERE = host.triple() or ""
MODULE = '(module (func (export "f") (result i32) (i32.const 1)))'


def only(*paths: Path, **arguments: Any) -> Verdict:
    [entry] = verify(paths, **arguments).artifacts
    return entry


def test_right_artifacts_of_every_family_are_accepted(tmp_path: Path, workshop: Any) -> None:
    texts = {"checksum": workshop.checksum, "plugin": workshop.plugin}
    manifests = [
        workshop.ship(tmp_path, name, triple, texts, cpu_level=level) for name, (triple, level) in FAMILIES.items()
    ]
    digest = workshop.index(tmp_path, *manifests)
    report = verify([tmp_path], index_sha256=digest)
    assert report.ok
    assert [entry.id for entry in report.artifacts] == [f"{module}@{name}" for name in FAMILIES for module in texts]
    for entry in report.artifacts:
        triple = FAMILIES[entry.id.partition("@")[2]][0]
        level = "loaded" if host.runs(parse(triple)) else "consistent"
        assert (entry.level, entry.failed, entry.required) == (level, None, level)
        name = entry.id.partition("@")[2]
        here = (
            f"cannot be loaded on this host: it is for {triple}, and this is {HERE}, and no runner is declared; "
            f"under [targets.{name}] of wasmbuild.toml write runner = {{ command = "
        )
        assert entry.message == "" if level == "loaded" else entry.message.startswith(here)
    assert verify([tmp_path]).to_json() == report.to_json()


@pytest.mark.parametrize("level", ["intact", "consistent"])
def test_nothing_is_tried_above_the_level_that_was_asked_for(tmp_path: Path, workshop: Any, level: str) -> None:
    workshop.ship(tmp_path, "host", HERE, require="loaded")
    assert only(tmp_path, level=level) == Verdict("checksum@host", True, level, None, level, "")


def test_a_foreign_target_that_must_be_loaded_fails_and_says_why(tmp_path: Path, workshop: Any) -> None:
    workshop.ship(tmp_path, "far", "s390x-unknown-linux-gnu", require="loaded")
    assert only(tmp_path) == Verdict(
        "checksum@far",
        False,
        "consistent",
        "loaded",
        "loaded",
        f"cannot be loaded on this host: it is for s390x-unknown-linux-gnu, and this is {HERE}, and no runner is "
        f"declared; under [targets.far] of wasmbuild.toml write runner = {{ command = "
        f'["qemu-s390x-static", "-L", "sysroot"], wasmtime = "sysroot/usr/bin/wasmtime" }}; '
        f"its manifest demands the level loaded",
        lacks="machine",
    )
    demanded = only(tmp_path, level="tested")
    assert (demanded.outcome, demanded.required) == ("failed", "tested")
    assert demanded.message.endswith("; this verification demands the level tested")


def test_a_cpu_that_lacks_a_feature_cannot_load_it_which_is_no_fault(tmp_path: Path, workshop: Any) -> None:
    level = {"x86_64": "x86-64-v4", "aarch64": "armv9-a"}[parse(HERE).architecture]
    workshop.ship(tmp_path, "newer", HERE, cpu_level=level)
    entry = only(tmp_path)
    if entry.level == "loaded":
        pytest.skip(f"this CPU has all of {level}")
    assert (entry.ok, entry.level, entry.required) == (True, "consistent", "consistent")
    assert entry.message.startswith("cannot be loaded on this host: its CPU lacks ")


def test_any_flipped_byte_is_found_before_anything_is_loaded(tmp_path: Path, workshop: Any) -> None:
    workshop.ship(tmp_path, "host", HERE, {f"m{number}": workshop.checksum for number in range(200)})
    for number, path in enumerate(sorted((tmp_path / "host").glob("*.cwasm"))):
        data = bytearray(path.read_bytes())
        data[len(data) * number // 200] ^= 1 << number % 8
        path.write_bytes(data)
    entries = verify([tmp_path]).artifacts
    assert {(entry.ok, entry.level, entry.failed) for entry in entries} == {(False, None, "intact")}
    assert len(entries) == 200


def test_a_truncated_artifact_is_not_intact(tmp_path: Path, workshop: Any) -> None:
    workshop.ship(tmp_path, "host", HERE)
    path = tmp_path / "host" / "checksum.cwasm"
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in only(tmp_path).message


@pytest.mark.parametrize("other", [name for name in FAMILIES if name != "arm"])
def test_an_artifact_of_another_target_is_found_though_its_digest_is_right(
    tmp_path: Path, workshop: Any, other: str
) -> None:
    triple, level = FAMILIES[other]
    workshop.ship(tmp_path, other, triple, cpu_level=level)
    wrong = (tmp_path / other / "checksum.cwasm").read_bytes()
    workshop.ship(tmp_path, "arm", FAMILIES["arm"][0], cpu_level=FAMILIES["arm"][1], instead={"checksum": wrong})
    entry = only(tmp_path / "arm")
    assert (entry.ok, entry.level, entry.failed) == (False, "intact", "consistent")
    assert "and target arm is aarch64-unknown-linux-gnu" in entry.message


def test_a_cpu_level_that_was_not_declared_is_found(tmp_path: Path, workshop: Any) -> None:
    wrong = workshop.compile(workshop.checksum, "aarch64-unknown-linux-gnu", {}, {"has_lse": True, "has_fp16": True})
    workshop.ship(tmp_path, "arm", "aarch64-unknown-linux-gnu", cpu_level="armv8.1-a", instead={"checksum": wrong})
    assert only(tmp_path).message == (
        f"checksum.cwasm has other CPU flags than target arm declares: has_fp16 is true instead of false; {HAND}"
    )


def test_a_component_in_place_of_a_module_is_found(tmp_path: Path, workshop: Any) -> None:
    wrong = workshop.compile(workshop.plugin, HERE)
    workshop.ship(tmp_path, "host", HERE, instead={"checksum": wrong})
    assert only(tmp_path).message == f"checksum.cwasm is a component, and its manifest says module; {HAND}"


def test_a_module_that_nobody_compiled_is_found(tmp_path: Path, workshop: Any) -> None:
    workshop.ship(tmp_path, "host", HERE, instead={"checksum": workshop.binary(workshop.checksum)})
    assert only(tmp_path).message == (
        f"checksum.cwasm is a core WebAssembly module, not an artifact that was compiled from one; {HAND}"
    )


@pytest.mark.parametrize(
    ("triple", "text"),
    [(name, text) for name in ("host", "pulley64") for text in ("checksum", "plugin")],
)
def test_imports_and_exports_are_those_of_the_manifest(tmp_path: Path, workshop: Any, triple: str, text: str) -> None:
    texts = {text: getattr(workshop, text)}
    manifest = workshop.ship(tmp_path, "host", HERE if triple == "host" else triple, texts)
    [artifact] = manifest.artifacts
    less = manifest._replace(artifacts=(artifact._replace(imports=(), exports=artifact.exports[:-1]),))
    workshop.write(tmp_path, less)
    entry = only(tmp_path)
    assert (entry.ok, entry.level, entry.failed) == (False, "consistent", "loaded")
    assert "its imports are not those of its manifest" in entry.message
    assert "is not in the manifest" in entry.message.partition("its exports")[2]


def test_a_type_that_differs_is_named(tmp_path: Path, workshop: Any) -> None:
    other = MODULE.replace("i32)", "i64)").replace("i32.const", "i64.const")
    wrong = workshop.compile(other, HERE)
    workshop.ship(tmp_path, "host", HERE, {"m": MODULE}, instead={"m": wrong})
    assert only(tmp_path).message == (
        f'm.cwasm: its exports are not those of its manifest: "f" is func () -> (i64) instead of func () -> (i32); '
        f"{HAND}"
    )


def test_types_that_the_library_does_not_tell_end_nothing(tmp_path: Path, workshop: Any) -> None:
    text = """(module
      (type $pair (struct (field i32 i32)))
      (func (export "f") (param v128 (ref null $pair) anyref exnref (ref func)) (result i31ref) (ref.null i31))
      (func (export "i31") (result (ref i31)) (ref.i31 (i32.const 1)))
      (global (export "g") (mut (ref null $pair)) (ref.null $pair))
      (table (export "t") 1 anyref)
      (table (export "t64") i64 1 4294967295 externref)
      (memory (export "m64") i64 1 3))"""
    workshop.ship(tmp_path, "host", HERE, {"types": text})
    assert only(tmp_path) == Verdict("types@host", True, "loaded", None, "loaded", "")


def test_tables_that_are_too_large_for_the_library_to_tell_end_nothing(tmp_path: Path, workshop: Any) -> None:
    text = """(module
      (import "env" "large" (table i64 2 18446744073709551615 externref))
      (table (export "t") i64 1 0x100000000 funcref) (table (export "small") 1 2 funcref)
      (memory (export "m") i64 1 0x1000000000000))"""
    manifest = workshop.ship(tmp_path, "host", HERE, {"a": MODULE, "large": text, "z": text})
    assert [entry.level for entry in verify([tmp_path]).artifacts] == ["loaded"] * 3
    other = workshop.compile(text.replace("funcref)", "externref)"), HERE)
    (tmp_path / "host" / "z.cwasm").write_bytes(other)
    *right, z = manifest.artifacts
    wrong = z._replace(size=len(other), sha256=hashlib.sha256(other).hexdigest())
    workshop.write(tmp_path, manifest._replace(artifacts=(*right, wrong)))
    assert '"t" is table externref instead of table funcref' in verify([tmp_path]).artifacts[2].message


def test_types_of_a_component_that_the_library_does_not_list_or_calls_by_another_kind(
    tmp_path: Path, workshop: Any
) -> None:
    text = """(component
      (type $r (record (field "x" u32)))
      (import "point" (type $point (eq $r)))
      (import "resource" (type (sub resource)))
      (import "f" (func (param "p" $point)))
      (type $c (component)) (type $i (instance)) (type $f (func))
      (export "a-point" (type $point)) (export "c" (type $c)) (export "i" (type $i)) (export "g" (type $f)))"""
    manifest = workshop.ship(tmp_path, "host", HERE, {"types": text})
    assert only(tmp_path) == Verdict("types@host", True, "loaded", None, "loaded", "")
    [artifact] = manifest.artifacts
    more = artifact._replace(exports=(*artifact.exports, Export("nowhere", "type", "")))
    workshop.write(tmp_path, manifest._replace(artifacts=(more,)))
    assert '"nowhere" is missing' in only(tmp_path).message


def test_a_broken_artifact_does_not_silence_the_others(tmp_path: Path, workshop: Any) -> None:
    texts = {"a": MODULE, "b": workshop.checksum, "c": MODULE}
    manifests = [workshop.ship(tmp_path, "host", HERE, texts), workshop.ship(tmp_path, "pulley", "pulley64", texts)]
    (tmp_path / "host" / "b.cwasm").write_bytes(b"")
    (tmp_path / "pulley" / "manifest.json").write_bytes(b"{")
    workshop.index(tmp_path, manifests[0])
    ok = {entry.id: entry.ok for entry in verify([tmp_path, tmp_path / "pulley"]).artifacts}
    assert ok == {"a@host": True, "b@host": False, "c@host": True, str(tmp_path / "pulley" / "manifest.json"): False}


def test_no_start_function_runs(tmp_path: Path, workshop: Any) -> None:
    endless = '(module (func $spin (loop (br 0))) (start $spin) (memory (export "m") 1))'
    workshop.ship(tmp_path, "host", HERE, {"endless": endless})
    workshop.ship(tmp_path, "cli", HERE, {"endless": endless}, engine={"embedder": "cli"})
    assert [entry.level for entry in verify([tmp_path]).artifacts] == ["loaded", "loaded"]


def test_an_index_that_was_changed_is_refused_whole(tmp_path: Path, workshop: Any) -> None:
    workshop.index(tmp_path, workshop.ship(tmp_path, "host", HERE))
    wrong = hashlib.sha256(b"").hexdigest()
    assert "not the one that is pinned" in only(tmp_path, index_sha256=wrong).message


def test_a_manifest_that_demands_tests_of_an_artifact_without_any_is_not_satisfied(
    tmp_path: Path, workshop: Any
) -> None:
    workshop.ship(tmp_path, "v1.2", host.triple() or "", {"checksum": workshop.checksum}, require="tested")
    [entry] = verify([tmp_path]).artifacts
    assert (entry.ok, entry.level, entry.failed) == (False, "loaded", "tested")
    assert entry.message == (
        "checksum.cwasm has no tests, and its manifest demands the level tested; declare tests in the table of "
        'wasmbuild.toml that the module "checksum" comes from, or a lower require under [targets."v1.2"]'
    )
    assert verify([tmp_path], level="loaded").ok
