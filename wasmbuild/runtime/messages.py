"""What Wasmtime's refusals mean.

The patterns are the messages of ``crates/wasmtime/src/engine/serialization.rs`` (``check_compatible``) and
``crates/wasmtime/src/engine.rs`` (``check_compatible_with_isa_flag``), which are the same in 48.0.2, 49.0.3 and 50.0.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.runtime.errors import LoadError

_LONGEST = 300
_PREFIX = "failed deserialization for: "
_NUMBERED = re.compile(r"^\d+: ")

CPU_FEATURE = re.compile(r'compilation setting "(?:has_)?(\w+)" is enabled, but not available on the host')
_VERSION = re.compile(r"compiled with incompatible version '([^']*)'")
_ARCHITECTURE = re.compile(r"compiled for architecture '([^']*)'")
_SYSTEM = re.compile(r"compiled for operating system '([^']*)'")
_WASM_FEATURE = re.compile(r"support for WebAssembly feature `(\w+)` but it is not enabled")
_SWITCH = re.compile(r"compiled (with|without) (.+) but it (?:is|is not) enabled for the host")
_NUMBER = re.compile(r"compiled with a (.+) of '(\w*)' but '(\w*)' is expected for the host")
_COLLECTOR = re.compile(r"compiled for the (.+) collector but the host is configured to use the (.+) collector")
_NO_GC = "compiled with GC however GC is disabled"
_INLINING = re.compile(r"module was compiled (.+) however the host is configured (.+)")
_SHARED_FLAG = re.compile(r'setting "(\w+)" is configured to .* which is not supported')
OTHER_KIND = "incompatible object file format"
_DAMAGED = re.compile(
    r"failed to parse|failed to find section|invalid engine section|engine section too small|invalid elf|ELF|postcard|"
    r"deserialize|unexpected section|invalid .* section|section name|Hit the end of buffer|Found an? \w+ that"
)

# What the messages call settings.
_NAMES = {
    "Signals-based traps": "signals-based-traps",
    "Winch calling convention": "strategy",
    "concurrency support": "concurrency-support",
    "epoch interruption": "epoch-interruption",
    "fuel support": "consume-fuel",
    "guard before linear memory": "guard-before-linear-memory",
    "memory guard size": "memory-guard-size",
    "memory initialization with CoW": "memory-init-cow",
    "memory may move": "memory-may-move",
    "memory reservation": "memory-reservation",
    "native debug information support": "debug-info",
    "relaxed simd deterministic semantics": "wasm-relaxed-simd-deterministic",
    "table lazy init": "table-lazy-init",
}


def one_line(text: str) -> str:
    """Return an error of several lines, with its causes, as one line that is safe to show."""
    from wasmbuild.text import printable

    lines = [_NUMBERED.sub("", line.strip()) for line in text.splitlines()]
    return printable(": ".join(line.rstrip(":") for line in lines if line and line != "Caused by:"), _LONGEST)


def refusal(subject: str, words: str, *, declared: bool) -> LoadError:
    """Return the error for an artifact that Wasmtime refuses with these words; ``subject`` names the artifact.

    ``declared`` tells that the engine was made from the artifact's manifest, and not by the application.
    """
    from wasmbuild.runtime import errors, mismatches
    from wasmbuild.runtime.file_errors import said_by_host
    from wasmbuild.shipment.errors import AGAIN

    if (by_host := said_by_host(subject, words)) is not None:
        return by_host
    if words.startswith(_PREFIX):
        # The path, which may be any text, is the subject's already.
        words = words.partition("Caused by:")[2]
    if (found := CPU_FEATURE.search(words)) is not None:
        return mismatches.missing_feature(subject, found[1])
    if (found := _VERSION.search(words)) is not None:
        return mismatches.other_line(subject, found[1])
    if (found := _ARCHITECTURE.search(words)) is not None:
        return mismatches.other_architecture(subject, found[1])
    if (found := _SYSTEM.search(words)) is not None:
        return mismatches.other_system(subject, found[1])
    setting = _setting(words)
    if setting is not None:
        return mismatches.other_setting(subject, *setting, declared=declared)
    if _DAMAGED.search(words):
        return errors.DamagedError(f"{subject} is damaged: Wasmtime says {one_line(words)}", AGAIN)
    return errors.RefusedError(f"{subject} is refused by Wasmtime: {one_line(words)}", "")


def _setting(words: str) -> tuple[str, str] | None:
    """Return the setting in which artifact and engine differ, and how, in words; or None."""
    if (found := _COLLECTOR.search(words)) is not None:
        return "collector", f"was compiled for the {found[1]} collector, and the engine has the {found[2]} one"
    if _NO_GC in words:
        return "gc-support", "was compiled with GC, and the engine has none"
    if (found := _WASM_FEATURE.search(words)) is not None:
        feature = found[1].replace("_", "-")
        # The types of the GC proposal are what gc-support switches.
        name = "gc-support" if feature == "gc-types" else f"wasm-{feature}"
        return name, f"was compiled with the WebAssembly feature {feature}, and the engine lacks it"
    if (found := _SWITCH.search(words)) is not None:
        other = "lacks" if found[1] == "with" else "has"
        return _NAMES.get(found[2], found[2]), f"was compiled {found[1]} {found[2]}, and the engine {other} it"
    if (found := _NUMBER.search(words)) is not None:
        name = _NAMES.get(found[1], found[1])
        return name, f"was compiled with a {found[1]} of {found[2]}, and the engine has {found[3]}"
    if (found := _INLINING.search(words)) is not None:
        return "compiler-inlining", f"was compiled {found[1]}, and the engine is configured {found[2]}"
    if (found := _SHARED_FLAG.search(words)) is not None:
        return found[1], f"was compiled with a setting that no engine takes: {one_line(found[0])}"
    return None
