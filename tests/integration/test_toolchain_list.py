"""``wasmbuild toolchain list`` where there is no executable: it says how to get what is declared."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import run_here

from wasmbuild.toolchain import search_path

HEAD = '[project]\nname = "p"\n[toolchain]\nwasmtime = "{wanted}"\n[targets.now]\ntriple = "pulley64"\n'
NEXT = '[targets.next]\ntriple = "pulley64"\nwasmtime = "49"\n'
MODULE = '[modules.m]\nsource = "not-there-yet.wat"\n'


@pytest.fixture(autouse=True)
def no_executables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_path, "executables", lambda: iter(()))


def told(directory: Path, declaration: str | None) -> str:
    if declaration is not None:
        (directory / "wasmbuild.toml").write_text(declaration + MODULE)
    ended = run_here("toolchain", "list", cwd=directory)
    assert ended.returncode == 0, ended.stderr
    said, _, commands = ended.stderr.partition("; run: ")
    assert said == "no executable of Wasmtime was found"
    return commands


@pytest.mark.parametrize(
    ("declaration", "commands"),
    [
        (HEAD.format(wanted="50"), "wasmbuild toolchain install 50\n"),
        (HEAD.format(wanted="48.0.9"), "wasmbuild toolchain install 48.0.9\n"),
        (HEAD.format(wanted="50") + NEXT, "wasmbuild toolchain install 50, then wasmbuild toolchain install 49\n"),
    ],
)
def test_what_is_declared_is_what_it_says_to_install(tmp_path: Path, declaration: str, commands: str) -> None:
    assert told(tmp_path, declaration) == commands


@pytest.mark.parametrize("declaration", [None, HEAD.format(wanted="none")])
def test_without_a_declaration_it_is_the_line_of_the_library(
    tmp_path: Path, declaration: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line, wanted in ((50, 50), (None, 48)):
        monkeypatch.setattr(search_path, "library_line", lambda line=line: line)
        assert told(tmp_path, declaration) == f"wasmbuild toolchain install {wanted}\n"
