from __future__ import annotations

import json
from typing import Any

import pytest
from declarations import (
    ARM,
    FLAGS,
    LINUX,
    PULLEY,
    PULLEY32,
    RISCV,
    SETTINGS,
    WINDOWS,
    declarations,
    lines_of_wasmtime,
    targets,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from wasmbuild.engine import lines, rules, settings, translations, triples
from wasmbuild.engine.rules import value_problems

SPECTRE = "enable_heap_access_spectre_mitigation"

_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.booleans())


def told(declared: dict[str, Any], triple: triples.TargetTriple | None = LINUX, line: int = 48) -> list[str]:
    return [f"{key}: {problem}; {fix}" for key, problem, fix in rules.problems(declared, line=line, triple=triple)]


# --- canonical form


def test_a_default_spelled_out_is_the_same_engine() -> None:
    for line in lines.known():
        for triple in (None, LINUX, PULLEY, PULLEY32):
            architecture = triple.architecture if triple is not None else None
            defaults = lines.get(line).setting_defaults(architecture)
            assert settings.expand(defaults, line, triple) == {"embedder": "c-api"}
    flags = {name: flag.default for name, flag in FLAGS.items()}
    assert settings.expand({"cranelift-flags": flags}, 48, LINUX) == {"embedder": "c-api"}
    assert settings.expand({"cranelift-flags": {}, "strategy": "auto"}, 48) == {"embedder": "c-api"}


def test_presets_are_expanded_and_overridden() -> None:
    assert settings.expand({"embedder": "rust"}, 48) == {"embedder": "rust", "collector": "copying"}
    assert settings.expand({"embedder": "cli"}, 48) == {"embedder": "cli", "collector": "copying"}
    assert settings.expand({"embedder": "rust", "collector": "drc"}, 48) == {"embedder": "rust"}
    minimal = settings.expand({"embedder": "rust-minimal", "wasm-threads": True}, 48, LINUX)
    assert minimal == {
        "embedder": "rust-minimal",
        "concurrency-support": False,
        "gc-support": False,
        "wasm-component-model": False,
        "wasm-exceptions": False,
        "wasm-gc": False,
    }


def test_defaults_are_those_of_line_target_and_strategy() -> None:
    assert settings.expand({"wasm-wide-arithmetic": True}, 48) == {"embedder": "c-api", "wasm-wide-arithmetic": True}
    assert settings.expand({"wasm-wide-arithmetic": True}, 49) == {"embedder": "c-api"}
    assert settings.expand({"memory-guard-size": 32 << 20}, 48, PULLEY)["memory-guard-size"] == 32 << 20
    assert settings.expand({"memory-guard-size": 0}, 48, PULLEY) == {"embedder": "c-api"}
    assert settings.expand({"wasm-threads": False}, 48, PULLEY) == {"embedder": "c-api"}
    assert settings.expand({"memory-reservation": 10 << 20}, 48, PULLEY32) == {"embedder": "c-api"}
    winch = {"embedder": "c-api", "strategy": "winch"}
    assert settings.expand({"strategy": "winch", "wasm-gc": False, "wasm-exceptions": False}, 48, LINUX) == winch
    assert settings.expand({"strategy": "winch", "wasm-exceptions": False}, 49, LINUX) == {
        **winch,
        "wasm-exceptions": False,
    }
    assert settings.expand({"strategy": "winch", "wasm-threads": False}, 48, ARM) == winch


def test_spectre_flags_follow_signals_based_traps() -> None:
    off = {"cranelift-flags": {SPECTRE: False}}
    assert settings.expand(off, 48, LINUX) == {"embedder": "c-api", **off}
    assert settings.expand(off, 48, PULLEY) == {"embedder": "c-api"}
    on = {"cranelift-flags": {SPECTRE: True}, "signals-based-traps": True}
    assert settings.expand(on, 48, PULLEY) == {"embedder": "c-api", "signals-based-traps": True}


@hypothesis_settings(deadline=None)
@given(declarations, targets, lines_of_wasmtime)
def test_a_canonical_engine_is_sound_sorted_and_only_differences(
    declared: dict[str, Any], triple: triples.TargetTriple, line: int
) -> None:
    # What is sound in line 48 and is not there in another one.
    missing = declared.keys() - lines.get(line).settings.keys()
    missing |= {"embedder", "collector", *(f"cranelift-flags.{flag}" for flag in FLAGS)}
    assert {key for key, *_ in value_problems(declared, line=line)} <= missing
    if rules.problems(declared, line=line, triple=triple):
        with pytest.raises(ValueError, match=": "):
            settings.expand(declared, line, triple)
        return
    engine = settings.expand(declared, line, triple)
    spelled_out = {name: value for name, value in engine.items() if name != "embedder"}
    assert rules.problems(spelled_out, line=line, triple=triple) == []
    assert list(engine) == ["embedder", *sorted(set(engine) - {"embedder"})]
    has = lines.get(line)
    defaults = has.setting_defaults(triple.architecture, engine.get("strategy", "cranelift"))
    # What follows is named for its default too, where that keeps others from following.
    defaults.update(has.dependent(rules.effective(engine, line, triple)))
    apart = {name for name in defaults if not has.settings[name].follows}
    assert not [name for name in engine if name in apart and engine[name] == defaults[name]]
    assert json.loads(json.dumps(engine)) == engine
    overridden = {**engine, "embedder": "c-api"}
    assert settings.expand(overridden, line, triple) == overridden


@hypothesis_settings(deadline=None)
@given(declarations, targets, lines_of_wasmtime)
def test_the_order_of_a_declaration_does_not_matter(
    declared: dict[str, Any], triple: triples.TargetTriple, line: int
) -> None:
    if not rules.problems(declared, line=line, triple=triple):
        reverse = dict(reversed(declared.items()))
        assert list(settings.expand(declared, line, triple).items()) == list(
            settings.expand(reverse, line, triple).items()
        )


# --- what is refused


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"embeder": "rust"}, "embeder: unknown setting; did you mean embedder?"),
        ({"wasm_threads": True}, "wasm_threads: unknown setting; did you mean wasm-threads?"),
        ({"threads": True}, "threads: unknown setting; did you mean wasm-threads?"),
        ({"opt-level": "s"}, "opt-level: unknown setting; did you mean cranelift-opt-level?"),
        ({"inlining": True}, "inlining: unknown setting; did you mean compiler-inlining?"),
        ({"address-map": True}, "address-map: unknown setting; did you mean generate-address-map?"),
        ({"target": "x"}, "target: is not a setting of the engine here; write triple in a target"),
        ({"zzz": 1}, "zzz: unknown setting; remove it; wasmbuild schema wasmbuild.toml lists all settings"),
        ({"embedder": "rustt"}, 'embedder: unknown value "rustt"; did you mean "rust"?'),
        ({"embedder": True}, 'embedder: must be text, not true; write one of "c-api", "cli", "rust", "rust-minimal"'),
        ({"consume-fuel": 1}, "consume-fuel: must be true or false, not 1; write true or false"),
        ({"consume-fuel": "yes"}, 'consume-fuel: must be true or false, not "yes"; write true or false'),
        (
            {"compiler-inlining": "yes"},
            'compiler-inlining: must be true or false or "gc" or "intrinsics", not "yes"; write true or false or "gc" '
            'or "intrinsics"',
        ),
        (
            {"memory-guard-size": True},
            "memory-guard-size: must be a number of bytes, not true; write a number of bytes, for example 33554432",
        ),
        (
            {"memory-guard-size": 1.5},
            "memory-guard-size: must be a number of bytes, not 1.5; write a number of bytes, for example 33554432",
        ),
        (
            {"memory-guard-size": 33554432 + 2**64},
            "memory-guard-size: 18446744073743106048 is out of range; write a number of bytes from 0 to "
            "2305843009213693952",
        ),
        (
            {"memory-reservation": -1},
            "memory-reservation: -1 is out of range; write a number of bytes from 0 to 2305843009213693952",
        ),
        (
            {"memory-reservation": 10**5000},
            "memory-reservation: an enormous number is out of range; write a number of bytes from 0 to "
            "2305843009213693952",
        ),
        ({"max-wasm-stack": 0}, "max-wasm-stack: 0 is out of range; write a number of bytes from 1 to 2097152"),
        (
            {"max-wasm-stack": (2 << 20) + 1},
            "max-wasm-stack: 2097153 is out of range; write a number of bytes from 1 to 2097152",
        ),
        ({"collector": "gc"}, 'collector: unknown value "gc"; write one of "drc", "copying", "null"'),
        ({"cranelift-opt-level": "sped"}, 'cranelift-opt-level: unknown value "sped"; did you mean "speed"?'),
        ({"cache": "/etc/x"}, 'cache: must be true or false, not "/etc/x"; write true or false'),
        (
            {"cranelift-flags": True},
            'cranelift-flags: must be a table of flags, not true; write { regalloc_algorithm = "single_pass" }',
        ),
        (
            {"cranelift-flags": {"regalloc-algorithm": "single_pass"}},
            "cranelift-flags.regalloc-algorithm: unknown flag of Cranelift; did you mean regalloc_algorithm?",
        ),
        (
            {"cranelift-flags": {"regalloc_algorithm": "single"}},
            'cranelift-flags.regalloc_algorithm: unknown value "single"; did you mean "single_pass"?',
        ),
        (
            {"cranelift-flags": {"is_pic": "true"}},
            'cranelift-flags.is_pic: must be true or false, not "true"; write true or false',
        ),
        (
            {"cranelift-flags": {"log2_min_function_alignment": 63}},
            "cranelift-flags.log2_min_function_alignment: 63 is out of range; write a number from 0 to 12",
        ),
        (
            {"cranelift-flags": {"opt_level": "none"}},
            "cranelift-flags.opt_level: is a setting of its own; write cranelift-opt-level instead",
        ),
        (
            {"cranelift-flags": {"enable_probestack": True}},
            "cranelift-flags.enable_probestack: Wasmtime sets this flag itself; remove it",
        ),
        (
            {"cranelift-flags": {"enable_pinned_reg": True}},
            "cranelift-flags.enable_pinned_reg: with this flag changed, Wasmtime's loader refuses the artifact; "
            "remove it",
        ),
        (
            {"cranelift-flags": {"bb_padding_log2_minus_one": 64}},
            "cranelift-flags.bb_padding_log2_minus_one: is for tests of Cranelift itself; remove it",
        ),
        (
            {"cranelift-flags": {"has_avx2": True}},
            'cranelift-flags.has_avx2: is a CPU feature of x86_64; write cpu-features = ["avx2"] in a target for it',
        ),
        (
            {"cranelift-flags": {"has-lse": True}},
            'cranelift-flags.has-lse: is a CPU feature of aarch64; write cpu-features = ["lse"] in a target for it',
        ),
        (
            {"cranelift-flags": {"use_bti": True}},
            'cranelift-flags.use_bti: is a CPU feature of aarch64; write cpu-features = ["use_bti"] in a target for it',
        ),
        (
            {"cranelift-flags": {"pointer_width": "pointer32"}},
            "cranelift-flags.pointer_width: belongs to the target; write the triple and the cpu of a target",
        ),
        (
            {"wasm-simd": False},
            "wasm-simd: relaxed SIMD cannot be without SIMD; write wasm-relaxed-simd = false too",
        ),
        (
            {"wasm-stack-switching": True, "compiler-inlining": "gc"},
            "compiler-inlining: cannot be on together with wasm-stack-switching; switch one of them off",
        ),
        (
            {"debug-info": True, "generate-address-map": False},
            "generate-address-map: debug-info needs the address map; leave it out, or write debug-info = false",
        ),
        (
            {"signals-based-traps": False, "cranelift-flags": {SPECTRE: True}},
            f"cranelift-flags.{SPECTRE}: Spectre mitigations need signals-based traps, which are off by default on "
            f"Pulley; leave it out, or write {SPECTRE} = false",
        ),
        (
            {"strategy": "winch", "wasm-gc": True},
            "wasm-gc: Winch of Wasmtime 48 lacks it; remove it, or write false",
        ),
        (
            {"strategy": "winch", "signals-based-traps": False},
            "signals-based-traps: Winch cannot work with signals-based-traps = false; write signals-based-traps = true",
        ),
        (
            {"strategy": "winch", "table-lazy-init": False},
            "table-lazy-init: Winch cannot work with table-lazy-init = false; write table-lazy-init = true",
        ),
        (
            {"strategy": "winch", "debug-info": True},
            "debug-info: Winch cannot work with debug-info = true; write debug-info = false",
        ),
    ],
)
def test_refused_on_every_target(declared: dict[str, Any], problem: str) -> None:
    assert told(declared) == [problem]
    assert told(declared, triple=None) == [problem]


@pytest.mark.parametrize(
    ("declared", "triple", "problem"),
    [
        (
            {"wasm-threads": True},
            PULLEY,
            "wasm-threads: pulley64 has no threads; write wasm-threads = false for this target",
        ),
        (
            {"debug-info": True},
            PULLEY32,
            "debug-info: pulley32 has no native code to debug; write debug-info = false for this target",
        ),
        (
            {"cranelift-flags": {SPECTRE: True}},
            PULLEY,
            f"cranelift-flags.{SPECTRE}: Spectre mitigations need signals-based traps, which are off by default on "
            f"Pulley; leave it out, or write {SPECTRE} = false",
        ),
        (
            {"wasm-stack-switching": True},
            ARM,
            "wasm-stack-switching: works on x86_64 Linux and macOS, not on aarch64-unknown-linux-gnu; write "
            "wasm-stack-switching = false for this target",
        ),
        (
            {"wasm-stack-switching": True},
            WINDOWS,
            "wasm-stack-switching: works on x86_64 Linux and macOS, not on x86_64-pc-windows-msvc; write "
            "wasm-stack-switching = false for this target",
        ),
        (
            {"native-unwind-info": False},
            WINDOWS,
            "native-unwind-info: Windows cannot do without unwind tables; write native-unwind-info = true for this "
            "target",
        ),
        (
            {"strategy": "winch"},
            RISCV,
            'strategy: Winch compiles for x86_64 and aarch64, not for riscv64; write strategy = "cranelift" for this '
            "target",
        ),
        (
            {"strategy": "winch", "wasm-threads": True},
            ARM,
            "wasm-threads: Winch of Wasmtime 48 lacks it on aarch64; remove it, or write false",
        ),
    ],
)
def test_refused_by_a_target(declared: dict[str, Any], triple: triples.TargetTriple, problem: str) -> None:
    assert told(declared, triple) == [problem]
    assert told(declared, None) == []
    assert triple is LINUX or told(declared, LINUX) == []


def test_refused_by_a_line() -> None:
    declared = {"strategy": "winch", "gc-support": False}
    problem = (
        "gc-support: Winch cannot compile with exceptions and without gc-support; write wasm-exceptions = false, or "
        "gc-support = true"
    )
    assert [told(declared, line=line) for line in (48, 49, 50)] == [[], [problem], []]
    lacks = "wasm-tail-call: Winch of Wasmtime 49 lacks it; remove it, or write false"
    assert told({"strategy": "winch", "wasm-tail-call": True}, line=49) == [lacks]
    assert told({"strategy": "winch", "wasm-tail-call": True}, line=50) == []
    wide = {"strategy": "winch", "wasm-wide-arithmetic": True}
    lacks = "wasm-wide-arithmetic: Winch of Wasmtime 36 lacks it on aarch64; remove it, or write false"
    assert [told(wide, ARM, line) for line in (36, 48)] == [[lacks], []]
    assert [told(wide, LINUX, line) for line in (36, 48)] == [[], []]


def test_a_line_that_was_not_measured() -> None:
    *others, last = map(str, lines.known())
    known = f"which knows {', '.join(others)} and {last}; write one of {', '.join((*others, last))}"
    problem = f": Wasmtime 47 is unknown to this version of wasmbuild, {known}"
    assert told({}, line=47) == [problem]
    with pytest.raises(ValueError, match="Wasmtime 47 is unknown"):
        settings.expand({}, 47)
    for translate in (
        translations.cli_args,
        translations.config_calls,
        translations.compiler_inputs,
        translations.library_lacks,
    ):
        with pytest.raises(ValueError, match="the settings of Wasmtime 47 are not known"):
            translate({}, 47)


def test_all_problems_are_told_and_each_once() -> None:
    declared = {"embedder": 1, "consume-fuel": "x", "wasm-simd": False, "cranelift-flags": {"a": 1, SPECTRE: "x"}}
    assert [key for key, _problem, _fix in rules.problems(declared, line=48, triple=PULLEY)] == [
        "embedder",
        "consume-fuel",
        "cranelift-flags.a",
        f"cranelift-flags.{SPECTRE}",
        "wasm-simd",
    ]


@hypothesis_settings(deadline=None)
@given(
    st.dictionaries(st.text() | st.sampled_from([*SETTINGS, "embedder", "cranelift-flags"]), _values),
    st.dictionaries(st.text() | st.sampled_from([*FLAGS]), _values),
    targets,
)
def test_anything_is_judged(declared: dict[str, Any], flags: dict[str, Any], triple: triples.TargetTriple) -> None:
    for value in (declared, {**declared, "cranelift-flags": flags}):
        for _key, problem, fix in rules.problems(value, line=48, triple=triple):
            assert problem.isprintable()
            assert fix.isprintable()
