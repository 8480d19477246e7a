"""Prints the reference of ``wasmbuild.toml``, made from the models and the tables of settings."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from wasmbuild.project import cpu, triples
from wasmbuild.project.cranelift_flags import FLAGS, shown
from wasmbuild.project.defaults import EMBEDDER_DOCS, EMBEDDERS
from wasmbuild.project.models import ModuleTable, ProjectTable, Table, TargetTable, ToolchainTable, alias
from wasmbuild.project.setting_table import CHECKS, LINES, SETTINGS, Setting

_KINDS = {"string": "text", "integer": "number", "object": "table", "array": "array of texts"}

_EXAMPLE = """\
[project]
name = "edge-filters"

[toolchain]
wasmtime = "48"

[engine]
epoch-interruption = true

[targets.edge-x64]
triple = "x86_64-unknown-linux-gnu"
cpu = "x86-64-v3"

[targets.pi]
triple = "aarch64-unknown-linux-gnu"
cpu-features = ["lse"]
engine = { memory-guard-size = 65536 }

[targets.portable]
triple = "pulley64"

[modules.checksum]
source = "src/checksum.wat"

[modules."plugins/*"]
source = "plugins/*.wasm"
targets = ["edge-*", "portable"]
imports = ["wasi_snapshot_preview1.*"]
exports = ["run"]
"""

_HEAD = """\
# wasmbuild.toml

<!-- Made by `python -m wasmbuild.project.reference > docs/wasmbuild.toml.md`; change the models instead. -->

Paths are relative to the folder of the file and have `/` between their parts, on Windows too. A source may lie outside
of it (`../`), the build directory may not. Names of projects, targets and modules are letters, digits, `.`, `_` and `-`
(those of modules also `/`); no part starts or ends with a dot, and no two names differ in case alone.

Every mistake is one line that names the file, the key, what is wrong and what to write; all are told at once, and
nothing is built.
"""

_ENGINE = """\
## [engine] and engine in targets

What will load the artifacts. An artifact is compiled for one kind of engine, and another one refuses it, or runs it
otherwise than meant. Settings have the names of `wasmtime.Config` with dashes; those of a target are added to
`[engine]` and override it. A setting with its default is the same as one left out.

`embedder` is a preset, which other settings override:
"""

_CPU = """\
### CPU levels and features

A level is a name for features; `cpu-features` adds more. A feature brings those that every CPU with it has too. An
artifact is refused by a CPU that lacks a feature, except on riscv64, where nothing checks.

On riscv64 the compiler of Wasmtime panics on much real code without the V extension. So it has to be named there, as
feature or level, or a level without it: `cpu = "rv64gc"` compiles for CPUs without V what needs no vectors (neither
SIMD nor, for example, a `memory.copy` of 16 bytes). `pulley64` runs everything on such CPUs.
"""


def reference() -> str:
    """Return the reference as Markdown."""
    parts = [
        _HEAD,
        f"```toml\n{_EXAMPLE}```\n",
        _table("[project]", ProjectTable),
        _table("[toolchain]", ToolchainTable),
        _table("[targets.NAME]", TargetTable),
        "Architectures are " + _listed(triples.ARCHITECTURES) + "; systems are " + _listed(triples.SYSTEMS) + ".\n",
        _CPU,
        "\n".join(_cpu_rows()) + "\n",
        _table("[modules.NAME]", ModuleTable),
        _ENGINE,
        "\n".join(_embedders()) + "\n",
        "\n".join(_settings()) + "\n",
        "\n".join(_flags()) + "\n",
    ]
    return "\n".join(parts)


def _table(title: str, model: type[Table]) -> str:
    rows = [f"## {title}\n", f"{model.__doc__}\n", "| key | value | default | meaning |", "|---|---|---|---|"]
    kinds = model.model_json_schema(by_alias=True)["properties"]
    for name, field in model.model_fields.items():
        key = alias(name)
        default = "required" if field.is_required() else _default(field.default)
        rows.append(f"| `{key}` | {_kind(kinds[key])} | {default} | {_cell(field.description or '')} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    return "" if value is None or value in ((), {}) else f"`{shown(value)}`"


def _kind(schema: Mapping[str, Any]) -> str:
    """Return in words what a JSON Schema takes, null apart."""
    kinds = [option.get("type") for option in schema.get("anyOf", [schema])]
    return " or ".join(_KINDS[kind] for kind in kinds if kind != "null")


def _cpu_rows() -> Iterator[str]:
    yield "| architecture | level | features |"
    yield "|---|---|---|"
    for architecture in triples.ARCHITECTURES:
        for level, flags in cpu.levels(architecture).items():
            features = ", ".join(flag.removeprefix("has_") for flag in flags)
            yield f"| {architecture} | `{level}` | {features} |"
    yield ""
    for architecture in triples.ARCHITECTURES:
        if cpu.features(architecture):
            yield f"Features of {architecture}: {_listed(tuple(cpu.features(architecture)))}."
            yield ""


def _embedders() -> Iterator[str]:
    yield "| embedder | engine | settings |"
    yield "|---|---|---|"
    for name, preset in EMBEDDERS.items():
        values = ", ".join(f"`{key} = {shown(value)}`" for key, value in preset.items())
        yield f"| `{name}`{' (default)' if not preset else ''} | {EMBEDDER_DOCS[name]} | {values} |"


def _settings() -> Iterator[str]:
    yield "What the loader checks says which artifacts an engine takes that differs in a setting:"
    yield ""
    yield from (f"- {name}: {meaning}." for name, meaning in CHECKS.items())
    yield ""
    yield "A setting without a property of the Python library is compiled with an executable."
    yield ""
    yield "| setting | value | default | check | Python | meaning |"
    yield "|---|---|---|---|---|---|"
    for setting in SETTINGS.values():
        python = f"`{setting.config}`" if setting.config else "through the C API" if setting.c_api else "no"
        if setting.library_since > LINES[0]:
            python += f" from {setting.library_since}"
        cells = (_setting_values(setting), _setting_default(setting), setting.check, python, _cell(setting.doc))
        yield f"| `{setting.name}` | {' | '.join(cells)} |"


def _setting_values(setting: Setting) -> str:
    default = setting.default[0]
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int):
        high = "2^64 - 1" if setting.high == 2**64 - 1 else str(setting.high)
        return f"{setting.unit}, {setting.low} to {high}"
    return _listed(setting.choices)


def _setting_default(setting: Setting) -> str:
    values = [shown(value) for value in setting.default]
    if len(set(values)) == 1:
        return f"`{values[0]}`"
    return ", ".join(f"{line}: `{value}`" for line, value in zip(LINES, values, strict=True))


def _flags() -> Iterator[str]:
    yield "`cranelift-flags` is a table of flags of Cranelift, with its names:"
    yield ""
    yield "| flag | value | default | meaning |"
    yield "|---|---|---|---|"
    for name, flag in FLAGS.items():
        if isinstance(flag.default, bool):
            values = "true or false"
        else:
            values = f"{flag.low} to {flag.high}" if isinstance(flag.default, int) else _listed(flag.choices)
        yield f"| `{name}` | {values} | `{shown(flag.default)}` | {_cell(flag.doc)} |"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # it is a text file
    sys.stdout.write(reference())
