"""What differs between two files, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.formats.extern import Export, Import
from wasmbuild.formats.traits import Traits
from wasmbuild.inspection.facts import ArtifactDescription, Description, Section, WebAssembly
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.text import printable

_NO_ENGINE = "not told"


class FileDifference(NamedTuple):
    """One thing in which two files differ: ``what`` it is, and what it is in each; None where one has none of it."""

    what: str
    left: Any
    right: Any


class Comparison(NamedTuple):
    """How two files differ: in one sentence, in which they are ``A`` and ``B``, and thing by thing."""

    sentence: str
    differences: tuple[FileDifference, ...]


def compare(left: Description, right: Description) -> Comparison:
    """Compare two files that could be described."""
    if left.sha256 == right.sha256:
        return Comparison("they are the same, byte for byte", ())
    found = tuple(_differences(left, right))
    return Comparison(_sentence(left, right, found), found)


def _sentence(left: Description, right: Description, found: Sequence[FileDifference]) -> str:
    if left.artifact is None and right.artifact is None:
        if _binary(left) == _binary(right):
            return "they are the same WebAssembly"
        return "they are different WebAssembly" if found else _CODE_ONLY
    if left.artifact is None or right.artifact is None:
        return _made_from(left, right)
    made, other = (d.origin.source_sha256 if d.origin is not None else None for d in (left, right))
    source = ""
    if made is not None and other is not None:
        source = f"they were made from {'the same source' if made == other else 'different sources'}"
    if any(not difference.what.startswith(("section ", "size")) for difference in found):
        return source or "what they say of themselves differs"
    return f"{source}; {_CODE_ONLY}" if source else _CODE_ONLY


_CODE_ONLY = (
    "what they say of themselves is the same, and their bytes differ: other code, from another source or by another "
    "patch release of the compiler"
)


def _made_from(left: Description, right: Description) -> str:
    artifact, source = ("A", "B") if left.artifact is not None else ("B", "A")
    precompiled, plain = (left, right) if left.artifact is not None else (right, left)
    said = f"{artifact} is precompiled, {source} is not"
    origin = precompiled.origin
    if origin is None or plain.webassembly is None:
        return f"{said}; whether it was made from {source}, only a record beside it could tell"
    digests = {plain.sha256, plain.webassembly.binary_sha256}
    if digests & {origin.source_sha256, origin.wasm_sha256}:
        return f"{said}: {artifact} was made from it"
    return f"{said}, and {artifact} was made from something else: {printable(origin.source)}"


def _differences(left: Description, right: Description) -> Iterator[FileDifference]:
    yield from _one("is", left.kind, right.kind)
    if left.artifact is not None and right.artifact is not None:
        yield from _artifacts(left.artifact, right.artifact)
        if left.origin is not None and right.origin is not None:
            yield from _one("compiler", left.origin.compiler, right.origin.compiler)
            yield from _one("source", left.origin.source, right.origin.source)
    if left.webassembly is not None and right.webassembly is not None:
        yield from _webassembly(left.webassembly, right.webassembly)
    ours, theirs = _interface(left), _interface(right)
    if ours is not None and theirs is not None:
        yield from _mappings("", ours, theirs)
    used, other = _traits(left), _traits(right)
    if used is not None and other is not None:
        yield from _mappings("traits.", used.to_json(), other.to_json())
    yield from _one("size", left.size, right.size)
    if (left.artifact is None) == (right.artifact is None):
        yield from _sections(_sections_of(left), _sections_of(right))


def _artifacts(left: ArtifactDescription, right: ArtifactDescription) -> Iterator[FileDifference]:
    yield from _one("kind", left.kind, right.kind)
    yield from _one("wasmtime", left.line, right.line)
    yield from _one("triple", left.triple, right.triple)
    yield from _one("cpu", left.cpu.level, right.cpu.level)
    yield from _mappings("cpu flag ", left.cpu.flags, right.cpu.flags, absent=False)
    ours, theirs = _settings(left), _settings(right)
    if ours is not None and theirs is not None:
        yield from _mappings("engine.", ours, theirs)
    else:
        yield from _mappings("cranelift flag ", left.cranelift_flags, right.cranelift_flags)
        yield from _one("engine", *(_NO_ENGINE if engine is None else "told" for engine in (ours, theirs)))
    yield from _one("engine, unnamed", list(left.engine.unnamed), list(right.engine.unnamed))


def _webassembly(left: WebAssembly, right: WebAssembly) -> Iterator[FileDifference]:
    yield from _one("kind", left.kind, right.kind)
    yield from _one("memories", list(left.memories), list(right.memories))
    yield from _one("start function", left.starts, right.starts)
    if left.features is not None and right.features is not None:
        needs = [dict.fromkeys(features, True) for features in (left.features, right.features)]
        yield from _mappings("needs ", *needs, absent=False)


def _settings(artifact: ArtifactDescription) -> dict[str, Any] | None:
    """Return every setting that reaches the compiler, defaults filled in; None where they were not told."""
    engine = artifact.engine.settings
    if engine is None:
        return None
    config = EngineConfig(artifact.line_number, triples.parse(artifact.triple), {}, engine)
    of_line = lines.get(config.line).settings
    values: dict[str, Any] = {name: value for name, value in config.values().items() if not of_line[name].runtime_only}
    values.update({f"cranelift-flags.{name}": value for name, value in config.cranelift_flags.items()})
    return values


def _interface(description: Description) -> dict[str, Any] | None:
    """Return imports and exports by what they are called; None where they are not known."""
    if description.webassembly is not None:
        imports, exports = description.webassembly.imports, description.webassembly.exports
    elif description.origin is not None:
        imports, exports = description.origin.imports, description.origin.exports
    else:
        return None
    return {
        **{f"import {_import_name(an_import)}": _type(an_import) for an_import in imports},
        **{f"export {export.name}": _type(export) for export in exports},
    }


def _traits(description: Description) -> Traits | None:
    holder = description.webassembly or description.origin
    return holder.traits if holder is not None else None


def _import_name(an_import: Import) -> str:
    return f"{an_import.module}.{an_import.name}" if an_import.module else an_import.name


def _type(extern: Import | Export) -> str:
    return f"{extern.kind} {extern.type}" if extern.type else extern.kind


def _sections_of(description: Description) -> tuple[Section, ...]:
    if description.artifact is not None:
        return description.artifact.sections
    return description.webassembly.sections if description.webassembly is not None else ()


def _sections(left: tuple[Section, ...], right: tuple[Section, ...]) -> Iterator[FileDifference]:
    """Yield what differs in sections, those of the same name taken together."""
    ours, theirs = _by_name(left), _by_name(right)
    for name in dict.fromkeys((*ours, *theirs)):
        here, there = ours.get(name), theirs.get(name)
        sizes = [sum(section.size for section in some) if some else None for some in (here, there)]
        if sizes[0] != sizes[1]:
            yield FileDifference(f"section {name}", *sizes)
        elif [section.sha256 for section in here or ()] != [section.sha256 for section in there or ()]:
            yield FileDifference(f"section {name}, same size", here and here[0].sha256, there and there[0].sha256)


def _by_name(sections: tuple[Section, ...]) -> dict[str, list[Section]]:
    found: dict[str, list[Section]] = {}
    for section in sections:
        found.setdefault(section.name, []).append(section)
    return found


def _binary(description: Description) -> str | None:
    return description.webassembly.binary_sha256 if description.webassembly is not None else None


def _one(what: str, left: Any, right: Any) -> Iterator[FileDifference]:
    if left != right:
        yield FileDifference(what, left, right)


def _mappings(
    prefix: str, left: Mapping[str, Any], right: Mapping[str, Any], *, absent: object = None
) -> Iterator[FileDifference]:
    for name in dict.fromkeys((*left, *right)):
        yield from _one(prefix + name, left.get(name, absent), right.get(name, absent))
