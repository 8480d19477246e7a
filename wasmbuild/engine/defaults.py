"""What engine settings are when they are not declared: presets of embedders; defaults of lines, targets, strategies."""

from __future__ import annotations

from wasmbuild.engine.setting_table import LINES, SETTINGS, Value

_MINIMAL: dict[str, Value] = {
    "concurrency-support": False,
    "gc-support": False,
    "wasm-component-model": False,
    "wasm-exceptions": False,
    # Its loader lets it through, its runtime cannot run it: see UNCONFIGURED.
    "wasm-gc": False,
    "wasm-threads": False,
}

EMBEDDERS: dict[str, dict[str, Value]] = {
    "c-api": {},
    "cli": {"collector": "copying"},
    "rust": {"collector": "copying"},
    "rust-minimal": _MINIMAL,
}
"""Presets: what the engine of an embedder has that differs from an engine of the C API."""

UNCONFIGURED: dict[str, dict[str, Value]] = {"rust-minimal": {"wasm-gc": True}}
"""What an engine has that an embedder of a kind does not configure, where the preset is stricter for safety.

A crate without its feature ``gc`` loads artifacts with ``wasm-gc``, and most run. But an indirect call by a function
type that may have subtypes needs a check which such a crate lacks: it aborts the process (48.0.8, 49.0.5, 50.0.1).
"""

EMBEDDER_DOCS = {
    "c-api": "The C API and what stands on it, such as the Python package `wasmtime`.",
    "cli": "The `wasmtime` executable.",
    "rust": "The Rust crate with its default features.",
    "rust-minimal": "The Rust crate with the features `runtime` and `std` alone, which has no compiler. "
    "Leave `wasm-gc` off: it would load, and a call by a function type with subtypes then aborts the process.",
}

# Under Winch these are off by default ...
_WINCH_OFF = {
    48: ("gc-support", "wasm-exceptions", "wasm-function-references", "wasm-gc", "wasm-relaxed-simd", "wasm-tail-call"),
    49: ("wasm-function-references", "wasm-gc", "wasm-relaxed-simd", "wasm-tail-call"),
    50: (
        "gc-support", "wasm-exceptions", "wasm-function-references", "wasm-gc", "wasm-relaxed-simd", "wasm-tail-call",
        "wasm-threads", "wasm-wide-arithmetic",
    ),
}  # fmt: skip
# ... and these cannot be switched on.
WINCH_LACKS = {
    48: (*_WINCH_OFF[48], "wasm-stack-switching"),
    49: (*_WINCH_OFF[49], "wasm-stack-switching"),
    50: ("wasm-function-references", "wasm-gc", "wasm-relaxed-simd", "wasm-stack-switching"),
}
"""Features that Winch cannot have, by line; on aarch64 neither ``wasm-threads``."""


def setting_defaults(line: int, *, architecture: str | None = None, strategy: str = "cranelift") -> dict[str, Value]:
    """Return what every setting is when it is not declared.

    ``architecture`` is that of a TargetTriple, None for any native one.
    """
    column = LINES.index(line)
    values = {name: setting.default[column] for name, setting in SETTINGS.items()}
    if architecture is not None and architecture.startswith("pulley"):
        values.update({"memory-guard-size": 0, "signals-based-traps": False, "wasm-threads": False})
        if architecture.startswith("pulley32"):
            values.update({"memory-reservation": 10 << 20, "memory-reservation-for-growth": 1 << 20})
    if strategy == "winch":
        values.update(dict.fromkeys(_WINCH_OFF[line], False))
        if architecture == "aarch64":
            values["wasm-threads"] = False
    return values
