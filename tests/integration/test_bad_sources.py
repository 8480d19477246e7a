"""Sources that cannot be compiled: one clear error each, and everything else is still built."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from support import ADD, ALL, HEAD, MODULES, TARGETS, Project

from wasmbuild.toolchain.process import memory_can_be_limited

PULLEY = '[targets.pulley]\ntriple = "pulley64"\n'
RISCV = '[targets.riscv]\ntriple = "riscv64gc-unknown-linux-gnu"\ncpu = "rv64gc"\n'

# (module (func try end)), with the try of the proposal that was replaced.
LEGACY = bytes.fromhex("0061736d01000000 01040160 0000 03020100 0a08 01 06 00 0640 19 0b 0b".replace(" ", ""))
# (module (tag) (func try catch 0 end)), in the same way.
LEGACY_WITH_TAG = bytes.fromhex(
    "0061736d01000000 01040160 0000 03020100 0d03 01 00 00 0a09 01 07 00 0640 0700 0b 0b".replace(" ", "")
)
SHARED = '(module (memory (export "m") 1 1 shared) (func (export "f") (result i32) i32.const 0 i32.atomic.load))'
COPY = """(module (memory 1) (func (export "f")
  (memory.copy (i32.const 0) (i32.const 64) (i32.const 16))))"""


def fails(project: Project, content: bytes | str, *, targets: str = TARGETS) -> str:
    """Build with a bad source for the module ``add``, check that all else is built, and return what was said."""
    project.write("add.wat", content)
    project.declare(HEAD + targets + MODULES)
    error = project.run("build", status=1).stderr
    names = re.findall(r"^\[targets\.(\w+)", targets, re.MULTILINE)
    for target in names:
        assert (project.build / target / "sub.cwasm").is_file()
        assert not (project.build / target / "manifest.json").exists() or "add" not in error
    assert not list(project.build.rglob(".wasmbuild-*"))
    return error


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_parent_that_ignores_the_end_of_children_hides_no_failure(project: Project) -> None:
    """As some supervisors and schedulers do; the system then tells nobody how a child ended."""
    project.write("add.wat", '(module (import "a" "b" (func (param v128))) (func (export "f") (result i32)))')
    code = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
        "os.execv(sys.executable, [sys.executable, '-m', 'wasmbuild', 'build'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "type mismatch" in ended.stderr
    assert "reported success" not in ended.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "add.wat: is an empty file; make it again, or copy it again from where it was made"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "add.wat: is a Git LFS pointer, not the file itself; run `git",
        ),
        (b"\0asm\x01\0\0\0\x01", "add.wat: "),
        (b"\0asm\x02\0\0\0", "add.wat: "),
        (b"hello", "add.wat: is "),
        (b"\xff\xfe(\0m\0", "add.wat: is "),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(56), "add.wat: is an ELF"),
        (b"(module (func $f", "add.wat: is not valid WebAssembly text"),
    ],
)
def test_what_is_no_module(project: Project, content: bytes, said: str) -> None:
    error = fails(project, content)
    (line,) = [line for line in error.splitlines() if line.startswith("error:")]
    assert line.startswith(f"error: add@arm, add@x64: {said}")
    assert error.splitlines()[-1].startswith("4 artifacts: 2 compiled, 2 failed in ")


def test_a_module_that_is_not_valid(project: Project) -> None:
    error = fails(project, "(module (func (result i32)))")
    assert "error: add@x64: wasmtime 48.0.2 ended with status 1: add.wat is not valid WebAssembly\n" in error
    assert "-o add.cwasm add.wat\n" in error
    assert "type mismatch: expected i32 but nothing on stack" in error


def test_an_artifact_as_source(project: Project) -> None:
    project.compiled()
    shutil.copy(project.build / "arm/add.cwasm", project.root / "add.wat")
    project.declare(HEAD + TARGETS + MODULES)
    error = project.run("build", status=1).stderr
    assert "add.wat: is an artifact that Wasmtime 48 precompiled for aarch64-unknown-linux-gnu" in error


def test_legacy_exceptions(project: Project) -> None:
    error = fails(project, LEGACY)
    assert (
        "add.wat uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: "
        "wasm-opt --enable-exception-handling " in error
    )
    shown = " ".join(project.run("inspect", "add.wat").stdout.split())
    where = f"the first of their instructions is at byte {LEGACY.index(bytes([6, 0x40]))} of the file"
    told = (
        f"not told: it uses legacy exceptions, which Wasmtime lacks ({where}); wasmbuild build says how to convert it"
    )
    assert f" uses {told} " in shown


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ('strategy = "winch"', 'which strategy = "winch" of [engine] lacks in Wasmtime 48; remove that setting, '),
        ("wasm-exceptions = false", "which [engine] turns off; remove that setting or build it without"),
        ('embedder = "rust-minimal"', "if what loads it turns that on, write wasm-exceptions = true under [engine]"),
    ],
)
@pytest.mark.parametrize("source", [LEGACY, LEGACY_WITH_TAG], ids=["code", "tag"])
def test_legacy_exceptions_where_exceptions_are_off(project: Project, source: bytes, engine: str, told: str) -> None:
    error = fails(project, source, targets=f"[engine]\n{engine}\n{TARGETS}")
    convert = r"add\.wat uses legacy exceptions, .*: wasm-opt .* add\.wat -o OUT\.wasm"
    assert re.search(rf"{convert}; OUT\.wasm needs wasm-exceptions[;,] {re.escape(told)}", error)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('(component (import "a" (value string)))', "add.wat uses component model `value`s, which Wasmtime 48 lacks"),
        (
            '(component (type $l (list u8)) (import "l" (type $t (eq $l))) (import "a" (value (type $t))))',
            "add.wat uses component model `value`s, which Wasmtime 48 lacks",
        ),
        ('(module (import "a" "b" (global (shared mut i32))))', "add.wat: not readable as a module: 0x03 does not"),
        (
            '(module (type $t (func)) (import "a" "b" (func (param (ref (exact $t))))))',
            "add.wat: not readable as a module: this is not a heap type",
        ),
    ],
)
def test_what_a_newer_proposal_has_is_not_called_damage(project: Project, source: str, said: str) -> None:
    error = fails(project, source)
    assert said in error
    assert "damaged or cut off" not in error


def test_threads_for_pulley(project: Project) -> None:
    project.write("add.wat", SHARED)
    project.declare(HEAD + TARGETS + PULLEY + MODULES)
    outcomes = project.outcomes(status=1)
    assert {id for id, outcome in outcomes.items() if outcome == "failed"} == {"add@pulley"}
    error = project.run("build", status=1).stderr
    assert (
        "add.wat uses threads, which pulley64 lacks; leave it out of this target (targets = [...] of the module)"
        in error
    )


def test_riscv64_without_vectors(project: Project) -> None:
    project.write("add.wat", COPY)
    project.declare(HEAD + TARGETS + RISCV + MODULES)
    outcomes = project.outcomes(status=1)
    assert {id for id, outcome in outcomes.items() if outcome == "failed"} == {"add@riscv"}
    error = project.run("build", status=1).stderr
    assert "without the V extension Wasmtime's compiler panics" in error
    assert 'write cpu-features = ["v"]' in error


def test_ways_out_of_riscv64_without_vectors_for_a_module_with_threads(project: Project) -> None:
    project.write("add.wat", COPY.replace("(memory 1)", "(memory 1 1 shared)"))
    project.declare(HEAD + TARGETS + RISCV + MODULES)
    error = project.run("build", status=1).stderr
    assert (
        'if the CPUs have V, write cpu-features = ["v"], else use triple = "pulley64", which lacks threads: with '
        "these, leave the module out of this target (targets = [...] of the module)\n" in error
    )
    project.declare(HEAD + TARGETS + RISCV + 'cpu-features = ["v"]\n' + MODULES)
    assert project.outcomes()["add@riscv"] == "compiled"
    left_out = MODULES.replace('"add.wat"', '"add.wat"\ntargets = ["x64", "arm"]')
    project.declare(HEAD + TARGETS + RISCV + left_out)
    assert project.outcomes()["sub@riscv"] == "compiled"


def test_riscv64_of_no_declared_level_is_refused_when_read(project: Project) -> None:
    project.declare(HEAD + TARGETS + RISCV.replace('cpu = "rv64gc"\n', "") + MODULES)
    error = project.run("build", status=2).stderr
    assert error.startswith('error: wasmbuild.toml: targets.riscv.cpu: does not have "v": without the V extension')
    assert len(error.splitlines()) == 1
    assert not project.build.exists()


def test_a_module_that_needs_more_memory_than_allowed(project: Project) -> None:
    many = "(func (param i32) (result i32) (i32.mul (local.get 0) (i32.add (local.get 0) (i32.const 7))))" * 20_000
    project.write("add.wat", f"(module {many})")
    project.declare(HEAD + 'memory-limit = "100 MiB"\n' + TARGETS + MODULES)
    ended = project.run("build", "--json", status=1)
    outcomes = {entry["id"]: entry["outcome"] for entry in json.loads(ended.stdout)["artifacts"]}
    assert outcomes == {"add@x64": "failed", "add@arm": "failed", "sub@x64": "compiled", "sub@arm": "compiled"}
    assert "ran out of its memory limit of 100 MiB" in ended.stderr
    assert "raise memory-limit under [toolchain]" in ended.stderr


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")
def test_a_translator_without_memory_is_no_fault_of_the_source_that_lasts(project: Project) -> None:
    for source in project.root.glob("*.wat"):  # what was never translated, which the user's cache would know
        source.write_text(f"{source.read_text()};; {uuid.uuid4()}")
    declaration = HEAD + 'memory-limit = "1 MiB"\n' + TARGETS + MODULES
    project.declare(declaration)
    for command in ("build", "build", "explain"):
        ended = project.run(command, *(["*"] if command == "explain" else []), status=int(command == "build"))
        said = f"{ended.stdout}{ended.stderr}"
        start = (
            r"add\.wat: the library of wasmtime 48\.0\.0, which translates text, could not be started: it ran out of "
        )
        assert re.search(start + r"its memory limit of 1 MiB: raise memory-limit under \[toolchain\]\n", said)
    project.declare(declaration.replace("1 MiB", "2 GiB"))
    assert project.compiled() == ALL


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")
@pytest.mark.parametrize("compiler", ["auto", "embedded"])
@pytest.mark.parametrize(("limit", "starts"), [("16 MiB", False), ("90 MiB", True)])
def test_memory_that_ran_out_is_told_in_one_line(project: Project, compiler: str, limit: str, starts: bool) -> None:
    """Of our own child, whose Python has words for it that say nothing of the source."""
    project.write("add.wat", f"{ADD} ;; {uuid.uuid4()} {'-' * (32 << 20)}")
    head = f'{HEAD}compiler = "{compiler}"\nmemory-limit = "{limit}"\n'
    project.declare(f'{head}[targets.x64]\ntriple = "x86_64-unknown-linux-gnu"\n[modules.add]\nsource = "add.wat"\n')
    told = "" if starts else "could not be started: it "
    expected = (
        f"add.wat: the library of wasmtime 48.0.0, which translates text, {told}ran out of its memory limit of {limit}"
        f": raise memory-limit under [toolchain]"
    )
    _, error, summary = project.run("build", "--no-cache", status=1).stderr.splitlines()
    assert error == f"error: add@x64: {expected}"
    assert summary.startswith("1 artifact: 1 failed")


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")
def test_a_library_that_cannot_start_says_which_limit_to_raise(project: Project) -> None:
    project.write("empty.wasm", b"\0asm\1\0\0\0")
    head = f'{HEAD}compiler = "embedded"\nmemory-limit = "16 MiB"\n'
    project.declare(
        f'{head}[targets.x64]\ntriple = "x86_64-unknown-linux-gnu"\n[modules.empty]\nsource = "empty.wasm"\n'
    )
    said = project.run("build", "--no-cache", status=1).stderr.splitlines()[1]
    assert said.endswith(
        "empty@x64: the library of wasmtime 48.0.0 could not be started: it ran out of its memory limit of 16 MiB: "
        "raise memory-limit under [toolchain]"
    )


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_a_source_that_is_no_file_is_a_mistake_and_nothing_is_written(project: Project, kind: str) -> None:
    source = project.root / "add.wat"
    source.unlink()
    if kind == "directory":
        source.mkdir()
    elif kind == "fifo":
        import os

        os.mkfifo(source)
    error = project.run("build", status=2).stderr
    assert error.startswith("error: wasmbuild.toml: modules.add.source: ")
    assert len(error.splitlines()) == 1
    assert not project.build.exists()


def test_a_source_that_vanishes_after_a_build_keeps_its_artifacts(project: Project) -> None:
    assert project.compiled() == ALL
    good = project.files()
    (project.root / "add.wat").unlink()
    project.run("build", status=2)
    assert project.files() == good


def test_a_folder_of_sources_that_cannot_be_listed_keeps_its_artifacts(project: Project) -> None:
    folder = project.root / "plugins"
    project.write("plugins/one.wat", "(module)")
    project.declare(HEAD + TARGETS + MODULES + '[modules."plugins/*"]\nsource = "plugins/*.wat"\n')
    project.run("build")
    good = project.files()
    folder.rename(project.root / "kept")
    folder.symlink_to(folder)
    for _ in range(2):
        assert project.run("build", status=2).stderr == (
            'error: wasmbuild.toml: modules."plugins/*".source: "plugins/*.wat" cannot be looked for in "plugins": '
            "Too many levels of symbolic links; make that folder readable, or correct the pattern\n"
        )
    assert project.files() == good
    folder.unlink()
    (project.root / "kept").rename(folder)
    assert project.compiled() == set()


def test_a_link_to_itself_among_the_sources(project: Project) -> None:
    loop = project.root / "src/loop.wat"
    project.write("src/one.wat", "(module)")
    loop.symlink_to(loop)
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"src/on.wat"'))
    assert project.run("build", status=2).stderr == (
        'error: wasmbuild.toml: modules.add.source: there is no file "src/on.wat"; did you mean "src/one.wat"?\n'
    )
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "src/*.wat"\n')
    error = project.run("build", status=1).stderr
    said = "cannot be read: Too many levels of symbolic links; move it away\n"
    assert f"error: loop@arm, loop@x64: src/loop.wat: {said}" in error
    assert (project.build / "x64/one.cwasm").is_file()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("src/filter.wasm", "make the file, or correct the path"),
        ("src/io.wasm", 'did you mean "src/io.wat"?'),
        ("src/iio.wasm", 'did you mean "src/io.wat"?'),
        ("src/gdc.wasm", 'did you mean "src/gcd.wasm"?'),
        ("ad.wat", "make the file, or correct the path"),
        ("src/plugin.wat", "make the file, or correct the path"),
        ("src/kep.wat", 'did you mean "src/kept.wat"?'),
    ],
)
def test_what_was_meant_by_a_source_has_a_name_like_it_and_is_of_no_other_module(
    project: Project, source: str, told: str
) -> None:
    for name in ("bar.wasm", "io.wat", "gcd.wasm", "gcd.wat", "plug1.wat", "kept.wat"):
        project.write(f"src/{name}", "(module)")
    others = '[modules.add]\nsource = "./add.wat"\n[modules."*"]\nsource = "src/[kp]*.wat"\nexclude = ["src/k*"]\n'
    project.declare(f'{HEAD}{TARGETS}{others}[modules.x]\nsource = "{source}"\n')
    said = f'error: wasmbuild.toml: modules.x.source: there is no file "{source}"; {told}\n'
    assert project.run("plan", status=2).stderr == said


@pytest.mark.skipif(os.name != "posix", reason="errors of POSIX")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("add.wat/x.wat", "Not a directory; a part of the path is a file, not a directory; correct the path"),
        ("x" * 300, f"{os.strerror(errno.ENAMETOOLONG)}; use a shorter name"),
        ("loop.wat", f"{os.strerror(errno.ELOOP)}; its links lead to themselves; name another path"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_for_what_it_is(project: Project, source: str, said: str) -> None:
    (project.root / "loop.wat").symlink_to("loop.wat")
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', f'"{source}"'))
    (line,) = project.run("build", status=2).stderr.splitlines()
    assert line.endswith(f" cannot be read: {said}")


@pytest.mark.parametrize("command", ["build", "compile add.wat --triple pulley64 -o add.cwasm", "inspect add.wat"])
def test_text_that_is_shown_drives_no_terminal_and_keeps_its_lines(project: Project, command: str) -> None:
    project.write("add.wat", "(module\n    (bogus \x1b[2J\x1b]0;owned\x07\n")
    said = project.run(*command.split(), status=1).stderr
    assert "\n        2 |     (bogus \\x1b[2J\\x1b]0;owned\\x07\n          |      ^" in said
    assert "\x1b" not in said


def test_names_that_are_printed_hold_no_terminal_escapes(project: Project) -> None:
    project.write("add.wat", '(module (import "\\1b[31mred" "x" (func)))')
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nimports = []'))
    assert "\x1b" not in project.run("build", status=1).stderr
    assert "\x1b" not in Path(project.build / "x64/sub.cwasm.json").read_text()
