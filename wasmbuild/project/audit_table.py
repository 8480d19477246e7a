"""``[audit]``: which known faults fail what, and which of them somebody looked at and let pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.project.audit_policy import COMMANDS, SEVERITIES, AuditPolicy, Ignore
from wasmbuild.project.models import AuditTable, IgnoreTable
from wasmbuild.project.tables import Key, Tables
from wasmbuild.text import quoted, suggestion

_ID = re.compile(r"(?:GHSA|CVE|RUSTSEC|x_wasmbuild)-[0-9A-Za-z.-]+")

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def read_audit(tables: Tables, given: object) -> AuditPolicy:
    """Return what a table declares; what is wrong is noted in ``tables``."""
    key: Key = ("audit",)
    ignored: tuple[Ignore, ...] = ()
    if isinstance(given, Mapping) and "ignore" in given:
        ignored = _ignored(tables, (*key, "ignore"), given["ignore"])
        given = {name: value for name, value in given.items() if name != "ignore"}
    table = tables.table(key, given, AuditTable) or AuditTable()
    _check_word(tables, (*key, "fail-on"), table.fail_on, SEVERITIES, "severity")
    for index, command in enumerate(table.enforce):
        _check_word(tables, (*key, "enforce", index), command, COMMANDS, "command that can be failed")
    return AuditPolicy(table.fail_on, ignored, table.enforce)


def _ignored(tables: Tables, key: Key, given: object) -> tuple[Ignore, ...]:
    if not isinstance(given, list):
        tables.mistake(key, f"must be an array of tables, not {shown(given)}", "write [[audit.ignore]]")
        return ()
    found = []
    for index, value in enumerate(given):
        place = (*key, index)
        table = tables.table(place, value, IgnoreTable)
        if table is None:
            continue
        if not _ID.fullmatch(table.id):
            fix = 'write one that wasmbuild audit shows, such as "GHSA-43j2-gcp4-m22g"'
            tables.mistake((*place, "id"), f"{quoted(table.id)} is no id of an advisory", fix)
        if not table.reason.strip():
            tables.mistake((*place, "reason"), "is empty", "write why the fault does not matter here")
        until = table.until
        if until is not None and (not isinstance(until, date) or isinstance(until, datetime)):
            told = "a date with a time" if isinstance(until, datetime) else shown(until)
            day = _DAY.match(str(until))
            fix = f"write until = {day[0] if day else '2027-03-31'}, without quotes or a time"
            tables.mistake((*place, "until"), f"must be a date, not {told}", fix)
            until = None
        found.append(Ignore(table.id, table.reason, until))
    return tuple(found)


def _check_word(tables: Tables, key: Key, word: str, known: tuple[str, ...], what: str) -> None:
    if word not in known:
        meant = suggestion(word, known)
        fix = f"did you mean {quoted(meant)}?" if meant else f"write one of {', '.join(map(quoted, known))}"
        tables.mistake(key, f"{quoted(word)} is no {what}", fix)
