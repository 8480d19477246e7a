"""What a WebAssembly file is, and what it imports and exports.

Only what interfaces are made of is read: types, imports, exports, and of the declarations as many as the exports
need. Code and data are passed over by their size, so a module of many megabytes takes milliseconds. Nothing is
validated beyond that: a file with a readable interface can still be refused by the compiler.

Source: WebAssembly core specification 3.0, chapter 5; for components see ``wasmbuild.formats.component``.
"""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.formats import component, wasm_types
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.extern import CORE_KINDS, Export, Import, Interface
from wasmbuild.formats.identify import identify
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT = 16 << 20
"""Characters that names and types of imports and exports have at most: a record must hold them.

The largest that was met, DuckDB's, exports 75,111 functions in 8.7 million.
"""

_WHAT = "module"
_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _TAG = 1, 2, 3, 4, 5, 6, 7, 13
# Ids in the order in which their sections may come: type, import, function, table, memory, tag, global, export,
# start, element, data count, code, data.
_RANK = {section: rank for rank, section in enumerate((1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11))}
# Where the kind of an import stands: several imports of one module follow, with types of their own or one for all.
_COMPACT = (b"\x7e", b"\x7f")
_COMPACT_IMPORTS = (
    "a module with compact imports, which Wasmtime 48, 49 and 50 lack: make it again without them (binaryen's tools "
    "take --disable-compact-imports)"
)
_DECLARED_IN = {"func": _FUNCTION, "table": _TABLE, "memory": _MEMORY, "global": _GLOBAL, "tag": _TAG}


def interface(data: bytes) -> Interface:
    """Return the imports and exports of a binary module or component.

    Raises FormatError for anything else and for malformed bytes; its text does not name the file.
    """
    identity = identify(data)
    if identity.kind == "module":
        found = CoreModule(data).interface()
    elif identity.kind == "component":
        found = component.interface(data)
    else:
        raise FormatError(f"not a binary module or component, but {identity}")
    # One long type that many exports share is a few bytes in the file, and written out for each of them here.
    _check_text(sum(len(item.name) + len(item.type) for externs in found for item in externs), identity.kind)
    return found


def _check_text(size: int, kind: str) -> None:
    if size > MAX_TEXT:
        problem = f"a {kind} whose imports and exports take more than {MAX_TEXT} characters to write down"
        raise FormatError(f"{problem}, which is the most: import and export less, or split it")


class CoreModule:
    """A binary core module whose preamble was checked: its sections by id, and what is read of them on demand.

    ``imported``, the types of what is imported by kind, stand after ``imports``. ``noted`` is what no text says of the
    types that were read: ``page-size``, ``tag-results``. All raise FormatError.
    """

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        """Take what lies from ``start`` to ``end`` of ``data``: all of it, or a module in a component."""
        self.data = data
        self._custom: list[tuple[int, int]] = []
        self.sections = self._frames(start, len(data) if end is None else end)
        self.types: list[int | None] | None = None
        self.texts: dict[int, str] = {}
        self.tags: dict[int, str] = {}
        self.noted: set[str] = set()
        self.imported: dict[str, list[str]] = {kind: [] for kind in CORE_KINDS}

    def _frames(self, start: int, end: int) -> dict[int, tuple[int, int]]:
        cursor = Cursor(self.data, start, end, _WHAT)
        cursor.skip(8)
        sections: dict[int, tuple[int, int]] = {}
        last = -1
        for at, number, start, end in cursor.sections():
            if number == 0:
                self._custom.append((start, end))
                continue
            rank = _RANK.get(number)
            if rank is None:
                cursor.unknown(f"section {number} is of no known kind", at)
            if rank <= last:
                cursor.fail(f"section {number} comes twice or too late", at)
            last = rank
            sections[number] = (start, end)
        return sections

    def custom(self, name: str) -> Cursor | None:
        """Return a cursor over the content of the custom section of a name, or None where there is none."""
        for start, end in self._custom:
            cursor = Cursor(self.data, start, end, _WHAT)
            if cursor.name() == name:
                return cursor
        return None

    def cursor(self, section: int) -> Cursor:
        """Return a cursor over the content of a section, which is empty where there is none."""
        start, end = self.sections.get(section, (0, 0))
        return Cursor(self.data, start, end, _WHAT)

    def interface(self) -> Interface:
        """Return imports and exports."""
        imports = self.imports()
        exported = self._exported()
        types = {kind: self._types_of(kind, exported) for kind in CORE_KINDS}
        return Interface(imports, tuple([Export(name, kind, types[kind][index]) for name, kind, index in exported]))

    def imports(self) -> tuple[Import, ...]:
        """Return imports."""
        if _IMPORT not in self.sections:
            return ()
        cursor = self.cursor(_IMPORT)
        imports = []
        size = 0
        for _ in range(cursor.u32()):
            module, name = cursor.name(), cursor.name()
            if not name and cursor.data[cursor.pos : min(cursor.pos + 1, cursor.end)] in _COMPACT:
                raise FormatError(_COMPACT_IMPORTS)
            kind = self._kind(cursor)
            text = self.extern_type(cursor, kind)
            size += len(name) + len(text)
            _check_text(size, _WHAT)
            self.imported[kind].append(text)
            imports.append(Import(module, name, kind, text))
        cursor.done("import")
        return tuple(imports)

    def _exported(self) -> list[tuple[str, str, int]]:
        if _EXPORT not in self.sections:
            return []
        cursor = self.cursor(_EXPORT)
        exported = {}
        for _ in range(cursor.u32()):
            at = cursor.pos
            name = cursor.name()
            if name in exported:
                cursor.fail("a name is exported twice", at)
            exported[name] = (name, self._kind(cursor), cursor.u32())
        cursor.done("export")
        return list(exported.values())

    def _kind(self, cursor: Cursor) -> str:
        code = cursor.byte()
        if code >= len(CORE_KINDS):
            cursor.unknown(f"{code:#04x} is no kind of import or export", cursor.pos - 1)
        return CORE_KINDS[code]

    def extern_type(self, cursor: Cursor, kind: str) -> str:
        """Read the type of an import or a declaration."""
        if kind == "func":
            return self._function_type(cursor.u32(), cursor)
        return _READERS[kind](self, cursor)

    def _tag_type(self, cursor: Cursor) -> str:
        attribute = cursor.byte()
        if attribute:
            cursor.unknown(f"a tag has the unknown attribute {attribute:#04x}", cursor.pos - 1)
        index = cursor.u32()
        text = self.tags.get(index)
        if text is None:
            # Each cut makes a copy, and a type of a megabyte can be that of thousands of tags.
            text, _, results = self._function_type(index, cursor).partition(" -> ")
            self.tags[index] = text
            if results != "()":
                self.noted.add("tag-results")
        return text

    def _function_type(self, index: int, user: Cursor) -> str:
        text = self.texts.get(index)
        if text is not None:
            return text
        if self.types is None:
            self.types = wasm_types.type_section(self.cursor(_TYPE), set()) if _TYPE in self.sections else []
        start = self.types[index] if index < len(self.types) else None
        if start is None:
            user.fail(f"type {index} is not a function type")
        cursor = self.cursor(_TYPE)
        cursor.pos = start
        parameters, results = wasm_types.function_type(cursor)
        return self.texts.setdefault(index, f"{parameters} -> {results}")

    def _types_of(self, kind: str, exported: list[tuple[str, str, int]]) -> dict[int, str]:
        """Return the types of what is exported of one kind, by index."""
        wanted = {index for _, of, index in exported if of == kind}
        imported = self.imported[kind]
        types = {index: imported[index] for index in wanted if index < len(imported)}
        declared = sorted(index - len(imported) for index in wanted if index >= len(imported))
        if declared:
            cursor = self.cursor(_DECLARED_IN[kind])
            count = cursor.u32() if _DECLARED_IN[kind] in self.sections else 0
            if declared[-1] >= count:
                user = self.cursor(_EXPORT)
                user.fail(f"{kind} {declared[-1] + len(imported)} is exported, but there is none")
            read = self._functions if kind == "func" else self._declared
            for index, text in read(cursor, kind, declared).items():
                types[index + len(imported)] = text
        return types

    def _functions(self, cursor: Cursor, kind: str, wanted: list[int]) -> dict[int, str]:
        body = cursor.data[cursor.pos : cursor.end]
        if body.isascii():
            # One byte for each function: no need to walk tens of thousands of them.
            if wanted[-1] >= len(body):
                cursor.fail("it ends too early", cursor.end)
            return {index: self._function_type(body[index], cursor) for index in wanted}
        indices = [cursor.u32() for _ in range(wanted[-1] + 1)]
        return {index: self._function_type(indices[index], cursor) for index in wanted}

    def _declared(self, cursor: Cursor, kind: str, wanted: list[int]) -> dict[int, str]:
        keep = set(wanted)
        types = {}
        for index in range(wanted[-1] + 1):
            initialised = kind == "global"
            if kind == "table" and cursor.data[cursor.pos : min(cursor.pos + 2, cursor.end)] == b"\x40\x00":
                cursor.skip(2)
                initialised = True
            text = self.extern_type(cursor, kind)
            if initialised:
                wasm_types.skip_constant_expression(cursor)
            if index in keep:
                types[index] = text
        return types


_READERS: dict[str, Callable[[CoreModule, Cursor], str]] = {
    "table": lambda module, cursor: wasm_types.table_type(cursor),
    "memory": lambda module, cursor: wasm_types.memory_type(cursor, module.noted),
    "global": lambda module, cursor: wasm_types.global_type(cursor),
    "tag": CoreModule._tag_type,
}
