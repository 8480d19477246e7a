"""What a text names of a machine, in the words of whatever tool: its parts in any order, with any mark between them.

Docker and Go say ``linux/arm64``, Node.js ``win32-x64``, .NET ``linux-musl-x64``, a wheel ``macosx_11_0_arm64``, Zig
``x86_64-linux-gnu.2.31``, Maven ``linux-aarch_64``, and release archives something of that kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from wasmbuild.lean.typing import NamedTuple

_WORDS = re.compile(
    r"x86[-_]64h?|(?:aarch|ppc|ppcle|s390|mips|mipsel|sparc|loongarch)_64|(?:aarch|arm)64_32|"
    r"pulley-(?:32|64)(?:be)?|[a-z0-9]+"
)

# Words that triples have not, for what ``TargetTriple`` calls systems and environments.
_SYSTEMS = {
    "macos": "macos", "darwin": "macos", "macosx": "macos", "osx": "macos", "mac": "macos", "win": "windows",
    "mingw": "windows", "cygwin": "windows", "iphoneos": "ios", "iphonesimulator": "ios", "xros": "visionos",
    "android": "linux", "ohos": "linux", "manylinux": "linux", "musllinux": "linux", "elf": "none",
    "freestanding": "none",
}  # fmt: skip
_ENVIRONMENTS = {
    "gnu": "gnu", "musl": "musl", "musllinux": "musl", "alpine": "musl", "android": "android", "ohos": "ohos",
    "msvc": "msvc", "mingw": "gnu", "gnullvm": "gnullvm", "sim": "sim", "simulator": "sim", "iphonesimulator": "sim",
    "macabi": "macabi",
}  # fmt: skip

_VENDORS = {
    "windows": "pc", "macos": "apple", "ios": "apple", "tvos": "apple", "visionos": "apple", "watchos": "apple",
}  # fmt: skip
# The first is the usual one.
_ENVIRONMENTS_OF = {
    "linux": ("gnu", "musl", "android", "ohos"), "windows": ("msvc", "gnu", "gnullvm"), "ios": ("", "sim", "macabi"),
    "tvos": ("", "sim"), "visionos": ("", "sim"), "watchos": ("", "sim"),
}  # fmt: skip


class NamedTarget(NamedTuple):
    """What a text names, each as ``TargetTriple`` calls it; empty where it names none."""

    architecture: str
    system: str
    environment: str

    def triple(self) -> str:
        """Return the triple that most tools have for it; empty where it names no machine or no system."""
        if self.architecture.startswith("pulley"):
            return self.architecture
        if not self.architecture or not self.system:
            return ""
        first = "riscv64gc" if self.architecture == "riscv64" else self.architecture
        system = "darwin" if self.system == "macos" else self.system
        known = _ENVIRONMENTS_OF.get(self.system, ("",))
        environment = self.environment if self.environment in known else known[0]
        vendor = "" if environment == "android" else _VENDORS.get(self.system, "unknown")
        return "-".join(filter(None, (first, vendor, system, environment)))


def words(text: str) -> list[str]:
    """Return the words of a text, in small letters."""
    return _WORDS.findall(text.lower())


def read(text: str, architectures: Mapping[str, str], systems: Mapping[str, str]) -> NamedTarget:
    """Return what a text names; ``architectures`` and ``systems`` have the words of triples for them."""
    found = words(text)
    return NamedTarget(*(_first(found, known) for known in (architectures, {**systems, **_SYSTEMS}, _ENVIRONMENTS)))


def _first(found: list[str], known: Mapping[str, str]) -> str:
    # A version may follow: ios15, win32, android21.
    return next((known[name] for word in found for name in (word, word.rstrip("0123456789")) if name in known), "")
