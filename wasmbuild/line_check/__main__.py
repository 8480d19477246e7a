"""``python -m wasmbuild.line_check LINE|FILE [--compiler PATH]``: hold the file of a line against its compilers.

``--headers`` and ``--crate`` hold what sets each setting in C and in Rust against the headers and the crate.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from wasmbuild import boundary
from wasmbuild.engine import lines
from wasmbuild.engine.lines import __main__ as made
from wasmbuild.errors import DONE, FAILED, NOT_VERIFIED, UsageError, WasmbuildError
from wasmbuild.line_check import setters, topics
from wasmbuild.line_check.compilers import at_hand
from wasmbuild.line_check.topic import Topic
from wasmbuild.text import listed, printable

_SHOWN = 3
_WIDTH = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Print what agrees and what does not.

    Return 0 where all agrees, 1 where something does not, 2 where there is nothing to compare with, 3 where what was
    compared agrees and something could not be.
    """
    parser = argparse.ArgumentParser(
        prog="python -m wasmbuild.line_check", description=__doc__.partition(": ")[2].partition("\n")[0]
    )
    parser.add_argument("line", metavar="LINE|FILE", help="a line that is known, such as 48, or a file NN.toml")
    parser.add_argument("--compiler", metavar="PATH", help="an executable of that line; by default the best found")
    parser.add_argument("--headers", metavar="DIR", type=Path, help="the directory include of its C API, held too")
    parser.add_argument("--crate", metavar="DIR", type=Path, help="the sources of its crate wasmtime, held too")
    arguments = parser.parse_args(argv)
    try:
        with boundary.as_wasmbuild_error(), _read(arguments.line) as number:
            return _check(number, arguments)
    except WasmbuildError as error:
        print(error.message(), file=sys.stderr)
        return error.exit_code


@contextmanager
def _read(text: str) -> Iterator[int]:
    """Make lines known as a file says, which may be of a line that is new. Raises UsageError."""
    if text.isascii() and text.isdecimal():
        if int(text) not in lines.known():
            known = listed(list(map(str, lines.known())))
            raise UsageError(f"line {text} has no file; name one, such as {text}.toml, or one of {known}")
        yield int(text)
        return
    file = Path(text)
    if file.suffix != ".toml" or not (file.stem.isascii() and file.stem.isdecimal()):
        raise UsageError(f"{printable(text)}: is neither a line nor the file of one; its name is NN.toml")
    with tempfile.TemporaryDirectory(prefix="wasmbuild-lines-") as directory:
        for known_file in made.HERE.glob("*.toml"):
            shutil.copy(known_file, directory)
        shutil.copy(file, directory)
        try:
            made.write(Path(directory))
            with lines.read_from(directory):
                lines.get(int(file.stem))
                yield int(file.stem)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{printable(text)}: is no whole file of a line: {type(error).__name__}: {error}"
            ) from None


def _setters(number: int, arguments: argparse.Namespace) -> Iterator[Topic]:
    if arguments.headers is not None:
        yield setters.c_setters(lines.get(number), arguments.headers)
    if arguments.crate is not None:
        yield setters.rust_setters(lines.get(number), arguments.crate)


def _check(number: int, arguments: argparse.Namespace) -> int:
    status = DONE
    with at_hand(number, arguments.compiler) as compilers:
        library = compilers.library
        print(f"line {number}: {compilers.executable.path} {compilers.executable.version}, ", end="")
        print(f"the library {library.version}" if library is not None else f"no library of line {number}", flush=True)
        for topic in chain(_setters(number, arguments), topics(compilers)):
            agree = topic.tried - len(topic.disagreements)
            print(f"{topic.name}: {agree} of {topic.tried} agree", flush=True)
            for text in topic.grouped():
                print(f"  {printable(text, _WIDTH)}")
            if topic.untried:
                print(f"  not compared: {listed(list(dict.fromkeys(topic.untried)), _SHOWN)}")
            if topic.disagreements:
                status = FAILED
            elif topic.untried and status == DONE:
                status = NOT_VERIFIED
    return status


if __name__ == "__main__":
    sys.exit(main())
