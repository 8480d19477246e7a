"""Engine settings as calls of ``wasmtime::Config``, the Rust crate's.

Which features of the crate a method needs was read in ``config.rs`` of 48.0.8 and 49.0.3, where they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.embed.spec import Spec, Value, own_defaults, refused, unseen, values
from wasmbuild.engine.settings import SETTINGS

_COMPILER = "cranelift"
_NEEDS: Mapping[str, str] = {
    "cache": "cache",
    "collector": "gc",
    "cranelift-debug-verifier": _COMPILER,
    "cranelift-nan-canonicalization": _COMPILER,
    "cranelift-opt-level": _COMPILER,
    "parallel-compilation": "parallel-compilation",
    "strategy": _COMPILER,
    "wasm-component-model": "component-model",
    "wasm-component-model-implements": "component-model",
    "wasm-component-model-map": "component-model",
    "wasm-exceptions": "gc",
    "wasm-function-references": "gc",
    "wasm-reference-types": "gc",
    "wasm-threads": "threads",
}
"""The feature of the crate that a method needs; those that are not here are always there."""

_METHODS = {"wasm-relaxed-simd-deterministic": "relaxed_simd_deterministic"}
_TYPES: Mapping[str, tuple[str, Mapping[Value, str]]] = {
    "collector": ("Collector", {"drc": "DeferredReferenceCounting", "copying": "Copying", "null": "Null"}),
    "compiler-inlining": ("Inlining", {True: "Yes", False: "No"}),
    "cranelift-opt-level": ("OptLevel", {"none": "None", "speed": "Speed", "speed_and_size": "SpeedAndSize"}),
    "profiler": (
        "ProfilingStrategy",
        {"none": "None", "jitdump": "JitDump", "vtune": "VTune", "perfmap": "PerfMap"},
    ),
    "strategy": ("Strategy", {"cranelift": "Cranelift", "winch": "Winch"}),
}
"""The settings whose values are those of an enumeration of the crate."""


def calls(spec: Spec) -> list[str]:
    """Return the statements that configure ``config``: what differs from the crate's own defaults.

    Those are the defaults with the features ``runtime`` and ``std`` alone for the embedder ``rust-minimal``, else with
    the default features. Raises UsageError for a setting that needs a feature which such a crate lacks.
    """
    minimal = is_minimal(spec)
    wanted = values(spec)
    lines = [f'config.target("{spec.pulley}").expect("a target of Wasmtime");'] if spec.pulley else []
    for name, default in own_defaults(spec, "rust-minimal" if minimal else "rust").items():
        value = wanted[name]
        if value == default:
            continue
        if minimal and name in _NEEDS:
            if not unseen(name):
                who = f"Config::{_method(name)} needs the crate's feature {_NEEDS[name]}, which rust-minimal lacks"
                fix = 'leave the setting out, or write embedder = "rust" for a program with the default features'
                raise refused(spec, name, who, fix)
            lines.append(f"// {name} is not told: without a compiler there is no call, and no engine looks at it.")
        else:
            lines += _call(name, value)
    if spec.line >= 49 and not minimal and wanted["wasm-reference-types"] is False:
        lines.append("config.wasm_component_model_async(false);")
    flags = spec.engine.get("cranelift-flags", {})
    if flags and minimal:
        lines.append(
            "// cranelift-flags are not told: without a compiler there is no call, and no engine looks at them."
        )
    elif flags:
        lines.append("// SAFETY: none of these flags changes what code may do.")
        lines.append("unsafe {")
        lines += [f'    config.cranelift_flag_set("{flag}", "{_literal(flags[flag])}");' for flag in flags]
        lines.append("}")
    return lines


def is_minimal(spec: Spec) -> bool:
    """Tell whether the application has the crate without its compiler."""
    return spec.engine.get("embedder") == "rust-minimal"


def _call(name: str, value: Value) -> list[str]:
    if name == "cache":
        return ["if let Ok(cache) = wasmtime::Cache::from_file(None) {", "    config.cache(Some(cache));", "}"]
    if name in _TYPES:
        enumeration, variants = _TYPES[name]
        return [f"config.{_method(name)}(wasmtime::{enumeration}::{variants[value]});"]
    return [f"config.{_method(name)}({_literal(value)});"]


def _method(name: str) -> str:
    return _METHODS.get(name) or SETTINGS[name].config or name.replace("-", "_")


def _literal(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
