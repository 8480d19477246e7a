"""What a binary module or component is and needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from wasmbuild.console.figures import human_size
from wasmbuild.errors import FormatError
from wasmbuild.formats import wasm, wasm_traits, wasm_types
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.traits import Traits
from wasmbuild.inspection import features, roles
from wasmbuild.inspection.facts import Section, WebAssembly
from wasmbuild.toolchain.embedded import Embedded

_HEADER = 8
_CUSTOM, _MEMORY, _START = 0, 5, 8
# Telling features validates the module once for each of them: some tenths of a second for 10 MB.
_LARGEST_VALIDATED = 32 << 20


def describe(data: bytes, kind: str, library: Embedded | None) -> WebAssembly:
    """Describe a binary of a ``kind`` that ``wasm.identify`` told; ``library`` tells which features a module needs.

    Raises FormatError for malformed bytes.
    """
    interface = wasm.interface(data)
    sections = tuple(_sections(data, kind))
    traits, untold = _traits(data)
    needed = _needed(data, library) if kind == "module" else features.UNKNOWN
    return WebAssembly(
        kind=kind,
        binary_sha256=hashlib.sha256(data).hexdigest(),
        imports=interface.imports,
        exports=interface.exports,
        memories=tuple(_memories(data)) if kind == "module" else (),
        starts=kind == "module" and any(number == _START for number, _, _ in _frames(data, kind)),
        sections=sections,
        line=needed.line,
        features=needed.features,
        problem=needed.problem,
        traits=traits,
        untold=untold,
    )


def _needed(data: bytes, library: Embedded | None) -> features.NeededFeatures:
    if library is None:
        return features.untold("there is no library of Wasmtime here")
    if len(data) > _LARGEST_VALIDATED:
        limit = human_size(_LARGEST_VALIDATED)
        return features.untold(f"it is larger than {limit}, and validated by a build alone")
    return features.needed(data, library)


def _traits(data: bytes) -> tuple[Traits | None, str]:
    """Return the traits, or None and why there are none."""
    try:
        return wasm_traits.read(data), ""
    except FormatError as error:
        return None, str(error)


def _frames(data: bytes, kind: str) -> Iterator[tuple[int, int, int]]:
    cursor = Cursor(data, _HEADER, len(data), kind)
    for _, number, start, end in cursor.sections():
        yield number, start, end


def _sections(data: bytes, kind: str) -> Iterator[Section]:
    for number, start, end in _frames(data, kind):
        custom = Cursor(data, start, end, kind).name() if number == _CUSTOM else ""
        name, role = roles.of_webassembly(kind, number, custom)
        yield Section(name, end - start, role, hashlib.sha256(data[start:end]).hexdigest())


def _memories(data: bytes) -> Iterator[str]:
    for number, start, end in _frames(data, "module"):
        if number == _MEMORY:
            cursor = Cursor(data, start, end, "module")
            for _ in range(cursor.u32()):
                yield wasm_types.memory_type(cursor, set())
