"""``wasmbuild inspect`` on real artifacts of every kind of target, and on what people take for one.

Needs the extra ``cross``: the library and an executable of one line.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspecting import LOG, inspected
from matrix import examples, thorough
from support import HEAD, Project

from wasmbuild.engine import triples
from wasmbuild.inspection import inspect
from wasmbuild.inspection.reading import Inspector

TAGS = """(module
  (tag $t) (memory (export "m") 1) (data "x")
  (func (export "f") (param i32) (result i32) (block (block (br_table 0 1 0 (local.get 0)))) (throw $t))
  (func data.drop 0)
  (func (param v128) (result v128) (i8x16.swizzle (local.get 0) (local.get 0))))"""
PLUGIN = """(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""

# Triple, CPU, what inspection calls that CPU.
TARGETS = {
    "x64": ("x86_64-unknown-linux-gnu", 'cpu = "x86-64-v3"', "x86-64-v3", []),
    "windows": ("x86_64-pc-windows-msvc", "", "x86-64", []),
    "arm": ("aarch64-unknown-linux-musl", 'cpu-features = ["lse", "fp16"]', "armv8.1-a", ["fp16"]),
    "mac": ("arm64-apple-darwin", "", "armv8-a", []),
    "riscv": ("riscv64gc-unknown-linux-gnu", 'cpu-features = ["v"]', "rv64gcv", []),
    "z": ("s390x-unknown-linux-gnu", 'cpu = "arch13"', "arch13", []),
    "p32": ("pulley32", "", None, []),
    "p64": ("pulley64", "", None, []),
    "p32be": ("pulley32be", "", None, []),
    "p64be": ("pulley64be", "", None, []),
}
MODULES = '[modules.log]\nsource = "log.wat"\n[modules.plugin]\nsource = "plugin.wat"\n'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is built for every kind of target; tests copy what they change."""
    root = tmp_path_factory.mktemp("built")
    project = Project(root)
    project.write("log.wat", LOG)
    project.write("plugin.wat", PLUGIN)
    targets = [f'[targets.{name}]\ntriple = "{triple}"\n{cpu}\n' for name, (triple, cpu, _, _) in TARGETS.items()]
    engine = (
        '[engine]\nembedder = "rust"\nepoch-interruption = true\nmemory-guard-size = 65536\nmax-wasm-stack = 65536\n'
    )
    project.declare("".join([HEAD, engine, *targets, MODULES]))
    project.run("build", "-q")
    return project


@thorough("target", list(TARGETS), always=4)
def test_all_that_an_artifact_says(built: Project, target: str) -> None:
    triple, _, level, features = TARGETS[target]
    for module, kind in (("log", "module"), ("plugin", "component")):
        (file,) = inspected(built, f"build/{target}/{module}.cwasm")["files"]
        artifact = file["artifact"]
        assert (file["kind"], artifact["kind"], artifact["wasmtime"]) == ("artifact", kind, "48")
        assert triples.parse(artifact["triple"]).architecture == triples.parse(triple).architecture
        assert triples.parse(artifact["triple"]).os == triples.parse(triple).os
        assert (artifact["cpu"]["level"], artifact["cpu"]["features"]) == (level, features)
        assert artifact["engine"]["exact"]
        assert artifact["engine"]["settings"] == {
            "embedder": "rust",
            "collector": "copying",
            "epoch-interruption": True,
            "memory-guard-size": 65536,
        }
        roles = {section["name"]: section["role"] for section in artifact["sections"]}
        assert roles[".text"] == "code"
        assert roles[".rodata.wasm"] == "data"
        assert "other" not in roles.values()
        record = json.loads((built.build / target / f"{module}.cwasm.json").read_text())
        assert file["origin"]["id"] == f"{module}@{target}"
        assert file["origin"]["source"]["path"] == f"{module}.wat"
        assert file["origin"]["compiler"] == record["inputs"]["compiler"]["version"]
        assert [extern["name"] for extern in file["origin"]["exports"]] == [e["name"] for e in record["exports"]]
        assert file["origin"]["traits"] == record["traits"]
        assert {fault["verdict"] for fault in artifact["faults"]} <= {"not affected"}
        assert file["notes"] == []


def test_the_text_of_an_artifact(built: Project) -> None:
    out = built.run("inspect", "build/mac/log.cwasm").stdout
    for words in (
        "build/mac/log.cwasm: a module that Wasmtime 48 precompiled for aarch64-apple-darwin\n",
        "  load with   Rust     unsafe { Module::deserialize_file(&engine, path) }\n",
        "wasmtime run --allow-precompiled -Wtimeout=60s -Omemory-guard-size=65536\n",
        '"magic header not detected" (C)',
        "  CPU         armv8-a or better\n",
        '  engine      embedder = "rust" ',
        "              memory-guard-size = 65536\n",
        "  from        log.wat, compiled by wasmtime 48.",
        "  uses        no proposal beyond the first version of WebAssembly; largest function ",
        "  faults      none ",
        "  imports     env  log  func  (i32) -> ()\n",
        "  exports     memory  memory  1..10\n",
        "              sum     func    (i32, i64) -> (i32)\n",
        "  sections    .wasmtime.engine ",
    ):
        assert words in out


def test_what_wasmtime_says_is_what_is_quoted(built: Project) -> None:
    """The sentences of the wrong calls are those of the library that is installed."""
    import wasmtime
    from wasmtime import component

    engine = wasmtime.Engine()
    module, plugin = bytes(wasmtime.wat2wasm(LOG)), bytes(wasmtime.wat2wasm(PLUGIN))
    artifact, other = wasmtime.Module(engine, module).serialize(), component.Component(engine, plugin).serialize()
    out = " ".join(built.run("inspect", "build/x64/log.cwasm", "log.wat").stdout.split())
    with pytest.raises(wasmtime.WasmtimeError, match="magic header not detected"):
        wasmtime.Module.validate(engine, artifact)
    with pytest.raises(wasmtime.WasmtimeError, match="valid utf-8"):
        wasmtime.Module(engine, bytes(artifact))
    with pytest.raises(wasmtime.WasmtimeError) as refused:
        wasmtime.Module.deserialize(engine, other)
    assert str(refused.value) in out
    with pytest.raises(wasmtime.WasmtimeError) as refused:
        wasmtime.Module.deserialize(engine, bytearray(module))
    assert str(refused.value).partition("\n")[0] in out


def test_calls_that_never_load_it_are_not_told(tmp_path: Path, built: Project) -> None:
    import wasmtime

    own = tmp_path / "own.cwasm"
    own.write_bytes(wasmtime.Module(wasmtime.Engine(), wasmtime.wat2wasm(LOG)).serialize())
    copying = built.build / "x64" / "log.cwasm"
    found = [file["load_with"].keys() for file in inspected(built, str(own), str(copying))["files"]]
    assert found == [{"Python", "C", "Rust", "command"}, {"Rust", "command"}]
    # As near as the library comes to the engine of that.
    config = wasmtime.Config()
    config.epoch_interruption, config.memory_guard_size = True, 65536
    with pytest.raises(wasmtime.WasmtimeError, match="compiled for the copying collector"):
        wasmtime.Module.deserialize_file(wasmtime.Engine(config), str(copying))


def test_one_taken_for_the_other(tmp_path: Path, built: Project) -> None:
    import wasmtime

    artifact, module, plugin = tmp_path / "log.wasm", tmp_path / "log.cwasm", tmp_path / "plugin.wasm"
    shutil.copy(built.build / "p64" / "log.cwasm", artifact)
    module.write_bytes(wasmtime.wat2wasm(LOG))
    plugin.write_bytes(wasmtime.wat2wasm(PLUGIN))
    out = built.run("inspect", str(artifact), str(module), str(plugin)).stdout
    assert "it is precompiled already: call it .cwasm\n" in out
    assert "Module::deserialize_file(&engine, path)" in out
    assert "nothing has compiled it yet: call it .wasm\n" in out
    assert "wasmtime.Module(engine, data)\n" in out
    assert "wasmtime.component.Component(engine, data)\n" in out


def test_others_are_still_shown(tmp_path: Path, built: Project) -> None:
    (tmp_path / "empty.wasm").touch()
    (tmp_path / "cut.cwasm").write_bytes((built.build / "x64" / "log.cwasm").read_bytes()[:5000])
    files = ["build/x64/log.cwasm", str(tmp_path / "empty.wasm"), str(tmp_path / "cut.cwasm"), "log.wat"]
    ended = built.run("inspect", *files, status=1)
    assert "build/x64/log.cwasm: a module" in ended.stdout
    assert "log.wat: a core module in WebAssembly text" in ended.stdout
    first, second = ended.stderr.splitlines()
    assert first.startswith(f"error: {tmp_path / 'empty.wasm'} is an empty file")
    assert second.startswith(f"error: {tmp_path / 'cut.cwasm'} is a damaged artifact: its section table ends at byte")
    assert [file["kind"] for file in inspected(built, *files, status=1)["files"]] == [
        "artifact",
        "other",
        "other",
        "text",
    ]
    assert "nosuch.cwasm: there is no such file" in built.run("inspect", "nosuch.cwasm", "log.wat", status=2).stderr
    assert "is a directory" in built.run("inspect", "build", status=2).stderr


def test_a_record_of_other_bytes_is_not_believed(tmp_path: Path, built: Project) -> None:
    path = tmp_path / "log.cwasm"
    shutil.copy(built.build / "arm" / "log.cwasm.json", tmp_path / "log.cwasm.json")
    path.write_bytes((built.build / "x64" / "log.cwasm").read_bytes())
    (file,) = inspected(built, str(path))["files"]
    assert file["origin"] is None
    assert "log.cwasm.json is the record of other bytes" in file["notes"][0]
    assert file["artifact"]["engine"]["exact"]


def test_what_a_module_needs(project: Project) -> None:
    project.write("plain.wat", "(module)")
    project.write("simd.wat", "(module (memory 1 1 shared) (func (result v128) (v128.const i32x4 0 0 0 0)))")
    project.write("pages.wat", "(module (memory i64 1 (pagesize 1)))")
    project.write("bad.wat", "(module (func (result i32)))")
    plain, simd, pages, bad = inspected(project, "plain.wat", "simd.wat", "pages.wat", "bad.wat")["files"]
    needs = [file["webassembly"]["features"] for file in (plain, simd, pages)]
    assert needs == [[], ["wasm-simd", "wasm-threads"], ["wasm-custom-page-sizes", "wasm-memory64"]]
    assert simd["webassembly"]["memories"] == ["1..1 shared"]
    assert "type mismatch" in bad["webassembly"]["problem"]
    out = project.run("inspect", "pages.wat", "bad.wat", "simd.wat").stdout
    assert "takes it only with wasm-custom-page-sizes = true under [engine]" in out
    assert "Wasmtime 48 cannot compile it: type mismatch" in out
    assert "  needs       simd, threads\n" in out


def test_what_of_a_source_faults_depend_on(project: Project) -> None:
    project.write("tags.wat", TAGS)
    file, *_ = inspected(project, "tags.wat")["files"]
    traits = file["webassembly"]["traits"]
    assert traits["features"] == ["bulk-memory", "exceptions", "simd"]
    assert (traits["tags"], traits["odd-tags-with"], traits["br-table"]) == (1, ["passive-data"], 2)
    out = " ".join(project.run("inspect", "tags.wat").stdout.split())
    assert (
        "uses bulk-memory, exceptions, simd; largest function 17 B; largest br_table 2 targets; "
        "1 exception tag (an odd number, with passive data); passive data "
    ) in out


def test_text_that_is_wrong_says_where(project: Project) -> None:
    project.write("bad.wat", '(module\n  (func (export "\x1b[31m") i32.hello))')
    ended = project.run("inspect", "bad.wat", status=1)
    assert "bad.wat is not valid WebAssembly text" in ended.stderr
    assert "i32.hello" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_escapes_in_names_are_shown_as_such(project: Project) -> None:
    project.write("evil.wat", r'(module (import "\07" "\n" (memory 1)) (func (export "\1b[31m\u{202e}")))')
    out = project.run("inspect", "evil.wat").stdout
    assert r"\x1b[31m\u202e" in out
    assert r"\x07" in out
    assert all(line.isprintable() for line in out.splitlines())


def test_of_two_files_it_says_what_differs(built: Project) -> None:
    both = built.run("inspect", "build/x64/log.cwasm", "build/mac/log.cwasm").stdout
    only = built.run("inspect", "--diff", "build/x64/log.cwasm", "build/mac/log.cwasm").stdout
    assert both.endswith(f"\n{only}")
    assert "build/mac/log.cwasm: a module" in both
    title, *rows = only.splitlines()
    assert title == "A = build/x64/log.cwasm, B = build/mac/log.cwasm: they were made from the same source"
    words = [row.split() for row in rows]
    assert ["triple", "x86_64-unknown-linux-gnu", "aarch64-apple-darwin"] in words
    assert ["cpu", "x86-64-v3", "armv8-a"] in words
    assert not [row for row in rows if "engine." in row]
    made = built.run("inspect", "--diff", "log.wat", "build/p32/log.cwasm").stdout
    assert "B is precompiled, A is not: B was made from it" in made
    wrong = built.run("inspect", "--diff", "log.wat", status=2)
    assert "--diff compares two files; name two" in wrong.stderr


def test_without_a_wasmtime_of_the_line_settings_are_not_told(tmp_path: Path, built: Project) -> None:
    data = (built.build / "z" / "log.cwasm").read_bytes()
    path = tmp_path / "log.cwasm"
    path.write_bytes(data.replace(b"\0\x0248", b"\0\x0249", 1))
    out = built.run("inspect", str(path)).stdout
    told = " ".join(out.split())
    assert "no Wasmtime 49 that could make references for s390x-unknown-linux-gnu is installed" in told
    assert "; run: wasmbuild toolchain install 49 " in told
    assert "wasmbuild[cross]" not in told
    assert '  flags       regalloc_algorithm = "backtracking", opt_level = "speed"' in out


@pytest.fixture(scope="module")
def reader() -> Iterator[Inspector]:
    with Inspector() as reader:
        yield reader


@settings(examples(0.6), suppress_health_check=[HealthCheck.too_slow])
@given(target=st.sampled_from(["x64", "z", "p64"]), at=st.integers(0, 1200), patch=st.binary(min_size=1, max_size=4))
def test_a_damaged_real_artifact_is_described_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, built: Project, reader: Inspector, target: str, at: int, patch: bytes
) -> None:
    data = (built.build / target / "log.cwasm").read_bytes()
    path = tmp_path_factory.getbasetemp() / "damaged.cwasm"
    path.write_bytes(data[:at] + patch + data[at + len(patch) :])
    described = reader.describe(str(path))
    assert bool(described.error) == (described.artifact is None)
    assert described.error.isprintable()


@settings(examples(0.6), suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.sampled_from('()modulefunc exportimport i32.const 0;"\\$\n\x1b'), max_size=60))
def test_any_text_is_described_or_refused(
    tmp_path_factory: pytest.TempPathFactory, reader: Inspector, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wat"
    path.write_text(f"({text}")
    described = reader.describe(str(path))
    assert bool(described.error) == (described.webassembly is None)
    assert all(line.isprintable() for line in described.error.splitlines())


def test_the_function_is_what_the_command_shows(built: Project) -> None:
    (described,) = inspect([built.build / "x64" / "log.cwasm"])
    (file,) = inspected(built, str(built.build / "x64" / "log.cwasm"))["files"]
    assert described.sha256 == file["sha256"]
    assert described.artifact is not None
    assert described.artifact.engine.settings == file["artifact"]["engine"]["settings"]
