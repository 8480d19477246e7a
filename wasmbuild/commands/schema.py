"""``wasmbuild schema``: the JSON Schemas of files, of plans, and of what verify, audit, inspect and cache report."""

from __future__ import annotations

from collections.abc import Callable

from wasmbuild.commands import options
from wasmbuild.errors import DONE, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project.filenames import CONFIG

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        choices=_SCHEMAS,
        help=f"one of {', '.join(_SCHEMAS)}; without it, the names are listed",
    )
    parser.add_argument(
        "--file",
        action="store_true",
        help="print where the schema of wasmbuild.toml lies, for the settings of an editor",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.file:
        from wasmbuild.project.starter import SCHEMA_FILE

        if arguments.name not in (None, CONFIG):
            raise UsageError(
                f"wasmbuild schema: only that of wasmbuild.toml is a file; print {arguments.name} without --file"
            )
        print(SCHEMA_FILE)
        return DONE
    if arguments.name is None:
        print("\n".join(_SCHEMAS))
        return DONE
    options.print_json(_SCHEMAS[arguments.name]())
    return DONE


def _declaration() -> dict[str, Any]:
    from wasmbuild.project.tables.document import json_schema

    return json_schema()


def _stored(name: str) -> dict[str, Any]:
    from wasmbuild.formats.schemas import JSON_SCHEMAS

    return JSON_SCHEMAS[f"wasmbuild/{name}/1"]


def _plan() -> dict[str, Any]:
    from wasmbuild.plan.schema import PLAN_SCHEMA

    return PLAN_SCHEMA


def _report() -> dict[str, Any]:
    from wasmbuild.verify.report import JSON_SCHEMA

    return dict(JSON_SCHEMA)


def _audit() -> dict[str, Any]:
    from wasmbuild.audit.report import JSON_SCHEMA

    return dict(JSON_SCHEMA)


def _inspection() -> dict[str, Any]:
    from wasmbuild.inspection.report import JSON_SCHEMA

    return dict(JSON_SCHEMA)


def _cache() -> dict[str, Any]:
    from wasmbuild.commands.cache_schema import JSON_SCHEMA

    return JSON_SCHEMA


_SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    CONFIG: _declaration,
    "plan": _plan,
    "record": lambda: _stored("record"),
    "manifest": lambda: _stored("manifest"),
    "index": lambda: _stored("index"),
    "report": _report,
    "inspection": _inspection,
    "audit": _audit,
    "cache": _cache,
}
