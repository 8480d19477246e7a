"""Artifacts in wheels, built by hatch and setuptools and installed by pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ANSWER = "import edge; print(edge.answer(), edge.__file__)"
FILES = {
    "edge/__init__.py",
    "edge/wasm/index.json",
    *(f"edge/wasm/{target}/manifest.json" for target in ("linux-x64", "linux-arm64", "portable")),
    *(f"edge/wasm/{target}/answer.cwasm" for target in ("linux-x64", "linux-arm64", "portable")),
}
TABLES = {"hatch": "[tool.hatch.build.hooks.wasmbuild]", "setuptools": "[tool.wasmbuild]"}


class Distribution:
    def __init__(self, backend: str, root: Path) -> None:
        self.backend = backend
        self.root = root
        shutil.copytree(
            EXAMPLES / f"python-{backend}", root, ignore=shutil.ignore_patterns("build", "dist", "*.egg-info")
        )

    def edit(self, old: str, new: str, name: str = "pyproject.toml") -> None:
        path = self.root / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def build(self, *options: str, status: int = 0, **environment: str) -> str:
        shutil.rmtree(self.root / "dist", ignore_errors=True)
        ended = subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check", *options, "."],
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    @property
    def wheel(self) -> Path:
        [wheel] = (self.root / "dist").glob("*.whl")
        return wheel

    def shipped(self) -> set[str]:
        return {name for name in zipfile.ZipFile(self.wheel).namelist() if ".dist-info/" not in name}

    def metadata(self, name: str) -> str:
        with zipfile.ZipFile(self.wheel) as wheel:
            [found] = [entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}")]
            return wheel.read(found).decode()


@pytest.fixture(params=["hatch", "setuptools"])
def distribution(request: pytest.FixtureRequest, tmp_path: Path) -> Distribution:
    return Distribution(request.param, tmp_path / "project")


def pip(python: Path, *arguments: str | Path) -> None:
    argv = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*argv, *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An environment of its own that sees what is installed in this one."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    argv = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip())
    (site / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return python


def answer(python: Path, where: Path) -> str:
    ended = subprocess.run([python, "-c", ANSWER], cwd=where, check=True, capture_output=True, text=True)
    said, _, file = ended.stdout.strip().partition(" ")
    assert said == "42"
    return file


def test_a_wheel_from_the_sdist_has_all_artifacts_and_loads_them(
    distribution: Distribution, python: Path, tmp_path: Path
) -> None:
    distribution.build()
    assert distribution.shipped() == FILES
    assert "any" in distribution.wheel.name
    required = distribution.metadata("METADATA").replace("wasmtime<49,>=48", "wasmtime>=48,<49")
    assert "Requires-Dist: wasmtime>=48,<49" in required
    pip(python, distribution.wheel)
    assert str(tmp_path / "venv") in answer(python, tmp_path)


def test_an_sdist_has_the_declaration_and_the_sources_and_no_artifacts(distribution: Distribution) -> None:
    (distribution.root / ".gitignore").unlink()
    # What lies there already is no reason to ship it.
    distribution.build("--wheel")
    distribution.build("--sdist")
    [sdist] = (distribution.root / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"wasmbuild.toml", "wasm/answer.wat", "edge/__init__.py"} <= names
    assert [name for name in names if name.startswith("edge/wasm")] == []


def test_an_editable_install_loads_what_is_in_the_tree(
    distribution: Distribution, python: Path, tmp_path: Path
) -> None:
    pip(python, "-e", distribution.root)
    assert answer(python, tmp_path).startswith(str(distribution.root))


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


def test_mistakes_in_the_table_are_told_at_once(distribution: Distribution) -> None:
    distribution.edit('package = "edge/wasm"', 'package = "edge"\nplatform-weel = true')
    said = distribution.build("--wheel", status=1)
    assert 'platform-weel: is no key; did you mean "platform-wheel"?' in said
    assert 'package: is a whole package; name a directory in it, such as "edge/wasm"' in said
    assert (distribution.root / "edge/__init__.py").exists()


def test_a_library_of_another_line_is_refused_with_what_to_write(distribution: Distribution) -> None:
    old = 'dependencies = ["wasmbuild"' + (', "wasmtime>=48,<49"]' if distribution.backend == "setuptools" else "]")
    distribution.edit(old, 'dependencies = ["wasmtime>=49"]')
    assert 'write "wasmtime>=48,<49" there' in distribution.build("--wheel", status=1)
    if distribution.backend == "setuptools":
        distribution.edit('"wasmtime>=49"', '"wasmbuild"')
        assert "has nothing of wasmtime" in distribution.build("--wheel", status=1)
