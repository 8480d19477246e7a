"""The probe and an executable tell the same of the same tests, one for one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from probing import HOST, LIMITS, LINE, Probing
from support import HEAD, Project

from wasmbuild.engine import settings, translations, triples
from wasmbuild.formats import wasm
from wasmbuild.formats.documents import Source
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.project import cases
from wasmbuild.project.cases import Case, Wasi
from wasmbuild.toolchain import child
from wasmbuild.verify import executable_cases
from wasmbuild.verify.tested import Metering

WASI = Wasi(("name", "größe"), (("LANG", "C"),), "stdin")
# ``$say`` writes to stderr, with no newline at the end.
WRITES = r"""
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 100) "Error: oops\n\nCaused by:\n    x\1b\r\n\ff")
  (func $say (call $write (i32.const 2)))
  (func $write (param i32) (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 33))
    (drop (call $fd_write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8))))"""
ENDS = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)"""
ARGC = """
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "f") (result i32) (drop (call $sizes (i32.const 0) (i32.const 4))) (i32.load (i32.const 0)))"""
COUNTS = """(local i32) (local.set 0 (i32.const 10000))
  (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))"""
REFERENCES = """(table 1 externref) (func $g) (elem declare func $g)
  (func (export "f") (param i32) (result externref i32 funcref)
    (table.get (local.get 0)) (i32.const 7) (ref.func $g))"""
LOOP = '(func (export "f") (loop (br 0)))'
F, START = Case("f", (), returns=()), Case("_start", (), exit=0, wasi=WASI)


def identity(type_: str) -> str:
    return f'(func (export "f") (param {type_}) (result {type_}) (local.get 0))'


def values(type_: str, *given: Any) -> list[tuple[str, Case, dict[str, bool]]]:
    return [(identity(type_), Case("f", (value,), returns=(value,)), {}) for value in given]


@pytest.mark.parametrize(
    ("text", "case", "engine"),
    [
        *values("i32", 0, -1, 4294967295, -2147483648),
        *values("i64", -1, (1 << 64) - 1, -(1 << 63)),
        *values("f32", 0.1, -0.0, "nan", "-inf", 1.401298464324817e-45, 3.4028234663852886e38),
        *values("f64", 0.1, -0.0, "nan", "inf", 5e-324, 1.7976931348623157e308),
        (
            '(func (export "f") (result i32 f64 f32) (i32.const 1) (f64.const 2) (f32.const nan))',
            Case("f", (), returns=(1, 2, "nan")), {},
        ),
        ('(func (export "f") unreachable)', F, {}),
        ('(func $trap (export "f") (drop (i32.div_s (i32.const 1) (i32.const 0))))', F, {}),
        ('(func (export "f") (call 0))', F, {}),
        ('(tag) (func $thrown (export "f") (throw 0))', F, {}),
        (LOOP, F._replace(fuel=10_000), {"consume-fuel": True}),
        (identity("i32"), Case("f", (1,), returns=(1,)), {"consume-fuel": True, "epoch-interruption": True}),
        *[(REFERENCES, Case("f", (number,), traps="out of bounds"), {}) for number in (0, 1, -1)],
        (
            f'{WRITES} (func (export "f") (result externref i32) (call $say) (ref.null extern) (i32.const 1))',
            Case("f", (), exit=3, wasi=WASI), {},
        ),
        (f'{WRITES} (func (export "_start") (call $say))', START, {}),
        (
            f'{WRITES} (func (export "_start") unreachable)',
            START._replace(exit=2, wasi=Wasi(("-bash", "--help"), (("LANG", "-C"),))), {},
        ),
        (f'{WRITES} (func (export "_start") (call $say) (call $exit (i32.const 1)))', START, {}),
        (f'{WRITES} (func (export "_start") (call $say) (call $exit (i32.const 125)))', START, {}),
        (f'{WRITES} (func (export "_start") (call $say) unreachable)', START, {}),
        (f'{WRITES} (tag) (func (export "_start") (call $say) (throw 0))', START, {}),
        (f'{WRITES} (func (export "") unreachable) (func (export "_start") (call $say))', START, {}),
        (f'{WRITES} (func (export "_start") (call $say))', START._replace(exit=None, returns=()), {}),
        (identity("i32").replace('"f"', '"_start"'), Case("_start", (7,), returns=(7,)), {}),
        (ARGC, Case("f", (), returns=(2,), wasi=WASI), {}),
        (ARGC, Case("f", (), returns=(0,), imports="zero"), {}),
        (ARGC, Case("f", (), traps="unknown import", imports="trap"), {}),
        (
            f'{WRITES} (func (export "f") (result i32 i64) (call $say) (i32.const 7) (i64.const 8))',
            Case("f", (), returns=(7, 8), wasi=WASI), {},
        ),
        (
            f'{WRITES} (func (export "f") (param i32) (call $say) (call $exit (local.get 0)))',
            Case("f", (3,), exit=3, wasi=WASI), {},
        ),
        *[
            (
                f'{text} (func (export "f") (param i32) (result i32) {does} (call $exit (i32.const 0)) (i32.const 1))',
                Case("f", (1,), returns=(1,), wasi=WASI), {},
            )
            for text, does in ((ENDS, ""), (WRITES, "(call $write (local.get 0))"))
        ],
        (f'{WRITES} (func (export "_initialize") (call $say)) (func (export "f"))', F._replace(wasi=WASI), {}),
        (f'{WRITES} (func (export "f") (call $write (i32.const 1)))', F._replace(wasi=WASI), {}),
    ],
)  # fmt: skip
def test_outcomes(
    probing: Probing, workshop: Any, tmp_path: Path, text: str, case: Case, engine: dict[str, bool]
) -> None:
    library, executable = outcomes(probing, workshop, tmp_path, f"(module {text})", case, engine)
    assert "failed" not in library
    assert repr(sorted(library.items())) == repr(sorted(executable.items()))


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ('(memory 1) (data (i32.const 65536) "x") (func (export "f"))', F),
        ('(func $s unreachable) (start $s) (func (export "f"))', F),
        ('(func (export "_initialize") unreachable) (func (export "f"))', F),
        ('(tag) (func (export "_initialize") (throw 0)) (func (export "f"))', F),
        ('(import "env" "log" (func)) (func (export "f"))', F),
        (f'{WRITES} (func (export "_start") (call $say) (call $exit (i32.const 200)))', START),
    ],
)
def test_what_cannot_be_executed(probing: Probing, workshop: Any, tmp_path: Path, text: str, case: Case) -> None:
    for told in outcomes(probing, workshop, tmp_path, f"(module {text})", case, {}):
        assert "failed" in told
        assert not told.keys() & {"returned", "trapped", "exited"}


@pytest.mark.parametrize(
    ("text", "engine", "case", "why"),
    [
        (
            ARGC.replace("(result i32) (drop", "(param i32) (result i32) (drop"), "",
            'call = "f", args = [7], wasi = { argv = ["m"] }, returns = [1]',
            'an executable gives the args of f(7, argv ["m"]) to the program in place of its argv',
        ),
        (
            '(func (export "_initialize") unreachable) (func (export "_start")) (func (export "f"))', "",
            'call = "f", returns = []', "an executable calls _initialize although there is _start",
        ),
        (
            f'(func $s {COUNTS}) (export "_initialize" (func $s)) (func (export "f"))', "consume-fuel = true",
            'call = "f", returns = [], fuel = 1000', "with an executable _initialize consumes fuel of f()",
        ),
    ],
)  # fmt: skip
def test_what_an_executable_would_run_otherwise_is_left_to_the_library(
    project: Project, text: str, engine: str, case: str, why: str
) -> None:
    targets = "".join(
        f'[targets.{embedder}]\ntriple = "{HOST}"\nengine = {{ embedder = "{embedder}", {engine} }}\n'
        for embedder in ("c-api", "cli")
    )
    project.write("m.wat", f"(module {text})")
    project.declare(f'{HEAD}{targets}[modules.m]\nsource = "m.wat"\ntests = [{{ {case} }}]\n')
    project.run("build")
    library, executable = project.verdicts().values()
    assert (library["level"], library["message"]) == ("tested", "")
    assert (executable["level"], executable["lacks"]) == ("loaded", "calls")
    assert executable["message"] == f"cannot be tested: {why}; nothing does: no python can express collector"


def test_what_returns_a_reference_is_tested_to_trap(project: Project) -> None:
    targets = "".join(
        f'[targets.{embedder}]\ntriple = "{HOST}"\nengine = {{ embedder = "{embedder}" }}\n'
        for embedder in ("c-api", "cli")
    )
    project.write("m.wat", f"(module {REFERENCES})")
    declared = f'{HEAD}{targets}[modules.m]\nsource = "m.wat"\n[[modules.m.tests]]\ncall = "f"\n'
    declared += 'traps = "out of bounds"\n'
    project.declare(f"{declared}args = [1]\n")
    project.run("build")
    assert [(told["level"], told["message"]) for told in project.verdicts().values()] == [("tested", "")] * 2
    project.declare(f"{declared}args = [0]\n")
    project.run("build")
    for told in project.verdicts(status=1).values():
        returned = 'returned "reference", 7, "reference" instead of trapping with "out of bounds"; '
        assert f"m.cwasm: test 1 of 1, f(0) {returned}" in told["message"]


def test_no_python_is_advised_for_settings_that_none_can_express(project: Project) -> None:
    setting, instead = "wasm-component-model-error-context", '{ command = [], python = "python3" }'
    project.write("m.wat", '(module (func (export "f") (result v128) (v128.const i64x2 1 2)))')
    declared = f'{HEAD}[targets.t]\ntriple = "{HOST}"\nengine = {{ {setting} = true }}\n'
    module = '[modules.m]\nsource = "m.wat"\ntests = [{ call = "f", returns = [{ i64x2 = [1, 2] }] }]\n'
    project.declare(f"{declared}{module}")
    project.run("build")
    told = project.verdicts()["m@t"]["message"]
    assert told == (
        f"cannot be tested: an executable takes and gives no vectors, as f() does; nothing does: no python can express "
        f"{setting}"
    )
    project.declare(f"{declared}runner = {instead}\n{module}")
    project.run("build")
    assert f"its python cannot express {setting}; " in project.verdicts(status=1)["m@t"]["message"]


def outcomes(
    probing: Probing, workshop: Any, directory: Path, text: str, case: Case, engine: dict[str, bool]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the probe and what the executable tell of a test."""
    canonical = settings.expand(engine, LINE, triples.parse(HOST))
    metering = Metering.of(canonical)
    fuel = (case.fuel or cases.FUEL[1]) if metering.fuel else None
    library = probing.test(text, case.to_json(), engine, fuel=fuel, epoch=metering.epoch)
    binary, data = workshop.binary(text), probing.compile(text, engine)
    (directory / "m.cwasm").write_bytes(data)
    interface = wasm.interface(binary)
    artifact = ManifestArtifact(
        module="m", kind="module", path="m.cwasm", size=len(data), sha256=hashlib.sha256(data).hexdigest(),
        key="0" * 64, source=Source("m.wat", "1" * 64), imports=interface.imports, exports=interface.exports,
    )  # fmt: skip
    run = [workshop.executable.path, "run", "--allow-precompiled", *translations.cli_args(canonical, LINE)]
    stdin = None if case.wasi is None else case.wasi.stdin.encode()

    def ended(again: Sequence[str] = ()) -> child.ChildResult:
        command = executable_cases.command(run, artifact, case, "m.cwasm", metering, more=again)
        result = child.run(command, limits=LIMITS, cwd=directory, input=stdin)
        return result._replace(stderr=executable_cases.own_stderr(result.stderr_bytes, artifact, "m.cwasm"))

    first = ended()
    again = executable_cases.again(artifact, case, first)
    return library, executable_cases.reply(artifact, case, first, ended(again) if again else None)
