"""Imports and exports that the loaded artifact has, against those of its manifest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeGuard

from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.text import listed, printable

Rows = Sequence[Sequence[str]]
"""Imports as ``[module, name, kind, type]`` or exports as ``[name, kind, type]``, as the probe tells them."""

_SHOWN = 3
_KNOWN_TYPES = frozenset(("i32", "i64", "f32", "f64", "v128", "funcref", "externref", "mut"))
_VALUE_TYPE = re.compile(r"\(ref (?:null )?(?:[a-z0-9]+|\(shared [a-z0-9]+\))\)|[a-z][a-z0-9]*")
_TYPES = ("type", "component", "instance", "func")
"""What the library calls a type that a component exports: one of components goes by the kind that they have."""
_TABLE = re.compile(r"(.*?)(?:\.\.4294967295)?(?: i64)?(?: shared)?")
_SIZES = re.compile(r" (\d+)(?:\.\.(\d+))?(?: i64)?(?: shared)?\Z")
_TOLD = 0xFFFFFFFF
_DIGITS = len(str(_TOLD))


def difference(artifact: ManifestArtifact, imports: Rows, exports: Rows) -> str:
    """Return in words how imports or exports differ from the manifest's, or an empty string."""
    sizes = not has_untold_sizes(artifact)
    parts = (
        _difference("imports", artifact.imports, imports, sizes),
        _difference("exports", artifact.exports, exports, sizes),
    )
    return "; ".join(filter(None, parts))


def has_untold_sizes(artifact: ManifestArtifact) -> bool:
    """Tell whether a module imports or exports a table whose size the library cannot tell.

    It has 32 bits for the sizes of tables, and over a larger one it ends the process (``wasm_tabletype_limits`` of its
    C API, which has no other function for them). Then of no table of that module is the size asked for.
    """
    rows: Iterable[Sequence[str]] = chain(artifact.imports, artifact.exports)
    return any(kind == "table" and _is_untold(type_) for *_, kind, type_ in rows)


def _is_untold(type_: str) -> bool:
    sizes = _SIZES.search(type_)
    return sizes is not None and any(len(size) > _DIGITS or int(size) > _TOLD for size in sizes.groups("0"))


def are_rows(value: object, width: int) -> TypeGuard[Rows]:
    """Tell whether a JSON value is a list of externs of ``width`` texts each."""
    return isinstance(value, list) and all(
        isinstance(extern, list) and len(extern) == width and all(isinstance(text, str) for text in extern)
        for extern in value
    )


def as_reported(kind: str, type_: str, *, sizes: bool = True) -> str:
    """Return a type as the probe tells it: a value type that it cannot tell is ``?``.

    Of a table it tells neither 64-bit indices nor sharing, and has no sign for a maximum of 2^32 - 1; without
    ``sizes``, none at all.
    """
    if kind == "memory":
        return type_
    if kind == "table" and (table := _TABLE.fullmatch(type_)):
        type_ = table[1] if sizes else _SIZES.sub("", type_)
    return _VALUE_TYPE.sub(lambda match: match[0] if match[0] in _KNOWN_TYPES else "?", type_)


def _difference(what: str, declared: Iterable[Sequence[str]], rows: Rows, sizes: bool) -> str:
    wanted, found = list(map(tuple, declared)), list(map(tuple, rows))
    if wanted == found:
        return ""
    types = {extern[:-2] for extern in wanted if extern[-2] == "type"}
    found = [(*row[:-2], "type", "") if row[:-2] in types and row[-2] in _TYPES else row for row in found]
    spelled = Counter((*extern[:-1], as_reported(extern[-2], extern[-1], sizes=sizes)) for extern in wanted)
    counted = Counter(found)
    # Of the types that a component imports the library lists those alone that a host has to give, its resources.
    missing = [extern for extern in (spelled - counted).elements() if what == "exports" or extern[-2] != "type"]
    surplus = {extern[:-2]: extern for extern in (counted - spelled).elements()}
    differences = []
    for extern in missing:
        other = surplus.pop(extern[:-2], None)
        if other is None:
            differences.append(f"{_name(extern)} is missing")
        else:
            differences.append(f"{_name(extern)} is {_type(other)} instead of {_type(extern)}")
    differences += [f"{_name(extern)} is not in the manifest" for extern in surplus.values()]
    if not differences:
        return ""
    return f"its {what} are not those of its manifest: {listed(differences, _SHOWN)}"


def _name(extern: tuple[str, ...]) -> str:
    return '"' + ".".join(printable(part, 60) for part in extern[:-2] if part) + '"'


def _type(extern: tuple[str, ...]) -> str:
    *_, kind, text = extern
    return f"{kind} {printable(text, 80)}" if text else kind
