"""``wasmbuild compile``: one file for one target, as a step of another build system or as a first try."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options, pipes, undeclared
from wasmbuild.errors import DONE, UsageError

if TYPE_CHECKING:
    from wasmbuild.project.declared import Target
    from wasmbuild.toolchain.toolchain import Toolchain


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="IN", type=pipes.path, help="a .wat, a core .wasm module or a component; - is standard input"
    )
    undeclared.add(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=pipes.path,
        required=True,
        help="the artifact; - is standard output",
    )
    options.add_depfile(parser, "OUT")
    options.add_restat(parser)
    options.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.builder.single import compile_file

    undeclared.check(arguments)
    _check_outputs(arguments)
    declared = arguments.triple is None
    target, toolchain = _declared(arguments) if declared else undeclared.target(arguments)
    try:
        inputs = [arguments.source, arguments.config] if declared else [arguments.source]
        note = options.depfile_writer(arguments, inputs, toolchain)
        with pipes.as_files(arguments.source, arguments.output) as (source, out):
            shown = pipes.STDIN if arguments.source is None else str(source)
            compile_file(source, target, out, toolchain, shown=shown, keep_time=arguments.restat, before=note)
    finally:
        toolchain.close()
    return DONE


def _declared(arguments: argparse.Namespace) -> tuple[Target, Toolchain]:
    workspace = Workspace(arguments.config)
    project = workspace.project()
    target = next((target for target in project.targets if target.name == arguments.target), None)
    if target is None:
        from wasmbuild.text import suggestion

        meant = suggestion(arguments.target, project.target_names)
        hint = f"did you mean {meant}?" if meant else f"targets are {', '.join(project.target_names)}"
        raise UsageError(f"{arguments.config}: there is no target {arguments.target!r}; {hint}")
    return target, workspace.toolchain(project)


def _check_outputs(arguments: argparse.Namespace) -> None:
    out: Path | None = arguments.output
    source: Path | None = arguments.source
    if arguments.depfile is not None and (out is None or source is None):
        raise UsageError("wasmbuild compile: --depfile is for files, not for -; leave it out, or name files")
    if arguments.restat and out is None:
        raise UsageError("wasmbuild compile: --restat is for a file, not for -o -; leave it out, or name a file")
    if out is None:
        return
    if os.path.isdir(out):
        raise UsageError(f"{out}: is a directory; name the artifact that is to be written, such as {out / 'x.cwasm'}")
    read = [("--config", arguments.config)] if arguments.triple is None else []
    if source is not None:
        read.insert(0, ("IN", source))
    options.check_output("compile", "-o", out, read)
    if arguments.depfile is not None:
        options.check_output("compile", "--depfile", arguments.depfile, [*read, ("-o", out)])
