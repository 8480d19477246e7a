"""What can be typed, as plain values: commands, their options, and what each takes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wasmbuild.command_line.parsers import of_command
from wasmbuild.command_line.subcommands import COMMANDS
from wasmbuild.engine import cpu, lines, triples
from wasmbuild.lean.typing import NamedTuple

FILES = "files"
IDS = "ids"
TARGETS = "targets"
WORDS = "words"
ANYTHING = "anything"

LISTS = {kind: f"wasmbuild plan --names {kind} $config 2>/dev/null" for kind in (IDS, TARGETS)}
"""The commands that list what is declared where the user stands, or in the file of ``--config`` that was typed."""

_LONGEST = 70


class Value(NamedTuple):
    """What an option or a position takes: a kind, and for ``WORDS`` those that may be written."""

    kind: str
    words: tuple[str, ...] = ()


class Option(NamedTuple):
    """An option; ``value`` is None where it takes none. It may be given several times if it ``repeats``."""

    names: tuple[str, ...]
    value: Value | None
    help: str
    repeats: bool


class CommandWords(NamedTuple):
    """A command, and what may stand behind it besides options, any number of times.

    One with ``parts`` takes the name of one of them, each with the name of the command before its own.
    """

    name: str
    summary: str
    options: tuple[Option, ...]
    values: Value
    parts: tuple[CommandWords, ...] = ()


def _cpus() -> tuple[str, ...]:
    return tuple(sorted({level for name in triples.ARCHITECTURES for level in cpu.levels(name)}))


def _embedders() -> tuple[str, ...]:
    return tuple(lines.newest().embedders)


# What the words mean that stand for values in help, where the values are no paths.
_KINDS = {
    **dict.fromkeys(("IN", "OUT", "FILE", "MANIFEST|DIR", "DIR|MANIFEST|INDEX"), FILES),
    **dict.fromkeys(("SELECTOR", "ID"), IDS),
    **dict.fromkeys(("T", "GLOB"), TARGETS),
}
_WORDS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "TRIPLE": lambda: triples.COMMON,
    "LEVEL": _cpus,
    "E": _embedders,
}


def commands() -> list[CommandWords]:
    """Return all commands."""
    return [_command(name, of_command(name), COMMANDS[name].summary) for name in COMMANDS]


def _command(name: str, parser: argparse.ArgumentParser, summary: str = "") -> CommandWords:
    options: list[Option] = []
    values = Value(ANYTHING)
    parts: tuple[CommandWords, ...] = ()
    for action in parser._actions:
        if action.option_strings:
            value = None if action.nargs == 0 else _value(action)
            repeats = isinstance(action, argparse._AppendAction)
            options.append(Option(tuple(action.option_strings), value, _short(action.help or ""), repeats))
        else:
            values = _value(action)
            if isinstance(action, argparse._SubParsersAction):
                parts = tuple([_command(f"{name} {part}", of_part) for part, of_part in action.choices.items()])
    return CommandWords(name, summary, tuple(options), values, parts)


def with_parts(commands: Sequence[CommandWords]) -> list[CommandWords]:
    """Return commands, each with its parts behind it."""
    return [each for command in commands for each in (command, *command.parts)]


def parted(commands: Sequence[CommandWords]) -> str:
    """Return the names of commands that have parts, as a pattern of shells."""
    return "|".join(command.name for command in commands if command.parts)


def _value(action: argparse.Action) -> Value:
    if action.choices is not None:
        return Value(WORDS, tuple(map(str, action.choices)))
    metavar = str(action.metavar)
    if metavar in _WORDS:
        return Value(WORDS, tuple([word for word in _WORDS[metavar]() if _is_taken(action, word)]))
    return Value(FILES if action.type is Path else _KINDS.get(metavar, ANYTHING))


def _is_taken(action: argparse.Action, word: str) -> bool:
    try:
        return not callable(action.type) or bool(action.type(word))
    except argparse.ArgumentTypeError:
        return False


def _short(text: str) -> str:
    """Return as much of a help text as goes beside a word: one line, without what an option is by default."""
    first = re.split(r"[;:] | \(default|, so that |, such as ", text.replace("%%", "%"), maxsplit=1)[0]
    return first if len(first) <= _LONGEST else first[: _LONGEST - 1].rpartition(" ")[0] + "…"
