"""Reading ``wasmbuild.toml``: from bytes to a Project, or to all that is wrong with it, one line each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import tomli

from wasmbuild.errors import DeclarationError, Mistake
from wasmbuild.lean.typing import Any
from wasmbuild.project.declared import Project
from wasmbuild.project.keys import dotted
from wasmbuild.project.reader import DeclarationReader
from wasmbuild.project.resolve import resolve
from wasmbuild.project.tables.document import module_key_problem


def parse(
    data: bytes,
    *,
    file: str,
    directory: Path,
    default_line: int | None,
    needs_modules: bool = True,
    sources: Mapping[str, Path] = {},
    awaited: bool = False,
    coming: Collection[str] = (),
) -> Project:
    """Read the bytes of a declaration in an absolute ``directory``; without ``needs_modules`` it may declare none.

    Raises DeclarationError with all mistakes. Where modules are needed, those of their sources are told along, as
    ``resolve`` tells them: ``sources`` take the place of declared ones, and with ``awaited`` need not be there yet,
    no more than ``coming``, what globs find besides.
    """
    reader = DeclarationReader(file, directory, default_line, needs_modules=needs_modules)
    project = reader.project(_toml(data, file))
    if reader.mistakes:
        unresolved = resolve(project, sources, awaited=awaited, coming=coming).mistakes if needs_modules else ()
        raise DeclarationError([*reader.mistakes, *unresolved])
    return project


# What tomli says, and what people who are told that have written most often.
_FIXES = {
    "Cannot overwrite a value": "each key stands once: remove one of the two",
    "Cannot declare ": "each table stands once: write all of its keys below one header",
    "Invalid value": "write text in straight quotes, true and false in lower case, and close each bracket",
    "Expected newline": "write each header and each key on a line of its own, and text in quotes",
}

# A header whose name has no quotes.
_MODULE = re.compile(r"\s*\[modules\.([^\]\"']+)\]")
# A header of the tests of one module.
_TESTS = re.compile(r"""\s*\[\[?(modules\.(?:[\w-]+|"[^"]+"|'[^']+')\.tests)\]""")


def _toml(data: bytes, file: str) -> dict[str, Any]:
    if data.startswith(b"\xef\xbb\xbf"):
        raise DeclarationError([Mistake(file, "", "starts with a byte order mark", "save it as UTF-8 without one")])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"line {line} is not UTF-8: byte 0x{data[error.start]:02X}"
        raise DeclarationError([Mistake(file, "", problem, "save the file as UTF-8")]) from None
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        fix = _toml_fix(error.msg, error.doc.split("\n")[error.lineno - 1])
        raise DeclarationError([Mistake(file, "", f"{where}: {error.msg}", fix)]) from None
    except RecursionError:
        raise DeclarationError([Mistake(file, "", "is nested too deeply", "use fewer brackets")]) from None
    except ValueError:
        # Python refuses to read a number of thousands of digits.
        raise DeclarationError([Mistake(file, "", "has a number that is too long", "write a shorter one")]) from None


def _toml_fix(message: str, line: str) -> str:
    if message.startswith("Cannot ") and (tests := _TESTS.match(line)) is not None:
        return f"write [[{tests[1]}]] above each test"
    known = next((fix for start, fix in _FIXES.items() if message.startswith(start)), None)
    if known is not None:
        return known
    header = _MODULE.match(line)
    if header is not None and module_key_problem(header[1]) is None:
        quoted_name = dotted("modules", header[1])
        if quoted_name != f"modules.{header[1]}":
            return f"write [{quoted_name}]"
    return "correct the TOML there"
