"""Executables built by cargo: from the registry of crates, or from an archive of sources that holds all of them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from wasmbuild.engine import lines
from wasmbuild.errors import ToolchainError
from wasmbuild.interrupts import HEARING_SECONDS, DeferredInterrupts
from wasmbuild.toolchain import process
from wasmbuild.toolchain.installed import PROGRAM
from wasmbuild.toolchain.search_path import WINDOWS


def install(request: str, scratch: Path, *, offline: bool) -> Path:
    """Build what was asked for, the newest where that is a line, and return the executable. It takes minutes.

    Raises ToolchainError.
    """
    version = request if request.count(".") == 2 else f"~{request}"
    return _run(["wasmtime-cli", "--version", version], int(request.partition(".")[0]), scratch, scratch, offline)


def build(sources: Path, line: int, scratch: Path) -> Path:
    """Build an unpacked archive of sources without the network, and return the executable.

    Raises ToolchainError.
    """
    return _run(["--path", str(sources)], line, scratch, sources, True)


def _run(what: list[str], line: int, scratch: Path, folder: Path, offline: bool) -> Path:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise ToolchainError("cargo is not on PATH, and builds Wasmtime; install Rust, or leave out --from cargo")
    features = ["--features", "all-arch"]
    if line in lines.known():
        features = ["--no-default-features", "--features", ",".join(lines.get(line).cargo_features)]
    arguments = [cargo, "install", *what, "--locked", *features, *(["--offline"] if offline else [])]
    arguments += ["--root", str(scratch / "root"), "--target-dir", str(scratch / "target")]
    # Its progress is what people see meanwhile; stdout stays for what was asked.
    child = None
    try:
        with DeferredInterrupts():
            child = subprocess.Popen(
                arguments,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=_stderr(),
                stderr=_stderr(),
                env=_environment(scratch / "root"),
                # With the compilers that it started, which would go on for minutes, it ends when this does.
                start_new_session=not WINDOWS,
            )
        status = _awaited(child)
    except BaseException:
        if child is not None:
            process.end(child)
        raise
    made = scratch / "root" / "bin" / PROGRAM
    if status or not os.path.isfile(made):
        raise ToolchainError(
            f"cargo ended with status {status}, and nothing was installed; what it wrote says why\n"
            f"    $ {shlex.join(arguments[:-4])}"
        )
    return made


def _awaited(child: subprocess.Popen[bytes]) -> int:
    """Return the status with which a child ends, hearing of requests to stop meanwhile."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(HEARING_SECONDS)


def _environment(root: Path) -> dict[str, str]:
    """Return what cargo is told besides its arguments, to install into ``root``."""
    # Who compiles to WebAssembly may have named that there for all that cargo builds.
    kept = {name: value for name, value in os.environ.items() if name != "CARGO_BUILD_TARGET"}
    # Else cargo advises to put a directory on PATH that does not stay.
    path = os.pathsep.join([*filter(None, [kept.get("PATH")]), str(root / "bin")])
    return {**kept, "CARGO_INSTALL_ROOT": str(root), "PATH": path}


def _stderr() -> int | None:
    """Return the descriptor of stderr; None, which is to inherit it, where Python has replaced it."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):
        return None
