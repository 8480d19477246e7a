"""The commands of ``wasmbuild``, by their names."""

from __future__ import annotations

import sys

from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_NOTHING = "nothing was changed"


class Command(NamedTuple):
    """One command; the module of its name in ``wasmbuild.commands`` has its options and what it does.

    ``interrupted`` says what is left when it is, of one that has actions when it is in one of those that are
    ``changing`` something.
    """

    summary: str
    example: str
    interrupted: str = _NOTHING
    changing: tuple[str, ...] = ()

    def left(self, arguments: Sequence[str]) -> str:
        """Say what is left when the command was interrupted that got these arguments."""
        changes = not self.changing or any(action in self.changing for action in arguments[:1])
        return self.interrupted if changes else _NOTHING


COMMANDS = {
    "init": Command("write a first wasmbuild.toml for the sources that are there", "wasmbuild init"),
    "build": Command(
        "precompile what is out of date",
        "wasmbuild build 'checksum@*' -j 4",
        "what was finished is whole, and the next build goes on from there",
    ),
    "compile": Command(
        "compile one file for one target, declared or not",
        "wasmbuild compile fib.wat --target edge-x64 -o fib.cwasm --depfile fib.d",
        "the artifact is the old one or the new one, whole",
    ),
    "manifest": Command(
        "write manifests and index of artifacts that were compiled one by one",
        "wasmbuild manifest --build-dir out",
        "manifests that stand are whole, and the next run writes the others",
    ),
    "plan": Command("show what is declared", "wasmbuild plan --json"),
    "explain": Command("say why artifacts would be built", "wasmbuild explain checksum@edge-x64"),
    "verify": Command(
        "prove what manifests say, wherever they are",
        "wasmbuild verify build --level consistent",
        "not everything was verified, and there is no verdict",
    ),
    "audit": Command(
        "say which artifacts have a known fault of the compiler that made them",
        "wasmbuild audit build --runtime 48.0.0",
    ),
    "toolchain": Command(
        "show, install and remove compilers",
        "wasmbuild toolchain install 48.0.8",
        "what is installed is whole, and nothing else was",
        ("install", "remove"),
    ),
    "lock": Command(
        "name the very executables that compile, for every machine that builds",
        "wasmbuild lock --platform linux-arm64",
        "the lock file is the old one or the new one, whole",
    ),
    "inspect": Command("say what a file is, without loading it", "wasmbuild inspect build/pi/checksum.cwasm"),
    "embed": Command(
        "write source that configures an application's engine to match",
        "wasmbuild embed --lang c --target pi -o engine.h",
        "the file is the old one or the new one, whole",
    ),
    "fit": Command(
        "find the engine settings of a program that loads artifacts",
        "wasmbuild fit -- ./loader {}",
        "no table was found",
    ),
    "cache": Command(
        "say what is kept of artifacts that were compiled before, or remove it",
        "wasmbuild cache stats",
        "what was not removed is whole",
        ("clear", "prune", "keygen"),
    ),
    "completion": Command("print a script that lets a shell complete the command", "wasmbuild completion bash"),
    "schema": Command("print the JSON Schema of a file format", "wasmbuild schema manifest"),
}


def module_of(name: str) -> ModuleType:
    """Return the module of a command."""
    module = f"wasmbuild.commands.{name}"
    # `importlib` would be imported for this alone.
    __import__(module)
    return sys.modules[module]
