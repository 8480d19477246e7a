"""Text and numbers as the languages of generated files spell them."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"@([a-z0-9_]+)@")


def loader(name: str) -> str:
    """Return the part of a generated file that is always the same, which lies beside this module as it is written."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def filled(template: str, **texts: object) -> str:
    """Return a template with its names, which stand between at signs, replaced. Raises KeyError for an unknown one."""
    return _NAME.sub(lambda name: str(texts[name[1]]), template)


def quoted(text: str) -> str:
    """Return text as a literal of C, Rust and Python; what is not printable ASCII becomes a low line."""
    # Two question marks would start a trigraph of C.
    safe = "".join(c if c.isascii() and c.isprintable() else "_" for c in text).replace("??", "?_")
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


def pascal(name: str) -> str:
    """Return a name with underscores in the spelling of types."""
    return "".join(word.capitalize() for word in name.split("_"))


def rows(numbers: list[str], per_line: int, indent: str) -> str:
    """Return numbers with commas, so many on a line."""
    lines = [numbers[at : at + per_line] for at in range(0, len(numbers), per_line)]
    return "\n".join(f"{indent}{', '.join(line)}," for line in lines)
