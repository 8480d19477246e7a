"""What was got, looked at before it is installed or locked: bytes that nobody looked at would be taken for right."""

from __future__ import annotations

from pathlib import Path

from wasmbuild import files
from wasmbuild.diagnosis import compiling
from wasmbuild.errors import ChildError, HostError, ToolchainError
from wasmbuild.formats import program
from wasmbuild.formats.cwasm import ReadAt
from wasmbuild.formats.identify import identify_at
from wasmbuild.text import printable
from wasmbuild.toolchain import child, endings, executable, process
from wasmbuild.toolchain.executable import ExecutableIdentity
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.platforms import Platform

_EMPTY_MODULE = b"\0asm\1\0\0\0"
# A few hundredths are usual; the rest is for a machine that swaps.
_COMPILE_SECONDS = 60
_FORMATS = {"linux": program.ELF, "musl": program.ELF, "macos": program.MACH_O, "windows": program.PE}


def for_this_machine(made: Path, source: str, wanted: str | None, undone: str) -> ExecutableIdentity:
    """Return what an executable is that lies in a directory of its own.

    ``source`` gave it, ``wanted`` is what was asked for, a version or the beginning of one, and ``undone`` says what
    was not done otherwise, and what to do.

    Raises ToolchainError where it is no such Wasmtime, does not run here, or does not compile.
    """
    try:
        identity = executable.identify(made)
    except executable.UnusableExecutableError as error:
        raise ToolchainError(f"what {source} gave {error}; {undone}") from error
    if executable.is_script(made):
        raise ToolchainError(f"what {source} gave is a script, and starts another one; {undone}")
    if wanted is not None and identity.version != wanted and not identity.version.startswith(f"{wanted}."):
        raise ToolchainError(f"what {source} gave is Wasmtime {identity.version}, not {wanted}; {undone}")
    if problem := _cannot_compile(made):
        raise ToolchainError(f"what {source} gave {problem}; {undone}")
    return identity


def for_platform(made: Path, platform: Platform, source: str, undone: str) -> None:
    """Return where a file is a program of a platform that is not this one: more than that only that one can tell.

    Raises ToolchainError.
    """
    with files.open_regular(made) as file:
        found = program.read(file.read(program.HEAD))
        if found is None:
            sentence = identify_at(ReadAt.of(file, made.stat().st_size)).sentence
            raise ToolchainError(f"what {source} gave is {sentence}, and no program for {platform.name}; {undone}")
    # Upstream's word names extensions, too.
    architecture = platform.arch.removesuffix("gc")
    if found.format != _FORMATS[platform.system] or architecture not in found.architectures:
        is_for = f"a program for {' and '.join(found.architectures)} ({found.format})"
        raise ToolchainError(f"what {source} gave is {is_for}, and not one for {platform.name}; {undone}")


def _cannot_compile(made: Path) -> str:
    """Say why an executable does not compile; empty where it does. One without a compiler has a version all the same.

    Raises ChildError, HostError.
    """
    wasm = made.with_name("empty.wasm")
    wasm.write_bytes(_EMPTY_MODULE)
    command = [str(made), "compile", "-Ccache=n", "-o", str(wasm.with_suffix(".cwasm")), str(wasm)]
    try:
        ended = child.run(command, limits=ProcessLimits(seconds=_COMPILE_SECONDS))
    except ChildError as error:
        raise process.as_host_error(error) or error from error
    cause = compiling.cause(ended.stderr)
    if cause is not None and cause.word == compiling.NO_COMPILER:
        return "was built without its compiler, as wasmtime-min is"
    if not ended.reason:
        return ""
    said = printable(" ".join(ended.stderr.split()), 200)
    problem = f"does not compile an empty module: it {ended.reason}{f' ({said})' if said else ''}"
    if lacking := endings.want(ended.reason, alone=True):
        raise HostError(f"{made} {problem}; {lacking}")
    return problem
