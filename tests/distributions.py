"""The examples of Python distributions, edited, built, and what their wheels and source distributions have."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import environments
from environments import ROOT
from packaging.requirements import Requirement

EXAMPLES = ROOT / "examples"
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

    def move_below_src(self) -> None:
        """Move the only package below src, and have the backend find it there."""
        (self.root / "src").mkdir()
        (self.root / "edge").rename(self.root / "src" / "edge")
        if self.backend == "hatch":
            self.edit('packages = ["edge"]', 'packages = ["src/edge"]')
        else:
            self.edit('[tool.setuptools]\npackages = ["edge"]', '[tool.setuptools.packages.find]\nwhere = ["src"]')

    def build(self, *options: str, status: int = 0, **environment: str) -> str:
        shutil.rmtree(self.root / "dist", ignore_errors=True)
        return environments.build(self.root, self.root / "dist", *options, status=status, **environment)

    @property
    def wheel(self) -> Path:
        return environments.wheel(self.root / "dist")

    def sources(self) -> set[str]:
        [sdist] = (self.root / "dist").glob("*.tar.gz")
        with tarfile.open(sdist) as packed:
            return {name.partition("/")[2] for name in packed.getnames()}

    def shipped(self) -> set[str]:
        return {name for name in zipfile.ZipFile(self.wheel).namelist() if ".dist-info/" not in name}

    def fits(self, platform: str) -> bool:
        """Return whether pip takes the wheel on a platform, given the tag of its system."""
        name = f"edge-{self.backend}"
        argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-index", "--only-binary", ":all:"]
        argv += ["--platform", platform, "--find-links", str(self.root / "dist"), name]
        return subprocess.run(argv, cwd=self.root, capture_output=True, check=False).returncode == 0

    def metadata(self, name: str) -> str:
        with zipfile.ZipFile(self.wheel) as wheel:
            [found] = [entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}")]
            return wheel.read(found).decode()

    def required(self) -> set[str]:
        lines = self.metadata("METADATA").splitlines()
        found = [str(Requirement(line.split(": ")[1])) for line in lines if line.startswith("Requires-Dist: ")]
        assert len(found) == len(set(found)), f"said twice: {found}"
        return set(found)
