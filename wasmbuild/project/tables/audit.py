"""``[audit]``: which known faults fail what, and which of them somebody looked at and let pass."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from wasmbuild.project.audit_policy import COMMANDS, SEVERITIES, AuditPolicy, Ignore
from wasmbuild.project.tables.base import Table
from wasmbuild.project.tables.refusals import HERE, Wrong, refusal
from wasmbuild.project.tables.values import ARRAY_OF_TABLES, IN_ARRAY, Rule, one_of
from wasmbuild.text import quoted, shown

_ID = "(GHSA|CVE|RUSTSEC|x_wasmbuild)-[0-9A-Za-z.-]+"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")

_Command = Annotated[str, one_of(COMMANDS, "{} is no command that can be failed")]


def _id(text: str) -> Wrong | None:
    if re.fullmatch(_ID, text):
        return None
    fix = 'write one that wasmbuild audit shows, such as "GHSA-43j2-gcp4-m22g"'
    return f"{quoted(text)} is no id of an advisory", fix


def _reason(text: str) -> Wrong | None:
    return None if text.strip() else ("is empty", "write why the fault does not matter here")


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    found = "a date with a time" if isinstance(value, datetime) else shown(value)
    day = _DAY.match(str(value))
    fix = f"write until = {day[0] if day else '2027-03-31'}, without quotes or a time"
    raise refusal(f"must be a date, not {found}", fix)


class IgnoreTable(Table):
    """A fault that `audit` lets pass. One without a reason is an error.

    Past its date it is an error of `audit`; `build` and `verify` take it as not written.
    """

    header = f"write [[{HERE}]]"

    id: Annotated[str, Rule(_id, pattern=f"^{_ID}$")] = Field(
        description="The id of the advisory, or another name of it (`CVE-…`, `RUSTSEC-…`).",
        examples=["GHSA-43j2-gcp4-m22g"],
    )
    reason: Annotated[str, Rule(_reason, pattern=r"\S")] = Field(
        description="Why it does not matter here.", examples=["the modules come from one trusted source"]
    )
    until: Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})] | None = Field(
        default=None, description="The last day on which it is let pass, such as `2027-03-31`."
    )


class AuditTable(Table):
    """What `wasmbuild audit` fails on, and whether `build` and `verify` fail on it too; they tell of it in any case."""

    fail_on: Annotated[str, one_of(SEVERITIES, "{} is no severity")] = Field(
        default="high",
        description=(
            "Lowest severity that fails: `low`, `medium`, `high` or `critical`. What nobody scored counts as `high`."
        ),
    )
    enforce: Annotated[tuple[_Command, ...], IN_ARRAY] = Field(
        default=(), description='Commands that fail where `audit` would: `"build"`, `"verify"`.', examples=[["verify"]]
    )
    ignore: Annotated[tuple[IgnoreTable, ...], IN_ARRAY, ARRAY_OF_TABLES] = Field(
        default=(), description="Faults that are let pass."
    )

    def policy(self) -> AuditPolicy:
        """Return what the table comes to."""
        ignored = tuple([Ignore(each.id, each.reason, each.until) for each in self.ignore])
        return AuditPolicy(self.fail_on, ignored, self.enforce)
