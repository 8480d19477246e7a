"""The sources of a build: read once, translated to binary where they are text, held to what the declaration allows."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from wasmbuild import files
from wasmbuild.builder import source_facts
from wasmbuild.builder.memory import Memory, Seen
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import CompileError, DiskError, FormatError
from wasmbuild.formats import wasm
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.identify import MAX_SOURCE
from wasmbuild.formats.traits import Traits
from wasmbuild.lean_typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.text import listed, printable
from wasmbuild.toolchain.job import NoVerdictError

if TYPE_CHECKING:
    from wasmbuild.project.declared import Module


class SourceFacts(NamedTuple):
    """What is known of a source: digest and size in bytes of its file, and what the binary in it is.

    ``traits`` is None where instructions in it are of no proposal known here.
    """

    sha256: str
    size: int
    kind: str
    wasm_sha256: str
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    traits: Traits | None


_NOTHING = b"", ""


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
        self._translate = translate
        self._translator = translator
        self._copies: dict[Path, tuple[files.Signature, SourceFacts, Path]] = {}
        self._copying = threading.Lock()
        # Of each module, what was seen of its source, and what that is.
        self._looked: dict[str, tuple[Seen, SourceFacts]] = {}
        self._examined: dict[str, dict[str, Any]] = {}
        # What was hashed last, as long as it is looked at.
        self._hashed = _NOTHING

    def look(self, module: Module) -> SourceFacts:
        """Return what a module's source is.

        Raises CompileError where it is none, is not what its module allows, or could not be judged.
        """
        try:
            seen = self._seen(module.source)
            if seen is not None and "translator" in seen.facts and seen.facts["translator"] != self._translator():
                self._memory.forget(module.source)
                seen = self._seen(module.source)
        except DiskError as error:
            raise CompileError(str(error)) from error
        except NoVerdictError as error:
            raise CompileError(f"{module.shown}: {error}") from error
        if seen is None:
            raise _missing(module)
        known = self._looked.get(module.name)
        if known is None or known[0] != seen:
            known = self._looked[module.name] = seen, _checked(module, seen.sha256, seen.size, seen.facts)
        return known[1]

    def known(self, module: Module) -> SourceFacts:
        """Return what ``look`` does, for threads; it looks closely once, and all targets have the same of a file."""
        known = self._looked.get(module.name)
        with contextlib.suppress(OSError):
            if known is not None and known[0].spelled == files.spelled(os.stat(module.source)):
                return known[1]
        with self._copying:
            return self.look(module)

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
            try:
                copied = self._copies.get(module.source)
                unchanged = copied is not None and copied[0] == files.signature(os.stat(module.source))
                # A session that was closed has removed its copies, and may be opened again.
                if copied is not None and unchanged and os.path.exists(copied[2]):
                    return copied[1], copied[2]
                data, signature = files.read(module.source, MAX_SOURCE)
            except FileNotFoundError:
                raise _missing(module) from None
            except OSError as error:
                raise CompileError(f"{module.shown}: cannot be read: {error.strerror or error}") from error
            try:
                facts, binary = self._examine(data)
            except NoVerdictError as error:
                raise CompileError(f"{module.shown}: {error}") from error
            source = _checked(module, self._digest(data), len(data), facts)
            self._hashed = _NOTHING
            path = directory / f"{source.wasm_sha256}.wasm"
            if not os.path.exists(path):
                self._write(path, binary)
            self._copies[module.source] = (signature, source, path)
            return source, path

    def _seen(self, path: Path) -> Seen | None:
        seen = self._memory.look(path, self._facts, MAX_SOURCE, digest=self._digest)
        self._hashed = _NOTHING
        return seen

    def _facts(self, data: bytes) -> dict[str, Any]:
        return self._examine(data)[0]

    def _digest(self, data: bytes) -> str:
        """Return the digest of some bytes, which are hashed once while they are looked at."""
        if self._hashed[0] is not data:
            self._hashed = data, sha256_hex(data)
        return self._hashed[1]

    def _examine(self, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the JSON value that is remembered of a source, and its binary (empty where it has none).

        Raises NoVerdictError, for only what the bytes themselves say may be remembered of them.
        """
        digest = self._digest(data)
        if digest in self._examined:
            # Looked at, and now read once more to be copied. What is text has to be translated for that.
            return self._examined[digest], data
        if len(data) >= source_facts.WORTH_BYTES and (known := source_facts.recall(digest)) is not None:
            self._examined[digest] = known
            return known, data
        identity = wasm.identify(data)
        facts: dict[str, Any] = {}
        try:
            if identity.kind == "text":
                facts["translator"] = self._translator()
                data = self._translate(data)
                identity = wasm.identify(data)
            if identity.kind not in ("module", "component"):
                facts["problem"] = f"is {identity.sentence}"
                return facts, b""
            interface = wasm.interface(data)
        except NoVerdictError:
            raise
        except (CompileError, FormatError) as error:
            facts["problem"] = str(error)
            return facts, b""
        facts["kind"] = identity.kind
        facts["wasm"] = digest if "translator" not in facts else sha256_hex(data)
        facts["imports"] = interface.imports
        facts["exports"] = interface.exports
        facts["traits"] = _traits(data)
        if identity.kind == "component":
            from wasmbuild.formats.component_types import exported_functions

            facts["functions"] = exported_functions(data)
        if "translator" not in facts:
            self._examined[digest] = facts
            if len(data) >= source_facts.WORTH_BYTES:
                source_facts.remember(digest, facts)
        return facts, data


def _traits(data: bytes) -> dict[str, Any] | None:
    from wasmbuild.formats import wasm_traits

    try:
        return wasm_traits.read(data).to_json()
    except FormatError:
        # The compiler knows more proposals, and says in its own words what is no instruction.
        return None


def _checked(module: Module, sha256: str, size: int, facts: dict[str, Any]) -> SourceFacts:
    if "problem" in facts:
        raise CompileError(f"{module.shown}: {facts['problem']}")
    imports = tuple(Import(*fields) for fields in facts["imports"])
    exports = tuple(Export(*fields) for fields in facts["exports"])
    traits = Traits.from_json(facts["traits"]) if facts["traits"] is not None else None
    source = SourceFacts(sha256, size, facts["kind"], facts["wasm"], imports, exports, traits)
    if module.imports is not None:
        names = [f"{entry.module}.{entry.name}" if entry.module else entry.name for entry in imports]
        refused = [name for name in names if not any(fnmatchcase(name, allowed) for allowed in module.imports)]
        if refused:
            raise CompileError(
                f"{module.shown}: imports {_listed(refused)}, "
                f"which modules.{module.name}.imports does not allow; "
                f"add it there, or build the source without it"
            )
    if module.exports is not None:
        names = [entry.name for entry in exports]
        absent = [name for name in module.exports if name not in names]
        if absent:
            raise CompileError(
                f"{module.shown}: does not export {_listed(absent)}, "
                f"which modules.{module.name}.exports demands; "
                f"it exports {_listed(names) if names else 'nothing'}"
            )
    if module.tests:
        _check_tests(module, source, facts)
    return source


def _check_tests(module: Module, source: SourceFacts, facts: dict[str, Any]) -> None:
    from wasmbuild.formats.typed_cases import check

    functions = None
    if source.kind == "component":
        from wasmbuild.formats.component_types import from_json

        functions = from_json(facts["functions"])
    if problems := check(module.tests, source.kind, Interface(source.imports, source.exports), functions):
        raise CompileError(f"{module.shown}: modules.{module.name}.{problems[0]}")


def _listed(names: list[str]) -> str:
    return listed([printable(name) for name in names])


def _missing(module: Module) -> CompileError:
    # Who compiles a single file has declared no module.
    return CompileError(f"{module.shown}: there is no such file; make it, or correct the path")
