"""JSON as ``json`` reads it, and writes it with sorted keys, without importing that: with its patterns it takes a tenth
of a build after an edit, and of what a step does a third.

What does the work is the C of ``json`` itself. Where an interpreter has none, or one that is asked in another way, and
to say what is wrong with a text, ``json`` is imported after all.
"""

from __future__ import annotations

from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.types import SimpleNamespace
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_WHITESPACE = " \t\n\r"
# Where there is no such C, or it is asked in another way.
_NOT_AS_HERE = (ImportError, TypeError, AttributeError)


def spell(value: Any, comma: str = ", ", colon: str = ": ") -> str:
    """Return a JSON value as ``json.dumps`` does with ``sort_keys=True``, ``allow_nan=False`` and these separators.

    Raises ValueError, TypeError, as that does.
    """
    return _encoder(comma, colon)(value)


def read(text: str) -> Any:
    """Return the value that ``json.loads`` makes of a text. Raises ValueError, RecursionError, as that does."""
    return _reader()(text)


@lru_cache(None)
def _encoder(comma: str, colon: str) -> Callable[[Any], str]:
    try:
        from _json import encode_basestring_ascii, make_encoder

        # Markers of circles, what other values become, indentation; then sorted keys, skipped keys, NaN.
        parts = make_encoder(None, _refused, encode_basestring_ascii, None, colon, comma, True, False, False)
    except _NOT_AS_HERE:
        import json

        return json.JSONEncoder(sort_keys=True, allow_nan=False, check_circular=False, separators=(comma, colon)).encode
    return lambda value: "".join(parts(value, 0))


def _refused(value: object) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


@lru_cache(None)
def _reader() -> Callable[[str], Any]:
    # What the C of `json` asks of who reads: nothing that is not the default.
    asked: Any = SimpleNamespace(
        strict=True,
        object_hook=None,
        object_pairs_hook=None,
        parse_float=float,
        parse_int=int,
        parse_constant=float,
    )
    try:
        from _json import make_scanner

        scan = make_scanner(asked)
    except _NOT_AS_HERE:
        import json

        return json.loads

    def value_of(text: str) -> Any:
        start = len(text) - len(text.lstrip(_WHITESPACE))
        try:
            value, end = scan(text, start)
        except (StopIteration, SystemError):
            # What is wrong inside of a value is an error of `json.decoder`, which Python 3.11 takes for imported.
            end = -1
        if end < 0 or text[end:].strip(_WHITESPACE):
            import json

            return json.loads(text)
        return value

    return value_of
