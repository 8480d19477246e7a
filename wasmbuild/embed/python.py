"""The Python module, which needs the package ``wasmtime`` alone: engine, check and loader."""

from __future__ import annotations

import base64
import zlib

from wasmbuild.embed import python_text
from wasmbuild.embed.literals import filled, quoted
from wasmbuild.embed.refusals import DAMAGED, STATUSES, refusals
from wasmbuild.embed.spec import Probe, Spec, refused, unseen

_SYSTEMS = {"macos": "darwin", "windows": "win32"}
_NEVER = ("ok", "precompiled", "not_valid")
"""What this loader never says."""
_PER_LINE = 100
_HOST = '(_MACHINES.get(platform.machine().lower(), platform.machine()), sys.platform.rstrip("0123456789"))'


def generate(spec: Spec) -> str:
    """Return the module. Raises UsageError for a setting that the Python package cannot express."""
    lines = _calls(spec)
    return filled(
        python_text.MODULE,
        command=spec.command,
        line=spec.line,
        origin=spec.origin,
        origin_text=quoted(spec.origin),
        targets=spec.targets,
        statuses=", ".join(name for name in STATUSES if name not in _NEVER),
        bindings="_bindings, " if any("_bindings." in line for line in lines) else "",
        config="\n".join(f"    {line}" for line in lines) or "    # All defaults.",
        platform="sys.byteorder" if spec.pulley else _HOST,
        refusals="\n".join(
            f"    ({quoted(r.said)}, {quoted(r.status)}, {quoted(r.problem)}, {quoted(r.fix)}),"
            for r in (*refusals(spec.line), DAMAGED)
        ),
        probes="\n".join(_probe(probe) for probe in spec.probes),
    )


def _calls(spec: Spec) -> list[str]:
    lines = [f"config.target = {quoted(spec.pulley)}"] if spec.pulley else []
    for name in spec.engine.library_lacks():
        if not unseen(name, spec.line):
            fix = 'write embedder = "c-api" under [engine], and only settings that it has'
            raise refused(spec, name, f"the Python package of Wasmtime {spec.line} has no way to set it", fix)
        lines.append(f"# {name} is not told: the package cannot, and no engine looks at it when it loads.")
    for kind, name, *rest in spec.engine.library_calls(runtime=True):
        if kind == "property":
            lines.append(f"config.{name} = {_literal(rest[0])}")
        elif kind == "flag_set":
            lines.append(f"config.cranelift_flag_set({quoted(name)}, {_literal(rest[0])})")
        else:
            lines.append(f"_bindings.{name}(config.ptr(), {_literal(rest[0])})")
    return lines


def _literal(value: object) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


def _probe(probe: Probe) -> str:
    text = base64.b64encode(zlib.compress(probe.artifact, 9)).decode("ascii")
    triple = probe.platform.triple
    key = quoted("big" if triple.is_big_endian else "little")
    if not triple.is_pulley:
        key = f"({quoted(triple.architecture)}, {quoted(_SYSTEMS.get(triple.os, triple.os))})"
    rows = [f'            b"{text[at : at + _PER_LINE]}"' for at in range(0, len(text), _PER_LINE)]
    targets = ", ".join(probe.platform.targets)
    first = f"        {quoted(probe.platform.targets[0])},"
    return "\n".join([f"    {key}: (  # {targets}", first, "        (", *rows, "        ),", "    ),"])
