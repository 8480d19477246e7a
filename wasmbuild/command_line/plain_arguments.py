"""Plain command lines, read without ``argparse``: to import it and to make a parser is a tenth of what a step takes.

A command declares its options once, to whatever has argparse's ``add_argument``: its parser, or the table here. What
is no plain line, as are mistakes, ``--help`` and abbreviations, is left to the parser.
"""

from __future__ import annotations

from wasmbuild.lean.types import SimpleNamespace
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_VALUE, _FLAG = "store", "store_true"


class _NotPlainError(Exception):
    """It takes a parser to say what this means."""


class _Argument(NamedTuple):
    dest: str
    is_plain: bool
    is_flag: bool
    convert: Callable[[str], Any]
    default: Any
    required: bool
    group: object


_NOTHING = _Argument("", False, False, str, None, False, None)


class _OptionTable:
    """What a command declares, option by option."""

    def __init__(self) -> None:
        self.options: dict[str, _Argument] = {}
        self.positions: list[_Argument] = []

    def add_argument(self, *names: str, **declared: Any) -> None:
        self._add(names, declared, object())

    def add_mutually_exclusive_group(self) -> _Group:
        return _Group(self._add)

    def __getattr__(self, name: str) -> Any:
        raise _NotPlainError

    def _add(self, names: tuple[str, ...], declared: dict[str, Any], group: object) -> None:
        action, count = declared.get("action", _VALUE), declared.get("nargs")
        if not isinstance(action, str):
            raise _NotPlainError
        is_option = names[0].startswith("-")
        long = next((name for name in names if name.startswith("--")), names[0])
        argument = _Argument(
            declared.get("dest", long.lstrip("-").replace("-", "_") if is_option else long),
            action in (_VALUE, _FLAG) and count is None and "choices" not in declared,
            action == _FLAG,
            declared.get("type", str),
            declared.get("default", False if action == _FLAG else [] if not is_option and count == "*" else None),
            declared.get("required", False) if is_option else count not in ("*", "?"),
            group,
        )
        if is_option:
            self.options.update(dict.fromkeys(names, argument))
        else:
            self.positions.append(argument)


class _Group:
    """Options of which one alone may be given."""

    def __init__(self, add: Callable[[tuple[str, ...], dict[str, Any], object], None]) -> None:
        self._add = add

    def add_argument(self, *names: str, **declared: Any) -> None:
        self._add(names, declared, self)


def read(configure: Callable[[Any], None], arguments: Sequence[str]) -> SimpleNamespace | None:
    """Return what a parser that is configured so makes of arguments; None for what only that can tell."""
    table = _OptionTable()
    try:
        configure(table)
        return SimpleNamespace(**_values(table, arguments))
    except _NotPlainError:
        return None


def _values(table: _OptionTable, arguments: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    groups: dict[object, str] = {}
    positions = iter(table.positions)
    words = iter(arguments)
    for word in words:
        name, equals, text = word.partition("=")
        if word == "--":
            # Behind it stands the last position, whatever that begins with.
            word = next(words, "--")
            if word == "--" or next(words, None) is not None:
                raise _NotPlainError
            argument, text, equals = next(positions, _NOTHING), word, "="
        elif _is_value(word):
            argument, text = next(positions, _NOTHING), word
        elif equals:
            argument = table.options.get(name, _NOTHING) if text and name.startswith("--") else _NOTHING
        elif word in table.options or word.startswith("--"):
            argument = table.options.get(word, _NOTHING)
            text = "" if argument.is_flag else next(words, "--")
        else:
            argument, text = table.options.get(word[:2], _NOTHING), word[2:]
        if not argument.is_plain or argument.is_flag == bool(text) or not (equals or _is_value(text)):
            raise _NotPlainError
        if groups.setdefault(argument.group, argument.dest) != argument.dest:
            raise _NotPlainError
        values[argument.dest] = True if argument.is_flag else _converted(argument, text)
    for argument in (*table.positions, *table.options.values()):
        if argument.dest not in values:
            if argument.required:
                raise _NotPlainError
            text = argument.default
            values[argument.dest] = _converted(argument, text) if isinstance(text, str) else text
    return values


def _converted(argument: _Argument, text: str) -> Any:
    try:
        return argument.convert(text)
    except Exception:
        # The parser says what is wrong with it.
        raise _NotPlainError from None


def _is_value(word: str) -> bool:
    return word == "-" or not word.startswith("-")
