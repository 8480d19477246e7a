"""``wasmbuild fit``: the ``[engine]`` table for a program whose settings nobody knows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wasmbuild.commands import options
from wasmbuild.errors import DONE, CompileError, DeclarationError, Mistake, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG

if TYPE_CHECKING:
    import argparse

    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.engine.triples import TargetTriple
    from wasmbuild.project.declared import Project
    from wasmbuild.toolchain.toolchain import Toolchain

_DEFAULT_SECONDS = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "wasmbuild fit [options] -- COMMAND... {}"
    parser.add_argument(
        "command",
        metavar="COMMAND",
        nargs="+",
        help="a program that loads an artifact, with {} in place of the artifact's path",
    )
    success = parser.add_mutually_exclusive_group()
    success.add_argument(
        "--success-exit",
        metavar="N",
        type=_status,
        help="the exit status of the program when it has loaded the artifact (default: 0)",
    )
    success.add_argument(
        "--success-text",
        metavar="TEXT",
        help="what the program writes when it has loaded the artifact, whatever its exit status; it need not end then",
    )
    parser.add_argument(
        "--source",
        metavar="FILE",
        type=options.file,
        help="what is compiled for the program (default: an empty module)",
    )
    parser.add_argument("--triple", metavar="TRIPLE", help="the target of the program (default: this machine)")
    parser.add_argument(
        "--line",
        metavar="N",
        type=_line,
        help="the line of Wasmtime (default: as wasmbuild.toml or pip has it)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=options.duration,
        default=_DEFAULT_SECONDS,
        help="for one run of the program (default: %(default)g)",
    )
    parser.add_argument(
        "--write", action="store_true", help="put the table into wasmbuild.toml, and change nothing else of it"
    )
    options.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.engine.config import EngineConfig, engine_toml
    from wasmbuild.fit import search, table

    if not any(search.PLACE in word for word in arguments.command):
        raise UsageError(
            f"wasmbuild fit: the command does not say where the artifact's path goes; write {search.PLACE} there, such "
            f"as: wasmbuild fit -- ./app {search.PLACE}"
        )
    if arguments.success_text == "":
        raise UsageError("wasmbuild fit: --success-text is empty, which any output has; write what tells of success")
    # Read before the search, which may take long.
    text = _read(arguments.config) if arguments.write else ""
    toolchain, line = _toolchain(arguments)
    try:
        triple = _triple(arguments.triple)
        program = search.ExaminedProgram(
            command=arguments.command,
            environment={**os.environ, "RUST_BACKTRACE": "0"},
            seconds=arguments.timeout,
            success=search.Success(arguments.success_exit or 0, arguments.success_text),
        )
        finder = search.Search(program, toolchain, line, triple, lambda step: print(step, file=sys.stderr))
        wasm, kind = _source(arguments.source, toolchain, EngineConfig(line, triple, {}, {}))
        found = finder.run(wasm, kind)
    finally:
        toolchain.close()
    declared = table.shortest(found, line, triple)
    print(engine_toml(declared), end="")
    if arguments.write:
        project = _write(arguments.config, text, declared, line)
        for target in project.targets:
            if (target.engine.line, target.triple) == (line, triple) and (other := table.refused(found, target.engine)):
                print(
                    f"{arguments.config}: targets.{target.name}.engine makes another engine ({', '.join(other)}), and "
                    f"the program loads no artifact of {target.name}; change that if {target.name} is for this program",
                    file=sys.stderr,
                )
    return DONE


def _status(text: str) -> int:
    if not text.isdecimal() or int(text) > 255:
        raise options.refused(f"{text!r} is not an exit status from 0 to 255")
    return int(text)


def _line(text: str) -> int:
    if not text.isdecimal() or len(text) > len("1000"):
        from wasmbuild.engine import lines

        raise options.refused(f"{text!r} is no line of Wasmtime; write one of {', '.join(map(str, lines.known()))}")
    return int(text)


def _toolchain(arguments: argparse.Namespace) -> tuple[Toolchain, int]:
    """Return a compiler: that of the declaration, where there is one, and the one that is found otherwise."""
    from wasmbuild.builder.workspace import Workspace
    from wasmbuild.engine.rules import line_problem
    from wasmbuild.project.declared import lines_of
    from wasmbuild.toolchain.search_path import default_line
    from wasmbuild.toolchain.toolchain import found

    line: int | None = arguments.line
    if line is not None and (problem := line_problem(line)) is not None:
        raise UsageError(f"wasmbuild fit: --line: {problem}")
    if arguments.config != Path(CONFIG) or (line is None and os.path.lexists(CONFIG)):
        workspace = Workspace(arguments.config)
        project = workspace.project()
        # What compiles for a line that is not declared, and is tried, neither it nor its lock file can say.
        if line in (None, project.line, *lines_of(project.targets)):
            line = line or project.line
            return workspace.toolchain(project, [line]), line
    line = line or default_line()
    return found(line), line


def _triple(text: str | None) -> TargetTriple:
    from wasmbuild.engine import host, triples

    text = text or host.triple()
    if text is None:
        raise UsageError("wasmbuild fit: Wasmtime has no compiler for this machine; name the target with --triple")
    try:
        return triples.parse(text)
    except ValueError as error:
        raise UsageError(f"wasmbuild fit: --triple: {text!r} {error}") from None


def _source(path: Path | None, toolchain: Toolchain, engine: EngineConfig) -> tuple[bytes | None, str]:
    """Return the binary of what is compiled and its kind; without a path, an empty module is."""
    if path is None:
        return None, "module"
    from wasmbuild import files
    from wasmbuild.formats import wasm_traits
    from wasmbuild.formats.identify import identify
    from wasmbuild.toolchain import features

    try:
        data = files.read(path)[0]
    except OSError as error:
        raise UsageError(f"wasmbuild fit: --source: {path}: {error.strerror or error}") from None
    if identify(data).kind == "text":
        try:
            data = toolchain.translate(data)
        except CompileError as error:
            raise CompileError(f"{path}: {error}") from error
    identity = identify(data)
    if identity.kind not in ("module", "component"):
        raise UsageError(f"wasmbuild fit: --source: {path} is {identity.sentence}; name a module or component")
    if wasm_traits.has_legacy_exceptions(data):
        raise CompileError(features.legacy_exceptions(str(path), engine))
    return data, identity.kind


def _read(path: Path) -> str:
    from wasmbuild.project.declaration_file import read

    try:
        return read(path).decode()
    except UnicodeDecodeError:
        raise DeclarationError([Mistake(str(path), "", "is not UTF-8", "save the file as UTF-8")]) from None


def _write(path: Path, text: str, declared: dict[str, bool | int | str], line: int) -> Project:
    """Put the table into a declaration, when it is still sound with it and nobody has changed it meanwhile.

    Returns what it declares then.
    """
    from wasmbuild.builder import output
    from wasmbuild.builder.disk import REPLACING, as_disk_error
    from wasmbuild.fit.edit import with_engine
    from wasmbuild.project.config import parse

    changed = with_engine(text, declared, str(path)).encode()
    project = parse(changed, file=str(path), directory=path.absolute().parent, default_line=line)
    if changed == text.encode():
        return project
    if _read(path) != text:
        raise UsageError(
            f"{path}: was changed meanwhile, and nothing was written; put the table in by hand, or try again"
        )
    with as_disk_error(path, "written", REPLACING):
        mode = path.stat().st_mode
        output.write(path, changed)
        path.chmod(mode)
    print(f"{path}: [engine] written", file=sys.stderr)
    return project
