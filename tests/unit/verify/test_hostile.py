"""Manifests and indexes of an enemy: the right file is blamed in one clear line, and all else is judged as ever."""

from __future__ import annotations

import os

import pytest
from shipped import BAD, INDEX, MANIFEST, Shipped

from wasmbuild.formats.manifest import MAX_INDEX, MAX_MANIFEST
from wasmbuild.verify import verify

CWASM = 'must be a relative path that ends in ".cwasm"'
JSON = 'must be a relative path that ends in ".json"'
TWICE = "[0] too, upper and lower case apart"
WHOLE = "must be a whole number from 0 to 9223372036854775807, not"
ESCAPES = "\x1b]0;pi\x07\r\n\u202e" * 100
HEAD, INDEX_HEAD = b'{"schema": "wasmbuild/manifest/1", ', b'{"schema": "wasmbuild/index/1", '


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        # Paths that leave.
        ("artifacts.0.path", "../edge/good.cwasm", CWASM),
        ("artifacts.0.path", "a/../../edge/good.cwasm", CWASM),
        ("artifacts.0.path", "/outside/pi/bad.cwasm", CWASM),
        ("artifacts.0.path", "C:bad.cwasm", CWASM),
        ("artifacts.0.path", "..\\bad.cwasm", CWASM),
        ("artifacts.0.path", "bad\0.cwasm", CWASM),
        ("artifacts.0.path", "b\udcffd.cwasm", CWASM),
        ("artifacts.0.path", "NUL.cwasm", '"NUL" is a name that Windows keeps for a device'),
        ("artifacts.0.wasm", {"path": "../a.wasm", "size": 1, "sha256": "0" * 64}, "artifacts[0].wasm.path: must be"),
        # The same name twice.
        ("artifacts.0.module", "good", f'"good" is that of artifacts{TWICE}'),
        ("artifacts.0.module", "GOOD", f'"good" is that of artifacts{TWICE}'),
        ("artifacts.0.path", "Good.cwasm", f'"good.cwasm" is that of artifacts{TWICE}'),
        # Another format.
        ("schema", "wasmbuild/record/1", 'schema: must be "wasmbuild/manifest/1"'),
        ("schema", "wasmbuild/manifest/9", "use the version of wasmbuild that wrote the file"),
        ("artifacts", {}, "artifacts: must be an array, not an object"),
        ("runner", {"command": ["sh"], "python": "python3"}, "runner: is not a key that is known here"),
        ("target.runner", {"command": ["sh"], "python": "python3"}, "target.runner: is not a key that is known here"),
        # Numbers that are none, or too large.
        ("artifacts.0.size", 1 << 64, f"{WHOLE} a number beyond 64 bits"),
        ("artifacts.0.size", float("inf"), f"{WHOLE} inf"),
        ("artifacts.0.size", True, f"{WHOLE} true"),
        ("wasmtime.major", 1 << 80, "wasmtime.major: must be a whole number"),
        ("wasmtime.major", 1 << 31, "wasmtime.major: must be a whole number"),
        ("engine.memory-reservation", 1 << 64, "engine.memory-reservation: must be the value of a setting"),
        ("engine.memory-reservation", -1, "engine.memory-reservation: -1 is out of range"),
        ("target.isa_flags.has_lse", 1 << 64, "target.isa_flags.has_lse: must be"),
        ("artifacts.0.tests", [{"call": "f", "args": [1 << 64], "returns": []}], "artifacts[0].tests[0]."),
        # Text where a truth belongs.
        ("engine.consume-fuel", "true", 'consume-fuel: must be true or false, not "true"'),
        ("engine.consume-fuel", 1, "consume-fuel: must be true or false, not 1"),
        ("target.isa_flags.has_lse", "yes", 'target.isa_flags.has_lse: is not true'),
        # What a terminal would obey.
        ("engine.strategy", ESCAPES, r'engine.strategy: unknown value "\x1b]0;pi\x07\r\n\u202e'),
        *((place, ESCAPES, r"\x1b]0;pi\x07\r\n\u202e") for place in (
            "project", "target.name", "target.triple", "target.cpu", "wasmtime.compiler", "require",
            "schema", "artifacts.0.module", "artifacts.0.path", "artifacts.0.kind", "artifacts.0.sha256",
        )),
        *((f"{place}{ESCAPES}", True, r"\x1b]0;pi\x07\r\n\u202e") for place in (
            "", "target.isa_flags.", "engine.", "artifacts.0.",
        )),
    ],
)  # fmt: skip
def test_a_manifest_is_blamed_for_what_it_says(shipped: Shipped, place: str, value: object, said: str) -> None:
    shipped.say(place, value)
    message = shipped.blame(MANIFEST)
    assert message.startswith(f"{shipped.manifest}: ")
    assert said in message


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("artifacts.0.size", 3, "bytes, and its manifest says 3: it was changed after it was built"),
        ("artifacts.0.size", (1 << 63) - 1, "its manifest says 9223372036854775807: it was cut off, or changed"),
        ("artifacts.0.sha256", "0" * 64, "and its manifest says 0000000000000000…"),
        ("artifacts.0.path", "none/bad.cwasm", "none/bad.cwasm is missing"),
        ("artifacts.0.path", "good.cwasm/bad.cwasm", "good.cwasm/bad.cwasm cannot be opened: Not a directory"),
    ],
)
def test_an_artifact_is_blamed_where_it_is_not_what_its_manifest_says(
    shipped: Shipped, place: str, value: object, said: str
) -> None:
    shipped.say(place, value)
    assert said in shipped.blame(BAD)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not JSON: line 1, column 1"),
        (b" " * (MAX_MANIFEST + 100), f"has {MAX_MANIFEST + 1} bytes, and at most {MAX_MANIFEST} are read"),
        (HEAD + b'"artifacts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (HEAD + b'"project": "caf\xe9"}', "is not UTF-8 text: byte 50 cannot be read"),
        ("{}".encode("utf-16"), "is not UTF-8 text: byte 0 cannot be read"),
        (HEAD + b'"schema": ""}', 'has the key "schema" twice in one object'),
        (HEAD + b'"artifacts": ' + b"9" * 5000 + b"}", "holds a number with too many digits"),
        (b"\x7fELF", "is not JSON"),
    ],
    ids=["empty", "huge", "deep", "latin-1", "utf-16", "key-twice", "digits", "elf"],
)
def test_what_is_no_manifest_is_blamed(shipped: Shipped, data: bytes, said: str) -> None:
    shipped.write(data)
    assert said in shipped.blame(MANIFEST)


def test_no_more_of_a_manifest_is_read_than_one_can_have(shipped: Shipped) -> None:
    os.truncate(shipped.manifest, 1 << 40)
    assert f"at most {MAX_MANIFEST} are read" in shipped.blame(MANIFEST)


@pytest.mark.parametrize(
    ("place", "value", "blamed", "said"),
    [
        ("targets.0.path", "../outside/pi/manifest.json", INDEX, f"targets[0].path: {JSON}"),
        ("targets.0.path", "/pi/manifest.json", INDEX, f"targets[0].path: {JSON}"),
        ("targets.0.path", "c:/manifest.json", INDEX, f"targets[0].path: {JSON}"),
        ("targets.0.path", "pi\\manifest.json", INDEX, f"targets[0].path: {JSON}"),
        ("targets.0.path", "pi/bad.cwasm", INDEX, f"targets[0].path: {JSON}"),
        ("targets.0.path", "pi/none.json", "pi/none.json", "is missing; index.json names it"),
        ("targets.1.path", "pi/manifest.json", INDEX, f'"pi/manifest.json" is that of targets{TWICE}'),
        ("targets.1.path", "PI/manifest.json", INDEX, f'"PI/manifest.json" is that of targets{TWICE}'),
        ("targets.1.name", "pi", INDEX, f'"pi" is that of targets{TWICE}'),
        ("targets.1.name", "PI", INDEX, f'"PI" is that of targets{TWICE}'),
        ("targets.0.name", "pie", MANIFEST, "index.json says filters, target pie (aarch64-unknown-linux-gnu)"),
        ("targets.0.triple", "pulley64", MANIFEST, "and index.json says filters, target pi (pulley64)"),
        ("targets.0.name", ESCAPES, INDEX, r"\x1b]0;pi\x07\r\n\u202e"),
        ("targets.0.path", ESCAPES, INDEX, r"\x1b]0;pi\x07\r\n\u202e"),
        ("targets.0.sha256", "0" * 64, MANIFEST, "is not the manifest that index.json names (its SHA-256 differs)"),
        ("targets.0.sha256", True, INDEX, "must be a SHA-256 of 64 lowercase hexadecimal digits, not true"),
        ("targets.0.runner", [], INDEX, "targets[0].runner: is not a key that is known here"),
        ("targets", "pi", INDEX, 'targets: must be an array, not "pi"'),
        ("schema", "wasmbuild/record/1", INDEX, "schema: must be"),
        ("schema", "wasmbuild/index/9", INDEX, "use the version of wasmbuild that wrote the file"),
    ],
)
def test_an_index_or_what_it_names_is_blamed(
    shipped: Shipped, place: str, value: object, blamed: str, said: str
) -> None:
    shipped.say_in_index(place, value)
    assert said in shipped.blame(blamed)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not JSON: line 1, column 1"),
        (INDEX_HEAD + b" " * MAX_INDEX, f"has {MAX_INDEX + 1} bytes, and at most {MAX_INDEX} are read"),
        (INDEX_HEAD + b'"targets": ' + b"[" * 100_000, "nested too deeply"),
        (INDEX_HEAD + b'"project": "\xff', "is not UTF-8 text: byte 44 cannot be read"),
        (INDEX_HEAD + b'"project": "wasmbuild/manifest/1"}', "schema: must be"),
    ],
    ids=["empty", "huge", "deep", "no-utf-8", "two-marks"],
)
def test_what_is_no_index_is_blamed(shipped: Shipped, data: bytes, said: str) -> None:
    shipped.index.write_bytes(data)
    assert said in shipped.blame(INDEX)


def test_a_pinned_index_that_is_too_large_is_said_to_be(shipped: Shipped) -> None:
    shipped.index.write_bytes(INDEX_HEAD + b" " * MAX_INDEX)
    [entry] = verify([shipped.root], level="intact", index_sha256="0" * 64).artifacts
    assert f"at most {MAX_INDEX} are read" in entry.message


def test_a_directory_with_terminal_escapes_is_shown_without_them(shipped: Shipped) -> None:
    # Found in another directory, so nobody has seen the name before.
    shipped.index.unlink()
    directory = (shipped.root / "pi").rename(shipped.root / "\x1b[2J\x07\u202epi")
    (directory / "manifest.json").write_bytes(b"{")
    broken, right = verify([shipped.root], level="intact").artifacts
    assert (broken.id, right.id) == (str(shipped.root / r"\x1b[2J\x07\u202epi" / "manifest.json"), "good@edge")
    assert broken.message.startswith(f"{broken.id}: is not JSON")
    assert broken.message.isprintable()
