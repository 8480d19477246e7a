"""Where a project's packages lie, what ``package`` says of that, and what of earlier builds lies beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import FILES, TABLES, Distribution
from support import run_here

pytestmark = pytest.mark.needs_modules("editables")


@pytest.fixture(params=["hatch", "setuptools"])
def distribution(request: pytest.FixtureRequest, tmp_path: Path) -> Distribution:
    """One whose only package lies below src."""
    distribution = Distribution(request.param, tmp_path / "project")
    distribution.move_below_src()
    return distribution


def written(said: str) -> str:
    """Return what a message names as an example."""
    return said.partition("such as ")[2].partition("\n")[0]


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("wasm", "is in no package"),
        ("../edge/wasm", "is no directory below it"),
        ("wasm/wasm", "the wheel ships no package from there"),
    ],
)
def test_a_directory_outside_of_the_package_is_refused_with_one_in_it(
    distribution: Distribution, named: str, why: str
) -> None:
    distribution.edit('package = "edge/wasm"', f'package = "{named}"')
    said = distribution.build("--wheel", status=1)
    assert why in said
    assert not (distribution.root / "wasm/wasm").exists()
    distribution.edit(f'package = "{named}"', f"package = {written(said)}")
    distribution.build("--wheel")
    assert distribution.shipped() == FILES


@pytest.mark.parametrize("backend", TABLES)
def test_a_folder_beside_a_package_is_refused_too(backend: str, tmp_path: Path) -> None:
    distribution = Distribution(backend, tmp_path / "project")
    distribution.edit('package = "edge/wasm"', 'package = "wasm/wasm"')
    said = distribution.build("--wheel", status=1)
    assert 'package = "wasm/wasm": the wheel ships no package from there, so that it would not be imported' in said
    assert written(said) == '"edge/wasm"'


@pytest.mark.parametrize("named", ["src/edge/wasm/", "./src/edge/wasm", "src//edge/wasm"])
def test_a_directory_is_the_same_however_spelled(distribution: Distribution, named: str) -> None:
    distribution.edit('package = "edge/wasm"', f'package = "{named}"')
    distribution.build()
    assert distribution.shipped() == FILES
    assert not any("/wasm/" in name for name in distribution.sources())


def test_a_namespace_that_packages_lie_in_has_them(distribution: Distribution) -> None:
    package = distribution.root / "src/edge"
    (package / "core").mkdir()
    (package / "__init__.py").rename(package / "core/__init__.py")
    distribution.edit('package = "edge/wasm"', 'package = "src/edge/wasm"')
    distribution.build("--wheel")
    assert distribution.shipped() == {*FILES, "edge/core/__init__.py"} - {"edge/__init__.py"}


def test_a_build_directory_of_another_name_is_left_out(distribution: Distribution) -> None:
    (distribution.root / ".gitignore").unlink(missing_ok=True)
    distribution.edit("[modules.answer]", "[modules.answer]\nship-source = true", "wasmbuild.toml")
    distribution.edit('package = "edge/wasm"', 'package = "src/edge/artifacts"')
    distribution.build("--wheel")
    before = distribution.shipped()
    assert "edge/artifacts/portable/answer.wasm" in before
    distribution.edit('package = "src/edge/artifacts"', 'package = "src/edge/wasm"')
    distribution.build()
    assert distribution.shipped() == {name.replace("/artifacts/", "/wasm/") for name in before}
    assert not any("/artifacts/" in name for name in distribution.sources())


def test_what_lies_beside_what_a_build_made_is_shipped(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    (distribution.root / "edge/data.wasm").write_bytes(b"")
    (distribution.root / "edge/data.json").write_text("{}")
    assert run_here("build", "--build-dir", "edge", cwd=distribution.root).returncode == 0
    assert run_here("build", "--build-dir", ".", cwd=distribution.root).returncode == 0
    distribution.build("--wheel")
    assert distribution.shipped() >= {*FILES, "edge/data.wasm", "edge/data.json"}
    assert not [name for name in distribution.shipped() if ".wasmbuild" in name or name.endswith(".cwasm.json")]
    distribution.build("--sdist")
    assert not [name for name in distribution.sources() if ".wasmbuild" in name or name.endswith(".cwasm.json")]


def test_a_build_directory_that_hatch_is_told_to_ship_is_shipped(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    assert run_here("build", "--build-dir", "edge/own", cwd=distribution.root).returncode == 0
    told = 'delete it, or write "/edge/own/**" in artifacts of the target'
    assert told in " ".join(distribution.build("--wheel").split())
    assert distribution.shipped() == FILES
    distribution.edit(TABLES["hatch"], f'[tool.hatch.build]\nartifacts = ["/edge/own/**"]\n{TABLES["hatch"]}')
    assert told not in " ".join(distribution.build("--wheel").split())
    assert distribution.shipped() >= FILES | {name.replace("/wasm/", "/own/") for name in FILES if "/wasm/" in name}


def test_a_package_that_a_wheel_is_told_to_include_has_artifacts(tmp_path: Path) -> None:
    distribution = Distribution("hatch", tmp_path / "project")
    (distribution.root / "parts/other").mkdir(parents=True)
    (distribution.root / "parts/other/__init__.py").touch()
    distribution.edit('package = "edge/wasm"', 'package = "parts/other/wasm"')
    included = '[tool.hatch.build.targets.wheel.force-include]\n"parts/other" = "other"\n'
    distribution.edit(TABLES["hatch"], included + TABLES["hatch"])
    distribution.build("--wheel")
    assert "other/wasm/index.json" in distribution.shipped()
