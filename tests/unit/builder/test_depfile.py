"""Depfiles: Make and Ninja notice a change of every name that they were told, or the name is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wasmbuild.builder.depfile import depfile
from wasmbuild.errors import UsageError

NINJA = Path(sys.executable).parent / "ninja"
OLD, NEW = (1000, 1000), (2000, 2000)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="names that POSIX file systems take")


def told(out: str, *inputs: str) -> str:
    return os.fsdecode(depfile(Path(out), map(Path, inputs)))


def test_one_rule_and_an_empty_one_for_each_input() -> None:
    assert told("o.cwasm", "a b.wat", "wasmbuild.toml", "a b.wat") == (
        "o.cwasm: a\\ b.wat wasmbuild.toml\na\\ b.wat:\nwasmbuild.toml:\n"
    )


def test_cmake_reads_one_rule_without_what_make_alone_takes_back() -> None:
    names = map(Path, ("a b#[c]?*.wat", "5%|$.toml"))
    assert depfile(Path("b 5%/o"), names, for_cmake=True) == b"b\\ 5%/o: a\\ b\\#[c]?*.wat 5%|$$.toml\n"


def test_names_that_are_no_text() -> None:
    assert depfile(Path(os.fsdecode(b"b\xff.o")), [Path(os.fsdecode(b"\xfe"))]) == b"b\xff.o: \xfe\n\xfe:\n"


@pytest.mark.parametrize("name", ["semi;colon", "line\nbreak", "end\\"])
def test_names_that_no_depfile_can_hold(name: str) -> None:
    for out, source in ((name, "a"), ("o", name)):
        with pytest.raises(UsageError, match=r"rename the file or its directory, or leave --depfile out"):
            told(out, source)


def make(directory: Path, goal: str) -> str:
    ended = subprocess.run(
        ["make", "-rR", "-f", "Makefile", "--", goal], cwd=directory, capture_output=True, text=True, check=False
    )
    return ended.stdout + ended.stderr


@pytest.mark.needs("make")
@settings(max_examples=40)
@given(st.text("ab \\%:#$[]~=&|;\t*?(é'\"<>,@+{", min_size=1, max_size=6))
@example("per%cent")
@example("back\\slash")
@example("tab\tx")
@example("co:lon")
@example("br[a]x")
@example("bs\\ \\#\\:")
@example("eq=ual")
@example("~")
@example("+=")
def test_make_notices_a_change_of_every_name_or_it_is_refused(name: str) -> None:
    with TemporaryDirectory() as made:
        directory = Path(made)
        (directory / name).write_text("")
        # What a bracket in the name would match as a glob.
        (directory / "brax").write_text("")
        (directory / "plain").write_text("")
        (directory / "out").write_text("")
        try:
            rules = told("out", name, "plain")
        except UsageError:
            refused = set(name) & set(";=") or name.endswith(("\\", " ", "\t")) or name[0] == "~"
            assert refused or ("\\" in name and set(name) & set("*?[="))
            return
        (directory / "Makefile").write_text(f"{rules}out: ; @echo made\n")
        for path in directory.iterdir():
            os.utime(path, OLD)
        os.utime(directory / "out", NEW)
        assert "is up to date" in make(directory, "out")
        os.utime(directory / name, (3000, 3000))
        assert make(directory, "out") == "made\n"
        if not set(name) & set("\t|=%&"):
            (directory / name).unlink()
            assert make(directory, "out") == "made\n"


@pytest.mark.needs("make")
@pytest.mark.parametrize("name", ["per%cent", "back\\slash", "co:lon", "a b", "ha#sh", "dol$lar", "br[a]x", "\\%"])
def test_make_knows_an_output_of_every_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "Makefile").write_text(told(name, "in"))
    (tmp_path / name).write_text("")
    (tmp_path / "in").write_text("")
    os.utime(tmp_path / name, OLD)
    ended = subprocess.run(
        ["make", "-rRd", "--", name], cwd=tmp_path, capture_output=True, text=True, check=False
    ).stdout
    assert "'in' is newer than target" in ended


@pytest.mark.parametrize("name", ["plain", "a b", "ha#sh", "dol$lar", "co:lon", "per%cent", "back\\slash", "é", "\\ x"])
def test_ninja_runs_once_and_notices_a_change(tmp_path: Path, name: str) -> None:
    (tmp_path / "told").write_text(told("out", name))
    (tmp_path / name).write_text("")
    rule = "rule r\n  command = cp told out.d && touch out\n  depfile = out.d\n  deps = DEPS\nbuild out: r\n"
    for kind in ("", "gcc"):
        (tmp_path / "build.ninja").write_text(rule.replace("  deps = DEPS\n", f"  deps = {kind}\n" if kind else ""))

        def ninja() -> str:
            return subprocess.run([NINJA], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

        ninja()
        assert ninja() == "ninja: no work to do.\n"
        os.utime(tmp_path / name, (9_000_000_000, 9_000_000_000))
        assert "no work" not in ninja()
        os.utime(tmp_path / name, OLD)
