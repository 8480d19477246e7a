"""``wasmbuild compile``: one file for one target, as a step of another build system or as a first try."""

from __future__ import annotations

import os
import sys

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options, pipes, undeclared
from wasmbuild.errors import DONE, UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    import argparse

    from wasmbuild.builder.interfaces import ArtifactCache
    from wasmbuild.project.declared import Module, Target
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
    parser.add_argument(
        "--module",
        metavar="NAME",
        help="the module that IN is, whose imports, exports and tests it has to fit (default: the one whose source is "
        "IN, if any)",
    )
    parser.add_argument(
        "--record",
        metavar="OUT.json",
        type=options.file,
        help="write the artifact's record too, as build does; where it and the artifact are right, nothing is compiled",
    )
    options.add_depfile(parser, "OUT")
    options.add_restat(parser)
    options.add_no_cache(parser)
    options.add_push(parser)
    options.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.builder.job_slots import ALL_CORES, is_offered
    from wasmbuild.project.declared import Artifact, Module

    undeclared.check(arguments)
    options.check_push("compile", arguments)
    options.check_depfile("compile", arguments)
    _check_outputs(arguments)
    workspace = None if arguments.triple is not None else Workspace(arguments.config)
    module = None
    if workspace is not None:
        target, module, toolchain = _declared(arguments, workspace)
    else:
        target, toolchain = undeclared.target(arguments)
    keep_time: bool = arguments.restat
    # Who counts jobs counts this one, and not the threads of its compiler.
    threads = 1 if is_offered() else ALL_CORES
    cache = _cache(arguments, workspace)
    try:
        inputs = [arguments.source] if workspace is None else [arguments.source, arguments.config]
        note = options.depfile_writer(arguments, inputs, toolchain)
        if module is not None and arguments.record is not None:
            from wasmbuild.builder.recorded import compile_recorded

            artifact = Artifact(module, target)
            compile_recorded(
                artifact,
                arguments.output,
                arguments.record,
                toolchain,
                threads=threads,
                keep_time=keep_time,
                before=note,
                cache=cache,
            )
        else:
            from wasmbuild.builder.single import compile_file

            with pipes.as_files(arguments.source, arguments.output) as (source, out):
                module = module or Module(out.stem, source, str(source), None, None)
                label = pipes.STDIN if arguments.source is None else str(source)
                compile_file(
                    module._replace(source=source, label=label),
                    target,
                    out,
                    toolchain,
                    threads=threads,
                    keep_time=keep_time,
                    before=note,
                    cache=cache,
                )
    finally:
        cache.close()
        toolchain.close()
    if (remote := cache.report()) is not None:
        for problem in remote.problems:
            print(problem, file=sys.stderr)
    return DONE


def _cache(arguments: argparse.Namespace, workspace: Workspace | None) -> ArtifactCache:
    from wasmbuild.builder.cache.answers import NO_CACHE

    if arguments.no_cache:
        return NO_CACHE
    if workspace is not None:
        return workspace.cache(push=arguments.push, alone=True)
    if arguments.push:
        raise UsageError("--push: --triple reads no declaration, which names the remote cache; name one of its targets")
    from wasmbuild.builder.cache.selection import opened
    from wasmbuild.project.cache_policy import CachePolicy

    return opened(CachePolicy())


def _declared(arguments: argparse.Namespace, workspace: Workspace) -> tuple[Target, Module | None, Toolchain]:
    """Return the target, the module if IN is one that is declared, and the compiler."""
    from wasmbuild.project.declared import Artifact
    from wasmbuild.project.module_of_file import module_of

    project = workspace.project()
    target = next((target for target in project.targets if target.name == arguments.target), None)
    if target is None:
        raise options.no_target(arguments.config, arguments.target, project)
    module = module_of(project, arguments.source, arguments.module, target)
    if module is None and arguments.record is not None:
        raise UsageError(
            f"{arguments.config}: {arguments.source} is the source of no module, and a record tells of one; name the "
            f"module with --module, or leave out --record"
        )
    own = {}
    if module is not None:
        place = Artifact(module, target).path
        own = {"-o": place, "--record": place + filenames.RECORD_SUFFIX}
    outputs = [("-o", arguments.output), ("--record", arguments.record), ("--depfile", arguments.depfile)]
    options.check_beside("compile", outputs, project, own)
    return target, module, workspace.toolchain(project, [target.engine.line])


def _check_outputs(arguments: argparse.Namespace) -> None:
    out: Path | None = arguments.output
    source: Path | None = arguments.source
    if arguments.depfile is not None and (out is None or source is None):
        raise UsageError("wasmbuild compile: --depfile is for files, not for -; leave it out, or name files")
    if arguments.record is not None and (out is None or source is None):
        raise UsageError("wasmbuild compile: --record is for files, not for -; leave it out, or name files")
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
    read.append(("-o", out))
    if arguments.record is not None:
        _check_record(out, arguments.record, read)
        read.append(("--record", arguments.record))
    if arguments.depfile is not None:
        options.check_output("compile", "--depfile", arguments.depfile, read)


def _check_record(out: Path, record: Path, read: list[tuple[str, Path]]) -> None:
    from wasmbuild.builder import output

    options.check_output("compile", "--record", record, read)
    for option, path in (("-o", out), ("--record", record)):
        if output.replaced(path) is None:
            raise UsageError(
                f"wasmbuild compile: {option} {path} is no regular file, and a record is one that tells of one; name a "
                f"file, or leave out --record"
            )
