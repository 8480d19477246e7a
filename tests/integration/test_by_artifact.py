"""Builds that make artifacts one by one: what they end with is, byte for byte, what one build makes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ADD, ALL, HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild.toolchain.search_path import executables

NINJA = Path(sys.executable).parent / "ninja"
PLUGINS = '[modules."plugins/*"]\nsource = "plugins/*.wat"\n'


def one(project: Project, id: str, *more: str, source: str = "", status: int = 0) -> str:
    """Compile one artifact into ``out``, and return what was said."""
    module, _, target = id.rpartition("@")
    out = f"out/{target}/{module}.cwasm"
    named = ("compile", source or f"{module}.wat", "--target", target, "-o", out, "--record", f"{out}.json", *more)
    return project.run(*named, status=status).stderr


def made(project: Project) -> dict[str, bytes]:
    out = project.root / "out"
    found = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".wasmbuild/")}


@pytest.fixture
def compiles(project: Project, tmp_path: Path, script: Callable[[str, str], Path]) -> Callable[[], int]:
    """Return how often the compiler was run since the last time that this was asked."""
    log = project.root.parent / "log"
    log.touch()
    # That of the wheel may lack its run bit.
    real = shutil.copyfile(executables()[0].path, tmp_path / "real")
    real.chmod(0o755)
    fake = script(f'echo "$1" >> {log}\nexec {real} "$@"', "wasmtime 48.0.2 (logged)")
    project.environment["WASMBUILD_WASMTIME"] = str(fake)

    def count() -> int:
        lines = [line for line in log.read_text().splitlines() if line == "compile"]
        log.write_text("")
        return len(lines)

    return count


def test_the_same_bytes_as_one_build(project: Project) -> None:
    project.write("plugins/a.wat", ADD)
    project.declare(HEAD + TARGETS + MODULES.replace('"sub.wat"', '"sub.wat"\nship-source = true') + PLUGINS)
    project.run("build", "-q")
    for id in (*ALL, "plugins/a@x64", "plugins/a@arm"):
        one(project, id)
    assert {name for name in made(project) if name.endswith("manifest.json")} == set()
    project.run("manifest", "--build-dir", "out")
    assert made(project) == project.files()
    project.run("verify", "-q", "out")
    assert project.compiled("--build-dir", "out") == set()


def test_known_faults_that_a_build_fails_by_fail_its_last_step(project: Project) -> None:
    collected = '(module (type $s (struct)) (func (export "f") (result (ref $s)) (struct.new $s)))'
    project.write("add.wat", collected)
    declared = HEAD + TARGETS + '[modules.add]\nsource = "add.wat"\n'
    project.declare(f'{declared}[audit]\nenforce = ["build"]\n')
    for id in ("add@x64", "add@arm"):
        one(project, id)
    for _ in range(2):
        said = project.run("manifest", "--build-dir", "out", "--restat", status=1).stderr
        assert re.search(
            r"^error: 2 of 2 artifacts have known faults .* \(fails by \[audit\] enforce\)$", said, re.MULTILINE
        )
        # It is what Make and others know the step by.
        assert not (project.root / "out/index.json").exists()
    project.declare(f'{declared}[audit]\nenforce = ["verify"]\n')
    assert project.run("manifest", "--build-dir", "out", "--restat").stderr == ""
    assert (project.root / "out/index.json").exists()


def test_what_is_right_is_not_compiled(project: Project, compiles: Callable[[], int]) -> None:
    out, record = project.root / "out/x64/add.cwasm", project.root / "out/x64/add.cwasm.json"
    one(project, "add@x64")
    assert compiles() == 1
    before = record.read_bytes()
    for path in (out, record):
        os.utime(path, (0, 0))
    one(project, "add@x64", "--restat")
    assert (out.stat().st_mtime, record.stat().st_mtime) == (0, 0)
    one(project, "add@x64")
    assert min(out.stat().st_mtime, record.stat().st_mtime) > 0
    project.declare(f"{HEAD}{TARGETS}{MODULES}# more")
    one(project, "add@x64")
    project.write("add.wat", f"{ADD} ;; the same")
    one(project, "add@x64")
    assert compiles() == 0
    assert record.read_bytes() != before
    record.write_bytes(before)
    one(project, "add@x64")
    assert compiles() == 0
    for damage in (lambda: out.write_bytes(b"edited"), out.unlink, record.unlink, lambda: record.write_bytes(b"{}")):
        damage()
        one(project, "add@x64")
        assert compiles() == 1
    project.write("add.wat", SUB)
    one(project, "add@x64")
    assert compiles() == 1


@pytest.mark.parametrize("record", [[], ["--record", "out/add.json"]], ids=["alone", "recorded"])
def test_an_edit_while_it_compiles_is_not_taken_for_made(
    project: Project, script: Callable[[str, str], Path], tmp_path: Path, record: list[str]
) -> None:
    """Make and Ninja would find the artifact younger than the edit."""
    real = shutil.copyfile(executables()[0].path, tmp_path / "real")
    real.chmod(0o755)
    # A line that is another one each time.
    edits = f'[ "$1" = compile ] && [ -e {tmp_path}/edit ] && echo ";; $$" >> {project.root}/add.wat'
    fake = script(f'{edits}\nexec {real} "$@"', "wasmtime 48.0.2 (edits)")
    project.environment |= {"WASMBUILD_WASMTIME": str(fake), "WASMBUILD_CACHE": "off"}
    step = ["compile", "add.wat", "--target", "x64", "-o", "out/add.cwasm", *record]
    (tmp_path / "edit").touch()
    said = project.run(*step, status=1).stderr
    assert "add.wat: changed while it was compiled; run this step again" in said
    assert not (project.root / "out" / "add.cwasm").exists()
    (tmp_path / "edit").unlink()
    project.run(*step)


def test_a_module_is_held_to_what_it_declares(project: Project) -> None:
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nexports = ["gone"]'))
    for more in ((), ("--record", "x.json")):
        said = project.run("compile", "add.wat", "--target", "x64", "-o", "x.cwasm", *more, status=1).stderr
        assert "add.wat: does not export gone, which modules.add.exports demands; it exports add" in said
    assert not (project.root / "x.cwasm").exists()
    project.run("compile", "add.wat", "--target", "x64", "--module", "sub", "-o", "x.cwasm")
    said = project.run("compile", "sub.wat", "--target", "x64", "--module", "add", "-o", "y.cwasm", status=1).stderr
    assert "sub.wat: does not export gone" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("other.wat --target x64", "other.wat is the source of no module, and a record tells of one; name the module"),
        ("add.wat --target x64 --module ad", "there is no module 'ad'; did you mean add?"),
        ("add.wat --target x64 --module of/add.wat", "no module 'of/add.wat'; the glob of/*.wat finds of/a, of/b\n"),
        ("add.wat --target x64 --module of/*", "no module 'of/*'; the glob of/*.wat finds of/a, of/b\n"),
        ("add.wat --target x64 --module off/a", "no module 'off/a'; did you mean of/a?"),
        ("add.wat --target x64 --module no/x", "no module 'no/x'; the glob no/*.wat finds no file\n"),
        ("add.wat --target arm --module sub", "sub is not for the target arm; add it to modules.sub.targets"),
        (
            "same.wat --target x64",
            "same.wat is the source of one, two; name the one that is meant with --module, in CMake",
        ),
        ("- --target x64 --module add", "--record is for files, not for -"),
        ("add.wat --triple pulley64", "--record is of a wasmbuild.toml; name its target with --target"),
    ],
)
def test_what_has_no_record(project: Project, arguments: str, said: str) -> None:
    for name in ("other.wat", "same.wat", "of/a.wat", "of/b.wat"):
        project.write(name, ADD)
    globs = "".join(f'[modules."{key}"]\nsource = "{key}.wat"\n' for key in ("of/*", "no/*"))
    more = '[modules.one]\nsource = "same.wat"\n[modules.two]\nsource = "same.wat"\n'
    project.declare(HEAD + TARGETS + MODULES + 'targets = ["x*"]\n' + more + globs)
    command = ("compile", *arguments.split(), "-o", "x.cwasm", "--record", "x.json")
    assert said in project.run(*command, status=2).stderr
    assert not (project.root / "x.cwasm").exists()


def test_a_misspelt_module_is_told_before_what_a_glob_finds(project: Project) -> None:
    project.write("of/a.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "of/*.wat"\n' + MODULES)
    said = project.run("compile", "sub.wat", "--target", "x64", "--module", "sob", "-o", "x.cwasm", status=2).stderr
    assert "no module 'sob'; did you mean sub?" in said


def test_a_record_is_no_device_and_overwrites_nothing(project: Project) -> None:
    step = ("compile", "add.wat", "--target", "x64", "-o", "x.cwasm", "--record")
    assert "no regular file" in project.run(*step, os.devnull, status=2).stderr
    assert "would overwrite -o x.cwasm" in project.run(*step, "x.cwasm", status=2).stderr


def test_manifests_of_what_is_not_right_fail_by_id(project: Project) -> None:
    for id in ALL:
        one(project, id)
    step = ("manifest", "--build-dir", "out", "--state-dir", "state")
    project.run(*step)
    whole = made(project)
    (project.root / "out/arm/add.cwasm").write_bytes(b"edited")
    (project.root / "out/arm/sub.cwasm.json").unlink()
    said = project.run(*step, status=1).stderr.splitlines()
    assert [line.partition(";")[0] for line in said] == [
        "error: add@arm: the artifact was changed after it was built",
        "error: sub@arm: its record is missing",
    ]
    ends = [line.partition("; ")[2] for line in said]
    again = "and make it again, with wasmbuild compile --record or build"
    assert ends == [f"delete {os.path.join('out', 'arm', f'{name}.cwasm')} {again}" for name in ("add", "sub")]
    assert not (project.root / "out/arm/manifest.json").exists()
    assert (project.root / "out/x64/manifest.json").exists()
    for id in ("add@arm", "sub@arm"):
        one(project, id)
    project.run(*step, "--restat")
    assert made(project) == whole
    assert not (project.root / "out/.wasmbuild").exists()


def test_what_left_the_declaration_leaves_the_directory(project: Project) -> None:
    for id in ALL:
        one(project, id)
    project.run("manifest", "--build-dir", "out")
    project.declare(HEAD + TARGETS.partition("[targets.arm]")[0] + MODULES)
    project.run("manifest", "--build-dir", "out")
    assert {name.partition("/")[0] for name in made(project)} == {"x64", "index.json"}


def test_targets_that_are_not_selected_stay(project: Project) -> None:
    for id in ALL:
        one(project, id)
    before = made(project)
    project.run("manifest", "--build-dir", "out", "--target", "x64")
    assert made(project).items() > before.items()
    x64 = set(made(project)) - set(before)
    assert x64 == {"x64/manifest.json", "index.json"}
    project.run("manifest", "--build-dir", "out", "--for", "aarch64-unknown-linux-gnu")
    assert set(made(project)) - set(before) == x64 | {"arm/manifest.json"}
    index = json.loads(made(project)["index.json"])
    assert [target["name"] for target in index["targets"]] == ["arm"]
    # A build of the same targets takes the others away, whatever a manifest found whole.
    project.run("build", "-q", "--build-dir", "out", "--target", "arm")
    assert {name.partition("/")[0] for name in made(project)} == {"arm", "index.json"}


def test_manifests_that_fail_remove_no_artifact(project: Project) -> None:
    one(project, "add@x64")
    one(project, "sub@x64")
    before = made(project)
    project.run("manifest", "--build-dir", "out", "--target", "arm", status=1)
    project.declare((HEAD + TARGETS + MODULES).replace("targets.x64", "targets.renamed"))
    project.run("manifest", "--build-dir", "out", status=1)
    assert made(project) == before
    project.run("build", "-q", "--build-dir", "out")
    project.run("manifest", "--build-dir", "out")
    assert {name.partition("/")[0] for name in made(project)} == {"renamed", "arm", "index.json"}


def test_make_and_ninja_are_told_in_their_ways(project: Project) -> None:
    for id in ALL:
        one(project, id)
    step = ("manifest", "--build-dir", "out")
    project.run(*step)
    times = [project.root / "out" / name for name in ("index.json", "x64/manifest.json", "arm/manifest.json")]
    for path in times:
        os.utime(path, (0, 0))
    project.run(*step, "--restat")
    assert {path.stat().st_mtime for path in times} == {0}
    project.run(*step)
    assert min(path.stat().st_mtime for path in times) > 0


def test_sources_that_are_made_elsewhere(project: Project, tmp_path: Path) -> None:
    project.run("build", "-q")
    os.rename(project.root / "add.wat", tmp_path / "made.wat")
    for id in ALL:
        one(project, id, *(("--module", "add") if "add" in id else ()), source="../made.wat" if "add" in id else "")
    project.run("manifest", "--build-dir", "out", "--source", "add=../made.wat")
    assert made(project) == project.files()


def test_a_manifest_follows_what_was_compiled_since(project: Project) -> None:
    for id in ALL:
        one(project, id)
    project.run("manifest", "--build-dir", "out")
    project.write("add.wat", SUB)
    one(project, "add@x64")
    one(project, "add@arm")
    project.run("manifest", "--build-dir", "out", "--restat")
    project.run("build", "-q")
    assert made(project) == project.files()


def test_ninja_runs_edges_of_names_that_begin_with_a_dash(project: Project) -> None:
    project.write("-a.wat", ADD)
    project.write("-w.toml", HEAD + TARGETS + '[modules.-a]\nsource = "./-a.wat"\n')
    project.run("plan", "--ninja", "--config=./-w.toml", "--build-dir=-out", "--state-dir=-s", "-o", "./-w.ninja")

    def ninja() -> str:
        ended = subprocess.run([NINJA, "-f./-w.ninja"], cwd=project.root, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    ninja()
    assert (project.root / "-out/arm/-a.cwasm").is_file()
    assert ninja() == "ninja: no work to do.\n"
    project.write("-w.toml", HEAD + TARGETS.partition("[targets.arm]")[0] + '[modules.-a]\nsource = "./-a.wat"\n')
    ninja()
    assert not (project.root / "-out/arm").exists()


@pytest.mark.needs("make")
def test_make_runs_a_last_step_again_that_failed(project: Project) -> None:
    project.run("build", "-q", "--build-dir", "out")
    wasmbuild = f"{sys.executable} -m wasmbuild.cli"
    project.write(
        "Makefile",
        f"out/index.json: out/x64/add.cwasm ; {wasmbuild} manifest --build-dir out\n"
        f"out/x64/add.cwasm: add.wat ; {wasmbuild} compile $< --target x64 -o $@ --record $@.json\n",
    )
    artifact = project.root / "out" / "x64" / "add.cwasm"
    good = artifact.read_bytes()

    def make() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["make"], cwd=project.root, capture_output=True, text=True, check=False)

    artifact.write_bytes(good[:-1] + b"?")
    for _ in range(2):
        ended = make()
        assert ended.returncode != 0
        assert "add@x64: the artifact was changed after it was built" in ended.stderr
    # Make sees nothing wrong with it, and makes it again where it does what it is told.
    deleted = re.search(r"; delete (\S+) and make it again", ended.stderr)
    assert deleted is not None
    (project.root / deleted[1]).unlink()
    assert make().returncode == 0
    assert artifact.read_bytes() == good
    assert "is up to date" in make().stdout
    project.run("verify", "-q", "out")
