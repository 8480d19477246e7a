"""What other builders of SCons make for artifacts, and where they lie in a variant directory."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest
from scons_command import EPOCHS, EVERYTHING, SCONSTRUCT, TOOL, Built, is_up_to_date
from support import ADD, HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild import api

pytestmark = pytest.mark.needs_modules("SCons")


@pytest.mark.parametrize("duplicate", [0, 1])
def test_a_variant_directory_holds_the_artifacts(tmp_path: Path, duplicate: int) -> None:
    project = Project(tmp_path / "src")
    outer = Built(tmp_path, f'SConscript("src/SConscript", variant_dir="out", duplicate={duplicate})\n')
    project.write("SConscript", SCONSTRUCT + 'env.Install("#dist", wasm["add@x64"])\n')
    outer.scons()
    assert is_up_to_date(outer)
    api.verify(tmp_path / "out/build")
    assert (tmp_path / "dist/add.cwasm").read_bytes() == (tmp_path / "out/build/x64/add.cwasm").read_bytes()
    assert not (tmp_path / "src/build").exists()
    project.write("add.wat", ADD.replace("i32.add", "i32.mul"))
    assert "sub.cwasm" not in outer.scons()


@pytest.mark.parametrize(
    "sources",
    [
        'made = env.Command("made/add.wat", "add.in", Copy("$TARGET", "$SOURCE"))\n'
        'env.Wasmbuild(SOURCES={"add": made})\n',
        'env.Command("add.wat", "add.in", Copy("$TARGET", "$SOURCE"))\nenv.Wasmbuild()\n',
    ],
)
def test_sources_may_be_made_by_other_builders(tmp_path: Path, sources: str) -> None:
    project = Built(tmp_path, TOOL + sources)
    (project.root / "add.wat").unlink()
    project.write("add.in", ADD)
    assert project.made() == EVERYTHING
    assert is_up_to_date(project)
    project.write("add.in", SUB)
    assert project.made() == {"arm/add", "x64/add"}
    api.verify(project.build)


@pytest.mark.parametrize("decider", ["timestamp-newer", "content"])
def test_what_is_made_of_the_index_has_all_that_the_run_made(tmp_path: Path, decider: str) -> None:
    """Where times are compared, artifacts and the index that lacks them may be of the same second."""
    copied = 'env.Command({}, {}, Copy("$TARGET", "$SOURCE"))\n'
    project = Built(
        tmp_path,
        f"{TOOL}env.Decider({decider!r})\n"
        + copied.format("'add.wat'", "'add.in'")
        + "wasm, manifests = env.Wasmbuild()\n"
        + copied.format("'index'", "manifests[0]"),
    )
    project.write("add.in", ADD)
    project.scons()
    for path in tmp_path.rglob("*"):
        os.utime(path, (path.stat().st_mtime - 10,) * 2)
    project.write("add.in", SUB)
    project.scons()
    assert (tmp_path / "index").read_bytes() == (project.build / "index.json").read_bytes()
    assert is_up_to_date(project)
    api.verify(project.build)


@pytest.mark.parametrize("duplicate", [0, 1])
@pytest.mark.parametrize("first", [True, False])
def test_what_a_builder_makes_in_a_variant_directory_for_a_glob_is_refused(
    tmp_path: Path, first: bool, duplicate: int
) -> None:
    project = Project(tmp_path / "src")
    outer = Built(tmp_path, f'SConscript("src/SConscript", variant_dir="out", duplicate={duplicate})\n')
    made = 'env.Command("plugins/gen.wat", "add.wat", Copy("$TARGET", "$SOURCE"))\n'
    tool, call = SCONSTRUCT.split("wasm, ")
    project.write("SConscript", f"{tool}{made}wasm, {call}" if first else SCONSTRUCT + made)
    project.write("plugins/one.wat", ADD)
    globs = '[modules."plugins/**"]\nsource = "plugins/**/*.wat"\nexclude = ["plugins/not.wat"]\nship-source = true\n'
    globs += '[modules."out/**"]\nsource = "**/*.wasm"\n'
    project.write("not.wasm", "(module)")
    project.declare(HEAD + TARGETS + globs)
    told = (
        ' out/plugins/gen.wat: a builder makes it, and modules."plugins/**" takes files of src alone; declare '
        'modules."plugins/gen" with source = "plugins/gen.wat", and call the builder first\n'
    )
    assert told in outer.scons(status=2)
    project.declare(f'{HEAD}{TARGETS}{globs}[modules."plugins/gen"]\nsource = "plugins/gen.wat"\n')
    project.write("SConscript", f"{tool}{made}wasm, {call}")
    outer.scons()
    assert is_up_to_date(outer)
    assert {path.name for path in (tmp_path / "out/build/x64/plugins").glob("*.cwasm")} == {"gen.cwasm", "one.cwasm"}


@pytest.mark.parametrize("duplicate", [0, 1])
def test_a_builder_for_a_glob_that_joins_what_is_up_to_date_is_refused(tmp_path: Path, duplicate: int) -> None:
    project = Project(tmp_path / "src")
    outer = Built(tmp_path, f'SConscript("src/SConscript", variant_dir="out", duplicate={duplicate})\n')
    project.write("SConscript", SCONSTRUCT)
    project.write("plugins/one.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules."plugins/*"]\nsource = "plugins/*.wat"\n')
    outer.scons()
    assert is_up_to_date(outer)
    project.write("SConscript", SCONSTRUCT + 'env.Command("plugins/gen.wat", "add.wat", Copy("$TARGET", "$SOURCE"))\n')
    for _ in range(2):
        assert ' out/plugins/gen.wat: a builder makes it, and modules."plugins/*" takes' in outer.scons(status=2)
    project.write("SConscript", SCONSTRUCT)
    outer.scons()
    assert is_up_to_date(outer)


@pytest.mark.parametrize("jobs", ["-j1", "-j4"])
@pytest.mark.parametrize(
    "after",
    [
        'env.Command("plugins/gen.wat", "gen.in", Copy("$TARGET", "$SOURCE"))\n',
        'env.Depends(env.InstallAs("plugins/gen.wat", "gen.in"), wasm["plugins/one@x64"])\n',
    ],
    ids=["declared after", "of an artifact"],
)
def test_the_last_step_sees_what_later_builders_make_for_globs(tmp_path: Path, after: str, jobs: str) -> None:
    project = Built(tmp_path, SCONSTRUCT + after)
    project.write("plugins/one.wat", ADD)
    project.write("gen.in", ADD)
    project.declare(HEAD + TARGETS + '[modules."plugins/*"]\nsource = "plugins/*.wat"\n')
    told = "not built as declared; the declaration changed after SCons had read it; run scons again"
    assert f"plugins/gen@x64, plugins/gen@arm: {told}" in project.scons(jobs, status=2)
    assert project.made(jobs) == {"arm/plugins/gen", "x64/plugins/gen"}
    assert is_up_to_date(project)
    project.write("gen.in", SUB)
    assert project.made(jobs) == {"arm/plugins/gen", "x64/plugins/gen"}
    assert is_up_to_date(project)
    api.verify(project.build)


@pytest.mark.parametrize("jobs", ["-j1", "-j4"])
def test_what_a_glob_takes_of_builders_is_compiled_in_the_run_that_makes_it(tmp_path: Path, jobs: str) -> None:
    made = 'for name in ("gen", "below/gen", "not"):\n'
    made += '    env.Command(f"plugins/{name}.wat", "gen.in", Copy("$TARGET", "$SOURCE"))\n'
    project = Built(tmp_path, TOOL + made + SCONSTRUCT.removeprefix(TOOL))
    project.write("gen.in", ADD)
    glob = '[modules."plugins/**"]\nsource = "plugins/**/*.wat"\nexclude = ["plugins/not.wat"]\nship-source = true\n'
    project.declare(HEAD + TARGETS + glob)
    everything = {f"{target}/plugins/{name}" for target in ("arm", "x64") for name in ("gen", "below/gen")}
    for _ in range(2):
        assert project.made(jobs) == everything
        assert is_up_to_date(project)
        api.verify(project.build)
        project.scons("-c")
        assert not list(project.root.rglob("gen.*wa*"))
    project.made()
    project.write("gen.in", SUB)
    assert project.made(jobs) == everything
    assert is_up_to_date(project)


def test_what_a_glob_excludes_and_a_module_declares_is_compiled_in_the_run_that_makes_it(tmp_path: Path) -> None:
    made = 'env.Command("plugins/gen.wat", "add.wat", Copy("$TARGET", "$SOURCE"))\n'
    project = Built(tmp_path, TOOL + made + SCONSTRUCT.removeprefix(TOOL))
    project.write("plugins/one.wat", ADD)
    glob = '[modules."plugins/*"]\nsource = "plugins/*.wat"\nexclude = ["plugins/gen.wat"]\n'
    project.declare(f'{HEAD}{TARGETS}{glob}[modules."plugins/gen"]\nsource = "plugins/gen.wat"\n')
    assert project.made() == {f"{target}/plugins/{name}" for target in ("arm", "x64") for name in ("gen", "one")}
    assert is_up_to_date(project)


def test_a_declaration_that_a_builder_makes_is_the_one_that_is_built(tmp_path: Path) -> None:
    made = 'made = env.Command("wasmbuild.toml", "declared", Copy("$TARGET", "$SOURCE"))\nenv.Wasmbuild(made[0])\n'
    project = Built(tmp_path, TOOL + made)
    project.write("declared", HEAD + TARGETS + MODULES)
    assert project.made() == EVERYTHING
    assert is_up_to_date(project)
    project.write("declared", HEAD + EPOCHS + MODULES)
    assert "add@arm, sub@arm: not built as declared; the declaration changed after" in project.scons(status=2)
    assert project.made() == {"arm/add", "arm/sub"}
    project.write("declared", HEAD + "# a comment\n" + EPOCHS + MODULES)
    assert project.made() == set()
    assert is_up_to_date(project)
    assert project.compiled() == set()


def test_a_declaration_that_is_not_there_is_made_while_the_sconstruct_is_read(tmp_path: Path) -> None:
    copy = 'Copy("$TARGET", "$SOURCE")'
    made = f'made = env.Command("gen/wasmbuild.toml", "declared", {copy})\nenv.Wasmbuild(made[0])\n'
    project = Built(tmp_path, TOOL + made)
    project.write("declared", HEAD + TARGETS + MODULES.replace('"a', '"../a').replace('"s', '"../s'))
    fix = 'env.Execute(Copy("gen/wasmbuild.toml", "…"))'
    for arguments in ((), ("-c",), ("gen/wasmbuild.toml",)):
        told = project.scons(*arguments, status=2)
        assert "gen/wasmbuild.toml: a builder makes it, and it is read before any builder runs; make it" in told
        assert fix in told
    (project.root / "gen").mkdir()
    project.write("SConstruct", f'{TOOL}{fix.replace("…", "declared")}\nenv.Wasmbuild("gen/wasmbuild.toml")\n')
    assert project.made() == EVERYTHING
    assert is_up_to_date(project)


PROGRAM = '(module (memory (export "memory") 1) (func (export "_start")))'
TESTED = '[modules.add]\nsource = "add.wat"\ntests = [{ call = "_start", wasi = { DIRS }, exit = 0 }]\n'
GIVEN = TESTED.replace("DIRS", 'dirs = ["data"]')
MADE = 'Command("data/made", "spec", Copy("$TARGET", "$SOURCE"))\n'


def given(build: Path) -> list[dict[str, str]]:
    """Return the files of each directory that the manifest of x64 gives to tests."""
    directories = json.loads((build / "x64/manifest.json").read_bytes()).get("directories", {})
    return [{name: base64.b64decode(data).decode() for name, data in held.items()} for held in directories.values()]


@pytest.mark.parametrize("jobs", ["-j1", "-j4"])
@pytest.mark.parametrize("folder", [".", "src"], ids=["in place", "in a variant directory"])
def test_what_builders_make_for_tests_is_in_the_manifest_of_that_run(tmp_path: Path, folder: str, jobs: str) -> None:
    called = SCONSTRUCT if folder == "." else 'SConscript("src/SConscript", variant_dir="out", duplicate=0)\n'
    outer = Built(tmp_path, called + MADE.replace('"data', f'"{folder}/data'))
    project = Project(tmp_path / folder)
    project.write("SConscript", SCONSTRUCT)
    project.write("add.wat", PROGRAM)
    project.declare(HEAD + TARGETS + GIVEN)
    (project.root / "data").mkdir()
    build = tmp_path / ("build" if folder == "." else "out/build")
    for said in ("one", "two"):
        outer.write("spec", said)
        told = outer.scons(jobs)
        assert ("add.cwasm" in told) == (said == "one")
        assert given(build) == [{"made": said}]
        assert is_up_to_date(outer)


VARIANTS = """
for name in ("debug", "release"):
    SConscript("src/SConscript", variant_dir=f"out/{name}", duplicate=DUPLICATE, exports=["name"])
"""


@pytest.mark.parametrize("duplicate", [0, 1])
def test_variants_of_one_sconscript_are_apart(tmp_path: Path, duplicate: int) -> None:
    outer = Built(tmp_path, VARIANTS.replace("DUPLICATE", str(duplicate)) + MADE.replace("data", "src/data"))
    project = Project(tmp_path / "src")
    project.write("SConscript", f'Import("name")\n{TOOL}env.Wasmbuild(f"{{name}}.toml")\n')
    project.write("add.wat", PROGRAM)
    (project.root / "data").mkdir()
    outer.write("spec", "one")
    project.write("debug.toml", HEAD + TARGETS + GIVEN)
    project.write("release.toml", HEAD + TARGETS + TESTED.replace("DIRS", ""))
    debug, release = (tmp_path / "out" / name / "build" for name in ("debug", "release"))

    assert "release" not in outer.scons("out/debug")
    assert not release.exists()
    outer.scons()
    assert is_up_to_date(outer)
    outer.write("spec", "two")
    outer.scons()
    assert given(debug) == [{"made": "two"}]
    assert given(release) == []
    assert is_up_to_date(outer)

    outer.scons("-c", "out/debug")
    assert [path for path in debug.rglob("*") if not path.is_dir()] == []
    api.verify(release)
    project.write("bad.wat", "(bad")
    project.write("debug.toml", HEAD + TARGETS + GIVEN.replace("add.wat", "bad.wat"))
    project.write("release.toml", HEAD + EPOCHS + TESTED.replace("DIRS", ""))
    told = outer.scons("-k", status=2)
    assert "wasmbuild out/release/build/arm/add.cwasm\n" in told
    assert "wasmbuild out/release/build/index.json" in told


def test_a_variant_takes_what_is_made_for_globs_in_the_source_directory(tmp_path: Path) -> None:
    made = 'Command("src/plugins/gen.wat", "gen.in", Copy("$TARGET", "$SOURCE"))\n'
    outer = Built(tmp_path, f'{made}SConscript("src/SConscript", variant_dir="out", duplicate=0)\n')
    project = Project(tmp_path / "src")
    project.write("SConscript", SCONSTRUCT)
    project.write("plugins/one.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules."plugins/*"]\nsource = "plugins/*.wat"\n')
    for source in (ADD, SUB):
        outer.write("gen.in", source)
        assert outer.scons("-j4").count("plugins/gen.cwasm\n") == 2
        assert is_up_to_date(outer)
        api.verify(tmp_path / "out/build")


@pytest.mark.parametrize("folder", [".", "src"])
def test_two_declarations_in_one_build_directory_are_refused(tmp_path: Path, folder: str) -> None:
    outer = Built(tmp_path, 'SConscript("src/SConscript")\n')
    project = Project(tmp_path / folder)
    script = "SConstruct" if folder == "." else "SConscript"
    project.write(script, TOOL + 'env.Wasmbuild("debug.toml")\nenv.Clone().Wasmbuild("release.toml")\n')
    project.write("debug.toml", HEAD + TARGETS + MODULES)
    project.write("release.toml", HEAD + EPOCHS + MODULES)
    told = outer.scons(status=2)
    assert re.search(r"build: is the build directory of \S*debug.toml already; give \S*release.toml one of", told)
    [fix] = re.findall(r"as (env\.Wasmbuild\(.*\)) does", told)
    project.write(script, f'{TOOL}env.Wasmbuild("debug.toml")\n{fix}\n')
    outer.scons("-j4")
    assert is_up_to_date(outer)
    for name in ("build", "build-release"):
        api.verify(project.root / name)
