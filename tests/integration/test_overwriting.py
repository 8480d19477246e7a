"""No command overwrites what it reads, what is declared, or what a build makes, whatever a user names."""

from __future__ import annotations

import os
import shutil

import pytest
from shell import posix
from support import ADD, HEAD, MODULES, TARGETS, Project


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("compile add.wat --target x64 -o add.wat", "-o add.wat would overwrite IN add.wat"),
        ("compile ./sub/../add.wat --target x64 -o add.wat", "-o add.wat would overwrite IN sub/../add.wat"),
        (
            "compile add.wat --target x64 -o wasmbuild.toml",
            "-o wasmbuild.toml would overwrite --config wasmbuild.toml",
        ),
        (
            "compile add.wat --target x64 --config other.toml -o other.toml",
            "-o other.toml would overwrite --config other.toml",
        ),
        ("compile add.wat --target x64 -o x --depfile x", "--depfile x would overwrite -o x"),
        ("compile add.wat --target x64 -o x --depfile ./sub/../x", "--depfile sub/../x would overwrite -o x"),
        ("compile add.wat --target x64 -o x --depfile add.wat", "--depfile add.wat would overwrite IN add.wat"),
        (
            "compile add.wat --target x64 -o x --depfile wasmbuild.toml",
            "--depfile wasmbuild.toml would overwrite --config wasmbuild.toml",
        ),
        ("embed --lang c -o wasmbuild.toml", "-o wasmbuild.toml would overwrite --config wasmbuild.toml"),
        (
            "embed build/x64/manifest.json --lang c -o build/x64/manifest.json",
            "-o build/x64/manifest.json would overwrite MANIFEST build/x64/manifest.json",
        ),
        ("verify build --junit wasmbuild.toml", "--junit wasmbuild.toml would overwrite --config wasmbuild.toml"),
        ("build --stamp add.wat", "--stamp add.wat would overwrite the source add.wat"),
        ("build --stamp s --depfile s", "--depfile s would overwrite --stamp s"),
        ("build --depfile wasmbuild.lock", "--depfile wasmbuild.lock would overwrite the lock file wasmbuild.lock"),
        ("plan --ninja -o add.wat", "-o add.wat would overwrite the source add.wat"),
        ("plan --ninja -o w.ninja --depfile add.wat", "--depfile add.wat would overwrite the source add.wat"),
        (
            "plan --ninja -o w.ninja --depfile wasmbuild.toml",
            "--depfile wasmbuild.toml would overwrite --config wasmbuild.toml",
        ),
        ("plan --ninja -o w.ninja --depfile w.ninja", "--depfile w.ninja would overwrite -o w.ninja"),
        (
            "plan --ninja -o other.toml --source add=other.toml",
            "-o other.toml would overwrite --source other.toml",
        ),
        (
            "verify build/x64/manifest.json --junit build/x64/manifest.json",
            "--junit build/x64/manifest.json would overwrite MANIFEST build/x64/manifest.json",
        ),
    ],
)
def test_no_command_overwrites_what_it_reads(project: Project, arguments: str, said: str) -> None:
    project.run("build", "-q")
    project.write("other.toml", (project.root / "wasmbuild.toml").read_bytes())
    (project.root / "sub").mkdir()
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    command, *rest = arguments.split()
    option = said.partition(" ")[0]
    assert project.run(command, *rest, status=2).stderr == (
        f"error: wasmbuild {command}: {said}, which is the same file; name another one with {option}\n"
    )
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "made", ["index.json", "x64/manifest.json", "x64/add.cwasm", "x64/add.cwasm.json", "../build/arm/add.cwasm"]
)
def test_a_step_overwrites_nothing_that_the_build_makes(project: Project, made: str) -> None:
    project.run("build", "-q")
    before = project.files()
    for *command, option in (("build", "--stamp"), ("build", "--depfile"), ("plan", "--ninja", "-o")):
        path = f"build/{made}"
        assert project.run(*command, option, path, status=2).stderr == (
            f"error: wasmbuild {command[0]}: {option} {path} would overwrite what the build makes there; name another "
            f"one with {option}\n"
        )
    assert project.files() == before
    project.run("build", "--stamp", "build/stamp", "--depfile", "build/x64/add.d")


STEP = ("compile", "add.wat", "--target", "x64")
BESIDE = [
    (*STEP, "-o"),
    (*STEP, "-o", "new", "--record"),
    (*STEP, "-o", "new", "--depfile"),
    ("embed", "--lang", "c", "-o"),
    ("embed", "--lang", "c", "-o", "new", "--depfile"),
    ("verify", "shipped", "--junit"),
]
MORE = """
[modules."of-*"]
source = "folder/*.wat"
[modules."**"]
source = "deep/**/*.wat"
[modules.reads]
source = "reads.wat"
ship-source = true
tests = [{ call = "add", args = [1, 2], returns = [3], wasi = { dirs = ["given"] } }]
"""


@posix
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("sub.wat", "the source sub.wat"),
        ("link", "the source sub.wat"),
        ("hard", "the source sub.wat"),
        ("folder/b.wat", "the source folder/b.wat"),
        ("to-b", "the source to-b"),
        ("deep/er/c.wat", "the source deep/er/c.wat"),
        ("given/d.txt", "the file of a test given/d.txt"),
        ("wasmbuild.lock", "the lock file wasmbuild.lock"),
        ("build/index.json", None),
        ("build/arm/manifest.json", None),
        ("build/x64/sub.cwasm", None),
        ("build/arm/add.cwasm.json", None),
        ("build/x64/of-b.cwasm", None),
        ("build/x64/reads.wasm", None),
    ],
)
def test_nothing_that_is_declared_is_overwritten(project: Project, path: str, said: str | None) -> None:
    for name in ("folder/b.wat", "deep/er/c.wat", "reads.wat"):
        project.write(name, ADD)
    project.write("given/d.txt", "d")
    project.declare(HEAD + TARGETS + MODULES + MORE)
    project.run("build", "-q")
    shutil.copytree(project.build, project.root / "shipped")
    project.write("wasmbuild.lock", "version = 1\n")
    (project.root / "link").symlink_to("sub.wat")
    os.link(project.root / "sub.wat", project.root / "hard")
    (project.root / "to-b").symlink_to("folder/b.wat")
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    what = "what the build makes there" if said is None else f"{said}, which is the same file"
    for command, *options in BESIDE:
        option = options[-1]
        assert project.run(command, *options, path, status=2).stderr == (
            f"error: wasmbuild {command}: {option} {path} would overwrite {what}; name another one with {option}\n"
        )
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


def test_an_artifact_may_be_made_in_its_own_place(project: Project) -> None:
    own = "build/x64/add.cwasm"
    for _ in range(2):
        project.run(*STEP, "-o", own, "--record", f"{own}.json", "--depfile", f"{own}.d", "--restat")
    project.run(*STEP, "-o", own)
    assert project.compiled("add@x64") == set()
    for other in (("-o", f"{own}.json"), ("-o", "new", "--record", own), ("-o", "build/x64/sub.cwasm")):
        assert "would overwrite what the build makes there" in project.run(*STEP, *other, status=2).stderr
    project.run(*STEP, "-o", "build/x64/neither.cwasm")


def test_a_link_to_what_is_read_is_no_way_around(project: Project) -> None:
    (project.root / "link").symlink_to("add.wat")
    error = project.run("compile", "add.wat", "--target", "x64", "-o", "link", status=2).stderr
    assert error.startswith("error: wasmbuild compile: -o link would overwrite IN add.wat, which is the same file; ")
    assert (project.root / "add.wat").read_text() == ADD


@pytest.mark.parametrize(
    "name", ["index.json", "x64/manifest.json", "x64/add.cwasm", "x64/add.cwasm.json", "x64/add.wasm"]
)
@pytest.mark.parametrize("named", ["build", "build/x64"])
def test_a_report_overwrites_nothing_that_is_verified(project: Project, name: str, named: str) -> None:
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nship-source = true'))
    project.run("build", "-q")
    before = project.files()
    what = "what the build makes there" if (name, named) == ("index.json", "build/x64") else "a file that is verified"
    assert project.run("verify", named, "--junit", f"build/{name}", status=2).stderr == (
        f"error: wasmbuild verify: --junit build/{name} would overwrite {what}; name another one with --junit\n"
    )
    assert project.files() == before


def test_a_report_may_lie_beside_what_is_verified_and_be_written_again(project: Project) -> None:
    project.run("build", "-q")
    for _ in range(2):
        project.run("verify", "build", "--junit", "build/report.xml")
    assert (project.build / "report.xml").read_text().endswith("</testsuites>\n")
