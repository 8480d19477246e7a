"""``wasmbuild plan --lines`` and ``--names``: for shells and for build systems without JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild.cli import main

DECLARATION = """\
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules."*"]
source = "src/*.wat"
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "p"
    (directory / "src").mkdir(parents=True)
    (directory / "src" / "a.wat").touch()
    (directory / "wasmbuild.toml").write_text(DECLARATION)
    monkeypatch.chdir(directory)
    return directory


@pytest.mark.parametrize(("here", "prefix"), [(".", ""), ("src", "../"), ("..", "p/")])
def test_paths_count_from_where_one_stands(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: str, prefix: str
) -> None:
    monkeypatch.chdir(here)
    assert main(["plan", "--lines", "--config", f"{prefix}wasmbuild.toml"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    *names, source, artifact = line.split("\t")
    assert names == ["a@x64", "a", "x64", "x86_64-unknown-linux-gnu"]
    assert Path(source).resolve() == directory / "src" / "a.wat"
    assert artifact == f"{prefix}build/x64/a.cwasm"


@pytest.mark.parametrize("separator", ["\t", "\n"])
def test_what_would_be_two_columns_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], separator: str
) -> None:
    odd = directory.rename(directory.parent / f"a{separator}b")
    monkeypatch.chdir(odd.parent)
    assert main(["plan", "--lines", "--config", f"{odd.name}/wasmbuild.toml"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "has a tab or a line break" in err


def test_one_form_at_a_time(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--lines", "--json"]) == 2


def test_a_mistake_beside_a_source_that_is_made_later_is_told_alone(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = '[modules.made]\nsource = "gen/made.wat"\ntypo = 1\n'
    (directory / "wasmbuild.toml").write_text(DECLARATION + made)
    assert main(["plan", "--lines", "--source", "made=out/made.wat"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "modules.made.typo: unknown key" in line


def test_names_are_of_what_is_selected_and_mistakes_are_told(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = directory / "wasmbuild.toml"
    file.write_text(DECLARATION + '[modules.made]\nsource = "gen/made.wat"\n[targets.any]\ntriple = "pulley64"\n')
    assert main(["plan", "--names", "ids", "--target", "a*"]) == 0
    assert main(["plan", "--names", "targets"]) == 0
    assert capsys.readouterr().out.split() == ["a@any", "made@any", "x64", "any"]
    file.write_text(DECLARATION + "[targets.any]\n")
    assert main(["plan", "--names", "targets"]) == 2
    assert "targets.any" in capsys.readouterr().err
