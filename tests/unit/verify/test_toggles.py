from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.verify.toggles import toggles

SETTINGS = lines.get(48).settings
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
    declared = EngineConfig.declared(engine, line=48, triple=triple)
    before = declared.values()
    for toggle in toggles(declared):
        assert not toggle.engine.problems()
        after = toggle.engine.values()
        assert before[toggle.name] == toggle.declared
        assert after[toggle.name] == toggle.value != toggle.declared


def test_every_setting_that_reaches_the_compiler_is_toggled() -> None:
    toggled = {toggle.name for toggle in toggles(EngineConfig.declared({}, line=48, triple=X86))}
    compiled = {name for name, setting in SETTINGS.items() if not setting.runtime_only}
    # Line 48 has no such feature.
    assert compiled - toggled <= {"wasm-component-model-implements"}


def test_what_a_declaration_takes_back_from_its_preset_stays_taken_back() -> None:
    declared = EngineConfig.declared({"embedder": "rust", "collector": "drc"}, line=48, triple=X86)
    assert {toggle.declared for toggle in toggles(declared) if toggle.name == "collector"} == {"drc"}
