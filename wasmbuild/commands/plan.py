"""``wasmbuild plan``: what is declared, resolved."""

from __future__ import annotations

import argparse
import sys

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options
from wasmbuild.errors import DONE


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_config(parser)
    options.add_json(parser, "the plan")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.project.plan import as_data

    plan = Workspace(arguments.config).plan()
    if arguments.json:
        import json

        json.dump({"schema": "wasmbuild/plan/1", **as_data(plan)}, sys.stdout, indent=2)
        print()
        return DONE
    width = max((len(artifact.id) for artifact in plan.artifacts), default=0)
    for artifact in plan.artifacts:
        print(f"{artifact.id:<{width}}  {artifact.target.triple.text:<26}  {artifact.module.source_text}")
    return DONE
