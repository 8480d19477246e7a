"""Environments of Python that a user installs into, and what is built for them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


class Environment:
    """A virtual environment without pip, which the pip of the tests installs into."""

    def __init__(self, root: Path) -> None:
        venv.create(root, with_pip=False)
        self.root = root
        self.python = root / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def see_all(self) -> Environment:
        """Let it import what is installed here, build backends among it."""
        outer = sysconfig.get_path("purelib")
        (self.site / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
        return self

    def see_wasmtime(self) -> Environment:
        """Let it import the library, and nothing else that is installed here."""
        found = importlib.util.find_spec("wasmtime")
        assert found is not None
        assert found.origin is not None
        (self.site / "wasmtime").symlink_to(Path(found.origin).parent, target_is_directory=True)
        return self

    @property
    def site(self) -> Path:
        return Path(self.run("import sysconfig; print(sysconfig.get_path('purelib'))", self.root))

    def pip(self, *arguments: str | Path) -> str:
        argv = [*_PIP, "--python", self.python, *arguments]
        ended = subprocess.run(argv, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def install_alone(self, *arguments: str | Path) -> None:
        """Install without what is required, and build with what is importable there."""
        self.pip("install", "-q", "--no-deps", "--no-build-isolation", *arguments)

    def installed(self) -> dict[str, str]:
        """Return the versions of what is installed, by name."""
        return {entry["name"]: entry["version"] for entry in json.loads(self.pip("list", "--format", "json"))}

    def run(self, code: str, where: Path) -> str:
        """Run code there, in a directory, and return what it printed."""
        ended = subprocess.run([self.python, "-c", code], cwd=where, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.strip()


def build(source: Path, out: Path, *options: str, status: int = 0, **environment: str) -> str:
    """Run ``python -m build`` with the backends that are installed here, and return what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check", *options, "-o", out, source],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def commit(project: Path) -> None:
    """Put a project under version control, all of it."""
    who = ["-c", "user.name=tests", "-c", "user.email=tests@example.com"]
    for arguments in (["init", "-q"], ["add", "--all"], [*who, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True)


def wheel(directory: Path) -> Path:
    """Return the only wheel of a directory."""
    [found] = directory.glob("*.whl")
    return found
