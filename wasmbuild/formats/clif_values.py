"""How many values Cranelift makes of a function at most, told from the bytes of its code.

Most instructions are a value or two for each of their bytes. Few bytes stand for many where a block, a call or a branch
has a type with many parameters and results, and where paths join: there each local may become a value anew.

Source: ``ssa.rs`` of cranelift-frontend, and ``create_block`` in the translation of wasmtime-internal-cranelift.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set

    from wasmbuild.formats.cursor import Cursor

# Real code has one to three for each byte. The rest is for checks, and for what the optimizer adds.
_A_BYTE = 34
# What is fewer is not told more closely, which takes time.
_FEW = 1 << 23
_MOST = (1 << 32) - 1
# Opcodes that count alike, and the types that a block starts with, become one each.
_TYPES = bytes([0x40, *range(0x63, 0x80)])
_ALIKE = bytes.maketrans(b"\x04\x25\x13\x24\x26" + _TYPES, b"\x02\x23\x11\x11\x11" + b"\x40" * len(_TYPES))
# How often paths join: where a block ends, and where a reference is read; where one is called or written; in a loop,
# which may count fuel and epochs.
_JOINS = {b"\x02\x40": 1, b"\x23": 1, b"\x11": 2, b"\x03\x40": 3}
# With these they join elsewhere, too, or a block does not start as above.
_ELSEWHERE = frozenset(("exceptions", "gc", "multi-value", "stack-switching"))


def at_most(body: Cursor, variables: int, widest: int, features: Set[str]) -> int:
    """Return how many values a function has at most, and no more than a manifest can hold.

    ``variables`` are its parameters and locals, ``widest`` is how many values a type of its module lists, ``features``
    are those that it uses: more than there are make the answer larger than it has to be.
    """
    size = body.end - body.pos
    # No instruction takes fewer bytes than it makes paths join.
    values = size * (_A_BYTE + widest + variables)
    if values > _FEW and _ELSEWHERE.isdisjoint(features):
        code = body.data[body.pos : body.end].translate(_ALIKE)
        joins = sum([code.count(opcode) * times for opcode, times in _JOINS.items()])
        values = min(values, size * (_A_BYTE + widest) + joins * variables)
    # But each field of what is collected may be a reference that is counted.
    return min(values * (1 + widest if "gc" in features else 1), _MOST)
