"""Artifacts in wheels that scikit-build-core and meson-python build, by CMake and Meson."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import environments
import pytest
from environments import ROOT, Environment, wheel

pytestmark = pytest.mark.needs_modules("mesonpy", "scikit_build_core")

BACKENDS = ("scikit-build", "meson")
ANSWER = "import edge; print(edge.answer())"
TARGETS = ("linux-x64", "linux-arm64", "portable")
FILES = {
    "edge/__init__.py",
    "edge/wasm/index.json",
    *(f"edge/wasm/{target}/{name}" for target in TARGETS for name in ("manifest.json", "answer.cwasm")),
}


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the programs of this environment found, as they are in one that is activated."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.fixture(params=BACKENDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("build", "dist", "__pycache__")
    return Path(shutil.copytree(ROOT / "examples" / f"python-{request.param}", tmp_path / "project", ignore=ignored))


def test_a_wheel_from_the_sdist_has_all_artifacts_and_loads_them(
    project: Path, runtime_distribution: Path, tmp_path: Path
) -> None:
    # A source distribution of Meson has what is under version control.
    environments.commit(project)
    environments.build(project, tmp_path / "dist")
    built = wheel(tmp_path / "dist")
    assert built.name.endswith("-1.0-py3-none-any.whl")
    with zipfile.ZipFile(built) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
        [metadata] = [packed.read(name).decode() for name in packed.namelist() if name.endswith("/METADATA")]
    # Meson installs a directory as it is, records too.
    assert {name for name in names if not name.endswith(".cwasm.json")} == FILES
    assert "Requires-Dist: wasmtime>=48,<49" in metadata.replace("wasmtime<49,>=48", "wasmtime>=48,<49")
    [sdist] = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as packed_sources:
        sources = {name.partition("/")[2] for name in packed_sources.getnames()}
    assert {"wasmbuild.toml", "wasm/answer.wat", "edge/__init__.py"} <= sources
    assert not any("cwasm" in name for name in sources)
    environment = Environment(tmp_path / "venv").see_wasmtime()
    environment.install_alone(built, wheel(runtime_distribution))
    assert environment.run(ANSWER, tmp_path) == "42"


def test_an_editable_install_loads_what_was_built(project: Path, runtime_distribution: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv").see_all()
    environment.install_alone(wheel(runtime_distribution))
    environment.install_alone("-e", project)
    assert environment.run(ANSWER, tmp_path) == "42"
    source = project / "wasm" / "answer.wat"
    source.write_text(source.read_text().replace("42", "43"))
    if (project / "CMakeLists.txt").exists():
        # It builds when it is installed; meson-python whenever the package is imported.
        environment.install_alone("-e", project)
    assert environment.run(ANSWER, tmp_path) == "43"
