"""Environment variables as they are declared."""

from __future__ import annotations

from wasmbuild.text import shown


def variable_problem(name: str, value: object) -> tuple[str, str] | None:
    """Return problem and fix of a variable that no process can have, or None."""
    if not name or "=" in name or "\0" in name:
        return "is no name of a variable", 'write one without "="'
    if not isinstance(value, str):
        return f"must be text, not {shown(value)}", 'write it in quotes, like "text"'
    return nul_problem(value)


def nul_problem(text: str) -> tuple[str, str] | None:
    """Return problem and fix of text that no process can be given, or None."""
    return ("has a NUL, which ends a text there", "remove it") if "\0" in text else None
