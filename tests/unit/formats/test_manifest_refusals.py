"""What is said of records, manifests and indexes that are wrong, before anything uses them."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from documents import FIX, INDEX, MANIFEST, READERS, RECORD, A, document

from wasmbuild.errors import FormatError
from wasmbuild.formats import documents, typed_cases
from wasmbuild.formats.manifest import (
    Index,
    Manifest,
)
from wasmbuild.formats.record import Record
from wasmbuild.formats.traits import Traits
from wasmbuild.project.cases import digest_of


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
    text = refusal(set_in(document(MANIFEST), value, "engine", *path), documents.MANIFEST)
    assert text.startswith(f"build/pi/file.json: {message}")
    assert text.endswith(FIX)
    assert text.isprintable()


def test_engine_settings_must_fit_the_target() -> None:
    pulley = MANIFEST._replace(triple="pulley64", cpu=None, isa_flags={}, engine={"embedder": "c-api"})
    changed = set_in(document(pulley), True, "engine", "wasm-threads")
    assert refusal(changed, documents.MANIFEST) == (
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
DIRS = "artifacts[0].tests[1].wasi.dirs"
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
        ("artifacts.1.tests.0.args", json.loads("[" * 18 + "]" * 18), "is nested too deeply"),
        ("artifacts.1.tests.0.args", [[float("inf")]], "inf is no number of JSON"),
        ("artifacts.1.tests.0.args", [{"a": 1 << 64}], "18446744073709551616 does not fit in 64 bits"),
        ("artifacts.1.tests.0.args", [float("nan")], "must be a value, and nan is none of JSON"),
        ("runner", [], f"{UNKNOWN} artifacts, directories, engine, project, require, schema, target, wasmtime"),
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
    ],
)
def test_what_is_wrong_with_a_manifest_is_said(place: str, value: object, message: str) -> None:
    path = [int(step) if step.isdigit() else step for step in place.split(".")]
    text = refusal(set_in(document(MANIFEST), value, *path), documents.MANIFEST)
    where = re.sub(r"\.(\d)", r"[\1]", place)
    # The place may be inside of the value.
    assert text.startswith(f"build/pi/file.json: {where}")
    assert f": {message}" in text
    assert text.endswith(FIX)


@pytest.mark.parametrize(
    ("held", "named", "message"),
    [
        ({"in.bin": "/wA="}, A, f"{DIRS}.data: names what is not in directories"),
        ({"in.bin": "/wA="}, "A1", f"{DIRS}.data: must be a SHA-256"),
        ({"in.bin": "/wA="}, {}, f"{DIRS}.data: must be a SHA-256"),
        ({"in.bin": "/wA="}, None, "directories.SHA256: is named by no test"),
        ({"in.bin": 1}, "SHA256", 'directories.SHA256["in.bin"]: must be text, not 1'),
        ({"in.bin": "!"}, "SHA256", 'directories.SHA256["in.bin"]: is no base64'),
        ({"../in.bin": ""}, "SHA256", 'directories.SHA256["../in.bin"]: is no path of a file'),
        ({str(number): "" for number in range(1001)}, "SHA256", "directories.SHA256: holds 1001 files"),
        ({"a": "AAAA" * 200_000, "b": "AAAA" * 200_000}, "SHA256", "directories.SHA256: holds more than 1 MiB"),
    ],
)
def test_what_is_wrong_with_directories_that_tests_read_is_said(
    held: dict[str, Any], named: object, message: str
) -> None:
    changed = document(MANIFEST)
    sha256 = digest_of(tuple(held.items()))
    changed["directories"] = {sha256: held}
    given = changed["artifacts"][0]["tests"][1]["wasi"]
    if named is None:
        del given["dirs"]
    else:
        given["dirs"] = {"data": sha256 if named == "SHA256" else named}
    text = refusal(changed, documents.MANIFEST).replace(sha256, "SHA256").replace('["SHA256"]', ".SHA256")
    assert text.startswith(f"build/pi/file.json: {message}")
    assert text.endswith(FIX)


def test_a_directory_that_is_not_what_tests_name_is_refused() -> None:
    changed = document(MANIFEST)
    [sha256] = changed["directories"]
    changed["directories"][sha256]["in.bin"] = "/wE="
    assert f"directories.{sha256}: is not the SHA-256 of what is there; " in refusal(changed, documents.MANIFEST)
    del changed["directories"]
    assert f"{DIRS}.data: names what is not in directories; " in refusal(changed, documents.MANIFEST)


def test_another_file_of_wasmbuild_is_told_from_a_damaged_manifest() -> None:
    text = refusal(set_in(document(MANIFEST), "wasmbuild/index/1", "schema"), documents.MANIFEST)
    said = 'schema: must be "wasmbuild/manifest/1", not "wasmbuild/index/1"; name the right file, or build again'
    assert text == f"build/pi/file.json: {said}"
    assert text.isprintable()


def test_a_line_that_is_not_known_asks_for_another_wasmbuild() -> None:
    text = refusal(set_in(document(MANIFEST), OF_47, "wasmtime"), documents.MANIFEST)
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
    text = refusal(set_in(document(INDEX), value, "targets", 1, place), documents.INDEX)
    assert text.startswith(f"build/pi/file.json: targets[1].{place}: {message}")
    assert text.endswith(FIX)


def test_what_is_missing_is_said() -> None:
    changed = document(MANIFEST)
    del changed["artifacts"][1]["sha256"]
    assert refusal(changed, documents.MANIFEST) == f"build/pi/file.json: artifacts[1].sha256: is missing; {FIX}"


def test_another_version_is_not_called_damaged() -> None:
    changed = {"schema": "wasmbuild/record/2", "new": True}
    assert refusal(changed, documents.RECORD) == (
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
    text = refusal(set_in(document(RECORD), value, *path), documents.RECORD)
    assert text == f"build/pi/file.json: {message}; {FIX}"


def test_the_name_of_the_file_is_escaped() -> None:
    with pytest.raises(FormatError) as caught:
        Record.from_bytes(b"[]", "a\x1b[31m/\udcff.json")
    assert str(caught.value) == f"a\\x1b[31m/\\udcff.json: must be an object, not an array; {OTHER}"


OTHER = "it is no manifest or index: name one, or a build directory"


@pytest.mark.parametrize(
    ("data", "name", "fix"),
    [
        (b"all:\n", "Makefile", OTHER),
        (b'[project]\nname = "p"\n', "wasmbuild.toml", OTHER),
        (b'{"name": "p"}', "package.json", OTHER),
        (b'{"name": "p"}', "manifest.json", OTHER),
        (b'{"name": // not yet', "tsconfig.json", OTHER),
        (b"", "build/pi/manifest.json", FIX),
        (b'{"project": "p", "sch', "build/index.json", FIX),
        (b'{"artifact": {', "build/pi/m.cwasm.json", FIX),
        (INDEX.to_bytes()[:-10], "copy.json", FIX),
    ],
)
def test_only_what_a_build_wrote_is_to_be_deleted(data: bytes, name: str, fix: str) -> None:
    for read in READERS.values():
        with pytest.raises(FormatError) as caught:
            read(data, name)
        assert str(caught.value).startswith(f"{name}: ")
        assert str(caught.value).endswith(f"; {fix}")


def test_a_file_that_is_too_large_is_not_even_parsed() -> None:
    with pytest.raises(FormatError, match="x: has 4194305 bytes, and at most 4194304 are read"):
        Index.from_bytes(b" " * ((4 << 20) + 1), "x")


def test_of_many_tests_that_are_wrong_the_first_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(typed_cases, "suggestion", lambda name, _: compared.append(name))
    changed = document(MANIFEST)
    good = changed["artifacts"][0]["tests"][0]
    changed["artifacts"][0]["tests"] = [{**good, "call": f"absent{n}"} for n in range(100)]
    text = refusal(changed, documents.MANIFEST)
    assert 'artifacts[0].tests[0].call: there is no export "absent0"' in text
    assert compared == ["absent0"]
