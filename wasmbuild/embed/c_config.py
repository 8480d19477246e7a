"""Engine settings as calls of Wasmtime's C API."""

from __future__ import annotations

from wasmbuild.embed.spec import C_API_ONLY, Spec, refused
from wasmbuild.engine import lines
from wasmbuild.engine.line import Setting, Value
from wasmbuild.engine.translations import lower


def calls(spec: Spec) -> list[str]:
    """Return the lines that configure ``config``. Raises UsageError for what the C API cannot express."""
    written: list[str] = []
    settings = lines.get(spec.line).settings
    lacking = spec.engine.library_lacks()
    for name in spec.engine.loader_lacks():
        raise refused(spec, name, f"the C API of Wasmtime {spec.line} has no way to set it", C_API_ONLY)
    if spec.pulley:
        written += [
            f'wasmtime_error_t *error = wasmtime_config_target_set(config, "{spec.pulley}");',
            "if (error != NULL)",
            "  wasmtime_error_delete(error);",
        ]
    for name, value in spec.engine.settings.items():
        if name in lacking:
            written.append(f"// {name} is not told: the C API cannot, and no engine looks at it when it loads.")
        elif name in settings:
            setting = settings[name]
            written += _guarded(setting.c_macro, _call(setting, value))
            if setting.off_with and value is False:
                macro = f"WASMTIME_FEATURE_{setting.off_with.replace('-', '_').upper()}"
                written += _guarded(macro, [f"{setting.off_with_setter}(config, false);"])
    flags = [
        f'wasmtime_config_cranelift_flag_set(config, "{flag}", "{lower(value)}");'
        for flag, value in spec.engine.cranelift_flags.items()
    ]
    return [*written, *_guarded("WASMTIME_FEATURE_COMPILER", flags)]


def _call(setting: Setting, value: Value) -> list[str]:
    if setting.name == "cache":
        return [
            "wasmtime_error_t *cache_error = wasmtime_config_cache_config_load(config, NULL);",
            "if (cache_error != NULL)",
            "  wasmtime_error_delete(cache_error);",
        ]
    function = setting.c_api or f"wasmtime_config_{setting.python}_set"
    written = setting.c_enum + str(value).upper() if setting.c_enum else _literal(value)
    return [f"{function}(config, {written});"]


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        f"{value}u" if isinstance(value, int) and value < 2**32 else f"{value}ull" if isinstance(value, int) else value
    )


def _guarded(macro: str | None, lines: list[str]) -> list[str]:
    return [f"#ifdef {macro}", *lines, "#endif"] if macro is not None and lines else lines
