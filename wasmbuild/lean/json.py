"""JSON as ``json`` writes it with sorted keys, without importing that: with its patterns it takes a tenth of a step."""

from __future__ import annotations

import sys

from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def spell(value: Any, comma: str = ", ", colon: str = ": ") -> str:
    """Return a JSON value as ``json.dumps`` does with ``sort_keys=True``, ``allow_nan=False`` and these separators.

    Raises ValueError, TypeError, as that does.
    """
    return _encoder(comma, colon)(value) if "json" in sys.modules else _spelled(value, comma, colon)


def _spelled(value: Any, comma: str, colon: str) -> str:
    kind = type(value)
    if kind is str and value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if value is None:
        return "null"
    if kind is list or kind is tuple:
        return f"[{comma.join([_spelled(item, comma, colon) for item in value])}]"
    if kind is dict and all(type(key) is str for key in value):
        items = [f"{_spelled(key, comma, colon)}{colon}{_spelled(value[key], comma, colon)}" for key in sorted(value)]
        return f"{{{comma.join(items)}}}"
    return _encoder(comma, colon)(value)


@lru_cache(None)
def _encoder(comma: str, colon: str) -> Callable[[Any], str]:
    import json

    return json.JSONEncoder(sort_keys=True, allow_nan=False, check_circular=False, separators=(comma, colon)).encode
