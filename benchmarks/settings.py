"""Random engine settings on all families of targets: ``verify`` accepts every right artifact."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wasmtime import wat2wasm

from benchmarks.measure import seconds
from benchmarks.table import Benchmark, Count
from benchmarks.workspace import LINE, Workspace
from tests import families
from wasmbuild.engine import cpu, host, lines, rules, triples
from wasmbuild.line_check.sample import MODULE
from wasmbuild.verify import Verdict, verify

SETTINGS = lines.get(LINE).settings
FLAGS = lines.get(LINE).flags
EMBEDDERS = {name: embedder.settings for name, embedder in lines.get(LINE).embedders.items()}
_SEED = 48
_COUNT = 1_000
_QUICK_COUNT = 100
_MOST_SETTINGS = 12
# Of one project.
_TARGETS = 100
_CHANGES = [name for name, setting in SETTINGS.items() if not setting.runtime_only]


class _Target(NamedTuple):
    name: str
    triple: triples.TargetTriple
    cpu: str | None
    features: list[str]
    engine: Mapping[str, Any]

    def toml(self) -> str:
        """Return the table of the target."""
        lines = [f"[targets.{self.name}]", f'triple = "{self.triple}"', f"engine = {_inline(self.engine)}"]
        if self.cpu is not None:
            lines += [f'cpu = "{self.cpu}"', f"cpu-features = {json.dumps(self.features)}"]
        return "\n".join(lines)

    def accepted(self, entry: Verdict) -> bool:
        """Tell whether a verdict is right: what this host can load is loaded, but for a CPU that lacks a feature."""
        if not entry.ok or entry.level not in ("consistent", "loaded"):
            return False
        return entry.level == "loaded" or not host.runs(self.triple) or "its CPU lacks" in entry.message


def accepted(workspace: Workspace) -> Count:
    """Compile one module for as many targets, each with settings of its own, and verify all of them."""
    chance = random.Random(_SEED)  # noqa: S311 -- the same settings in every run
    count = _QUICK_COUNT if workspace.quick else _COUNT
    each = itertools.cycle(map(triples.parse, families.TRIPLES))
    targets = [_target(f"t{number:04}", triple, chance) for number, triple in zip(range(count), each, strict=False)]
    directories = [
        _built(workspace, start, targets[start : start + _TARGETS]) for start in range(0, len(targets), _TARGETS)
    ]
    report = verify(directories)
    verdicts = {entry.id: entry for entry in report.artifacts}
    missed = list(_missed(targets, verdicts))
    loaded = sum(entry.level == "loaded" for entry in verdicts.values())
    kinds = f"{len(families.TRIPLES)} triples, all CPU levels"
    what = f"right artifacts of random settings accepted; {kinds}, {loaded:,} loaded here"
    return Count("settings", what, len(targets), missed)


def _built(workspace: Workspace, number: int, targets: Sequence[_Target]) -> Path:
    """Build the module for some targets, and return the build directory."""
    directory = workspace.root / f"settings-{number}"
    directory.mkdir()
    (directory / "module.wasm").write_bytes(wat2wasm(MODULE))
    head = f'[project]\nname = "settings"\n[toolchain]\ncompiler = {json.dumps(str(workspace.executable))}'
    tables = [head, '[modules.m]\nsource = "module.wasm"', *(target.toml() for target in targets)]
    (directory / "wasmbuild.toml").write_text("\n".join(tables), encoding="utf-8")
    seconds(workspace.environment.wasmbuild("build", f"-j{workspace.jobs}"), directory)
    return directory / "build"


def _missed(targets: Sequence[_Target], verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    for target in targets:
        entry = verdicts.get(f"m@{target.name}")
        if entry is None or not target.accepted(entry):
            verdict = "no verdict" if entry is None else f"level {entry.level}: {entry.message}"
            yield f"{target.toml()!r}: {verdict}"


def _target(name: str, triple: triples.TargetTriple, chance: random.Random) -> _Target:
    levels = list(cpu.levels(triple.architecture))
    if not levels:
        return _Target(name, triple, None, [], _engine(triple, chance))
    features = chance.sample(list(cpu.features(triple.architecture)), chance.choice((0, 0, 1, 3)))
    return _Target(name, triple, chance.choice(levels), features, _engine(triple, chance))


def _engine(triple: triples.TargetTriple, chance: random.Random) -> dict[str, Any]:
    """Return settings that the target accepts, up to many of them other than by default."""
    engine: dict[str, Any] = {"embedder": chance.choice(list(EMBEDDERS))}
    for name in chance.sample(_CHANGES, chance.randint(0, _MOST_SETTINGS)):
        setting = SETTINGS[name]
        value = _value(setting.default, setting.choices, setting.low, setting.high, chance)
        engine = _if_accepted(engine, {**engine, name: value}, triple)
    for name in chance.sample(list(FLAGS), chance.choice((0, 0, 1, 3))):
        flag = FLAGS[name]
        value = _value(flag.default, flag.choices, flag.low, flag.high, chance)
        flags = {**engine.get("cranelift-flags", {}), name: value}
        engine = _if_accepted(engine, {**engine, "cranelift-flags": flags}, triple)
    return engine


def _if_accepted(before: dict[str, Any], after: dict[str, Any], triple: triples.TargetTriple) -> dict[str, Any]:
    return before if rules.problems(after, line=LINE, triple=triple) else after


def _value(default: object, choices: tuple[str, ...], low: int, high: int, chance: random.Random) -> Any:
    if isinstance(default, bool):
        return chance.random() < 0.5
    if isinstance(default, int):
        return chance.choice((low, high, default, chance.randint(low, min(high, 1 << 40))))
    return chance.choice(choices)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


BENCHMARKS = [Benchmark("settings", accepted)]
