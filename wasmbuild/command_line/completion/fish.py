"""Completion for fish, 3.1 and later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wasmbuild.command_line.completion.words import ANYTHING, FILES, LISTS, WORDS, CommandWords, Option, Value

_CONFIG = r"set -l config (string match -r -- '--config[\s=]+\S+' (commandline -pc) | string replace -r '[\s=]+' =)"


def script(commands: Sequence[CommandWords]) -> str:
    """Return the script that completes commands."""
    return "".join(f"{line}\n" for line in _lines(commands))


def _lines(commands: Sequence[CommandWords]) -> Iterator[str]:
    for kind, listed in LISTS.items():
        yield f"function __wasmbuild_{kind}; {_CONFIG}; {listed}; end"
    yield "complete -c wasmbuild -f"
    yield "complete -c wasmbuild -n __fish_use_subcommand -l version -d 'show the version'"
    yield "complete -c wasmbuild -n __fish_use_subcommand -l cmake-dir -d 'show where CMake finds the package'"
    yield "complete -c wasmbuild -n __fish_use_subcommand -s h -l help -d 'show what can be done'"
    for command in commands:
        yield f"complete -c wasmbuild -n __fish_use_subcommand -a {command.name} -d {_quoted(command.summary)}"
        none_of = f"; and not __fish_seen_subcommand_from {' '.join(command.values.words)}" if command.parts else ""
        yield from _behind(command, f"__fish_seen_subcommand_from {command.name}{none_of}")
        for part in command.parts:
            seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in part.name.split())
            yield from _behind(part, seen)


def _behind(command: CommandWords, condition: str) -> Iterator[str]:
    behind = f"complete -c wasmbuild -n '{condition}'"
    if command.values.kind == FILES:
        yield f"{behind} -F"
    elif command.values.kind != ANYTHING:
        yield f"{behind} -a {_words(command.values)}"
    yield from (f"{behind} {_option(option)}" for option in command.options)


def _option(option: Option) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    takes = ""
    if option.value is not None:
        takes = " -r -F" if option.value.kind == FILES else " -x"
        if option.value.kind not in (FILES, ANYTHING):
            takes += f" -a {_words(option.value)}"
    return f"{names}{takes} -d {_quoted(option.help)}"


def _words(value: Value) -> str:
    return _quoted(" ".join(value.words) if value.kind == WORDS else f"(__wasmbuild_{value.kind})")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
