"""Engines that somebody else wrote down: nothing in them is believed."""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.engine import cpu, lines, rules, triples
from wasmbuild.engine.rules import EngineError
from wasmbuild.engine.settings import expand
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.text import shown

if TYPE_CHECKING:
    from wasmbuild.engine.line import Problem

_KEYS = ("line", "triple", "isa-flags", "engine")
_WRITE_AGAIN = "write it again with this version of wasmbuild"


def checked(document: object) -> tuple[int, triples.TargetTriple, Mapping[str, Any], Mapping[str, Any]]:
    """Return line, triple, ISA flags and canonical engine of a document. Raises EngineError with all that is wrong."""
    if not isinstance(document, Mapping) or document.keys() != set(_KEYS):
        raise EngineError([("", f"must be an object with {', '.join(sorted(_KEYS))}", _WRITE_AGAIN)])
    line, text, flags, engine = (document[key] for key in _KEYS)
    found: list[Problem] = []
    if isinstance(line, bool) or not isinstance(line, int):
        found.append(("line", f"must be a number, not {shown(line)}", _WRITE_AGAIN))
    elif (unknown := rules.line_problem(line)) is not None:
        found.append(("line", unknown, "use a version of wasmbuild that knows that line"))
    triple = None
    try:
        triple = triples.parse(text if isinstance(text, str) else "")
    except ValueError as error:
        problem, _, fix = str(error).partition("; ")
        found.append(("triple", f"{shown(text)} {problem}", fix))
    for key, value in (("isa-flags", flags), ("engine", engine)):
        if not isinstance(value, Mapping):
            found.append((key, f"must be an object, not {shown(value)}", _WRITE_AGAIN))
    if found or triple is None:
        raise EngineError(found)
    found = [
        (f"isa-flags.{name}", problem, fix)
        for name, problem, fix in cpu.flag_problems(triple.architecture, flags, line)
    ]
    found += [(f"engine.{key}", problem, fix) for key, problem, fix in canonical_problems(engine, line, triple)]
    if found:
        raise EngineError(found)
    return line, triple, flags, engine


def canonical_problems(engine: Mapping[str, Any], line: int, triple: triples.TargetTriple) -> list[Problem]:
    """Return why a table is no canonical engine of a line and a target that are known, each under its dotted key."""
    embedder = engine.get("embedder")
    if not isinstance(embedder, str) or embedder not in lines.get(line).embedders:
        return [("embedder", f"{shown(embedder)} is no embedder that is known here", _WRITE_AGAIN)]
    # Its preset is spelled out: what is left out is at the default, not as the preset has it.
    spelled_out = {name: value for name, value in engine.items() if name != "embedder"}
    found = rules.problems(spelled_out, line=line, triple=triple)
    if found:
        return found
    canonical = expand(spelled_out, line, triple)
    return [
        (name, "says what is the default, which is left out of a manifest", _WRITE_AGAIN)
        for name, value in spelled_out.items()
        if canonical.get(name) != value
    ]
