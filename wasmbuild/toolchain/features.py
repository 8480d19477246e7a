"""What to do about a feature that a source needs, and that the engine of a target or all of Wasmtime lacks."""

from __future__ import annotations

from wasmbuild.engine import lines
from wasmbuild.engine.rules import EngineError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import printable, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmbuild.engine.config import EngineConfig

EXCEPTIONS = "wasm-exceptions"
_CONVERTED = "OUT.wasm"
_LEAVE_OUT = "leave the module out of this target (targets = [...] of the module)"
# It has no setting of its own, and is off where one of these is.
_ASYNC = "wasm-component-model-async"
_ASYNC_NEEDS = ("concurrency-support", "wasm-reference-types")
# All that modules of today use. Not -all: that brings proposals which Wasmtime lacks into the file.
_BINARYEN_FEATURES = (
    "exception-handling", "reference-types", "threads", "simd", "bulk-memory", "sign-ext", "mutable-globals",
    "nontrapping-float-to-int", "multivalue", "tail-call", "gc", "extended-const", "relaxed-simd", "memory64",
    "multimemory",
)  # fmt: skip


def no_code(source: str, engine: EngineConfig, setting: str) -> str:
    """Return that a line of Wasmtime compiles nothing that uses a feature."""
    what = setting.removeprefix("wasm-").replace("-", " ")
    return f"{source} uses {what}, which Wasmtime {engine.line} has no code for; build it without"


def legacy_exceptions(source: str, engine: EngineConfig) -> str:
    """Return what to do about exceptions as they were first proposed, which no line takes that is known here."""
    if lines.get(engine.line).settings[EXCEPTIONS].no_code:
        return no_code(source, engine, EXCEPTIONS)
    enabled = " ".join(f"--enable-{feature}" for feature in _BINARYEN_FEATURES)
    convert = (
        f"{source} uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: "
        f"wasm-opt {enabled} --translate-to-exnref --emit-exnref {source} -o {_CONVERTED}"
    )
    if engine.values()[EXCEPTIONS]:
        return convert
    return f"{convert}; {missing(_CONVERTED, engine, EXCEPTIONS)}"


def missing(source: str, engine: EngineConfig, setting: str) -> str:
    """Return what to do about a feature that a source needs and the engine has not."""
    triple, line = engine.triple, engine.line
    known = lines.get(line).settings
    if setting in known and known[setting].no_code:
        return _unless_declared(source, engine, setting)
    if engine.settings.get("strategy") == "winch":
        lacks = lines.get(line).winch.lacks
        if setting in (*lacks[""], *lacks.get(triple.architecture, ())):
            where = "" if setting in lacks[""] else f" on {triple.architecture}"
            return not_in_winch(source, engine, f"needs {setting}, which", where)
    if setting == _ASYNC:
        setting = next((name for name in _ASYNC_NEEDS if engine.values().get(name) is False), setting)
    if setting not in known:
        feature = setting.removeprefix("wasm-")
        return f"{source} needs the feature {feature}, which wasmbuild cannot turn on; build it without"
    if setting == "wasm-threads" and triple.is_pulley:
        return (
            f"{source} uses threads, which {triple} lacks; leave it out of this target (targets = [...] of the "
            f"module), or build it without threads"
        )
    needed = _needed(engine, setting)
    if isinstance(needed, str):
        return f"{source} needs {setting}, which {printable(needed)}; {_LEAVE_OUT}, or build it without"
    if engine.settings.get(setting) is False and not _is_of_preset(engine, setting):
        return f"{source} needs {setting}, which [engine] turns off; remove that setting or build it without"
    return f"{source} needs {setting}; if what loads it turns that on, write {_written(needed)} under [engine]"


def _unless_declared(source: str, engine: EngineConfig, setting: str) -> str:
    """Return what to do about a feature without code, whose declarations compile where the setting can be on."""
    without, needed = no_code(source, engine, setting), _needed(engine, setting)
    if isinstance(needed, str):
        return without
    return (
        f"{without}, or, if it only declares such things and what loads it turns that on, write {_written(needed)} "
        f"under [engine]"
    )


def _written(settings: Mapping[str, bool]) -> str:
    return " and ".join(f"{name} = {shown(value)}" for name, value in settings.items())


def _needed(engine: EngineConfig, setting: str) -> dict[str, bool] | str:
    """Return what turns a setting on in an engine, one other with it where that takes one; else why nothing does."""
    why, settings = "", lines.get(engine.line).settings
    # What is on by a word is switched off as what is on by true.
    others = [{name: value is False} for name, value in engine.values().items() if type(settings[name].default) is bool]
    for other in ({}, *others):
        needed = {**other, setting: True}
        try:
            engine.changed(needed)
        except EngineError as error:
            why = why or error.problems[0][1]
        else:
            return needed
    return why


def not_in_winch(source: str, engine: EngineConfig, what: str, where: str = "") -> str:
    """Return what to do about ``what`` Winch lacks; ``where`` is an architecture, if others have it."""
    return (
        f'{source} {what} strategy = "winch" of [engine] lacks in Wasmtime {engine.line}{where}; remove that '
        f"setting, {_LEAVE_OUT}, or build it without"
    )


def _is_of_preset(engine: EngineConfig, setting: str) -> bool:
    return lines.get(engine.line).embedders[engine.embedder].settings.get(setting) is False
