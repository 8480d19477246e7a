"""What a file is, told from its bytes, in words for the person who took it for something else."""

from __future__ import annotations

import codecs

from wasmbuild.errors import FormatError
from wasmbuild.formats import cwasm
from wasmbuild.formats.cursor import Cursor, TooManySectionsError
from wasmbuild.formats.cwasm import ReadAt
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable


class FileIdentity(NamedTuple):
    """What a file is.

    ``kind`` is ``"text"`` (WebAssembly text, as far as its first token tells), ``"module"``, ``"component"``,
    ``"artifact"`` (precompiled), ``"elf"`` (another ELF file), ``"empty"`` or ``"unknown"``. ``sentence`` says it in
    words that complete "this is …"; ``advice`` says what to do when a source was wanted, and is empty for sources.
    """

    kind: str
    sentence: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.sentence}: {self.advice}" if self.advice else self.sentence


MAX_SOURCE = 1 << 30
"""Bytes of WebAssembly that are read into memory at most; Wasmtime itself takes no more."""

# Text and scripts are told from their beginning.
_HEAD = 64 << 10

_MAKE_AGAIN = "make it again, or copy it again from where it was made"
_RIGHT_FILE = "check that it is the right file"
_WHAT_TO_GIVE = "pass the .wasm or .wat that it was made from"
_TO_WEBASSEMBLY = "compile its source to WebAssembly (for example --target wasm32-wasip1) and pass that"
_UNPACK = "unpack it, and pass the file inside"
_LINK = "link it to a WebAssembly module, and pass that"


def identify(data: bytes) -> FileIdentity:
    """Tell what a file is from all of its bytes. Never raises."""
    if not data:
        return FileIdentity("empty", "an empty file", _MAKE_AGAIN)
    if data.startswith(b"\0asm"):
        return _webassembly(data)
    if data.startswith(b"\x7fELF"):
        return _artifact(data) if cwasm.is_artifact(data) else _elf(data)
    for magic, sentence, advice in _MAGICS:
        if data.startswith(magic):
            return FileIdentity("unknown", sentence, advice)
    return _text(data)


def taken_for_json(data: bytes, name: str) -> str:
    """Say what a file of that name is that somebody took for a manifest; empty where a reader of JSON knows better."""
    if name.endswith(".toml"):
        return "a declaration"
    if data.lstrip().startswith(b"{"):
        return ""
    identity = identify(data)
    return identity.sentence if identity.kind in ("artifact", "module", "component", "text", "elf") else ""


def identify_at(source: ReadAt) -> FileIdentity:
    """Tell what a file is from as much of it as that takes. An OSError of ``ReadAt.read`` passes through."""
    head = source.read(0, _HEAD)
    if head.startswith(b"\0asm"):
        # Whether it is whole shows at its end.
        return _too_large(source.size) or identify(source.read(0, source.size))
    if cwasm.is_artifact(head):
        return _artifact(source)
    if len(head) == source.size:
        return identify(head)
    identity = identify(_whole_characters(head))
    # Behind a long comment there may be something.
    if identity.kind == "empty":
        return _too_large(source.size) or identify(source.read(0, source.size))
    return identity


def _too_large(size: int) -> FileIdentity | None:
    if size <= MAX_SOURCE:
        return None
    return FileIdentity(
        "unknown", f"a file of {size} bytes, and of WebAssembly at most {MAX_SOURCE} are read", _RIGHT_FILE
    )


def _whole_characters(head: bytes) -> bytes:
    """Return the beginning of a file without the part of a character of UTF-8 that it may end with."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
    except UnicodeDecodeError:
        return head
    return head[: len(head) - len(decoder.getstate()[0])]


def _webassembly(data: bytes) -> FileIdentity:
    if len(data) < 8:
        return FileIdentity("unknown", f"a WebAssembly file that was cut off after {len(data)} bytes", _MAKE_AGAIN)
    version, layer = int.from_bytes(data[4:6], "little"), int.from_bytes(data[6:8], "little")
    if (version, layer) == (1, 0):
        kind, sentence = "module", "a core WebAssembly module"
    elif (version, layer) == (13, 1):
        kind, sentence = "component", "a WebAssembly component"
    elif layer == 1:
        age = "an old draft" if version < 13 else "a later version"
        sentence = f"a WebAssembly component in the binary format of {age} of the component model ({version:#x})"
        return FileIdentity("unknown", sentence, "make it again with tools that write version 0xd")
    else:
        number = int.from_bytes(data[4:8], "little")
        return FileIdentity("unknown", f"a WebAssembly file of the unknown version {number}", "only version 1 is known")
    cursor = Cursor(data, 8, len(data), kind)
    try:
        for _ in cursor.sections():
            pass
    except TooManySectionsError as error:
        return FileIdentity("unknown", str(error), "look at what made it: no tool is known to make that")
    except FormatError:
        return FileIdentity(
            "unknown", f"{sentence} that was cut off or damaged (it has {len(data)} bytes)", _MAKE_AGAIN
        )
    return FileIdentity(kind, sentence)


def _artifact(data: bytes | ReadAt) -> FileIdentity:
    try:
        facts = cwasm.read(data)
    except FormatError:
        return FileIdentity("artifact", "a damaged artifact of Wasmtime", _WHAT_TO_GIVE)
    made = f"an artifact that Wasmtime {printable(facts.version)} precompiled for {printable(facts.triple)}"
    return FileIdentity("artifact", made, _WHAT_TO_GIVE)


_MACHINES = {
    3: "x86",
    8: "MIPS",
    20: "PowerPC",
    21: "64-bit PowerPC",
    22: "s390x",
    40: "32-bit ARM",
    62: "x86-64",
    183: "aarch64",
    243: "RISC-V",
    258: "LoongArch",
}
_ELF_TYPES = {1: "object file", 2: "program", 3: "program or shared library", 4: "core dump"}


def _elf(data: bytes) -> FileIdentity:
    fields = data[16:20] if data[5:6] != b"\x02" else data[17:15:-1] + data[19:17:-1]
    elf_type, machine = int.from_bytes(fields[:2], "little"), int.from_bytes(fields[2:], "little")
    name = _ELF_TYPES.get(elf_type, "file")
    return FileIdentity("elf", f"an ELF {name} for {_MACHINES.get(machine, f'machine {machine}')}", _TO_WEBASSEMBLY)


_MAGICS = (
    (b"MZ", "a Windows program or library", _TO_WEBASSEMBLY),
    (b"\xcf\xfa\xed\xfe", "a macOS program or library", _TO_WEBASSEMBLY),
    (b"\xca\xfe\xba\xbe", "a macOS universal program, or Java bytecode", _TO_WEBASSEMBLY),
    (b"BC\xc0\xde", "LLVM bitcode", "link it for a wasm32 target, and pass the result"),
    (b"!<arch>\n", "a static library", _LINK),
    (b"!<thin>\n", "a static library", _LINK),
    (b"\x1f\x8b", "a gzip file", _UNPACK),
    (b"PK\x03\x04", "a zip file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", _UNPACK),
    (b"\xfd7zXZ\0", "an xz file", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"version https://git-lfs.github.com/", "a Git LFS pointer, not the file itself", "run `git lfs pull`"),
    (b"AGFzbQ", "WebAssembly written in base64", "decode it first, for example with `base64 -d`"),
    (b"data:application/wasm;base64,", "WebAssembly as a data URL", "pass what follows the comma, decoded: base64 -d"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
    (b"\xef\xbb\xbf", "text that starts with a byte order mark", "save it as UTF-8 without one"),
    (b"#!", "a script", "pass the WebAssembly that it makes or runs"),
)
# Blanks, comments to the end of the line, and what begins and ends those that are nested.
_SKIPPED = rb"(?:[ \t\r\n\f]+|;;[^\n]*)*+"
_NESTING = rb"\(;|;\)"


def _text(data: bytes) -> FileIdentity:
    if data[257:262] == b"ustar":
        return FileIdentity("unknown", "a tar file", _UNPACK)
    if not data.strip(b"\0"):
        return FileIdentity("empty", "a file of zeros only", _MAKE_AGAIN)
    at = _after_comments(data)
    if at == len(data):
        return FileIdentity("empty", "a file of blanks and comments only", _MAKE_AGAIN)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if data[at] == 0x28:
            return FileIdentity(
                "unknown", f"text that is not UTF-8: byte {error.start} cannot be read", "save it as UTF-8"
            )
        return _unknown(data)
    if data[at] == 0x28:
        return FileIdentity("text", "WebAssembly text")
    if b"\0" in data:
        return _unknown(data)
    start = data[at : at + 15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return FileIdentity("unknown", "an HTML page", "a download probably failed: look into the file")
    first = printable(data[at : at + 120].decode("utf-8", "ignore").split("\n")[0].strip(), 40)
    sentence = f'text, but not WebAssembly text: it starts with "{first}" and not with an opening parenthesis'
    return FileIdentity("unknown", sentence, "pass a .wat or .wasm file")


def _unknown(data: bytes) -> FileIdentity:
    first = data[:8].hex(" ")
    return FileIdentity("unknown", f"of no known kind: it starts with the bytes {first}", "pass WebAssembly instead")


def _after_comments(data: bytes) -> int:
    """Return where the first token starts after blanks, ``;; …`` and nested ``(; … ;)``."""
    if data[:1] == b"(" and data[1:2] != b";":
        return 0
    import re

    at = 0
    skip = re.compile(_SKIPPED).match
    while True:
        skipped = skip(data, at)
        at = skipped.end() if skipped is not None else at
        if data[at : at + 2] != b"(;":
            return at
        at = _after_block(data, at)


def _after_block(data: bytes, at: int) -> int:
    import re

    depth = 0
    for mark in re.compile(_NESTING).finditer(data, at):
        depth += 1 if mark[0] == b"(;" else -1
        if not depth:
            return mark.end()
    return len(data)
