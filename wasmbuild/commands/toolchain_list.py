"""``wasmbuild toolchain list``: which executables and libraries of Wasmtime there are."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options
from wasmbuild.errors import DONE, ToolchainError, WasmbuildError
from wasmbuild.project.declared import lines_of
from wasmbuild.project.filenames import CONFIG
from wasmbuild.text import escaped, printable
from wasmbuild.toolchain import executable, identities, installed, search_path

LIST_SCHEMA = "wasmbuild/toolchains/1"

_LONG_TERM = 48


def run(*, as_json: bool) -> int:
    """Print the list, as JSON if asked, and return the exit code."""
    unexamined: list[str] = []
    entries = list(_entries(unexamined))
    if as_json:
        options.print_json({"schema": LIST_SCHEMA, "toolchains": entries})
        return DONE
    for entry in entries:
        origin = entry["origin"] + (f", from {printable(entry['source'])}" if "source" in entry else "")
        if entry["kind"] == "library":
            origin = f"library, {origin}"
        print(f"{entry['version']:<8}  {entry['sha256'][:12]}  {entry['path']}  ({origin})")
    for reason in unexamined:
        print(f"left out: {escaped(reason)}", file=sys.stderr)
    if not unexamined and not any(entry["kind"] == "executable" for entry in entries):
        install = ", then ".join(f"wasmbuild toolchain install {version}" for version in _wanted())
        print(f"no executable of Wasmtime was found; run: {install}", file=sys.stderr)
    return DONE


def _wanted() -> list[str]:
    """Return the versions that the declaration of the working directory asks for, or the line of this environment."""
    if os.path.isfile(CONFIG):
        # What is wrong with it keeps nobody from seeing what there is.
        with contextlib.suppress(WasmbuildError):
            targets = Workspace(Path(CONFIG)).project().targets
            return [at_least or str(line) for line, at_least in lines_of(targets).items()]
    return [str(search_path.library_line() or _LONG_TERM)]


def _entries(unexamined: list[str]) -> list[dict[str, str]]:
    """Return what there is; to ``unexamined`` it adds the executables that may be Wasmtime, and what is in the way."""
    entries = []
    for candidate in search_path.executables():
        if executable.is_script(candidate.path):
            continue
        try:
            identity = executable.identify(candidate.path)
        except executable.UnexaminedError as error:
            unexamined.append(f"{candidate.path} ({candidate.origin}) {error}")
            continue
        except (executable.UnusableExecutableError, ToolchainError):
            continue
        entry = {"kind": "executable", "version": identity.version, "origin": candidate.origin}
        entry["path"] = str(candidate.path)
        entry["sha256"] = identity.sha256
        record = installed.read(candidate.path.parent) if candidate.origin == search_path.INSTALLED else None
        if record is not None:
            entry["source"] = record.source
        entries.append(entry)
    own = search_path.library()
    for library in search_path.libraries():
        version = search_path.library_version(library)
        if version is not None:
            origin = "the wasmtime package of this environment" if library == own else search_path.INSTALLED
            entry = {"kind": "library", "version": version, "origin": origin, "path": str(library)}
            entry["sha256"] = identities.digest(library)
            entries.append(entry)
    return entries
