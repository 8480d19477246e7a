"""Engine settings as calls of ``wasmtime::Config``, the Rust crate's."""

from __future__ import annotations

from wasmbuild.embed.spec import Spec, own_defaults, refused, unseen
from wasmbuild.engine import lines
from wasmbuild.engine.line import Setting, Value
from wasmbuild.engine.translations import lower


def calls(spec: Spec) -> list[str]:
    """Return the statements that configure ``config``: what differs from the crate's own defaults.

    Those are the defaults with the features ``runtime`` and ``std`` alone for the embedder ``rust-minimal``, else with
    the default features. Raises UsageError for a setting that needs a feature which such a crate lacks.
    """
    minimal = is_minimal(spec)
    wanted = spec.engine.values()
    settings = lines.get(spec.line).settings
    written = [f'config.target("{spec.pulley}").expect("a target of Wasmtime");'] if spec.pulley else []
    for name, default in own_defaults(spec, "rust-minimal" if minimal else "rust").items():
        value, setting = wanted[name], settings[name]
        if value == default:
            continue
        if minimal and setting.rust_feature:
            if not unseen(name, spec.line):
                feature = f"the crate's feature {setting.rust_feature}, which rust-minimal lacks"
                who = f"Config::{_method(setting)} needs {feature}"
                fix = 'leave the setting out, or write embedder = "rust" for a program with the default features'
                raise refused(spec, name, who, fix)
            written.append(f"// {name} is not told: without a compiler there is no call, and no engine looks at it.")
        else:
            if setting.rust_feature:
                written.append(
                    f"// Needs the crate's feature {setting.rust_feature}: with runtime and std alone, declare "
                    'embedder = "rust-minimal".'
                )
            written += _call(setting, value)
            if setting.off_with and value is False:
                written.append(f"config.wasm_{setting.off_with.replace('-', '_')}(false);")
    flags = spec.engine.cranelift_flags
    if flags and minimal:
        written.append(
            "// cranelift-flags are not told: without a compiler there is no call, and no engine looks at them."
        )
    elif flags:
        written.append("// SAFETY: none of these flags changes what code may do.")
        written.append("unsafe {")
        written += [f'    config.cranelift_flag_set("{flag}", "{lower(flags[flag])}");' for flag in flags]
        written.append("}")
    return written


def is_minimal(spec: Spec) -> bool:
    """Tell whether the application has the crate without its compiler."""
    return spec.engine.embedder == "rust-minimal"


def _call(setting: Setting, value: Value) -> list[str]:
    if setting.name == "cache":
        return ["if let Ok(cache) = wasmtime::Cache::from_file(None) {", "    config.cache(Some(cache));", "}"]
    known = setting.rust_values.get(lower(value))
    return [f"config.{_method(setting)}({f'wasmtime::{known}' if known else lower(value)});"]


def _method(setting: Setting) -> str:
    return setting.rust or setting.python or setting.name.replace("-", "_")
