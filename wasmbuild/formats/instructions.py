"""Which proposals the instructions of a module come from, at tens of milliseconds for a megabyte of code.

Every instruction is decoded, since an opcode's byte means nothing out of its place. Instructions that say nothing are
passed over by one regular expression, as many at a time as there are. One that is the first of its proposal stops it;
from then on the instructions of that proposal say nothing either, and join the expression. To make an expression takes
as long as to read hundreds of instructions one by one, so that is how the first ones of a module are read.

Source: WebAssembly core specification 3.0, section 5.4, and the proposals threads, wide arithmetic, stack switching and
exception handling (legacy).
"""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.formats import wasm_types
from wasmbuild.formats.cursor import Cursor
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import re

_NUMBER = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
# Alignment and offset; bit 6 of the alignment says that the index of a memory stands between them.
_PLACE = rb"(?:[\x00-\x3f]|[\x80-\xbf][\x80-\xff]{0,8}[\x00-\x7f])" + _NUMBER
_PLACE_IN = rb"(?:[\x40-\x7f]|[\xc0-\xff][\x80-\xff]{0,8}[\x00-\x7f])" + _NUMBER + _NUMBER

_ALWAYS = (
    # Those that are met most come first; the first four are what `_after_usual` passes over too.
    rb"[\x0c\x0d\x10\x20-\x24\x41\x42]" + _NUMBER,
    rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\x45-\xc4]+",
    rb"[\x28-\x3e]" + _PLACE,
    rb"[\x02-\x04][\x40\x7c-\x7f]",
    rb"\x11" + _NUMBER + rb"\x00",
    rb"[\x3f\x40]\x00",
    rb"\x43.{4}",
    rb"\x44.{8}",
    rb"\xfc[\x00-\x07]",
)
_NUMBERED = bytes([0x0C, 0x0D, 0x10, *range(0x20, 0x25), 0x41, 0x42])
_BARE = bytes([0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5)])
_PLACED = range(0x28, 0x3F)
_BLOCKS = range(0x02, 0x05)
_PLAIN_TYPES = bytes([0x40, *range(0x7C, 0x80)])
_NUMBER_SIZE = 10
# An alignment from here on has a second byte, or the index of a memory behind it.
_TWO_BYTES = 0x40
# What is noted beside features.
_CALL_REF, _DATA = "call_ref", "data"

# Bytes of a module that are read one by one.
_FIRST = 512


_ANY_OF_ALWAYS = rb"|".join([pattern.rstrip(b"+") for pattern in _ALWAYS])


class _Kind(NamedTuple):
    """Instructions that say the same: ``names`` are features, or what else is noted."""

    names: frozenset[str]
    pattern: bytes


def _kinds() -> tuple[_Kind, ...]:
    number, place, place_in = _NUMBER, _PLACE, _PLACE_IN
    any_place = rb"(?:" + place + rb"|" + place_in + rb")"
    # Of custom descriptors, which no line has, one may be exact: a type follows that is no opcode.
    heap_type = rb"(?!\x62)" + number
    table = (
        ("bulk-memory", rb"\xfc(?:[\x0a\x0c\x0e]" + number * 2 + rb"|[\x0b\x0d]" + number + rb")"),
        (f"bulk-memory {_DATA}", rb"\xfc(?:\x08" + number * 2 + rb"|\x09" + number + rb")"),
        ("simd", rb"[\x02-\x04]\x7b"),
        (
            "simd",
            rb"\xfd(?:[\x00-\x0b\x5c\x5d]" + place + rb"|[\x0c\x0d].{16}|[\x15-\x22].|[\x54-\x5b]" + place + rb"."
            rb"|[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff]\x01)",
        ),
        ("relaxed-simd simd", rb"\xfd[\x80-\x93]\x02"),
        ("threads", rb"\xfe(?:\x03\x00|[\x00-\x02\x10-\x4e]" + place + rb")"),
        ("tail-call", rb"\x12" + number + rb"|\x13" + number + rb"\x00"),
        ("multi-value", rb"[\x02-\x04](?:[\x00-\x3f]|[\x80-\xff]{1,4}[\x00-\x3f])"),
        ("reference-types", rb"[\xd0][\x6f\x70]|\xd1|[\xd2\x25\x26]" + number + rb"|\xfc[\x0f-\x11]" + number),
        ("reference-types", rb"[\x02-\x04][\x6f\x70]|\x11" + number * 2),
        ("reference-types tail-call", rb"\x13" + number * 2),
        ("exceptions", rb"\x08" + number + rb"|\x0a"),
        ("exceptions reference-types", rb"\xd0[\x69\x74]|[\x02-\x04][\x69\x74]"),
        (f"function-references {_CALL_REF}", rb"[\x14\x15]" + number),
        ("function-references", rb"\xd4|[\xd5\xd6]" + number),
        ("gc reference-types", rb"\xd0[\x6a-\x6e\x71-\x73]|[\x02-\x04][\x6a-\x6e\x71-\x73]"),
        (
            "gc",
            rb"\xd3|\xfb(?:[\x0f\x1a-\x1e]|[\x00\x01\x06\x07\x0b-\x0e\x10]" + number
            + rb"|[\x14-\x17]" + heap_type
            + rb"|[\x02-\x05\x08\x0a\x11\x13]" + number * 2
            + rb"|[\x18\x19]." + number + heap_type * 2 + rb")",
        ),
        (f"gc {_DATA}", rb"\xfb[\x09\x12]" + number * 2),
        ("multi-memory", rb"[\x3f\x40]" + number + rb"|[\x28-\x3e]" + place_in),
        ("multi-memory simd", rb"\xfd(?:[\x00-\x0b\x5c\x5d]" + place_in + rb"|[\x54-\x5b]" + place_in + rb".)"),
        ("multi-memory threads", rb"\xfe[\x00-\x02\x10-\x4e]" + any_place),
        ("wide-arithmetic", rb"\xfc[\x13-\x16]"),
        ("stack-switching", rb"[\xe0\xe2]" + number + rb"|[\xe1\xe6]" + number * 2),
        ("stack-switching reference-types", rb"\xd0[\x68\x75]|[\x02-\x04][\x68\x75]"),
    )  # fmt: skip
    return tuple([_Kind(frozenset(names.split()), pattern) for names, pattern in table])


_KINDS = _kinds()


class LegacyExceptionsError(FormatError):
    """Instructions are those of exceptions as they were before the proposal had its form of today."""


@lru_cache(64)
def _plain(known: frozenset[str]) -> re.Pattern[bytes]:
    """Return what passes over instructions that say no more than ``known``."""
    import re

    kinds = [kind.pattern for kind in _KINDS if kind.names <= known]
    # Atomic inside too: before Python 3.11.5, `*+` over what backtracks takes what does not match (gh-106052).
    return re.compile(rb"(?:(?>" + rb"|".join([*_ALWAYS, *kinds]) + rb"))*+", re.DOTALL)


@lru_cache(64)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    import re

    return re.compile(pattern, re.DOTALL)


def _after_number(data: bytes, at: int, end: int) -> int:
    """Return where the number at ``at`` ends; -1 where none does before ``end``."""
    for last in range(at, min(at + _NUMBER_SIZE, end)):
        if data[last] < 0x80:
            return last + 1
    return -1


def _after_usual(data: bytes, at: int, end: int) -> int:
    """Return where an instruction ends that is one of those met most; -1 for others, and where it does not end."""
    code = data[at]
    if code in _BARE:
        return at + 1
    if code in _NUMBERED:
        return _after_number(data, at + 1, end)
    following = data[at + 1] if at + 1 < end else _TWO_BYTES
    if code in _PLACED and following < _TWO_BYTES:
        return _after_number(data, at + 2, end)
    return at + 2 if code in _BLOCKS and following in _PLAIN_TYPES else -1


class Instructions:
    """What the instructions read so far say of their module.

    ``features`` are names of proposals as in the settings without ``wasm-``; ``br_table`` is the number of targets of
    the largest ``br_table``, its default not among them; ``passive_data`` says that some read or drop passive data.
    ``constant_of_own`` says that a constant expression reads a global of the module itself, which came with gc: before,
    it could be one of the ``imported_globals``, which are so many.
    """

    def __init__(self, first: int = _FIRST) -> None:
        """``first`` is how many bytes are read one instruction by one."""
        self.features: set[str] = set()
        self.br_table = 0
        self.try_table = False
        self.call_ref = False
        self.passive_data = False
        self.constant_of_own = False
        self.imported_globals = 0
        self._known: frozenset[str] = frozenset()
        self._first = first

    def read(self, cursor: Cursor) -> None:
        """Read all instructions up to the end of ``cursor``. Raises FormatError for what is none."""
        data, end = cursor.data, cursor.end
        start = cursor.pos
        while cursor.pos < min(end, start + self._first):
            self._one(cursor)
        self._first -= cursor.pos - start
        while cursor.pos < end:
            match = _plain(self._known).match(data, cursor.pos, end)
            cursor.pos = match.end() if match is not None else cursor.pos
            if cursor.pos < end:
                self._one(cursor)

    def constant(self, cursor: Cursor) -> bool:
        """Read a constant expression with its end; tell whether it is nothing but one constant number."""
        start = cursor.pos
        while (code := cursor.byte()) != _END:
            at = cursor.pos - 1
            if code == _GLOBAL_GET and cursor.u32() >= self.imported_globals:
                self.constant_of_own = True
            cursor.pos = at
            self._one(cursor)
        number = cursor.data[start] in _CONSTANTS and _after_number(cursor.data, start + 1, cursor.pos)
        return number == cursor.pos - 1

    def value_type(self, cursor: Cursor) -> None:
        """Read a value type."""
        self.note_type(wasm_types.value_type(cursor))

    def note_type(self, text: str) -> None:
        """Note what a value type needs, from its text."""
        self.features |= features_of_type(text)

    def _one(self, cursor: Cursor) -> None:
        """Read the next instruction."""
        at = cursor.pos
        after = _after_usual(cursor.data, at, cursor.end)
        special = _SPECIAL.get(cursor.data[at])
        if after > 0:
            cursor.pos = after
        elif special is not None:
            cursor.pos += 1
            special(self, cursor)
        elif (match := _compiled(_ANY_OF_ALWAYS).match(cursor.data, at, cursor.end)) is not None:
            cursor.pos = match.end()
        else:
            for kind in _KINDS:
                if match := _compiled(kind.pattern).match(cursor.data, at, cursor.end):
                    cursor.pos = match.end()
                    self._note(kind.names)
                    return
            self._of_type(cursor)

    def _note(self, names: frozenset[str]) -> None:
        self._known |= names
        self.call_ref = self.call_ref or _CALL_REF in names
        self.passive_data = self.passive_data or _DATA in names
        self.features |= names - {_CALL_REF, _DATA}

    def _of_type(self, cursor: Cursor) -> None:
        """Read a block or a null reference of a type that is written out."""
        at = cursor.pos
        code = cursor.byte()
        if code in _BLOCKS:
            self._block_type(cursor)
        elif code == _REF_NULL and cursor.signed(33) >= 0:
            self.features |= {"reference-types", "function-references"}
        elif code in _LEGACY_EXCEPTIONS:
            where = f"the first of their instructions is at byte {at} of the file"
            raise LegacyExceptionsError(
                f"it uses legacy exceptions, which Wasmtime lacks ({where}); wasmbuild build says how to convert it"
            )
        else:
            cursor.unknown(f"there is no instruction {cursor.data[at : at + 2].hex(' ')}", at)

    def _block_type(self, cursor: Cursor) -> None:
        at = cursor.pos
        code = cursor.byte()
        if code == _NO_VALUE:
            return
        cursor.pos = at
        if 0x40 < code < 0x80:
            self.value_type(cursor)
        elif cursor.signed(33) >= 0:
            self.features.add("multi-value")
        else:
            cursor.fail("this is no type of a block", at)

    def _br_table(self, cursor: Cursor) -> None:
        count = cursor.u32()
        self.br_table = max(self.br_table, count)
        cursor.numbers(count + 1)

    def _select(self, cursor: Cursor) -> None:
        self.features.add("reference-types")
        for _ in range(cursor.u32()):
            self.value_type(cursor)

    def _try_table(self, cursor: Cursor) -> None:
        self.features.add("exceptions")
        self.try_table = True
        self._block_type(cursor)
        for _ in range(cursor.u32()):
            at = cursor.pos
            catch = cursor.byte()
            if catch > 3:
                cursor.unknown(f"{catch:#04x} is no way to catch", at)
            cursor.numbers(2 if catch < 2 else 1)

    def _resume(self, cursor: Cursor) -> None:
        self.features.add("stack-switching")
        cursor.numbers(2 if cursor.data[cursor.pos - 1] == _RESUME_THROW else 1)
        for _ in range(cursor.u32()):
            # A tag with a label, or a tag that switches.
            cursor.numbers(1 if cursor.byte() else 2)


def features_of_type(text: str) -> frozenset[str]:
    """Return the features that a value type needs, by the text that ``wasm_types`` gives it."""
    if text in _TYPES:
        return _TYPES[text]
    heap = text.strip("()").rpartition(" ")[2]
    found = _TYPES.get(f"{heap}ref", frozenset()) - {"function-references"} if not heap.isdecimal() else frozenset()
    return found | ({"reference-types"} if found - {"reference-types"} else {"reference-types", "function-references"})


_NUMBERS: frozenset[str] = frozenset()
_TYPES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("i32", "i64", "f32", "f64"), _NUMBERS),
    "v128": frozenset({"simd"}),
    **dict.fromkeys(("funcref", "externref"), frozenset({"reference-types"})),
    **dict.fromkeys(("exnref", "nullexnref"), frozenset({"reference-types", "exceptions"})),
    **dict.fromkeys(("contref", "nullcontref"), frozenset({"reference-types", "stack-switching"})),
    **dict.fromkeys(
        ["anyref", "eqref", "i31ref", "structref", "arrayref", "nullref", "nullfuncref", "nullexternref"],
        frozenset({"reference-types", "gc"}),
    ),
}

_END, _GLOBAL_GET, _NO_VALUE, _REF_NULL, _RESUME_THROW = 0x0B, 0x23, 0x40, 0xD0, 0xE4
_CONSTANTS = (0x41, 0x42)
# try, catch, rethrow, delegate, catch_all.
_LEGACY_EXCEPTIONS = (0x06, 0x07, 0x09, 0x18, 0x19)
_SPECIAL = {
    0x0E: Instructions._br_table,
    0x1C: Instructions._select,
    0x1F: Instructions._try_table,
    0xE3: Instructions._resume,
    _RESUME_THROW: Instructions._resume,
    0xE5: Instructions._resume,
}
