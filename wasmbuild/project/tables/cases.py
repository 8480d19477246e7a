"""``[[modules.NAME.tests]]``.

What a test may be is said in ``project/case_rules.py``, for manifests too; here is what TOML adds: kinds of values, and
what may be left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from itertools import combinations
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from wasmbuild.project import case_rules, cases
from wasmbuild.project.case_values import MAX_TEXT, MAX_VALUES, CaseValue
from wasmbuild.project.cases import Case, Directory, Wasi
from wasmbuild.project.keys import Problem
from wasmbuild.project.tables.base import Context, Table
from wasmbuild.project.tables.refusals import HERE, Wrong
from wasmbuild.project.tables.values import ARRAY_OF_TABLES, IN_ARRAY, Rule, Texts, Variables
from wasmbuild.text import shown

_VALUE = {"type": ["boolean", "number", "string", "array", "object"]}


def _no_array(value: object) -> Wrong | None:
    if isinstance(value, (bool, int, float, str)):
        return f"must be an array, not {shown(value)}", f"write [{shown(value)}]"
    return None


def _no_name(argv: tuple[str, ...]) -> Wrong | None:
    return None if argv else ("is empty", "write the program's own name first, or leave it out")


# What tests may be is judged by ``case_rules.problems``, of which the schema says here what it can.
_Values = Annotated[tuple[Any, ...], IN_ARRAY, Rule(_no_array, any_type=True, items=_VALUE, maxItems=MAX_VALUES)]
_Text = Annotated[str, Rule(None, maxLength=MAX_TEXT)]


class WasiTable(Table):
    """What a test gives a program of WASI; nothing else of the host is there for it."""

    header = "write wasi = {}, with what the program is given in it"

    argv: Annotated[Texts, Rule(_no_name, minItems=1, maxItems=MAX_VALUES)] | None = Field(
        default=None,
        description="Arguments, the program's own name first. By default that is the last part of the module's name.",
    )
    env: Variables = Field(default={}, description="Environment variables.")
    stdin: _Text = Field(default="", description="What it reads from standard input.")
    files: dict[str, _Text] = Field(
        default={},
        description=(
            "Text files, by path, in a directory that is the program's root. It is made anew for each call, so the "
            "program may write there. They travel in the manifest, as the test does. Paths are of what every system "
            "has: ASCII letters, digits, spaces and `_.+@=,-`."
        ),
        examples=[{"in.txt": "hello"}],
        json_schema_extra={"maxProperties": cases.MAX_FILES},
    )
    dirs: Texts = Field(
        default=(),
        description=(
            "Directories below the folder of `wasmbuild.toml` that it may read and not write, under the paths that are "
            "written here. Their files travel in the manifest too, at most 1000 and 1 MiB of one directory; names that "
            "start with a dot are left out, and paths are of the characters of those of `files`. Links to files in the "
            "same directory are followed, others are refused: put copies there."
        ),
        examples=[["tests/data"]],
    )

    def wasi(self) -> Wasi:
        """Return what the table declares, with an empty ``argv`` where it gives none."""
        return Wasi(
            self.argv or (),
            tuple(sorted(self.env.items())),
            self.stdin,
            tuple(sorted(self.files.items())),
            tuple([Directory(path) for path in sorted({path.rstrip("/") for path in self.dirs})]),
        )


_OUTCOMES = ("returns", "traps", "exit")
_SCHEMA: dict[str, Any] = {
    "allOf": [
        {"anyOf": [{"required": [key]} for key in ("call", "wasi")]},
        {"anyOf": [{"required": [key]} for key in (*_OUTCOMES, "wasi")]},
        *({"not": {"required": list(two)}} for two in combinations(_OUTCOMES, 2)),
    ],
    "dependentRequired": {key: ["wasi"] for key in ("exit", "stdout", "stderr")},
}


class CaseTable(Table):
    """A call that `verify` makes on the artifact, on an instance of its own, and what has to come of it.

    Every test says one of `returns`, `traps` and `exit`. A module without imports can be tested, and with `wasi` one
    that imports WASI (a core module preview 1, a component `wasi:cli` and what belongs to it, of 0.2, and of 0.3 where
    there is an executable of Wasmtime); what else it imports,
    `imports` stands for. A core module that exports `_initialize` and no `_start` has that called first.
    """

    model_config = ConfigDict(json_schema_extra=_SCHEMA)

    header = f"write [[{HERE}]]"

    call: Annotated[str, Rule(None, maxLength=cases.MAX_NAME)] | None = Field(
        default=None,
        description=(
            "The export to call; of a component a function, or `INSTANCE#FUNCTION` for one of an instance that it "
            "exports. With `wasi` it is by default the program itself: `_start`, or `wasi:cli/run` of a component."
        ),
        examples=["crc32"],
    )
    args: _Values = Field(default=(), description="Arguments of the call.")
    returns: _Values | None = Field(default=None, description="What it returns: `[]` where that is nothing.")
    traps: Annotated[_Text, Rule(None, minLength=1)] | None = Field(
        default=None,
        description="It traps, and this is a part of Wasmtime's words for that.",
        examples=["unreachable"],
    )
    exit: Annotated[int, Rule(None, minimum=cases.EXITS[0], maximum=cases.EXITS[1])] | None = Field(
        default=None,
        description=(
            "Exit status of a program of WASI, 0 to 125. By default 0, where there is `wasi` and neither `returns` nor "
            "`traps`."
        ),
    )
    imports: Annotated[str, Rule(None, enum=list(cases.STAND_INS))] | None = Field(
        default=None,
        description=(
            "What stands for imports that a test cannot give, such as functions of a plugin's host: `trap`, functions "
            "that trap when they are called, or `zero`, functions that return zeros, and memories, tables and globals "
            "as they are declared (core modules only)."
        ),
        examples=["trap"],
    )
    wasi: WasiTable | None = Field(default=None, description="WASI is given to the module: `{}`, or what is in it.")
    stdout: _Text | None = Field(
        default=None, description="All that is written to standard output. By default anything may be."
    )
    stderr: _Text | None = Field(
        default=None, description="All that is written to standard error. By default anything may be."
    )
    fuel: Annotated[int, Rule(None, minimum=cases.FUEL[0], maximum=cases.FUEL[1])] | None = Field(
        default=None,
        description="Fuel that the call may consume, on targets with `consume-fuel`. By default plenty. Where an "
        "executable verifies, a start function pays from it too.",
    )
    time_limit: Annotated[int, Rule(None, minimum=cases.SECONDS[0], maximum=cases.SECONDS[1])] = Field(
        default=cases.DEFAULT_SECONDS, description="Seconds that the call may take on any target, 1 to 3600."
    )

    @classmethod
    def unknown_key(cls, key: str) -> tuple[str, str]:
        if key in WasiTable.known_keys():
            return "is a key of wasi", f"write wasi = {{ {key} = … }}"
        return super().unknown_key(key)

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        if self.call is None and self.wasi is None and not wrong & {"call", "wasi"}:
            yield ("call",), "is missing", 'write call = "…", the name of an export'
        elif not wrong:
            for path, problem, fix in case_rules.problems(self.case()):
                yield (("time-limit",) if path == ("time_limit",) else path), problem, fix

    def case(self) -> Case:
        """Return what the table declares."""
        program = self.wasi is not None and self.exit is None and self.returns is None and self.traps is None
        return Case(
            call=cases.START if self.call is None else self.call,
            args=tuple(map(_value, self.args)),
            returns=None if self.returns is None else tuple(map(_value, self.returns)),
            traps=self.traps,
            exit=0 if program else self.exit,
            stdout=self.stdout,
            stderr=self.stderr,
            wasi=None if self.wasi is None else self.wasi.wasi(),
            fuel=self.fuel,
            seconds=self.time_limit,
            imports=self.imports,
        )


def _too_many(tests: tuple[CaseTable, ...]) -> Wrong | None:
    if len(tests) <= cases.MAX_CASES:
        return None
    return f"has {len(tests)} tests", f"declare at most {cases.MAX_CASES}"


Cases = Annotated[tuple[CaseTable, ...], IN_ARRAY, Rule(_too_many, maxItems=cases.MAX_CASES), ARRAY_OF_TABLES]
"""The tests of a module."""


def _value(read: Any) -> CaseValue:
    """Return a value of TOML as one of JSON, which has neither NaN nor infinities."""
    if isinstance(read, float) and not math.isfinite(read):
        return "nan" if math.isnan(read) else "inf" if read > 0 else "-inf"
    if isinstance(read, list):
        return list(map(_value, read))
    if isinstance(read, Mapping):
        return {name: _value(value) for name, value in read.items()}
    value: CaseValue = read
    return value
