"""``find_package(wasmbuild)``: what only CMake has; what it shares with other systems is in ``systems/``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cmake_tree import SCRIPTS, WASM, Tree, program
from support import ADD, ALL, HEAD, MODULES, SUB, TARGETS, Project

import wasmbuild
from wasmbuild import cmake
from wasmbuild.toolchain.find import find

pytestmark = pytest.mark.needs_modules("cmake")

GENERATORS = ["Ninja", "Unix Makefiles"]
VERSION = wasmbuild.__version__


@pytest.fixture(params=GENERATORS)
def tree(project: Project, request: pytest.FixtureRequest) -> Tree:
    if request.param == "Unix Makefiles" and shutil.which("make") is None:
        pytest.skip("needs make")
    return Tree(project, request.param)


@pytest.fixture
def ninja(project: Project) -> Tree:
    return Tree(project, "Ninja")


def test_what_ships_is_installed_and_all_is_cleaned(tree: Tree) -> None:
    tree.configure("wasmbuild_project(wasm DESTINATION share/demo COMPONENT edge)\n")
    tree.make()
    tree.run("--install", tree.build, "--prefix", tree.build / "usr", "--component", "edge")
    shipped = {f"{target}/{name}" for target in ("x64", "arm") for name in ("add.cwasm", "sub.cwasm", "manifest.json")}
    assert tree.files("usr/share/demo") == {"index.json", *shipped}
    tree.project.run("verify", str(tree.build / "usr/share/demo"))
    tree.make("--target", "clean")
    assert not any("wasm" in name.split("/")[0] for name in tree.files("."))
    assert not any("stamp" in name and "wasmbuild" in name for name in tree.files("CMakeFiles"))


def test_a_directory_of_others_is_refused_before_clean_can_remove_it(tree: Tree) -> None:
    outside, tree.build = tree.build, tree.project.root
    tree.project.write("wasm/notes.txt", "mine")
    tree.project.write("wasm/CMakeLists.txt", "")
    assert "notes.txt; take another NAME" in " ".join(tree.configure(WASM, status=1).split())
    tree.build = outside
    tree.configure(WASM)
    tree.make()
    shutil.rmtree(outside / "CMakeFiles")
    tree.configure(WASM)
    below = "add_subdirectory(wasm)\n"
    assert "take another NAME" in " ".join(tree.configure(WASM + below, status=1).split())
    tree.configure("wasmbuild_project(edge)\n" + below)
    tree.make()
    tree.make("--target", "clean")
    assert (outside / "wasm/CMakeFiles").exists()


def test_properties_say_what_there_is(ninja: Tree) -> None:
    said = "\n".join(f"{name}=$<TARGET_PROPERTY:wasm,WASMBUILD_{name}>" for name in ("DIR", "STAMP", "ARTIFACTS"))
    ninja.configure(f'{WASM}file(GENERATE OUTPUT said.txt CONTENT "{said}")\n')
    ninja.make()
    told = dict(line.split("=", 1) for line in (ninja.build / "said.txt").read_text().splitlines())
    assert told["DIR"] == (ninja.build / "wasm").as_posix()
    assert os.path.exists(told["STAMP"])
    assert set(told["ARTIFACTS"].split(";")) == {path.as_posix() for path in (ninja.build / "wasm").rglob("*.cwasm")}
    assert len(told["ARTIFACTS"].split(";")) == len(ALL)


def test_another_step_follows_the_stamp(tree: Tree) -> None:
    stamp = "$<TARGET_PROPERTY:wasm,WASMBUILD_STAMP>"
    tree.configure(
        f"{WASM}add_custom_command(OUTPUT image COMMAND ${{CMAKE_COMMAND}} -E touch image DEPENDS wasm {stamp} "
        f'COMMENT "make image" VERBATIM)\nadd_custom_target(ship ALL DEPENDS image)\n'
    )
    assert "make image" in tree.make()
    assert "make image" not in tree.make()
    tree.project.write("add.wat", SUB)
    assert "make image" in tree.make()


def test_a_source_that_another_target_makes(tree: Tree) -> None:
    tree.project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"made/add.wasm"'))
    tree.project.write("original.wat", ADD)
    (tree.project.root / "add.wat").unlink()
    copy = "${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/original.wat"
    tree.configure(
        f"add_custom_command(OUTPUT made.wasm COMMAND {copy} made.wasm DEPENDS original.wat)\n"
        "wasmbuild_project(wasm SOURCES add=${CMAKE_CURRENT_BINARY_DIR}/made.wasm)\n"
    )
    tree.make()
    artifact = tree.build / "wasm/arm/add.cwasm"
    made = artifact.read_bytes()
    assert b"made/add.wasm" in (tree.build / "wasm/arm/manifest.json").read_bytes()
    tree.project.write("original.wat", SUB)
    tree.make()
    assert artifact.read_bytes() != made


def test_versions_that_take_no_rule_without_dependencies(tree: Tree) -> None:
    tree.configure(f"{WASM}wasmbuild_add_module(one SOURCE add.wat TARGET arm)\n")
    tree.make()
    assert "Precompiling" not in tree.make()
    if tree.generator != "Ninja":  # which deletes those that it has read
        written = [path for path in (tree.build / "CMakeFiles").rglob("*.d") if "wasmbuild" in str(path)]
        assert [len(path.read_text().splitlines()) for path in written] == [1, 1]
    tree.project.write("add.wat", SUB)
    said = tree.make()
    assert "Precompiling WebAssembly: wasm" in said
    assert "Precompiling WebAssembly: one" in said
    tree.project.run("verify", str(tree.build / "wasm"))
    tree.make("--target", "clean")
    assert not [path for path in (tree.build / "CMakeFiles").rglob("*.d") if "wasmbuild" in str(path)]


def test_a_module_that_was_edited_is_made_again_when_it_is_deleted(tree: Tree) -> None:
    tree.configure("wasmbuild_add_module(one SOURCE add.wat TARGET arm MODULE add)\n")
    tree.make()
    artifact = tree.build / "one.cwasm"
    made = artifact.read_bytes()
    artifact.write_bytes(b"edited")
    # Makefiles do not see it.
    tree.make()
    artifact.unlink()
    tree.make()
    assert artifact.read_bytes() == made


def test_characters_that_mean_something_to_make(tree: Tree) -> None:
    tree.build = tree.project.root / "a [1] 5% b"
    tree.configure(f"{WASM}wasmbuild_add_module(one SOURCE add.wat TARGET arm)\n")
    tree.make()
    assert "Precompiling" not in tree.make()
    tree.project.write("add.wat", SUB)
    said = tree.make()
    assert "Precompiling WebAssembly: wasm" in said
    assert "Precompiling WebAssembly: one" in said


def test_characters_that_mean_something_to_make_in_paths_of_sources(tree: Tree) -> None:
    tree.project.declare(HEAD + TARGETS + MODULES + '[modules."of/*"]\nsource = "plugins/**/*.wat"\n')
    plugin = tree.project.write("plugins/[old] a?b 5%/add.wat", ADD)
    tree.project.write("what?.wat", ADD)
    tree.configure(f'{WASM}wasmbuild_add_module(one SOURCE "what?.wat" TARGET arm MODULE add)\n')
    tree.make()
    assert "Precompiling" not in tree.make()
    plugin.write_text(SUB)
    tree.project.write("what?.wat", SUB)
    said = tree.make()
    assert "Precompiling WebAssembly: wasm" in said
    assert "Precompiling WebAssembly: one" in said


@pytest.mark.parametrize("call", [WASM, "wasmbuild_add_module(one SOURCE add.wat TARGET arm)\n"])
def test_a_build_directory_that_no_depfile_can_name(ninja: Tree, call: str) -> None:
    ninja.build = ninja.project.root / "v=1"
    assert "has = or | in its path" in " ".join(ninja.configure(call, status=1).split())
    ninja.build = ninja.project.root / "v1"
    ninja.configure(call)
    ninja.make()


def test_each_configuration_has_its_own_file(project: Project) -> None:
    tree = Tree(project, "Ninja Multi-Config")
    project.write("Debug/add.wat", ADD)
    project.write("Release/add.wat", SUB)
    tree.configure(
        "set(CMAKE_CONFIGURATION_TYPES Debug Release CACHE STRING x FORCE)\n"
        "add_executable(add IMPORTED)\n"
        "set_target_properties(add PROPERTIES IMPORTED_LOCATION_DEBUG ${CMAKE_SOURCE_DIR}/Debug/add.wat "
        "IMPORTED_LOCATION_RELEASE ${CMAKE_SOURCE_DIR}/Release/add.wat)\n"
        "wasmbuild_project(wasm SOURCES add=$<TARGET_FILE:add> DESTINATION share)\n"
        "wasmbuild_project(same SOURCES add=${CMAKE_SOURCE_DIR}/Debug/add.wat)\n"
        "foreach(property DIR STAMP)\n"
        "  set(wasm_${property} $<TARGET_GENEX_EVAL:wasm,$<TARGET_PROPERTY:wasm,WASMBUILD_${property}>>)\n"
        "endforeach()\n"
        "add_custom_command(OUTPUT $<CONFIG>/image COMMAND ${CMAKE_COMMAND} -E tar cf $<CONFIG>/image ${wasm_DIR} "
        "DEPENDS wasm ${wasm_STAMP} VERBATIM)\n"
        "add_custom_target(ship ALL DEPENDS $<CONFIG>/image)\n"
        "enable_testing()\nadd_test(NAME wasm COMMAND ${WASMBUILD_EXECUTABLE} verify ${wasm_DIR})\n"
    )
    for configuration in ("Debug", "Release"):
        tree.make("--config", configuration)
        prefix = tree.build / "usr" / configuration
        tree.run("--install", tree.build, "--config", configuration, "--prefix", prefix)
        project.run("verify", str(prefix / "share"))
        assert (tree.build / configuration / "image").exists()
        subprocess.run([SCRIPTS / "ctest", "-C", configuration], cwd=tree.build, check=True, capture_output=True)
    debug, release = ((tree.build / f"wasm/{name}/arm/add.cwasm").read_bytes() for name in ("Debug", "Release"))
    assert debug != release
    assert (tree.build / "usr/Debug/share/arm/add.cwasm").read_bytes() == debug
    assert (tree.build / "same/arm/add.cwasm").read_bytes() == debug


def test_directories_of_configurations_are_to_be_removed_where_none_has_its_own_any_more(project: Project) -> None:
    tree = Tree(project, "Ninja Multi-Config")
    project.write("Debug/add.wat", ADD)
    install = "wasmbuild_project(wasm DESTINATION share"
    tree.configure(install + " SOURCES add=${CMAKE_SOURCE_DIR}/$<CONFIG>/add.wat)\n")
    tree.make("--config", "Debug")
    told = " ".join(tree.configure(install + ")\n", status=1).split())
    _, asked, fix = told.partition("they would be installed along; remove them: cmake -E rm -r ")
    directory = tree.build / "wasm/Debug"
    assert asked
    assert fix.startswith(f'"{directory.as_posix()}"')
    tree.run("-E", "rm", "-r", directory)
    tree.configure(install + ")\n")
    tree.make("--config", "Debug")
    tree.run("--install", tree.build, "--config", "Debug", "--prefix", tree.build / "usr")
    assert not (tree.build / "usr/share/Debug").exists()
    project.run("verify", str(tree.build / "usr/share"))


def test_targets_are_selected(ninja: Tree) -> None:
    ninja.configure("wasmbuild_project(wasm TARGETS a*)\nwasmbuild_project(pc FOR x86_64-unknown-linux-musl)\n")
    ninja.make()
    assert {path.name for path in (ninja.build / "wasm").iterdir()} == {"arm", "index.json"}
    assert {path.name for path in (ninja.build / "pc").iterdir()} == {"x64", "index.json"}


def test_a_mistake_is_told_when_it_is_configured(tree: Tree) -> None:
    tree.configure(WASM)
    tree.make()
    good = tree.project.root.joinpath("wasmbuild.toml").read_text()
    tree.project.declare(good.replace("[modules.sub]", "[modules.sub]\nsauce = 1"))
    said = tree.make(status=1)
    assert "did you mean source?" in said
    tree.project.declare(good)
    tree.make()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("wasmbuild_project(wasm SORCES a=b)", "unknown arguments: SORCES;a=b"),
        ("wasmbuild_project(wasm CONFIG)", "these have no value: CONFIG"),
        ("wasmbuild_project(wasm SOURCES add)", 'SOURCES has "add"; write MODULE=PATH'),
        ("wasmbuild_add_module(wasm TARGET arm)", "SOURCE is missing"),
        ("wasmbuild_project(wasm CONFIG none.toml)", "none.toml"),
        ("find_package(wasmbuild 99 REQUIRED)", "99"),
    ],
)
def test_wrong_calls_say_so(ninja: Tree, call: str, told: str) -> None:
    assert told in ninja.configure(call, status=1)


@pytest.mark.parametrize(
    ("version", "status"),
    [
        (VERSION, 0),
        (VERSION.rpartition(".")[0], 0),
        (f"{VERSION} EXACT", 0),
        (f"0.0.1...{VERSION}", 0),
        ("0.0.1...99", 0),
        ("99", 1),
        ("0.0.1", 1),
        (f"0.0.1...<{VERSION}", 1),
        ("99...100", 1),
    ],
)
def test_versions_and_ranges_of_them(ninja: Tree, version: str, status: int) -> None:
    ninja.configure(f"find_package(wasmbuild {version} REQUIRED)", status=status)


def test_one_module(tree: Tree) -> None:
    call = "wasmbuild_add_module(one SOURCE add.wat TARGET arm MODULE add DESTINATION lib)\n"
    tree.configure(call)
    tree.make()
    tree.run("--install", tree.build, "--prefix", tree.build / "usr")
    artifact = tree.build / "usr/lib/one.cwasm"
    made = artifact.read_bytes()
    assert "Precompiling" not in tree.make()
    tree.project.write("add.wat", SUB)
    assert "Precompiling WebAssembly: one" in tree.make()
    assert (tree.build / "one.cwasm").read_bytes() != made
    tree.project.declare(HEAD + TARGETS + MODULES.replace("[modules.add]", '[modules.add]\nexports = ["run"]'))
    assert "run" in tree.make(status=1)
    tree.make("--target", "clean")
    assert not any("one.cwasm" in name for name in tree.files(".") if not name.startswith("usr/"))


def test_a_file_is_held_to_what_the_module_demands_that_has_it(ninja: Tree) -> None:
    demanding = MODULES.replace("[modules.add]", '[modules.add]\nexports = ["gone"]')
    ninja.project.declare(HEAD + TARGETS + demanding)
    call = "wasmbuild_add_module(one SOURCE add.wat TARGET arm"
    ninja.configure(f"{call})\n")
    assert "does not export gone, which modules.add.exports demands" in ninja.make(status=1)
    ninja.configure(f"{call} MODULE sub)\n")
    ninja.make()
    ninja.project.declare(HEAD + TARGETS + demanding + '[modules.same]\nsource = "add.wat"\n')
    ninja.configure(f"{call})\n")
    assert "add, same; name the one that is meant with --module, in CMake MODULE\n" in ninja.make(status=1)
    ninja.configure(f"{call} MODULE same)\n")
    ninja.make()


def test_versions_agree() -> None:
    text = Path(cmake.directory(), "wasmbuild-config-version.cmake").read_text()
    assert re.findall(r"set\(PACKAGE_VERSION (\S+)\)", text) == [wasmbuild.__version__]


def test_a_file_of_no_module(tree: Tree) -> None:
    tree.project.write("other.wat", ADD)
    tree.configure("wasmbuild_add_module(one SOURCE other.wat TARGET arm DESTINATION lib)\n")
    tree.make()
    assert "Precompiling" not in tree.make()
    tree.project.write("other.wat", SUB)
    assert "Precompiling WebAssembly: one" in tree.make()
    tree.run("--install", tree.build, "--prefix", tree.build / "usr")
    assert "for aarch64" in tree.project.run("inspect", str(tree.build / "usr/lib/one.cwasm")).stdout


@pytest.mark.needs("make")
@pytest.mark.parametrize("call", [WASM, "wasmbuild_add_module(one SOURCE add.wat TARGET arm)\n"])
def test_what_a_depfile_alone_tells_is_seen_after_make_was_killed_behind_the_step(project: Project, call: str) -> None:
    tree = Tree(project, "Unix Makefiles")
    compiler = program(project.root / "bin/wasmtime", f'exec "{find("cli", 48, project.root).path}" "$@"\n')
    tree.environment["WASMBUILD_WASMTIME"] = str(compiler)
    killed = project.root / "killed"
    step = f'"{SCRIPTS / "wasmbuild"}" "$@" || exit\n'
    step += f'if [ "$1" != plan ] && [ ! -e "{killed}" ]; then : > "{killed}"; kill -9 0; fi\n'
    tree.configure(call, f"-DWASMBUILD_EXECUTABLE={program(project.root / 'bin/step', step)}")
    command = [tree.program, "--build", tree.build]
    subprocess.run(command, env=tree.environment, capture_output=True, start_new_session=True, check=False)
    assert killed.exists()
    tree.make()
    with compiler.open("a") as file:
        file.write("# another\n")
    assert "Precompiling" in tree.make()
    assert "Precompiling" not in tree.make()
