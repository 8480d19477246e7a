"""Artifacts that are compiled again, to see whether their bytes come out the same."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

from wasmbuild import files
from wasmbuild.builder.memory import unreadable
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult, Prepared
from wasmbuild.errors import CompileError, DiskError, FormatError, WasmbuildError
from wasmbuild.formats import cwasm
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import listed, printable

if TYPE_CHECKING:
    from wasmbuild.builder.scheduler import Work

_SHOWN = 5
_SYMBOLS, _STRINGS, _CODE = ".symtab", ".strtab", ".text"
# Elf64_Sym of the System V ABI: name, info, other, section, value, size.
_SYMBOL = "IBBHQQ"
_BIG_ENDIAN = 2


class ReproducibilityResult(NamedTuple):
    """What came of compiling an artifact again: an error where it failed, or where other bytes came of it.

    ``compiled`` tells whether it was compiled at all.
    """

    id: str
    error: WasmbuildError | None
    compiled: bool = True


class ReproducibilityWork:
    """Work whose artifacts are held to those that were published, and take no place."""

    def __init__(self, work: Work[object], published: Callable[[str], Path]) -> None:
        """``published`` returns where an artifact lies."""
        self._work = work
        self._published = published

    def request(self, id: str) -> CompileRequest:
        return self._work.request(id)

    def scratch(self) -> Path:
        return self._work.scratch()

    def prepare(self, id: str) -> Prepared:
        return self._work.prepare(id)

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
        return self._work.check_result(id, request, result)

    def publish(self, id: str, checked: CheckedArtifact, result: CompileResult) -> ReproducibilityResult:
        with suppress(OSError):
            os.unlink(checked.file)
        path = self._published(id)
        try:
            before = files.read(path)[0]
        except OSError as error:
            return ReproducibilityResult(id, unreadable(path, error))
        if before == checked.data:
            return ReproducibilityResult(id, None)
        different = listed(list(differences(before, checked.data)), _SHOWN)
        problem = f"is not reproducible: compiled again by {result.made_by}, it differs in {different}"
        return ReproducibilityResult(id, CompileError(problem))

    def fail(self, id: str, error: WasmbuildError) -> ReproducibilityResult:
        if isinstance(error, DiskError):
            place = os.path.dirname(self.scratch())
            error = DiskError(f"in a directory below {place}, for which TMPDIR can name another place: {error}")
        return ReproducibilityResult(id, error, compiled=False)


def differences(left: bytes, right: bytes) -> Iterator[str]:
    """Name the functions and sections in which two artifacts differ, functions first."""
    try:
        ours, theirs = _parts(left), _parts(right)
    except (FormatError, struct.error, ValueError):
        yield "its structure"
        return
    named = False
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name) != theirs.get(name):
            named = True
            yield printable(name)
    if not named:
        yield "bytes between its sections"


def _parts(data: bytes) -> dict[str, bytes]:
    """Return functions and sections by what they are called; the code itself only where it has no functions."""
    sections = {section.name: section for section in cwasm.read(data).sections}
    parts: dict[str, bytes] = {}
    if all(name in sections for name in (_SYMBOLS, _STRINGS, _CODE)):
        code, symbols, strings = (sections[name] for name in (_CODE, _SYMBOLS, _STRINGS))
        table = data[symbols.offset : symbols.offset + symbols.size]
        texts = data[strings.offset : strings.offset + strings.size]
        form = (">" if data[5] == _BIG_ENDIAN else "<") + _SYMBOL
        for at, _, _, _, value, size in struct.iter_unpack(form, table):
            if size:
                name = texts[at : texts.index(0, at)].decode("utf-8", "replace")
                parts[f"function {name}"] = data[code.offset + value : code.offset + value + size]
    for name, section in sections.items():
        parts[f"section {name}"] = data[section.offset : section.offset + section.size]
    return parts
