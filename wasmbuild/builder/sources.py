"""The sources of a build: read once, translated to binary where they are text, held to what the declaration allows."""

from __future__ import annotations

import os
from _thread import allocate_lock

from wasmbuild import files
from wasmbuild.builder.examining import Examiner, SourceFacts, as_compile_error, held, missing, read, unreadable
from wasmbuild.builder.memory import TOO_LARGE, KnownFile, Memory
from wasmbuild.builder.memory import unreadable as unreadable_file
from wasmbuild.errors import CompileError, DiskError
from wasmbuild.formats.identify import MAX_SOURCE
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.project.declared import Module


class SourceReader:
    """Reads sources, through ``memory`` where their files did not change.

    ``translate`` turns WebAssembly text into a binary or raises CompileError, NoVerdictError where that says nothing of
    the text; ``translator`` names it, so that what another one made is not taken for its work. ``write`` writes a file
    whole or not at all.
    """

    def __init__(
        self,
        memory: Memory,
        translate: Callable[[bytes], bytes],
        translator: Callable[[], str],
        write: Callable[[Path, bytes], object],
    ) -> None:
        self._memory = memory
        self._write = write
        self._translator = translator
        self._examiner = Examiner(translate, translator)
        self._copies: dict[str, tuple[files.Signature, SourceFacts, Path]] = {}
        self._copying = allocate_lock()
        # Of each module, what was seen of its source, and what that is.
        self._looked: dict[str, tuple[KnownFile, SourceFacts]] = {}

    def look(self, module: Module) -> SourceFacts:
        """Return what a module's source is.

        Raises CompileError where it is none, is not what its module allows, or could not be judged.
        """
        try:
            with as_compile_error(module):
                seen = self._seen(module.source)
                if seen is not None and "translator" in seen.facts and seen.facts["translator"] != self._translator():
                    self._memory.forget(module.source)
                    seen = self._seen(module.source)
        except DiskError as error:
            raise unreadable(str(error), error.__cause__) from error
        if seen is None:
            raise missing(module)
        known = self._looked.get(module.name)
        if known is None or known[0] != seen:
            known = self._looked[module.name] = seen, held(module, seen.sha256, seen.size, seen.facts)
        return known[1]

    def known(self, module: Module) -> SourceFacts:
        """Return what ``look`` does, for threads; it looks closely once, and all targets have the same of a file."""
        known = self._looked.get(module.name)
        with suppress(OSError):
            if known is not None and known[0].spelled == files.spelled(os.stat(module.source)):
                return known[1]
        with self._copying:
            return self.look(module)

    def looked(self, module: Module) -> SourceFacts | None:
        """Return what ``look`` returned last of a module, which may be another by now; None where it was not asked."""
        found = self._looked.get(module.name)
        return None if found is None else found[1]

    def traits(self, module: Module) -> tuple[str, dict[str, Any] | None]:
        """Return the kind of a source that was looked at, and its traits as JSON, None where they are not known."""
        facts = self._memory.facts(str(module.source))
        if facts is None:
            try:
                source = self.look(module)
            except CompileError:
                return "module", None
            return source.kind, source.traits.to_json() if source.traits is not None else None
        return facts.get("kind", "module"), facts.get("traits")

    def copy(self, module: Module, directory: Path) -> tuple[SourceFacts, Path]:
        """Return a source together with a private copy, in ``directory``, of the very binary that it describes.

        The file is read once for both; copies are shared by all targets of a module until the file changes.
        Raises CompileError, and DiskError when the copy cannot be written.
        """
        with self._copying:
            copied = self._copies.get(str(module.source))
            # What is wrong with a file, reading it says. A session that was closed has removed its copies, and may be
            # opened again.
            with suppress(OSError):
                unchanged = copied is not None and copied[0] == files.signature(os.stat(module.source))
                if copied is not None and unchanged and os.path.exists(copied[2]):
                    return copied[1], copied[2]
            data, signature = read(module)
            source = self._examiner.look(module, data)
            path = directory / f"{source.wasm_sha256}.wasm"
            if not os.path.exists(path):
                self._write(path, self._examiner.binary(module, data))
            self._examiner.let_go()
            self._copies[str(module.source)] = (signature, source, path)
            return source, path

    def _seen(self, path: Path) -> KnownFile | None:
        seen = self._memory.look(path, self._examiner.facts, MAX_SOURCE, digest=self._examiner.digest)
        self._examiner.let_go()
        if seen is not None and seen.sha256 == TOO_LARGE:
            error = files.too_large(path, seen.size, MAX_SOURCE)
            raise unreadable_file(path, error) from error
        return seen
