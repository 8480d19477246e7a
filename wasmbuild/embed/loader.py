"""The Wasmtime engine that this application's artifacts were compiled for, and a loader that says what is wrong.

    engine = engine()
    module = load(engine, "checksum.cwasm")

What is declared follows the part that is the same in every module that ``wasmbuild embed --lang python`` writes.
Artifacts are machine code: load only those that you trust as much as the program itself.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import wasmtime

if TYPE_CHECKING:
    from wasmtime import component


class LoadError(Exception):
    """An artifact or an engine cannot be used; the text says why and what to do.

    ``status`` is one of: unreadable, not_precompiled, other_kind, other_line,
    other_platform, other_cpu, other_settings, damaged, no_wasm, host_limit.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> Any:
        # Pools send errors between processes by pickle, which would make them of the message alone.
        return type(self), (self.status, *self.args), self.__dict__


def config() -> wasmtime.Config:
    """Return a configuration as declared."""
    config = wasmtime.Config()
    _DECLARED.configure(config)
    return config


def engine() -> wasmtime.Engine:
    """Return an engine that is configured as declared and was checked. Raises LoadError."""
    made = wasmtime.Engine(config())
    check(made)
    return made


def check(engine: wasmtime.Engine) -> None:
    """Check that an engine is configured as declared, by loading an empty module's artifact. Raises LoadError."""
    target, probe = _DECLARED.probes.get(_platform(), ("", b""))
    if not target:
        raise LoadError(
            "other_platform",
            f"no target of {_DECLARED.origin} is for this platform; declare one, and generate this file again",
        )
    try:
        wasmtime.Module.deserialize(engine, zlib.decompress(base64.b64decode(probe)))
    except wasmtime.WasmtimeError as error:
        raise _refused("this program's engine cannot load an empty module", error) from error


def target() -> str:
    """Return the first target for this platform, whose artifacts are in the directory of that name; or nothing."""
    return _DECLARED.probes.get(_platform(), ("", b""))[0]


def load(engine: wasmtime.Engine, path: str | os.PathLike[str], *, sha256: str | None = None) -> wasmtime.Module:
    """Load a precompiled module. Raises LoadError.

    With ``sha256``, in hexadecimal as in manifest.json, its bytes are compared first; without, Wasmtime notices an
    artifact that was cut short, but almost no other damage.
    """
    module: wasmtime.Module = _load(wasmtime.Module, engine, path, sha256)
    return module


def load_component(
    engine: wasmtime.Engine, path: str | os.PathLike[str], *, sha256: str | None = None
) -> component.Component:
    """Load a precompiled component; see ``load``. Raises LoadError."""
    # Not every line has it, and a library of another one is for check() to tell.
    from wasmtime import component

    loaded: component.Component = _load(component.Component, engine, path, sha256)
    return loaded


def _load(kind: Any, engine: wasmtime.Engine, path: str | os.PathLike[str], sha256: str | None) -> Any:
    path = os.fspath(path)
    # Wasmtime itself opens no path that is not UTF-8.
    copied = sha256 is not None or path.encode(errors="ignore").decode() != path
    try:
        with open(path, "rb") as file:
            head = file.read(52)
            data = head + file.read() if copied else b""
    except OSError as error:
        raise LoadError("unreadable", f"{path}: cannot be read: {error.strerror or error}") from error
    _look(head, path, kind is not wasmtime.Module)
    try:
        if not copied:
            return kind.deserialize_file(engine, path)
        digest = hashlib.sha256(data).hexdigest()
        if sha256 is not None and digest != sha256.lower():
            raise LoadError(
                "damaged",
                f"{path}: is damaged: its SHA-256 is {digest}, not {sha256}; build it again, or copy it again from "
                f"where it was built",
            )
        return kind.deserialize(engine, data)
    except wasmtime.WasmtimeError as error:
        raise _refused(path, error) from error


def _look(head: bytes, path: str, wanted_component: bool) -> None:
    if not head:
        raise LoadError("damaged", f"{path}: is empty; build it again, or copy it again")
    if head.startswith(b"\0asm") or head.lstrip()[:1] in (b"(", b";"):
        what = "standard WebAssembly" if head.startswith(b"\0asm") else "WebAssembly text"
        # Text is taken for what is wanted.
        is_component = head[6:7] == b"\1" if head.startswith(b"\0asm") else wanted_component
        raise LoadError(
            "not_precompiled",
            f"{path}: is {what}, not a precompiled artifact; compile it with "
            f"wasmtime.{'component.Component' if is_component else 'Module'}.from_file, or precompile it with "
            f"wasmbuild and load what that writes",
        )
    if not head.startswith(b"\x7fELF") or head[7:8] != b"\xc8":
        raise LoadError(
            "no_wasm",
            f"{path}: is neither a precompiled artifact nor WebAssembly; pass a .cwasm that wasmbuild wrote",
        )
    if len(head) < 52:
        raise LoadError(
            "damaged", f"{path}: is damaged: it has {len(head)} bytes only; build it again, or copy it again"
        )
    # e_flags, whose first byte is the least significant one but on big-endian machines.
    is_component = bool(head[51 if head[5] == 2 else 48] & 2)
    if is_component != wanted_component:
        kind, call = ("component", "load_component") if is_component else ("module", "load")
        raise LoadError("other_kind", f"{path}: is a precompiled {kind}; load it with {call}()")


def _platform() -> Any:
    if _DECLARED.is_pulley:
        return sys.byteorder
    # Android is Linux to Python before 3.13.
    system = "android" if hasattr(sys, "getandroidapilevel") else sys.platform.rstrip("0123456789")
    return _MACHINES.get(platform.machine().lower(), platform.machine()), system


def _refused(what: str, error: wasmtime.WasmtimeError) -> LoadError:
    said = " ".join(str(error).partition("Stack backtrace:")[0].split())
    cause = said.rpartition("Caused by: ")[2]
    # Several causes are numbered; the last one says what is wrong.
    cause = re.split(r"(?:^| )\d+: ", cause)[-1]
    _, status, problem, fix = next(row for row in _DECLARED.refusals if row[0] in cause)
    return LoadError(status, f"{what}: {problem} ({cause}); {fix}")


_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class _Declared(NamedTuple):
    """What is declared: how to configure an engine, what Wasmtime says of others, and what proves that it is one.

    ``refusals`` are a part of Wasmtime's message, what it means, the problem and what to do; the last one fits all.
    ``probes`` are, for each platform, its first target and the artifact of an empty module.
    """

    origin: str
    configure: Callable[[wasmtime.Config], None]
    is_pulley: bool
    refusals: tuple[tuple[str, str, str, str], ...]
    probes: Mapping[Any, tuple[str, bytes]]


# As it lies, an engine has the settings of the package, and no artifact proves that it has.
_DECLARED = _Declared(
    origin="wasmbuild.toml",
    configure=lambda config: None,
    is_pulley=False,
    refusals=(("", "damaged", "cannot be loaded", "build it again, or copy it again from where it was built"),),
    probes={},
)
