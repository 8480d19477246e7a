"""The records of known faults: OSV documents in one directory, read strictly, whoever wrote them.

``database.json`` beside the records says when they were last held against upstream's, what engine settings are by
default, how long upstream supports a line, and which advisories were looked at and left out, since they say nothing of
what was compiled. Each other file is one record: https://ossf.github.io/osv-schema/. What is ours is in its
``database_specific``, which docs/upgrading.md describes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from wasmbuild.audit import bundle
from wasmbuild.audit.versions import Range, Version, parse
from wasmbuild.errors import FormatError
from wasmbuild.formats.schema_check import Check, compile_schema
from wasmbuild.formats.strict_json import Invalid, loads, show
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.project.audit_policy import SEVERITIES
from wasmbuild.text import printable

if TYPE_CHECKING:
    from datetime import date

LAYOUT = "layout"
UNSCORED = "unscored"
MAX_BYTES = 1 << 20
_MOST = 10_000
_ABOUT = "database.json"
_FIX = "name a directory of records as wasmbuild ships it"


class Affected(NamedTuple):
    """Where a fault is found; what is empty or None does not matter.

    ``architectures`` and ``systems`` are those of target triples, ``strategies`` those of the setting ``strategy``.
    ``features``, ``settings`` and ``shapes`` are alternatives: one of them has to hold, in all of its parts. Features
    are named as in the traits of a manifest, and so are the keys of a shape, each with a value, ``{"minimum": N}``,
    ``{"above": SETTING}`` or ``{"contains": TEXT}``. ``isa`` has flags of the CPU. ``possible`` says that what is found
    there may be concerned, and that a manifest does not tell.
    """

    ranges: tuple[Range, ...]
    architectures: frozenset[str]
    systems: frozenset[str]
    pointer_width: int | None
    strategies: tuple[str, ...]
    features: tuple[tuple[str, ...], ...]
    settings: tuple[Mapping[str, object], ...]
    shapes: tuple[Mapping[str, Any], ...]
    isa: Mapping[str, bool]
    possible: bool


class Advisory(NamedTuple):
    """One record. ``kind`` is ``codegen``, ``validator`` (wrong input was compiled) or ``layout`` (compiler and runtime
    have to be on the same side of the fix). ``severity`` is one of ``SEVERITIES``, or ``UNSCORED``.
    """

    id: str
    aliases: tuple[str, ...]
    summary: str
    details: str
    kind: str
    severity: str
    url: str
    affected: tuple[Affected, ...]

    @property
    def weight(self) -> int:
        """How severe it is, as an index of ``SEVERITIES``: what nobody scored counts as high."""
        return SEVERITIES.index("high" if self.severity == UNSCORED else self.severity)

    def holding(self, version: Version) -> list[Range]:
        """Return the ranges that hold a version, wherever the fault is found."""
        return [each for where in self.affected for each in where.ranges if version in each]


class Support(NamedTuple):
    """How long upstream supports a line: ``months`` from its release, or ``long_months`` each ``every`` lines.

    ``released`` is the day of the release of ``line``, as ISO 8601 has it.
    """

    line: int
    released: str
    months: int
    every: int
    long_months: int

    def until(self, line: int) -> date:
        """Return the day on which a line's support ends: a line is released each month, on the same day."""
        from datetime import date

        months = self.long_months if line % self.every == 0 else self.months
        released = date.fromisoformat(self.released)
        count = released.year * 12 + released.month - 1 + (line - self.line) + months
        return date(max(count // 12, 1), count % 12 + 1, released.day)


class Database(NamedTuple):
    """All records, most severe first; ``defaults`` are those of settings on every line up to ``defaults_through``.

    ``checked_on`` is the day on which the records were last held against upstream's, as ISO 8601 has it.
    """

    checked_on: str
    advisories: tuple[Advisory, ...]
    defaults: Mapping[str, object]
    defaults_through: int
    support: Support

    @property
    def date(self) -> date:
        """The day on which the records were last held against upstream's."""
        from datetime import date

        return date.fromisoformat(self.checked_on)


@cache
def bundled() -> Database:
    """Return the records that came with this version of wasmbuild, which a test holds against their schema."""
    return _database(list(map(Path, bundle.paths())), "advisories", _nothing, _nothing)


def load(directory: Path) -> Database:
    """Read records from a directory of the shipped form. Raises FormatError for the first thing that is wrong."""
    from datetime import date

    from wasmbuild.audit.schema import ABOUT_SCHEMA, RECORD_SCHEMA

    where = printable(directory)
    try:
        found = [path for path in directory.iterdir() if path.name.endswith(".json")]
        # Before any is opened: one may be a FIFO, or a file without an end.
        strange = next((path for path in found if not os.path.isfile(path) or path.stat().st_size > MAX_BYTES), None)
        if strange is not None:
            problem = f"is no file of at most {MAX_BYTES} bytes"
            raise FormatError(f"{printable(strange)} {problem}; {_FIX}")
        database = _database(found, where, compile_schema(ABOUT_SCHEMA), compile_schema(RECORD_SCHEMA))
    except OSError as error:
        raise FormatError(f"{where}: cannot be read: {printable(error.strerror or error)}; {_FIX}") from None
    try:
        for day in (database.checked_on, database.support.released):
            date.fromisoformat(day)
    except ValueError as error:
        raise FormatError(f"{where}/{_ABOUT}: {error}; {_FIX}") from None
    return database


def _nothing(document: object) -> None:
    pass


def _database(found: list[Path], where: str, check_about: Check, check: Check) -> Database:
    by_name = {file.name: file for file in found}
    about_file = by_name.pop(_ABOUT, None)
    if about_file is None:
        raise FormatError(f"{where} has no {_ABOUT}; {_FIX}")
    if not by_name or len(by_name) > _MOST:
        raise FormatError(f"{where} has {len(by_name)} records; {_FIX}")
    about = _read(about_file, where, check_about)
    advisories = []
    for name in sorted(by_name):
        document = _read(by_name[name], where, check)
        if f"{document['id']}.json" != name:
            raise FormatError(f"{where}/{printable(name)}: id: is {show(document['id'])}; name the file after its id")
        if "withdrawn" not in document:
            advisories.append(_advisory(document, f"{where}/{name}"))
    advisories.sort(key=lambda advisory: (-advisory.weight, advisory.id))
    support = about["support"]
    first = support["first"]
    released = f"{first['year']:04}-{first['month']:02}-{support['day']:02}"
    long_term = support["long-term"]
    return Database(
        about["date"],
        tuple(advisories),
        about["settings"],
        about["settings-through"],
        Support(first["line"], released, support["months"], long_term["every"], long_term["months"]),
    )


def _read(file: Path, where: str, check: Check) -> Any:
    try:
        document = loads(file.read_bytes(), MAX_BYTES)
        check(document)
    except Invalid as error:
        place = ": ".join(filter(None, (f"{where}/{printable(file.name)}", error.where())))
        raise FormatError(f"{place}: {error.problem}; a newer wasmbuild may know it, else mend the file") from None
    return document


def _advisory(document: Mapping[str, Any], where: str) -> Advisory:
    ours = document["database_specific"]
    urls = [reference["url"] for reference in document.get("references", ())]
    return Advisory(
        document["id"],
        tuple(document.get("aliases", ())),
        document["summary"],
        document["details"],
        ours["kind"],
        ours["severity"],
        urls[0] if urls else "",
        tuple(
            _affected(affected, f"{where}: affected[{index}]") for index, affected in enumerate(document["affected"])
        ),
    )


def _affected(affected: Mapping[str, Any], place: str) -> Affected:
    ours = affected.get("database_specific", {})
    affects = affected.get("ecosystem_specific", {}).get("affects", {})
    return Affected(
        tuple(each for found in affected["ranges"] for each in _ranges(found["events"], place)),
        frozenset(affects.get("arch", ())),
        frozenset(affects.get("os", ())),
        ours.get("pointer-width"),
        tuple(ours.get("strategy", ())),
        tuple(map(tuple, ours.get("features", ()))),
        tuple(ours.get("settings", ())),
        tuple(ours.get("shape", ())),
        ours.get("isa", {}),
        ours.get("match") == "possible",
    )


def _ranges(events: list[Mapping[str, str]], place: str) -> list[Range]:
    """Return the ranges that events of OSV stand for: each ``introduced`` up to the ``fixed`` behind it."""
    found: list[Range] = []
    start: Version | None = None
    for event in events:
        name, text = next(iter(event.items()), ("", ""))
        version = parse(text)
        if len(event) != 1 or version is None or (name == "introduced") is not (start is None):
            raise FormatError(f"{place}: events: are not versions introduced and fixed in turn; mend the file")
        if name == "introduced":
            if found and found[-1].fixed is not None and version < found[-1].fixed:
                raise FormatError(f"{place}: events: are not in order; mend the file")
            start = version
        elif start is not None:
            found.append(Range(start, version))
            start = None
    return [*found, Range(start, None)] if start is not None else found
