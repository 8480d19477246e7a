"""The JSON Schema of ``wasmbuild.toml``: it takes what is right, and refuses what it can see is wrong."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from wasmbuild.project.tables.document import json_schema

ROOT = Path(__file__).parents[3]
FAILING = ROOT / "tests" / "projects" / "failing"
RIGHT = [
    ROOT / "wasmbuild.toml",
    *sorted((ROOT / "examples").glob("*/wasmbuild.toml")),
    *sorted((ROOT / "tests" / "projects" / "good").glob("*/wasmbuild.toml")),
]

NO_TOML = {"byte-order-mark", "key-twice", "not-toml", "not-utf-8"}
NEEDS_THE_FILES = {
    "exclude-of-all", "glob-with-bad-name", "glob-without-match", "source-is-a-directory", "source-missing",
    "two-files-one-module", "two-modules-one-name",
}  # fmt: skip
BETWEEN_TABLES = {
    "compiler-of-a-line", "module-around-another", "module-in-place-of-the-manifest", "module-inside-another",
    "modules-that-differ-in-case", "release-of-a-line", "runner-of-a-line", "runtime-of-another-line",
    "setting-of-another-line", "shipped-source-around-another", "shipped-source-is-a-source", "source-is-an-output",
    "targets-that-differ-in-case", "targets-that-match-nothing", "tests-demanded", "tests-with-fuel-uncounted",
}  # fmt: skip
BETWEEN_SETTINGS = {
    "debug-info-on-pulley", "debug-info-without-addresses", "inlining-with-stack-switching", "riscv64-without-v",
    "simd-off-alone", "spectre-on-pulley", "spectre-without-signals", "stack-switching-on-aarch64", "threads-on-pulley",
    "unwind-info-on-windows", "winch-on-s390x", "winch-with-gc", "winch-without-signals",
}  # fmt: skip
RESERVED_NAMES = {"name-of-a-device", "name-of-the-index"}
UNSEEN = NO_TOML | NEEDS_THE_FILES | BETWEEN_TABLES | BETWEEN_SETTINGS | RESERVED_NAMES


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_json(value: Any) -> Any:
    """Return a value of TOML as editors hand it to a schema: dates are text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(as_json, value))
    return value.isoformat() if isinstance(value, (date, time)) else value


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.parent.name)
def test_what_is_right_is_taken(validator: jsonschema.Draft202012Validator, path: Path) -> None:
    validator.validate(as_json(tomli.loads(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("directory", sorted(FAILING.iterdir()), ids=lambda directory: directory.name)
def test_what_is_wrong_is_refused_where_a_schema_can_see_it(
    validator: jsonschema.Draft202012Validator, directory: Path
) -> None:
    try:
        document = tomli.loads((directory / "wasmbuild.toml").read_text(encoding="utf-8"))
    except ValueError:
        assert directory.name in NO_TOML
        return
    assert validator.is_valid(as_json(document)) == (directory.name in UNSEEN)


DOCUMENT = {
    "project": {"name": "p"},
    "targets": {"host": {"triple": "x86_64-unknown-linux-gnu"}},
    "modules": {"m": {"source": "m.wat"}},
}


def _module(**keys: object) -> dict[str, object]:
    return {"modules": {"m": {"source": "m.wat", **keys}}}


def _target(**keys: object) -> dict[str, object]:
    return {"targets": {"host": {"triple": "aarch64-unknown-linux-gnu", **keys}}}


@pytest.mark.parametrize(
    "changed",
    [
        {"engine": {"consume-fuel": True, "cranelift-flags": {"is_pic": True}, "runtime": "48.0.0"}},
        {"toolchain": {"wasmtime": "48.0.8", "compiler": "../bin/wasmtime", "memory-limit": "4 GiB"}},
        {"toolchain": {"compiler": "tools\\wasmtime.exe", "memory-limit": 1 << 20, "time-limit": 86400}},
        {"toolchain": {"compiler": "a~b/wasmtime"}},
        {"cache": {"max-size": "10GiB"}},
        {"audit": {"ignore": [{"id": "CVE-2026-1", "reason": "no", "until": "2027-01-01"}]}},
        {"modules": {"plugins/*": {"source": "plugins/*.wasm", "exclude": ["plugins/x*"]}}},
        _module(tests=[{"wasi": {}}, {"wasi": {}, "exit": 3, "stdout": ""}, {"call": "f", "returns": []}]),
        _target(cpu="armv8.2-a", **{"cpu-features": ["lse"]}),
        {"targets": {"p": {"triple": "pulley64", "cpu-features": []}}},
        {"targets": {"mac": {"triple": "aarch64-apple-macosx11.0"}, "arm": {"triple": "arm64-linux-android"}}},
    ],
)
def test_taken(validator: jsonschema.Draft202012Validator, changed: dict[str, object]) -> None:
    validator.validate({**DOCUMENT, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"x": 1},
        {"engine": {"consume-fuel": 1}},
        {"engine": {"max-wasm-stack": 0}},
        {"engine": {"x": True}},
        {"engine": {"cranelift-flags": {"opt_level": "none"}}},
        {"engine": {"runtime": "48"}},
        {"toolchain": {"wasmtime": "47"}},
        {"toolchain": {"memory-limit": "4 GB"}},
        {"toolchain": {"compiler": "~/wasmtime"}},
        {"cache": {"max-size": 5}},
        {"cache": {"remote": "https://cache.example/wasmbuild#"}},
        {"audit": {"fail-on": "severe"}},
        {"audit": {"ignore": [{"id": "x", "reason": "no"}]}},
        {"audit": {"ignore": [{"id": "CVE-2026-1", "reason": " "}]}},
        {"project": {"name": "p", "build-dir": ".."}},
        {"targets": {}},
        {"targets": {"a b": {"triple": "pulley64"}}},
        {"modules": {"../m": {"source": "m.wat"}}},
        {"modules": {"m": {"source": "*.wat"}}},
        {"modules": {"m*": {"source": "m.wat"}}},
        _module(source="a\\b.wat"),
        _module(tests={}),
        _module(tests=[{"argv": []}]),
        _module(tests=[{"call": "f", "args": [None], "returns": []}]),
        _module(tests=[{"call": "f"}]),
        _module(tests=[{"call": "f", "returns": [], "traps": "x"}]),
        _module(tests=[{"call": "f", "exit": 0}]),
        _module(tests=[{"wasi": {"argv": []}}]),
        _module(tests=[{"wasi": {"env": {"A": 1}}}]),
        _module(tests=[{"wasi": {"env": {"A=B": ""}}}]),
        _module(build={}),
        _target(cpu="x86-64-v3"),
        _target(**{"cpu-features": ["avx2"]}),
        _target(runner={"command": "qemu", "python": "python3"}),
        _target(runner={"command": ["qemu"]}),
        _target(runner={"python": "a", "wasmtime": "b"}),
        {"targets": {"p": {"triple": "pulley64", "cpu": "x86-64"}}},
        {"targets": {"p": {"triple": "x86_64-linx-gnu"}}},
    ],
)
def test_refused(validator: jsonschema.Draft202012Validator, changed: dict[str, object]) -> None:
    assert not validator.is_valid({**DOCUMENT, **changed})
