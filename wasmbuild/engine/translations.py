"""Engine settings in the words of each compiler: options of an executable, calls on the library's ``Config``, the key.

All functions take a canonical engine, in which only what differs from the defaults is named; the defaults need no words
but one: the executable's collector, which is another one than the library's.
"""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.engine import lines
from wasmbuild.engine.line import Setting, Value
from wasmbuild.lean.typing import Any


def compiler_inputs(engine: Mapping[str, Any], line: int) -> dict[str, Any]:
    """Return the settings that reach the compiler, for the key."""
    has = lines.get(line).settings
    runtime_only = {name for name, setting in has.items() if setting.runtime_only}
    return {name: value for name, value in engine.items() if name != "embedder" and name not in runtime_only}


def cli_args(engine: Mapping[str, Any], line: int) -> list[str]:
    """Return the arguments of ``wasmtime compile`` for an engine.

    Wasmtime's own cache is switched off whatever the engine has: it would write in the user's home.
    """
    has = lines.get(line).settings
    args = ["-Ccache=n", f"-Ccollector={engine.get('collector', 'drc')}"]
    for name, value in engine.items():
        setting = has.get(name)
        if setting is None or setting.cli is None or name == "collector":
            continue
        args += cli_option(setting, value)
    return args + flag_options(engine.get("cranelift-flags", {}))


def flag_options(flags: Mapping[str, Value]) -> list[str]:
    """Return the arguments of ``wasmtime compile`` for flags of Cranelift, which know no y and n, unlike settings."""
    return [f"-Ccranelift-{flag}={lower(value)}" for flag, value in flags.items()]


def cli_option(setting: Setting, value: Value) -> list[str]:
    """Return the arguments of ``wasmtime compile`` for one setting that it has an option for."""
    option = f"{setting.cli}={_cli_value(setting, value)}"
    return [option, f"-W{setting.off_with}=n"] if setting.off_with and value is False else [option]


def config_calls(engine: Mapping[str, Any], line: int, *, runtime: bool = False) -> list[list[Any]]:
    """Return what makes a ``wasmtime.Config`` of the Python library agree with an engine, as JSON values.

    ``["property", name, value]`` sets a property, ``["flag_set", name, text]`` calls ``cranelift_flag_set``, and
    ``["c-api", function, value]`` calls a function of ``wasmtime._bindings`` with the config's pointer and the value.
    Settings that change neither an artifact nor what it does are left out unless ``runtime``. What the library cannot
    express, see ``library_lacks``, is not in the list.
    """
    has = lines.get(line).settings
    calls: list[list[Any]] = []
    for name, value in engine.items():
        setting = has.get(name)
        if setting is None or (setting.cli is None and not runtime):
            continue
        if setting.python is not None:
            calls.append(["property", setting.python, value])
        elif setting.c_api is not None:
            calls.append(["c-api", setting.c_api, setting.c_values.get(lower(value), value)])
        if setting.off_with and value is False:
            calls.append(["c-api", setting.off_with_setter, False])
    calls.extend(["flag_set", flag, lower(value)] for flag, value in engine.get("cranelift-flags", {}).items())
    return calls


def library_lacks(engine: Mapping[str, Any], line: int, *, runs: bool = True) -> list[str]:
    """Return the names of settings whose values the Python library of a line cannot express, or ``runs`` no code of."""
    has = lines.get(line).settings
    known = [has[name] for name in engine if name in has]
    return [setting.name for setting in known if not setting.in_library or (runs and setting.library_aborts)]


def _cli_value(setting: Setting, value: Value) -> str:
    word = setting.cli_values.get(lower(value))
    if word is not None:
        return word
    if isinstance(value, bool):
        return "y" if value else "n"
    return str(value)


def lower(value: Value) -> str:
    """Return a value as Wasmtime, C, Rust, Go and C# spell booleans and numbers."""
    return str(value).lower() if isinstance(value, bool) else str(value)
