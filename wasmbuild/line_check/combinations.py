"""Random engines and every two settings, on many targets: what rules take compiles, what they refuse does not."""

from __future__ import annotations

import random
from itertools import combinations as every

from wasmbuild.engine import cpu, host, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Line
from wasmbuild.line_check.compilers import Compilers
from wasmbuild.line_check.topic import Topic

TRIPLES = (
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "pulley32",
    "pulley64",
    "pulley64be",
)
# Both compilers inside Wasmtime compile for these.
_IN_PAIRS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
_EACH = 40
_PRESET = "embedder"


def combinations(line: Line, compilers: Compilers) -> Topic:
    """Declare engines, the same ones each time, and compile with those that are refused too."""
    topic = Topic("combinations")
    for text in TRIPLES:
        triple = triples.parse(text)
        chooser = random.Random(f"settings for {text}")  # noqa: S311 -- repeatable, not secret
        declarations = [_some(chooser, line) for _ in range(_EACH)]
        declarations += _pairs(line) if text in _IN_PAIRS else []
        found = [rules.problems(declared, line=line.number, triple=triple) for declared in declarations]
        engines = [
            _engine(line, triple, declared, refused=bool(problems))
            for declared, problems in zip(declarations, found, strict=True)
        ]
        attempts = compilers.compile_all([engine.executable_arguments() for engine in engines])
        for declared, problems, engine, attempt in zip(declarations, found, engines, attempts, strict=True):
            # Pulley refuses it where a value can be located, which some optimizations prevent.
            if triple.is_pulley and {key for key, _problem, _fix in problems} == {"debug-info"}:
                continue
            topic.check(
                (attempt.artifact is None) is bool(problems),
                "conflicts",
                f"{declared} on {text} is "
                + (f"refused here ({problems[0][1]}), and compiles" if problems else f"refused: {attempt.said}"),
                "mend the rule that says so" if problems else "write a table [conflicts.NAME] that says so",
            )
            lacking = engine.library_lacks(runs=False)
            if problems or attempt.artifact is None or lacking or "debug-info" in engine.settings:
                continue
            if not compilers.has_library_for(triple):
                is_of_host = text == host.triple() and compilers.lacks_library(triple)
                topic.untried += [f"engines of the library on {text}"] * is_of_host
                continue
            topic.check(
                compilers.compile_by_library(engine).artifact == attempt.artifact,
                "settings",
                f"library and executable make different artifacts of {declared} on {text}",
                "look at what the topics above say of each setting",
            )
    return topic


def _engine(line: Line, triple: triples.TargetTriple, declared: dict[str, object], *, refused: bool) -> EngineConfig:
    known = cpu.isa_flags(triple.architecture, None, ["v"] if triple.architecture == "riscv64" else [], line.number)
    if not refused:
        return EngineConfig(line.number, triple, known, {}).changed(declared)
    # As a person would have written it, were it not refused: nothing but names and values is translated.
    preset = line.embedders[str(declared.get(_PRESET, "c-api"))].settings
    return EngineConfig(line.number, triple, known, {**preset, **dict(sorted(declared.items()))})


def _pairs(line: Line) -> list[dict[str, object]]:
    """Return every two settings at other values than by default, a compiler inside Wasmtime among them."""
    changed: list[tuple[str, object]] = [("strategy", "winch")]
    changed += [
        (name, not setting.default)
        for name, setting in line.settings.items()
        if isinstance(setting.default, bool) and not setting.runtime_only
    ]
    return [dict(pair) for pair in every(changed, 2)]


def _some(chooser: random.Random, line: Line) -> dict[str, object]:
    declared: dict[str, object] = {}
    if chooser.random() < 0.3:
        declared[_PRESET] = chooser.choice(list(line.embedders))
    for name in chooser.sample(list(line.settings), chooser.randint(0, 6)):
        setting = line.settings[name]
        declared[name] = _value(chooser, setting.default, setting.choices, setting.low, setting.high)
    flags = {}
    for name in chooser.sample(list(line.flags), chooser.choice([0, 0, 0, 1, 2])):
        flag = line.flags[name]
        flags[name] = _value(chooser, flag.default, flag.choices, flag.low, flag.high)
    return {**declared, "cranelift-flags": flags} if flags else declared


def _value(chooser: random.Random, default: object, choices: tuple[str, ...], low: int, high: int) -> object:
    if isinstance(default, bool):
        return chooser.choice([False, True, *choices])
    if isinstance(default, int):
        return chooser.choice([low, high, default, chooser.randint(low, min(high, 2**40))])
    return chooser.choice(choices)
