"""Test cases as they are declared."""

from __future__ import annotations

import math
from collections.abc import Mapping

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.lean_typing import Any
from wasmbuild.project import cases
from wasmbuild.project.cases import Case, Directory, Wasi
from wasmbuild.project.keys import dotted
from wasmbuild.project.models import CaseTable, WasiTable, alias
from wasmbuild.project.tables import Key, Tables

_OF_WASI = frozenset(map(alias, WasiTable.model_fields))


def read_cases(tables: Tables, key: Key, given: object) -> tuple[CaseTable, ...]:
    """Return the test cases of a module that are sound; what is wrong with the others is noted in ``tables``."""
    if not isinstance(given, list):
        tables.mistake(key, f"must be an array of tables, not {shown(given)}", f"write [[{dotted(*key)}]]")
        return ()
    if len(given) > cases.MAX_CASES:
        fix = f"declare at most {cases.MAX_CASES}"
        tables.mistake(key, f"has {len(given)} tests", fix)
    read = [_case(tables, (*key, index), item) for index, item in enumerate(given[: cases.MAX_CASES])]
    return tuple(table for table in read if table is not None)


def case_of(table: CaseTable) -> Case:
    """Return the test case that a sound table declares, with an empty ``argv`` where it gives none."""
    wasi = None
    if table.wasi is not None:
        wasi = Wasi(
            table.wasi.argv or (),
            tuple(sorted(table.wasi.env.items())),
            table.wasi.stdin,
            tuple(sorted(table.wasi.files.items())),
            tuple(Directory(path) for path in sorted({path.rstrip("/") for path in table.wasi.dirs})),
        )
    exit_status = table.exit
    if wasi is not None and exit_status is None and table.returns is None and table.traps is None:
        exit_status = 0
    return Case(
        call=cases.START if table.call is None else table.call,
        args=tuple(map(_value, table.args)),
        returns=None if table.returns is None else tuple(map(_value, table.returns)),
        traps=table.traps,
        exit=exit_status,
        stdout=table.stdout,
        stderr=table.stderr,
        wasi=wasi,
        fuel=table.fuel,
        seconds=table.time_limit,
        imports=table.imports,
    )


def _case(tables: Tables, key: Key, given: object) -> CaseTable | None:
    before = len(tables.mistakes)
    if isinstance(given, Mapping):
        for name in sorted(_OF_WASI & given.keys()):
            tables.mistake((*key, name), "is a key of wasi", f"write wasi = {{ {name} = … }}")
        given = {name: value for name, value in given.items() if name not in _OF_WASI}
        if "wasi" in given:
            given["wasi"] = _wasi(tables, (*key, "wasi"), given["wasi"])
    table = tables.table(key, given, CaseTable)
    if table is None:
        return None
    if table.call is None and table.wasi is None:
        tables.mistake((*key, "call"), "is missing", 'write call = "…", the name of an export')
    if len(tables.mistakes) == before:
        for path, problem, fix in cases.problems(case_of(table)):
            tables.mistake((*key, *_spelled(path)), problem, fix)
    return table if len(tables.mistakes) == before else None


def _wasi(tables: Tables, key: Key, given: object) -> WasiTable:
    if not isinstance(given, Mapping):
        tables.mistake(
            key, f"must be a table, not {shown(given)}", "write wasi = {}, with what the program is given in it"
        )
        return WasiTable()
    table = tables.table(key, given, WasiTable) or WasiTable()
    if table.argv == ():
        tables.mistake((*key, "argv"), "is empty", "write the program's own name first, or leave it out")
    return table.model_copy(update={"env": tables.variables((*key, "env"), table.env)})


def _spelled(path: cases.Path) -> Key:
    return ("time-limit",) if path == ("time_limit",) else path


def _value(given: Any) -> cases.Value:
    """Return a value of TOML as one of JSON, which has neither NaN nor infinities."""
    if isinstance(given, float) and not math.isfinite(given):
        return "nan" if math.isnan(given) else "inf" if given > 0 else "-inf"
    if isinstance(given, list):
        return list(map(_value, given))
    if isinstance(given, Mapping):
        return {name: _value(value) for name, value in given.items()}
    value: cases.Value = given
    return value
