"""``wasmbuild embed``: the engine that is declared, as a source file for the application that loads the artifacts."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from pathlib import Path

from wasmbuild import streams
from wasmbuild.commands import options, pipes
from wasmbuild.errors import DONE, DiskError, FormatError, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG, INDEX

if TYPE_CHECKING:
    import argparse

    from wasmbuild.embed.spec import TargetEngine
    from wasmbuild.formats.manifest import Manifest
    from wasmbuild.toolchain.toolchain import Toolchain

LANGUAGES = ("c", "rust", "python", "go", "csharp")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "manifest",
        metavar="MANIFEST",
        nargs="?",
        type=options.file,
        help="the manifest.json of a target; without it, the targets of wasmbuild.toml",
    )
    parser.add_argument(
        "--lang", choices=LANGUAGES, required=True, help="a header for C and C++, a Rust or Python module, Go or C#"
    )
    parser.add_argument(
        "--target",
        metavar="T",
        action="append",
        default=[],
        help="one target (default: all native ones, which have to agree)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=pipes.path,
        help="the file (default: stdout)",
    )
    options.add_depfile(parser, "FILE")
    options.add_restat(parser)
    options.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.builder import output
    from wasmbuild.embed.source import source

    options.check_depfile("embed", arguments)
    read = ("--config", arguments.config) if arguments.manifest is None else ("MANIFEST", arguments.manifest)
    if arguments.output is not None:
        options.check_output("embed", "-o", arguments.output, [read])
    if arguments.depfile is not None:
        if arguments.output is None:
            raise UsageError("wasmbuild embed: --depfile says what a file depends on; name that file with -o")
        options.check_output("embed", "--depfile", arguments.depfile, [read, ("-o", arguments.output)])
    if arguments.restat and arguments.output is None:
        raise UsageError("wasmbuild embed: --restat is for a file, and none is written; name it with -o")
    target = _one(arguments.target)
    origin, machines, toolchain = _declared(arguments, target)
    write_depfile = options.depfile_writer(arguments, [read[1]], toolchain)
    try:
        made = source(arguments.lang, machines, toolchain, origin=origin, command=_command(arguments, target))
    finally:
        toolchain.close()
    for name in made.left_out:
        print(f"{name} is left out: Pulley needs an engine of its own; --target {name} generates it", file=sys.stderr)
    if arguments.output is None:
        streams.write_bytes(made.text.encode())
    else:
        write_depfile()
        output.update(arguments.output, made.text.encode(), keep_time=arguments.restat)
    return DONE


def _one(targets: list[str]) -> str | None:
    # Other commands take several, so that the last alone would pass for all of them.
    if len(targets) > 1:
        raise UsageError(
            f"wasmbuild embed: --target chooses one target, not {' and '.join(targets)}; name one of them, or leave "
            "--target out for all native ones"
        )
    return targets[0] if targets else None


def _declared(arguments: argparse.Namespace, wanted: str | None) -> tuple[str, list[TargetEngine], Toolchain]:
    """Return where targets are declared, the targets that are asked for, and a compiler for them."""
    from wasmbuild.embed.spec import TargetEngine

    if arguments.manifest is not None:
        if wanted is not None:
            raise UsageError("--target chooses a target of wasmbuild.toml, and a manifest has one only; leave it out")
        if arguments.config != Path(CONFIG):
            raise UsageError(
                f"wasmbuild embed: {arguments.manifest} has the engine, and no --config is read; leave out one of them"
            )
        from wasmbuild.toolchain.toolchain import found

        manifest = _manifest(arguments.manifest)
        _check_shipped(arguments, manifest)
        machine = TargetEngine(manifest.target, manifest.config)
        return arguments.manifest.as_posix(), [machine], found(manifest.major)
    from wasmbuild.builder.workspace import Workspace

    workspace = Workspace(arguments.config)
    project = workspace.project()
    machines = [TargetEngine(target.name, target.engine) for target in project.targets if wanted in (None, target.name)]
    if not machines:
        raise options.no_target(arguments.config, str(wanted), project)
    options.check_beside("embed", [("-o", arguments.output), ("--depfile", arguments.depfile)], project)
    lines = dict.fromkeys(machine.engine.line for machine in machines)
    return arguments.config.as_posix(), machines, workspace.toolchain(project, lines)


def _manifest(path: Path) -> Manifest:
    from wasmbuild.embed.mistaken import in_directory, mistaken
    from wasmbuild.formats.manifest import MAX_MANIFEST, Manifest
    from wasmbuild.shipment.manifests import read_named

    try:
        data = read_named(path, MAX_MANIFEST + 1)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise UsageError(f"{path}: is a directory; {in_directory(path)}") from None
        fix = "name the manifest.json of a target in the build directory"
        kind = FormatError if isinstance(error, FileNotFoundError) else DiskError
        raise kind(f"{path}: cannot be read: {error.strerror or error}; {fix}") from error
    if problem := mistaken(path, data):
        raise UsageError(f"{path}: {problem}")
    return Manifest.from_bytes(data, str(path))


def _check_shipped(arguments: argparse.Namespace, manifest: Manifest) -> None:
    """Check that outputs overwrite nothing that a manifest ships, nor the index above it. Raises UsageError."""
    from wasmbuild.builder import output

    # The manifest itself may be a link to one, and a link in the midst of copies.
    folders = {os.path.realpath(arguments.manifest.parent), os.path.dirname(os.path.realpath(arguments.manifest))}
    made = [Path(folder, name) for folder in folders for name in (f"../{INDEX}", *options.shipped_with(manifest))]
    places = {os.path.normcase(os.path.normpath(path)) for path in made}
    for option, path in (("-o", arguments.output), ("--depfile", arguments.depfile)):
        if path is None:
            continue
        # What is missing is made there again; what is there may have another name.
        if os.path.normcase(os.path.realpath(path)) in places or (
            os.path.isfile(path) and any(output.is_same(path, there) for there in made)
        ):
            raise options.overwrites_made("embed", option, path)


def _command(arguments: argparse.Namespace, target: str | None) -> str:
    """Return the command that generates the file again; it is the same wherever the file is written."""
    command = ["wasmbuild", "embed"]
    if arguments.manifest is not None:
        command.append(arguments.manifest.as_posix())
    command += ["--lang", arguments.lang]
    if target is not None:
        command += ["--target", target]
    if arguments.config != Path(CONFIG):
        command += ["--config", arguments.config.as_posix()]
    return shlex.join(command)
