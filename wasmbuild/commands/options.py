"""Options, selections and answers that several commands share."""

from __future__ import annotations

import os

from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG, RECORD_SUFFIX

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wasmbuild.formats.manifest import Manifest
    from wasmbuild.project.declared import Project
    from wasmbuild.toolchain.toolchain import Toolchain


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=file,
        default=Path(CONFIG),
        help="the declaration (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--json", action="store_true", help=f"write {what} to stdout as JSON")


def add_no_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-cache", action="store_true", help="compile even what was compiled before elsewhere, and keep none of it"
    )


def add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--push",
        action="store_true",
        help="put what is compiled into [cache] remote too (default: as [cache] push says)",
    )


def check_push(command: str, arguments: argparse.Namespace) -> None:
    """Raise UsageError where a cache is to be left out and to be filled."""
    if arguments.push and arguments.no_cache:
        raise UsageError(f"wasmbuild {command}: --push fills a cache that --no-cache leaves out; leave out one of them")


def add_restat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--restat",
        action="store_true",
        help="leave the time of a file whose bytes stay the same, for rules of Ninja with restat = 1 (default: it gets "
        "the present time, by which Make and Ninja know that it is up to date)",
    )


def add_depfile(parser: argparse.ArgumentParser, output: str) -> None:
    parser.add_argument(
        "--depfile", metavar="D", type=file, help=f"write what {output} depends on, in the syntax of make"
    )
    parser.add_argument(
        "--depfile-for-cmake",
        action="store_true",
        help="write the depfile as CMake reads it: one rule, without the backslashes that make alone takes back",
    )


def check_depfile(command: str, arguments: argparse.Namespace) -> None:
    """Raise UsageError where there is no depfile, and it is said how that is to be written."""
    if arguments.depfile_for_cmake and arguments.depfile is None:
        raise UsageError(
            f"wasmbuild {command}: --depfile-for-cmake says how the depfile is written; name that with --depfile"
        )


def depfile(arguments: argparse.Namespace, out: Path, inputs: Iterable[Path]) -> bytes:
    """Return the depfile of an output as it was asked for. Raises UsageError for names that it cannot hold."""
    from wasmbuild.builder.depfile import depfile

    return depfile(out, inputs, for_cmake=arguments.depfile_for_cmake)


def depfile_writer(arguments: argparse.Namespace, inputs: Iterable[Path], toolchain: Toolchain) -> Callable[[], None]:
    """Return what writes the depfile, which is asked for or not, of an output that a compiler has a part in.

    It is written before the output: without it, the output would pass for up to date from then on. Raises UsageError
    for names that no depfile can hold, before anything is made.
    """
    if arguments.depfile is None:
        return lambda: None
    from wasmbuild.builder import output

    content = depfile(arguments, arguments.output, [*inputs, *toolchain.files()])
    return lambda: output.write(arguments.depfile, content)


def check_output(command: str, option: str, path: Path, others: Iterable[tuple[str, Path]]) -> None:
    """Check that an output can be written where the user named it and overwrites nothing else of the command line.

    ``others`` are files of the command line, each with what names it there. Raises UsageError, DiskError.
    """
    from wasmbuild.builder import output

    for name, other in others:
        if output.is_same(path, other):
            raise UsageError(
                f"wasmbuild {command}: {option} {path} would overwrite {name} {other}, which is the same file; "
                f"name another one with {option}"
            )
    output.replaced(path)


def check_beside(
    command: str, outputs: Iterable[tuple[str, Path | None]], project: Project, own: Mapping[str, str] = {}
) -> None:
    """Check that outputs overwrite nothing that is declared, or that a build makes, without a look for its files.

    ``outputs`` are options with the files that they name, if any. ``own`` are paths below the build directory, by the
    options that may name them: what is made there is what a build makes. Raises UsageError, DiskError, OSError for a
    folder that cannot be listed.
    """
    from wasmbuild.confined import is_below
    from wasmbuild.project.module_of_file import makes, read_at
    from wasmbuild.toolchain.search_path import LOCK

    root = os.path.realpath(project.build_dir)
    for option, path in outputs:
        if path is None:
            continue
        real = os.path.realpath(path)
        if is_below(root, real):
            place = os.path.relpath(real, root).replace(os.sep, "/")
            if place == own.get(option):
                continue
            if makes(project, place):
                raise overwrites_made(command, option, path)
        # Of thousands of steps nearly all write what is not there yet.
        if os.path.isfile(path):
            lock = ("the lock file", Path(project.file).parent / LOCK)
            check_output(command, option, path, [lock, *read_at(project, path)])


def shipped_with(manifest: Manifest) -> list[str]:
    """Return the paths, relative to a manifest, of what a build puts beside it: artifacts, records and sources."""
    found = [artifact.path for artifact in manifest.artifacts]
    found += [path + RECORD_SUFFIX for path in found]
    return [*found, *(artifact.wasm.path for artifact in manifest.artifacts if artifact.wasm is not None)]


def overwrites_made(command: str, option: str, path: Path) -> UsageError:
    """Return the error for an output in the place of what a build makes."""
    return UsageError(
        f"wasmbuild {command}: {option} {path} would overwrite what the build makes there; name another one with "
        f"{option}"
    )


def refused(problem: str) -> argparse.ArgumentTypeError:
    """Return what tells a parser why a value is refused."""
    import argparse

    return argparse.ArgumentTypeError(problem)


def named(text: str) -> str:
    """Read the name of a file or directory as it was written; an empty one is that of a variable that was not set."""
    if not text:
        raise refused('"" names nothing; write a name, or set the variable that stands for it')
    return text


def file(text: str) -> Path:
    """Read the name of a file; an empty one is that of a variable that was not set, not of the current directory."""
    if not text:
        raise refused('"" names no file; write its name, or set the variable that stands for it')
    if text == "-":
        raise refused("- stands for standard input or output, and this is a file; write ./- for one that is called so")
    return Path(text)


def directory(text: str) -> Path:
    """Read the name of a directory; an empty one is that of a variable that was not set, not of the current one."""
    if not text:
        raise refused('"" names no directory; write . for the current one')
    return Path(text)


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise refused(f"{text!r} is not a number from 1 to 1024")
    return int(text)


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86400:
        raise refused(f"{text!r} is not a number of seconds from 0 to 86400")
    return value


def duration(text: str) -> float:
    """Read a number of seconds that something may take."""
    value = seconds(text)
    if value == 0:
        raise refused("0 s is no time to do anything in; write more")
    return value


def memory(text: str) -> int:
    """Read an amount of memory in bytes."""
    from wasmbuild.project.amounts import memory_bytes

    try:
        return memory_bytes(int(text) if text.isascii() and text.isdecimal() else text)
    except ValueError as error:
        raise refused("; ".join(error.args)) from None


def select(selectors: Sequence[str], ids: Iterable[str]) -> list[str]:
    """Return the ids that selectors choose, all of them without one. Raises UsageError where one matches nothing."""
    ids = list(ids)
    if not selectors:
        return ids
    known = set(ids)
    chosen: set[str] = set()
    for selector in selectors:
        # Programs name each of thousands: no id is a glob, and each glob is tried on all of them.
        matched = [selector] if selector in known else _matching(selector, ids)
        if not matched:
            meant = _meant(selector, ids)
            hint = f"did you mean {meant}?" if meant else "wasmbuild plan lists the ids"
            raise UsageError(f"{selector!r} matches no artifact; {hint}")
        chosen.update(matched)
    return [id for id in ids if id in chosen]


def no_target(config: Path, name: str, project: Project) -> UsageError:
    """Return the error that a declaration has no target of a name."""
    from wasmbuild.text import suggestion

    meant = suggestion(name, project.target_names)
    hint = f"did you mean {meant}?" if meant else f"targets are {', '.join(project.target_names)}"
    return UsageError(f"{config}: there is no target {name!r}; {hint}")


def print_json(document: object) -> None:
    import json

    print(json.dumps(document, indent=2))


def _matching(selector: str, ids: Sequence[str]) -> list[str]:
    import re
    from fnmatch import translate

    return list(filter(re.compile(translate(selector)).match, ids))


def _meant(selector: str, ids: Sequence[str]) -> str | None:
    """Return the selector that was probably meant: all of a module, all of a target, or an id."""
    from wasmbuild.text import suggestion

    names = [id.split("@") for id in ids]
    every = dict.fromkeys(pattern for module, target in names for pattern in (f"{module}@*", f"*@{target}"))
    named = (pattern for pattern in (f"{selector}@*", f"*@{selector}") if pattern in every)
    meant = next(named, None) or suggestion(selector, [*every, *ids])
    # A shell would take the star for one of its own.
    return repr(meant) if meant in every else meant
