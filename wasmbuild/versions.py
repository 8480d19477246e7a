"""Versions as Wasmtime has them: ``48.0.8``, with more behind a ``-`` or ``+`` or not."""

from __future__ import annotations

_NUMBERS = 3
_SUFFIX = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-")


def is_version(text: str) -> bool:
    """Tell whether a text is a version."""
    release, numbers = _release(text)
    if len(numbers) != _NUMBERS or not all(number.isascii() and number.isdecimal() for number in numbers):
        return False
    suffix = text[len(release) :]
    return not suffix or (len(suffix) > 1 and _SUFFIX.issuperset(suffix))


def order(version: str) -> tuple[int, ...]:
    """Return a version as what orders versions: its numbers, and a pre-release counts as below its release."""
    release, numbers = _release(version)
    return (*map(int, numbers), 0 if version[len(release) :].startswith("-") else 1)


def _release(version: str) -> tuple[str, list[str]]:
    release = version.replace("+", "-").partition("-")[0]
    return release, release.split(".")
