"""Versions as Wasmtime has them: ``48.0.8``, with more behind a ``-`` or ``+`` or not."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBERS = 3
_BEFORE, _BEHIND = "wasmtime-", ".dist-info"
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


def of_metadata(names: Iterable[str]) -> str | None:
    """Return the version of the Python package ``wasmtime`` by the names of what lies beside it.

    None where its metadata is missing or there twice, or has a version that Wasmtime cannot have. What Python writes
    behind the numbers is written as Wasmtime does: ``48.0.0.dev3`` is ``48.0.0-dev3``, and ``48.0.0.post1``, the same
    packaged again, ``48.0.0+post1``.
    """
    found = [
        name[len(_BEFORE) : -len(_BEHIND)] for name in names if name.startswith(_BEFORE) and name.endswith(_BEHIND)
    ]
    if len(found) != 1:
        return None
    version = found[0]
    if not is_version(version):
        suffix = version.lstrip("0123456789.")
        numbers = version.removesuffix(suffix).rstrip(".")
        version = f"{numbers}{'+' if suffix.startswith('post') else '-'}{suffix}"
    return version if is_version(version) else None


def _release(version: str) -> tuple[str, list[str]]:
    release = version.replace("+", "-").partition("-")[0]
    return release, release.split(".")
