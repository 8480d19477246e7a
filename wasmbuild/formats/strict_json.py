"""JSON from untrusted files: parsed within limits, and what is wrong told with the place in the document."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import is_bare, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH = 16
"""Levels of arrays and objects in free-form JSON."""

INT_MIN = -(1 << 63)
INT_MAX = (1 << 64) - 1
"""Range of the whole numbers in free-form JSON."""


class Invalid(Exception):  # noqa: N818 -- never leaves this room; becomes a FormatError with the file's name
    """A value is not what the schema asks for. ``path`` leads to it, innermost part first; ``fix`` says what to do."""

    def __init__(self, problem: str, *path: str | int, fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
        self.path: list[str | int] = list(path)

    def where(self) -> str:
        """Return the path as text: ``artifacts[3].sha256``; empty for the document itself."""
        text = ""
        for part in reversed(self.path):
            if isinstance(part, int):
                text += f"[{part}]"
            elif is_bare(part):
                text += f".{part}" if text else part
            else:
                text += f"[{show(part)}]"
        return text


def loads(data: bytes, limit: int) -> object:
    """Parse one JSON document of at most ``limit`` bytes.

    Raises Invalid for what is too large, not UTF-8, not JSON, too deep, or has a key twice in one object. NaN and
    infinities come back as floats, as all numbers with a fraction do: no format of wasmbuild has the former.
    """
    if len(data) > limit:
        raise Invalid(f"has {len(data)} bytes, and at most {limit} are read")
    import json

    try:
        return json.JSONDecoder(object_pairs_hook=_unique).decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid(f"is not UTF-8 text: byte {error.start} cannot be read") from None
    except json.JSONDecodeError as error:
        raise Invalid(f"is not JSON: line {error.lineno}, column {error.colno}: {printable(error.msg)}") from None
    except ValueError:
        # The interpreter refuses to convert integers of thousands of digits.
        raise Invalid("holds a number with too many digits") from None
    except RecursionError:
        raise Invalid("holds arrays or objects that are nested too deeply") from None


def show(value: object) -> str:
    """Return a JSON value as it is shown in messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{printable(value, 80)}"'
    if isinstance(value, int) and abs(value) > INT_MAX:
        return "a number beyond 64 bits"
    if isinstance(value, int | float):
        return str(value)
    return "an array" if isinstance(value, list) else "an object"


def check_free(value: object, depth: int = MAX_DEPTH) -> None:
    """Accept null, booleans, whole numbers of 64 bits, text, and arrays and objects of these, ``depth`` levels deep.

    Raises Invalid.
    """
    if isinstance(value, str):
        if not value.isascii():
            check_unicode(value)
    elif isinstance(value, dict | list):
        if not depth:
            raise Invalid("is nested too deeply")
        parts: Iterable[tuple[str | int, object]] = value.items() if isinstance(value, dict) else enumerate(value)
        for part, item in parts:
            try:
                check_free(part, 0)
                check_free(item, depth - 1)
            except Invalid as error:
                error.path.append(part)
                raise
    elif isinstance(value, int):
        if not INT_MIN <= value <= INT_MAX:
            raise Invalid("is a number beyond 64 bits")
    elif value is not None:
        raise Invalid(f"is {show(value)}, and only whole numbers are used here")


def check_unicode(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Invalid(f"holds half of a character, {printable(text[error.start])}: not Unicode text") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Invalid(f"has the key {show(key)} twice in one object")
            seen.add(key)
    return result
