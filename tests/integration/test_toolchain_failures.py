"""What real compilers make of sources and settings that fail: one clear error each, by both of them."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engines
import pytest

from wasmbuild.engine import host
from wasmbuild.errors import CompileError, DiskError, ToolchainError, WasmbuildError
from wasmbuild.toolchain import cli, find, search_path
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.job import Job, NoVerdictError
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.process import memory_can_be_limited
from wasmbuild.toolchain.toolchain import Toolchain

LIMITS = ProcessLimits(memory=(4 << 30) if memory_can_be_limited() else None, seconds=120)
HOST = host.triple() or "pulley64"

LEGACY_EXCEPTIONS = bytes.fromhex("0061736d01000000 010401600000 03020100 0a0801060006401 90b0b".replace(" ", ""))
SHARED = b'(module (memory 1 1 shared) (func (export "f") (drop (i32.atomic.load (i32.const 0)))))'
PAGES = b"(module (memory 1 (pagesize 1)))"
INVALID = b"(module (func (result i32)))"
FINE = b'(module (memory 1) (data (i32.const 0) "hello") (func (export "f") (result i32) (i32.load (i32.const 0))))'
COPY_32 = b'(module (memory 1) (func (export "f") (memory.copy (i32.const 0) (i32.const 64) (i32.const 32))))'

Make = Callable[..., Job]


@pytest.fixture(scope="module")
def compiler() -> FoundCompiler:
    return find.find("cli", search_path.default_line(), ".")


@pytest.fixture
def make(tmp_path: Path, embedded: Embedded) -> Make:
    """Make a job of a source, in text or binary."""
    numbers = itertools.count()

    def job(
        source: bytes,
        triple: str = HOST,
        engine: dict[str, Any] | None = None,
        isa_flags: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Job:
        number = next(numbers)
        wasm = tmp_path / f"{number}.wasm"
        wasm.write_bytes(embedded.translate(source) if source.startswith(b"(") else source)
        line = search_path.default_line()
        config = engines.engine(engine, triple, line, isa_flags)
        made = Job(
            wasm, tmp_path / f"{number}.cwasm", "module", config, LIMITS,
            parallel=False, source="src/a.wasm", name="x/a.cwasm",
        )  # fmt: skip
        return made._replace(**changes)

    return job


@pytest.fixture(params=["cli", "embedded"])
def compile_job(request: pytest.FixtureRequest, compiler: FoundCompiler, embedded: Embedded) -> Callable[[Job], None]:
    if request.param == "embedded":
        return embedded.compile
    return lambda job: cli.compile(compiler, job)


def failed(compile_job: Callable[[Job], None], job: Job, kind: type[WasmbuildError] = CompileError) -> str:
    with pytest.raises(WasmbuildError) as error:
        compile_job(job)
    assert type(error.value) is kind
    assert not job.out.exists()
    text = str(error.value)
    assert str(job.wasm.parent) not in text
    return text


class TestSources:
    def test_a_right_one(self, compile_job: Callable[[Job], None], make: Make) -> None:
        job = make(FINE)
        compile_job(job)
        assert job.out.read_bytes().startswith(b"\x7fELF")

    def test_legacy_exceptions(self, compile_job: Callable[[Job], None], make: Make) -> None:
        text = failed(compile_job, make(LEGACY_EXCEPTIONS))
        assert "src/a.wasm uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: wasm-opt" in text
        assert "legacy_exceptions feature required for try instruction" in text

    def test_threads_for_pulley(self, compile_job: Callable[[Job], None], make: Make) -> None:
        text = failed(compile_job, make(SHARED, "pulley64"))
        assert "src/a.wasm uses threads, which pulley64 lacks; leave it out of this target" in text

    def test_a_feature_that_is_off(self, compile_job: Callable[[Job], None], make: Make) -> None:
        text = failed(compile_job, make(PAGES))
        assert "src/a.wasm needs wasm-custom-page-sizes; if what loads it turns that on, write" in text
        compile_job(make(PAGES, engine={"wasm-custom-page-sizes": True}))

    @pytest.mark.parametrize(
        ("setting", "source"),
        [
            ("wasm-threads", SHARED),
            ("wasm-memory64", b"(module (memory i64 1))"),
            ("wasm-bulk-memory", COPY_32),
            ("wasm-multi-memory", b"(module (memory 1) (memory 1))"),
            ("wasm-multi-value", b"(module (func (result i32 i32) (i32.const 1) (i32.const 2)))"),
            ("wasm-tail-call", b"(module (func $f (return_call $f)))"),
            (
                "wasm-relaxed-simd",
                b"(module (func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0))))",
            ),
            ("wasm-gc", b"(module (type (struct)))"),
            ("wasm-exceptions", b"(module (tag))"),
            ("wasm-exceptions", b"(module (func (param exnref)))"),
            ("gc-support", b"(module (func (param externref)))"),
            ("gc-support", b"(module (type (struct)))"),
            ("gc-support", b"(module (tag) (func (throw 0)))"),
            (
                "wasm-function-references",
                b"(module (type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0))))",
            ),
        ],
    )
    def test_a_feature_that_is_turned_off(
        self, compile_job: Callable[[Job], None], make: Make, setting: str, source: bytes
    ) -> None:
        off = {setting: False, **({"wasm-gc": False} if setting == "wasm-function-references" else {})}
        text = failed(compile_job, make(source, engine=off))
        assert f"src/a.wasm needs {setting}, which [engine] turns off; remove that setting" in text

    @pytest.mark.parametrize(
        ("lacking", "source"),
        [
            ("gc-support", b"(module (func (param externref)))"),
            ("gc-support", b"(module (func (local externref)))"),
            ("wasm-gc", b"(module (type (struct)))"),
            ("wasm-exceptions", b"(module (tag))"),
            ("wasm-tail-call", b"(module (func $f (return_call $f)))"),
        ],
    )
    def test_a_feature_that_winch_lacks(
        self, compile_job: Callable[[Job], None], make: Make, lacking: str, source: bytes
    ) -> None:
        text = failed(compile_job, make(source, engine={"strategy": "winch"}))
        line = search_path.default_line()
        assert (
            f'src/a.wasm needs {lacking}, which strategy = "winch" of [engine] lacks in Wasmtime {line}; '
            "remove that setting, leave the module out of this target (targets = [...] of the module), or build it "
            "without\n" in text
        )

    def test_cut_short(self, compile_job: Callable[[Job], None], make: Make) -> None:
        whole = make(FINE).wasm.read_bytes()
        heads = set()
        for size in range(9, len(whole)):
            job = make(whole[:size])
            with contextlib.suppress(WasmbuildError):
                compile_job(job)
                continue  # the sections up to there are a module of their own
            heads.add(failed(compile_job, job).partition("\n")[0].partition(": ")[2])
        # Cut between sections, it has functions without code.
        assert heads == {
            "src/a.wasm is cut short or damaged; build or copy it again",
            "src/a.wasm is not valid WebAssembly",
        }

    def test_invalid(self, compile_job: Callable[[Job], None], make: Make) -> None:
        text = failed(compile_job, make(INVALID))
        assert "src/a.wasm is not valid WebAssembly\n" in text
        assert "type mismatch: expected i32 but nothing on stack" in text

    @pytest.mark.parametrize("wat", [b"(module (foo))", b"\xff(module", b"", b"(module\n\0)"])
    def test_wrong_text(self, embedded: Embedded, wat: bytes) -> None:
        with pytest.raises(CompileError, match=r"^is not valid WebAssembly text\n    "):
            embedded.translate(wat)

    def test_the_place_in_a_text(self, embedded: Embedded) -> None:
        with pytest.raises(CompileError, match=r"expected valid module field\n +--> line 2:3\n"):
            embedded.translate(b"(module\n (foo))")


class TestLimits:
    @pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")
    def test_memory(self, compiler: FoundCompiler, make: Make) -> None:
        large = b'(module (func (export "f")' + b"(call $f)" * 400_000 + b") (func $f))"
        limits = ProcessLimits(memory=200 << 20, seconds=120)
        job = make(large, limits=limits)
        library = Embedded(find.library(), limits)
        try:
            for compile_job in (lambda job: cli.compile(compiler, job), library.compile):
                text = failed(compile_job, job)
                assert " ran out of its memory limit of 200 MiB (memory allocation of " in text
                assert ": raise memory-limit under [toolchain], or leave the module out of this target\n" in f"{text}\n"
            small = make(FINE, limits=limits)
            library.compile(small)
            assert small.out.exists()
        finally:
            library.close()

    @pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")
    def test_memory_that_earlier_requests_took_is_not_held_against_a_module(
        self, embedded: Embedded, make: Make
    ) -> None:
        import resource

        library = Embedded(embedded.compiler, LIMITS)
        try:
            library.translate(FINE)
            worker = library._all[0]._child
            assert worker is not None
            # As if they had left no more than this.
            statm = Path(f"/proc/{worker.process.pid}/statm").read_text()
            left = int(statm.split()[0]) * resource.getpagesize() + (1 << 20)
            resource.prlimit(worker.process.pid, resource.RLIMIT_AS, (left, left))
            job = make(b'(module (func (export "f")' + b"(call $f)" * 20_000 + b") (func $f))")
            library.compile(job)
            assert library._all[0]._child is not worker
        finally:
            library.close()

    def test_time(self, compiler: FoundCompiler, make: Make) -> None:
        large = b'(module (func (export "f")' + b"(call $f)" * 600_000 + b") (func $f))"
        limits = ProcessLimits(seconds=1)
        library = Embedded(find.library(), limits)
        job = make(large, limits=limits)
        try:
            for compile_job in (lambda job: cli.compile(compiler, job), library.compile):
                text = failed(compile_job, job)
                assert " did not end within 1 s: raise time-limit under [toolchain]" in text
            small = make(FINE, limits=limits)
            library.compile(small)
            assert small.out.exists()
        finally:
            library.close()

    @pytest.mark.parametrize(
        ("calls", "limits", "said"),
        [
            pytest.param(
                1_000_000,
                ProcessLimits(memory=100 << 20),
                " ran out of its memory limit of 100 MiB",
                marks=pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory"),
            ),
            (4_000_000, ProcessLimits(seconds=0.4), " did not end within 0.4 s: raise time-limit under [toolchain]"),
        ],
    )
    def test_of_a_translation(self, calls: int, limits: ProcessLimits, said: str) -> None:
        line = search_path.default_line()
        toolchain = Toolchain({line: find.find("embedded", line, ".")}, limits)
        try:
            with pytest.raises(NoVerdictError) as error:
                toolchain.translate(b"(module (func $f" + b"(call $f)" * calls + b"))")
            head = str(error.value).partition("\n")[0]
            assert said in head
            assert head.endswith(f": raise {'time' if limits.seconds else 'memory'}-limit under [toolchain]")
            assert toolchain.translate(FINE).startswith(b"\0asm")
        finally:
            toolchain.close()


class TestDisk:
    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
    def test_full(self, compiler: FoundCompiler, make: Make) -> None:
        with pytest.raises(DiskError) as error:
            cli.compile(compiler, make(FINE, out=Path("/dev/full")))
        assert "no space is left for x/a.cwasm; free some and build again\n" in str(error.value)
        assert error.value.exit_code == 3

    def test_full_while_the_library_writes(self, embedded: Embedded, make: Make) -> None:
        import resource

        job = make(FINE)
        library = Embedded(embedded.compiler, LIMITS)
        try:
            library.translate(FINE)
            worker = library._all[0]._child
            assert worker is not None
            resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
            with pytest.raises(DiskError) as error:
                library.compile(job)
            assert str(error.value) == (
                "x/a.cwasm: cannot be written: File too large; files may not get that large here; raise the limit "
                "(ulimit -f)"
            )
        finally:
            library.close()

    def test_no_directory(self, compile_job: Callable[[Job], None], make: Make, tmp_path: Path) -> None:
        job = make(FINE)
        job = job._replace(out=tmp_path / "gone" / "a.cwasm")
        with pytest.raises(WasmbuildError, match="No such file or directory"):
            compile_job(job)


class TestTargets:
    def test_riscv64_without_vectors(self, compiler: FoundCompiler, make: Make) -> None:
        text = failed(lambda job: cli.compile(compiler, job), make(COPY_32, "riscv64gc-unknown-linux-gnu"))
        assert (
            " panicked (SIGABRT): without the V extension Wasmtime's compiler panics on SIMD and on plain code" in text
        )
        assert "RUST_BACKTRACE" not in text
        cli.compile(compiler, make(COPY_32, "riscv64gc-unknown-linux-gnu", isa_flags={"has_v": True}))

    def test_the_library_says_what_it_does_not_compile(self, embedded: Embedded, make: Make) -> None:
        text = failed(embedded.compile, make(FINE, "s390x-unknown-linux-gnu"), ToolchainError)
        assert text.startswith(
            f"there is no compiler for this target: the wasmtime Python package compiles for {HOST} and pulley64 "
            "alone, not for s390x-unknown-linux-gnu; get one in any of these ways:\n"
        )
        text = failed(embedded.compile, make(FINE, engine={"collector": "copying"}), ToolchainError)
        assert "the wasmtime Python package cannot compile with collector as set under [engine]" in text

    def test_settings_that_end_the_library(self, embedded: Embedded, make: Make) -> None:
        text = failed(embedded.compile, make(FINE, isa_flags={"has_foo": True}))
        assert "it refuses the settings of this target: No existing setting named 'has_foo'" in text
        embedded.compile(make(FINE))


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
class TestFalseCompilers:
    """Programs that call themselves Wasmtime."""

    def test_one_that_writes_nothing(self, tmp_path: Path, make: Make) -> None:
        fake = tmp_path / "wasmtime"
        fake.write_text("#!/bin/sh\necho wasmtime 48.0.8\n")
        fake.chmod(0o755)
        found = find.find(str(fake), 48, tmp_path)
        with pytest.raises(CompileError) as error:
            cli.compile(found, make(FINE))
        assert str(error.value) == f"{fake} reported success but wrote nothing; is it a wasmtime executable?"

    @pytest.mark.parametrize(
        ("body", "limits", "says"),
        [
            ("kill -SEGV $$", LIMITS, "wasmtime 48.0.8 was killed by SIGSEGV\n"),
            ("sleep 600", ProcessLimits(seconds=0.5), "wasmtime 48.0.8 did not end within 0.5 s: raise time-limit"),
            ("echo $* >&2; exit 9", LIMITS, "wasmtime 48.0.8 ended with status 9\n"),
        ],
    )
    def test_one_that_fails(self, tmp_path: Path, make: Make, body: str, limits: ProcessLimits, says: str) -> None:
        fake = tmp_path / "wasmtime"
        fake.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo wasmtime 48.0.8; exit; fi\n{body}\n')
        fake.chmod(0o755)
        found = find.find(str(fake), 48, tmp_path)
        with pytest.raises(CompileError) as error:
            cli.compile(found, make(FINE, limits=limits))
        assert str(error.value).startswith(says)
        assert f"\n    $ {fake} compile --target {HOST} -Ccache=n -Ccollector=drc " in str(error.value)

    def test_one_that_is_gone(self, compiler: FoundCompiler, make: Make) -> None:
        gone = compiler._replace(path="/nowhere/wasmtime")
        with pytest.raises(CompileError, match=r"^cannot run /nowhere/wasmtime: No such file"):
            cli.compile(gone, make(FINE))


def test_what_a_library_compiled_that_is_another_by_now_is_refused(embedded: Embedded, make: Make) -> None:
    found = embedded.compiler._replace(sha256="0" * 64)
    toolchain = Toolchain({search_path.default_line(): found}, LIMITS)
    try:
        with pytest.raises(CompileError, match=r"libwasmtime\S+: was replaced while it compiled; build again"):
            toolchain.compile(make(FINE))
    finally:
        toolchain.close()
