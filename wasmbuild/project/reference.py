"""Prints the reference of ``wasmbuild.toml``, made from the models and the tables of settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc

from wasmbuild.engine import cpu, lines, triples
from wasmbuild.engine.line import CHECKS, MAX_SIZE, Flag, Setting
from wasmbuild.lean.typing import Any
from wasmbuild.project.case_values import MAX_DEPTH, MAX_TEXT, MAX_VALUES, SHAPES
from wasmbuild.project.cases import MAX_CASES
from wasmbuild.project.tables.audit import AuditTable, IgnoreTable
from wasmbuild.project.tables.base import Table, alias
from wasmbuild.project.tables.build import BuildTable
from wasmbuild.project.tables.cache import CacheTable
from wasmbuild.project.tables.cases import CaseTable, WasiTable
from wasmbuild.project.tables.document import ProjectTable, json_schema
from wasmbuild.project.tables.modules import ModuleTable
from wasmbuild.project.tables.targets import RunnerTable, TargetTable
from wasmbuild.project.tables.toolchain import ToolchainTable
from wasmbuild.text import shown

_KINDS = {"string": "text", "integer": "number", "boolean": "true or false", "object": "table"}

_EXAMPLE = r"""
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
require = "loaded"

[targets.pi.runner]
command = ["qemu-aarch64-static", "-L", "sysroot"]
python = "sysroot/usr/bin/python3"

[targets.portable]
triple = "pulley64"

[modules.checksum]
source = "src/checksum.wat"

[[modules.checksum.tests]]
call = "crc32"
args = [0, 9]
returns = [3421780262]

[modules.report]
source = "src/report.wasm"
ship-source = true

[[modules.report.tests]]
wasi = { argv = ["report", "--total"], stdin = "1\n2\n" }
stdout = "3\n"

[modules."plugins/*"]
source = "plugins/*.wasm"
exclude = ["plugins/*.debug.wasm"]
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
`[engine]` and override it. A setting with its default is the same as one left out, where that is the default of the
target: `wasm-threads`, `signals-based-traps`, `memory-guard-size` and `gc-heap-guard-size` have another one on Pulley.

`runtime` is the release of Wasmtime that will load the artifacts, such as `"48.0.0"`. It changes no artifact and
travels in the manifest: releases of one line are not all alike, so `build` warns of artifacts that would crash in it,
and `verify` and `audit` fail by them ([upgrading](upgrading.md)). In `[engine]` it is for the targets of its line.
Without it, what has `embedder = "c-api"` and is for the machine that verifies is taken to be loaded by the library of
that machine.

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


_VALUES = f"""\
### Values of tests

| type | value |
|---|---|
| i32, i64 | whole number; signed and unsigned spellings are the same value |
| f32, f64 | number, or `"nan"`, `"inf"`, `"-inf"` in quotes; an f32 is the number rounded; `0.0` is not `-0.0`, \
and any NaN is any other |
| v128 | its lanes, the lowest first: `{{ i32x4 = [1, 2, 3, 4] }}`; also {", ".join(f"`{shape}`" for shape in SHAPES)} |
| of components | whole number for `s8` to `u64`, number for `f32` and `f64`, true or false, text for `string`, `char` \
and `enum`, array for `list` and `tuple`, table for `record`; `option`, `result`, `variant`, `flags` and resources are \
written as [verifying](verifying.md#tests) lists |

References can be neither given nor expected; of a function that returns one, `traps` can be tested. Tests that do not
fit the export that they call, values of a component's functions included, are refused when the module is built.

Arrays and tables have at most {MAX_VALUES} values each and are nested at most {MAX_DEPTH} levels deep. A text has
at most {MAX_TEXT} characters, and a module {MAX_CASES} tests.
"""


def reference() -> str:
    """Return the reference as Markdown."""
    parts = [
        _HEAD,
        f"```toml{_EXAMPLE}```\n",
        _table("[project]", ProjectTable),
        _table("[toolchain]", ToolchainTable),
        _table("[targets.NAME]", TargetTable),
        "Architectures are " + _listed(triples.ARCHITECTURES) + "; systems are " + _listed(triples.SYSTEMS) + ".\n",
        _CPU,
        "\n".join(_cpu_rows()) + "\n",
        _table("[targets.NAME.runner]", RunnerTable),
        _table("[modules.NAME]", ModuleTable),
        _table("[[modules.NAME.tests]]", CaseTable),
        _VALUES,
        _table("wasi in [[modules.NAME.tests]]", WasiTable),
        _table("[audit]", AuditTable),
        _table("[[audit.ignore]]", IgnoreTable),
        _table("[build]", BuildTable),
        _table("[cache]", CacheTable),
        _ENGINE,
        "\n".join(_embedders()) + "\n",
        "\n".join(_settings()) + "\n",
        "\n".join(_flags()) + "\n",
    ]
    return "\n".join(parts)


def _table(title: str, model: type[Table]) -> str:
    rows = [
        f"## {title}\n",
        cleandoc(model.__doc__ or ""),
        "",
        "| key | value | default | meaning |",
        "|---|---|---|---|",
    ]
    kinds = model.model_json_schema(by_alias=True)["properties"]
    for name, field in model.model_fields.items():
        key = alias(name)
        default = "required" if field.is_required() else _default(None if field.default_factory else field.default)
        rows.append(f"| `{key}` | {_kind(kinds[key])} | {default} | {_cell(field.description or '')} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    return "" if value is None or value in ((), {}) else f"`{shown(value)}`"


def _kind(schema: Mapping[str, Any]) -> str:
    """Return in words what a JSON Schema takes, null apart."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    return " or ".join(map(_one_kind, options))


def _one_kind(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date":
        return "date"
    if schema.get("type") != "array":
        # A reference leads to the schema of another table.
        return _KINDS[schema.get("type", "object")]
    items = schema["items"]
    if "$ref" in items:
        return "array of tables"
    return "array of texts" if items["type"] == "string" else "array of values"


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
    for name, embedder in lines.newest().embedders.items():
        values = ", ".join(f"`{key} = {shown(value)}`" for key, value in embedder.settings.items())
        yield f"| `{name}`{' (default)' if not embedder.settings else ''} | {embedder.doc} | {values} |"


def _settings() -> Iterator[str]:
    yield "What the loader checks says which artifacts an engine takes that differs in a setting:"
    yield ""
    yield from (f"- {name}: {meaning}." for name, meaning in CHECKS.items())
    yield ""
    yield "A setting without a property of the Python library is compiled with an executable."
    yield ""
    yield "| setting | value | default | check | Python | meaning |"
    yield "|---|---|---|---|---|---|"
    for name, setting in lines.every_setting().items():
        of_lines = {number: lines.get(number).settings.get(name) for number in lines.known()}
        cells = (
            _values_of(setting),
            _per_line({line: known and f"`{shown(known.default)}`" for line, known in of_lines.items()}),
            _per_line({line: known.check for line, known in of_lines.items() if known}),
            _per_line({line: _python(known) for line, known in of_lines.items() if known and lines.get(line).library}),
            _cell(setting.doc),
        )
        yield f"| `{name}` | {' | '.join(cells)} |"


def _python(setting: Setting) -> str:
    return f"`{setting.python}`" if setting.python else "through the C API" if setting.c_api else "no"


def _per_line(texts: Mapping[int, str | None]) -> str:
    """Return what the first line says, and what is otherwise from another one on; None has no such setting."""
    parts: list[str] = []
    last: str | None = None
    for line, text in texts.items():
        if not parts or text != last:
            parts.append(f"{f'from {line} on ' if parts else ''}{text or 'not there'}")
        last = text
    return ", ".join(parts)


def _values_of(allowed: Setting | Flag) -> str:
    if isinstance(allowed.default, bool):
        return f"true, false, {_listed(allowed.choices)}" if allowed.choices else "true or false"
    if isinstance(allowed.default, int):
        high = "2^61" if allowed.high == MAX_SIZE else str(allowed.high)
        return f"{f'{allowed.unit}, ' if allowed.unit else ''}{allowed.low} to {high}"
    return _listed(allowed.choices)


def _flags() -> Iterator[str]:
    yield "`cranelift-flags` is a table of flags of Cranelift, with its names:"
    yield ""
    yield "| flag | value | default | meaning |"
    yield "|---|---|---|---|"
    for name, flag in lines.newest().flags.items():
        yield f"| `{name}` | {_values_of(flag)} | `{shown(flag.default)}` | {_cell(flag.doc)} |"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def schema() -> str:
    """Return the JSON Schema of ``wasmbuild.toml`` as it is shipped."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # it is a text file
    sys.stdout.write(schema() if sys.argv[1:] == ["--schema"] else reference())
