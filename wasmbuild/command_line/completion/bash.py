"""Completion for bash, 3.2 (of macOS) and later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wasmbuild.command_line.completion.words import LISTS, WORDS, CommandWords, Value, parted, with_parts

# Readline replaces what stands behind the last of these characters, so that it gets no more than that.
_TEMPLATE = """\
_wasmbuild() {
    local IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} cur prev command kind= words= options= values= values_words=
    local config= named='[[:space:]]--config[[:space:]=]+([^[:space:]]+)'
    [[ $line =~ $named ]] && config=--config=${BASH_REMATCH[1]}
    local -a typed
    read -ra typed <<< "$line"
    case $line in *[[:space:]]) typed+=("") ;; esac
    cur=${typed[${#typed[@]}-1]}
    prev=${typed[${#typed[@]}-2]}
    case $cur in --*=*) prev=${cur%%=*} cur=${cur#*=} ;; esac
    if [ ${#typed[@]} -le 2 ]; then
        kind=words words='COMMANDS'
    else
        command=${typed[1]}
        case $command in PARTED) [ ${#typed[@]} -le 3 ] || command="$command ${typed[2]}" ;; esac
        case $command in
CASES
        esac
        if [ -z "$kind" ]; then
            case $cur in
            -*) kind=words words=$options ;;
            *) kind=$values words=$values_words ;;
            esac
        fi
    fi
    case $kind in
    files)
        compopt -o filenames 2>/dev/null
        IFS=$'\\n'
        COMPREPLY=($(compgen -f -- "$cur"))
        return ;;
LISTS
    esac
    local done=${cur%"${cur##*[@=:]}"} reply
    COMPREPLY=()
    for reply in $(compgen -W "$words" -- "$cur"); do
        COMPREPLY+=("${reply#"$done"}")
    done
}
complete -F _wasmbuild wasmbuild
"""


def script(commands: Sequence[CommandWords]) -> str:
    """Return the script that completes commands."""
    names = [*(command.name for command in commands), "--help", "--version", "--cmake-dir"]
    lists = "\n".join(f"    {kind}) words=$({listed}) ;;" for kind, listed in LISTS.items())
    cases = "\n".join(line for command in with_parts(commands) for line in _case(command))
    filled = _TEMPLATE.replace("COMMANDS", " ".join(names)).replace("PARTED", parted(commands))
    return filled.replace("CASES", cases).replace("LISTS", lists)


def _case(command: CommandWords) -> Iterator[str]:
    yield f"        '{command.name}')"
    options = " ".join(name for option in command.options for name in option.names)
    yield f"            options='{options}' {_kind('values', 'values_words', command.values)}"
    yield "            case $prev in"
    for option in command.options:
        if option.value is not None:
            yield f"            {'|'.join(option.names)}) {_kind('kind', 'words', option.value)} ;;"
    yield "            esac ;;"


def _kind(variable: str, words: str, value: Value) -> str:
    if value.kind == WORDS:
        return f"{variable}=words {words}='{' '.join(value.words)}'"
    return f"{variable}={value.kind}"
