"""Where the probe runs: in the Python of this host, or in the one of a runner."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wasmbuild.errors import ToolchainError
from wasmbuild.project.plan import Runner
from wasmbuild.toolchain import wire
from wasmbuild.toolchain.child import Limits, Server
from wasmbuild.toolchain.find import Compiler

_HERE = Path(__file__).parent
PROBE = _HERE / "probe.py"
"""The child; it is not imported here, because it imports ``wasmtime``."""

_BOUNDED = _HERE / "bounded.py"
_BESIDE = ("probe_cases.py", "probe_components.py", "values.py")
_ISOLATED = ("-I", "-S", "-X", "utf8")
# Where a Python that was built for a place of its own finds its shared library.
_FOR_PYTHON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def here(library: Compiler, limits: Limits) -> Server:
    """Return a server that runs the probe in this Python. Raises ToolchainError."""
    directories = (Path(library.path).parents[2], _HERE, Path(wire.__file__).parent)
    return Server(
        [
            *(_python(), *_ISOLATED, str(PROBE)),
            *("-" if limits.memory is None else str(limits.memory), *map(str, directories)),
        ],
        name=f"the probe with the library of wasmtime {library.version}",
        limits=Limits(),
        env_extra=_for_python(),
    )


def through(runner: Runner, python: str, target: str, limits: Limits, directory: Path) -> Server:
    """Return a server that runs the probe in the Python of a target's runner, from a copy in ``directory``.

    Its environment is the usual one with the runner's variables; unlike that of this host its Python is not isolated,
    so that these say where its packages are. Raises ToolchainError, and OSError when the copy cannot be written.
    """
    for name in (PROBE, *(_HERE / name for name in _BESIDE), Path(wire.__file__)):
        shutil.copyfile(name, directory / Path(name).name)
    probe = [python, "-X", "utf8", "-B", str(directory / PROBE.name), "-"]
    command, environment = bounded([*runner.command, *probe], runner.environment, limits.memory)
    return Server(
        command,
        name=f"the runner of target {target}",
        limits=Limits(),
        env_extra=environment,
        cwd=runner.directory,
    )


def bounded(
    command: Sequence[str], environment: Mapping[str, str], memory: int | None
) -> tuple[list[str], dict[str, str]]:
    """Return a command that runs another one, which may allocate so many bytes, and the variables to add for it.

    Raises ToolchainError.
    """
    if memory is None:
        return list(command), dict(environment)
    own = {name: value for name, value in _for_python().items() if name not in environment}
    return [_python(), *_ISOLATED, str(_BOUNDED), str(memory), ",".join(own), *command], {**own, **environment}


def _python() -> str:
    if not sys.executable:
        raise ToolchainError("Python does not say where its executable is (sys.executable), so it can start no child")
    return sys.executable


def _for_python() -> dict[str, str]:
    return {name: os.environ[name] for name in _FOR_PYTHON if name in os.environ}
