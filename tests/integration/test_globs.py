"""Folders that somebody else fills: what a glob leaves out, and a file in it that can be no module."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import tomli
from shell import posix
from support import ADD, HEAD, MODULES, TARGETS, Project, run_here

PLUGINS = '[modules."plugins/*"]\nsource = "plugins/*.wat"\n'
GOOD = {"plugins/a@x64", "plugins/a@arm"}


def test_excluded_files_are_no_modules_and_need_no_name(project: Project) -> None:
    for name in ("a.wat", "a.debug.wat", "b b.wat"):
        project.write(f"plugins/{name}", ADD)
    project.declare(HEAD + TARGETS + PLUGINS + 'exclude = ["./plugins/*.debug.wat", "plugins/* *", "other/**"]\n')
    assert project.compiled() == GOOD
    assert project.compiled() == set()
    project.declare(HEAD + TARGETS + PLUGINS + 'exclude = ["plugins/* *"]\n')
    assert project.compiled() == {"plugins/a.debug@x64", "plugins/a.debug@arm"}


def test_a_bad_name_costs_that_file_and_not_the_project(project: Project) -> None:
    project.write("plugins/a.wat", ADD)
    project.write("plugins/b [1].wat", ADD)
    project.declare(HEAD + TARGETS + PLUGINS)
    first = project.run("build", status=1)
    said = (
        'error: wasmbuild.toml: modules."plugins/*": the module "plugins/b [1]" of "plugins/b [1].wat" contains " "; '
    )
    assert said in first.stderr
    assert "2 artifacts: 2 compiled" in first.stderr
    # What has a name is whole: manifests stand, and verification passes.
    assert set(project.verdicts()) == GOOD
    again = project.run("build", status=1)
    assert said in again.stderr
    assert "2 artifacts are up to date" in again.stderr
    assert set(project.outcomes(status=1).values()) == {"up-to-date"}
    assert "plugins/b [1]" in project.run("plan").stderr
    # Whoever selects has not asked for it.
    project.run("build", "plugins/a@*")
    # What is told to be written is written, and helps.
    told = re.search(r"or write (exclude = \[.*?\]);", first.stderr)
    assert told is not None
    tomli.loads(told[1])
    project.declare(HEAD + TARGETS + PLUGINS + told[1] + "\n")
    assert project.compiled() == set()


@posix
def test_a_link_that_leads_nowhere_is_told_by_plan_and_by_build(project: Project) -> None:
    project.write("plugins/a.wat", ADD)
    (project.root / "plugins/d.wat").symlink_to("nowhere.wat")
    project.declare(HEAD + TARGETS + PLUGINS)
    said = "plugins/d.wat: is a link that leads nowhere; mend the link, or remove it\n"
    assert project.run("plan").stderr == f"warning: {said}"
    for _ in range(2):
        assert f"error: plugins/d@arm, plugins/d@x64: {said}" in project.run("build", status=1).stderr
    given = [f"--source={name}={project.root / 'plugins/d.wat'}" for name in ("add", "sub")]
    project.declare(HEAD + TARGETS + MODULES)
    assert project.run("plan", *given).stderr == ""
    project.declare(HEAD + TARGETS + PLUGINS)
    (project.root / "plugins/d.wat").unlink()
    assert project.compiled() == set()


@posix
@pytest.mark.parametrize(
    ("folder", "problem"),
    [
        ("b\\c", 'of "plugins/b\\\\c/x.wat" has a backslash in its path'),
        ("b\udcff", 'of "plugins/b\\udcff/x.wat" has a path that is not Unicode text'),
    ],
)
def test_a_path_that_no_record_can_tell_costs_that_file(project: Project, folder: str, problem: str) -> None:
    """A manifest with one would be none for any reader, and what else is in it be lost."""
    try:
        os.makedirs(project.root / "plugins" / folder)
    except OSError:
        pytest.skip("no file is called so here")
    project.write("plugins/a/a.wat", ADD)
    (project.root / "plugins" / folder / "x.wat").write_text(ADD)
    project.declare(HEAD + TARGETS + '[modules."plugins/*"]\nsource = "plugins/*/*.wat"\n')
    for _ in range(2):
        assert f"{problem}; rename the file or its directory\n" in project.run("build", status=1).stderr
    assert set(project.verdicts()) == GOOD
    source, record = f"plugins/{folder}/x.wat", ("--record", "x.json")
    error = project.run("compile", source, "--target", "x64", "-o", "x.cwasm", *record, status=2).stderr
    assert "is the source of no module, and a record tells of one" in error


def test_a_declared_path_that_no_record_can_tell_is_refused(project: Project) -> None:
    project.declare(HEAD + TARGETS + '[modules.x]\nsource = "./C:/x.wat"\n')
    said = 'modules.x.source: "C:/x.wat" has a path that begins like a drive; rename the file or its directory\n'
    assert said in project.run("build", status=2).stderr


def test_doit_makes_the_rest_and_fails(project: Project) -> None:
    project.write("plugins/a.wat", ADD)
    project.write("plugins/b b.wat", ADD)
    project.declare(HEAD + TARGETS + PLUGINS)
    project.write("dodo.py", "from wasmbuild.doit import load\n\n_, task_compile, _ = load().dodo()\n")
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-m", "doit", "compile"], cwd=project.root, capture_output=True, text=True, check=False
        )
        assert ended.returncode != 0
        assert 'the module "plugins/b b"' in ended.stdout + ended.stderr
        assert len(list(project.build.rglob("*.cwasm"))) == 2
        assert (project.build / "index.json").exists()
    assert run_here("verify", "build", cwd=project.root).returncode == 0


REPORT = """(module (import "env" "log" (func)) (import "wasi_snapshot_preview1" "fd_write" (func))
  (func (export "run")))"""
TEST = '[[modules."plugins/*".tests]]\ncall = "rn"\nreturns = []\n'


@pytest.mark.parametrize("way", ["build", "compile"])
def test_what_a_file_of_a_glob_lacks_is_told_at_the_key_that_is_declared(project: Project, way: str) -> None:
    project.write("plugins/report.wat", REPORT)
    imports = 'imports = ["env.log", "wasi_snapshot_preview1"]\nexports = ["go"]\n'
    project.declare(HEAD + TARGETS + PLUGINS + imports + TEST)
    step = ("compile", "plugins/report.wat", "--target", "x64", "-o", "r.cwasm") if way == "compile" else ("build",)
    said = project.run(*step, status=1).stderr
    assert (
        'plugins/report.wat: imports wasi_snapshot_preview1.fd_write, which modules."plugins/*".imports does not '
        'allow; add it there, as "wasi_snapshot_preview1.*", or build the source without it\n'
    ) in said
    assert 'does not export go, which modules."plugins/*".exports demands; it exports run\n' in said
    assert 'plugins/report.wat: modules."plugins/*".tests[0].call: there is no export "rn"; ' in said
    # What is told to be written is written, and helps.
    mended = imports.replace("view1", "view1.*").replace('"go"', '"run"')
    project.declare(HEAD + TARGETS + PLUGINS + mended)
    project.run(*step)


def test_a_file_of_a_glob_that_gets_a_table_of_its_own_is_left_out_of_the_glob(project: Project) -> None:
    for name in ("a", "c"):
        project.write(f"plugins/{name}.wat", ADD)
    own = '[modules."plugins/a"]\nsource = "plugins/a.wat"\nexports = ["add"]\n'
    for before, after in (("", own), (own, "")):
        project.declare(HEAD + TARGETS + before + PLUGINS + after)
        said = project.run("build", status=2).stderr
        told = re.search(r'; remove one of them, or write (exclude = .*) under \[modules."plugins/\*"\]\n', said)
        assert told is not None
        project.declare(HEAD + TARGETS + before + PLUGINS + told[1] + "\n" + after)
        assert {*project.outcomes()} == {*GOOD, "plugins/c@x64", "plugins/c@arm"}
