"""Cranelift's shared flags: which of them a declaration may set, to what, and why not the others.

Names, kinds and defaults are those of ``cranelift-codegen-meta`` 0.135, 0.136 and 0.137 (lines 48, 49 and 50), where
they are the same; each was given to the executable for every architecture. What Wasmtime overrides or its loader
refuses is in ``Config::build_compiler`` and ``Engine::check_compatible_with_shared_flag`` of the crate ``wasmtime``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wasmbuild.text import quoted, suggestion

Value = bool | int | str
Problem = tuple[str, str, str]


class Flag(NamedTuple):
    """A flag that may be set, to a value of the kind of ``default``; integers lie between ``low`` and ``high``."""

    default: Value
    doc: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0


FLAGS = {
    "enable_alias_analysis": Flag(True, "Optimizes loads with an alias analysis."),
    "enable_compact_unwind_abi": Flag(False, "Prologues that compact unwind tables of Mach-O can describe."),
    "enable_heap_access_spectre_mitigation": Flag(
        True,
        "Keeps speculation inside memories; off on Pulley and without signals-based traps, and cannot be on there.",
    ),
    "enable_incremental_compilation_cache_checks": Flag(False, "Checks of a cache that Wasmtime does not use."),
    "enable_table_access_spectre_mitigation": Flag(
        True, "Keeps speculation inside tables; off on Pulley and without signals-based traps, and cannot be on there."
    ),
    "is_pic": Flag(False, "Position-independent code; Wasmtime's is so anyhow."),
    # .text starts at a page of the file that is mapped, so that no more than a page can be kept.
    "log2_min_function_alignment": Flag(0, "Aligns functions to this power of two.", low=0, high=12),
    "machine_code_cfg_info": Flag(False, "Collects the control flow of machine code."),
    # More than the page that guards a stack would let a function step over it.
    "probestack_size_log2": Flag(12, "Distance of stack probes, as a power of two.", low=0, high=12),
    "regalloc_algorithm": Flag(
        "backtracking",
        "Register allocation; single_pass with opt level none compiles twice as fast to code 1.7 times as large.",
        choices=("backtracking", "single_pass"),
    ),
    "regalloc_checker": Flag(False, "Checks register allocation; slow."),
    "regalloc_verbose_logs": Flag(False, "Logs of the register allocator."),
    "tls_model": Flag(
        "none", "Thread-local storage, which WebAssembly has none of.", choices=("none", "elf_gd", "macho", "coff")
    ),
}
"""The flags that may be set. Spectre mitigations have another default where ``spectre_default`` says so."""

SPECTRE = ("enable_heap_access_spectre_mitigation", "enable_table_access_spectre_mitigation")

_SETTINGS = {
    "enable_nan_canonicalization": "cranelift-nan-canonicalization",
    "enable_verifier": "cranelift-debug-verifier",
    "opt_level": "cranelift-opt-level",
    "stack_switch_model": "wasm-stack-switching",
    "unwind_info": "native-unwind-info",
}
_OVERRIDDEN = ("enable_multi_ret_implicit_sret", "enable_probestack", "preserve_frame_pointers", "probestack_strategy")
_UNLOADABLE = ("enable_llvm_abi_extensions", "enable_pinned_reg", "libcall_call_conv", "use_colocated_libcalls")
_TESTING = ("bb_padding_log2_minus_one",)

_KEY = "cranelift-flags"


def flag_problems(flags: object, *, spectre: bool) -> list[Problem]:
    """Return all that is wrong with ``cranelift-flags`` as declared, under dotted keys.

    ``spectre`` tells whether the target can have Spectre mitigations.
    """
    if not isinstance(flags, Mapping):
        return [(_KEY, f"must be a table of flags, not {shown(flags)}", 'write { regalloc_algorithm = "single_pass" }')]
    found: list[Problem] = []
    for name, value in flags.items():
        key = f"{_KEY}.{name}"
        flag = FLAGS.get(name)
        if flag is None:
            found.append((key, *_refusal(str(name))))
        elif (problem := value_problem(value, flag.default, flag.choices, flag.low, flag.high)) is not None:
            found.append((key, *problem))
        elif name in SPECTRE and value is True and not spectre:
            found.append(
                (
                    key,
                    "Spectre mitigations need signals-based traps, which are off by default on Pulley",
                    f"leave it out, or write {name} = false",
                )
            )
    return found


def flags_that_differ(flags: Mapping[str, Value], *, spectre: bool) -> dict[str, Value]:
    """Return the flags that are not at their defaults, sorted by name; those that do not exist are left out."""
    return {
        name: flags[name]
        for name in sorted(flags)
        if name in FLAGS and flags[name] != (spectre if name in SPECTRE else FLAGS[name].default)
    }


def value_problem(
    value: object, default: Value, choices: tuple[str, ...], low: int, high: int, unit: str = ""
) -> tuple[str, str] | None:
    """Return problem and fix of a value that should be of the kind of ``default``, or None."""
    if isinstance(default, bool):
        return (
            None if isinstance(value, bool) else (f"must be true or false, not {shown(value)}", "write true or false")
        )
    if isinstance(default, int):
        what = f"a number of {unit}" if unit else "a number"
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be {what}, not {shown(value)}", f"write {what}, for example {default}"
        if not low <= value <= high:
            return f"{shown(value)} is out of range", f"write {what} from {low} to {high}"
        return None
    listed = ", ".join(f'"{choice}"' for choice in choices)
    if not isinstance(value, str):
        return f"must be text, not {shown(value)}", f"write one of {listed}"
    if value not in choices:
        meant = suggestion(value, choices)
        return f"unknown value {shown(value)}", f'did you mean "{meant}"?' if meant else f"write one of {listed}"
    return None


def shown(value: object) -> str:
    """Return a declared value as TOML spells it, shortened, for a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Python refuses to print integers of thousands of digits.
        return str(value) if abs(value) < 10**40 else "an enormous number"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "an array"
    return "nothing" if value is None else "a date or time"


def _refusal(name: str) -> tuple[str, str]:
    from wasmbuild.engine import cpu

    if name in _SETTINGS:
        return "is a setting of its own", f"write {_SETTINGS[name]} instead"
    if name in _OVERRIDDEN:
        return "Wasmtime sets this flag itself", "remove it"
    if name in _UNLOADABLE:
        return "with this flag changed, Wasmtime's loader refuses the artifact", "remove it"
    if name in _TESTING:
        return "is for tests of Cranelift itself", "remove it"
    for architecture in ("x86_64", "aarch64", "riscv64", "s390x"):
        for feature, flags in cpu.features(architecture).items():
            if name.replace("-", "_") in flags and name.replace("-", "_").removeprefix("has_") == feature:
                return f"is a CPU feature of {architecture}", f'write cpu-features = ["{feature}"] in a target for it'
    if name in ("pointer_width", "big_endian") or name.startswith("has_"):
        return "belongs to the target", "write the triple and the cpu of a target"
    known = [*FLAGS, *_SETTINGS]
    meant = suggestion(name, known)
    if meant is None:
        return "unknown flag of Cranelift", f"flags are {', '.join(FLAGS)}"
    if meant in _SETTINGS:
        return "unknown flag of Cranelift", f"write {_SETTINGS[meant]} instead"
    return "unknown flag of Cranelift", f"did you mean {meant}?"
