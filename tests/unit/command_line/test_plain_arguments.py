"""Plain command lines mean what the parser of the command makes of them; of all others nothing is said."""

from __future__ import annotations

import functools
import io
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.command_line import plain_arguments
from wasmbuild.command_line.parsers import of_command
from wasmbuild.command_line.subcommands import COMMANDS, module_of
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import Any

_VALUES = ["a.wasm", "-", "", "1", "0", "x y", "a=b", "--", "-1", "-x", "x64", "é", "48.0.8", "wasm=w.wasm", "1GiB"]


_parser = functools.cache(of_command)


def _parsed(name: str, arguments: list[str]) -> dict[str, Any] | None:
    """Return what the parser of a command makes of arguments, None where it ends or refuses them."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return vars(_parser(name).parse_args(arguments))
    except (UsageError, SystemExit):
        return None


def _words(name: str) -> list[str]:
    """Return what may stand in the arguments of a command: its options in all spellings, and values."""
    options = [option for action in _parser(name)._actions for option in action.option_strings]
    return [
        *options,
        *(f"{option}={value}" for option in options for value in ("x", "", "1")),
        "--no",
        "-j4",
        "-jx",
        "-oa",
        "-qj2",
        *_VALUES,
    ]


@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_they_mean_what_the_parser_says(name: str, data: st.DataObject) -> None:
    words = _words(name)
    arguments = data.draw(st.lists(st.sampled_from(words), max_size=8))
    if name == "compile" and data.draw(st.booleans()):
        arguments += ["--target", "x64", "-o", "out"]
    said = plain_arguments.read(module_of(name).configure, arguments)
    assert said is None or vars(said) == _parsed(name, arguments)


_STEP = (
    "compile --config=w.toml --module=m --target=pi --output=o.cwasm --record=o.cwasm.json --depfile=o.d --restat -- "
)


@pytest.mark.parametrize(
    "line",
    [
        f"{_STEP}m.wasm",
        f"{_STEP}-m.wasm",
        "compile a.wat --target x64 -o a.cwasm",
        "compile - --triple pulley64 -o -",
        "build",
        "build -j2 -q",
        "build -q --build-dir out --stamp out/stamp --depfile out/stamp.d",
        "manifest --config w.toml --build-dir out --state-dir s --restat",
    ],
)
def test_what_other_builds_run_is_plain(line: str) -> None:
    name, *arguments = line.split()
    said = plain_arguments.read(module_of(name).configure, arguments)
    assert said is not None
    assert vars(said) == _parsed(name, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        "a.wat --target x64",
        "a.wat b.wat --target x64 -o a",
        "a.wat --target x64 --triple pulley64 -o a",
        "a.wat --targ x64 -o a",
        "a.wat --target -o a",
        "a.wat --target x64 -o-1",
        "a.wat --restat=1 --target x64 -o a",
        "a.wat --target x64 -o",
        "a.wat --target x64 -o a --",
        "--target x64 -o a -- -a.wat b.wat",
        "--target x64 -o a -- --",
        "--help",
    ],
)
def test_the_rest_is_left_to_the_parser(arguments: str) -> None:
    assert plain_arguments.read(module_of("compile").configure, arguments.split()) is None


@pytest.mark.parametrize("name", ["toolchain", "lock"])
def test_a_command_that_declares_more_than_options_is(name: str) -> None:
    assert plain_arguments.read(module_of(name).configure, []) is None
