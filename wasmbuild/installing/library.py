"""The library of another line: the package ``wasmtime`` in a directory of its own, for children of builds and verifies.

It is a wheel, unpacked: from a file, or as pip finds it, so that its indexes, mirrors and credentials are those of the
user's pip. A child with that directory in place of this environment's packages has that library and nothing else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wasmbuild.engine import lines
from wasmbuild.errors import CompileError, ToolchainError, UsageError
from wasmbuild.installing import archive, mirror, store
from wasmbuild.installing.archive import ArchiveError
from wasmbuild.installing.install import SILENT, Installed, InstallReporter, local_file
from wasmbuild.installing.transfer import NetworkError
from wasmbuild.text import printable
from wasmbuild.toolchain import child, installed, search_path
from wasmbuild.toolchain.find import EMBEDDED, FoundCompiler
from wasmbuild.toolchain.installed import LIBRARIES, RECORD, Archive, InstallRecord
from wasmbuild.toolchain.limits import ProcessLimits

_CHECK_LIMITS = ProcessLimits(seconds=60)
_PACKAGES = "packages"


def install_library(
    request: str | None,
    source: str | None = None,
    *,
    index: str | None = None,
    offline: bool = False,
    reporter: InstallReporter = SILENT,
) -> Installed:
    """Install the library of a version or a line, beside that of this environment, and return it.

    ``source`` is a wheel, which needs no ``request``; without, pip downloads one, from ``index`` where that is given.

    Raises UsageError, NetworkError, ToolchainError, ArchiveError, DiskError.
    """
    if request is not None:
        _check(mirror.check_request(request))
    with store.alone(reporter.say, LIBRARIES) as room:
        if source is not None:
            wheel, origin = local_file(source, "a wheel of the package wasmtime"), source
        elif request is None:
            raise UsageError("name a version, such as 49; a wheel alone needs none: --from FILE")
        else:
            there = _there(request) if offline or mirror.is_exact(request) else None
            if there is not None:
                return there
            wheel, origin = _downloaded(request, index, offline, room)
        digest = store.digest(wheel) or ""
        packages = room / _PACKAGES
        archive.unpack_wheel(wheel, packages, shown=str(wheel))
        library = search_path.library_in(packages)
        version = search_path.library_version(library) if library is not None else None
        if library is None or version is None:
            raise ArchiveError(
                f"{printable(origin)}: is no wheel of the package wasmtime for this machine; nothing was installed"
            )
        _check(version)
        if request is not None and not mirror.fits(request, version):
            raise ToolchainError(
                f"what {printable(origin)} gave is Wasmtime {version}, not {request}; nothing was installed"
            )
        _try(library, version, origin)
        sha256 = store.digest(library) or ""
        record = InstallRecord(version, origin, sha256, library.stat().st_size, Archive(wheel.stat().st_size, digest))
        (packages / RECORD).write_bytes(record.to_bytes())
        final = installed.directory(LIBRARIES) / installed.name(version, sha256)
        new = not os.path.lexists(final)
        store.put(packages, final)
    path = search_path.library_in(final)
    if path is None:
        raise ToolchainError(f"{final}: was removed meanwhile; install it again")
    return Installed(path, record, new)


def _check(request: str) -> None:
    """Raise UsageError for a version, or a line, whose library is not used."""
    if problem := lines.without_library(int(request.partition(".")[0])):
        raise UsageError(f"{problem}; leave out --library: wasmbuild toolchain install {request}")


def _downloaded(request: str, index: str | None, offline: bool, room: Path) -> tuple[Path, str]:
    """Have pip download the newest wheel of what was asked for, and return where it lies and what it was called."""
    if offline:
        raise NetworkError(
            f"the library of Wasmtime {request} is not installed, and --offline lets nothing be downloaded; name a "
            f"wheel: --from FILE"
        )
    into = room / "download"
    wanted = f"wasmtime=={request}" if mirror.is_exact(request) else f"wasmtime=={request}.*"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", *(["--index-url", index] if index else []), "--dest", str(into), wanted]
    ended = child.run(command, limits=ProcessLimits(), env_extra=os.environ)
    wheels = list(into.glob("*.whl")) if os.path.isdir(into) else []
    if ended.reason or len(wheels) != 1:
        said = [line.strip() for line in ended.stderr.splitlines() if line.strip()] or ["it said nothing"]
        if "No module named pip" in said[-1]:
            raise ToolchainError(
                "pip downloads the library, and this Python has none; install it: python -m ensurepip; or download the "
                "wheel by other means, and name it: --from FILE"
            )
        raise NetworkError(f"pip did not download {wanted}: {printable(said[-1], 400)}; or name a wheel: --from FILE")
    return wheels[0], wheels[0].name


def _try(library: Path, version: str, origin: str) -> None:
    """Have the library translate a module in a child. Raises ToolchainError where it does not."""
    from wasmbuild.toolchain.embedded import Embedded

    embedded = Embedded(FoundCompiler(EMBEDDED, str(library), version, ""), _CHECK_LIMITS)
    try:
        embedded.translate(b"(module)")
    except (CompileError, ToolchainError) as error:
        raise ToolchainError(
            f"what {printable(origin)} gave does not work here: {error}; nothing was installed"
        ) from error
    finally:
        embedded.close()


def _there(request: str) -> Installed | None:
    """Return what was asked for where it is installed."""
    for folder in installed.folders(LIBRARIES):
        record, path = installed.read(folder), search_path.library_in(folder)
        if record is None or path is None or not mirror.fits(request, record.version):
            continue
        if store.digest(path) == record.sha256:
            return Installed(path, record, False)
    return None
