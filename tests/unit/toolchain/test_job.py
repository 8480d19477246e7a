"""What is said of a compile that failed, and the command line of one; nothing is compiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engines import engine

from wasmbuild.errors import CompileError, DiskError
from wasmbuild.toolchain import cli
from wasmbuild.toolchain.advice import failure
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.job import Job, undisturbed
from wasmbuild.toolchain.limits import ProcessLimits

COMPILER = FoundCompiler("cli", "/opt/wasmtime", "48.0.8", "0" * 64)


def job(
    triple: str = "x86_64-unknown-linux-gnu",
    declared: dict[str, Any] | None = None,
    isa_flags: dict[str, Any] | None = None,
    **changes: Any,
) -> Job:
    made = Job(
        wasm=Path("/private/0.wasm"),
        out=Path("/private/0.cwasm"),
        kind="module",
        engine=engine(declared, triple, isa_flags=isa_flags),
        limits=ProcessLimits(),
        parallel=False,
        source="src/a.wasm",
        name="x64/a.cwasm",
    )
    return made._replace(**changes)


def test_the_command_spells_everything_out() -> None:
    declared = {"epoch-interruption": True, "cranelift-flags": {"regalloc_algorithm": "single_pass"}}
    command = cli.compile_command(COMPILER, job(declared=declared, isa_flags={"has_avx": True, "has_sse42": True}))
    assert command == [
        "/opt/wasmtime", "compile", "--target", "x86_64-unknown-linux-gnu", "-Ccache=n", "-Ccollector=drc",
        "-Wepoch-interruption=y", "-Ccranelift-regalloc_algorithm=single_pass",
        "-Ccranelift-has_avx=true", "-Ccranelift-has_sse42=true", "-C", "parallel-compilation=n",
        "-o", "/private/0.cwasm", "/private/0.wasm",
    ]  # fmt: skip
    assert "parallel-compilation=n" not in cli.compile_command(COMPILER, job(parallel=True))
    assert "-Ccollector=copying" in cli.compile_command(COMPILER, job(declared={"embedder": "rust"}))


def test_an_error_names_the_files_as_people_do() -> None:
    error = failure(
        job(),
        "wasmtime 48.0.8",
        "ended with status 1",
        "\nError: failed to read /private/0.wasm\n\nfor /private/0.cwasm\n"
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        command="wasmtime compile -o x64/a.cwasm src/a.wasm",
    )
    assert type(error) is CompileError
    assert str(error) == (
        "wasmtime 48.0.8 ended with status 1\n"
        "    $ wasmtime compile -o x64/a.cwasm src/a.wasm\n"
        "    Error: failed to read src/a.wasm\n"
        "    for x64/a.cwasm"
    )


@pytest.mark.parametrize(
    "said",
    [
        "Error: failed to write output: x\n\nCaused by:\n    No space left on device (os error 28)",
        "There is not enough space on the disk. (os error 112)",
        "Error: failed to write output: x\n\nCaused by:\n    Disk quota exceeded (os error 122)",
        # musl's words
        "Error: failed to write output: x\n\nCaused by:\n    Quota exceeded (os error 122)",
    ],
)
def test_a_full_disk_is_no_fault_of_the_module(said: str) -> None:
    error = failure(job(), "wasmtime 48.0.8", "ended with status 1", said)
    assert type(error) is DiskError
    assert str(error).startswith(
        "wasmtime 48.0.8 ended with status 1: no space is left for x64/a.cwasm; free some and build again\n"
    )


def head(ending: str, said: str, **changes: Any) -> str:
    return str(failure(job(**changes), "wasmtime 48.0.8", ending, said)).partition("\n")[0]


@pytest.mark.parametrize(
    ("ending", "said", "changes", "advice"),
    [
        (
            "ran out of its memory limit of 1 GiB (memory allocation of 7 bytes failed)", "", {},
            "raise memory-limit under [toolchain], or leave the module out of this target",
        ),
        (
            "did not end within 600 s", "", {},
            "raise time-limit under [toolchain], or leave the module out of this target",
        ),
        (
            "ended with status 1", "legacy_exceptions feature required for try instruction", {},
            "src/a.wasm uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: wasm-opt "
            "--enable-exception-handling --enable-reference-types --enable-threads --enable-simd --enable-bulk-memory "
            "--enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int --enable-multivalue "
            "--enable-tail-call --enable-gc --enable-extended-const --enable-relaxed-simd --enable-memory64 "
            "--enable-multimemory --translate-to-exnref --emit-exnref src/a.wasm -o OUT.wasm",
        ),
        (
            "ended with status 1", "threads must be enabled for shared memories (at 0x15)", {"triple": "pulley64"},
            "src/a.wasm uses threads, which pulley64 lacks; leave it out of this target (targets = [...] of the "
            "module), or build it without threads",
        ),
        (
            "ended with status 1", "wide arithmetic support is not enabled", {},
            "src/a.wasm needs wasm-wide-arithmetic; if what loads it turns that on, write wasm-wide-arithmetic = true "
            "under [engine]",
        ),
        (
            "ended with status 1", "SIMD support is not enabled",
            {"declared": {"wasm-relaxed-simd": False, "wasm-simd": False}},
            "src/a.wasm needs wasm-simd, which [engine] turns off; remove that setting or build it without",
        ),
        (
            "ended with status 1", "unexpected end-of-file (at offset 0x2c)", {},
            "src/a.wasm is cut short or damaged; build or copy it again",
        ),
        (
            "ended with status 1", "1: Invalid input WebAssembly code at offset 24: type mismatch", {},
            "src/a.wasm is not valid WebAssembly",
        ),
        (
            "refused", 'compilation setting "has_avx2" is enabled, but not available on the host', {},
            "the CPU of this machine lacks has_avx2, and the library compiles for no better CPU than the one it runs "
            "on; a wasmtime executable does",
        ),
        (
            "panicked (SIGABRT)", "thread 'main' panicked at x.rs:1:2:\nno", {},
            "this is a bug of Wasmtime 48; another patch release may not have it",
        ),
        (
            "ended with status 2", "error: unrecognized subcommand 'compile'", {},
            "it was built without its compiler; name another executable as [toolchain] compiler",
        ),
        (
            "panicked (SIGABRT)",
            "thread '<unnamed>' (7) panicked at crates/c-api/src/engine.rs:37:38:\n"
            "called `Result::unwrap()` on an `Err` value: No existing setting named 'has_foo'\n", {},
            "it refuses the settings of this target: No existing setting named 'has_foo'",
        ),
    ],
)  # fmt: skip
def test_the_likely_cause_and_what_to_do(ending: str, said: str, changes: dict[str, Any], advice: str) -> None:
    assert head(ending, said, **changes) == f"wasmtime 48.0.8 {ending}: {advice}"


def test_riscv64_without_vectors() -> None:
    triple = "riscv64gc-unknown-linux-gnu"
    said = "thread '<unnamed>' (7) panicked at x.rs:1:2:\ninternal error: entered unreachable code"
    assert "without the V extension" in head("panicked (SIGABRT)", said, triple=triple)
    assert "bug of Wasmtime" in head("panicked (SIGABRT)", said, triple=triple, isa_flags={"has_v": True})


def test_an_unknown_failure_speaks_for_itself() -> None:
    assert head("ended with status 1", "Error: something new") == "wasmtime 48.0.8 ended with status 1"


def removed(directory: Path) -> None:
    shutil.rmtree(directory)


def moved(directory: Path) -> None:
    directory.rename(directory.with_name("away"))


def made_anew(directory: Path) -> None:
    """As where the next artifact of the same source is prepared before this one has failed."""
    directory.rename(directory.with_name("away"))
    directory.mkdir()
    (directory / "0.wasm").write_bytes(b"wasm")


@pytest.mark.parametrize("disturb", [removed, moved, made_anew])
@pytest.mark.parametrize("said", [CompileError("failed to read"), DiskError("cannot be written")], ids=repr)
def test_a_directory_that_goes_is_told_in_place_of_what_a_compiler_says_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disturb: Callable[[Path], None], said: Exception
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "private"
    directory.mkdir()
    here = job(wasm=directory / "0.wasm", out=directory / "0.cwasm")
    here.wasm.write_bytes(b"wasm")

    def fail(meanwhile: Callable[[Path], None]) -> None:
        with undisturbed(here):
            meanwhile(directory)
            raise said

    with pytest.raises(type(said)) as error:
        fail(lambda directory: None)
    assert error.value is said
    with pytest.raises(DiskError) as error:
        fail(disturb)
    assert str(error.value) == (
        "private: was removed or moved, perhaps with what is above it, while a compiler worked there; build again"
    )
