"""Records, manifests and indexes as bytes: what is written is what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from documents import INDEX, MANIFEST, RECORD, A, B
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wasmbuild.errors import FormatError
from wasmbuild.formats import documents, given_directories, manifest
from wasmbuild.formats.documents import Source, extern_lines, in_one_line, lines
from wasmbuild.formats.extern import COMPONENT_KINDS, CORE_KINDS, Export, Import
from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact, Wasm
from wasmbuild.formats.record import Record
from wasmbuild.formats.schemas import JSON_SCHEMAS
from wasmbuild.formats.traits import ODD_TAGS_WITH, Traits
from wasmbuild.project import names
from wasmbuild.project.cases import Case, Directory, Wasi

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
    odd_tags_image_size=counts,
    br_table=counts,
    function_body=counts,
    function_values=counts,
    string_transcoding=st.booleans(),
)


KINDS = ("module", "component")


def externs(kind: str) -> st.SearchStrategy[tuple[tuple[Import, ...], tuple[Export, ...]]]:
    if kind == "module":
        an_import = st.builds(Import, wasm_name, wasm_name, st.sampled_from(CORE_KINDS), wasm_type)
        an_export = st.builds(Export, wasm_name, st.sampled_from(CORE_KINDS), wasm_type)
    else:
        an_import = st.builds(Import, st.just(""), wasm_name, st.sampled_from(COMPONENT_KINDS), st.just(""))
        an_export = st.builds(Export, wasm_name, st.sampled_from(COMPONENT_KINDS), st.just(""))
    lists = st.lists(an_import, max_size=3).map(tuple), st.lists(an_export, max_size=3).map(tuple)
    return st.tuples(*lists)


# Made once: of those that are made for each example, hypothesis finds out each time what they can be.
EXTERNS = {kind: externs(kind) for kind in KINDS}
inputs_of_key = st.dictionaries(st.text(max_size=5), free, max_size=4)


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind = draw(st.sampled_from(KINDS))
    inputs = draw(inputs_of_key)
    artifact_id = f"{draw(module_name)}@{draw(part)}"
    facts = draw(size), draw(sha256), kind, draw(source), draw(sha256)
    return Record(artifact_id, draw(sha256), inputs, *facts, *draw(EXTERNS[kind]), draw(traits))


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
    ).map(lambda dirs: tuple(Directory.holding(path, tuple(sorted(dirs[path].items()))) for path in sorted(dirs))),
)


output = st.none() | st.text(max_size=3)
fuel = st.none() | st.integers(1, (1 << 63) - 1)


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
                draw(output) if wasi else None,
                draw(output) if wasi else None,
                program,
                draw(fuel),
                draw(st.integers(1, 3600)),
            )
        )
    return imports, exports, tuple(found)


INTERFACES = {kind: EXTERNS[kind].map(lambda lists: (*lists, ())) | with_tests(kind) for kind in KINDS}


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    artifacts = []
    for name in sorted(draw(st.lists(module_name, max_size=4, unique_by=str.lower))):
        kind = draw(st.sampled_from(KINDS))
        facts = draw(size), draw(sha256), draw(sha256), draw(source)
        rest = draw(INTERFACES[kind])
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
    schema = {Record: documents.RECORD, Manifest: documents.MANIFEST, Index: documents.INDEX}[type(value)]
    assert Draft202012Validator(JSON_SCHEMAS[schema]).is_valid(json.loads(data))


@given(records())
def test_a_record_has_a_line_for_each_key(value: Record) -> None:
    data = value.to_bytes().decode()
    assert data == "{\n" + ",\n".join(lines(json.loads(data))) + "\n}\n"


@given(manifests())
def test_entries_make_the_manifest_that_they_are_of(value: Manifest) -> None:
    written = b",\n".join([artifact.to_entry() for artifact in value.artifacts])
    directories = given_directories.named_by(test for artifact in value.artifacts for test in artifact.tests)
    assert value._replace(artifacts=()).with_entries(written, directories) == value.to_bytes()
    assert manifest.entries(value.to_bytes()) == written
    by_module = manifest.entries_by_module(value.to_bytes())
    assert list(by_module.items()) == [(artifact.module, artifact.to_entry()) for artifact in value.artifacts]


def reading(*directories: Directory) -> Manifest:
    """Return a manifest with many tests, each of which is given all of these directories."""
    test = Case("f", returns=(), wasi=Wasi(("m",), dirs=directories))
    tested = MANIFEST.artifacts[0]._replace(exports=(Export("f", "func", "() -> ()"),), tests=(test,) * 60)
    return MANIFEST._replace(artifacts=(tested,))


def test_what_a_directory_holds_is_there_once_for_all_tests() -> None:
    one, other = (Directory.holding(name, (("blob", "AAAA" * 100_000),)) for name in ("one", "other"))
    data = reading(one, other).to_bytes()
    assert len(data) < 450_000
    [artifact] = Manifest.from_bytes(data, "file").artifacts
    held = [directory.files for test in artifact.tests if test.wasi for directory in test.wasi.dirs]
    assert held == [one.files] * 120
    assert len(set(map(id, held))) == 1


def test_of_a_manifest_that_is_too_large_for_what_tests_read_the_directories_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = (Directory.holding(str(size), (("blob", "AAAA" * size),)) for size in (1, 25_000))
    value = reading(small, large)
    monkeypatch.setattr(manifest, "MAX_MANIFEST", 100_000)
    fix = 'at most 100000 can be read again; 100004 of its bytes are what tests read from "25000", "1"; give'
    with pytest.raises(FormatError, match=fix):
        value.to_bytes()
    with pytest.raises(FormatError, match=fix):
        value._replace(artifacts=()).with_entries(b"", [small, large])
    with pytest.raises(FormatError, match=r"can be read again; split the project$"):
        value._replace(artifacts=()).with_entries(b" " * 100_000, [small])


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


def test_a_record_that_is_too_large_is_not_written() -> None:
    huge = RECORD._replace(inputs={str(number): "x" * (1 << 20) for number in range(32)})
    with pytest.raises(
        FormatError, match=r"the record of plugins/checksum@pi has 33555\d+ bytes, and at most 33554432"
    ):
        huge.to_bytes()


NASTY = st.text() | st.sampled_from([',\n"', '},\n{"', "\n", ", "])


@given(st.lists(st.builds(Import, NASTY, NASTY, NASTY, NASTY), max_size=4))
def test_imports_have_one_line_each_in_a_record_and_one_for_all_in_a_manifest(imports: list[Import]) -> None:
    documents = [extern._asdict() for extern in imports]
    text = extern_lines("module", tuple(imports))
    assert text == "".join(lines({"imports": documents})).removeprefix('"imports": ')
    assert len(text.split("\n")) == (len(imports) + 2 if imports else 1)
    assert in_one_line(text) == json.dumps(documents, sort_keys=True)
