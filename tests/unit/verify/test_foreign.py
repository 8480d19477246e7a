"""What is said of a target that this host cannot load: what somebody writes into the declaration then is a runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engines import engine

from wasmbuild.builder.workspace import Workspace
from wasmbuild.engine import host, triples
from wasmbuild.project.declared import Runner, Target
from wasmbuild.verify.loaded import foreign

HERE = "x86_64-unknown-linux-gnu"
QEMU = ("qemu-aarch64-static", "-L", "sysroot")
OF_SUCH_A_MACHINE = ", a command that runs a program of such a machine"
NO_RUNNER = "and no runner is declared; "


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "triple", lambda: HERE)


def said(maker: Any, triple: str, target: str = "pi", declared: Target | None = None) -> str:
    return foreign(maker.manifest(target=target, triple=triple), triples.parse(triple), declared)


def declared(triple: str, runner: Runner | None) -> Target:
    return Target("pi", None, engine(triple=triple), None, runner)


@pytest.mark.parametrize(
    ("triple", "runner"),
    [
        (
            "aarch64-unknown-linux-gnu",
            '{ command = ["qemu-aarch64-static", "-L", "sysroot"], python = "sysroot/usr/bin/python3" }',
        ),
        (
            "aarch64-unknown-linux-musl",
            '{ command = ["qemu-aarch64-static", "-L", "sysroot"], python = "sysroot/usr/bin/python3" }',
        ),
        (
            "riscv64gc-unknown-linux-gnu",
            '{ command = ["qemu-riscv64-static", "-L", "sysroot"], wasmtime = "sysroot/usr/bin/wasmtime" }',
        ),
        (
            "s390x-unknown-linux-gnu",
            '{ command = ["qemu-s390x-static", "-L", "sysroot"], wasmtime = "sysroot/usr/bin/wasmtime" }',
        ),
        *(
            (triple, f'{{ command = ["…"], wasmtime = "…" }}{OF_SUCH_A_MACHINE}')
            for triple in ("x86_64-pc-windows-msvc", "aarch64-apple-darwin", "x86_64-unknown-freebsd", "pulley32be")
        ),
    ],
)
def test_a_target_without_a_runner_is_told_the_one_that_would_load_it(maker: Any, triple: str, runner: str) -> None:
    assert said(maker, triple) == (
        f"cannot be loaded on this host: it is for {triple}, and this is {HERE}, and no runner is declared; under "
        f"[targets.pi] of wasmbuild.toml write runner = {runner}"
    )


def test_on_another_machine_the_programs_of_this_one_are_emulated(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "triple", lambda: "aarch64-apple-darwin")
    words = said(maker, HERE)
    assert f"it is for {HERE}, and this is aarch64-apple-darwin, and no runner is declared" in words
    assert words.endswith(
        'runner = { command = ["qemu-x86_64-static", "-L", "sysroot"], python = "sysroot/usr/bin/python3" }'
    )


def test_of_a_line_whose_library_is_not_used_an_executable_is_the_runner(maker: Any) -> None:
    triple = "aarch64-unknown-linux-gnu"
    manifest = maker.manifest(target="pi", triple=triple)
    old = manifest._replace(major=36, compiler="36.0.20")
    assert foreign(old, triples.parse(triple), None).endswith('wasmtime = "sysroot/usr/bin/wasmtime" }')


def test_of_settings_that_no_python_can_express_an_executable_is_the_runner(maker: Any) -> None:
    triple = "aarch64-unknown-linux-gnu"
    manifest = maker.manifest(target="pi", triple=triple)
    other = manifest._replace(engine={**manifest.engine, "wasm-component-model-error-context": True})
    assert foreign(other, triples.parse(triple), None).endswith('wasmtime = "sysroot/usr/bin/wasmtime" }')


def test_a_machine_that_wasmtime_does_not_know_is_called_so(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "triple", lambda: None)
    assert f"it is for {HERE}, and this is a machine that Wasmtime has no compiler for, and no" in said(maker, HERE)


@pytest.mark.parametrize("target", ["pi", "pi-4", "pi_4", "v1.2", "1.2.3"])
@pytest.mark.parametrize(
    ("triple", "command", "program"),
    [
        ("aarch64-unknown-linux-gnu", QEMU, "python3"),
        ("s390x-unknown-linux-gnu", ("qemu-s390x-static", *QEMU[1:]), "wasmtime"),
        ("x86_64-pc-windows-msvc", ("…",), "…"),
    ],
)
def test_what_it_says_to_write_declares_a_runner(
    tmp_path: Path, maker: Any, target: str, triple: str, command: tuple[str, ...], program: str
) -> None:
    advice = said(maker, triple, target).partition(NO_RUNNER)[2].removesuffix(OF_SUCH_A_MACHINE)
    table, _, runner = advice.removeprefix("under ").partition(" of wasmbuild.toml write ")
    config = tmp_path / "wasmbuild.toml"
    config.write_text(f'[project]\nname = "filters"\n{table}\ntriple = "{triple}"\n{runner}\n', encoding="utf-8")
    [found] = Workspace(config).runners()
    assert found.name == target
    assert found.runner is not None
    assert found.runner.command == command
    assert Path(found.runner.python or found.runner.wasmtime or "").name == program
    assert (found.runner.python is None) == (program != "python3")


def test_a_target_that_is_declared_without_a_runner_is_told_as_if_it_were_not(maker: Any) -> None:
    triple = "aarch64-unknown-linux-gnu"
    assert said(maker, triple, declared=declared(triple, None)) == said(maker, triple)


def test_a_runner_for_another_triple_is_not_told_to_be_missing(maker: Any) -> None:
    other = declared("riscv64gc-unknown-linux-gnu", Runner(QEMU, "python3", None, {}, "/"))
    assert said(maker, "aarch64-unknown-linux-gnu", declared=other) == (
        "cannot be loaded on this host: it is for aarch64-unknown-linux-gnu, and this is x86_64-unknown-linux-gnu; the "
        "runner of target pi is for riscv64gc-unknown-linux-gnu"
    )
