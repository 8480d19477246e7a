"""Runners: how artifacts of another machine are loaded on this one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from wasmbuild.project import amounts
from wasmbuild.project.declared import Runner
from wasmbuild.project.models import RunnerTable
from wasmbuild.project.tables import Key, Tables
from wasmbuild.text import quoted


def read_runner(tables: Tables, key: Key, given: object, directory: Path) -> Runner | None:
    """Return the runner that a table of a file in ``directory`` declares; what is wrong is noted in ``tables``.

    Whether its programs exist is not looked at: what builds needs none of them.
    """
    table = tables.table(key, given, RunnerTable)
    if table is None:
        return None
    if isinstance(given, Mapping):
        named = [name for name in ("python", "wasmtime") if name in given]
        if not named:
            fix = 'write python = "…", a Python of that target with wasmtime, or wasmtime = "…", an executable'
            tables.mistake(key, "has neither python nor wasmtime", fix)
        elif len(named) == 2:
            tables.mistake((*key, "wasmtime"), "a runner has one of python and wasmtime", "remove one of them")
    # Of the first word all characters are looked at below.
    for index, argument in enumerate(table.command[1:], 1):
        if "\0" in argument:
            tables.mistake((*key, "command", index), "has a NUL, which no argument can have", "remove it")
    command = table.command
    if command:
        command = (_program(tables, (*key, "command", 0), command[0], directory) or "", *command[1:])
    memory = None
    if table.memory_limit is not None:
        memory = amounts.memory(tables, (*key, "memory-limit"), table.memory_limit)
    if table.time_limit is not None:
        amounts.check_seconds(tables, (*key, "time-limit"), table.time_limit)
    return Runner(
        command=command,
        python=_program(tables, (*key, "python"), table.python, directory),
        wasmtime=_program(tables, (*key, "wasmtime"), table.wasmtime, directory),
        environment=tables.variables((*key, "environment"), table.environment),
        directory=str(directory),
        memory=memory,
        seconds=table.time_limit,
    )


def _program(tables: Tables, key: Key, text: str | None, directory: Path) -> str | None:
    """Return the absolute path of a program that is named by a path; a bare name is left to PATH."""
    if text is None:
        return None
    if not text:
        tables.mistake(key, "is empty", "write a path from the folder of the file, or the name of a program on PATH")
    elif not text.isprintable():
        tables.mistake(key, f"{quoted(text)} has a character that no path should have", "correct the path")
    elif text.startswith("~"):
        tables.mistake(key, f"{quoted(text)} starts with ~, which is not expanded", "write the whole path")
    elif re.search(r"[/\\]", text):
        return os.path.normpath(directory / text)
    return text
