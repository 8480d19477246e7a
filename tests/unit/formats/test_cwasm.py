from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterable, Mapping

import binary
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.errors import FormatError
from wasmbuild.formats import cwasm
from wasmbuild.formats.cwasm import HEADERS, ReadAt, read
from wasmbuild.formats.identify import identify

Flags = Mapping[str, bool | int | str]

SHARED: Flags = {"regalloc_algorithm": "backtracking", "log2_min_function_alignment": 4, "enable_verifier": False}
ISA: Flags = {"has_lse": True, "has_fp16": False}
TRIPLE = "aarch64-unknown-linux-gnu"
TAIL = bytes(range(60))


def flags(values: Flags) -> bytes:
    out = binary.leb(len(values))
    for name, value in values.items():
        out += binary.name(name)
        if isinstance(value, bool):
            out += bytes([2, value])
        elif isinstance(value, int):
            out += bytes([1, value])
        else:
            out += b"\0" + binary.name(value)
    return out


def engine_section(
    version: str = "48", triple: str = TRIPLE, shared: Flags = SHARED, isa: Flags = ISA, tail: bytes = TAIL
) -> bytes:
    head = b"\0" + bytes([len(version.encode())]) + version.encode()
    return head + binary.name(triple) + flags(shared) + flags(isa) + tail


def elf(
    engine: bytes | None = None,
    *,
    machine: int = 183,
    big: bool = False,
    e_flags: int = 1,
    more: Iterable[tuple[str, bytes]] = ((".text", b"code" * 10), (".symtab", b"")),
    osabi: int = 200,
) -> bytes:
    """Lay out an artifact as Wasmtime does: sections in order, their names last, then the section table."""
    order = ">" if big else "<"
    sections = [("", b""), (".wasmtime.engine", engine_section() if engine is None else engine), *more]
    names = b""
    entries = b""
    body = b""
    for name, data in [*sections, (".shstrtab", None)]:
        at = len(names)
        names += name.encode() + b"\0"
        data = names if data is None else data
        entries += struct.pack(f"{order}IIQQQQIIQQ", at, 1 if name else 0, 0, 0, 64 + len(body), len(data), 0, 0, 1, 0)
        body += data
    count = len(sections) + 1
    ident = b"\x7fELF" + bytes([2, 2 if big else 1, 1, osabi]) + bytes(8)
    fields = (1, machine, 1, 0, 0, 64 + len(body), e_flags, 64, 0, 0, 64, count, count - 1)
    return ident + struct.pack(f"{order}HHIQQQIHHHHHH", *fields) + body + entries


@pytest.mark.parametrize("architecture", HEADERS)
@pytest.mark.parametrize("kind", ["module", "component"])
def test_every_architecture_and_kind_is_read(architecture: str, kind: str) -> None:
    header = HEADERS[architecture]
    e_flags = {"module": 1, "component": 2}[kind] | {0: 0, 32: 4, 64: 8}[header.pulley_bits]
    facts = read(elf(machine=header.machine, big=header.big_endian, e_flags=e_flags))
    assert facts.header == header
    assert facts.kind == kind
    assert (facts.version, facts.triple, facts.tail) == ("48", TRIPLE, TAIL)
    assert facts.engine == engine_section()
    assert [section.name for section in facts.sections] == [".wasmtime.engine", ".text", ".symtab", ".shstrtab"]


flag_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
flag_values = st.booleans() | st.integers(0, 255) | st.text(max_size=300)


@given(
    st.text(max_size=20).filter(lambda version: len(version.encode()) < 256),
    st.text(max_size=200),
    st.dictionaries(flag_names, flag_values),
    st.dictionaries(flag_names, flag_values),
    st.binary(max_size=100),
    st.booleans(),
)
def test_what_is_written_is_what_is_read(
    version: str, triple: str, shared: dict[str, bool], isa: dict[str, bool], tail: bytes, big: bool
) -> None:
    facts = read(elf(engine_section(version, triple, shared, isa, tail), big=big))
    assert (facts.version, facts.triple, facts.tail) == (version, triple, tail)
    assert list(facts.shared_flags.items()) == list(shared.items())
    assert list(facts.isa_flags.items()) == list(isa.items())
    assert all(type(facts.shared_flags[name]) is type(value) for name, value in shared.items())


def test_facts_of_one_artifact_cannot_be_changed_for_the_next() -> None:
    with pytest.raises(TypeError):
        read(elf()).isa_flags["has_lse"] = False  # type: ignore[index]


@pytest.mark.parametrize("big", [False, True])
def test_truncation_at_any_byte_is_noticed(big: bool) -> None:
    data = elf(big=big)
    read(data)
    for size in range(len(data)):
        with pytest.raises(FormatError):
            read(data[:size])


@given(st.data())
def test_no_change_of_bytes_raises_anything_but_format_errors(data: st.DataObject) -> None:
    artifact = bytearray(elf(big=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        artifact[data.draw(st.integers(0, len(artifact) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FormatError):
        read(bytes(artifact))


@given(st.binary(max_size=300))
def test_random_bytes_are_no_artifact(data: bytes) -> None:
    for start in (b"", b"\x7fELF\x02\x01\x01\xc8", elf()[:64]):
        with pytest.raises(FormatError):
            read(start + data)


@given(st.binary(max_size=100))
def test_random_engine_sections_are_read_or_refused(data: bytes) -> None:
    try:
        facts = read(elf(b"\0" + data))
    except FormatError:
        return
    assert facts.engine == b"\0" + data


def test_of_a_large_file_only_its_ends_are_read() -> None:
    data = elf(more=[(".text", bytes(1 << 20))])
    seen = []

    def pread(offset: int, count: int) -> bytes:
        seen.append(count)
        return data[offset : offset + count]

    assert read(ReadAt(pread, len(data))) == read(data)
    assert sum(seen) < 8192


def test_engine_section_and_names_are_found_wherever_they_lie() -> None:
    engine = engine_section(tail=bytes(10_000))
    many = [(f".section-with-a-long-name-{number}", b"") for number in range(100)]
    facts = read(elf(engine, more=many))
    assert facts.engine == engine
    assert facts.sections[-2].name == ".section-with-a-long-name-99"


def test_an_open_file_is_read_like_its_bytes() -> None:
    data = elf()
    assert read(ReadAt.of(io.BytesIO(data), len(data))) == read(data)


def test_a_file_that_shrinks_while_it_is_read_is_noticed() -> None:
    data = elf()
    with pytest.raises(FormatError, match="it changed while it was read"):
        read(ReadAt.of(io.BytesIO(data[:-1]), len(data)))


def field(offset: int, value: bytes) -> bytes:
    data = elf()
    return data[:offset] + value + data[offset + len(value) :]


GOOD = elf()
SIZE = len(GOOD)
AGAIN = "; build it again, or copy it again from where it was built"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an artifact: the file is empty; build it again"),
        (
            b"\0asm\1\0\0\0" + bytes(64),
            "not an artifact: it does not start as the ELF files that Wasmtime precompiles do",
        ),
        (elf(osabi=0), "not an artifact: an ELF file, but not one that Wasmtime precompiled"),
        (
            GOOD[:40],
            "a damaged artifact: its ELF header takes 64 bytes, but the file has 40 bytes: it was cut off" + AGAIN,
        ),
        (
            GOOD[:-1],
            f"a damaged artifact: its section table ends at byte {SIZE}, but the file has {SIZE - 1} bytes: "
            "it was cut off" + AGAIN,
        ),
        (field(4, b"\1"), "a damaged artifact: its ELF header is not one that Wasmtime writes" + AGAIN),
        (field(16, b"\2"), "a damaged artifact: its ELF header is not one that Wasmtime writes" + AGAIN),
        (
            elf(e_flags=3),
            "a damaged artifact: its ELF flags 0x3 do not say whether it is a module or a component" + AGAIN,
        ),
        (
            elf(more=[(".wasmtime.engine", b"\0")]),
            "a damaged artifact: it has 2 sections .wasmtime.engine, and not one" + AGAIN,
        ),
        (
            elf(more=[(".text", b"")] * 1022),
            "a damaged artifact: it has 1025 sections, more than Wasmtime ever writes" + AGAIN,
        ),
        (
            elf(more=[("x" * 256, b"")]),
            "a damaged artifact: a section name has 256 bytes, more than Wasmtime ever writes" + AGAIN,
        ),
        (elf(b""), "a damaged artifact: its section .wasmtime.engine is empty, too large or of another type" + AGAIN),
        (
            elf(b"\x01"),
            "a damaged artifact: its engine section is of format 1, and only format 0 is known: "
            "a later Wasmtime may have made it" + AGAIN,
        ),
        (elf(b"\0\x0248"), "a damaged artifact: its engine section ends too early" + AGAIN),
        (elf(b"\0\x01\xff"), "a damaged artifact: its engine section holds text that is not UTF-8" + AGAIN),
        (
            elf(b"\0\x00" + b"\xff" * 10),
            "a damaged artifact: its engine section holds a number of more than 64 bits" + AGAIN,
        ),
        (
            elf(engine_section(shared={}, isa={}, tail=b"")[:-1] + b"\x02" + (binary.name("a\x1b") + b"\2\1") * 2),
            "a damaged artifact: its engine section sets a\\x1b twice" + AGAIN,
        ),
        (
            elf(engine_section(shared={}, isa={}, tail=b"")[:-1] + b"\x01" + binary.name("has_lse") + b"\2\7"),
            "a damaged artifact: its engine section has no readable value for has_lse" + AGAIN,
        ),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(data)
    assert str(caught.value) == message


def test_sections_of_one_name_share_it() -> None:
    table = struct.unpack_from("<Q", GOOD, 40)[0]
    of_text, of_symtab = table + 2 * 64, table + 3 * 64
    _, one, other, _ = read(field(of_symtab, GOOD[of_text : of_text + 4])).sections
    assert one.name == ".text"
    assert one.name is other.name


def test_a_section_that_ends_after_the_file_is_named() -> None:
    table = struct.unpack_from("<Q", GOOD, 40)[0]
    text_size = table + 2 * 64 + 32
    data = GOOD[:text_size] + struct.pack("<Q", 1 << 40) + GOOD[text_size + 8 :]
    with pytest.raises(FormatError, match=rf"section \.text ends at byte \d+, but the file has {SIZE} bytes"):
        read(data)


def test_artifacts_are_told_from_other_elf_files_by_eight_bytes() -> None:
    assert cwasm.is_artifact(GOOD[:8])
    assert not cwasm.is_artifact(elf(osabi=3)[:8])
    assert not cwasm.is_artifact(b"\0asm\1\0\0\0")


def test_an_artifact_in_place_of_a_source_is_named() -> None:
    advice = "pass the .wasm or .wat that it was made from"
    made = elf(engine_section(triple="pulley64\x1b[31m"))
    identity = identify(made)
    assert identity.kind == "artifact"
    assert str(identity) == f"an artifact that Wasmtime 48 precompiled for pulley64\\x1b[31m: {advice}"
    assert str(identify(made[:-1])) == f"a damaged artifact of Wasmtime: {advice}"
