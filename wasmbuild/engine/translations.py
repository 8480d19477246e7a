"""Engine settings in the words of each compiler: options of an executable, calls on the library's ``Config``, the key.

All functions take a canonical engine, in which only what differs from the defaults is named; the defaults need no words
but one: the executable's collector, which is another one than the library's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wasmbuild.engine.setting_table import LINES, SETTINGS, Setting

Value = bool | int | str


def compiler_inputs(engine: Mapping[str, Any], line: int) -> dict[str, Any]:
    """Return the settings that reach the compiler, for the key; ``line`` is one of ``LINES``."""
    _check(line)
    return {name: value for name, value in engine.items() if name != "embedder" and not _runtime_only(name)}


def cli_args(engine: Mapping[str, Any], line: int) -> list[str]:
    """Return the arguments of ``wasmtime compile`` for an engine.

    Wasmtime's own cache is switched off whatever the engine has: it would write in the user's home.
    """
    _check(line)
    args = ["-Ccache=n", f"-Ccollector={engine.get('collector', 'drc')}"]
    for name, value in engine.items():
        setting = SETTINGS.get(name)
        if setting is None or setting.cli is None or name == "collector":
            continue
        args.append(f"{setting.cli}={_cli_value(setting, value)}")
        if name == "wasm-reference-types" and value is False and line >= 49:
            args.append("-Wcomponent-model-async=n")
    for flag, value in engine.get("cranelift-flags", {}).items():
        args.append(f"-Ccranelift-{flag}={_word(value)}")
    return args


def config_calls(engine: Mapping[str, Any], line: int, *, runtime: bool = False) -> list[list[Any]]:
    """Return what makes a ``wasmtime.Config`` of the Python library agree with an engine, as JSON values.

    ``["property", name, value]`` sets a property, ``["flag_set", name, text]`` calls ``cranelift_flag_set``, and
    ``["c-api", function, value]`` calls a function of ``wasmtime._bindings`` with the config's pointer and the value.
    Settings that change nothing of an artifact are left out unless ``runtime``. What the library cannot express, see
    ``library_lacks``, is not in the list.
    """
    _check(line)
    calls: list[list[Any]] = []
    for name, value in engine.items():
        setting = SETTINGS.get(name)
        if setting is None or (setting.runtime_only and not runtime):
            continue
        if setting.config is not None and line >= setting.library_since:
            calls.append(["property", setting.config, value])
        elif setting.c_api is not None:
            calls.append(["c-api", setting.c_api, dict(setting.c_values).get(value, value)])
        if name == "wasm-reference-types" and value is False and line >= 49:
            # From 49 on async components need reference types; only the C API can switch them off.
            calls.append(["c-api", "wasmtime_config_wasm_component_model_async_set", False])
    calls.extend(["flag_set", flag, _word(value)] for flag, value in engine.get("cranelift-flags", {}).items())
    return calls


def library_lacks(engine: Mapping[str, Any], line: int) -> list[str]:
    """Return the names of settings whose values the Python library of a line cannot express."""
    _check(line)
    lacking = []
    for name in engine:
        setting = SETTINGS.get(name)
        if setting is None:
            continue
        has_property = setting.config is not None and line >= setting.library_since
        if not has_property and setting.c_api is None:
            lacking.append(name)
    return lacking


def _check(line: int) -> None:
    if line not in LINES:
        raise ValueError(f"the settings of Wasmtime {line} are not known")


def _runtime_only(name: str) -> bool:
    return name in SETTINGS and SETTINGS[name].runtime_only


def _cli_value(setting: Setting, value: Value) -> str:
    for known, word in setting.cli_values:
        # True equals 1 in Python, but not here.
        if known == value and isinstance(known, bool) == isinstance(value, bool):
            return word
    if isinstance(value, bool):
        return "y" if value else "n"
    return str(value)


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
