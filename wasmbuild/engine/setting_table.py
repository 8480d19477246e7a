"""The one table of engine settings: what each is called, may be, does, and how each compiler is told.

Names are those of ``wasmtime.Config`` with dashes: of the Python class, or of the Rust one where Python has none.
Measured with the libraries 48.0.0, 49.0.0 and 50.0.1 and the executables 48.0.2 and 49.0.3, and read in the sources of
the crates ``wasmtime`` and ``wasmtime-cli-flags`` of 48.0.2, 49.0.3 and 50.0.1 (``Config::validate``,
``Config::features``, ``Tunables``).
"""

from __future__ import annotations

from typing import NamedTuple

Value = bool | int | str

LINES = (48, 49, 50)
"""The lines (major versions) of Wasmtime that were measured."""

EQUAL = "equal"
FEATURE = "feature"
UNSEEN = "unseen"
RUNTIME = "runtime"

CHECKS = {
    EQUAL: "engine and artifact must agree",
    FEATURE: "an artifact that has it needs an engine that has it",
    UNSEEN: "the loader does not see it",
    RUNTIME: "of the loading engine alone; artifacts are the same",
}
"""What Wasmtime's loader makes of a setting in which engine and artifact differ."""

_MAX_SIZE = 2**64 - 1
_PER_LINE = tuple[Value, Value, Value]


class Setting(NamedTuple):
    """One engine setting.

    ``default`` is the value on each of ``LINES`` for a target of 64 bits compiled by Cranelift; ``defaults.py``
    knows the rest. The kind of a value is that of its default; ``choices`` are all that a text may be, ``low`` and
    ``high`` bound an integer (``unit`` says of what). ``check`` is one of ``CHECKS``.

    ``cli`` is the option of ``wasmtime compile`` up to its value, None for a setting that no compiler is told;
    ``cli_values`` are what the option calls values other than ``y``, ``n`` or as they are. ``config`` is the property
    of the Python library's ``Config``, ``c_api`` the setter of the C API that its ``_bindings`` have instead, with
    ``c_values`` for what it calls texts; with neither, the library cannot express it. ``library_since`` is the first
    line whose library has it.
    """

    name: str
    default: _PER_LINE
    check: str
    doc: str
    cli: str | None
    config: str | None = None
    c_api: str | None = None
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = _MAX_SIZE
    unit: str = ""
    cli_values: tuple[tuple[Value, str], ...] = ()
    c_values: tuple[tuple[str, int], ...] = ()
    library_since: int = LINES[0]

    @property
    def runtime_only(self) -> bool:
        """Whether it changes nothing of what is compiled."""
        return self.check == RUNTIME


def _always(value: Value) -> _PER_LINE:
    return (value, value, value)


def _feature(name: str, default: Value | _PER_LINE, doc: str, *, since: int = LINES[0]) -> Setting:
    per_line = default if isinstance(default, tuple) else _always(default)
    property_name = f"wasm_{name}".replace("-", "_")
    return Setting(f"wasm-{name}", per_line, FEATURE, doc, f"-W{name}", property_name, library_since=since)


_TABLE = (
    Setting(
        "collector",
        _always("drc"),
        EQUAL,
        "Garbage collector; the C API always has drc, the Rust crate has copying by default.",
        "-Ccollector",
        choices=("drc", "copying", "null"),
    ),
    Setting(
        "compiler-inlining",
        _always(False),
        EQUAL,
        "Inlines functions across modules of a component.",
        "-Cinlining",
    ),
    Setting(
        "concurrency-support",
        _always(True),
        EQUAL,
        "Concurrency of components; off in a Rust crate without the feature component-model-async.",
        "-Wconcurrency-support",
        c_api="wasmtime_config_concurrency_support_set",
    ),
    Setting(
        "consume-fuel",
        _always(False),
        EQUAL,
        "Code consumes fuel, and traps without it.",
        "-Wfuel",
        "consume_fuel",
        # Any number switches it on; there is no word for off.
        cli_values=((True, "1"),),
    ),
    Setting(
        "cranelift-debug-verifier",
        _always(False),
        UNSEEN,
        "Checks Cranelift's own work; slow.",
        "-Ccranelift-debug-verifier",
        "cranelift_debug_verifier",
    ),
    Setting(
        "cranelift-nan-canonicalization",
        _always(False),
        UNSEEN,
        "Gives every NaN the same bits, on every machine.",
        "-Wnan-canonicalization",
        "cranelift_nan_canonicalization",
    ),
    Setting(
        "cranelift-opt-level",
        _always("speed"),
        UNSEEN,
        "What Cranelift optimizes for.",
        "-Oopt-level",
        "cranelift_opt_level",
        choices=("none", "speed", "speed_and_size"),
        cli_values=(("none", "0"), ("speed", "2"), ("speed_and_size", "s")),
    ),
    Setting(
        "debug-info",
        _always(False),
        EQUAL,
        "DWARF for native debuggers.",
        "-Ddebug-info",
        "debug_info",
    ),
    Setting(
        "epoch-interruption",
        _always(False),
        EQUAL,
        "Code checks the engine's epoch, and can be interrupted.",
        "-Wepoch-interruption",
        "epoch_interruption",
    ),
    Setting(
        "gc-support",
        _always(True),
        FEATURE,
        "Whether there is a garbage collector at all.",
        "-Wgc-support",
        "gc_support",
    ),
    Setting(
        "generate-address-map",
        _always(True),
        UNSEEN,
        "Offsets in the WebAssembly for traps; without, artifacts are a tenth smaller.",
        "-Daddress-map",
    ),
    Setting(
        "guard-before-linear-memory",
        _always(True),
        EQUAL,
        "Guard pages in front of memories too.",
        "-Oguard-before-linear-memory",
    ),
    Setting(
        "memory-guard-size",
        _always(32 << 20),
        EQUAL,
        "Guard pages behind a memory; on Pulley 0 by default.",
        "-Omemory-guard-size",
        "memory_guard_size",
        unit="bytes",
    ),
    Setting(
        "memory-init-cow",
        _always(True),
        EQUAL,
        "Memories start as copy-on-write mappings.",
        "-Omemory-init-cow",
        "memory_init_cow",
    ),
    Setting(
        "memory-may-move",
        _always(True),
        EQUAL,
        "A memory that grows may move.",
        "-Omemory-may-move",
        "memory_may_move",
    ),
    Setting(
        "memory-reservation",
        _always(4 << 30),
        EQUAL,
        "Address space for a memory; on targets of 32 bits 10485760 by default.",
        "-Omemory-reservation",
        "memory_reservation",
        unit="bytes",
    ),
    Setting(
        "memory-reservation-for-growth",
        _always(2 << 30),
        UNSEEN,
        "Address space behind a memory that moved; on targets of 32 bits 1048576 by default.",
        "-Omemory-reservation-for-growth",
        "memory_reservation_for_growth",
        unit="bytes",
    ),
    Setting(
        "native-unwind-info",
        _always(True),
        UNSEEN,
        "Unwind tables for native tools; without, artifacts are a twelfth smaller. Windows cannot do without.",
        "-Cnative-unwind-info",
        "native_unwind_info",
    ),
    Setting(
        "signals-based-traps",
        _always(True),
        EQUAL,
        "Traps by signals of the system; on Pulley off by default.",
        "-Osignals-based-traps",
        "signals_based_traps",
    ),
    Setting(
        "strategy",
        _always("cranelift"),
        EQUAL,
        "The compiler inside: winch compiles 4 to 8 times as fast to slower code, on x86_64 and aarch64.",
        "-Ccompiler",
        c_api="wasmtime_config_strategy_set",
        choices=("auto", "cranelift", "winch"),
        # Of wasmtime_strategy_t; the Python property refuses winch, which the library has.
        c_values=(("cranelift", 1), ("winch", 2)),
    ),
    Setting(
        "table-lazy-init",
        _always(True),
        EQUAL,
        "Tables are filled when used.",
        "-Otable-lazy-init",
    ),
    _feature("bulk-memory", True, "Bulk memory operations."),
    _feature("component-model", True, "Components."),
    _feature("component-model-implements", False, "Components: `(implements …)`.", since=49),
    _feature("component-model-map", False, "Components: maps."),
    _feature("custom-page-sizes", False, "Memories with pages of one byte."),
    _feature("exceptions", True, "Exceptions (`exnref`)."),
    _feature("function-references", True, "Typed function references."),
    _feature("gc", True, "Garbage-collected types."),
    _feature("memory64", True, "Memories and tables of 64 bits."),
    _feature("multi-memory", True, "More than one memory."),
    _feature("multi-value", True, "More than one result."),
    _feature("reference-types", True, "Reference types."),
    _feature("relaxed-simd", True, "Relaxed SIMD."),
    Setting(
        "wasm-relaxed-simd-deterministic",
        _always(False),
        EQUAL,
        "Relaxed SIMD gives the same results on every machine.",
        "-Wrelaxed-simd-deterministic",
        "wasm_relaxed_simd_deterministic",
    ),
    _feature("simd", True, "SIMD; off only together with relaxed SIMD."),
    _feature("stack-switching", False, "Stack switching; on x86_64 Linux and macOS."),
    _feature("tail-call", True, "Tail calls."),
    _feature("threads", True, "Threads and shared memories; not on Pulley."),
    _feature("wide-arithmetic", (False, True, True), "Arithmetic of 128 bits."),
    Setting("cache", _always(False), RUNTIME, "Wasmtime's own cache of what it compiles.", None, "cache"),
    Setting(
        "macos-use-mach-ports",
        _always(True),
        RUNTIME,
        "Mach ports instead of signals on macOS.",
        None,
        "macos_use_mach_ports",
    ),
    Setting(
        "max-wasm-stack",
        _always(512 << 10),
        RUNTIME,
        "Stack that WebAssembly may use.",
        None,
        "max_wasm_stack",
        # Wasmtime refuses 0 and what exceeds async_stack_size, which the library cannot change from 2 MiB.
        low=1,
        high=2 << 20,
        unit="bytes",
    ),
    Setting(
        "parallel-compilation",
        _always(True),
        RUNTIME,
        "The engine compiles with all cores. How wasmbuild compiles is decided by wasmbuild.",
        None,
        "parallel_compilation",
    ),
    Setting(
        "profiler",
        _always("none"),
        RUNTIME,
        "Tells a native profiler about the code.",
        None,
        "profiler",
        choices=("none", "jitdump", "vtune", "perfmap"),
    ),
    Setting("shared-memory", _always(False), RUNTIME, "Shared memories can be created.", None, "shared_memory"),
)

SETTINGS = {setting.name: setting for setting in _TABLE}
"""All settings by name; ``embedder`` and ``cranelift-flags`` are not in it."""
