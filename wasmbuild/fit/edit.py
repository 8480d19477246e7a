"""Putting an ``[engine]`` table into a wasmbuild.toml: comments, order and everything else stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping

import tomli

from wasmbuild.engine.config import engine_toml
from wasmbuild.engine.line import Value
from wasmbuild.errors import UsageError
from wasmbuild.fit.table import is_checked
from wasmbuild.lean.typing import Any
from wasmbuild.text import shown

_HEADER = re.compile(r"\s*\[")
_ENGINE = re.compile(r"\s*\[\s*engine\s*\]\s*(#.*)?$")
_TARGETS = re.compile(r"\s*\[\s*(targets|modules)\b")
_KEY = re.compile(r"(\s*)([A-Za-z0-9_-]+)\s*=")


def with_engine(text: str, declared: Mapping[str, Value], file: str) -> str:
    """Return a declaration whose ``[engine]`` has these settings in place of all others that a loader looks at.

    Settings that no loader sees stay as they are. Raises UsageError where the table is written in a way that is not
    understood: what comes out is parsed and compared with what it has to be.
    """
    before = _parsed(text, file)
    engine = before.get("engine", {})
    kept = {name: value for name, value in engine.items() if not is_checked(name)} if isinstance(engine, dict) else {}
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if _ENGINE.match(line)), None)
    lines = _inserted(lines, declared) if start is None else _replaced(lines, start, declared)
    changed = newline.join(lines) + newline
    try:
        right = tomli.loads(changed) == {**before, "engine": {**declared, **kept}}
    except tomli.TOMLDecodeError:
        right = False
    if not right:
        raise UsageError(
            f"{file}: its engine settings are not in a plain table [engine]; put these in by hand:\n" + _hand(declared)
        )
    return changed


def _hand(declared: Mapping[str, Value]) -> str:
    return "\n".join(f"    {line}" for line in engine_toml(declared).splitlines())


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"{file}: {error}; correct the TOML there") from None


def _replaced(lines: list[str], start: int, declared: Mapping[str, Value]) -> list[str]:
    end = next((n for n in range(start + 1, len(lines)) if _HEADER.match(lines[n])), len(lines))
    left = dict(declared)
    table = []
    for line in lines[start + 1 : end]:
        key = _KEY.match(line)
        name = key[2] if key else ""
        if key is None or not is_checked(name):
            table.append(line)
        elif name in left:
            value = shown(left.pop(name))
            same = _KEY.sub("", line, count=1).strip() == value
            table.append(line if same or _value(line) == value else f"{key[1]}{name} = {value}")
    # What is new goes behind the last setting that is there, before blank lines and comments of what follows.
    at = max((number + 1 for number, line in enumerate(table) if _KEY.match(line)), default=0)
    table[at:at] = [f"{name} = {shown(value)}" for name, value in left.items()]
    return [*lines[: start + 1], *table, *lines[end:]]


def _value(line: str) -> str:
    """Return the value of a line ``key = value # comment``, of a value that has no number sign."""
    return line.partition("=")[2].partition("#")[0].strip()


def _inserted(lines: list[str], declared: Mapping[str, Value]) -> list[str]:
    at = next((number for number, line in enumerate(lines) if _TARGETS.match(line)), len(lines))
    while at and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    table = engine_toml(declared).splitlines()
    gap = [""] if at and lines[at - 1].strip() else []
    return [*lines[:at], *gap, *table, *([""] if at < len(lines) else []), *lines[at:]]
