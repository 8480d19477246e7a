"""Engine settings as calls of Wasmtime's C API."""

from __future__ import annotations

from wasmbuild.embed.spec import Spec, Value, refused, unseen
from wasmbuild.engine.settings import SETTINGS, library_lacks

# What the headers declare only where the library has it, by the macro that says so.
_GUARDS = {
    "WASMTIME_FEATURE_CACHE": ("cache",),
    "WASMTIME_FEATURE_COMPILER": (
        "cranelift-debug-verifier", "cranelift-nan-canonicalization", "cranelift-opt-level", "strategy",
        "wasm-stack-switching",
    ),
    "WASMTIME_FEATURE_COMPONENT_MODEL": (
        "concurrency-support", "wasm-component-model", "wasm-component-model-implements", "wasm-component-model-map",
    ),
    "WASMTIME_FEATURE_GC": ("wasm-exceptions", "wasm-function-references", "wasm-gc", "wasm-reference-types"),
    "WASMTIME_FEATURE_PARALLEL_COMPILATION": ("parallel-compilation",),
    "WASMTIME_FEATURE_THREADS": ("wasm-threads",),
}  # fmt: skip
_GUARD = {name: macro for macro, names in _GUARDS.items() for name in names}

_ENUMS = {
    "cranelift-opt-level": "WASMTIME_OPT_LEVEL_",
    "profiler": "WASMTIME_PROFILING_STRATEGY_",
    "strategy": "WASMTIME_STRATEGY_",
}


def calls(spec: Spec) -> list[str]:
    """Return the lines that configure ``config``. Raises UsageError for what the C API cannot express."""
    lines: list[str] = []
    lacking = library_lacks(spec.engine, spec.line)
    for name in lacking:
        if not unseen(name):
            fix = 'write embedder = "c-api" under [engine], and only settings that it has'
            raise refused(spec, name, f"the C API of Wasmtime {spec.line} has no way to set it", fix)
    if spec.pulley:
        lines += [
            f'wasmtime_error_t *error = wasmtime_config_target_set(config, "{spec.pulley}");',
            "if (error != NULL)",
            "  wasmtime_error_delete(error);",
        ]
    for name, value in spec.engine.items():
        if name in SETTINGS and name not in lacking:
            lines += _guarded(_GUARD.get(name), _call(name, value))
        elif name in lacking:
            lines.append(f"// {name} is not told: the C API cannot, and no engine looks at it when it loads.")
    if spec.line >= 49 and spec.engine.get("wasm-reference-types") is False:
        lines += _guarded(
            "WASMTIME_FEATURE_COMPONENT_MODEL_ASYNC", ["wasmtime_config_wasm_component_model_async_set(config, false);"]
        )
    flags = [
        f'wasmtime_config_cranelift_flag_set(config, "{flag}", "{_literal(value)}");'
        for flag, value in spec.engine.get("cranelift-flags", {}).items()
    ]
    return [*lines, *_guarded("WASMTIME_FEATURE_COMPILER", flags)]


def _call(name: str, value: Value) -> list[str]:
    if name == "cache":
        return [
            "wasmtime_error_t *cache_error = wasmtime_config_cache_config_load(config, NULL);",
            "if (cache_error != NULL)",
            "  wasmtime_error_delete(cache_error);",
        ]
    setting = SETTINGS[name]
    function = setting.c_api or f"wasmtime_config_{setting.config}_set"
    written = _ENUMS[name] + str(value).upper() if name in _ENUMS else _literal(value)
    return [f"{function}(config, {written});"]


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        f"{value}u" if isinstance(value, int) and value < 2**32 else f"{value}ull" if isinstance(value, int) else value
    )


def _guarded(macro: str | None, lines: list[str]) -> list[str]:
    return [f"#ifdef {macro}", *lines, "#endif"] if macro is not None and lines else lines
