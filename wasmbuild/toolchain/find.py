"""Which compiler makes the artifacts: the one that is named, else the best that is installed."""

from __future__ import annotations

import os

from wasmbuild.errors import ToolchainError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain import executable, identities, search_path
from wasmbuild.toolchain.executable import ExecutableIdentity, UndecidedError, UnexaminedError, UnusableExecutableError
from wasmbuild.versions import order

if TYPE_CHECKING:
    from collections.abc import Collection

CLI = "cli"
EMBEDDED = "embedded"
AUTO = "auto"


class NoCompilerError(ToolchainError):
    """Every candidate was looked at, and none is what is wanted: as sure as that none is there."""


class FoundCompiler(NamedTuple):
    """What turns a source into an artifact.

    ``kind`` is ``"cli"``, then ``path`` is an executable, or ``"embedded"``, then it is the shared library of the
    ``wasmtime`` Python package. ``version`` is as it says itself, ``sha256`` the digest of that file.
    """

    kind: str
    path: str
    version: str
    sha256: str


def find(
    choice: str,
    line: int,
    project_dir: str | os.PathLike[str],
    *,
    at_least: str | None = None,
    preferred: str | None = None,
    way: str = "",
    others: Collection[int] = (),
) -> FoundCompiler:
    """Return the compiler that makes a project's artifacts.

    ``choice`` is ``"auto"``, ``"cli"``, ``"embedded"`` or a path, which counts from ``project_dir``. ``line`` is the
    major version, ``at_least`` the lowest version that will do, such as ``"48.0.8"``; of a line whose releases load
    nothing of each other it is the only one. ``preferred`` is the SHA-256 of the executable that is taken where it is
    found, whatever else is, and ``way`` the command that gets it. An executable that is named compiles for its own
    line: where that is one of ``others``, which are the lines of the project, another one is looked for here.

    Raises ToolchainError, with what was passed over and why, when there is none: NoCompilerError where it is known of
    each candidate that it is another one.
    """
    wanted = _Wanted(line, at_least)
    if choice == EMBEDDED:
        return _library_of(wanted)
    named = _named(choice, project_dir, wanted, others)
    if named is not None:
        return named
    found, passed_over, certain = _best(wanted, preferred)
    if found is not None:
        return found
    if choice != CLI:
        try:
            return _library_of(wanted)
        except ToolchainError as error:
            # What to do about it helps for targets of this machine alone, and what is told below for every target.
            passed_over.append(str(error).partition("; ")[0])
    what = "wasmtime executable" if choice == CLI else "compiler"
    raise (NoCompilerError if certain else ToolchainError)(
        "\n".join([f"no {what} of {wanted} was found", *_indented(passed_over), remedies(line, at_least, way)])
    )


def why_passed_over(line: int, at_least: str | None = None) -> list[str]:
    """Return why executables that there are do not compile for a line, each as an indented line of a message."""
    try:
        return _indented(_best(_Wanted(line, at_least), None)[1])
    except ToolchainError as error:
        return _indented([str(error)])


def _indented(passed_over: list[str]) -> list[str]:
    return [f"    passed over: {reason}" for reason in passed_over]


def library(line: int | None = None) -> FoundCompiler:
    """Return an embedded library as a compiler, without importing it: by default that of this environment.

    With a ``line`` it is one of that, the environment's or one that was installed. Its digest is taken only when its
    stat signature is new. Raises ToolchainError when there is none.
    """
    path = search_path.library()
    if line is not None:
        return _library_of(_Wanted(line, None))
    if path is None:
        path = next(iter(search_path.libraries()), None)
    if path is None:
        raise ToolchainError(
            "the wasmtime Python package is not installed here, or not for this machine; run: pip install wasmtime"
        )
    return _library(path)


def _library(path: Path) -> FoundCompiler:
    version = search_path.library_version(path)
    if version is None:
        raise ToolchainError(untold_version(path))
    try:
        return FoundCompiler(EMBEDDED, str(path), version, identities.digest(path))
    except OSError as error:
        raise ToolchainError(f"{path}: cannot be read: {error.strerror or error}") from error


def untold_version(path: Path) -> str:
    """Say that the version of the package that holds a library cannot be told, and what to do about it."""
    return (
        f"the version of the wasmtime Python package in {path.parents[1]} cannot be told, because its metadata is "
        f"missing or there twice, or has no version of three numbers; install it again: pip install --force-reinstall "
        f"wasmtime"
    )


def by_digest(sha256: str) -> FoundCompiler | None:
    """Return the compiler whose file has this digest, of all that may be found here and of copies that were kept.

    None where it is not here, or cannot be run.
    """
    from wasmbuild.toolchain.executable_copy import copies

    variable = search_path.named()
    named = [] if variable is None else [variable]
    for path in [*named, *(place.path for place in search_path.executables()), *copies(sha256)]:
        with suppress(OSError, executable.UnusableExecutableError, ToolchainError):
            if identities.digest(path) == sha256:
                return FoundCompiler(CLI, *executable.identify(path))
    with suppress(ToolchainError):
        if (embedded := library()).sha256 == sha256:
            return embedded
    return None


def remedies(line: int, at_least: str | None = None, way: str = "") -> str:
    """Return what to do to get an executable that compiles for every target, one way per line, or the only ``way``."""
    from wasmbuild.engine import lines

    if way:
        return f"get the one that is locked: {way}"
    version = at_least or str(line)
    commands = [*lines.install_commands(line, at_least), f"wasmbuild toolchain install {version} --from cargo"]
    ways = "".join([f"    {command}\n" for command in commands])
    return (
        f"get one in any of these ways:\n{ways}"
        f"    name an executable of Wasmtime {version} in {search_path.VARIABLE} or as [toolchain] compiler"
    )


class _Wanted(NamedTuple):
    line: int
    at_least: str | None

    @property
    def exact(self) -> bool:
        """Whether the version is the only one that will do, since no other release loads what it compiles."""
        if self.at_least is None:
            return False
        from wasmbuild.engine import lines

        return lines.own_release_only(self.line)

    def __str__(self) -> str:
        if self.at_least is None:
            return f"Wasmtime {self.line}"
        return f"Wasmtime {self.at_least}" if self.exact else f"Wasmtime {self.line} from {self.at_least} on"

    def problem(self, version: str) -> str:
        """Say why a version will not do; empty when it does."""
        if order(version)[0] != self.line:
            return f"is Wasmtime {version}, not {self.line}"
        if self.exact and version != self.at_least:
            return f"is Wasmtime {version}, and what it compiles does not load in {self.at_least}"
        if self.at_least is not None and order(version) < order(self.at_least):
            return f"is Wasmtime {version}, older than {self.at_least}"
        return ""


def unfit(version: str, line: int, at_least: str | None) -> str:
    """Say why a version is not what is wanted, as ``find`` takes that; empty when it is."""
    return _Wanted(line, at_least).problem(version)


def named_executable(choice: str, project_dir: str | os.PathLike[str]) -> tuple[Path, str] | None:
    """Return the executable that the declaration or the environment names, and what names it; None where none does."""
    found = search_path.named_by(choice)
    return None if found is None else (Path(os.path.normpath(Path(project_dir) / found[0])), found[1])


def _named(
    choice: str, project_dir: str | os.PathLike[str], wanted: _Wanted, others: Collection[int]
) -> FoundCompiler | None:
    """Return the executable that is named, None where none is for this line. Raises ToolchainError."""
    if (found := named_executable(choice, project_dir)) is None:
        return None
    path, named_by = found
    try:
        if os.path.isfile(path) and not os.access(path, os.X_OK):
            if not executable.is_program(path):
                raise UnusableExecutableError("is no program")
            import shlex

            raise UnusableExecutableError(f"has no permission to run; run: chmod +x {shlex.quote(str(path))}")
        identity = executable.identify(path)
    except UnusableExecutableError as error:
        raise ToolchainError(
            f"{named_by}: {path} {error}; name an executable of {wanted} there, or leave it out to have one found"
        ) from error
    line = order(identity.version)[0]
    if line != wanted.line and line in others:
        return None
    if problem := wanted.problem(identity.version):
        instead = _declaring(identity.version, wanted)
        raise NoCompilerError(f"{named_by}: {path} {problem}; name another executable there{instead}")
    return FoundCompiler(CLI, *identity)


def _declaring(version: str, wanted: _Wanted) -> str:
    """Return the other way, to declare what an executable of this version compiles for; empty where nobody can."""
    from wasmbuild.engine import lines

    line = order(version)[0]
    if wanted.exact and line == wanted.line:
        # There, runtime names the compiler too.
        return ", or change the release that is declared"
    if line not in lines.known():
        return ""
    release = version if lines.own_release_only(line) else line
    declared = wanted.at_least if line == wanted.line else f"line {wanted.line}"
    return f', or write wasmtime = "{release}" in place of {declared}, under [toolchain] or in a target'


def _best(wanted: _Wanted, preferred: str | None) -> tuple[FoundCompiler | None, list[str], bool]:
    """Return the executable of the highest version, the first of equals, and why others were passed over.

    The last is whether that is known of each of them, and not that it could not be looked at.

    Raises ToolchainError when none is left and one of them only lacks the permission to run, UndecidedError when it
    cannot be told which is the best.
    """
    best: ExecutableIdentity | None = None
    passed_over: list[str] = []
    blocked: ToolchainError | None = None
    untold: ToolchainError | None = None
    certain = True
    for candidate in search_path.executables():
        try:
            if executable.is_script(candidate.path):
                raise UnusableExecutableError(
                    "is a script, whose bytes say nothing of what compiles; name the executable it starts"
                )
            identity = executable.identify(candidate.path)
            if problem := wanted.problem(identity.version):
                raise UnusableExecutableError(problem)
        except UnusableExecutableError as error:
            certain = certain and not isinstance(error, UnexaminedError)
            passed_over.append(f"{candidate.path} ({candidate.origin}) {error}")
        except UndecidedError as error:
            untold = untold or error
        except ToolchainError as error:
            blocked = blocked or error
        else:
            if identity.sha256 == preferred:
                return FoundCompiler(CLI, *identity), passed_over, certain
            if best is None or order(identity.version) > order(best.version):
                best = identity
    if untold is not None:
        raise untold
    if best is None and blocked is not None:
        raise blocked
    if not search_path.has_home():
        certain = False
        passed_over.append("those of your home directory, because the system knows none; set HOME")
    return (FoundCompiler(CLI, *best) if best is not None else None), passed_over, certain


def _library_of(wanted: _Wanted) -> FoundCompiler:
    """Return the first library that will do. Raises ToolchainError."""
    from wasmbuild.engine import lines

    if problem := lines.without_library(wanted.line):
        raise ToolchainError(problem)
    found = library()
    problem = wanted.problem(found.version)
    if not problem:
        return found
    for path in search_path.libraries():
        version = search_path.library_version(path)
        if version is not None and not wanted.problem(version):
            return _library(path)
    line = wanted.line
    fix = (
        f"install one that fits beside it: wasmbuild toolchain install {line} --library; or in its place: pip install "
        f'"wasmtime>={line},<{line + 1}"'
    )
    if wanted.at_least is not None:
        # Of most lines the package has one release.
        fix = f'compile with an executable: wasmbuild toolchain install {wanted.at_least}, and compiler = "{AUTO}"'
    raise ToolchainError(f"the wasmtime Python package {problem}; {fix}")
