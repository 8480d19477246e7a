"""Cranelift's shared flags: which of them a declaration may set, to what, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import shown, suggestion

if TYPE_CHECKING:
    from wasmbuild.engine.line import Flag, Line, Problem, Setting, Value

_KEY = "cranelift-flags"


def flag_problems(flags: object, line: Line, *, spectre: bool) -> list[Problem]:
    """Return all that is wrong with ``cranelift-flags`` as declared, under dotted keys.

    ``spectre`` tells whether the target can have Spectre mitigations.
    """
    if not isinstance(flags, Mapping):
        return [(_KEY, f"must be a table of flags, not {shown(flags)}", 'write { regalloc_algorithm = "single_pass" }')]
    found: list[Problem] = []
    for name, value in flags.items():
        key = f"{_KEY}.{name}"
        flag = line.flags.get(name)
        if flag is None:
            found.append((key, *_refusal(str(name), line)))
        elif (problem := value_problem(value, flag)) is not None:
            found.append((key, *problem))
        elif flag.spectre and value is True and not spectre:
            found.append(
                (
                    key,
                    "Spectre mitigations need signals-based traps, which are off by default on Pulley",
                    f"leave it out, or write {name} = false",
                )
            )
    return found


def flags_that_differ(flags: Mapping[str, Value], line: Line, *, spectre: bool) -> dict[str, Value]:
    """Return the flags that are not at their defaults, sorted by name; those that do not exist are left out."""
    return {
        name: flags[name]
        for name in sorted(flags)
        if (flag := line.flags.get(name)) and flags[name] != (spectre if flag.spectre else flag.default)
    }


def value_problem(value: object, allowed: Setting | Flag) -> tuple[str, str] | None:
    """Return problem and fix of a value that a setting or a flag cannot have, or None."""
    default, low, high, unit = allowed.default, allowed.low, allowed.high, allowed.unit
    if isinstance(default, bool):
        if isinstance(value, bool) or value in allowed.choices:
            return None
        switch = " or ".join(["true", "false", *map(shown, allowed.choices)])
        return f"must be {switch}, not {shown(value)}", f"write {switch}"
    if isinstance(default, int):
        what = f"a number of {unit}" if unit else "a number"
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be {what}, not {shown(value)}", f"write {what}, for example {default}"
        if not low <= value <= high:
            return f"{shown(value)} is out of range", f"write {what} from {low} to {high}"
        return None
    return choice_problem(value, allowed.choices)


def choice_problem(value: object, choices: tuple[str, ...]) -> tuple[str, str] | None:
    """Return problem and fix of a value that should be one of some texts, or None."""
    listed = ", ".join(f'"{choice}"' for choice in choices)
    if not isinstance(value, str):
        return f"must be text, not {shown(value)}", f"write one of {listed}"
    if value not in choices:
        meant = suggestion(value, choices)
        return f"unknown value {shown(value)}", f'did you mean "{meant}"?' if meant else f"write one of {listed}"
    return None


def _refusal(name: str, line: Line) -> tuple[str, str]:
    flags, refused = line.flags, line.refused_flags
    if name in refused.settings:
        return "is a setting of its own", f"write {refused.settings[name]} instead"
    if name in refused.overridden:
        return "Wasmtime sets this flag itself", "remove it"
    if name in refused.unloadable:
        return "with this flag changed, Wasmtime's loader refuses the artifact", "remove it"
    if name in refused.testing:
        return "is for tests of Cranelift itself", "remove it"
    for architecture, cpu in line.cpus.items():
        for feature in cpu.features:
            if name.replace("-", "_") == cpu.flag(feature):
                return f"is a CPU feature of {architecture}", f'write cpu-features = ["{feature}"] in a target for it'
    if name in ("pointer_width", "big_endian") or name.startswith("has_"):
        return "belongs to the target", "write the triple and the cpu of a target"
    known = [*flags, *refused.settings]
    meant = suggestion(name, known)
    if meant is None:
        return "unknown flag of Cranelift", f"flags are {', '.join(flags)}"
    if meant in refused.settings:
        return "unknown flag of Cranelift", f"write {refused.settings[meant]} instead"
    return "unknown flag of Cranelift", f"did you mean {meant}?"
