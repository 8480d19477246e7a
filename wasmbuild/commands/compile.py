"""``wasmbuild compile``: one file for one declared target, as a step of another build system."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options
from wasmbuild.errors import DONE, UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", type=Path, help="a .wat, a core .wasm module or a component")
    parser.add_argument("--target", metavar="T", required=True, help="the name of a target of wasmbuild.toml")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="the artifact",
    )
    options.add_depfile(parser, "OUT")
    options.add_restat(parser)
    options.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.builder.single import compile_file
    from wasmbuild.text import suggestion

    _check_outputs(arguments)
    workspace = Workspace(arguments.config)
    project = workspace.project()
    target = next((target for target in project.targets if target.name == arguments.target), None)
    if target is None:
        meant = suggestion(arguments.target, project.target_names)
        hint = f"did you mean {meant}?" if meant else f"targets are {', '.join(project.target_names)}"
        raise UsageError(f"{arguments.config}: there is no target {arguments.target!r}; {hint}")
    toolchain = workspace.toolchain(project)
    note = options.depfile_writer(arguments, [arguments.source, arguments.config], toolchain)
    try:
        compile_file(arguments.source, target, arguments.output, toolchain, keep_time=arguments.restat, before=note)
    finally:
        toolchain.close()
    return DONE


def _check_outputs(arguments: argparse.Namespace) -> None:
    out: Path = arguments.output
    if os.path.isdir(out):
        raise UsageError(f"{out}: is a directory; name the artifact that is to be written, such as {out / 'x.cwasm'}")
    read = [("IN", arguments.source), ("--config", arguments.config)]
    options.check_output("compile", "-o", out, read)
    if arguments.depfile is not None:
        options.check_output("compile", "--depfile", arguments.depfile, [*read, ("-o", out)])
