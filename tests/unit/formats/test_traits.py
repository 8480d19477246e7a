from __future__ import annotations

import contextlib

import pytest
from binary import COMPONENT, MODULE, func, imports, leb, section, types, vec
from hypothesis import example, given
from hypothesis import strategies as st

from wasmbuild.errors import FormatError
from wasmbuild.formats import wasm_traits
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.instructions import Instructions
from wasmbuild.formats.traits import Traits, merged

MEMORY = section(5, vec([b"\x00\x01"]))
IMPORTED_MEMORY = imports(("", "", b"\x02\x00\x01"))
TAG = b"\x00\x00"
ACTIVE = b"\x00\x41\x00\x0b\x01x"
PASSIVE = b"\x01\x01x"


def body(*instructions: bytes, locals_: bytes = b"\x00") -> bytes:
    code = locals_ + b"".join(instructions) + b"\x0b"
    return leb(len(code)) + code


def code(*instructions: bytes) -> bytes:
    return section(3, vec([b"\x00"])) + section(10, vec([body(*instructions)]))


def module(*sections: bytes) -> bytes:
    return MODULE + types(func()) + b"".join(sections)


def traits(*sections: bytes) -> Traits:
    return wasm_traits.read(module(*sections))


def test_a_module_without_anything_has_no_traits() -> None:
    assert wasm_traits.read(MODULE) == Traits()


def test_the_largest_table_of_branches_and_body_count() -> None:
    first, second = (b"\x0e" + leb(size) + b"\x80\x00" * size + b"\x00" for size in (3, 300))
    bodies = [body(b"\x41\x00", table) for table in (second, first)]
    found = traits(section(3, vec([b"\x00", b"\x00"])), section(10, vec(bodies)))
    assert (found.br_table, found.function_body) == (300, len(second) + 4)


def test_numbers_that_look_like_instructions_are_none() -> None:
    looks = [
        b"\x41\xfd\x00\x1a",
        b"\x42\x14\x1a",
        b"\x43\xfd\x1f\x14\xfe\x1a",
        b"\x44" + b"\x1f" * 8 + b"\x1a",
        b"\x10\x1f",
    ]
    found = traits(code(*looks))
    assert found == Traits(function_body=sum(map(len, looks)) + 2, function_values=found.function_values)


def test_values_are_counted_for_locals_in_loops_and_for_wide_types() -> None:
    def values(size: int, listed: int, locals_: int, *instructions: bytes) -> int:
        function = body(*instructions, b"\x01" * size, locals_=b"\x01" + leb(locals_) + b"\x7f")
        made = MODULE + types(func(), func([0x7F] * listed)) + section(3, vec([b"\0"])) + section(10, vec([function]))
        return wasm_traits.read(made).function_values

    loops = b"\x03\x40" * 17_000 + b"\x0b" * 17_000
    assert values(0, 0, 1000, loops) > 17_000_000 > 1 << 24 > values(0, 0, 10, loops)
    assert values(0, 1000, 0, b"\x02\x01\x0b" * 16_900) > 16_900_000
    # Nothing joins, and what is like the start of a block, in a number, is no more than that.
    assert values(200_000, 10, 300) < 1 << 24
    assert values(200_000, 10, 300, b"\x41\x82\x40\x1a" * 1000) < 1 << 24
    assert values(600_000, 0, 0) > 1 << 24
    # As many locals as can be written, which no compiler takes, can still be written down.
    assert values(0, 0, (1 << 32) - 1, b"\x03\x40\x0b") == (1 << 32) - 1


@pytest.mark.parametrize(
    ("instruction", "features", "field"),
    [
        (b"\x14\x00", ("function-references",), "call_ref"),
        (b"\x15\x00", ("function-references",), "call_ref"),
        (b"\x1f\x40\x02\x00\x00\x00\x02\x00\x0b", ("exceptions",), "try_table"),
    ],
)
def test_calls_by_reference_and_handlers_are_told(instruction: bytes, features: tuple[str, ...], field: str) -> None:
    found = traits(code(instruction))
    assert (found.features, getattr(found, field)) == (features, True)


@pytest.mark.parametrize(
    ("data", "having"),
    [
        ([], ()),
        ([PASSIVE], ("passive-data",)),
        ([ACTIVE], ("active-data",)),
        ([PASSIVE, ACTIVE], ("active-data", "passive-data")),
        ([b"\x02\x01\x41\x00\x0b\x00"], ("active-data",)),
        ([b"\x02\x00\x41\x00\x0b\x00"], ("active-data", "active-data-imported-memory")),
        ([b"\x02\x01\x23\x00\x0b\x00"], ("active-data", "active-data-non-constant-offset")),
        ([b"\x02\x01\x41\x00\x41\x00\x6a\x0b\x00"], ("active-data", "active-data-non-constant-offset")),
    ],
)
@pytest.mark.parametrize("tags", [0, 1, 2, 3])
def test_data_beside_an_odd_number_of_tags_are_told(tags: int, data: list[bytes], having: tuple[str, ...]) -> None:
    defined = section(13, vec([TAG] * tags)) if tags else b""
    memories = IMPORTED_MEMORY + MEMORY if any(entry[0] == 2 for entry in data) else MEMORY
    dropped = section(10, vec([body(b"\xfc\x09\x00")]))
    found = traits(memories, defined, dropped, section(11, vec(data)))
    assert (found.tags, found.odd_tags_with) == (tags, having if tags % 2 else ())
    assert found.passive_data is ("passive-data" in having)


READING = [b"\xfc\x08\0\0", b"\xfc\x09\0", b"\xfb\x09\0\0", b"\xfb\x12\0\0"]
OF_ELEMENTS = [b"\xfc\x0c\0\0", b"\xfc\x0d\0", b"\xfb\x0a\0\0", b"\xfb\x13\0\0"]


@pytest.mark.parametrize("instruction", [*READING, *OF_ELEMENTS])
def test_passive_data_count_beside_tags_where_code_reads_them(instruction: bytes) -> None:
    having = ("passive-data",) if instruction in READING else ()
    for before in (b"", b"\xfc\x0b\0", b"\x01" * 600):
        code = section(10, vec([body(before, instruction)]))
        found = traits(section(13, vec([TAG])), code, section(11, vec([PASSIVE])))
        assert (found.odd_tags_with, found.passive_data) == (having, True)


def active(offset: int, size: int, memory: int = 0) -> bytes:
    """Return active data at an offset below 2^31."""
    number = bytearray()
    while offset >= 0x40:
        number.append(offset & 0x7F | 0x80)
        offset >>= 7
    return b"\x02" + leb(memory) + b"\x41" + bytes([*number, offset]) + b"\x0b" + leb(size) + b"x" * size


@pytest.mark.parametrize(
    ("data", "missing", "least_size"),
    [
        ([active(0, 1)], False, 0),
        ([active(0, 65_536)], False, 0),
        ([active(0, 65_537)], True, 0),
        ([active(65_536, 0)], False, 0),
        ([active(65_537, 0)], True, 0),
        ([active(0, 100), active(200, 51)], False, 0),
        ([active(0, 100), active(200, 50)], False, 0),
        ([active(0, 100), active(250, 25)], False, 276),
        # Of the second memory, which is large.
        ([active(0, 1, 1), active(16 << 20, 1, 1)], False, (16 << 20) + 2),
        ([active((20 << 20) - 1, 1, 1)], False, 0),
        ([active(0, 1), active(16 << 20, 1, 1)], False, 0),
        # At an offset that i32 spells as a negative number.
        ([b"\x00\x41\x7f\x0b\x01x"], True, 0),
    ],
)
def test_data_that_no_image_is_made_of_are_told(data: list[bytes], missing: bool, least_size: int) -> None:
    memories = section(5, vec([b"\x00\x01", b"\x00" + leb(400)]))
    found = traits(memories, section(13, vec([TAG])), section(11, vec(data)))
    expected = ("active-data", "active-data-without-image") if missing else ("active-data",)
    assert (found.odd_tags_with, found.odd_tags_image_size) == (expected, least_size)
    assert not traits(memories, section(11, vec(data))).odd_tags_image_size


def test_small_pages_have_no_image() -> None:
    found = traits(section(5, vec([b"\x08\x01\x00"])), section(13, vec([TAG])), section(11, vec([active(0, 1)])))
    assert found.odd_tags_with == ("active-data", "active-data-without-image")


def test_imported_tags_do_not_count() -> None:
    found = traits(imports(("", "", b"\x04" + TAG)), section(11, vec([PASSIVE])))
    assert (found.tags, found.odd_tags_with, found.features) == (0, (), ("bulk-memory", "exceptions"))


def test_memories_and_tables_are_told_wherever_they_come_from() -> None:
    assert traits(imports(("", "", b"\x02\x03\x01\x01"))).shared_memory
    assert traits(section(5, vec([b"\x04\x01"]))).memory64
    assert traits(imports(("", "", b"\x01\x70\x04\x01"))).table64
    assert traits(section(4, vec([b"\x70\x05\x01\x02"]))).table64
    assert traits(MEMORY, section(11, vec([ACTIVE]))) == Traits()


def test_a_component_has_what_any_of_its_modules_has() -> None:
    odd = module(MEMORY, section(13, vec([TAG])), section(11, vec([ACTIVE])))
    even = module(section(13, vec([TAG, TAG])), section(11, vec([PASSIVE])))
    nested = COMPONENT + section(1, even) + section(1, module(code(b"\x41\x00\x0e\x00\x00")))
    found = wasm_traits.read(COMPONENT + section(1, odd) + section(4, nested))
    assert found == Traits(
        features=("bulk-memory", "component-model", "exceptions"),
        tags=2,
        odd_tags_with=("active-data",),
        passive_data=True,
        function_body=7,
        function_values=found.function_values,
    )


@pytest.mark.parametrize("code", [0x2E, 0x2F])
def test_streams_and_futures_that_are_forwarded_need_async(code: int) -> None:
    found = wasm_traits.read(COMPONENT + section(8, vec([bytes([code]) + leb(200)])))
    assert found.features == ("component-model", "component-model-async")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        module(code(b"\xff")),
        module(code(b"\xfd\xff\x7f")),
        module(section(10, b"\x01\x7f")),
        module(section(11, b"\x01\x03")),
        COMPONENT + section(8, b"\x01\x7f"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        wasm_traits.read(data)


@pytest.mark.parametrize("name", [b"\x06\x40", b"\x07\x00", b"\x09\x00", b"\x18\x00", b"\x19"])
@pytest.mark.parametrize("before", [b"", b"\x01" * 600])
def test_legacy_exceptions_are_told_from_what_nobody_knows(name: bytes, before: bytes) -> None:
    data = module(code(before + name + b"\x0b"))
    at = data.rindex(name)
    with pytest.raises(FormatError, match=rf"^it uses legacy exceptions, .* at byte {at} of the file\)"):
        wasm_traits.read(data)
    own = module(section(3, vec([b"\x00"])), section(13, vec([TAG])), section(10, vec([body(before + name + b"\x0b")])))
    tag = imports(("", "", b"\x04" + TAG))
    for tagged in (own, module(tag, code(before + name + b"\x0b"))):
        assert wasm_traits.has_legacy_exceptions(tagged)
    assert not wasm_traits.has_legacy_exceptions(module(tag, code(before + b"\xff\x0b")))
    assert not wasm_traits.has_legacy_exceptions(module(tag, code(before + b"\x0b")))
    # A type that is exact, of custom descriptors, goes on with a number that may be that of any opcode.
    for exact in (b"\xfb\x14\x62" + name, b"\xfb\x18\x00\x00\x62" + name + b"\x62" + name):
        assert not wasm_traits.has_legacy_exceptions(module(tag, code(before + exact + b"\x0b")))
    # What has no tags is not looked at any closer.
    assert not wasm_traits.has_legacy_exceptions(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    body_of_tail = section(3, b"\1\0") + section(10, b"\1" + leb(len(tail)) + tail)
    for data in (module() + tail, module(body_of_tail), COMPONENT + tail):
        with contextlib.suppress(FormatError):
            wasm_traits.read(data)


PIECES = [
    b"\x01",
    b"\x1a",
    b"\x41\xfd\x7f",
    b"\x20\x81\x00",
    b"\xfd\x0c" + b"\xfd" * 16,
    b"\xfd\xae\x01",
    b"\xfc\x0b\x00",
    b"\x1c\x01\x7b",
    b"\x0e\x01\x05\x06",
    b"\x28\x42\x01\x10",
    b"\x02\x7b",
    b"\x02\x05",
    b"\xd0\x6f",
    b"\xd0\x03",
    b"\x15\x09",
    b"\x1f\x40\x00",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@example([b"\x02\x05", b"\x02\x7b"])
def test_instructions_are_told_one_by_one_as_they_are_in_runs(pieces: list[bytes]) -> None:
    whole, single, some = Instructions(first=0), Instructions(first=1 << 20), Instructions(first=8)
    data = b"".join(pieces)
    for reader in (whole, some):
        reader.read(Cursor(data, 0, len(data), "module"))
    for piece in pieces:
        Instructions.read(single, Cursor(piece, 0, len(piece), "module"))
    alone = [Instructions() for _ in pieces]
    for reader, piece in zip(alone, pieces, strict=True):
        reader.read(Cursor(piece, 0, len(piece), "module"))
    assert whole.features == some.features == single.features == set().union(*(reader.features for reader in alone))
    for reader in (some, single):
        assert (whole.br_table, whole.call_ref, whole.try_table) == (
            reader.br_table,
            reader.call_ref,
            reader.try_table,
        )


@given(st.lists(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=12), max_size=8))
def test_what_is_no_instruction_is_told_one_by_one_as_it_is_in_runs(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    told = []
    for first in (0, 1 << 20):
        reader, cursor = Instructions(first), Cursor(data, 0, len(data), "module")
        try:
            reader.read(cursor)
            told.append((cursor.pos, reader.features))
        except FormatError as error:
            told.append((str(error), None))
    assert told[0] == told[1]


def test_traits_come_back_from_json() -> None:
    some = merged([Traits(features=("simd",), br_table=7, memory64=True), Traits(features=("gc",), br_table=2)])
    assert some == Traits(features=("gc", "simd"), br_table=7, memory64=True)
    assert Traits.from_json(some.to_json()) == some
    assert some.to_json()["br-table"] == 7
