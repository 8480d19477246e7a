"""A cursor over WebAssembly's binary format: bytes, LEB128 numbers and names, with bounds and offsets in errors."""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.lean.typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SECTIONS = 100_000
_CUSTOM = 0
_HIGH = bytes(range(0x80, 0x100))


class TooManySectionsError(FormatError):
    """A file has more sections than any tool makes."""


class Cursor:
    """A position in ``data``, which must not pass ``end``; ``what`` names the file's kind in messages.

    Every method raises FormatError for malformed bytes; its text gives the offset in the file.
    """

    __slots__ = ("data", "end", "pos", "what")

    def __init__(self, data: bytes, pos: int, end: int, what: str) -> None:
        self.data = data
        self.pos = pos
        self.end = end
        self.what = what

    def fail(self, problem: str, pos: int | None = None) -> NoReturn:
        """Raise the FormatError for a problem at ``pos``, by default here."""
        offset = self.pos if pos is None else pos
        raise FormatError(
            f"a malformed {self.what}: {problem}, at byte {offset} of the file; "
            "it was damaged or cut off on its way here, or the tool that made it is wrong: make it again"
        )

    def unknown(self, problem: str, pos: int | None = None) -> NoReturn:
        """Raise the FormatError for a code at ``pos`` that has no meaning here: damage, or a proposal that is newer."""
        offset = self.pos if pos is None else pos
        raise FormatError(
            f"not readable as a {self.what}: {problem}, at byte {offset} of the file; either it uses a proposal that "
            "this version of wasmbuild does not know, and has to be built without it, or it is damaged"
        )

    def byte(self) -> int:
        """Read one byte."""
        pos = self.pos
        if pos >= self.end:
            self.fail("it ends too early")
        self.pos = pos + 1
        return self.data[pos]

    def u32(self) -> int:
        """Read an unsigned LEB128 number of at most 32 bits."""
        pos = self.pos
        if pos < self.end and (value := self.data[pos]) < 0x80:
            self.pos = pos + 1
            return value
        return self.unsigned(32)

    def unsigned(self, bits: int) -> int:
        """Read an unsigned LEB128 number of at most ``bits`` bits."""
        start = self.pos
        value, _ = self._groups(bits)
        if value >> bits:
            self.fail(f"a number has more than {bits} bits", start)
        return value

    def signed(self, bits: int) -> int:
        """Read a signed LEB128 number of at most ``bits`` bits."""
        start = self.pos
        value, shift = self._groups(bits)
        if value >> (shift - 1):
            value -= 1 << shift
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            self.fail(f"a number has more than {bits} bits", start)
        return value

    def _groups(self, bits: int) -> tuple[int, int]:
        """Read the groups of seven bits of a LEB128 number; return their value and how many bits they are."""
        start = self.pos
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, shift
            if shift >= bits:
                self.fail(f"a number takes more bytes than one of {bits} bits can", start)

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes."""
        if count > self.end - self.pos:
            self.fail("it ends too early", self.end)
        self.pos += count

    def numbers(self, count: int) -> None:
        """Pass over ``count`` LEB128 numbers, however large they are."""
        while count:
            start = self.pos
            self.skip(count)
            # Each number ends with the one byte of it that has no highest bit.
            count -= len(self.data[start : self.pos].translate(None, _HIGH))

    def name(self) -> str:
        """Read a name: its length in bytes and UTF-8."""
        size = self.u32()
        start = self.pos
        self.skip(size)
        try:
            return self.data[start : self.pos].decode("utf-8")
        except UnicodeDecodeError:
            self.fail("a name is not UTF-8", start)

    def section(self) -> tuple[int, int, int]:
        """Read the frame of a section, pass over it, and return its id, start and end."""
        at = self.pos
        number = self.byte()
        size = self.u32()
        start = self.pos
        if size > self.end - start:
            left = self.end - start
            self.fail(f"section {number} says that it has {size} bytes, and {left} are left: the file was cut off", at)
        self.pos = start + size
        if number == _CUSTOM and not size:
            self.fail("a custom section has no name", at)
        return number, start, self.pos

    def sections(self) -> Iterator[tuple[int, int, int, int]]:
        """Read the frames of all sections up to the end; return of each where it is, its id, start and end.

        There is no limit in the specification. This one keeps millions of sections of no content from taking minutes.
        """
        for _ in range(MAX_SECTIONS):
            if self.pos >= self.end:
                return
            at = self.pos
            yield (at, *self.section())
        if self.pos < self.end:
            raise TooManySectionsError(f"a {self.what} of more than {MAX_SECTIONS} sections")

    def done(self, what: str) -> None:
        """Check that nothing is left before ``end``."""
        if self.pos != self.end:
            self.fail(f"the {what} section is longer than what it holds")
