"""``wasmbuild explain``: why artifacts would be built. It looks and changes nothing."""

from __future__ import annotations

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options, placing
from wasmbuild.errors import DONE
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", metavar="ID", nargs="+", help="ids, or globs over them")
    placing.add_directories(parser)
    placing.add_sources(parser)
    placing.add_selection(parser)
    options.add_config(parser)
    options.add_json(parser, "the reasons")


def run(arguments: argparse.Namespace) -> int:
    session = Workspace(arguments.config, placing.placement(arguments)).session(cached=False)
    try:
        selected = options.select(arguments.selectors, session.artifacts)
        session.check()
    finally:
        session.close()
    statuses = [session.statuses[id] for id in selected]
    if arguments.json:
        artifacts = [
            {
                "id": status.artifact.id,
                "up-to-date": status.right,
                "reasons": list(status.reasons),
                "error": str(status.error) if status.error is not None else None,
            }
            for status in statuses
        ]
        options.print_json({"schema": "wasmbuild/explain/1", "artifacts": artifacts})
        return DONE
    for status in statuses:
        if status.error is not None:
            print(f"{status.artifact.id}: cannot be built: {status.error}")
        elif status.reasons:
            print("\n".join(f"{status.artifact.id}: {reason}" for reason in status.reasons))
        else:
            print(f"{status.artifact.id}: up to date")
    return DONE
