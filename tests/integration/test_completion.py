"""Completion in the real shells: what Tab gives is what the command takes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import ADD, ALL, HEAD, TARGETS, Project, run_here

from wasmbuild.command_line.completion import SHELLS, words
from wasmbuild.command_line.subcommands import COMMANDS
from wasmbuild.project.levels import LEVELS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells of Unix")


@pytest.fixture
def here(project: Project, tmp_path: Path) -> Project:
    """A project, and beside it scripts and a ``wasmbuild`` that shells find."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "wasmbuild"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wasmbuild.cli "$@"\n')
    command.chmod(0o755)
    project.environment["PATH"] = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    for shell in SHELLS:
        (tmp_path / shell).write_text(run_here("completion", shell).stdout)
    return project


def run(here: Project, shell: str, *arguments: str) -> list[str]:
    ended = subprocess.run(
        [shell, *arguments],
        cwd=here.root,
        env={**os.environ, **here.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def in_bash(here: Project, line: str) -> list[str]:
    """Return the whole words that bash would put in the place of the last one."""
    script = (
        f'. {here.root.parent}/bash; COMP_LINE="$1" COMP_POINT=${{#1}}; _wasmbuild; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    return run(here, "bash", "--norc", "-c", script, "bash", line)


def in_fish(here: Project, line: str) -> list[str]:
    script = f". {here.root.parent}/fish; complete -C {shlex.quote(line)}"
    return [reply.partition("\t")[0] for reply in run(here, "fish", "--no-config", "-c", script)]


@pytest.mark.parametrize("shell", ["bash", pytest.param("fish", marks=pytest.mark.needs("fish"))])
def test_what_tab_gives(here: Project, shell: str) -> None:
    complete = in_bash if shell == "bash" else in_fish
    assert set(COMMANDS) <= set(complete(here, "wasmbuild "))
    assert complete(here, "wasmbuild bui") == ["build"]
    assert complete(here, "wasmbuild --cm") == ["--cmake-dir"]
    assert set(complete(here, "wasmbuild verify --level ")) == set(LEVELS)
    assert set(complete(here, "wasmbuild build --lock")) == {"--lock-timeout"}
    assert set(complete(here, "wasmbuild compile add.wat --target ")) == {"arm", "x64"}
    assert set(complete(here, "wasmbuild explain ")) == ALL
    assert complete(here, "wasmbuild compile add.wat --triple s390") == ["s390x-unknown-linux-gnu"]
    assert "pulley64" in complete(here, "wasmbuild compile add.wat --triple ")
    programs = set(complete(here, "wasmbuild build --for "))
    assert "s390x-unknown-linux-gnu" in programs
    assert not any(program.startswith("pulley") for program in programs)
    assert complete(here, "wasmbuild inspect ad") == ["add.wat"]
    assert set(complete(here, "wasmbuild schema wasm")) == {"wasmbuild.toml"}
    assert set(complete(here, "wasmbuild cache ")) == {"clear", "keygen", "prune", "stats"}
    assert "stats" not in complete(here, "wasmbuild cache keygen ")
    assert set(complete(here, "wasmbuild toolchain remove 48.0.2 --")) == {"--help", "--library"}


@pytest.mark.parametrize("shell", ["bash", pytest.param("fish", marks=pytest.mark.needs("fish"))])
@pytest.mark.parametrize("option", ["--config other/wasmbuild.toml", "--config=other/wasmbuild.toml"])
def test_ids_are_those_of_the_declaration_that_is_named(here: Project, shell: str, option: str) -> None:
    other(here)
    complete = in_bash if shell == "bash" else in_fish
    assert complete(here, f"wasmbuild explain {option} ") == ["mine@pulley"]
    assert complete(here, f"wasmbuild plan {option} --target ") == ["pulley"]


@pytest.mark.parametrize("shell", ["bash", pytest.param("fish", marks=pytest.mark.needs("fish"))])
def test_what_is_declared_need_not_be_there(here: Project, shell: str) -> None:
    """As where the build around this one makes sources: these may be any of them, and all files of a glob."""
    (here.root / "sub.wat").unlink()
    here.write("globs.toml", f'{HEAD}{TARGETS}[modules."made/*"]\nsource = "made/*.wasm"\n')
    complete = in_bash if shell == "bash" else in_fish
    assert set(complete(here, "wasmbuild explain ")) == ALL
    assert set(complete(here, "wasmbuild build --target ")) == {"arm", "x64"}
    assert set(complete(here, "wasmbuild plan --config globs.toml --target ")) == {"arm", "x64"}
    here.write("made/add.wasm", ADD)
    assert set(complete(here, "wasmbuild explain --config globs.toml ")) == {"made/add@arm", "made/add@x64"}


def other(here: Project) -> None:
    here.write("other/mine.wat", ADD)
    targets, modules = '[targets.pulley]\ntriple = "pulley64"\n', '[modules.mine]\nsource = "mine.wat"\n'
    here.write("other/wasmbuild.toml", HEAD + targets + modules)


def test_bash_puts_what_is_left_of_an_id(here: Project) -> None:
    # Readline takes what follows the @ for a word of its own.
    assert in_bash(here, "wasmbuild explain add@x") == ["x64"]
    assert set(in_bash(here, "wasmbuild verify build --level=l")) == {"loaded"}


@pytest.mark.needs("zsh")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("wasmbuild bui", "wasmbuild build"),
        ("wasmbuild verify --level cons", "wasmbuild verify --level consistent"),
        ("wasmbuild verify --level=cons", "wasmbuild verify --level=consistent"),
        ("wasmbuild compile add.wat -oad", "wasmbuild compile add.wat -oadd.wat"),
        ("wasmbuild compile add.wat --target x", "wasmbuild compile add.wat --target x64"),
        ("wasmbuild explain sub@a", "wasmbuild explain sub@arm"),
        ("wasmbuild inspect su", "wasmbuild inspect sub.wat"),
        (
            "wasmbuild explain --config other/wasmbuild.toml m",
            "wasmbuild explain --config other/wasmbuild.toml mine@pulley",
        ),
        (
            "wasmbuild explain --config=other/wasmbuild.toml m",
            "wasmbuild explain --config=other/wasmbuild.toml mine@pulley",
        ),
        ("wasmbuild toolchain rem", "wasmbuild toolchain remove"),
        ("wasmbuild toolchain remove --l", "wasmbuild toolchain remove --library"),
    ],
)
def test_zsh(here: Project, typed: str, completed: str) -> None:
    other(here)
    terminal, inside = os.openpty()
    shell = subprocess.Popen(
        ["zsh", "-f", "-i"],
        cwd=here.root,
        env={**os.environ, **here.environment, "TERM": "dumb"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    guard = threading.Timer(60, shell.kill)
    guard.start()
    try:
        setup = f"PS1=; unsetopt zle; autoload -U compinit; compinit -u -D; . {here.root.parent}/zsh; setopt zle"
        os.write(terminal, f"{setup}; print REA''DY\n".encode())
        read_until(terminal, "READY\r\n")
        os.write(terminal, typed.encode() + b"\t")
        read_until(terminal, completed)
    finally:
        guard.cancel()
        shell.kill()
        shell.wait()
        os.close(terminal)


def read_until(terminal: int, wanted: str) -> None:
    text = ""
    while wanted not in text:
        try:
            text += os.read(terminal, 4096).decode(errors="replace").replace("\a", "")
        except OSError:
            raise AssertionError(repr(text)) from None


def test_every_option_has_words_that_fit_a_line() -> None:
    for command in words.with_parts(words.commands()):
        for option in command.options:
            assert option.help
            assert len(option.help) <= 70
            assert "%" not in option.help
