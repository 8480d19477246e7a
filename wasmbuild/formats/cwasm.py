"""What a precompiled artifact says of itself: its ELF header, section table and engine section. It is never loaded.

An artifact is an ELF64 relocatable file whose ``EI_OSABI`` is Wasmtime's own. Its section ``.wasmtime.engine`` holds
a zero byte, the length of a version as one byte, the version (the major number in ASCII), and, encoded with postcard:
the target (a string), the shared and the ISA flags of Cranelift (each a count, then name and value), and last the
tunables and WebAssembly features. Those are written by position and differ between releases, so they stay opaque
bytes here (``tail``). Source: ``crates/environ/src/obj.rs`` and ``crates/wasmtime/src/engine/serialization.rs`` of
Wasmtime; checked against artifacts of release 48 for every target that the compiler has.
"""

from __future__ import annotations

import struct

from wasmbuild.errors import FormatError
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.types import MappingProxyType
from wasmbuild.lean.typing import IO, TYPE_CHECKING, NamedTuple, NoReturn
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OSABI_WASMTIME = 200
ENGINE_SECTION = ".wasmtime.engine"


class Header(NamedTuple):
    """How the ELF header of an artifact spells an architecture."""

    machine: int
    big_endian: bool
    pulley_bits: int


HEADERS: Mapping[str, Header] = MappingProxyType(
    {
        "x86_64": Header(62, False, 0),
        "aarch64": Header(183, False, 0),
        "riscv64": Header(243, False, 0),
        "s390x": Header(22, True, 0),
        "pulley32": Header(243, False, 32),
        "pulley64": Header(243, False, 64),
        "pulley32be": Header(243, True, 32),
        "pulley64be": Header(243, True, 64),
    }
)
"""The header of each architecture that Wasmtime 48 compiles for, by the first part of its triple as
``wasmbuild.engine.triples`` names it."""


class ReadAt(NamedTuple):
    """Random access to a file of ``size`` bytes: ``read(offset, count)`` returns at most ``count`` bytes."""

    read: Callable[[int, int], bytes]
    size: int

    @classmethod
    def of(cls, file: IO[bytes], size: int) -> ReadAt:
        """Read from an open file of ``size`` bytes; its position changes."""

        def read(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        return cls(read, size)


class ElfSection(NamedTuple):
    """A section of an artifact: its name, ELF type, and where its bytes are in the file."""

    name: str
    type: int
    offset: int
    size: int


class ArtifactFacts(NamedTuple):
    """What an artifact says of itself.

    ``kind`` is ``"module"`` or ``"component"``; ``version`` is Wasmtime's major version (``"48"``); ``triple`` is the
    target in Wasmtime's own spelling (``pulley64`` calls itself ``pulley64-unknown-unknown-elf``); ``pulley_bits`` is
    32 or 64 for Pulley bytecode, else 0. The flags map Cranelift's names to text, numbers or booleans, in the order of
    the file. ``engine`` is the whole engine section, ``tail`` the part of it after the flags. ``table`` holds the
    names, types, offsets and sizes of all sections, the first one of ELF's own included.
    """

    kind: str
    machine: int
    big_endian: bool
    pulley_bits: int
    version: str
    triple: str
    shared_flags: Mapping[str, bool | int | str]
    isa_flags: Mapping[str, bool | int | str]
    tail: bytes
    engine: bytes
    table: tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @property
    def sections(self) -> tuple[ElfSection, ...]:
        """The sections, in the order of the file's table."""
        return _sections(*self.table)

    @property
    def header(self) -> Header:
        """What to compare with ``HEADERS[architecture]``."""
        return Header(self.machine, self.big_endian, self.pulley_bits)


class _EngineSection(NamedTuple):
    version: str
    triple: str
    shared_flags: Mapping[str, bool | int | str]
    isa_flags: Mapping[str, bool | int | str]
    tail: bytes


# type, machine, version, entry, phoff, shoff, flags, ehsize, phentsize, phnum, shentsize, shnum, shstrndx
_HEADER = {1: struct.Struct("<HHIQQQIHHHHHH"), 2: struct.Struct(">HHIQQQIHHHHHH")}
# name, type, flags, addr, offset, size, link, info, addralign, entsize
_SECTION = {1: struct.Struct("<IIQQQQIIQQ"), 2: struct.Struct(">IIQQQQIIQQ")}
_HEADER_SIZE = 64
_SECTION_SIZE = 64
_RELOCATABLE = 1
_SHT_PROGBITS = 1
_SHT_NOBITS = 8
_MODULE, _COMPONENT, _PULLEY32, _PULLEY64 = 1, 2, 4, 8
_KINDS = {_MODULE: "module", _COMPONENT: "component"}
_PULLEY_BITS = {0: 0, _PULLEY32: 32, _PULLEY64: 64}
# Wasmtime writes the engine section first and the section names right before the section table, so one read at
# each end of the file usually has all that is wanted.
_HEAD = 4096
_BEFORE_TABLE = 512
# A section table of Wasmtime has about 14 entries, with names of about 20 bytes; the engine section about 1 kB.
_MAX_SECTIONS = 1024
_MAX_NAME = 255
_MAX_NAMES = 1 << 16
_MAX_ENGINE = 1 << 16


def is_artifact(head: bytes) -> bool:
    """Tell from its first 8 bytes whether a file calls itself an artifact of Wasmtime."""
    return head[:4] == b"\x7fELF" and head[7:8] == bytes([OSABI_WASMTIME])


def read(source: bytes | ReadAt) -> ArtifactFacts:
    """Read the header, section table and engine section of an artifact; of a ReadAt only those few kB are read.

    Every section must lie inside the file, and Wasmtime writes the section table last: a truncated artifact is
    noticed wherever it was cut. What the other sections hold is not looked at: compare digests for that.

    Raises FormatError for anything that is not a whole artifact; the text does not name the file. An OSError of
    ``ReadAt.read`` passes through.
    """
    at = _from_bytes(source) if isinstance(source, bytes) else source
    size = at.size
    head = at.read(0, _HEAD)
    encoding = _check_ident(head, size)
    (elf_type, machine, elf_version, _, _, table, e_flags, header_size, _, _, entry_size, count, names_index) = _HEADER[
        encoding
    ].unpack_from(head, 16)
    kind = _KINDS.get(e_flags & (_MODULE | _COMPONENT))
    pulley_bits = _PULLEY_BITS.get(e_flags & (_PULLEY32 | _PULLEY64))
    if elf_type != _RELOCATABLE or elf_version != 1 or header_size != _HEADER_SIZE or entry_size != _SECTION_SIZE:
        _damaged("its ELF header is not one that Wasmtime writes")
    if kind is None or pulley_bits is None:
        _damaged(f"its ELF flags {e_flags:#x} do not say whether it is a module or a component")
    end = table + count * _SECTION_SIZE
    if end > size:
        _damaged(f"its section table ends at byte {end}, but the file has {size} bytes: it was cut off")
    if table < _HEADER_SIZE or names_index == 0 or names_index >= count:
        _damaged("its ELF header points at no section table")
    if count > _MAX_SECTIONS:
        _damaged(f"it has {count} sections, more than Wasmtime ever writes")

    start = max(table - _BEFORE_TABLE, 0)
    foot = _exactly(at, start, end - start)
    name_offsets, types, _, _, offsets, sizes, *_ = zip(
        *_SECTION[encoding].iter_unpack(foot[table - start :]), strict=True
    )
    names_at, names_end = offsets[names_index], offsets[names_index] + sizes[names_index]
    if names_end > size or sizes[names_index] > _MAX_NAMES:
        _damaged("its table of section names does not lie inside the file")
    if names_at >= start and names_end <= end:
        table_of_names = foot[names_at - start : names_end - start]
    else:
        table_of_names = _exactly(at, names_at, names_end - names_at)
    names = _names(table_of_names, name_offsets)
    if max(map(int.__add__, offsets, sizes)) > size:
        _check_inside(_sections(names, types, offsets, sizes), size)

    if names.count(ENGINE_SECTION) != 1:
        _damaged(f"it has {names.count(ENGINE_SECTION)} sections {ENGINE_SECTION}, and not one")
    engine_index = names.index(ENGINE_SECTION)
    engine_at, engine_size = offsets[engine_index], sizes[engine_index]
    if types[engine_index] != _SHT_PROGBITS or not 0 < engine_size <= _MAX_ENGINE:
        _damaged(f"its section {ENGINE_SECTION} is empty, too large or of another type")
    if engine_at + engine_size <= len(head):
        raw = head[engine_at : engine_at + engine_size]
    else:
        raw = _exactly(at, engine_at, engine_size)
    engine = _engine(raw)
    return ArtifactFacts(
        kind,
        machine,
        encoding == 2,
        pulley_bits,
        engine.version,
        engine.triple,
        engine.shared_flags,
        engine.isa_flags,
        engine.tail,
        raw,
        (names, types, offsets, sizes),
    )


def _sections(
    names: tuple[str, ...], types: tuple[int, ...], offsets: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[ElfSection, ...]:
    return tuple(map(ElfSection._make, zip(names, types, offsets, sizes, strict=True)))[1:]


def _from_bytes(data: bytes) -> ReadAt:
    return ReadAt(lambda offset, count: data[offset : offset + count], len(data))


def _damaged(problem: str) -> NoReturn:
    raise FormatError(f"a damaged artifact: {problem}; build it again, or copy it again from where it was built")


def _check_ident(head: bytes, size: int) -> int:
    """Return EI_DATA, 1 for little and 2 for big endian, of an artifact whose first bytes are ``head``."""
    if not head:
        raise FormatError("not an artifact: the file is empty; build it again")
    if head[:4] != b"\x7fELF":
        raise FormatError("not an artifact: it does not start as the ELF files that Wasmtime precompiles do")
    if len(head) < _HEADER_SIZE:
        _damaged(f"its ELF header takes {_HEADER_SIZE} bytes, but the file has {size} bytes: it was cut off")
    if head[7] != OSABI_WASMTIME:
        raise FormatError("not an artifact: an ELF file, but not one that Wasmtime precompiled")
    if head[4] != 2 or head[5] not in _HEADER or head[6] != 1:
        _damaged("its ELF header is not one that Wasmtime writes")
    return head[5]


def _check_inside(sections: tuple[ElfSection, ...], size: int) -> None:
    for section in sections:
        end = section.offset + section.size
        if end > size and section.type != _SHT_NOBITS:
            _damaged(
                f"section {printable(section.name)} ends at byte {end}, but the file has {size} bytes: it was cut off"
            )


def _exactly(at: ReadAt, offset: int, size: int) -> bytes:
    data = at.read(offset, size)
    if len(data) != size:
        _damaged(f"it ends before byte {offset + size}, though it had {at.size} bytes: it changed while it was read")
    return data


# Thousands of artifacts of one target have the same section names and the same engine section.
@lru_cache(maxsize=64)
def _names(table: bytes, offsets: tuple[int, ...]) -> tuple[str, ...]:
    # Sections may share a name, which is kept once.
    names = {offset: _name(table, offset) for offset in dict.fromkeys(offsets)}
    return tuple([names[offset] for offset in offsets])


def _name(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset)
    if end < 0:
        _damaged("a section name does not lie inside the table of section names")
    if end - offset > _MAX_NAME:
        _damaged(f"a section name has {end - offset} bytes, more than Wasmtime ever writes")
    try:
        return table[offset:end].decode("utf-8")
    except UnicodeDecodeError:
        _damaged("a section name is not UTF-8")


@lru_cache(maxsize=64)
def _engine(raw: bytes) -> _EngineSection:
    if raw[0] != 0:
        _damaged(
            f"its engine section is of format {raw[0]}, and only format 0 is known: a later Wasmtime may have made it"
        )
    try:
        start = 2 + raw[1]
        version = _text(raw, 2, start)
        triple, at = _string(raw, start)
        shared, at = _flags(raw, at)
        isa, at = _flags(raw, at)
    except IndexError:
        _damaged("its engine section ends too early")
    except UnicodeDecodeError:
        _damaged("its engine section holds text that is not UTF-8")
    return _EngineSection(version, triple, MappingProxyType(shared), MappingProxyType(isa), raw[at:])


def _text(raw: bytes, start: int, end: int) -> str:
    if end > len(raw):
        raise IndexError
    return raw[start:end].decode("utf-8")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            _damaged("its engine section holds a number of more than 64 bits")


def _string(raw: bytes, at: int) -> tuple[str, int]:
    length, at = _varint(raw, at)
    return _text(raw, at, at + length), at + length


def _flags(raw: bytes, at: int) -> tuple[dict[str, bool | int | str], int]:
    count, at = _varint(raw, at)
    flags: dict[str, bool | int | str] = {}
    for _ in range(count):
        name, at = _string(raw, at)
        if name in flags:
            _damaged(f"its engine section sets {printable(name)} twice")
        variant = raw[at]
        at += 1
        if variant == 0:
            flags[name], at = _string(raw, at)
            continue
        value = raw[at]
        at += 1
        if variant == 1:
            flags[name] = value
        elif variant == 2 and value <= 1:
            flags[name] = value == 1
        else:
            _damaged(f"its engine section has no readable value for {printable(name)}")
    return flags, at
