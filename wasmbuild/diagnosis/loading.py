"""What the loader of Wasmtime says when it refuses an artifact, and programs that embed it.

The messages are those of ``engine/serialization.rs`` and ``Engine::check_compatible_with_*`` of the crate ``wasmtime``.
It reports one difference at a time. Each row is tried against the libraries and executables at hand with an artifact
that makes them say so (``tests/integration/test_diagnosis.py``).
"""

from __future__ import annotations

from wasmbuild.diagnosis.cause import Cause, Row, first
from wasmbuild.lean.typing import NamedTuple

OTHER_LINE = "other-line"
OTHER_ARCHITECTURE = "other-architecture"
OTHER_SYSTEM = "other-system"
OTHER_KIND = "other-kind"
CPU_FEATURE = "cpu-feature"
CODE_FLAG = "code-flag"
COSTS = "costs"
DAMAGED = "damaged"
STANDARD = "standard"
NO_TARGET = "no-target"
LOADED = "loaded"

SWITCH = "switch"
NUMBER = "number"
COLLECTOR = "collector"
NO_GC = "no-gc"
WINCH_GC = "winch-gc"
INLINING = "inlining"

_FOR_THE_HOST = r"but it is (not enabled|enabled) for the host"


def _switch(label: str, setting: str, *lines: int) -> Row:
    return Row(SWITCH, rf"[Mm]odule was compiled (with|without) ({label}) {_FOR_THE_HOST}", setting, lines)


def _number(label: str, setting: str) -> Row:
    return Row(
        NUMBER, rf"[Mm]odule was compiled with a ({label}) of '(\w*)' but '(\w*)' is expected for the host", setting
    )


def _feature(name: str, setting: str) -> Row:
    return _switch(f"support for WebAssembly feature `{name}`", setting)


TABLE = (
    _switch("concurrency support", "concurrency-support"),
    _switch("debug symbols", "debug-symbols"),
    _switch("epoch interruption", "epoch-interruption"),
    _switch("fuel support", "consume-fuel"),
    # Later lines say how.
    _switch("function inlining", "compiler-inlining", 36),
    _switch("GC heap may move", "gc-heap-may-move"),
    _switch("guard before linear memory", "guard-before-linear-memory"),
    _switch("guest debug", "guest-debug"),
    _switch("memory initialization with CoW", "memory-init-cow"),
    _switch("memory may move", "memory-may-move"),
    _switch("native debug information support", "debug-info"),
    _switch("relaxed simd deterministic semantics", "wasm-relaxed-simd-deterministic"),
    _switch("Signals-based traps", "signals-based-traps"),
    _switch("table lazy init", "table-lazy-init"),
    _switch("Winch calling convention", "strategy"),
    # Features that the loader knows by another name than settings do.
    _feature("bulk_memory_opt", "wasm-bulk-memory"),
    _feature("call_indirect_overlong", "wasm-reference-types"),
    # Not cm_async: concurrency-support, which switches it off, is compared before.
    _feature("cm64", "wasm-component-model-memory64"),
    _feature("cm_async_stackful", "wasm-component-model-async-stackful"),
    _feature("cm_error_context", "wasm-component-model-error-context"),
    _feature("cm_fixed_length_lists", "wasm-component-model-fixed-length-lists"),
    _feature("cm_gc", "wasm-component-model-gc"),
    _feature("cm_implements", "wasm-component-model-implements"),
    _feature("cm_map", "wasm-component-model-map"),
    _feature("cm_more_async_builtins", "wasm-component-model-more-async-builtins"),
    _feature("cm_threading", "wasm-component-model-threading"),
    _feature("gc_types", "gc-support"),
    _feature(r"\w+", ""),
    _switch(r"[^\n]+?", ""),
    _number("GC heap guard size", "gc-heap-guard-size"),
    _number("GC heap initial size", "gc-heap-initial-size"),
    _number("GC heap reservation", "gc-heap-reservation"),
    _number("memory guard size", "memory-guard-size"),
    _number("memory reservation", "memory-reservation"),
    _number(r"[^\n]+?", ""),
    Row(
        COLLECTOR,
        r"[Mm]odule was compiled for the ([^\n]+?) collector but the host is configured to use the ([^\n]+?) collector",
        "collector",
    ),
    Row(NO_GC, r"[Mm]odule was compiled with GC however GC is disabled in the host", "gc-support"),
    # Line 36 has no setting for GC, and Winch has none there.
    Row(
        WINCH_GC,
        r"[Mm]odule was compiled (with|without) GC (?:however GC is disabled|but GC is enabled) in the host",
        "strategy",
        (36,),
    ),
    Row(
        INLINING,
        r"[Mm]odule was compiled (with(?:out)? [^\n]+?) however the host is configured "
        r"(with(?:out)? (?:intra-module|inter-module|intrinsic) inlining(?: only when using GC)?)",
        "compiler-inlining",
    ),
    Row(OTHER_LINE, r"[Mm]odule was compiled with incompatible (?:Wasmtime )?version '([^'\n]*)'"),
    Row(OTHER_ARCHITECTURE, r"[Mm]odule was compiled for architecture '([^'\n]*)'"),
    Row(OTHER_SYSTEM, r"[Mm]odule was compiled for operating system '([^'\n]*)'"),
    Row(COSTS, r"[Mm]odule costs are incompatible"),
    Row(CPU_FEATURE, r'compilation setting "(?:has_)?(\w+)" is enabled, but not available on the host'),
    # What a feature brings: an artifact without it is refused like this by an engine that has it.
    Row(
        CODE_FLAG,
        r'setting "(stack_switch_model)" is configured to Enum\("none"\) which is not supported',
        "wasm-stack-switching",
    ),
    Row(CODE_FLAG, r'setting "(\w+)" is configured to [^\n]+? which is not supported'),
    Row(OTHER_KIND, r"incompatible object file format"),
    Row(
        STANDARD,
        r"magic header not detected|input (?:was not|bytes aren't) valid utf-8|expected at least one module field|"
        r"expected a WebAssembly module but was given|failed to parse WebAssembly module",
    ),
    Row(NO_TARGET, r"Unrecognized architecture: [^\n]*"),
    Row(
        DAMAGED,
        r"(?:failed to (?:parse (?:precompiled artifact|header|section|strings|sections)|find section)|"
        r"invalid (?:engine section|elf)|engine section too small|unexpected section|section name|postcard|"
        r"Hit the end of buffer|Found an? \w+ that)[^\n]*",
    ),
    Row(
        LOADED,
        r"(?:failed to find (?:function )?export|expected \d+ imports, found \d+|unknown import: |"
        r"no exported (?:instance|function) named)[^\n]*",
    ),
)


class EngineDifference(NamedTuple):
    """In what an artifact and the engine that refuses it differ.

    ``setting`` is empty where it is none that can be declared; ``what`` is Wasmtime's word for it; ``artifact`` and
    ``engine`` are what each of them has: a value of the setting, or words where it is none.
    """

    setting: str
    what: str
    artifact: bool | int | str
    engine: bool | int | str


# More are no number that any setting has, and Python reads no number of any length.
_DIGITS = 20
_COLLECTORS = {"deferred reference-counting": "drc", "copying": "copying", "null": "null"}
_INLININGS: dict[str, bool | str] = {
    "with intra-module inlining": True,
    "without intra-module inlining": False,
    "with intra-module inlining only when using GC": "gc",
    "with intrinsic inlining": "intrinsics",
}


def cause(said: str, line: int | None = None) -> Cause | None:
    """Return what the loader's words mean: the row that comes first in what was said; None where it is not known."""
    found = [match for row in TABLE if (match := first((row,), said, line)) is not None]
    # Words of damage are common ones.
    clear = [match for match in found if match.word != DAMAGED] or found
    # What is known of a line alone is said of that.
    return min(
        clear, key=lambda match: (said.find(match.said), line is None or line not in match.row.lines), default=None
    )


def difference(found: Cause) -> EngineDifference | None:
    """Return in what artifact and engine differ where a cause is that, else None."""
    if found.word == SWITCH:
        with_, what, host = found.names
        artifact, engine = with_ == "with", host == "enabled"
        feature = what.removeprefix("support for WebAssembly feature `").removesuffix("`")
        if found.setting == "strategy":
            return EngineDifference("strategy", what, *_strategies(artifact))
        if feature != what:
            dashed = feature.replace("_", "-")
            return EngineDifference(
                found.setting or f"wasm-{dashed}", f"the WebAssembly feature {dashed}", artifact, engine
            )
        return EngineDifference(found.setting, what, artifact, engine)
    if found.word == WINCH_GC:
        return EngineDifference("strategy", "GC", *_strategies(found.names[0] == "without"))
    if found.word == NUMBER:
        values = [int(text) if text.isdecimal() and len(text) <= _DIGITS else text for text in found.names[1:]]
        return EngineDifference(found.setting, found.names[0], *values)
    if found.word == COLLECTOR:
        return EngineDifference("collector", "collector", *(_COLLECTORS.get(name, name) for name in found.names))
    if found.word == NO_GC:
        return EngineDifference("gc-support", "GC", True, False)
    if found.word == CODE_FLAG and found.setting:
        return EngineDifference(found.setting, "stack switching", False, True)
    if found.word == INLINING:
        return EngineDifference("compiler-inlining", "inlining", *(_INLININGS.get(name, name) for name in found.names))
    return None


def _strategies(by_winch: bool) -> tuple[str, str]:
    """Return what compiled an artifact, and what its engine compiles with, which is the other one."""
    return ("winch", "cranelift") if by_winch else ("cranelift", "winch")
