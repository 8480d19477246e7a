"""Artifacts in wheels, built by hatch and setuptools and installed by pip."""

from __future__ import annotations

import shutil
from pathlib import Path

import environments
import pytest
from distributions import FILES, TABLES, Distribution
from environments import Environment
from mounts import run_under
from support import run_here

from wasmbuild import __version__

pytestmark = pytest.mark.needs_modules("editables")

ANSWER = "import edge; print(edge.answer(), edge.__file__)"
DEPENDENCIES = 'dependencies = ["wasmbuild-runtime>=0.1.0", "wasmtime>=48,<49"]'


@pytest.fixture(params=["hatch", "setuptools"])
def distribution(request: pytest.FixtureRequest, tmp_path: Path) -> Distribution:
    return Distribution(request.param, tmp_path / "project")


def answer(environment: Environment, where: Path) -> str:
    said, _, file = environment.run(ANSWER, where).partition(" ")
    assert said == "42"
    return file


def test_a_wheel_from_the_sdist_has_all_artifacts_and_loads_them(
    distribution: Distribution, runtime_distribution: Path, tmp_path: Path
) -> None:
    distribution.build()
    assert distribution.shipped() == FILES
    assert distribution.wheel.name.endswith("-1.0-py3-none-any.whl")
    assert distribution.required() == {"wasmtime<49,>=48", f"wasmbuild-runtime>={__version__}"}
    # Nothing of what built it is there.
    environment = Environment(tmp_path / "venv").see_wasmtime()
    environment.install_alone(distribution.wheel, environments.wheel(runtime_distribution))
    assert answer(environment, tmp_path).startswith(str(tmp_path / "venv"))


def test_an_sdist_has_the_declaration_and_the_sources_and_no_artifacts(distribution: Distribution) -> None:
    (distribution.root / ".gitignore").unlink()
    # What lies there already is no reason to ship it.
    assert run_here("build", "--build-dir", "edge/wasm", cwd=distribution.root).returncode == 0
    distribution.build("--sdist")
    names = distribution.sources()
    assert {"wasmbuild.toml", "wasm/answer.wat", "edge/__init__.py"} <= names
    assert [name for name in names if name.startswith("edge/wasm")] == []


def test_what_an_editable_install_left_is_shipped_by_no_rule_of_setuptools(tmp_path: Path) -> None:
    distribution = Distribution("setuptools", tmp_path / "project")
    assert run_here("build", "--build-dir", "edge/wasm", cwd=distribution.root).returncode == 0
    # It is no artifact of what is declared from now on.
    distribution.edit("[modules.answer]", "[modules.reply]", "wasmbuild.toml")
    distribution.edit("[tool.wasmbuild]", '[tool.setuptools.package-data]\nedge = ["**/*"]\n[tool.wasmbuild]')
    (distribution.root / "MANIFEST.in").write_text("graft edge\n")
    (distribution.root / ".gitignore").unlink()
    distribution.build("--sdist")
    names = distribution.sources()
    assert {"wasmbuild.toml", "wasm/answer.wat", "edge/__init__.py"} <= names
    assert [name for name in names if name.startswith("edge/wasm")] == []
    assert "edge/wasm" not in next(distribution.root.glob("*.egg-info/SOURCES.txt")).read_text()
    distribution.build("--wheel")
    assert distribution.shipped() == {name.replace("answer", "reply") for name in FILES}


def test_what_hatch_leaves_out_of_all_targets_stays_out(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    distribution.edit(TABLES["hatch"], f'[tool.hatch.build]\nexclude = ["secret.txt"]\n{TABLES["hatch"]}')
    (distribution.root / "edge" / "secret.txt").write_text("secret")
    distribution.build()
    assert distribution.shipped() == FILES
    assert "edge/secret.txt" not in distribution.sources()


def test_what_hatch_reads_in_tables_of_hooks_is_left_to_it(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    options = "dependencies = []\nenable-by-default = true\nrequire-runtime-dependencies = false\n"
    features = "[project.optional-dependencies]\nextra = []\n"
    table = f'{features}{TABLES["hatch"]}\n{options}require-runtime-features = ["extra"]'
    distribution.edit(TABLES["hatch"], table)
    distribution.build("--wheel")
    assert distribution.shipped() == FILES


def test_a_table_of_setuptools_that_is_none_is_told(tmp_path: Path) -> None:
    distribution = Distribution("setuptools", tmp_path / "project")
    project = distribution.root / "pyproject.toml"
    project.write_text(f"{project.read_text().partition(TABLES['setuptools'])[0]}[tool]\nwasmbuild = true\n")
    said = distribution.build("--wheel", status=1)
    assert "pyproject.toml: tool.wasmbuild: must be a table; write [tool.wasmbuild], and package =" in said


def test_artifacts_of_hatch_bring_no_record_and_no_state(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    assert run_here("build", "--build-dir", "edge/wasm", cwd=distribution.root).returncode == 0
    distribution.edit(TABLES["hatch"], f'[tool.hatch.build]\nartifacts = ["edge/wasm/", "*.made"]\n{TABLES["hatch"]}')
    (distribution.root / "edge" / "own.made").write_text("")
    distribution.build("--wheel")
    assert distribution.shipped() == {*FILES, "edge/own.made"}
    distribution.build("--sdist")
    assert [name for name in distribution.sources() if name.startswith("edge/wasm")] == []


def test_an_sdist_has_all_that_decides_what_is_built(distribution: Distribution) -> None:
    declaration = distribution.root / "wasmbuild.toml"
    test = '[[modules.answer.tests]]\ncall = "answer"\nreturns = [42]\nwasi = { dirs = ["given", "none"] }\n'
    declaration.write_text(f"{declaration.read_text()}\n{test}")
    for directory, name in (("given", "data.txt"), ("none", ".gitkeep")):
        (distribution.root / directory).mkdir()
        (distribution.root / directory / name).write_text("data")
    assert run_here("lock", cwd=distribution.root).returncode == 0
    distribution.build()
    decides = {"wasmbuild.toml", "wasmbuild.lock", "wasm/answer.wat", "given/data.txt", "none/.gitkeep"}
    assert decides <= distribution.sources()
    assert distribution.shipped() == FILES


def test_a_source_outside_of_the_project_is_refused_in_an_sdist_alone(
    distribution: Distribution, runtime_distribution: Path, tmp_path: Path
) -> None:
    (distribution.root / "wasm").rename(tmp_path / "shared")
    distribution.edit("wasm/answer.wat", "../shared/answer.wat", "wasmbuild.toml")
    said = distribution.build("--sdist", status=1)
    assert "../shared/answer.wat: lies outside of the project, and a source distribution cannot have it" in said
    distribution.build("--wheel")
    assert distribution.shipped() == FILES
    environment = Environment(tmp_path / "venv").see_all()
    environment.install_alone("-e", distribution.root, environments.wheel(runtime_distribution))
    assert answer(environment, tmp_path).startswith(str(distribution.root))


def test_an_sdist_has_what_links_lead_to(distribution: Distribution, tmp_path: Path) -> None:
    root = distribution.root
    sources = {"linked/*": "linked/*.wat", "all/answer": "all/answer.wat"}
    tables = [f'[modules."{name}"]\nsource = "{path}"\ntargets = ["portable"]\n' for name, path in sources.items()]
    distribution.edit("[modules.answer]", "\n".join([*tables, "[modules.answer]"]), "wasmbuild.toml")
    for directory in ("ignored", "linked", "../shared"):
        (root / directory).mkdir()
    with (root / ".gitignore").open("a") as ignored:
        ignored.write("ignored/\n")
    source = (root / "wasm/answer.wat").rename(tmp_path / "shared/answer.wat")
    shutil.copy(source, root / "ignored/inside.wat")
    # A chain that ends outside, a link to what the project leaves out, two to one file, and one to a directory.
    (root / "wasm/answer.wat").symlink_to("../linked/outside.wat")
    (root / "linked/outside.wat").symlink_to(source)
    (root / "linked/inside.wat").symlink_to("../ignored/inside.wat")
    (root / "linked/again.wat").symlink_to("inside.wat")
    (root / "all").symlink_to(source.parent, target_is_directory=True)
    distribution.build()
    names = {"linked/outside", "linked/inside", "linked/again", "all/answer"}
    assert {"wasm/answer.wat", *(f"{name}.wat" for name in names)} <= distribution.sources()
    assert distribution.shipped() == {*FILES, *(f"edge/wasm/portable/{name}.cwasm" for name in names)}


def test_an_editable_install_loads_what_is_in_the_tree(
    distribution: Distribution, runtime_distribution: Path, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv").see_all()
    environment.install_alone("-e", distribution.root)
    environment.install_alone(environments.wheel(runtime_distribution))
    assert answer(environment, tmp_path).startswith(str(distribution.root))


def test_a_wheel_of_some_targets_leaves_an_editable_install_its_own(distribution: Distribution, tmp_path: Path) -> None:
    Environment(tmp_path / "venv").see_all().install_alone("-e", distribution.root)
    distribution.build("--wheel", WASMBUILD_TARGETS="linux-arm64")
    assert distribution.shipped() == {name for name in FILES if "linux-x64" not in name and "portable" not in name}
    assert all((distribution.root / name).exists() for name in FILES)


def test_a_source_tree_that_cannot_be_written_is_told_how_hatch_builds_it(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    distribution.edit(TABLES["hatch"], f'{TABLES["hatch"]}\ntargets = ["linux-*", "portable"]')
    fixed = "mount --bind project project && mount -o remount,bind,ro project"
    command = ("--no-isolation", "--skip-dependency-check", "--wheel", "-o", "dist", "project")
    ended = run_under(fixed, *command, cwd=tmp_path, program=("-m", "build"))
    assert ended.returncode == 1
    said = ended.stdout + ended.stderr
    assert "cannot lock the build directory: Read-only file system" in said
    typed = said.partition("; with ")[2].partition(", a wheel is built outside")[0]
    assert typed == "WASMBUILD_TARGETS='linux-* portable'"
    ended = run_under(f"export {typed} && {fixed}", *command, cwd=tmp_path, program=("-m", "build"))
    assert ended.returncode == 0, ended.stderr
    (tmp_path / "dist").rename(distribution.root / "dist")
    assert distribution.shipped() == FILES


@pytest.mark.parametrize("covering", ["", '[tool.setuptools.package-data]\nedge = ["**/*"]\n'])
def test_a_strict_editable_install_of_setuptools_has_them(
    runtime_distribution: Path, covering: str, tmp_path: Path
) -> None:
    distribution = Distribution("setuptools", tmp_path / "project")
    distribution.edit("[tool.wasmbuild]", f"{covering}[tool.wasmbuild]")
    environment = Environment(tmp_path / "venv").see_all()
    environment.install_alone("--config-settings", "editable_mode=strict", "-e", distribution.root)
    environment.install_alone(environments.wheel(runtime_distribution))
    assert answer(environment, tmp_path).startswith(str(distribution.root / "build"))


def test_what_left_the_declaration_leaves_the_next_wheel(distribution: Distribution) -> None:
    distribution.build("--wheel")
    distribution.edit("[modules.answer]", "[modules.reply]", "wasmbuild.toml")
    distribution.build("--wheel")
    assert distribution.shipped() == {name.replace("answer", "reply") for name in FILES}


def test_a_platform_wheel_is_for_one_machine(distribution: Distribution) -> None:
    table = TABLES[distribution.backend]
    distribution.edit(table, f"{table}\nplatform-wheel = true")
    said = distribution.build("--wheel", status=1)
    assert "linux-x64, linux-arm64 are for several platforms, and a wheel is for one" in said
    distribution.build("--wheel", WASMBUILD_TARGETS="linux-arm64 portable")
    assert distribution.shipped() == {name for name in FILES if "x64" not in name}
    assert distribution.wheel.name.endswith("-py3-none-manylinux_2_17_aarch64.musllinux_1_1_aarch64.whl")
    assert "Root-Is-Purelib: false" in distribution.metadata("WHEEL")
    for platform in ("manylinux_2_17_aarch64", "musllinux_1_1_aarch64"):
        assert distribution.fits(platform)
    for platform in ("manylinux_2_17_x86_64", "musllinux_1_1_x86_64", "win_arm64", "macosx_11_0_arm64"):
        assert not distribution.fits(platform)


def test_mistakes_in_the_table_are_told_at_once(distribution: Distribution) -> None:
    distribution.edit('package = "edge/wasm"', 'package = "edge"\nplatform-weel = true')
    said = distribution.build("--wheel", status=1)
    assert 'platform-weel: is no key; did you mean "platform-wheel"?' in said
    assert 'package: is a whole package; name a directory in it, such as "edge/wasm"' in said
    assert (distribution.root / "edge/__init__.py").exists()


def test_modules_beside_artifacts_are_refused_with_what_to_write(distribution: Distribution) -> None:
    package = distribution.root / "edge/wasm"
    package.mkdir()
    for name in ("__init__.py", "load.py"):
        (package / name).write_text("")
    if distribution.backend == "setuptools":
        distribution.edit('packages = ["edge"]', 'packages = ["edge", "edge.wasm"]')
    (distribution.root / ".gitignore").unlink()
    for kind in ("--wheel", "--sdist"):
        said = distribution.build(kind, status=1)
        assert 'package = "edge/wasm": edge/wasm/__init__.py would leave the wheel' in said
    written = said.partition("is no artifact; write ")[2].partition(",")[0]
    distribution.edit('package = "edge/wasm"', f"package = {written}")
    distribution.build()
    artifacts = {name.replace("/wasm/", "/wasm/artifacts/") for name in FILES}
    assert distribution.shipped() == {*artifacts, "edge/wasm/__init__.py", "edge/wasm/load.py"}


def test_a_library_of_another_line_is_refused_with_what_to_write(distribution: Distribution) -> None:
    distribution.edit('"wasmtime>=48,<49"', '"wasmtime>=49"')
    assert 'write "wasmtime>=48,<49" there' in distribution.build("--wheel", status=1)


def test_a_requirement_with_a_marker_is_told_that_it_is_the_marker(distribution: Distribution) -> None:
    marked = """'wasmtime>=48,<49; python_version >= "3.9"'"""
    distribution.edit('"wasmtime>=48,<49"', marked)
    said = distribution.build("--wheel", status=int(distribution.backend == "setuptools"))
    lacks = 'dependencies lacks "wasmtime>=48,<49" without a marker, which the wheel requires all the same'
    lets = "which lets any in where its marker does not hold, and the artifacts load in line 48 alone"
    assert (lacks if distribution.backend == "hatch" else lets) in said
    distribution.edit(marked, '"wasmtime>=48,<49"')
    assert "lacks" not in distribution.build("--wheel")


def test_a_runtime_that_is_older_is_refused_with_what_to_write(distribution: Distribution) -> None:
    wanted = f'"wasmbuild-runtime>={__version__}"'
    distribution.edit(wanted, f'"wasmbuild-runtime<{__version__}"')
    assert f"in this version or a later one; write {wanted} there" in distribution.build("--wheel", status=1)
    distribution.edit(f'"wasmbuild-runtime<{__version__}"', '"wasmbuild-runtime"')
    said = distribution.build("--wheel", status=int(distribution.backend == "setuptools"))
    assert f"write {wanted} there" in said or f"dependencies lacks {wanted}" in said


def test_a_runtime_of_an_address_is_taken(
    distribution: Distribution, runtime_distribution: Path, tmp_path: Path
) -> None:
    own = f"wasmbuild-runtime @ {environments.wheel(runtime_distribution).as_uri()}"
    distribution.edit("wasmbuild-runtime>=0.1.0", own)
    if distribution.backend == "hatch":
        distribution.edit(TABLES["hatch"], f"[tool.hatch.metadata]\nallow-direct-references = true\n{TABLES['hatch']}")
    assert "lacks" not in distribution.build("--wheel")
    assert own in distribution.required()
    environment = Environment(tmp_path / "venv").see_all()
    environment.pip("install", "-q", "--no-index", distribution.wheel)
    assert answer(environment, tmp_path).startswith(str(tmp_path / "venv"))


def test_requirements_that_lack_are_added_or_told(distribution: Distribution) -> None:
    distribution.edit(DEPENDENCIES, "dependencies = []")
    if distribution.backend == "setuptools":
        said = distribution.build("--wheel", status=1)
        assert 'dependencies has nothing of wasmtime, and the artifacts load in line 48 alone; write "' in said
        assert "; it has nothing of wasmbuild-runtime, and require-runtime = true says that it loads" in said
        typed = ", ".join(part.partition(" there")[0] for part in said.split("; write ")[1:])
        distribution.edit("dependencies = []", f"dependencies = [{typed}]")
        distribution.build("--wheel")
        assert distribution.required() == {"wasmtime<49,>=48", f"wasmbuild-runtime>={__version__}"}
    else:
        lacks = f'dependencies lacks "wasmtime>=48,<49" and "wasmbuild-runtime>={__version__}"'
        assert lacks in distribution.build("--wheel")
        assert distribution.required() == {"wasmtime<49,>=48", f"wasmbuild-runtime>={__version__}"}
        distribution.edit("require-runtime = true\n", "")
        distribution.build("--wheel")
        assert distribution.required() == {"wasmtime<49,>=48"}


def test_a_package_below_src_has_them_where_it_is_imported(
    distribution: Distribution, runtime_distribution: Path, tmp_path: Path
) -> None:
    distribution.move_below_src()
    distribution.edit('package = "edge/wasm"', 'package = "src/edge/wasm"')
    distribution.build()
    assert distribution.shipped() == FILES
    assert not any("/wasm/" in name for name in distribution.sources())
    environment = Environment(tmp_path / "venv").see_all()
    environment.install_alone("-e", distribution.root, environments.wheel(runtime_distribution))
    assert answer(environment, tmp_path).startswith(str(distribution.root / "src"))


def test_a_package_in_a_folder_of_another_name_has_them_where_it_is_imported(distribution: Distribution) -> None:
    (distribution.root / "python").mkdir()
    (distribution.root / "edge").rename(distribution.root / "python" / "edge")
    if distribution.backend == "hatch":
        distribution.edit('packages = ["edge"]', 'packages = ["python/edge"]')
    else:
        distribution.edit("[tool.setuptools]", '[tool.setuptools]\npackage-dir = { edge = "python/edge" }')
    # The name of the import is not the directory.
    said = distribution.build("--wheel", status=1)
    assert 'package = "edge/wasm": there is no edge beside pyproject.toml; write "python/edge/wasm"' in said
    assert not (distribution.root / "edge").exists()
    distribution.edit('package = "edge/wasm"', 'package = "python/edge/wasm"')
    distribution.build("--wheel")
    assert distribution.shipped() == FILES


@pytest.mark.parametrize(
    "table", ['packages = ["edge"]\npackage-dir = { "" = "./src" }', 'packages.find.where = ["./src"]']
)
def test_folders_of_setuptools_are_the_same_however_spelled(table: str, tmp_path: Path) -> None:
    distribution = Distribution("setuptools", tmp_path / "project")
    distribution.edit('packages = ["edge"]', table)
    shutil.copytree(distribution.root / "edge", distribution.root / "src" / "edge")
    said = distribution.build("--wheel", status=1)
    assert 'package = "edge/wasm": the wheel ships no package from there' in said
    written = said.partition("such as ")[2].partition("\n")[0]
    distribution.edit('package = "edge/wasm"', f"package = {written}")
    distribution.build("--wheel")
    assert distribution.shipped() == FILES


def test_a_source_that_does_not_compile_leaves_no_wheel(distribution: Distribution) -> None:
    distribution.edit("i32.const", "i64.const", "wasm/answer.wat")
    said = distribution.build("--wheel", status=1)
    assert "answer@linux-arm64: " in said
    assert "expected i32, found i64" in said
    assert not list((distribution.root / "dist").glob("*.whl"))
    environment = Environment(distribution.root / "venv").see_all()
    with pytest.raises(AssertionError, match="expected i32, found i64"):
        environment.install_alone("-e", distribution.root)


def test_a_project_in_which_setuptools_finds_no_package_is_told_what_to_write(tmp_path: Path) -> None:
    distribution = Distribution("setuptools", tmp_path / "project")
    distribution.edit('packages = ["edge"]', "")
    (distribution.root / "src").mkdir()
    said = distribution.build("--wheel", status=1)
    written = said.partition("write [tool.setuptools] ")[2].partition("\n")[0]
    assert written == 'packages = ["edge"]'
    distribution.edit("[tool.setuptools]", f"[tool.setuptools]\n{written}")
    distribution.build("--wheel")
    assert distribution.shipped() == FILES
