"""Reads the traits of a binary module or component. Nothing is validated beyond what that takes."""

from __future__ import annotations

from itertools import pairwise

from wasmbuild.errors import FormatError
from wasmbuild.formats import clif_values, wasm_types
from wasmbuild.formats.component_parts import parts
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.data_images import DataImages
from wasmbuild.formats.identify import identify
from wasmbuild.formats.instructions import Instructions, LegacyExceptionsError
from wasmbuild.formats.traits import Traits, merged
from wasmbuild.formats.wasm import CoreModule
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPE, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _ELEMENT, _CODE, _DATA, _DATA_COUNT, _TAG = 1, 3, 4, 5, 6, 9, 10, 11, 12, 13
_I64_CONST = 0x42


def read(data: bytes) -> Traits:
    """Return the traits of a binary module or component.

    Raises FormatError for anything else, for malformed bytes, for instructions that no proposal known here has, and, as
    LegacyExceptionsError, for legacy exceptions, of which its text says so.
    """
    identity = identify(data)
    if identity.kind == "module":
        return _Reader(CoreModule(data)).traits()
    if identity.kind == "component":
        found = parts(data)
        inside = merged(_Reader(CoreModule(data, *place)).traits() for place in found.modules)
        features = tuple(sorted({*inside.features, *found.features}))
        return inside._replace(features=features, string_transcoding=found.string_transcoding)
    raise FormatError(f"not a binary module or component, but {identity}")


def has_legacy_exceptions(data: bytes) -> bool:
    """Tell whether a module with tags, or one in a component, has legacy exceptions; False for what is not read.

    What has no tags throws and catches nothing of its own, and is read in no time.
    """
    try:
        if any(_has_tags(module) for module in _modules(data)):
            read(data)
    except LegacyExceptionsError:
        return True
    except FormatError:
        pass
    return False


def _modules(data: bytes) -> Iterator[CoreModule]:
    if identify(data).kind == "module":
        yield CoreModule(data)
    else:
        for place in parts(data).modules:
            yield CoreModule(data, *place)


def _has_tags(module: CoreModule) -> bool:
    module.imports()
    return _TAG in module.sections or bool(module.imported["tag"])


class _Reader:
    def __init__(self, module: CoreModule) -> None:
        self.module = module
        self.code = Instructions()
        self.features = self.code.features
        self.memories: list[str] = []
        self.tables: list[str] = []
        self.images = DataImages()
        self.widest = 0
        self.function_body = self.function_values = 0

    def traits(self) -> Traits:
        self._types()
        self.module.imports()
        imported = self.module.imported
        for kind in ("table", "memory", "global", "tag"):
            for text in imported[kind]:
                _NOTED[kind](self, text)
        imported_memories = len(self.memories)
        self.code.imported_globals = len(imported["global"])
        tags = 0
        for cursor in self._entries(_TABLE):
            self._table(cursor)
        for cursor in self._entries(_MEMORY):
            self._note_memory(self.module.extern_type(cursor, "memory"))
        for cursor in self._entries(_TAG):
            tags += 1
            self._note_tag(self.module.extern_type(cursor, "tag"))
        for cursor in self._entries(_GLOBAL):
            self._note_global(wasm_types.global_type(cursor))
            self.code.constant(cursor)
        for cursor in self._entries(_ELEMENT):
            self._elements(cursor)
        if _DATA_COUNT in self.module.sections:
            self.features.add("bulk-memory")
        data: set[str] = set()
        for cursor in self._entries(_DATA):
            data |= self._data(cursor, imported_memories)
        if self.images.refused:
            data.add("active-data-without-image")
        for cursor in self._entries(_CODE):
            self._body(cursor)
        # After the code: none of this adds to the values of its functions.
        self.features |= {_FORMS[form] for form in self.module.noted}
        if self.code.constant_of_own:
            self.features.add("gc")
        if len(self.memories) > 1:
            self.features.add("multi-memory")
        if len(self.tables) > 1:
            self.features.add("reference-types")
        return Traits(
            features=tuple(sorted(self.features)),
            tags=tags,
            odd_tags_with=tuple(sorted(data if self.code.passive_data else data - {"passive-data"}))
            if tags % 2
            else (),
            odd_tags_image_size=self.images.least_size if tags % 2 else 0,
            passive_data="passive-data" in data,
            br_table=self.code.br_table,
            function_body=self.function_body,
            function_values=self.function_values,
            call_ref=self.code.call_ref,
            try_table=self.code.try_table,
            memory64=any(" i64" in text for text in self.memories),
            table64=any(text.endswith(" i64") for text in self.tables),
            shared_memory=any(" shared" in text for text in self.memories),
        )

    def _entries(self, section: int) -> Iterator[Cursor]:
        """Return the cursor again for each entry of a section."""
        if section in self.module.sections:
            cursor = self.module.cursor(section)
            for _ in range(cursor.u32()):
                yield cursor

    def _types(self) -> None:
        if _TYPE not in self.module.sections:
            return
        noted: set[str] = set()
        cursor = self.module.cursor(_TYPE)
        starts = [cursor.pos, *filter(None, wasm_types.type_section(cursor, noted)), cursor.end]
        # No type lists more values than it has bytes.
        self.widest = max([end - start for start, end in pairwise(starts)])
        for text in noted:
            if text in _FORMS:
                self.features.add(_FORMS[text])
            else:
                self.code.note_type(text)

    def _note_table(self, text: str) -> None:
        self.tables.append(text)
        element = text.removesuffix(" i64").rpartition(" ")[0]
        if element != "funcref":
            self.code.note_type(element)
        if text.endswith(" i64"):
            self.features.add("memory64")

    def _note_memory(self, text: str) -> None:
        self.memories.append(text)
        for part, feature in ((" i64", "memory64"), (" shared", "threads")):
            if part in text:
                self.features.add(feature)

    def _note_global(self, text: str) -> None:
        self.code.note_type(text.removeprefix("mut "))

    def _note_tag(self, text: str) -> None:
        self.features.add("exceptions")

    def _table(self, cursor: Cursor) -> None:
        initialised = cursor.data[cursor.pos : min(cursor.pos + 2, cursor.end)] == b"\x40\x00"
        if initialised:
            cursor.skip(2)
            self.features.add("function-references")
        self._note_table(wasm_types.table_type(cursor))
        if initialised:
            self.code.constant(cursor)

    def _elements(self, cursor: Cursor) -> None:
        flags = cursor.u32()
        if flags > 7:
            cursor.fail(f"{flags:#x} does not say what kind of elements follow")
        passive, explicit, expressions = flags & 1, flags & 2, flags & 4
        if passive:
            self.features.add("bulk-memory")
        else:
            if explicit:
                cursor.u32()
            self.code.constant(cursor)
        if passive or explicit:
            if expressions:
                self.code.value_type(cursor)
            else:
                cursor.skip(1)
        count = cursor.u32()
        if expressions:
            for _ in range(count):
                self.code.constant(cursor)
        else:
            cursor.numbers(count)

    def _data(self, cursor: Cursor, imported: int) -> set[str]:
        flags = cursor.u32()
        if flags > 2:
            cursor.fail(f"{flags:#x} does not say what kind of data follow")
        if flags == 1:
            self.features.add("bulk-memory")
            cursor.skip(cursor.u32())
            return {"passive-data"}
        found = {"active-data"}
        memory = cursor.u32() if flags == 2 else 0
        start = cursor.pos
        constant = self.code.constant(cursor)
        size = cursor.u32()
        if memory < imported:
            found.add("active-data-imported-memory")
        if not constant:
            found.add("active-data-non-constant-offset")
        elif imported <= memory < len(self.memories):
            bits = 64 if cursor.data[start] == _I64_CONST else 32
            offset = Cursor(cursor.data, start + 1, cursor.end, cursor.what).signed(bits) % (1 << bits)
            self.images.add(memory, self.memories[memory], offset, size)
        cursor.skip(size)
        return found

    def _body(self, cursor: Cursor) -> None:
        size = cursor.u32()
        start = cursor.pos
        cursor.skip(size)
        body = Cursor(cursor.data, start, cursor.pos, cursor.what)
        variables = self.widest
        for _ in range(body.u32()):
            variables += body.u32()
            self.code.value_type(body)
        self.code.read(body)
        body.pos = start
        self.function_body = max(self.function_body, size)
        values = clif_values.at_most(body, variables, self.widest, self.features)
        self.function_values = max(self.function_values, values)


_NOTED = {
    "table": _Reader._note_table,
    "memory": _Reader._note_memory,
    "global": _Reader._note_global,
    "tag": _Reader._note_tag,
}
_FORMS = {
    "struct": "gc",
    "array": "gc",
    "sub": "gc",
    "rec": "gc",
    "cont": "stack-switching",
    "results": "multi-value",
    "page-size": "custom-page-sizes",
    "tag-results": "stack-switching",
}
