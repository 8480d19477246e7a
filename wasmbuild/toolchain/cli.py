"""Compile with a ``wasmtime`` executable.

It is told everything: ``--target`` keeps it from taking over the features of this machine's CPU, ``-C cache=n`` from
writing to the user's cache, and what it reads and writes is named in full, wherever it runs. With that its
artifacts are, byte for byte, what the library makes of the same settings.
"""

from __future__ import annotations

import os

from wasmbuild.errors import ChildError, CompileError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain import child, executable, process
from wasmbuild.toolchain.job import Job

if TYPE_CHECKING:
    from wasmbuild.toolchain.find import FoundCompiler


def compile_command(compiler: FoundCompiler, job: Job) -> list[str]:
    """Return the command line of one compile."""
    return _command(compiler.path, job, str(job.wasm), str(job.out))


def _command(program: str, job: Job, source: str, out: str) -> list[str]:
    command = [program, "compile", *job.engine.executable_arguments()]
    if not job.parallel:
        command += ["-C", "parallel-compilation=n"]
    return [*command, "-o", out, source]


def compile(compiler: FoundCompiler, job: Job) -> int | None:  # noqa: A001 -- called as cli.compile
    """Compile ``job.wasm`` into ``job.out``; return the most memory that it took in bytes, None where that is not told.

    Raises CompileError with the command and what it wrote, DiskError when the output cannot be written, HostError when
    this host has not enough to start a program, ToolchainError when a memory limit is asked for that it cannot set.
    """
    try:
        ended = child.run(compile_command(compiler, job), limits=job.limits)
    except ChildError as error:
        raise process.as_host_error(error) or CompileError(str(error)) from error
    if ended.reason:
        # The folders of its name are in a build directory, if at all, and not where the line is typed.
        shown = _command(job.compiler or compiler.path, job, job.source, os.path.basename(job.name))
        # None of this is light, and a compile that goes well needs none of it.
        import shlex
        import subprocess

        from wasmbuild.toolchain.advice import failure

        command = subprocess.list2cmdline(shown) if os.name == "nt" else shlex.join(shown)
        raise failure(job, f"wasmtime {compiler.version}", ended.reason, ended.stderr, command=command)
    executable.refuse_another(compiler.path, compiler.sha256)
    if not os.path.isfile(job.out):
        raise CompileError(f"{compiler.path} reported success but wrote nothing; is it a wasmtime executable?")
    return ended.peak_memory
