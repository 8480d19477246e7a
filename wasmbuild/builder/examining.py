"""What the bytes of a source are: translated where they are text, read as far as records tell, held to the declaration.

Neither depends on where the bytes lie; ``sources.py`` has the files of a build.
"""

from __future__ import annotations

import errno
import os

from wasmbuild import boundary, files
from wasmbuild.builder import source_facts
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import CompileError, FormatError, UnreadableSourceError
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.identify import MAX_SOURCE, identify
from wasmbuild.formats.traits import Traits
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.text import listed, printable, quoted
from wasmbuild.toolchain.job import NoVerdictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wasmbuild.project.declared import Module


class SourceFacts(NamedTuple):
    """What is known of a source: digest and size in bytes of its file, and what the binary in it is.

    ``traits`` is None where instructions in it are of no proposal known here, or ``legacy_exceptions``, which no line
    compiles.
    """

    sha256: str
    size: int
    kind: str
    wasm_sha256: str
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    traits: Traits | None
    legacy_exceptions: bool = False


_NOTHING = b"", ""


class Examiner:
    """Examines sources.

    ``translate`` turns WebAssembly text into a binary or raises CompileError, NoVerdictError where that says nothing of
    the text; ``translator`` names it, so that what another one made is not taken for its work. What a large binary is,
    and text, is remembered for the user; with ``small``, for who looks at one source alone, what a small one is too.
    """

    def __init__(
        self, translate: Callable[[bytes], bytes], translator: Callable[[], str], *, small: bool = False
    ) -> None:
        self._translate = translate
        self._translator = translator
        self._small = small
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        # What was hashed last, as long as it is looked at.
        self._hashed = _NOTHING

    def digest(self, data: bytes) -> str:
        """Return the digest of some bytes in hex, which are hashed once until they are let go."""
        if self._hashed[0] is not data:
            self._hashed = data, sha256_hex(data)
        return self._hashed[1]

    def let_go(self) -> None:
        """Hold the bytes that were looked at no longer."""
        self._hashed = _NOTHING

    def facts(self, data: bytes) -> dict[str, Any]:
        """Return the JSON value that is remembered of a source.

        Raises NoVerdictError, for only what the bytes themselves say may be remembered of them.
        """
        is_text = identify(data).kind == "text"
        sha256, translator = self.digest(data), self._translator() if is_text else ""
        known = self._known.get((sha256, translator))
        if known is not None:
            return known
        remembered = is_text or self._small or len(data) >= source_facts.WORTH_BYTES
        facts = source_facts.recall(sha256, translator) if remembered else None
        if facts is None:
            try:
                binary = self._translate(data) if is_text else data
                facts = _examined(binary, sha256_hex(binary) if is_text else sha256)
            except NoVerdictError:
                raise
            except (CompileError, FormatError) as error:
                facts, remembered = {"problem": str(error)}, False
            if is_text:
                facts["translator"] = translator
            if remembered and "problem" not in facts:
                source_facts.remember(sha256, facts, translator, binary if is_text else b"")
        if "problem" not in facts:
            self._known[sha256, translator] = facts
        return facts

    def look(self, module: Module, data: bytes) -> SourceFacts:
        """Return what the bytes of a module's source are, held to what the module demands. Raises CompileError."""
        with as_compile_error(module):
            return held(module, self.digest(data), len(data), self.facts(data))

    def binary(self, module: Module, data: bytes) -> bytes:
        """Return the binary of a source that was looked at. Raises CompileError."""
        if identify(data).kind != "text":
            return data
        with as_compile_error(module):
            return source_facts.binary(self.digest(data), self._translator()) or self._translate(data)


def _examined(data: bytes, sha256: str) -> dict[str, Any]:
    """Return what is remembered of a binary with this digest in hex. Raises FormatError."""
    # None of this is light, and what a source is has been remembered, more often than not.
    from wasmbuild.formats import wasm

    identity = identify(data)
    if identity.kind not in ("module", "component"):
        return {"problem": f"is {identity.sentence}; {identity.advice}"}
    interface = wasm.interface(data)
    facts = {
        "kind": identity.kind,
        "wasm": sha256,
        "imports": interface.imports,
        "exports": interface.exports,
        **_traits(data),
    }
    if identity.kind == "component":
        from wasmbuild.formats.component_types import exported_functions

        facts["functions"] = exported_functions(data)
    return facts


def _traits(data: bytes) -> dict[str, Any]:
    from wasmbuild.formats import wasm_traits
    from wasmbuild.formats.instructions import LegacyExceptionsError

    try:
        return {"traits": wasm_traits.read(data).to_json(), "legacy-exceptions": False}
    except LegacyExceptionsError:
        return {"traits": None, "legacy-exceptions": True}
    except FormatError:
        # The compiler knows more proposals, and says in its own words what is no instruction.
        return {"traits": None, "legacy-exceptions": False}


def held(module: Module, sha256: str, size: int, facts: dict[str, Any]) -> SourceFacts:
    """Hold what a source is to what its module allows and demands. Raises CompileError."""
    if "problem" in facts:
        raise CompileError(f"{module.shown}: {facts['problem']}")
    imports = tuple(Import(*fields) for fields in facts["imports"])
    exports = tuple(Export(*fields) for fields in facts["exports"])
    traits = Traits.from_json(facts["traits"]) if facts["traits"] is not None else None
    legacy = facts["legacy-exceptions"]
    source = SourceFacts(sha256, size, facts["kind"], facts["wasm"], imports, exports, traits, legacy)
    problems = [*_interface_problems(module, source), *_test_problems(module, source, facts)]
    if problems:
        raise CompileError("\n".join([f"{module.shown}: {problem}" for problem in problems]))
    return source


def _interface_problems(module: Module, source: SourceFacts) -> Iterator[str]:
    if module.imports is not None:
        from fnmatch import fnmatchcase

        names = [f"{entry.module}.{entry.name}" if entry.module else entry.name for entry in source.imports]
        refused = [name for name in names if not any(fnmatchcase(name, allowed) for allowed in module.imports)]
        if refused:
            # A name alone allows no import of the module that is called so.
            whole = [name for name in module.imports if any(each.startswith(f"{name}.") for each in refused)]
            meant = f", as {_listed([quoted(f'{name}.*') for name in whole])}" if whole else ""
            yield (
                f"imports {_listed(refused)}, which {module.declared_at('imports')} does not allow; "
                f"add it there{meant}, or build the source without it"
            )
    if module.exports is not None:
        names = [entry.name for entry in source.exports]
        absent = [name for name in module.exports if name not in names]
        if absent:
            yield (
                f"does not export {_listed(absent)}, which {module.declared_at('exports')} demands; "
                f"it exports {_listed(names) if names else 'nothing'}"
            )


def _test_problems(module: Module, source: SourceFacts, facts: dict[str, Any]) -> Iterator[str]:
    if not module.tests:
        return
    from wasmbuild.formats.typed_cases import check

    functions = None
    if source.kind == "component":
        from wasmbuild.formats.component_types import from_json

        functions = from_json(facts["functions"])
    for problem in check(module.tests, source.kind, Interface(source.imports, source.exports), functions):
        yield f"{module.declared_at()}.{problem}"


def _listed(names: list[str]) -> str:
    return listed([printable(name) for name in names])


def read(module: Module) -> tuple[bytes, files.Signature]:
    """Return the bytes of a module's source, and the stat signature that they had. Raises CompileError."""
    try:
        return files.read(module.source, MAX_SOURCE)
    except FileNotFoundError:
        raise missing(module) from None
    except IsADirectoryError:
        raise CompileError(f"{module.shown}: is a directory; name a .wat or .wasm file in it") from None
    except OSError as error:
        # To read is never refused for the size but by us.
        fix = "" if error.errno == errno.EFBIG else boundary.host_fix(error.errno or 0)
        fix = fix or "check that it is the right file"
        raise unreadable(f"{module.shown}: cannot be read: {error.strerror or error}; {fix}", error) from error


@contextmanager
def as_compile_error(module: Module) -> Iterator[None]:
    """Turn a NoVerdictError into the CompileError that names the source of which nothing could be found out."""
    try:
        yield
    except NoVerdictError as error:
        raise error.as_compile_error(f"{module.shown}: {error}") from error


def unreadable(said: str, error: BaseException | None) -> CompileError:
    """Return the error that a source is there and cannot be read, for what the system said of it."""
    return UnreadableSourceError(said) if boundary.is_of_host(error) else CompileError(said)


def missing(module: Module) -> CompileError:
    """Return the error that there is no source."""
    if os.path.islink(module.source):
        return CompileError(f"{module.shown}: is a link that leads nowhere; mend the link, or remove it")
    # Who compiles a single file has declared no module.
    return CompileError(f"{module.shown}: there is no such file; make it, or correct the path")
