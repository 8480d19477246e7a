"""Artifacts as nodes of SCons, with the real one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from environments import ROOT
from scons_command import EPOCHS, EVERYTHING, SCONSTRUCT, TOOL, Built, is_up_to_date
from support import ADD, HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild import api
from wasmbuild.runtime import load

pytestmark = pytest.mark.needs_modules("SCons")


@pytest.fixture
def built(tmp_path: Path) -> Built:
    project = Built(tmp_path / "süß und gut")
    assert project.made("-j4") == EVERYTHING
    return project


def test_it_builds_what_the_command_builds(built: Built, tmp_path: Path) -> None:
    assert is_up_to_date(built)
    by_command = Project(tmp_path / "other")
    by_command.run("build")
    assert built.files() == by_command.files()
    api.verify(built.build)
    assert load(built.build, "add").target == "x64"
    # Whoever builds after SCons finds nothing to do, and so does SCons afterwards.
    assert built.compiled() == set()
    assert is_up_to_date(built)


def test_just_what_depends_on_an_edit_is_compiled(built: Built) -> None:
    built.write("add.wat", ADD.replace("i32.add", "i32.mul"))
    assert built.made() == {"arm/add", "x64/add"}
    built.declare(HEAD + "# a comment\n" + TARGETS + MODULES)
    assert built.made() == set()
    assert is_up_to_date(built)
    built.declare(HEAD + EPOCHS + MODULES)
    said = built.scons("--debug=explain")
    assert "`wasmbuild arm: engine.epoch-interruption = true' is a new dependency" in said
    assert "x64" not in said
    built.write("SConstruct", SCONSTRUCT + "# elsewhere\n")
    assert is_up_to_date(built)
    api.verify(built.build)


def test_what_is_right_is_not_compiled_when_scons_has_forgotten_all(built: Built) -> None:
    good = {path: path.stat().st_ino for path in built.build.rglob("*.cwasm")}
    (built.root / ".sconsign.dblite").unlink()
    assert built.made("-j4") == EVERYTHING
    assert {path: path.stat().st_ino for path in built.build.rglob("*.cwasm")} == good
    assert is_up_to_date(built)


@pytest.mark.parametrize("name", ["arm/add.cwasm", "arm/add.cwasm.json"])
def test_what_was_deleted_or_tampered_with_is_made_again(built: Built, name: str) -> None:
    good = built.files()
    (built.build / name).unlink()
    assert built.made() == {"arm/add"}
    assert built.files() == good
    (built.build / name).write_bytes(b"{}")
    assert built.made() == {"arm/add"}
    assert built.files() == good
    assert is_up_to_date(built)


def test_a_cache_of_scons_brings_back_what_is_made_of_the_artifacts_alone(tmp_path: Path) -> None:
    copies = 'env.CacheDir("kept")\nenv.Command("copy", wasm["add@x64"], Copy("$TARGET", "$SOURCE"))\n'
    built = Built(tmp_path, SCONSTRUCT + copies)
    built.declare(HEAD + TARGETS + '[modules."*"]\nsource = "*.wat"\n')
    built.scons()
    built.write("sub.wat", ADD)
    built.scons()
    built.write("add.wat", SUB)
    built.write("sub.wat", SUB)
    built.write("mul.wat", ADD.replace("i32.add", "i32.mul"))
    built.scons()
    (built.root / "mul.wat").unlink()
    built.write("add.wat", f";; a comment\n{ADD}")
    assert "Retrieved `copy' from cache" in built.scons()
    shutil.rmtree(built.build)
    built.scons()
    good = built.files()
    api.verify(built.build)
    shutil.rmtree(built.build)
    built.run("build")
    assert built.files() == good


@pytest.mark.parametrize("name", ["index.json", "arm/manifest.json"])
def test_manifests_are_written_again(built: Built, name: str) -> None:
    good = built.files()
    (built.build / name).unlink()
    assert built.made() == set()
    (built.build / name).write_text("{}")
    assert built.made() == set()
    assert built.files() == good
    assert is_up_to_date(built)


def test_a_compile_that_fails_keeps_the_good_artifact_and_tells_once_why(built: Built) -> None:
    good = built.files()
    built.write("add.wat", "(module (func (nonsense)))")
    said = built.scons("-k", status=2)
    assert "scons: *** [build/arm/add.cwasm] add.wat: " in said
    kept = built.files()
    assert kept["arm/add.cwasm"] == good["arm/add.cwasm"]
    assert "arm/manifest.json" not in kept
    built.write("add.wat", ADD)
    built.scons()
    assert built.files() == good


def test_a_build_directory_that_cannot_be_taken_as_a_whole(built: Built) -> None:
    """What says that all is right has to go before the first artifact does."""
    built.write("add.wat", SUB)
    note = built.build / ".wasmbuild" / "noop.json"
    note.unlink()
    note.mkdir()
    good = built.files()
    said = built.scons("-k", status=2)
    for target in ("arm", "x64"):
        assert f"scons: *** [build/{target}/add.cwasm] {note}: cannot be removed: " in said
    assert built.files() == good
    note.rmdir()
    assert built.made() == {"arm/add", "x64/add"}


def test_an_interactive_scons_compiles_what_was_edited_since_its_last_build(built: Built) -> None:
    for name, text in (("first", SUB), ("second", ADD.replace("i32.add", "i32.mul")), ("bad", "(bad")):
        built.write(name, text)
    builds = (f"shell cp {name} add.wat\nbuild build/x64/add.cwasm\n" for name in ("first", "second", "bad"))
    said = built.scons("--interactive", typed="".join(builds) + "exit\n")
    assert said.count("wasmbuild build/x64/add.cwasm") == 3
    assert "scons: *** [build/x64/add.cwasm] add.wat: is not valid WebAssembly text" in said
    interactive = (built.build / "x64/add.cwasm").read_bytes()
    shutil.copy(built.root / "second", built.root / "add.wat")
    assert built.compiled() == {"add@arm"}
    assert (built.build / "x64/add.cwasm").read_bytes() == interactive


def test_an_interactive_scons_that_read_another_declaration_says_to_start_it_anew(built: Built) -> None:
    built.write("other", HEAD + EPOCHS + MODULES)
    said = built.scons("--interactive", typed="build\nshell cp other wasmbuild.toml\nbuild\nbuild\nexit\n")
    assert said.count("not built as declared; ") == said.count("run scons again (leave an interactive one)") == 2
    assert "delete" not in said
    assert built.made() == {"arm/add", "arm/sub"}
    api.verify(built.build)
    assert is_up_to_date(built)


def test_times_that_are_compared_are_new_after_each_step(tmp_path: Path) -> None:
    project = Built(tmp_path, SCONSTRUCT.replace("])", '])\nenv.Decider("timestamp-newer")', 1))
    modules = MODULES.replace("[modules.sub]", "ship-source = true\n[modules.sub]")
    project.declare(HEAD + TARGETS + modules)

    def age() -> None:
        # SCons compares whole seconds.
        for path in tmp_path.rglob("*"):
            os.utime(path, (path.stat().st_mtime - 10,) * 2)

    assert project.made() == EVERYTHING
    age()
    (tmp_path / "add.wat").touch()
    assert project.made() == {"arm/add", "x64/add"}
    assert is_up_to_date(project)
    age()
    project.declare(HEAD + "# a comment\n" + TARGETS + modules)
    assert "wasmbuild build/index.json" in project.scons()
    assert is_up_to_date(project)
    assert project.compiled() == set()
    api.verify(project.build)


def test_the_contract_of_a_module_holds(built: Built) -> None:
    built.declare(HEAD + TARGETS + MODULES.replace("[modules.sub]", 'exports = ["crc32"]\n[modules.sub]'))
    assert "add.wat: does not export crc32" in built.scons(status=2)


def test_mistakes_in_the_declaration_are_told_at_once(built: Built) -> None:
    built.declare(HEAD + TARGETS.replace("triple", "tripel") + MODULES)
    said = built.scons(status=2)
    assert said.count('did you mean "triple"') + said.count("did you mean triple") == 2


@pytest.mark.parametrize(
    ("id", "hint"),
    [("ad@x64", "did you mean add@x64?"), ("zzz", "there are add@x64, sub@x64, add@arm, sub@arm")],
)
def test_an_artifact_that_is_not_declared_is_told(tmp_path: Path, id: str, hint: str) -> None:
    said = Built(tmp_path / "built", SCONSTRUCT + f'env.Install("image", wasm["{id}"])\n').scons(status=2)
    assert f"scons: *** Wasmbuild: there is no artifact {id}; {hint}\n" in said


def test_a_new_compiler_compiles_everything(built: Built, tmp_path: Path) -> None:
    other = tmp_path / "wasmtime"
    shutil.copyfile(api_compiler(), other)
    other.chmod(0o755)
    with open(other, "ab") as file:
        file.write(b"\0")
    built.environment["WASMBUILD_WASMTIME"] = str(other)
    assert built.made() == EVERYTHING


def test_asked_to_stop_it_ends_the_compile_that_runs(tmp_path: Path, script: Callable[[str, str], Path]) -> None:
    project = Built(tmp_path / "project")
    started = tmp_path / "started"
    compiler = script(f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 600", "wasmtime 48.0.2 (held)")
    environment = {**os.environ, **project.environment, "WASMBUILD_WASMTIME": str(compiler)}
    process = subprocess.Popen(
        [sys.executable, "-m", "SCons", "-Q"], cwd=project.root, env=environment, stderr=subprocess.PIPE, text=True
    )
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Build interrupted." in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    assert project.made() == EVERYTHING


FORKS = """
import multiprocessing, os, time
def wait(begun):
    begun.set()
    # Python may forget, amid a longer one, what it was told before that.
    while True:
        time.sleep(0.01)
def forked(target, source, env):
    while not os.path.exists("started"):
        time.sleep(0.01)
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        begun = context.Event()
        process = context.Process(target=wait, args=[begun])
        process.start()
        begun.wait()
        process.terminate()
        process.join()
    open(str(target[0]), "w").close()
Command("forked", [], forked)
"""


def test_processes_that_another_step_ends_end_no_compile(tmp_path: Path, script: Callable[[str, str], Path]) -> None:
    project = Built(tmp_path / "project", SCONSTRUCT + FORKS)
    real = shutil.copyfile(api_compiler(), tmp_path / "real")
    real.chmod(0o755)
    there = project.root
    held = f'touch {there}/started; while [ ! -e {there}/forked ]; do sleep 0.05; done; exec {real} "$@"'
    project.environment["WASMBUILD_WASMTIME"] = str(script(f'[ "$1" != compile ] || {{ {held}; }}', "wasmtime 48.0.2"))
    assert project.made("-j5") == EVERYTHING


def api_compiler() -> str:
    from wasmbuild.toolchain.find import find

    return find("cli", 48, Path.cwd()).path


def test_a_dry_run_writes_nothing_and_a_clean_leaves_nothing(tmp_path: Path) -> None:
    project = Built(tmp_path)
    assert project.made("-n") == EVERYTHING
    assert not project.build.exists()
    project.scons()
    project.scons("-c")
    assert [path for path in project.build.rglob("*") if not path.is_dir()] == []


def test_files_join_and_leave_a_glob(tmp_path: Path) -> None:
    project = Built(tmp_path)
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "*.wat"\n')
    project.scons()
    project.write("mul.wat", ADD)
    assert project.made() == {"arm/mul", "x64/mul"}
    (project.root / "mul.wat").unlink()
    assert project.made() == set()
    assert not (project.build / "x64/mul.cwasm").exists()
    assert is_up_to_date(project)


def test_files_join_and_leave_a_test_during_a_build_and_in_an_interactive_scons(tmp_path: Path) -> None:
    script = "rm -rf data; mkdir data; cp spec data/`cat spec`; touch $TARGET"
    made = f'made = env.Command("stamp", "spec", "{script}")\nenv.Depends([wasm["add@x64"], manifests], made)\n'
    project = Built(tmp_path, SCONSTRUCT + made)
    project.write("add.wat", '(module (memory (export "memory") 1) (func (export "_start")))')
    test = 'tests = [{ call = "_start", wasi = { dirs = ["data"] }, exit = 0 }]\n'
    project.declare(HEAD + TARGETS + '[modules.add]\nsource = "add.wat"\n' + test)
    (tmp_path / "data").mkdir()
    project.write("data/old", "")

    def given() -> set[str]:
        [held] = json.loads((project.build / "x64/manifest.json").read_bytes())["directories"].values()
        return set(held)

    for name, jobs in (("first", "-j1"), ("second", "-j4")):
        project.write("spec", name)
        project.scons(jobs)
        assert given() == {name}
    assert "index.json" not in project.scons()
    project.scons("--interactive", typed="build\nshell touch data/third\nbuild\nshell rm data/second\nbuild\nexit\n")
    assert given() == {"third"}
    project.write("data/third", "edited")
    assert "index.json" in project.scons()
    assert is_up_to_date(project)
    assert project.compiled() == set()


def test_a_dollar_in_a_path_is_no_variable(tmp_path: Path) -> None:
    project = Built(tmp_path / "for $HOST")
    project.write("$SOURCE.wat", ADD)
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"$SOURCE.wat"'))
    assert project.made() == EVERYTHING
    assert is_up_to_date(project)
    project.write("$SOURCE.wat", SUB)
    assert project.made() == {"arm/add", "x64/add"}
    api.verify(project.build)


def test_what_ships_is_installed_as_it_lies_in_the_build_directory(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "build-systems.md").read_text()
    [lines] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "InstallAs" in block]
    project = Built(tmp_path, SCONSTRUCT + lines)
    for _ in range(2):
        project.scons("-j4")
        api.verify(tmp_path / "dist")
        assert is_up_to_date(project)
        project.write("add.wat", SUB)
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {"index.json", "arm", "x64"}
    assert {path.name for path in (tmp_path / "dist/arm").iterdir()} == {"manifest.json", "add.cwasm", "sub.cwasm"}


def test_some_targets_alone(tmp_path: Path) -> None:
    project = Built(tmp_path, TOOL + 'env.Wasmbuild(TARGETS="x*")\n')
    assert project.made() == {"x64/add", "x64/sub"}


def test_known_faults_of_the_compiler_are_told_or_fail(tmp_path: Path) -> None:
    project = Built(tmp_path)
    project.write("add.wat", '(module (type $s (struct)) (func (export "f") (drop (struct.new $s))))')
    assert "have known faults of the compiler" in project.scons()
    assert is_up_to_date(project)
    project.declare(HEAD + TARGETS + MODULES + '[audit]\nenforce = ["build"]\n')
    for _ in range(2):
        assert "(fails by [audit] enforce)" in project.scons(status=2)


def test_the_example_builds(tmp_path: Path) -> None:
    example = tmp_path / "scons"
    shutil.copytree(Path(__file__).parents[2] / "examples/scons", example)
    ended = subprocess.run([sys.executable, "-m", "SCons", "-Q"], cwd=example, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = api.verify(example / "build", config=example / "wasmbuild.toml")
    assert "tested" in {entry.level for entry in report.artifacts}
    assert (example / "dist/answer.cwasm").exists()
