"""The Rust module: an engine as declared, the check that it is one, and a loader that says what is wrong."""

from __future__ import annotations

from wasmbuild.embed import rust_text
from wasmbuild.embed.literals import filled, quoted, rows
from wasmbuild.embed.refusals import DAMAGED, STATUSES, Refusal, refusals
from wasmbuild.embed.rust_config import calls, is_minimal
from wasmbuild.embed.sha256 import ROUNDS, START
from wasmbuild.embed.spec import Probe, Spec
from wasmbuild.engine.triples import TargetTriple

_PER_LINE = 24
_WORDS_PER_LINE = 8
_NEVER = ("ok", "precompiled", "not_valid")
"""What this loader never says."""


def generate(spec: Spec) -> str:
    """Return the module. Raises UsageError for a setting that the crate cannot express."""
    statements = calls(spec)
    return filled(
        rust_text.MODULE,
        command=spec.command,
        line=spec.line,
        origin=spec.origin,
        origin_text=quoted(spec.origin),
        targets=spec.targets,
        statuses="\n".join(
            f"    /// {meaning[0].upper()}{meaning[1:]}.\n    {_variant(name)},"
            for name, meaning in STATUSES.items()
            if name not in _NEVER
        ),
        mutable="let mut " if any(not line.startswith("//") for line in statements) else "let ",
        config="\n".join(f"    {line}" for line in statements) or "    // All defaults.",
        compile_hint=rust_text.PRECOMPILE if is_minimal(spec) else rust_text.COMPILE,
        refusals="\n".join(f"    {_refusal(refusal)}," for refusal in refusals(spec.line)),
        damaged=_refusal(DAMAGED),
        rounds=_words(ROUNDS),
        start=_words(START),
        probes="\n".join([*(_probe(probe) for probe in spec.probes), _no_probe(spec)]),
    )


def _words(numbers: tuple[int, ...]) -> str:
    return rows([f"{number:#010x}" for number in numbers], _WORDS_PER_LINE, "        ")


def _variant(status: str) -> str:
    return "".join(word.capitalize() for word in status.split("_"))


def _refusal(refusal: Refusal) -> str:
    said, status, problem, fix = refusal
    return f"({quoted(said)}, Status::{_variant(status)}, {quoted(problem)}, {quoted(fix)})"


def _probe(probe: Probe) -> str:
    condition = f"#[cfg({_condition(probe.platform.triple)})] // {', '.join(probe.platform.targets)}"
    parts = [
        f"    ({part.offset}, &[\n{rows([str(byte) for byte in part.data], _PER_LINE, '        ')}\n    ]),"
        for part in probe.parts()
    ]
    return "\n".join(
        [
            "#[allow(dead_code)]",
            condition,
            f"pub const TARGET: &str = {quoted(probe.platform.targets[0])};",
            condition,
            f"const PROBE_SIZE: usize = {len(probe.artifact)};",
            condition,
            "#[rustfmt::skip]",
            "const PROBE: &[(usize, &[u8])] = &[",
            *parts,
            "];",
        ]
    )


def _no_probe(spec: Spec) -> str:
    conditions = ", ".join(_condition(probe.platform.triple) for probe in spec.probes)
    condition = f"#[cfg(not(any({conditions})))]"
    empty = "const PROBE: &[(usize, &[u8])] = &[];"
    target = f'#[allow(dead_code)]\n{condition}\npub const TARGET: &str = "";'
    return f"{target}\n{condition}\nconst PROBE_SIZE: usize = 0;\n{condition}\n{empty}"


def _condition(triple: TargetTriple) -> str:
    if triple.is_pulley:
        order = "big" if triple.is_big_endian else "little"
        return f'all(target_pointer_width = "{triple.pointer_width}", target_endian = "{order}")'
    # Rust calls Android a system, where a triple has it as an environment of Linux.
    system = "android" if triple.environment == "android" else triple.os
    return f'all(target_arch = "{triple.architecture}", target_os = "{system}")'
