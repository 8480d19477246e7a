"""What a program's output says of the engine that refused an artifact.

The messages are those of Wasmtime's loader, ``engine/serialization.rs`` and ``Engine::check_compatible_with_*`` of the
crate ``wasmtime``, read in 48.0.8, 49.0.3 and 50.0.1. It reports one difference at a time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wasmbuild.engine import lines
from wasmbuild.engine.cranelift_flags import shown

Value = bool | int | str


class Change(NamedTuple):
    """Settings that an engine has, and what it said."""

    settings: dict[str, Value]
    said: str

    def __str__(self) -> str:
        return ", ".join(f"{name} = {shown(value)}" for name, value in self.settings.items())


class Obstacle(NamedTuple):
    """What an engine said that no setting changes, and what it means."""

    said: str
    meaning: str


class OtherLine(NamedTuple):
    """The engine is of another major version of Wasmtime."""

    said: str


class OtherPlatform(NamedTuple):
    """The engine is for another architecture or operating system."""

    said: str


class OtherKind(NamedTuple):
    """The program loads components where a module was given, or the other way round."""

    said: str


class Nowhere(NamedTuple):
    """The engine was given an artifact for a target that does not exist, and noticed."""

    said: str


class Compiles(NamedTuple):
    """The program takes the artifact for standard WebAssembly, which it would compile."""

    said: str


class Loaded(NamedTuple):
    """What only a program says that has loaded the artifact, and then wanted more of it than it has."""

    said: str


Meaning = Change | Obstacle | Nowhere | Compiles | OtherLine | OtherPlatform | OtherKind | Loaded

_BOOLS = {
    "concurrency support": "concurrency-support",
    "epoch interruption": "epoch-interruption",
    "fuel support": "consume-fuel",
    "guard before linear memory": "guard-before-linear-memory",
    "memory initialization with CoW": "memory-init-cow",
    "memory may move": "memory-may-move",
    "native debug information support": "debug-info",
    "relaxed simd deterministic semantics": "wasm-relaxed-simd-deterministic",
    "Signals-based traps": "signals-based-traps",
    "table lazy init": "table-lazy-init",
}
_NUMBERS = {"memory guard size": "memory-guard-size", "memory reservation": "memory-reservation"}
_COLLECTORS = {"deferred reference-counting": "drc", "copying": "copying", "null": "null"}
_INLINING = {"with intra-module inlining": True, "without intra-module inlining": False}
_FEATURES = {
    "bulk_memory_opt": "wasm-bulk-memory",
    "call_indirect_overlong": "wasm-reference-types",
    "cm_async": "concurrency-support",
    "cm_implements": "wasm-component-model-implements",
    "cm_map": "wasm-component-model-map",
    "gc_types": "gc-support",
}
"""Features that the loader knows by another name than settings do."""

_UNKNOWN = "no setting of wasmbuild.toml changes that; give the program's engine its default there"
_CUT_SHORT = "the program did not get the whole artifact"

_FOUND = (
    r"[Mm]odule was compiled (?:with|without) (?P<bool>[^\n]+?) but it is (?P<on>not enabled|enabled) for the host",
    r"[Mm]odule was compiled with a (?P<number>[^\n]+?) of '\d+' but '(?P<value>\d{1,20})' is expected for the host",
    r"[Mm]odule was compiled for the [^\n]+? collector but the host is configured to use the (?P<collector>[^\n]+?) "
    r"collector",
    r"[Mm]odule was compiled with GC however GC is disabled(?P<no_gc>) in the host",
    r"[Mm]odule was compiled (?:with|without) [^\n]+? however the host is configured "
    r"(?P<inlining>with(?:out)? (?:intra-module|inter-module|intrinsic) inlining(?: only when using GC)?)",
    r"[Mm]odule was compiled with incompatible version(?P<version>) '[^'\n]*'",
    r"[Mm]odule was compiled for (?P<platform>architecture|operating system) '[^'\n]*'",
    r"[Mm]odule costs are incompatible(?P<costs>)",
    r'compilation setting "(?P<cpu>\w+)" is enabled, but not available on the host',
    r'setting "(?P<flag>\w+)" is configured to [^\n]+? which is not supported',
    r"incompatible object file format(?P<kind>)",
    r"(?:magic header not detected|input (?:was not|bytes aren't) valid utf-8|expected at least one module field|"
    r"expected a WebAssembly module but was given|failed to parse WebAssembly module)(?P<compiles>)",
    r"Unrecognized architecture(?P<nowhere>): [^\n]*",
    r"failed to (?:parse (?:precompiled artifact|header|section|strings|sections)|find section)(?P<damaged>)[^\n]*",
    r"(?:failed to find (?:function )?export|expected \d+ imports, found \d+|unknown import: |"
    r"no exported (?:instance|function) named)(?P<loaded>)[^\n]*",
)
_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in _FOUND))
_FEATURE = re.compile(r"support for WebAssembly feature `(\w+)`")


def meaning(output: str) -> Meaning | None:
    """Return what the first message of Wasmtime in a program's output means, or None where there is none."""
    match = _PATTERN.search(output)
    if match is None:
        return None
    said = match[0].strip()
    name = match.lastgroup
    if name == "on":
        return _switch(match["bool"], match["on"] == "enabled", said)
    if name == "value":
        setting = _NUMBERS.get(match["number"])
        return Change({setting: int(match["value"])}, said) if setting is not None else Obstacle(said, _UNKNOWN)
    if name == "collector":
        collector = _COLLECTORS.get(match["collector"])
        return Change({"collector": collector}, said) if collector is not None else Obstacle(said, _UNKNOWN)
    if name == "no_gc":
        return Change({"gc-support": False}, said)
    if name == "inlining":
        inlining = _INLINING.get(match["inlining"])
        return Change({"compiler-inlining": inlining}, said) if inlining is not None else Obstacle(said, _UNKNOWN)
    return _other(str(name), said)


def _switch(words: str, on: bool, said: str) -> Change | Obstacle:
    feature = _FEATURE.fullmatch(words)
    if feature is not None:
        name = feature[1]
        setting = _FEATURES.get(name, f"wasm-{name.replace('_', '-')}")
        if setting not in lines.every_setting():
            return Obstacle(said, _UNKNOWN)
        # SIMD cannot be off alone.
        brought: dict[str, Value] = {"wasm-relaxed-simd": False} if setting == "wasm-simd" and not on else {}
        return Change({**brought, setting: on}, said)
    if words == "Winch calling convention":
        return Change({"strategy": "winch" if on else "cranelift"}, said)
    return Change({_BOOLS[words]: on}, said) if words in _BOOLS else Obstacle(said, _UNKNOWN)


def _other(name: str, said: str) -> Meaning:
    if name == "version":
        return OtherLine(said)
    if name == "nowhere":
        return Nowhere(said)
    if name == "kind":
        return OtherKind(said)
    if name == "loaded":
        return Loaded(said)
    if name == "platform":
        return OtherPlatform(said)
    if name == "compiles":
        return Compiles(said)
    return Obstacle(said, _CUT_SHORT if name == "damaged" else _UNKNOWN)
