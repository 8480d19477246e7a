"""What is built with a real compiler that has known faults, audited by what its manifest says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from binary import MODULE, exports, func, leb, section, types, vec
from support import HEAD, TARGETS, Project

from wasmbuild.toolchain import find

MGHF, HW8M, GC_HEAP, LAYOUT = "GHSA-mghf-wjfp-p5xm", "GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g", "GHSA-p79w-pv2r-29qp"

PLAIN = '(module (func (export "f") (param i32) (result i32) local.get 0))'
COLLECTED = """(module (type $s (struct (field i32)))
  (func (export "f") (result i32) (struct.get $s 0 (struct.new $s (i32.const 7)))))"""
THROWN = """(module (type $s (struct (field i32))) (tag $a (param i32)) (tag $b)
  (func $g (throw $a (i32.const 1)))
  (func (export "f") (result i32) (local $r (ref null $s))
    (block $h (result i32)
      (try_table (catch $a $h) (call $g) (local.set $r (struct.new $s (i32.const 7))) (call $g))
      (struct.get $s 0 (local.get $r)))))"""
TAGGED = """(module (memory 1) (tag) (data $d "passive")
  (func (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 7))))"""


def jump(targets: int) -> bytes:
    """Return a module with a br_table of so many targets and its default."""
    code = b"\x02\x40\x20\x00\x0e" + vec([b"\x00"] * targets) + b"\x00\x0b\x0b"
    body = b"\x00" + code
    return (
        MODULE
        + types(func([0x7F]))
        + section(3, vec([b"\x00"]))
        + exports(("f", 0, 0))
        + section(10, vec([leb(len(body)) + body]))
    )


@pytest.fixture
def built(project: Project) -> Project:
    sources = {"plain": PLAIN, "jump": jump(270_000), "collected": COLLECTED, "thrown": THROWN, "tagged": TAGGED}
    declared = HEAD + TARGETS
    for name, source in sources.items():
        suffix = "wat" if isinstance(source, str) else "wasm"
        project.write(f"{name}.{suffix}", source)
        declared += f'[modules.{name}]\nsource = "{name}.{suffix}"\n'
    project.declare(declared)
    compiler = find.find("cli", 48, project.root)
    if compiler.version != "48.0.2":
        pytest.skip(f"these faults are those of 48.0.2, and {compiler.version} is what is found")
    project.run("build")
    return project


def affected(project: Project, *arguments: str) -> dict[str, set[str]]:
    ended = project.run("audit", "--json", *arguments, status=1)
    found = {}
    for entry in json.loads(ended.stdout)["artifacts"]:
        ids = {advisory["id"] for advisory in entry["advisories"] if advisory["verdict"] == "affected"}
        if ids:
            found[entry["id"]] = ids
    return found


def test_what_the_wheel_s_compiler_builds(built: Project, tmp_path: Path) -> None:
    expected = {
        "jump@arm": {MGHF},
        "collected@arm": {GC_HEAP},
        "collected@x64": {GC_HEAP},
        "thrown@arm": {HW8M, GC_HEAP},
        "thrown@x64": {HW8M, GC_HEAP},
    }
    assert affected(built, "build") == expected == affected(built)
    assert affected(built, "--runtime", "48.0.0") == expected
    layout = {"tagged@arm": {LAYOUT}, "tagged@x64": {LAYOUT}}
    assert affected(built, "--runtime", "48.0.8") == expected | layout

    # The manifest alone is enough, wherever it is.
    alone = tmp_path / "years-later.json"
    alone.write_bytes((built.build / "arm" / "manifest.json").read_bytes())
    assert affected(built, str(alone)) == {id: ids for id, ids in expected.items() if id.endswith("@arm")}
    alone.write_text(alone.read_text().replace("48.0.2", "48.0.8"))
    remains = {"collected@arm": {GC_HEAP}, "thrown@arm": {GC_HEAP}}
    assert affected(built, str(alone), "--runtime", "48.0.8") == remains
    assert affected(built, str(alone), "--runtime", "48.0.0") == remains | {"tagged@arm": {LAYOUT}}


PLUGGED = """(component
  (import "host" (instance $host)) (import "log" (instance $log))
  (component $plugin
    (import "host" (instance)) (import "log" (instance))
    (core module $m (func (export "f") (result i32) i32.const 7))
    (core instance $i (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $i "f"))))
  (instance $one (instantiate $plugin (with "host" (instance $host)) (with "log" (instance $log))))
  (instance $two (instantiate $plugin (with "host" (instance $host)) (with "log" (instance $log))))
  (instance $three (instantiate $plugin (with "host" (instance $host)) (with "log" (instance $log))))
  (export "one" (func $one "f")) (export "two" (func $two "f")) (export "three" (func $three "f")))"""


def test_a_component_that_makes_several_instances_of_another_is_judged(project: Project) -> None:
    project.write("plugged.wat", PLUGGED)
    project.declare(HEAD + TARGETS + '[modules.plugged]\nsource = "plugged.wat"\n')
    project.run("build")
    artifacts = json.loads(project.run("audit", "--json", "build").stdout)["artifacts"]
    assert [entry["status"] for entry in artifacts] == ["not affected"] * 2
