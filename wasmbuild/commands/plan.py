"""``wasmbuild plan``: what is declared, resolved."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wasmbuild import files
from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options, pipes, placing
from wasmbuild.errors import DONE, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Project


_TARGETS = "targets"
_NAMES = ("ids", _TARGETS)


def configure(parser: argparse.ArgumentParser) -> None:
    placing.add_directories(parser)
    placing.add_sources(parser)
    placing.add_selection(parser)
    options.add_config(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write the plan to stdout as JSON")
    form.add_argument(
        "--lines",
        action="store_true",
        help="write one line for each artifact: id, module, target, triple, source and artifact, with tabs between "
        "them and paths from the current directory",
    )
    form.add_argument(
        "--ninja",
        action="store_true",
        help="write a file for Ninja with an edge for each artifact and one for the manifests, paths from the current "
        "directory",
    )
    form.add_argument(
        "--names",
        choices=_NAMES,
        help="write the ids of artifacts, or the names of targets, that are declared, whether or not sources are there",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=pipes.path,
        help="with --ninja: the file, which Ninja makes again by itself",
    )
    options.add_depfile(parser, "OUT")


def run(arguments: argparse.Namespace) -> int:
    options.check_depfile("plan", arguments)
    if arguments.output is not None and not arguments.ninja:
        raise UsageError("wasmbuild plan: -o goes with --ninja; redirect what else is written")
    if arguments.state_dir is not None and not arguments.ninja:
        raise UsageError("wasmbuild plan: --state-dir goes with --ninja, whose edges build there; leave it out")
    if arguments.depfile is not None and arguments.output is None:
        raise UsageError("wasmbuild plan: --depfile tells what a file depends on; name it with --ninja -o")
    placement = placing.placement(arguments, awaited=True)
    workspace = Workspace(arguments.config, placement)
    if arguments.names is not None:
        names = _names(arguments.names, placement.of(workspace.project()))
        sys.stdout.write("".join(f"{name}\n" for name in names))
        return DONE
    plan = workspace.planned().plan
    for refused in plan.refused:
        print(f"warning: {refused}", file=sys.stderr)
    given = dict(arguments.source)
    for module in plan.modules:
        # One of a glob: what is declared by itself was refused, and what is given need not be there yet.
        if module.name not in given and os.path.islink(module.source) and not os.path.exists(module.source):
            from wasmbuild.builder.examining import missing

            print(f"warning: {missing(module)}", file=sys.stderr)
    if arguments.json:
        from wasmbuild.plan.document import to_json

        options.print_json(to_json(plan))
    elif arguments.lines:
        sys.stdout.write("".join(_lines(plan, given)))
    elif arguments.ninja:
        from wasmbuild.commands.ninja import write

        write(arguments, plan)
    else:
        width = max((len(artifact.id) for artifact in plan.artifacts), default=0)
        for artifact in plan.artifacts:
            print(f"{artifact.id:<{width}}  {artifact.target.triple.text:<26}  {artifact.module.source_text}")
    return DONE


def _names(kind: str, project: Project) -> list[str]:
    if kind == _TARGETS:
        return [target.name for target in project.targets]
    from wasmbuild.project.resolve import resolve

    # The build around this one may make any of them: what is wrong with the files is for a build to say.
    sources = {key: project.directory / module.source for key, module in project.modules.items()}
    return [artifact.id for artifact in resolve(project, sources, awaited=True).artifacts]


def _lines(plan: Plan, overrides: dict[str, Path]) -> list[str]:
    """Return a line for each artifact. Raises UsageError where a path would not stay in its place."""
    above = files.relative(plan.directory)
    build_dir = files.relative(plan.build_dir)
    sources = {
        module.name: module.source_text
        if above == os.curdir and module.name not in overrides
        else files.relative(module.source)
        for module in plan.modules
    }
    for path in (build_dir, *sources.values()):
        if any(character in path for character in "\t\n\r"):
            raise UsageError(
                f"wasmbuild plan --lines: {path!r} has a tab or a line break, which separate columns and lines; rename "
                f"it, or use --json"
            )
    lines = []
    for artifact in plan.artifacts:
        module, target = artifact
        made = os.path.join(build_dir, artifact.path)
        columns = (artifact.id, module.name, target.name, target.triple.text, sources[module.name], made)
        lines.append("\t".join(columns) + "\n")
    return lines
