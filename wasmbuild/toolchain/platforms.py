"""The machines that release archives of Wasmtime are for, by the names that a lock file and the command have for them.

The names of archives are those of ``ci/build-release.sh`` and of the release pages of upstream.
"""

from __future__ import annotations

import os
import sys

from wasmbuild.engine import host as this_host
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import NamedTuple


class Platform(NamedTuple):
    """``arch`` and ``system`` are upstream's words in the names of archives."""

    name: str
    arch: str
    system: str

    @property
    def program(self) -> str:
        """The file name of the executable."""
        return "wasmtime.exe" if self.system == "windows" else "wasmtime"

    def folder(self, version: str) -> str:
        """Return the name of the one folder in the archive of a version."""
        return f"wasmtime-v{version}-{self.arch}-{self.system}"

    def archive(self, version: str) -> str:
        """Return the file name of the archive of a version."""
        return self.folder(version) + (".zip" if self.system == "windows" else ".tar.xz")


PLATFORMS = {
    name: Platform(name, arch, system)
    for name, arch, system in (
        ("linux-x64", "x86_64", "linux"),
        ("linux-x64-musl", "x86_64", "musl"),
        ("linux-arm64", "aarch64", "linux"),
        ("linux-arm64-musl", "aarch64", "musl"),
        ("linux-riscv64", "riscv64gc", "linux"),
        ("linux-s390x", "s390x", "linux"),
        ("macos-x64", "x86_64", "macos"),
        ("macos-arm64", "aarch64", "macos"),
        ("windows-x64", "x86_64", "windows"),
        ("windows-arm64", "aarch64", "windows"),
    )
}

_MACHINES = {
    "x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64", "riscv64": "riscv64", "s390x": "s390x",
}  # fmt: skip


def named(name: str) -> Platform:
    """Return a platform by its name. Raises UsageError."""
    if name in PLATFORMS:
        return PLATFORMS[name]
    from wasmbuild.text import printable, suggestion

    meant = suggestion(name, PLATFORMS)
    hint = f"did you mean {meant}?" if meant else f"there are {', '.join(PLATFORMS)}"
    raise UsageError(f"there is no platform {printable(name)!r}; {hint}")


def host() -> str:
    """Return the name of the platform that this process runs on, which need not be one that archives are for."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    called = this_host.machine().lower()
    name = f"{system}-{_MACHINES.get(called, called)}"
    return f"{name}-musl" if system == "linux" and not _has_glibc() else name


def _has_glibc() -> bool:
    if sys.platform == "win32":
        return False
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False
