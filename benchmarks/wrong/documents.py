"""Files in place of a manifest that no reader may accept: broken JSON, and JSON that is no manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.wrong.crate import Crate

_ESCAPES = "\x1b[2J\x1b[31m"
_PATHS = (
    "/etc/passwd",
    "/dev/zero.cwasm",
    "../a.cwasm",
    "a/../../a.cwasm",
    "./a.cwasm",
    "a//b.cwasm",
    ".hidden.cwasm",
    "a/.b.cwasm",
    "C:/a.cwasm",
    "a\\b.cwasm",
    "a\0.cwasm",
    "a\n.cwasm",
    "\ud800.cwasm",
    "a.cwasm/",
    "a.wasm",
    "nul.cwasm",
    "ä.cwasm",
    f"{_ESCAPES}.cwasm",
    "a" * 2000 + ".cwasm",
    "",
)
_NAMES = ("", ".", "..", ".a", "a b", "a\0", "a\n", "ä", "a@b", _ESCAPES, "con", "a.", "x" * 300, "\ud800")
_DIGESTS = ("", "0", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "sha256:" + "0" * 64)
_SIZES = (-1, 1 << 63, 1 << 64, 10**400, 1.5, "1", True, None)

# By the place of a value in a manifest, where * is any artifact: what it may not be.
_VALUES: Mapping[tuple[str, ...], tuple[Any, ...]] = {
    ("schema",): ("wasmbuild/manifest/2", "wasmbuild/record/1", "wasmbuild/index/1", "", None, 1),
    ("project",): _NAMES,
    ("require",): ("", "Loaded", "proved", True, 3),
    ("target", "name"): (*_NAMES, "a/b"),
    ("target", "triple"): ("", "x86_64", "i686-unknown-linux-gnu", "wasm32-wasip1", f"x86_64-{_ESCAPES}", "x" * 200),
    ("target", "cpu"): ("native", "x86-64-v9", "", "armv99-a", _ESCAPES, 3),
    ("target", "isa_flags"): ({"has_magic": True}, {"has_lse": False}, {"has_avx": 1}, {"opt_level": "speed"}, []),
    ("wasmtime", "major"): (0, -48, 47, 10_000, "48", 48.0, 10**30, True),
    ("wasmtime", "compiler"): ("", "48", "49.0.0", "48.0.2\n", "latest", 48),
    ("wasmtime", "compiler_sha256"): _DIGESTS,
    ("engine", "embedder"): ("", "java", _ESCAPES, None, 1),
    ("engine", "epoch-interruption"): ("true", 1, None, [], {}),
    ("engine", "memory-guard-size"): (-1, 1 << 64, (32 << 20) + (1 << 64), "32 MiB", True, 1.5),
    ("engine", "collector"): ("drc", "copying ", "mark-sweep", True),
    ("engine", "cranelift-flags"): ({}, {"has_avx": True}, {"opt_level": "none"}, {"regalloc_algorithm": 1}, [], "x"),
    ("engine", "wasm-simd"): (False, True, 0),
    ("engine", "wasm_threads"): (True, False),
    ("engine", "cranelift-opt-level"): ("speed", "fast", 2, True),
    ("artifacts",): ({}, None, "artifacts", [None], [[]]),
    ("artifacts", "*", "module"): _NAMES,
    ("directories",): ([], None, {"0" * 64: {}}, {"0": {}}),
    ("artifacts", "*", "kind"): ("", "Module", "wasm", None, 1),
    ("artifacts", "*", "path"): _PATHS,
    ("artifacts", "*", "size"): _SIZES,
    ("artifacts", "*", "sha256"): _DIGESTS,
    ("artifacts", "*", "key"): _DIGESTS,
    ("artifacts", "*", "source", "path"): ("/a.wat", "", "a\\b", "a\0b", "C:\\a.wat", "a" * 5000),
    ("artifacts", "*", "source", "sha256"): _DIGESTS,
    ("artifacts", "*", "imports"): ({}, None, [1], [{"name": "a"}], ["env.log"]),
    ("artifacts", "*", "exports"): ({}, None, [1], [{"name": "a"}], [{"name": "a", "kind": "thread", "type": ""}]),
    ("artifacts", "*", "wasm"): (
        {"path": "../a.wasm", "size": 8, "sha256": "0" * 64},
        {"path": "a.cwasm", "size": 8, "sha256": "0" * 64},
        {"path": "a.wasm", "size": -1, "sha256": "0" * 64},
        {"path": "a.wasm"},
        None,
    ),
}
_TESTS: tuple[dict[str, Any], ...] = (
    {},
    {"call": "nothing", "args": [], "returns": []},
    {"call": "add", "args": [1, 2]},
    {"call": "add", "args": [1], "returns": [1]},
    {"call": "add", "args": [1, 2, 3], "returns": [6]},
    {"call": "add", "args": [1, 1 << 40], "returns": [1]},
    {"call": "add", "args": [1, 2.5], "returns": [3]},
    {"call": "add", "args": [1, True], "returns": [2]},
    {"call": "add", "args": ["1", 2], "returns": [3]},
    {"call": "add", "args": [1, 2], "returns": [3, 4]},
    {"call": "add", "args": [1, 2], "returns": [1 << 70]},
    {"call": "add", "args": [1, 2], "returns": [3], "traps": "unreachable"},
    {"call": "add", "args": [1, 2], "traps": ""},
    {"call": "add", "args": [1, 2], "exit": 0},
    {"call": "add", "args": [1, 2], "returns": [3], "stdout": ""},
    {"call": "add", "args": [1, 2], "returns": [3], "time_limit": 0},
    {"call": "add", "args": [1, 2], "returns": [3], "fuel": -1},
    {"call": "add", "args": [1, 2], "returns": [3], "runner": ["sh"]},
    {"call": "half", "args": [{"i32x4": [1, 2, 3, 4]}], "returns": [1.5]},
    {"call": "half", "args": [1e400], "returns": ["inf"]},
    {"call": "half", "args": ["NaN"], "returns": ["nan"]},
)
# The rest of a manifest can be without these.
_OPTIONAL = frozenset(("tests", "wasm", "returns", "traps", "exit", "stdout", "stderr", "wasi", "fuel", "time_limit"))
# In which keys are names, not the format's.
_OPEN = frozenset(("engine", "isa_flags"))
_OTHER_TYPES: tuple[Any, ...] = (None, True, 7, -1.5, "x", [], [1], {}, {"a": 1})


def value(crate: Crate) -> None:
    place, values = crate.one_of(list(_VALUES.items()))
    *way, last = place
    inside: Any = crate.document
    for key in way:
        inside = crate.pick() if key == "*" else inside if key == "artifacts" else inside[key]
    inside[last] = crate.one_of(values)
    crate.refuse()


def test(crate: Crate) -> None:
    crate.pick(lambda artifact: artifact["module"] == "add")["tests"] = [crate.one_of(_TESTS)]
    crate.refuse()


def key_left_out(crate: Crate) -> None:
    objects = [(key, inside) for key, inside in _objects(crate.document) if key not in _OPEN]
    candidates = [(inside, name) for _, inside in objects for name in inside if name not in _OPTIONAL]
    inside, name = crate.one_of(candidates)
    del inside[name]
    crate.refuse()


def key_added(crate: Crate) -> None:
    _, inside = crate.one_of(list(_objects(crate.document)))
    inside[crate.one_of(("runner", "command", "Schema", "x", "", "__proto__"))] = crate.one_of(_OTHER_TYPES)
    crate.refuse()


def value_of_another_type(crate: Crate) -> None:
    leaves = [(inside, key) for _, inside in _objects(crate.document) for key in inside]
    inside, key = crate.one_of(leaves)
    old = inside[key]
    inside[key] = crate.one_of([other for other in _OTHER_TYPES if not _is_alike(old, other)])
    crate.refuse()


def named_twice(crate: Crate) -> None:
    one, other = crate.pick_two()
    key = crate.one_of(("module", "path"))
    other[key] = one[key] if crate.chance.random() < 0.5 else f"{one[key][0].upper()}{one[key][1:]}"
    crate.refuse()


def listed_twice(crate: Crate) -> None:
    crate.artifacts.insert(crate.chance.randint(0, len(crate.artifacts)), dict(crate.pick()))
    crate.refuse()


def no_json(crate: Crate) -> None:
    right = json.dumps(crate.document).encode()
    at = crate.chance.randrange(1, len(right) - 1)
    deep = crate.chance.randint(1_000, 100_000)
    crate.text = crate.one_of(
        [
            right[:at],
            right + crate.one_of((b"{}", b"x", b"\0", b",")),
            right[:1] + b"\xff" + right[1:],
            b"\xef\xbb\xbf" + right,
            right.decode().encode("utf-16"),
            b"[" * deep,
            b'{"a":' * deep + b"1" + b"}" * deep,
            right[:-1] + b', "schema": "wasmbuild/manifest/1"}',
            right[:-1] + b', "x": NaN}',
            right[:-1] + b', "x": ' + b"9" * deep + b"}",
            right[:-1] + b', "x": "\\ud800"}',
            right[:-1] + b', "x": "\x1b[31m"}',
            right[:-1] + b",}",
            right.replace(b'"', b"'"),
            b"[" + right + b"]",
            b"",
            b"null",
            b" " * deep,
            crate.chance.randbytes(deep),
        ]
    )
    crate.refuse()


def _objects(value: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object in a document with the key that it has, but those inside of values of tests."""
    if isinstance(value, dict):
        yield key, value
        for name, inside in value.items():
            if name not in ("args", "returns", "env"):
                yield from _objects(inside, name)
    elif isinstance(value, list):
        for inside in value:
            yield from _objects(inside, key)


def _is_alike(old: object, other: object) -> bool:
    """Tell whether two values are of one type, or whether null is another way to say nothing."""
    if old is None or (isinstance(old, (int, float)) and not isinstance(old, bool)):
        return other is None if old is None else isinstance(other, (int, float)) and not isinstance(other, bool)
    return type(old) is type(other)


WAYS: tuple[Callable[[Crate], None], ...] = (
    value, test, key_left_out, key_added, value_of_another_type, named_twice, listed_twice, no_json,
)  # fmt: skip
