"""Test cases: one call of an export, and what has to come of it.

They are declared in ``wasmbuild.toml``, travel in manifests, and are executed on the artifact by ``verify``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from wasmbuild.digest import sha256_hex
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmbuild.project.case_values import CaseValue

DEFAULT_SECONDS = 10
SECONDS = (1, 3600)
FUEL = (1, (1 << 63) - 1)
EXITS = (0, 125)
"""Exit statuses that a program of WASI can have: Wasmtime refuses others ("outside of [0..126)")."""

START = "_start"
"""The export that runs a program of WASI; of a component its export ``wasi:cli/run@…``."""

TRAP, ZERO = STAND_INS = ("trap", "zero")
"""What can stand for imports that a test cannot give: functions that trap, or that return zeros."""

MAX_FILES = 1000
MAX_FILE_PATH = 1000
MAX_DIRECTORY = 1 << 20
MAX_CASES = 1000
MAX_NAME = 10_000
"""Files that one case gives and characters of the path of each; bytes of a directory; test cases of one module;
characters of an export's name."""

_TITLE = 100

Files = tuple[tuple[str, str], ...]
"""What a directory holds: files by path, sorted, in base64."""


def digest_of(files: Files) -> str:
    """Return the digest of what a directory holds, by which documents name it."""
    return sha256_hex(spell(dict(files)).encode("ascii"))


class Directory(NamedTuple):
    """A directory that a program may read: its path for the program, and from the declaration's folder.

    ``files`` are what it holds, and ``sha256`` is the digest of that; None and empty until it is read.
    """

    path: str
    files: Files | None = None
    sha256: str = ""

    @classmethod
    def holding(cls, path: str, files: Files) -> Directory:
        return cls(path, files, digest_of(files))


class Wasi(NamedTuple):
    """What a case gives a program of WASI; ``argv`` starts with the program's own name, ``env`` is sorted by name.

    ``files`` are the text files of a directory of its own, by path, sorted; it is the program's root directory, and
    goes with the call, so that what is written there is seen by nobody else. ``dirs`` cannot be written to.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    stdin: str = ""
    files: tuple[tuple[str, str], ...] = ()
    dirs: tuple[Directory, ...] = ()


class Case(NamedTuple):
    """One call, on an instance of its own, and what has to come of it.

    ``call`` is an export of a core module; of a component a function, or ``INSTANCE#FUNCTION`` for one in an instance
    that it exports. Exactly one of ``returns`` (results), ``traps`` (a part of Wasmtime's words) and ``exit`` (exit
    status) is not None. ``stdout`` and ``stderr`` are all that has to be written there, None for anything. With
    ``wasi``, WASI is given to the module, and nothing of the host but what this says. ``fuel`` is what the call may
    consume where the engine counts it, None for plenty; ``seconds`` is how long it may take. ``imports`` is what stands
    for imports that nothing gives, one of ``STAND_INS``, or None for no such imports.
    """

    call: str
    args: tuple[CaseValue, ...] = ()
    returns: tuple[CaseValue, ...] | None = None
    traps: str | None = None
    exit: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    wasi: Wasi | None = None
    fuel: int | None = None
    seconds: int = DEFAULT_SECONDS
    imports: str | None = None

    @property
    def title(self) -> str:
        """The call as messages show it: one line, safe on a terminal, shortened."""
        argv = [] if self.wasi is None else [f"argv {json.dumps(list(self.wasi.argv))}"]
        inside = ", ".join([*map(json.dumps, self.args), *argv])
        return printable(f"{self.call}({inside})", _TITLE)

    def of(self, module: str) -> Case:
        """Return the case as it is for a module: a program's first argument is its name, unless ``argv`` is given."""
        if self.wasi is None or self.wasi.argv:
            return self
        return self._replace(wasi=self.wasi._replace(argv=(module.rpartition("/")[2],)))

    def to_json(self) -> dict[str, Any]:
        """Return the case as JSON values; what is not there is left out, and what directories hold is named."""
        document: dict[str, Any] = {"call": self.call, "args": list(self.args)}
        if self.returns is not None:
            document["returns"] = list(self.returns)
        for key in ("traps", "exit", "stdout", "stderr", "fuel", "imports"):
            if (value := getattr(self, key)) is not None:
                document[key] = value
        if self.wasi is not None:
            document["wasi"] = {"argv": list(self.wasi.argv)}
            if self.wasi.env:
                document["wasi"]["env"] = dict(self.wasi.env)
            if self.wasi.stdin:
                document["wasi"]["stdin"] = self.wasi.stdin
            if self.wasi.files:
                document["wasi"]["files"] = dict(self.wasi.files)
            if self.wasi.dirs:
                document["wasi"]["dirs"] = {held.path: held.sha256 for held in self.wasi.dirs}
        if self.seconds != DEFAULT_SECONDS:
            document["time_limit"] = self.seconds
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any], directories: Mapping[str, Files] = {}) -> Case:
        """Return the case of a document whose structure was checked; ``directories`` are what is there, by digest."""
        table = document.get("wasi")
        wasi = None
        if table is not None:
            env, files = (tuple(sorted(table.get(key, {}).items())) for key in ("env", "files"))
            dirs = tuple(
                Directory(path, directories.get(sha256), sha256)
                for path, sha256 in sorted(table.get("dirs", {}).items())
            )
            wasi = Wasi(tuple(table["argv"]), env, table.get("stdin", ""), files, dirs)
        return cls(
            call=document["call"],
            args=tuple(document["args"]),
            returns=tuple(document["returns"]) if "returns" in document else None,
            traps=document.get("traps"),
            exit=document.get("exit"),
            stdout=document.get("stdout"),
            stderr=document.get("stderr"),
            wasi=wasi,
            fuel=document.get("fuel"),
            seconds=document.get("time_limit", DEFAULT_SECONDS),
            imports=document.get("imports"),
        )
