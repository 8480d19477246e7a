from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.formats.cursor import MAX_SECTIONS
from wasmbuild.formats.cwasm import ReadAt
from wasmbuild.formats.identify import MAX_SOURCE, identify, identify_at

AGAIN = "make it again, or copy it again from where it was made"
TO_WASM = "compile its source to WebAssembly (for example --target wasm32-wasip1) and pass that"


def elf(elf_type: int, machine: int, order: str = "<") -> bytes:
    ident = b"\x7fELF\x02" + (b"\1" if order == "<" else b"\2") + b"\1" + bytes(9)
    return ident + struct.pack(f"{order}HH", elf_type, machine) + bytes(44)


CUSTOM = b"\0\1\0"


@pytest.mark.parametrize(
    ("data", "kind", "sentence"),
    [
        (
            b"\0asm\1\0\0\0" + bytes(1 << 20),
            "unknown",
            f"a core WebAssembly module that was cut off or damaged (it has {8 + (1 << 20)} bytes): {AGAIN}",
        ),
        (b"\0asm\1\0\0\0" + CUSTOM * MAX_SECTIONS, "module", "a core WebAssembly module"),
        (
            b"\0asm\1\0\0\0" + CUSTOM * (MAX_SECTIONS + 1),
            "unknown",
            "a module of more than 100000 sections: look at what made it: no tool is known to make that",
        ),
        # What takes the square of its size does not come to an end with these.
        (b"(;" * 300_000 + b";)" * 300_000 + b"(module)", "text", "WebAssembly text"),
        (b"(;" * 300_000 + b"(module)", "empty", f"a file of blanks and comments only: {AGAIN}"),
        (b"\0asm\1\0\0\0", "module", "a core WebAssembly module"),
        (b"\0asm\x0d\0\1\0", "component", "a WebAssembly component"),
        (b"(module)", "text", "WebAssembly text"),
        (b" \r\n\t;; a comment (\n(; another ;; (; nested ;) ;)(component)", "text", "WebAssembly text"),
        ("(; é ;) (module)".encode(), "text", "WebAssembly text"),
        (b"", "empty", f"an empty file: {AGAIN}"),
        (b" \n;; nothing\n(; at all ;)", "empty", f"a file of blanks and comments only: {AGAIN}"),
        (b"(; never closed (module)", "empty", f"a file of blanks and comments only: {AGAIN}"),
        (b"\0asm\1\0", "unknown", f"a WebAssembly file that was cut off after 6 bytes: {AGAIN}"),
        (
            b"\0asm\1\0\0\0\x0a\x05code",
            "unknown",
            f"a core WebAssembly module that was cut off or damaged (it has 14 bytes): {AGAIN}",
        ),
        (b"\0asm\2\0\0\0", "unknown", "a WebAssembly file of the unknown version 2: only version 1 is known"),
        (
            b"\0asm\x0c\0\1\0",
            "unknown",
            "a WebAssembly component in the binary format of an old draft of the component model (0xc): "
            "make it again with tools that write version 0xd",
        ),
        (
            b"\0asm\x0e\0\1\0",
            "unknown",
            "a WebAssembly component in the binary format of a later version of the component model (0xe): "
            "make it again with tools that write version 0xd",
        ),
        (elf(2, 62), "elf", f"an ELF program for x86-64: {TO_WASM}"),
        (elf(3, 183), "elf", f"an ELF program or shared library for aarch64: {TO_WASM}"),
        (elf(1, 22, ">"), "elf", f"an ELF object file for s390x: {TO_WASM}"),
        (elf(9, 999), "elf", f"an ELF file for machine 999: {TO_WASM}"),
        (b"\x7fELF", "elf", f"an ELF file for machine 0: {TO_WASM}"),
        (b"MZ\x90", "unknown", f"a Windows program or library: {TO_WASM}"),
        (b"\x1f\x8b\x08", "unknown", "a gzip file: unpack it, and pass the file inside"),
        (b"BC\xc0\xde", "unknown", "LLVM bitcode: link it for a wasm32 target, and pass the result"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:",
            "unknown",
            "a Git LFS pointer, not the file itself: run `git lfs pull`",
        ),
        (b"AGFzbQEAAAA=", "unknown", "WebAssembly written in base64: decode it first, for example with `base64 -d`"),
        (
            b"data:application/wasm;base64,AGFzbQEAAAA=",
            "unknown",
            "WebAssembly as a data URL: pass what follows the comma, decoded: base64 -d",
        ),
        (b"!<thin>\n", "unknown", "a static library: link it to a WebAssembly module, and pass that"),
        (b"m.wasm".ljust(257, b"\0") + b"ustar\0", "unknown", "a tar file: unpack it, and pass the file inside"),
        (bytes(1 << 20), "empty", f"a file of zeros only: {AGAIN}"),
        (
            b"SQLite format 3\0",
            "unknown",
            "of no known kind: it starts with the bytes 53 51 4c 69 74 65 20 66: pass WebAssembly instead",
        ),
        (b"\xff\xfe(\0", "unknown", "text in UTF-16: save it as UTF-8"),
        (b"\xef\xbb\xbf(module)", "unknown", "text that starts with a byte order mark: save it as UTF-8 without one"),
        (b"(module \xff)", "unknown", "text that is not UTF-8: byte 8 cannot be read: save it as UTF-8"),
        (
            b" <!DOCTYPE html><html>",
            "unknown",
            "an HTML page: a download probably failed: look into the file",
        ),
        (
            b"fn main() {\x1b}\nmore",
            "unknown",
            'text, but not WebAssembly text: it starts with "fn main() {\\x1b}" and not with an opening parenthesis: '
            "pass a .wat or .wasm file",
        ),
        (
            b"\x89PNG\r\n\x1a\n...\xff",
            "unknown",
            "of no known kind: it starts with the bytes 89 50 4e 47 0d 0a 1a 0a: pass WebAssembly instead",
        ),
    ],
)
def test_files_are_told_apart(data: bytes, kind: str, sentence: str) -> None:
    identity = identify(data)
    assert (identity.kind, str(identity)) == (kind, sentence)


@given(st.binary(max_size=100), st.sampled_from([b"", b"(", b"<", b"\x7fELF", b"\x7fELF\2\1\1\xc8"]))
def test_every_file_is_something(data: bytes, start: bytes) -> None:
    identity = identify(start + data)
    assert identity.kind in ("text", "module", "component", "artifact", "elf", "empty", "unknown")
    assert str(identity).isprintable()
    assert bool(identity.advice) == (identity.kind not in ("text", "module", "component"))


LARGE = 100_000


@pytest.mark.parametrize(
    ("data", "kind", "most"),
    [
        (b"\0asm\1\0\0\0" + b"\0\xa0\x8d\x06" + bytes(LARGE), "module", LARGE + 12),
        (b"\0asm\1\0\0\0" + b"\0\xa1\x8d\x06" + bytes(LARGE), "unknown", LARGE + 12),
        (b"(;" + "é".encode() * LARGE + b";) (module)", "text", 2 * LARGE + 13),
        (b";" * 3 + "\n(é)".encode() * LARGE, "text", 1 << 16),
        (elf(2, 62) + bytes(LARGE), "elf", 1 << 16),
        (b"#!/bin/sh\n" + b"\xff" * LARGE, "unknown", 1 << 16),
        (b"(module)", "text", 8),
        (b"", "empty", 0),
    ],
)
def test_no_more_of_a_file_is_read_than_it_takes(data: bytes, kind: str, most: int) -> None:
    ends = [0]

    def read(offset: int, count: int) -> bytes:
        part = data[offset : offset + count]
        ends.append(offset + len(part))
        return part

    assert identify_at(ReadAt(read, len(data))).kind == kind
    assert max(ends) <= most


@pytest.mark.parametrize("start", [b"\0asm\1\0\0\0", b" "])
def test_what_is_too_large_is_refused_before_it_is_read(start: bytes) -> None:
    def read(offset: int, count: int) -> bytes:
        assert offset + count <= 1 << 20
        return (start * count)[:count]

    identity = identify_at(ReadAt(read, MAX_SOURCE + 1))
    assert identity.kind == "unknown"
    assert identity.sentence == "a file of 1073741825 bytes, and of WebAssembly at most 1073741824 are read"
