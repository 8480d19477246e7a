"""``wasmbuild-runtime``: what an application installs to load artifacts, built of wasmbuild's own files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from environments import ROOT, Environment, build, wheel
from support import run_here

import wasmbuild

DISTRIBUTION = ROOT / "runtime"
DECLARED = """
[project]
name = "demo"
[toolchain]
wasmtime = "48"
[targets.portable]
triple = "pulley64"
[modules.answer]
source = "answer.wat"
"""
APPLICATION = """
import json, sys
import wasmbuild_runtime
from wasmbuild_runtime import LoadError, UsageError, instantiate, load, load_precompiled
from wasmtime import Linker, Store

loaded = load("build", "answer")
store = Store(loaded.engine)
answer = instantiate(loaded, Linker(loaded.engine), store).exports(store)["answer"](store)
try:
    load("build", "reply")
except LoadError as error:
    refused = type(error).__name__
try:
    load_precompiled("answer.wat")
except LoadError as error:
    advice = error.hint.rpartition(" ")[2]
try:
    load("build", "answer", check="digests")
except UsageError as error:
    misused = str(error)
print(json.dumps({
    "answer": answer,
    "misused": misused,
    "refused": refused,
    "advice": advice,
    "missing": [name for name in wasmbuild_runtime.__all__ if not hasattr(wasmbuild_runtime, name)],
    "wasmbuild": [name for name in sys.modules if name.partition(".")[0] == "wasmbuild"],
}))
"""
BUNDLED = """
from wasmbuild_runtime import load
try:
    load("build", "answer")
except ImportError as error:
    print(error)
"""
TYPED = """
from wasmbuild_runtime import load
module: int = load("build", "answer").module
load("build", "answer", check="digests")
"""
RIGHT = {
    "answer": 42,
    "misused": "load(check='digests'): check is one of digest, size, none",
    "refused": "NotInManifestError",
    "advice": "wasmbuild_runtime.load_source(path)",
    "missing": [],
    "wasmbuild": [],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "wasmbuild.toml").write_text(DECLARED)
    (root / "answer.wat").write_text('(module (func (export "answer") (result i32) i32.const 42))')
    assert run_here("build", "-q", cwd=root).returncode == 0
    return root


def test_it_loads_an_artifact_beside_wasmtime_alone(runtime_distribution: Path, project: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv").see_wasmtime()
    environment.install_alone(wheel(runtime_distribution))
    assert json.loads(environment.run(APPLICATION, project)) == RIGHT


def test_it_loads_from_within_an_archive(runtime_distribution: Path, project: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv").see_wasmtime()
    (environment.site / "application.pth").write_text(str(wheel(runtime_distribution)))
    assert json.loads(environment.run(APPLICATION, project)) == RIGHT


@pytest.mark.parametrize("archive", [True, False])
def test_a_bundle_without_its_data_is_told_what_it_lacks(
    runtime_distribution: Path, project: Path, tmp_path: Path, archive: bool
) -> None:
    environment = Environment(tmp_path / "venv").see_wasmtime()
    bundle = tmp_path / "bundle"
    with zipfile.ZipFile(wheel(runtime_distribution)) as packed:
        for name in packed.namelist():
            if not name.endswith(".json"):
                packed.extract(name, bundle)
    (environment.site / "application.pth").write_text(
        shutil.make_archive(str(bundle), "zip", bundle) if archive else str(bundle)
    )
    said = environment.run(BUNDLED, project)
    assert "known.json is missing, a file of the package wasmbuild_runtime;" in said
    assert said.endswith("bundle its data too, as with pyinstaller --collect-data wasmbuild_runtime")


def test_it_shares_no_file_with_wasmbuild_and_requires_wasmtime_alone(runtime_distribution: Path) -> None:
    with zipfile.ZipFile(wheel(runtime_distribution)) as packed:
        names = set(packed.namelist())
        information = f"wasmbuild_runtime-{wasmbuild.__version__}.dist-info"
        metadata = packed.read(f"{information}/METADATA").decode()
        licensed = packed.read(f"{information}/licenses/LICENSE")
        texts = {name: packed.read(name).decode() for name in names if name.endswith(".py")}
    assert {name.partition("/")[0] for name in names} == {"wasmbuild_runtime", information}
    assert {"wasmbuild_runtime/py.typed", "wasmbuild_runtime/_wasmbuild/engine/lines/48.json"} <= names
    assert [line for line in metadata.splitlines() if "Requires-Dist" in line] == ["Requires-Dist: wasmtime>=48"]
    # What a hint names is what is installed.
    assert not [name for name, text in texts.items() if re.search(r"wasmbuild\.runtime\.\w", text)]
    assert licensed == (ROOT / "LICENSE").read_bytes()
    [sdist] = runtime_distribution.glob("*.tar.gz")
    with tarfile.open(sdist) as packed_sources:
        sources = {member.name.partition("/")[2] for member in packed_sources if member.isfile()}
    # What is reviewed is what is installed: a source distribution has the modules as they are.
    package = "wasmbuild_runtime/"
    assert {name for name in names if name.startswith(package)} == {
        name for name in sources if name.startswith(package)
    }


@pytest.mark.usefixtures("runtime_distribution")
def test_a_build_leaves_the_clone_as_it_was() -> None:
    assert sorted(path.name for path in DISTRIBUTION.iterdir() if path.name != "__pycache__") == [
        "README.md",
        "backend.py",
        "pyproject.toml",
    ]


def test_a_copy_of_the_directory_alone_says_where_to_build_it(tmp_path: Path) -> None:
    for path in DISTRIBUTION.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    said = build(tmp_path, tmp_path / "dist", "--wheel", status=1)
    assert "is no clone of wasmbuild; build this directory where it is in one" in said


@pytest.mark.slow
def test_pip_installs_it_with_wasmtime_and_nothing_else(
    runtime_distribution: Path, project: Path, tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "venv")
    environment.pip("install", "-q", wheel(runtime_distribution), "wasmtime>=48,<49")
    assert environment.installed().keys() == {"wasmbuild-runtime", "wasmtime"}
    assert json.loads(environment.run(APPLICATION, project)) == RIGHT
    # 1.1 MB with bytecode, 1.4 MB with that of Python 3.14; it is to notice a room that comes along by accident.
    package = environment.site / "wasmbuild_runtime"
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < 1_500_000

    (tmp_path / "application.py").write_text(TYPED)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", environment.python]
    ended = subprocess.run([*mypy, "application.py"], capture_output=True, text=True, cwd=tmp_path)
    assert "expression has type Module" in ended.stdout.replace('"', "")
    assert 'Argument "check" to "load" has incompatible type' in ended.stdout
    ended = subprocess.run([*mypy, "-p", "wasmbuild_runtime"], capture_output=True, text=True, cwd=tmp_path)
    assert "Success" in ended.stdout, ended.stdout
