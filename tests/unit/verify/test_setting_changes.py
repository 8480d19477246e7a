from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.verify.setting_changes import single_changes

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
def test_a_change_is_of_its_setting_in_an_engine_that_compilers_take(
    engine: dict[str, Any], triple: triples.TargetTriple
) -> None:
    declared = EngineConfig.declared(engine, line=48, triple=triple)
    before = declared.values()
    for change in single_changes(declared):
        assert not change.engine.problems()
        after = change.engine.values()
        assert before[change.name] == change.declared
        assert after[change.name] == change.value != change.declared


def test_every_setting_that_reaches_the_compiler_is_changed() -> None:
    changed = {change.name for change in single_changes(EngineConfig.declared({}, line=48, triple=X86))}
    compiled = {name for name, setting in SETTINGS.items() if not setting.runtime_only}
    # Line 48 has no such feature.
    assert compiled - changed <= {"wasm-component-model-implements"}


def test_what_a_declaration_takes_back_from_its_preset_stays_taken_back() -> None:
    declared = EngineConfig.declared({"embedder": "rust", "collector": "drc"}, line=48, triple=X86)
    assert {change.declared for change in single_changes(declared) if change.name == "collector"} == {"drc"}
