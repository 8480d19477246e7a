"""Completion for zsh: a file for ``fpath``, or to be sourced after ``compinit``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from wasmbuild.command_line.completion.words import (
    ANYTHING,
    FILES,
    LISTS,
    WORDS,
    CommandWords,
    Option,
    Value,
    parted,
    with_parts,
)

_TEMPLATE = """\
#compdef wasmbuild

LISTS

_wasmbuild() {
    local -a commands
    commands=(
COMMANDS
    )
    if (( CURRENT == 2 )); then
        case $PREFIX in
        -*) compadd -- --help --version --cmake-dir ;;
        *) _describe -t commands command commands ;;
        esac
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
    PARTED)
        if (( CURRENT > 2 )); then
            command="$command $words[2]"
            shift words
            (( CURRENT-- ))
        fi ;;
    esac
    case $command in
CASES
    esac
}

if [ "$funcstack[1]" = _wasmbuild ]; then
    _wasmbuild "$@"
else
    compdef _wasmbuild wasmbuild
fi
"""
_LIST = """\
_wasmbuild_KIND() {
    local -a found config
    config=(${(M)words:#--config=*})
    (( $words[(I)--config] )) && config=(--config $words[$words[(I)--config]+1])
    found=(${(f)"$(LISTED)"})
    compadd -a found
}"""

# Quoted for the shell: the option may be given again.
_REPEATS = "\\*"


def script(commands: Sequence[CommandWords]) -> str:
    """Return the script that completes commands."""
    lists = [_LIST.replace("KIND", kind).replace("LISTED", listed) for kind, listed in LISTS.items()]
    named = [f"        {_quoted(f'{command.name}:{command.summary}')}" for command in commands]
    cases = [line for command in with_parts(commands) for line in _case(command)]
    filled = (
        _TEMPLATE.replace("LISTS", "\n".join(lists))
        .replace("COMMANDS", "\n".join(named))
        .replace("PARTED", parted(commands))
    )
    return filled.replace("CASES", "\n".join(cases))


def _case(command: CommandWords) -> Iterator[str]:
    yield f"    '{command.name}')"
    specs = [_option(option) for option in command.options]
    if command.values.kind != ANYTHING:
        specs.append(_quoted(f"*:{command.values.kind}:{_action(command.values)}"))
    yield f"        _arguments -s {' '.join(specs)} ;;"


def _option(option: Option) -> str:
    takes = "" if option.value is None else f":{option.value.kind}:{_action(option.value)}"
    text = re.sub(r"([][:\\])", r"\\\1", option.help)
    described = _quoted(f"[{text}]{takes}")
    names = option.names if option.value is None else [_with_value(name) for name in option.names]
    if len(names) == 1:
        return f"{_REPEATS if option.repeats else ''}{names[0]}{described}"
    other = _REPEATS if option.repeats else _quoted(f"({' '.join(option.names)})")
    return f"{other}{{{','.join(names)}}}{described}"


def _with_value(name: str) -> str:
    """Return an option whose value is the next word, or stands behind it in the same one."""
    return f"{name}=" if name.startswith("--") else f"{name}+"


def _action(value: Value) -> str:
    if value.kind == WORDS:
        return f"({' '.join(value.words)})"
    if value.kind == FILES:
        return "_files"
    return " " if value.kind == ANYTHING else f"_wasmbuild_{value.kind}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
