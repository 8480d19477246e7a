"""The flags of Cranelift and of CPUs."""

from __future__ import annotations

from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import CpuTable, Line, Value
from wasmbuild.line_check.compilers import Compilers
from wasmbuild.line_check.topic import Topic
from wasmbuild.text import shown

_FLAG_TRIPLES = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "s390x-unknown-linux-gnu")


def flags(line: Line, compilers: Compilers) -> Topic:
    """Each flag of Cranelift takes both ends of its range, or all its values, on several architectures."""
    topic = Topic("flags")
    asked: list[tuple[str, str, Value, EngineConfig]] = []
    for text in _FLAG_TRIPLES:
        for name, flag in line.flags.items():
            ends: tuple[Value, ...] = flag.choices or (flag.low, flag.high)
            if isinstance(flag.default, bool):
                ends = (False, True)
            plain = EngineConfig(line.number, triples.parse(text), {}, {})
            asked += [(text, name, value, plain.changed({"cranelift-flags": {name: value}})) for value in ends]
    attempts = compilers.compile_all([engine.executable_arguments() for *_, engine in asked])
    for (text, name, value, _), attempt in zip(asked, attempts, strict=True):
        topic.check(
            attempt.artifact is not None,
            f"cranelift-flags.{name}",
            f"{shown(value)} is refused on {text}: {attempt.said}",
            f"write cranelift-flags.{name} = false, or the values that it has",
        )
    return topic


def cpus(line: Line, compilers: Compilers) -> Topic:
    """The ISA flags of each architecture are those that the compiler has, and all levels and features compile."""
    topic = Topic("CPUs")
    for architecture, cpu in line.cpus.items():
        text = {"riscv64": "riscv64gc"}.get(architecture, architecture) + "-unknown-linux-gnu"
        have = compilers.isa_flags(text)
        for feature in cpu.features:
            topic.check(
                cpu.flag(feature) in have,
                f"cpu.{architecture}.features.{feature}",
                f"the compiler has no flag {cpu.flag(feature)}",
                "leave it out",
            )
        for flag in sorted(have - set(map(cpu.flag, cpu.features))):
            topic.check(
                flag in (*cpu.left_out, *cpu.always_on),
                f"cpu.{architecture}.features",
                f"lacks the compiler's {flag}",
                f"write {flag.removeprefix('has_')} = [], or name it in cpu.{architecture}.left-out or always-on",
            )
        _compiled(topic, line, compilers, architecture, cpu, triples.parse(text))
    return topic


def _compiled(
    topic: Topic, line: Line, compilers: Compilers, architecture: str, cpu: CpuTable, triple: triples.TargetTriple
) -> None:
    names = [*cpu.levels, *cpu.features]
    engines = [EngineConfig(line.number, triple, cpu.isa_flags((name,)), {}) for name in names]
    attempts = compilers.compile_all([engine.executable_arguments() for engine in engines])
    for name, attempt in zip(names, attempts, strict=True):
        kind = "levels" if name in cpu.levels else "features"
        topic.check(
            attempt.artifact is not None,
            f"cpu.{architecture}.{kind}.{name}",
            f"does not compile: {attempt.said}",
            "leave it out",
        )
