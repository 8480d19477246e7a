"""Where the probe runs: in the Python of this host, or in the one of a runner."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from wasmbuild import usercache
from wasmbuild.builder import disk
from wasmbuild.errors import DiskError
from wasmbuild.project.declared import Runner
from wasmbuild.toolchain import configure, python, wire
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.server import Server

_HERE = Path(__file__).parent
PROBE = _HERE / "probe_main.py"
"""What starts the child, whose files are not imported here, because they import ``wasmtime``."""

_LIMITED = _HERE / "memory_limited.py"
_BESIDE = tuple(
    _HERE / name
    for name in (
        "probe.py",
        "probe_cases.py",
        "probe_components.py",
        "probe_interface.py",
        "probe_outcomes.py",
        "probe_stand_ins.py",
        "values.py",
    )
)
_SHARED = (Path(wire.__file__), Path(configure.__file__))


def here(library: FoundCompiler, limits: ProcessLimits, directory: Path | None = None) -> Server:
    """Return a server that runs the probe in this Python. Raises ToolchainError.

    ``directory`` is where it puts what is for one test, for whoever made that to remove: a probe may be killed.
    """
    # Packages last, for they may hold anything.
    directories = (_HERE, Path(wire.__file__).parent, Path(library.path).parents[2])
    memory = "-" if limits.memory is None else str(limits.memory)
    return Server(
        python.isolated(PROBE, (memory, *directories)),
        name=f"the probe with the library of wasmtime {library.version}",
        limits=ProcessLimits(),
        env_extra={**python.variables(), **_temporary(directory)},
    )


def through(runner: Runner, interpreter: str, limits: ProcessLimits, directory: Path) -> Server:
    """Return a server that runs the probe in the Python of a target's runner, from a copy of it.

    Its environment is the usual one with the runner's variables; unlike that of this host its Python is not isolated,
    so that these say where its packages are. The copy is one that the user's cache keeps, or else lies in
    ``directory``. Raises ToolchainError, and OSError when the copy cannot be written.
    """
    try:
        probe, options = _kept()
    except (OSError, RuntimeError, DiskError):
        probe, options = _copied(directory), ("-B",)
    program = [interpreter, "-X", "utf8", *options, str(probe), "-"]
    environment = {**_temporary(directory), **runner.environment}
    command, environment = with_memory_limit([*runner.command, *program], environment, limits.memory)
    return Server(
        command,
        name="the runner",
        limits=ProcessLimits(),
        env_extra=environment,
        cwd=runner.directory,
    )


def _temporary(directory: Path | None) -> dict[str, str]:
    """Return what tells Python where temporary files go; on a machine that has no such directory, it looks on."""
    return {} if directory is None else {"TMPDIR": str(directory)}


def _kept() -> tuple[Path, tuple[str, ...]]:
    """Return the probe's place in a cache, and options with which Python keeps its bytecode there.

    An emulated Python compiles what it imports for longer than everything else of its start takes.
    Raises OSError, RuntimeError, DiskError.
    """
    cache = usercache.own_directory()
    contents = {file.name: file.read_bytes() for file in (PROBE, *_BESIDE, *_SHARED)}
    digest = hashlib.sha256(b"".join(contents.values())).hexdigest()
    directory = usercache.own_directory("probes", digest[:16])
    usercache.own_directory("bytecode")
    for name, content in contents.items():
        if not _holds(directory / name, content):
            disk.write(directory / name, content, disk.REPLACING)
    return directory / PROBE.name, ("-X", f"pycache_prefix={cache / 'bytecode'}")


def _holds(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except FileNotFoundError:
        return False


def _copied(directory: Path) -> Path:
    for file in (PROBE, *_BESIDE, *_SHARED):
        shutil.copyfile(file, directory / file.name)
    return directory / PROBE.name


def with_memory_limit(
    command: Sequence[str], environment: Mapping[str, str], memory: int | None
) -> tuple[list[str], dict[str, str]]:
    """Return a command that runs another one, which may allocate so many bytes, and the variables to add for it.

    Raises ToolchainError.
    """
    if memory is None:
        return list(command), dict(environment)
    own = {name: value for name, value in python.variables().items() if name not in environment}
    return python.isolated(_LIMITED, (str(memory), ",".join(own), *command)), {**own, **environment}
