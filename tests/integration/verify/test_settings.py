"""Engine settings of real artifacts: no right one is refused, and a wrong one is found and called by its name."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from matrix import thorough

from wasmbuild.engine import cpu, lines, rules, triples
from wasmbuild.engine.rules import effective
from wasmbuild.verify import verify

SETTINGS = lines.get(48).settings
FLAGS = lines.get(48).flags
EMBEDDERS = {name: embedder.settings for name, embedder in lines.get(48).embedders.items()}
MODULE = '(module (func (export "f") (result i32) (i32.const 1)))'
FAMILIES = (
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "pulley64",
    "pulley64be",
    "pulley32",
)
COMPILED = [name for name, setting in SETTINGS.items() if not setting.runtime_only]
# With SIMD goes relaxed SIMD.
TOGETHER = {"wasm-simd": {"wasm-relaxed-simd": False}}


def another(name: str, value: Any, chance: random.Random) -> Any:
    setting = SETTINGS[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice([0, 1 << 16, 1 << 24, 3 << 20])
    return chance.choice([choice for choice in setting.choices if choice not in (value, "auto")])


def drawn(triple: triples.TargetTriple, line: int, chance: random.Random) -> dict[str, Any]:
    """Return settings that fit the target, any number of them other than by default."""
    engine: dict[str, Any] = {"embedder": chance.choice(list(EMBEDDERS))}
    for name in chance.sample(COMPILED, chance.randrange(8)):
        changed = {
            **engine,
            name: another(name, effective(engine, line, triple, engine.get("embedder", "c-api"))[name], chance),
        }
        if not rules.problems(changed, line=line, triple=triple):
            engine = changed
    flag = chance.choice(list(FLAGS))
    value = FLAGS[flag].default
    changed = {**engine, "cranelift-flags": {flag: not value}} if isinstance(value, bool) else engine
    return engine if rules.problems(changed, line=line, triple=triple) else changed


def test_right_artifacts_are_accepted_whatever_their_settings(tmp_path: Path, workshop: Any) -> None:
    chance = random.Random(48)  # noqa: S311 -- the same settings in every run
    manifests = []
    for number in range(72):
        triple = triples.parse(FAMILIES[number % len(FAMILIES)])
        engine = drawn(triple, workshop.line, chance)
        levels = list(cpu.levels(triple.architecture)) if not triple.is_pulley else [None]
        level = chance.choice(levels)
        manifest = workshop.ship(
            tmp_path, f"t{number}", triple.text, {"m": MODULE}, engine=engine, cpu_level=level, require="consistent"
        )
        manifests.append(manifest)
    workshop.index(tmp_path, *manifests)
    wrong = [entry for entry in verify([tmp_path]).artifacts if not entry.ok]
    assert wrong == []


@thorough("triple", FAMILIES, always=2)
def test_each_setting_that_differs_is_named(tmp_path: Path, workshop: Any, triple: str) -> None:
    parsed = triples.parse(triple)
    declared = effective({}, workshop.line, parsed)
    chance = random.Random(48)  # noqa: S311 -- the same settings in every run
    instead, expected = {}, {}
    for name in COMPILED:
        engine = {name: another(name, declared[name], chance), **TOGETHER.get(name, {})}
        if rules.problems(engine, line=workshop.line, triple=parsed):
            continue
        data = workshop.compile(MODULE, triple, engine)
        if data != workshop.compile(MODULE, triple, {}):
            instead[name] = data
            expected[name] = f"{name} is {str(engine[name]).lower()}" if not isinstance(engine[name], str) else name
    workshop.ship(tmp_path, "t", triple, dict.fromkeys(instead, MODULE), instead=instead)
    entries = verify([tmp_path], level="consistent").artifacts
    assert len(entries) == len(instead) >= 25
    for entry in entries:
        assert (entry.level, entry.failed) == ("intact", "consistent"), entry
        name = entry.id.partition("@")[0]
        message = entry.message.partition("has other engine settings than its manifest declares: ")[2]
        assert message.startswith(expected[name]), entry
        assert ("and" in message.partition(";")[0]) is False


@pytest.mark.parametrize("embedder", ["rust", "rust-minimal"])
def test_another_embedder_is_told_by_its_settings(tmp_path: Path, workshop: Any, embedder: str) -> None:
    workshop.ship(tmp_path, "t", FAMILIES[2], {"m": MODULE}, compiled_with={"embedder": embedder})
    [entry] = verify([tmp_path]).artifacts
    assert (entry.level, entry.failed) == ("intact", "consistent")
    for name, value in EMBEDDERS[embedder].items():
        shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
        assert f"{name} is {shown} instead of " in entry.message


def test_a_flag_of_cranelift_is_named(tmp_path: Path, workshop: Any) -> None:
    flags = {"cranelift-flags": {"regalloc_algorithm": "single_pass"}}
    workshop.ship(tmp_path, "t", FAMILIES[3], {"m": MODULE}, compiled_with=flags)
    [entry] = verify([tmp_path]).artifacts
    assert entry.message == (
        "m.cwasm has other engine settings than its manifest declares: cranelift-flags.regalloc_algorithm is "
        '"single_pass" instead of "backtracking"; was it built or changed by hand, or by another tool? build it again'
    )


def test_a_setting_is_named_though_a_flag_that_it_brings_is_declared(tmp_path: Path, workshop: Any) -> None:
    off = {"cranelift-flags": {"enable_table_access_spectre_mitigation": False}}
    workshop.ship(tmp_path, "t", "pulley64", {"m": MODULE}, compiled_with={"signals-based-traps": True, **off})
    [entry] = verify([tmp_path]).artifacts
    assert "declares: signals-based-traps is true instead of false; was it built" in entry.message


def test_a_manifest_that_lies_about_its_settings_is_found(tmp_path: Path, workshop: Any) -> None:
    manifest = workshop.ship(tmp_path, "t", "x86_64-unknown-linux-gnu", {"m": MODULE})
    workshop.write(tmp_path, manifest._replace(engine={**manifest.engine, "consume-fuel": True}))
    [entry] = verify([tmp_path]).artifacts
    assert (entry.level, entry.failed) == ("intact", "consistent")
    assert "consume-fuel is false instead of true" in entry.message
