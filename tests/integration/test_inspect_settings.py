"""Settings that ``wasmbuild inspect`` tells of artifacts without any record, for engines of every kind.

Needs the extra ``cross``: the library and an executable of one line.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from inspecting import LOG, inspected
from matrix import thorough
from support import HEAD, Project

from wasmbuild.engine import lines, rules, triples
from wasmbuild.engine import settings as engine_settings
from wasmbuild.engine.rules import effective

SETTINGS = lines.get(48).settings
EMBEDDERS = {name: embedder.settings for name, embedder in lines.get(48).embedders.items()}


@thorough("engines", [5, 20], always=1)
def test_settings_are_told_without_any_record(tmp_path: Path, engines: int) -> None:
    project = Project(tmp_path)
    project.write("log.wat", LOG)
    chance = random.Random(48)  # noqa: S311 -- the same settings in every run
    families = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "s390x-unknown-linux-gnu", "pulley64", "pulley32"]
    expected, targets = {}, []
    for number in range(engines):
        triple = triples.parse(families[number % len(families)])
        engine = _drawn(triple, chance)
        expected[f"t{number}"] = _visible(engine_settings.expand(engine, 48, triple))
        rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in engine.items())
        targets.append(f'[targets.t{number}]\ntriple = "{triple}"\n[targets.t{number}.engine]\n{rows}')
    project.declare("".join([HEAD, *targets, '[modules.log]\nsource = "log.wat"\n']))
    project.run("build", "-q")
    for target in expected:
        shutil.move(project.build / target / "log.cwasm", tmp_path / f"{target}.cwasm")
    found = inspected(project, *(f"{target}.cwasm" for target in expected))["files"]
    for file in found:
        engine = file["artifact"]["engine"]
        assert (_visible(engine["settings"]), engine["exact"]) == (expected[Path(file["path"]).stem], True)
        assert file["origin"] is None


@pytest.mark.parametrize(
    "declared",
    [
        {"memory-reservation": 3 << 20},
        {"memory-reservation": 3 << 20, "gc-heap-reservation": 3 << 20, "gc-heap-may-move": False},
        {"memory-reservation": 3 << 20, "gc-heap-reservation": 1 << 32},
        {"memory-reservation": 3 << 20, "gc-heap-reservation": 5 << 20},
    ],
)
def test_settings_of_the_gc_heap_are_told_beside_those_of_memories(tmp_path: Path, declared: dict[str, Any]) -> None:
    project = Project(tmp_path)
    rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in declared.items())
    project.declare(
        f'{HEAD}[engine]\n{rows}[targets.x]\ntriple = "x86_64-unknown-linux-gnu"\n[modules.log]\nsource = "log.wat"'
    )
    project.write("log.wat", LOG)
    project.run("build", "-q")
    shutil.move(project.build / "x/log.cwasm", tmp_path / "log.cwasm")
    [file] = inspected(project, "log.cwasm")["files"]
    engine = file["artifact"]["engine"]
    assert engine == {**engine, "exact": True, "settings": {"embedder": "c-api", **declared}}


@pytest.mark.parametrize("family", ["pulley64", "x86_64-unknown-linux-gnu"])
def test_a_mitigation_that_is_off_is_told_whatever_brings_the_others(tmp_path: Path, family: str) -> None:
    project = Project(tmp_path)
    off = {"cranelift-flags": {"enable_table_access_spectre_mitigation": False}}
    rows = "signals-based-traps = true\ncranelift-flags = { enable_table_access_spectre_mitigation = false }\n"
    project.declare(f'{HEAD}[engine]\n{rows}[targets.x]\ntriple = "{family}"\n[modules.log]\nsource = "log.wat"')
    project.write("log.wat", LOG)
    project.run("build", "-q")
    shutil.move(project.build / "x/log.cwasm", tmp_path / "log.cwasm")
    [file] = inspected(project, "log.cwasm")["files"]
    engine = file["artifact"]["engine"]
    signals = {"signals-based-traps": True} if family == "pulley64" else {}
    assert engine == {**engine, "exact": True, "settings": {"embedder": "c-api", **off, **signals}}


def _visible(engine: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that an artifact can show.

    Without garbage, which Winch of line 48 never has, it does not matter who collects it; and Winch always verifies.
    """
    hidden = {"embedder"}
    if engine.get("strategy") == "winch":
        hidden |= {"collector", "cranelift-debug-verifier"}
    elif engine.get("gc-support") is False:
        hidden.add("collector")
    return {name: value for name, value in engine.items() if name not in hidden}


def _drawn(triple: triples.TargetTriple, chance: random.Random) -> dict[str, Any]:
    """Return settings that fit a target, some of them other than by default."""
    compiled = [name for name, setting in SETTINGS.items() if not setting.runtime_only]
    engine: dict[str, Any] = {"embedder": chance.choice(list(EMBEDDERS))}
    for name in chance.sample(compiled, chance.randrange(6)):
        value = effective(engine, 48, triple, engine.get("embedder", "c-api"))[name]
        choices = [choice for choice in SETTINGS[name].choices if choice not in (value, "auto")]
        other: Any = chance.choice(choices) if choices else not value if isinstance(value, bool) else 3 << 20
        if not rules.problems({**engine, name: other}, line=48, triple=triple):
            engine[name] = other
    return engine
