"""What a person tries first, in a directory without a wasmbuild.toml."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import ADD, run_here

from wasmbuild.toolchain import find, search_path
from wasmbuild.toolchain.process import memory_can_be_limited

ARM = "aarch64-unknown-linux-gnu"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "a.wat").write_text(ADD)
    return tmp_path


def fails(here: Path, *arguments: str) -> str:
    ended = run_here("compile", *arguments, cwd=here)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr


def declared(here: Path, target: str, engine: str = "") -> bytes:
    """Return what the same file becomes with a declaration."""
    (here / "declared.toml").write_text(f'[project]\nname = "a"\n{engine}\n[targets.t]\n{target}\n')
    ended = run_here(
        *("compile", "a.wat", "--config", "declared.toml", "--target", "t", "-o", "declared.cwasm"), cwd=here
    )
    assert ended.returncode == 0, ended.stderr
    return (here / "declared.cwasm").read_bytes()


@pytest.mark.parametrize(
    ("options", "target", "engine"),
    [
        (("--triple", ARM), f'triple = "{ARM}"', ""),
        (
            ("--triple", "x86_64-unknown-linux-gnu", "--cpu", "x86-64-v3", "--embedder", "rust"),
            'triple = "x86_64-unknown-linux-gnu"\ncpu = "x86-64-v3"',
            '[engine]\nembedder = "rust"',
        ),
    ],
)
def test_a_file_is_compiled_without_a_declaration(
    here: Path, options: tuple[str, ...], target: str, engine: str
) -> None:
    ended = run_here("compile", "a.wat", *options, "-o", "a.cwasm", cwd=here)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (here / "a.cwasm").read_bytes() == declared(here, target, engine)


def test_a_depfile_has_no_declaration_that_was_not_read(here: Path) -> None:
    ended = run_here("compile", "a.wat", "--triple", ARM, "-o", "a.cwasm", "--depfile", "a.d", cwd=here)
    assert ended.returncode == 0, ended.stderr
    assert "a.wat" in (here / "a.d").read_text()
    assert "wasmbuild.toml" not in (here / "a.d").read_text()


def test_what_it_is_for_has_to_be_said(here: Path) -> None:
    from wasmbuild.engine import host

    said = fails(here, "a.wat", "-o", "a.cwasm")
    assert said == (
        "error: wasmbuild compile: what is it for? name a target of wasmbuild.toml with --target, or do without one: "
        f"--triple {host.triple()}\n"
    )
    _, _, hint = said.strip().rpartition(": ")
    assert run_here("compile", "a.wat", *hint.split(), "-o", "a.cwasm", cwd=here).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--triple", "aarch64-linux-gnux"), "--triple: 'aarch64-linux-gnux' "),
        (("--triple", ARM, "--cpu", "x86-64-v3"), "--cpu: "),
        (("--triple", ARM, "--embedder", "rusty"), "--embedder: "),
        (("--triple", ARM, "--target", "t"), "argument --target: not allowed with argument --triple"),
        (("--target", "t", "--cpu", "x86-64-v3"), "--cpu goes with --triple"),
        (("--triple", ARM, "--config", "other.toml"), "--triple is for no --config"),
    ],
)
def test_what_does_not_go_together_is_refused(here: Path, arguments: tuple[str, ...], said: str) -> None:
    assert f"error: wasmbuild compile: {said}" in fails(here, "a.wat", *arguments, "-o", "a.cwasm")
    assert not (here / "a.cwasm").exists()


@pytest.mark.parametrize("told", [0, 1, 2])
def test_what_is_told_of_a_cpu_is_an_option_to_type(here: Path, told: int) -> None:
    said = fails(here, "a.wat", "--triple", "riscv64gc-unknown-linux-gnu", "-o", "a.cwasm")
    options = re.findall(r"--(?:cpu|triple) \w+", said)
    assert options == ["--cpu rv64gcv", "--triple pulley64", "--cpu rv64gc"]
    triple = [] if options[told].startswith("--triple") else ["--triple", "riscv64gc-unknown-linux-gnu"]
    ended = run_here("compile", "a.wat", *triple, *options[told].split(), "-o", "a.cwasm", cwd=here)
    assert ended.returncode == 0, ended.stderr


def piped(here: Path, data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wasmbuild.cli", "compile", *arguments],
        cwd=here,
        input=data,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("compiler", ["executable", "library"])
def test_pipes(here: Path, compiler: str) -> None:
    from wasmbuild.engine import host

    triple = host.triple() or "pulley64"
    if compiler == "library":
        (here / "l.toml").write_text(
            f'[project]\nname = "a"\n[toolchain]\ncompiler = "embedded"\n[targets.t]\ntriple = "{triple}"\n'
        )
        wanted = ("--config", "l.toml", "--target", "t")
    else:
        wanted = ("--triple", triple)
    expected = declared(here, f'triple = "{triple}"')
    ended = piped(here, ADD.encode(), "-", *wanted, "-o", "-")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, expected, b"")
    assert piped(here, b"", "a.wat", *wanted, "-o", "-").stdout == expected
    assert piped(here, ADD.encode(), "-", *wanted, "-o", "./-").returncode == 0
    assert (here / "-").read_bytes() == expected
    bad = piped(here, b"(module (func", "-", *wanted, "-o", "-")
    assert (bad.returncode, bad.stdout) == (1, b"")
    assert bad.stderr.startswith(b"error: standard input: ")
    assert b"tmp" not in bad.stderr


@pytest.mark.parametrize("option", [("--depfile", "a.d"), ("--restat",)])
def test_what_is_for_files_is_refused_for_pipes(here: Path, option: tuple[str, ...]) -> None:
    assert f"{option[0]} is for" in fails(here, "a.wat", "--triple", ARM, "-o", "-", *option)


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_an_artifact_is_not_thrown_at_a_terminal(here: Path) -> None:
    terminal, process_side = os.openpty()
    ended = subprocess.run(
        [sys.executable, "-m", "wasmbuild.cli", "compile", "a.wat", "--triple", ARM, "-o", "-"],
        cwd=here,
        stdout=process_side,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(process_side)
    os.close(terminal)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: standard output is a terminal")


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")
def test_a_compiler_may_take_no_more_than_of_a_declaration_that_says_nothing(here: Path) -> None:
    script = here / "wasmtime"
    real = shlex.quote(find.find("auto", search_path.default_line(), ".").path)
    script.write_text(
        f'#!/bin/sh\n[ "$1" = compile ] || exec {real} "$@"\n'
        # The limit is set right after the start.
        "while [ $(ulimit -v) = unlimited ]; do :; done\n"
        f'[ $(ulimit -v) -gt {8 << 20} ] && exec {real} "$@"\n'
        "echo memory allocation of 7 bytes failed >&2\nkill -ABRT $$\n"
    )
    script.chmod(0o755)
    environment = {"WASMBUILD_WASMTIME": str(script)}

    def ended(*wanted: str) -> subprocess.CompletedProcess[str]:
        return run_here("compile", "a.wat", *wanted, "-o", "a.cwasm", "--no-cache", cwd=here, environment=environment)

    refused = ended("--triple", ARM)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[0].endswith(
        " ran out of its memory limit of 8 GiB (memory allocation of 7 bytes failed): declare the target in a "
        "wasmbuild.toml, with a higher memory-limit under [toolchain]"
    )
    declaration = f'[project]\nname = "a"\n[toolchain]\nmemory-limit = "9 GiB"\n[targets.t]\ntriple = "{ARM}"\n'
    (here / "wasmbuild.toml").write_text(declaration)
    assert ended("--target", "t").returncode == 0
