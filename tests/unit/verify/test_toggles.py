from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.formats.cwasm import read
from wasmbuild.project import settings, triples
from wasmbuild.project.rules import effective
from wasmbuild.verify.toggles import Toggle, Toggled, described, first_step, names, toggles

X86, PULLEY = triples.parse("x86_64-unknown-linux-gnu"), triples.parse("pulley64")
ENGINES: list[dict[str, Any]] = [
    {},
    {"embedder": "rust-minimal"},
    {"signals-based-traps": False},
    {"wasm-simd": False, "wasm-relaxed-simd": False},
    {"cranelift-flags": {"regalloc_algorithm": "single_pass"}},
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("triple", [X86, PULLEY], ids=str)
def test_a_toggle_changes_its_setting_in_an_engine_that_compilers_take(
    engine: dict[str, Any], triple: triples.TargetTriple
) -> None:
    declared = settings.expand(engine, 48, triple)
    before = effective(declared, 48, triple)
    for toggle in toggles(declared, 48, triple):
        assert not settings.problems(toggle.engine, line=48, triple=triple)
        after = effective(toggle.engine, 48, triple)
        assert before[toggle.name] == toggle.declared
        assert after[toggle.name] == toggle.value != toggle.declared


def test_every_setting_that_reaches_the_compiler_is_toggled() -> None:
    toggled = {toggle.name for toggle in toggles(settings.expand({}, 48, X86), 48, X86)}
    compiled = {name for name, setting in settings.SETTINGS.items() if not setting.runtime_only}
    # Line 48 has no such feature.
    assert compiled - toggled <= {"wasm-component-model-implements"}


FLAGS = {"opt_level": "speed", "unwind_info": True}
# Numbers 5, 300, 1, and the features 0b1011.
TAIL = b"\x05\xac\x02\x01\x0b"


def variant(name: str, value: Any, declared: Any, tail: bytes = TAIL, flags: Any = FLAGS) -> Toggled:
    return Toggled(Toggle(name, value, declared, {}), flags, tail)


VARIANTS = [
    variant("fuel", False, True, b"\x05\xac\x02\x00\x0b"),
    variant("size", 128 + 300, 300, b"\x05\xac\x03\x01\x0b"),
    variant("wasm-threads", False, True, b"\x05\xac\x02\x01\x09"),
    variant("both", "x", "y", b"\x06\xac\x02\x00\x0b", {"opt_level": "none", "unwind_info": True}),
    variant("nothing", True, False),
    variant("longer", True, False, b"\x05\x00\xac\x02\x01\x0b"),
]


def told(maker: Any, tail: bytes, flags: Any = FLAGS) -> list[str]:
    return names(FLAGS, TAIL, read(maker.artifact(shared=flags, tail=tail)), VARIANTS)


def test_one_setting_is_named(maker: Any) -> None:
    assert told(maker, b"\x05\xac\x02\x00\x0b") == ["fuel is false instead of true"]
    assert told(maker, b"\x05\xac\x02\x01\x09") == ["wasm-threads is false instead of true"]


def test_a_number_that_nobody_tried_is_read(maker: Any) -> None:
    assert told(maker, b"\x05\x07\x01\x0b") == ["size is 7 instead of 300"]


def test_several_settings_are_named(maker: Any) -> None:
    assert told(maker, b"\x05\x07\x00\x09") == [
        "fuel is false instead of true",
        "size is 7 instead of 300",
        "wasm-threads is false instead of true",
    ]


def test_what_explains_more_is_named_instead_of_its_parts(maker: Any) -> None:
    assert told(maker, b"\x06\xac\x02\x00\x0b", {"opt_level": "none", "unwind_info": True}) == [
        'both is "x" instead of "y"'
    ]


def test_what_has_no_setting_is_not_hidden(maker: Any) -> None:
    flags = {"opt_level": "none", "unwind_info": True, "new\x1b": False}
    assert told(maker, b"\x05\xac\x02\x01\x4b", flags) == [
        'cranelift-flags.new\\x1b is false instead of "unknown"',
        'cranelift-flags.opt_level is "none" instead of "speed"',
        "something that has no name here",
    ]


@pytest.mark.parametrize("tail", [b"", b"\x80" * 600, b"\xff" * 5000, b"\x01" * 5000])
def test_a_hostile_tail_is_only_different(maker: Any, tail: bytes) -> None:
    assert told(maker, tail)[-1] == "something that has no name here"


def test_a_row_of_another_length_is_lined_up_first(maker: Any) -> None:
    facts = read(maker.artifact(shared=FLAGS, tail=b"\x05\x00\xac\x02\x00\x0b"))
    step = first_step(TAIL, facts, VARIANTS)
    assert step is not None
    assert described(step.toggle) == "longer is true instead of false"
    assert first_step(TAIL, read(maker.artifact(tail=TAIL)), VARIANTS) is None


def test_what_a_declaration_takes_back_from_its_preset_stays_taken_back() -> None:
    declared = settings.expand({"embedder": "rust", "collector": "drc"}, 48, X86)
    assert {toggle.declared for toggle in toggles(declared, 48, X86) if toggle.name == "collector"} == {"drc"}
