"""What a user of a package with artifacts installs, in isolated builds, as pip makes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import environments
import pytest
from environments import ROOT, Environment

pytestmark = pytest.mark.needs_modules("editables", "mesonpy", "scikit_build_core")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, runtime_distribution: Path) -> Path:
    """A directory with wheels of wasmbuild and of its runtime, as a package index will have them."""
    directory = Path(shutil.copytree(runtime_distribution, tmp_path_factory.mktemp("index") / "wheels"))
    clone = tmp_path_factory.mktemp("clone")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    shutil.copytree(ROOT / "wasmbuild", clone / "wasmbuild", ignore=shutil.ignore_patterns("__pycache__"))
    environments.build(clone, directory, "--wheel")
    return directory


@pytest.mark.parametrize("backend", ["hatch", "setuptools", "scikit-build", "meson"])
def test_a_package_brings_the_library_that_loads_it_and_nothing_that_built_it(
    backend: str, index: Path, tmp_path: Path
) -> None:
    ignored = shutil.ignore_patterns("build", "dist", "__pycache__", "*.egg-info")
    project = Path(shutil.copytree(ROOT / "examples" / f"python-{backend}", tmp_path / "project", ignore=ignored))
    environment = Environment(tmp_path / "venv")
    environment.pip("install", "-q", "--find-links", index, project)
    installed = environment.installed()
    assert installed.keys() == {f"edge-{backend}", "wasmbuild-runtime", "wasmtime"}
    assert installed["wasmtime"].startswith("48.")
    assert environment.run("import edge; print(edge.answer())", tmp_path) == "42"
