"""What the tests of inspection share: artifacts made up byte by byte, which need no compiler."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import settings

from wasmbuild.formats.cwasm import HEADERS

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

Value = bool | int | str
Make = Callable[..., bytes]


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    length, out = len(data), bytearray()
    while length >= 0x80:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*out, length]) + data


def _flags(values: Mapping[str, Value]) -> bytes:
    out = bytes([len(values)])
    for name, value in values.items():
        out += _text(name)
        if isinstance(value, bool):
            out += bytes([2, value])
        else:
            out += bytes([1, value]) if isinstance(value, int) else b"\0" + _text(value)
    return out


def artifact(
    triple: str = "aarch64-unknown-linux-gnu",
    *,
    kind: str = "module",
    # A line that nobody has a compiler of, so that no reference is made.
    version: str = "7",
    architecture: str = "aarch64",
    shared: Mapping[str, Value] | None = None,
    isa: Mapping[str, Value] | None = None,
    tail: bytes = bytes(range(60)),
    extra: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    header = HEADERS[architecture]
    engine = b"\0" + bytes([len(version)]) + version.encode() + _text(triple)
    engine += _flags(shared or {"opt_level": "speed"}) + _flags(isa or {}) + tail
    contents = [(".wasmtime.engine", engine), *extra]
    names = b"\0"
    offset, body, rows = 64, b"", [(0, 0, 0, 0)]
    for name, data in contents:
        rows.append((len(names), 1, offset, len(data)))
        names += name.encode() + b"\0"
        body += data
        offset += len(data)
    rows.append((len(names), 3, offset, len(names) + len(b".shstrtab\0")))
    names += b".shstrtab\0"
    order = ">" if header.big_endian else "<"
    e_flags = {"module": 1, "component": 2}[kind] | {0: 0, 32: 4, 64: 8}[header.pulley_bits]
    ident = b"\x7fELF" + bytes([2, 2 if header.big_endian else 1, 1, 200]) + bytes(8)
    table = 64 + len(body) + len(names)
    head = struct.pack(
        order + "HHIQQQIHHHHHH", 1, header.machine, 1, 0, 0, table, e_flags, 64, 0, 0, 64, len(rows), len(rows) - 1
    )
    packed = b"".join(struct.pack(order + "IIQQQQIIQQ", n, t, 0, 0, at, size, 0, 0, 1, 0) for n, t, at, size in rows)
    return ident + head + body + names + packed


@pytest.fixture(scope="session")
def make() -> Make:
    """Make an artifact."""
    return artifact
