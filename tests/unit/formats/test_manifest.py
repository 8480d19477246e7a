from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wasmbuild.errors import FormatError
from wasmbuild.formats import manifest, record
from wasmbuild.formats.extern import COMPONENT_KINDS, CORE_KINDS, Export, Import
from wasmbuild.formats.manifest import (
    JSON_SCHEMAS,
    Index,
    IndexTarget,
    Manifest,
    ManifestArtifact,
    Source,
    Wasm,
)
from wasmbuild.formats.record import Record
from wasmbuild.formats.strict_json import Invalid, compile_schema
from wasmbuild.formats.traits import ODD_TAGS_WITH, Traits
from wasmbuild.project import names
from wasmbuild.project.cases import Case, Directory, Wasi

A, B, C = "a" * 64, "b" * 64, "0123456789abcdef" * 4
EXPORTS = (Export("crc32", "func", "(i32, i32) -> (i32)"), Export("memory", "memory", "1..10"))
IMPORTS = (Import("wasi_snapshot_preview1", "fd_write", "func", "(i32, i32, i32, i32) -> (i32)"),)

RECORD = Record(
    id="plugins/checksum@pi",
    key=A,
    inputs={"schema": "key/1", "engine": {"cranelift-flags": {"x": 1}}, "list": [True, None, "é"]},
    size=20720,
    sha256=B,
    kind="module",
    source=Source("src/checksum.wat", C),
    wasm_sha256=A,
    imports=IMPORTS,
    exports=EXPORTS,
)
MANIFEST = Manifest(
    project="edge-filters",
    target="pi",
    triple="aarch64-unknown-linux-gnu",
    cpu="armv8.1-a",
    isa_flags={"has_lse": True},
    major=48,
    compiler="48.0.8",
    compiler_sha256=C,
    engine={"embedder": "c-api", "cranelift-flags": {"regalloc_algorithm": "single_pass"}, "epoch-interruption": True},
    require="loaded",
    artifacts=(
        ManifestArtifact(
            "checksum",
            "module",
            "checksum.cwasm",
            20720,
            B,
            A,
            Source("src/checksum.wat", C),
            IMPORTS,
            EXPORTS,
            tests=(
                Case("crc32", (0, 9), returns=(3421780262,), wasi=Wasi(("checksum",))),
                Case(
                    "crc32",
                    (0, -1),
                    traps="out of bounds",
                    wasi=Wasi(("c", ""), (("A", "é"),), "in"),
                    fuel=5,
                    seconds=1,
                ),
            ),
            wasm=Wasm("checksum.wasm", 99, C),
        ),
        ManifestArtifact(
            "plugins/run",
            "component",
            "plugins/run.cwasm",
            1,
            B,
            A,
            Source("../plugins/r\u00fcn.wasm", C),
            (Import("", "wasi:cli/environment@0.2.0", "instance", ""),),
            (Export("run", "func", ""),),
            tests=(Case("run", exit=1, stdout="", stderr="no\n", wasi=Wasi(("run",))),),
        ),
    ),
)
INDEX = Index(
    "edge-filters",
    (
        IndexTarget("pi", "aarch64-unknown-linux-gnu", "pi/manifest.json", A),
        IndexTarget("any", "pulley64", "any/manifest.json", B),
    ),
)

FIX = (
    "the file was edited or damaged, or another program wrote it: build again, or copy it again from where it was built"
)


def document(value: Record | Manifest | Index) -> Any:
    return json.loads(value.to_bytes())


# --- bytes ------------------------------------------------------------------------------------------------------------

part: st.SearchStrategy[str] = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}[A-Za-z0-9_-]", fullmatch=True)
part = part.filter(lambda name: names.problem(name) is None)
module_name = st.lists(part, min_size=1, max_size=3).map("/".join)
sha256 = st.text("0123456789abcdef", min_size=64, max_size=64)
size = st.integers(0, (1 << 63) - 1)
wasm_name = st.text(max_size=20)
wasm_type = st.sampled_from(["() -> ()", "(i32, (ref null 5)) -> (f32)", "mut i64", "funcref 1..10", "1 page-size=1"])
source = st.builds(Source, st.sampled_from(["a.wat", "src/é \n.wasm", "../../x/..y.wat", "a\x1b[0m"]), sha256)
free = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


counts = st.integers(0, (1 << 32) - 1)
traits = st.none() | st.builds(
    Traits,
    features=st.lists(st.sampled_from(["gc", "simd", "wide-arithmetic"]), unique=True).map(sorted).map(tuple),
    tags=counts,
    odd_tags_with=st.lists(st.sampled_from(ODD_TAGS_WITH), unique=True).map(sorted).map(tuple),
    br_table=counts,
    function_body=counts,
    string_transcoding=st.booleans(),
)


def externs(kind: str) -> st.SearchStrategy[tuple[tuple[Import, ...], tuple[Export, ...]]]:
    if kind == "module":
        an_import = st.builds(Import, wasm_name, wasm_name, st.sampled_from(CORE_KINDS), wasm_type)
        an_export = st.builds(Export, wasm_name, st.sampled_from(CORE_KINDS), wasm_type)
    else:
        an_import = st.builds(Import, st.just(""), wasm_name, st.sampled_from(COMPONENT_KINDS), st.just(""))
        an_export = st.builds(Export, wasm_name, st.sampled_from(COMPONENT_KINDS), st.just(""))
    lists = st.lists(an_import, max_size=3).map(tuple), st.lists(an_export, max_size=3).map(tuple)
    return st.tuples(*lists)


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind = draw(st.sampled_from(["module", "component"]))
    inputs = draw(st.dictionaries(st.text(max_size=5), free, max_size=4))
    artifact_id = f"{draw(module_name)}@{draw(part)}"
    facts = draw(size), draw(sha256), kind, draw(source), draw(sha256)
    return Record(artifact_id, draw(sha256), inputs, *facts, *draw(externs(kind)), draw(traits))


TYPES = ("i32", "i64", "f32", "f64", "v128")
finite = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "i32": st.integers(-(1 << 31), (1 << 32) - 1),
    "i64": st.integers(-(1 << 63), (1 << 64) - 1),
    "f32": st.sampled_from(["nan", "inf", "-inf"]) | st.floats(width=32, allow_nan=False, allow_infinity=False),
    "f64": st.sampled_from(["nan", "inf", "-inf"]) | finite,
}
NUMBERS["v128"] = st.fixed_dictionaries(
    {"f32x4": st.lists(NUMBERS["f32"], min_size=4, max_size=4)}
) | st.fixed_dictionaries({"i64x2": st.lists(NUMBERS["i64"], min_size=2, max_size=2)})
of_component = st.recursive(
    st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | finite | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b-c"]), inner, max_size=2),
    max_leaves=5,
)
programs = st.builds(
    Wasi,
    st.lists(st.text("ab \n", max_size=3), min_size=1, max_size=3).map(tuple),
    st.dictionaries(st.text("AB", min_size=1), st.text("ab")).map(lambda env: tuple(sorted(env.items()))),
    st.text(max_size=3),
    st.dictionaries(st.sampled_from(["a", "b/c.txt"]), st.text("ab\n")).map(lambda files: tuple(sorted(files.items()))),
    st.dictionaries(
        st.sampled_from(["a", "b/c"]),
        st.dictionaries(st.sampled_from(["d", "e/f"]), st.sampled_from(["", "/wA="])),
        max_size=2,
    ).map(lambda dirs: tuple(Directory(path, tuple(sorted(held.items()))) for path, held in sorted(dirs.items()))),
)


@st.composite
def with_tests(draw: st.DrawFn, kind: str) -> tuple[tuple[Import, ...], tuple[Export, ...], tuple[Case, ...]]:
    """Draw an interface with a function and test cases that fit it."""
    types = draw(st.lists(st.sampled_from(TYPES), max_size=3)), draw(st.lists(st.sampled_from(TYPES), max_size=2))
    text = " -> ".join(f"({', '.join(part)})" for part in types)
    wasi = draw(st.booleans())
    if kind == "module":
        imports = (Import("wasi_snapshot_preview1", "fd_write", "func", "() -> ()"),) if wasi else ()
        exports = (Export("memory", "memory", "1"), Export("f", "func", text))
    else:
        imports = (Import("", "wasi:cli/stdout@0.2.6", "instance", ""),) if wasi else ()
        exports = (Export("f", "func", ""), Export("a:b/c", "instance", ""))

    def values(wanted: list[str]) -> tuple[Any, ...]:
        return tuple(draw(NUMBERS[type_] if kind == "module" else of_component) for type_ in wanted)

    found = []
    for _ in range(draw(st.integers(1, 3))):
        program = draw(programs) if wasi else None
        outcome = draw(st.sampled_from(["returns", "traps", "exit"] if wasi else ["returns", "traps"]))
        found.append(
            Case(
                "f" if kind == "module" else draw(st.sampled_from(["f", "a:b/c#d"])),
                values(types[0]),
                values(types[1] if kind == "module" else types[1][:1]) if outcome == "returns" else None,
                draw(st.text(min_size=1, max_size=3)) if outcome == "traps" else None,
                draw(st.integers(1, 125)) if outcome == "exit" else None,
                draw(st.none() | st.text(max_size=3)) if wasi else None,
                draw(st.none() | st.text(max_size=3)) if wasi else None,
                program,
                draw(st.none() | st.integers(1, (1 << 63) - 1)),
                draw(st.integers(1, 3600)),
            )
        )
    return imports, exports, tuple(found)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    artifacts = []
    for name in sorted(draw(st.lists(module_name, max_size=4, unique_by=str.lower))):
        kind = draw(st.sampled_from(["module", "component"]))
        facts = draw(size), draw(sha256), draw(sha256), draw(source)
        rest = draw(externs(kind).map(lambda lists: (*lists, ())) | with_tests(kind))
        wasm = draw(st.none() | st.builds(Wasm, st.just(f"{name}.wasm"), size, sha256))
        artifacts.append(ManifestArtifact(name, kind, f"{name}.cwasm", *facts, *rest, wasm, draw(traits)))
    triple, cpu, flags = draw(
        st.sampled_from(
            [
                ("pulley64", None, {}),
                ("aarch64-apple-darwin", None, {}),
                ("aarch64-apple-darwin", "armv8.1-a", {"has_lse": True, "has_fp16": True}),
                ("x86_64-pc-windows-msvc", None, {"has_sse3": True}),
                ("s390x-unknown-linux-gnu", "z14", {}),
            ]
        )
    )
    engine: dict[str, object] = {"embedder": draw(st.sampled_from(["c-api", "rust", "cli"]))}
    engine |= draw(st.sampled_from([{}, {"consume-fuel": True}, {"cranelift-opt-level": "none"}]))
    line = draw(st.sampled_from([48, 49, 50]))
    require = draw(st.sampled_from(["intact", "consistent", "loaded", "tested", None]))
    head = draw(part), draw(part), triple, cpu, flags, line, f"{line}.0.{draw(st.integers(0, 99))}"
    return Manifest(*head, draw(sha256), engine, require, tuple(artifacts))


@st.composite
def indexes(draw: st.DrawFn) -> Index:
    found = draw(st.lists(part, max_size=4, unique_by=str.lower))
    return Index(draw(part), tuple(IndexTarget(n, "pulley64", f"{n}/manifest.json", draw(sha256)) for n in found))


@given(records() | manifests() | indexes())
def test_what_is_written_is_what_is_read(value: Record | Manifest | Index) -> None:
    data = value.to_bytes()
    again = type(value).from_bytes(data, "file")
    assert again == value
    assert again.to_bytes() == data
    assert data.isascii()
    assert data.endswith(b"}\n")
    assert not any(byte < 32 and byte != 10 for byte in data)
    schema = {Record: record.RECORD, Manifest: manifest.MANIFEST, Index: manifest.INDEX}[type(value)]
    assert Draft202012Validator(JSON_SCHEMAS[schema]).is_valid(json.loads(data))


def test_order_of_keys_does_not_show() -> None:
    flags = {"has_fp16": True, "has_lse": True}
    one, other = MANIFEST._replace(isa_flags=flags), MANIFEST._replace(isa_flags=dict(reversed(flags.items())))
    assert one.to_bytes() == other.to_bytes()


def test_an_index_is_written_one_target_to_a_line() -> None:
    assert INDEX.to_bytes().decode() == (
        "{\n"
        '"project": "edge-filters",\n'
        '"schema": "wasmbuild/index/1",\n'
        '"targets": [\n'
        f'{{"name": "pi", "path": "pi/manifest.json", "sha256": "{A}", "triple": "aarch64-unknown-linux-gnu"}},\n'
        f'{{"name": "any", "path": "any/manifest.json", "sha256": "{B}", "triple": "pulley64"}}\n'
        "]\n"
        "}\n"
    )


def test_an_id_is_module_and_target() -> None:
    assert (RECORD.module, RECORD.target) == ("plugins/checksum", "pi")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            RECORD._replace(source=Source("a\\b.wat", A)),
            "the record of plugins/checksum@pi: source.path: must be a relative path with forward slashes, "
            'not "a\\b.wat"; it cannot be written like this',
        ),
        (
            RECORD._replace(inputs={"a": "\udcff"}),
            "the record of plugins/checksum@pi: inputs.a: holds half of a character, \\udcff: not Unicode text; "
            "it cannot be written like this",
        ),
        (
            INDEX._replace(project=".hidden"),
            "the index: project: must be a name of letters, digits, '.', '_' and '-' that does not start with a dot, "
            'not ".hidden"; it cannot be written like this',
        ),
    ],
)
def test_nothing_is_written_that_could_not_be_read(value: Record | Index, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        value.to_bytes()
    assert str(caught.value) == message


def test_a_record_that_is_too_large_is_not_written() -> None:
    huge = RECORD._replace(inputs={str(number): "x" * (1 << 20) for number in range(16)})
    with pytest.raises(
        FormatError, match=r"the record of plugins/checksum@pi has 16778\d+ bytes, and at most 16777216"
    ):
        huge.to_bytes()


# --- schema and reader ------------------------------------------------------------------------------------------------

VALIDATORS = {name: Draft202012Validator(schema) for name, schema in JSON_SCHEMAS.items()}
CHECKS = {name: compile_schema(schema) for name, schema in JSON_SCHEMAS.items()}
READERS: dict[str, Callable[[bytes, str], object]] = {
    record.RECORD: Record.from_bytes,
    manifest.MANIFEST: Manifest.from_bytes,
    manifest.INDEX: Index.from_bytes,
}
odd: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 48, 1 << 63, 1 << 64, 1.5, [], {}, "", "module", "component", "func", "instance"]
    ),
    st.sampled_from(
        ["pi", "a/b", "a/../b.cwasm", "/a.cwasm", "a.cwasm\n", "C:a.wat", "a\\b", ".a", A, A + "\n", A[1:]]
    ),
    st.sampled_from([{"kind": "func", "name": "a"}, {"kind": "func", "name": "a", "type": "() -> ()"}, ["a"]]),
    st.text(max_size=5),
)
odd = odd.map(copy.deepcopy)  # a drawn object may be changed in its turn


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in a document with each of its keys or indices."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    found = [(value, key) for key, _ in items]
    for _, item in items:
        found.extend(places(item))
    return found


@given(st.sampled_from([RECORD, MANIFEST, INDEX]), st.data())
def test_schema_and_reader_agree_on_changed_documents(value: Record | Manifest | Index, data: st.DataObject) -> None:
    changed = copy.deepcopy(document(value))
    schema = changed["schema"]
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(changed)))
        action = data.draw(st.sampled_from(["replace", "delete", "add"]))
        if action == "replace":
            container[key] = data.draw(odd)
        elif action == "delete":
            del container[key]
        elif isinstance(container, dict):
            container[data.draw(st.sampled_from(["type", "tests", "runner", "module"]) | st.text(max_size=3))] = (
                data.draw(odd)
            )
        else:
            container.append(data.draw(odd))
        if not places(changed):
            break
    by_schema = VALIDATORS[schema].is_valid(changed)
    try:
        CHECKS[schema](changed)
        by_check = True
    except Invalid:
        by_check = False
    assert by_check == by_schema
    try:
        READERS[schema](json.dumps(changed).encode(), "file")
    except FormatError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert by_schema


@given(st.binary(max_size=100))
def test_random_bytes_are_no_manifest(data: bytes) -> None:
    for read in READERS.values():
        with pytest.raises(FormatError):
            read(data, "file")


def test_schemas_are_valid_and_known_by_their_names() -> None:
    for name, schema in JSON_SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
        assert schema["$id"] == f"urn:{name.replace('/', ':')}"


# --- what is refused, in words ----------------------------------------------------------------------------------------


def set_in(document: Any, value: object, *path: str | int) -> Any:
    changed = copy.deepcopy(document)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


def refusal(changed: Any, schema: str) -> str:
    with pytest.raises(FormatError) as caught:
        READERS[schema](json.dumps(changed).encode(), "build/pi/file.json")
    return str(caught.value)


ENGINE_PROBLEMS: list[tuple[tuple[str | int, ...], object, str]] = [
    (("embedder",), "lua", 'engine.embedder: "lua" is no embedder that is known here'),
    (("wasm-thread",), True, "engine.wasm-thread: unknown setting"),
    (("consume-fuel",), 1, "engine.consume-fuel: must be true or false, not 1"),
    (("memory-guard-size",), 33554432 + (1 << 64) - 1, "engine.memory-guard-size: must be the value of a setting"),
    (("memory-guard-size",), -1, "engine.memory-guard-size: -1 is out of range"),
    (("collector",), "\x1b[31m", "engine.collector: unknown value"),
    (("cranelift-flags", "has_avx"), True, "engine.cranelift-flags.has_avx: "),
    (("consume-fuel",), False, "engine.consume-fuel: says what is the default, which is left out of a manifest"),
    (("Bad Key",), False, 'engine["Bad Key"]: must be the name of a setting, not "Bad Key"'),
]


@pytest.mark.parametrize(("path", "value", "message"), ENGINE_PROBLEMS)
def test_engine_settings_are_checked_before_anything_uses_them(
    path: tuple[str | int, ...], value: object, message: str
) -> None:
    text = refusal(set_in(document(MANIFEST), value, "engine", *path), manifest.MANIFEST)
    assert text.startswith(f"build/pi/file.json: {message}")
    assert text.endswith(FIX)
    assert text.isprintable()


def test_engine_settings_must_fit_the_target() -> None:
    pulley = MANIFEST._replace(triple="pulley64", cpu=None, isa_flags={}, engine={"embedder": "c-api"})
    changed = set_in(document(pulley), True, "engine", "wasm-threads")
    assert refusal(changed, manifest.MANIFEST) == (
        f"build/pi/file.json: engine.wasm-threads: pulley64 has no threads; {FIX}"
    )


def test_an_engine_is_read_as_it_is_spelled_and_not_as_its_preset() -> None:
    # An embedder in Rust that was given the collector of the C API: it is at the default, so nothing says so.
    value = MANIFEST._replace(engine={"embedder": "rust"})
    assert Manifest.from_bytes(value.to_bytes(), "file") == value


NAME = "a name of letters, digits, '.', '_' and '-' that does not start with a dot"
CWASM = (
    'a relative path that ends in ".cwasm": forward slashes, letters, digits, ".", "_" and "-", '
    "no part starting with a dot"
)


SIZE = "must be a whole number from 0 to 9223372036854775807"
TWICE = "is that of artifacts[0] too, upper and lower case apart"
DEVICE = "is a name that Windows keeps for a device"
SOURCE = "must be a relative path with forward slashes"
UNKNOWN = "is not a key that is known here; known are"
OF_47 = {"major": 47, "compiler": "47.0.1", "compiler_sha256": A}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("artifacts.1.sha256", "A1", 'must be a SHA-256 of 64 lowercase hexadecimal digits, not "A1"'),
        ("artifacts.0.size", -1, f"{SIZE}, not -1"),
        ("artifacts.0.size", True, f"{SIZE}, not true"),
        ("artifacts.0.path", "../x.cwasm", f'must be {CWASM}, not "../x.cwasm"'),
        ("artifacts.0.path", "/x.cwasm", f'must be {CWASM}, not "/x.cwasm"'),
        ("artifacts.0.path", "a\\x.cwasm", f'must be {CWASM}, not "a\\x.cwasm"'),
        ("artifacts.0.path", "c:x.cwasm", f'must be {CWASM}, not "c:x.cwasm"'),
        ("artifacts.0.path", "a\0.cwasm", f'must be {CWASM}, not "a\\x00.cwasm"'),
        ("artifacts.0.path", "x\ud800.cwasm", f'must be {CWASM}, not "x\\ud800.cwasm"'),
        ("artifacts.0.path", "x.cwasm\n", f'must be {CWASM}, not "x.cwasm\\n"'),
        ("artifacts.0.path", "manifest.json", f'must be {CWASM}, not "manifest.json"'),
        ("artifacts.0.path", "a/aux.cwasm", f'"a/aux" {DEVICE}'),
        ("artifacts.1.path", "CHECKSUM.cwasm", f'"CHECKSUM.cwasm" {TWICE}'),
        ("artifacts.1.module", "Checksum", f'"Checksum" {TWICE}'),
        ("artifacts.1.module", "nul", f'"nul" {DEVICE}'),
        ("artifacts.0.source.path", "/etc/x.wat", f'{SOURCE}, not "/etc/x.wat"'),
        ("artifacts.0.source.path", "a/../b.wat", f'{SOURCE}, not "a/../b.wat"'),
        ("artifacts.0.source.path", "C:/b.wat", f'{SOURCE}, not "C:/b.wat"'),
        ("artifacts.0.kind", "elf", 'must be one of "module", "component", not "elf"'),
        ("artifacts.1.exports.0.type", "x", f"{UNKNOWN} kind, name"),
        (
            "artifacts.0.test",
            [],
            f"{UNKNOWN} exports, imports, key, kind, module, path, sha256, size, source, tests, traits, wasm",
        ),
        (
            "artifacts.0.traits",
            Traits().to_json() | {"tags": -1},
            "must be a whole number from 0 to",
        ),
        ("artifacts.0.traits", Traits().to_json() | {"odd-tags-with": ["data"]}, 'must be one of "active-data"'),
        ("artifacts.0.traits", {}, "is missing"),
        ("artifacts.0.tests", [], "has 0 entries, and 1 to 1000 are allowed"),
        ("artifacts.0.tests.0.call", 1, "must be text, not 1"),
        ("artifacts.0.tests.0.call", "crc\x1b", 'there is no export "crc\\x1b"'),
        ("artifacts.0.tests.0.args.1", 1 << 32, "4294967296 does not fit i32"),
        ("artifacts.0.tests.0.args.1", 9.0, "must be a whole number, not 9.0"),
        ("artifacts.0.tests.0.args.1", None, "must be a value, not null"),
        ("artifacts.0.tests.0.args", [0], "has 1 value, and crc32 takes (i32, i32)"),
        ("artifacts.0.tests.0.traps", "x", "a call has one outcome, and returns is one already"),
        ("artifacts.0.tests.0.time_limit", 0, "must be a whole number from 1 to 3600, not 0"),
        ("artifacts.0.tests.0.fuel", True, "must be a whole number from 1 to 9223372036854775807, not true"),
        (
            "artifacts.0.tests.0.runner",
            {},
            f"{UNKNOWN} args, call, exit, fuel, imports, returns, stderr, stdout, time_limit, traps, wasi",
        ),
        ("artifacts.0.tests.0.wasi.argv", [], "has 0 entries, and 1 to 1000 are allowed"),
        ("artifacts.0.tests.0.wasi.env", {"A=B": "x"}, "is no name of a variable"),
        ("artifacts.0.wasm.path", "../x.wasm", f'must be {CWASM.replace("cwasm", "wasm")}, not "../x.wasm"'),
        ("artifacts.0.wasm.path", "aux.wasm", f'"aux" {DEVICE}'),
        ("artifacts.1.wasm", {"path": "Checksum.wasm", "size": 1, "sha256": A}, f'"Checksum.wasm" {TWICE}'),
        ("artifacts.1.tests.0.args", [[[[[[[[[[1]]]]]]]]]], "is nested too deeply"),
        ("artifacts.1.tests.0.args", [[float("inf")]], "inf is no number of JSON"),
        ("artifacts.1.tests.0.args", [{"a": 1 << 64}], "18446744073709551616 does not fit in 64 bits"),
        ("artifacts.1.tests.0.args", [float("nan")], "must be a value, and nan is none of JSON"),
        ("runner", [], f"{UNKNOWN} artifacts, engine, project, require, schema, target, wasmtime"),
        ("project", "a b", f'must be {NAME}, not "a b"'),
        ("project", "con", f'"con" {DEVICE}'),
        ("target.name", "\x1b[2J", f'must be {NAME}, not "\\x1b[2J"'),
        ("target.name", "lpt1.x", f'"lpt1.x" {DEVICE}'),
        ("target.triple", "i686-unknown-linux-gnu", '"i686-unknown-linux-gnu" is a machine of 32 bits'),
        ("target.cpu", "x86-64-v3", '"x86-64-v3" is no CPU level of aarch64'),
        ("target.cpu", 3, "must be the name of a CPU level, or null, not 3"),
        ("target.isa_flags", {}, "lacks has_lse, which armv8.1-a has"),
        ("target.isa_flags.has_avx2", True, "is no ISA flag of aarch64"),
        ("target.isa_flags.has_fp16", False, "is not true"),
        ("wasmtime.compiler", "47.0.1", "is not a version of the line 48"),
        ("wasmtime.compiler", "48", 'must be a version such as "48.0.8", not "48"'),
        ("require", "test", 'must be one of "intact", "consistent", "loaded", "tested", null, not "test"'),
        ("schema", "wasmbuild/index/1", 'must be "wasmbuild/manifest/1", not "wasmbuild/index/1"'),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said(place: str, value: object, message: str) -> None:
    path = [int(step) if step.isdigit() else step for step in place.split(".")]
    text = refusal(set_in(document(MANIFEST), value, *path), manifest.MANIFEST)
    where = re.sub(r"\.(\d)", r"[\1]", place)
    # The place may be inside of the value.
    assert text.startswith(f"build/pi/file.json: {where}")
    assert f": {message}" in text
    assert text.endswith(FIX)
    assert text.isprintable()


def test_a_line_that_is_not_known_asks_for_another_wasmbuild() -> None:
    text = refusal(set_in(document(MANIFEST), OF_47, "wasmtime"), manifest.MANIFEST)
    assert text.startswith("build/pi/file.json: wasmtime.major: Wasmtime 47 is unknown to this version of wasmbuild")
    assert text.endswith("; use a version of wasmbuild that knows that line")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("path", "../manifest.json", 'must be a relative path that ends in ".json"'),
        ("path", "PI/manifest.json", '"PI/manifest.json" is that of targets[0] too, upper and lower case apart'),
        ("name", "Pi", '"Pi" is that of targets[0] too, upper and lower case apart'),
        ("triple", "wasm32-wasip1", f'"wasm32-wasip1" names WebAssembly itself, not a machine; {FIX}'),
    ],
)
def test_what_is_wrong_with_an_index_is_said(place: str, value: object, message: str) -> None:
    text = refusal(set_in(document(INDEX), value, "targets", 1, place), manifest.INDEX)
    assert text.startswith(f"build/pi/file.json: targets[1].{place}: {message}")
    assert text.endswith(FIX)


def test_what_is_missing_is_said() -> None:
    changed = document(MANIFEST)
    del changed["artifacts"][1]["sha256"]
    assert refusal(changed, manifest.MANIFEST) == f"build/pi/file.json: artifacts[1].sha256: is missing; {FIX}"


def test_another_version_is_not_called_damaged() -> None:
    changed = {"schema": "wasmbuild/record/2", "new": True}
    assert refusal(changed, record.RECORD) == (
        'build/pi/file.json: schema: is "wasmbuild/record/2", '
        'and this version of wasmbuild reads "wasmbuild/record/1"; '
        "use the version of wasmbuild that wrote the file, or build again"
    )


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("inputs", "x"), 0.5, "inputs.x: is 0.5, and only whole numbers are used here"),
        (("inputs", "x"), float("nan"), "inputs.x: is nan, and only whole numbers are used here"),
        (("inputs",), [], "inputs: must be an object, not an array"),
        (("id",), "a@b@c", 'id: must be an id such as "checksum@pi", not "a@b@c"'),
        (("artifact", "size"), 1.0, "artifact.size: must be a whole number from 0 to 9223372036854775807, not 1.0"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(path: tuple[str | int, ...], value: object, message: str) -> None:
    text = refusal(set_in(document(RECORD), value, *path), record.RECORD)
    assert text == f"build/pi/file.json: {message}; {FIX}"


def test_the_name_of_the_file_is_escaped() -> None:
    with pytest.raises(FormatError) as caught:
        Record.from_bytes(b"[]", "a\x1b[31m/\udcff.json")
    assert str(caught.value) == f"a\\x1b[31m/\\udcff.json: must be an object, not an array; {FIX}"


def test_a_file_that_is_too_large_is_not_even_parsed() -> None:
    with pytest.raises(FormatError, match="x: has 4194305 bytes, and at most 4194304 are read"):
        Index.from_bytes(b" " * ((4 << 20) + 1), "x")
