"""The part of the probe that says how a call ended otherwise than by returning. Standard library alone."""

from __future__ import annotations

WORDS_LIMIT = 2000
"""Characters of Wasmtime's words that are told."""

_TRAP = "wasm trap: "
_THROWN = "thrown Wasm exception"
_UNKNOWN = "unknown import: "


class Trapped(Exception):  # noqa: N818 -- what it is called in WebAssembly
    """A trap; the text is Wasmtime's."""


class Exited(Exception):  # noqa: N818 -- no error
    """A program of WASI ended itself."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class FailedError(Exception):
    """A case cannot be executed; the text says why."""


class UnfitError(FailedError):
    """A case does not fit what it calls."""


def said(text: str) -> Exception:
    """Return the error that Wasmtime's words are: a trap where they say so, not what lies around it.

    An exception that nothing catches is one too, and so is a call of what stands for an import.
    """
    for line in reversed(text.splitlines()):
        _, mark, trap = line.partition(_TRAP)
        _, unknown, name = line.partition(_UNKNOWN)
        if mark or unknown or line.strip() == _THROWN:
            return Trapped((trap if mark else unknown + name if unknown else line).strip()[:WORDS_LIMIT])
    return FailedError(text[:WORDS_LIMIT])
