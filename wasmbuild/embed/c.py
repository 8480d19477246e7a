"""The C header: an engine as declared, the check that it is one, and a loader that says what is wrong."""

from __future__ import annotations

from wasmbuild.embed import c_text
from wasmbuild.embed.c_config import calls
from wasmbuild.embed.literals import filled, quoted, rows
from wasmbuild.embed.refusals import DAMAGED, STATUSES, refusals
from wasmbuild.embed.sha256 import ROUNDS, START
from wasmbuild.embed.spec import Probe, Spec
from wasmbuild.engine.triples import TargetTriple

_ARCHITECTURES = {
    "x86_64": "defined(__x86_64__) || defined(_M_X64)",
    "aarch64": "defined(__aarch64__) || defined(_M_ARM64)",
    "riscv64": "defined(__riscv) && __riscv_xlen == 64",
    "s390x": "defined(__s390x__)",
    "pulley32": "SIZE_MAX == 0xffffffffu",
    "pulley64": "SIZE_MAX > 0xffffffffu",
}
_SYSTEMS = {
    "linux": "defined(__linux__)",
    "windows": "defined(_WIN32)",
    "macos": "defined(__APPLE__) && TARGET_OS_OSX",
    "ios": "defined(__APPLE__) && TARGET_OS_IOS",
    "tvos": "defined(__APPLE__) && TARGET_OS_TV",
    "watchos": "defined(__APPLE__) && TARGET_OS_WATCH",
    "visionos": "defined(__APPLE__) && TARGET_OS_VISION",
    "freebsd": "defined(__FreeBSD__)",
    "netbsd": "defined(__NetBSD__)",
    "openbsd": "defined(__OpenBSD__)",
    "dragonfly": "defined(__DragonFly__)",
    "illumos": "defined(__sun)",
    "solaris": "defined(__sun)",
    "fuchsia": "defined(__Fuchsia__)",
    "haiku": "defined(__HAIKU__)",
}
_PER_LINE = 20


def generate(spec: Spec) -> str:
    """Return the header. Raises UsageError for a setting that the C API cannot express."""
    return filled(
        c_text.HEADER,
        command=spec.command,
        line=spec.line,
        origin=spec.origin,
        origin_c=quoted(spec.origin)[1:-1],
        targets=spec.targets,
        statuses="\n".join(
            f"  WASMBUILD_{name.upper()}{' = 0' if not number else ''}, // {meaning}"
            for number, (name, meaning) in enumerate(STATUSES.items())
        ),
        config="\n".join(line if line.startswith("#") else f"  {line}" for line in calls(spec)) or "  // All defaults.",
        refusals="\n".join(
            f"      {{{quoted(r.said)}, WASMBUILD_{r.status.upper()}, {quoted(r.problem)}, {quoted(r.fix)}}},"
            for r in refusals(spec.line)
        ),
        damaged=f"{quoted(DAMAGED.problem)}, {quoted(DAMAGED.fix)}",
        probes=_probes(spec),
        start=", ".join(f"{number:#010x}" for number in START),
        rounds=rows([f"{number:#010x}" for number in ROUNDS], 8, "      "),
    )


def _probes(spec: Spec) -> str:
    lines = ["#ifdef __APPLE__", "#include <TargetConditionals.h>", "#endif", ""]
    for number, probe in enumerate(spec.probes):
        condition = _condition(probe.platform.triple)
        lines.append(f"{'#elif' if number else '#if'} {condition} // {', '.join(probe.platform.targets)}")
        lines += _probe(probe)
    return "\n".join([*lines, "#endif"])


def _probe(probe: Probe) -> list[str]:
    parts = probe.parts()
    numbers = [str(byte) for part in parts for byte in part.data]
    return [
        f"#define WASMBUILD_TARGET {quoted(probe.platform.targets[0])}",
        f"#define WASMBUILD_PROBE_SIZE {len(probe.artifact)}",
        "static const struct {",
        "  uint32_t offset, size;",
        "} wasmbuild_probe_parts[] = {",
        *(f"    {{{part.offset}, {len(part.data)}}}," for part in parts),
        "};",
        "static const uint8_t wasmbuild_probe[] = {",
        rows(numbers, _PER_LINE, "    "),
        "};",
    ]


def _condition(triple: TargetTriple) -> str:
    machine = _ARCHITECTURES[triple.architecture.removesuffix("be") if triple.is_pulley else triple.architecture]
    if triple.is_pulley:
        order = "defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__"
        return f"{machine} && {order}" if triple.is_big_endian else f"{machine} && !({order})"
    system = _SYSTEMS.get(triple.os)
    return f"({machine}) && {system}" if system else machine
