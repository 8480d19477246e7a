"""Installing a compiler: from where it was asked for, checked, and whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from wasmbuild import files
from wasmbuild.errors import ToolchainError, UsageError
from wasmbuild.installing import archive, cargo, credentials, mirror, partial, store, transfer
from wasmbuild.installing.archive import ArchiveError
from wasmbuild.installing.credentials import Credentials
from wasmbuild.installing.mirror import Mirror
from wasmbuild.installing.transfer import ANY, Expected, NetworkError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import installed, platforms
from wasmbuild.toolchain.installed import PROGRAM, Archive, InstallRecord
from wasmbuild.toolchain.platforms import Platform

_PARTIAL = ".partial"
RELEASE, CARGO, VENDORED = "release", "cargo", "vendored"


class InstallReporter(NamedTuple):
    """What people are told meanwhile: ``progress`` gets a file's name, bytes that came, and of how many."""

    progress: Callable[[str, int, int | None], object] = lambda name, done, total: None
    say: Callable[[str], object] = lambda text: None


SILENT = InstallReporter()


Attest = Callable[[Path, str, str], object]
"""Raises unless an archive is upstream's: given its path, its SHA-256 in hex, and what people call it."""


class Installed(NamedTuple):
    """An executable that is installed now; ``new`` where it was not before."""

    path: Path
    record: InstallRecord
    new: bool


def install(
    request: str | None,
    source: str = RELEASE,
    *,
    mirror_address: str | None = None,
    address: str | None = None,
    offline: bool = False,
    expected: Expected | None = None,
    executables: Collection[str] = (),
    attest: Attest | None = None,
    reporter: InstallReporter = SILENT,
) -> Installed:
    """Install a version and return it; one that is there already costs nothing.

    ``request`` is a version or a line, ``source`` is ``release``, ``cargo``, ``vendored`` or names a file, which
    needs no request: a program says its version.
    ``address`` is that of the release's archive where it is known. ``expected`` is what is known of the archive,
    ``executables`` are the digests that will do, none for any. With ``attest``, what is there already is not believed
    either.

    Raises UsageError, NetworkError, ToolchainError, ArchiveError, DiskError, and what ``attest`` raises.
    """
    if request is not None:
        mirror.check_request(request)
    releases = mirror.requested(mirror_address)
    if mirror_address is not None and source not in (RELEASE, VENDORED):
        raise UsageError(f"--mirror has archives of releases, and --from {printable(source)} takes none; leave one out")
    if attest is not None and source == CARGO:
        raise _no_archive("cargo builds it here")
    is_file = names_file(source)
    if request is None and not is_file:
        raise UsageError("name a version, such as 48.0.8; a file alone needs none: --from FILE")
    if request is not None and not is_file and source != CARGO and not offline and not mirror.is_exact(request):
        request = releases.newest(request, credentials_of(releases))

    def there() -> Installed | None:
        if request is None or is_file or attest is not None:
            return None
        return _there(request, source, executables, any_of_line=offline)

    # What is there needs no directory that can be written; another process may bring it meanwhile.
    if (done := there()) is not None:
        return done
    with store.alone(reporter.say) as scratch:
        before = set(installed.folders())
        if request is None or is_file:
            made, origin, of = _of_file(request, source, scratch, attest, reporter)
        elif (done := there()) is not None:
            return done
        elif source == CARGO:
            reporter.say("cargo builds it, which takes minutes")
            made, origin, of = cargo.install(request, scratch, offline=offline), CARGO, None
        elif offline:
            raise NetworkError(
                f"Wasmtime {request} is not installed, and --offline lets nothing be downloaded; name a file: "
                f"--from FILE"
            )
        else:
            made, origin, of = _downloaded(
                request, source, releases, address, scratch, expected or ANY, attest, reporter
            )
        if executables and (found := store.digest(made)) not in executables:
            raise ToolchainError(
                f"the executable that {origin} gave has the SHA-256 {found}, and wasmbuild.lock says "
                f"{' or '.join(executables)}; nothing was installed: take back the last version of the file, or lock "
                f"again"
            )
        path = store.publish(made, origin, of, wanted=request)
    record = installed.read(path.parent)
    if record is None:
        raise ToolchainError(f"{path.parent}: was removed meanwhile; install it again")
    return Installed(path, record, path.parent not in before)


def names_file(source: str) -> bool:
    """Tell whether what ``--from`` names is a file."""
    return source not in (RELEASE, CARGO, VENDORED)


def credentials_of(source: Mirror) -> Credentials:
    """Return what the user says to who asks for credentials. Raises UsageError."""
    return credentials.of_user(source.address)


def fetch_release(
    version: str, platform: Platform, source: Mirror, into: Path, attest: Attest | None, reporter: InstallReporter
) -> tuple[str, Archive]:
    """Download the archive of a version for a platform, and return its address and what it is.

    Raises NetworkError, and what ``attest`` raises.
    """
    return _fetch(source.archive(version, platform), source, into, ANY, attest, reporter)


def _fetch(
    address: str,
    source: Mirror,
    into: Path,
    expected: Expected,
    attest: Attest | None,
    reporter: InstallReporter,
) -> tuple[str, Archive]:
    name = address.rpartition("/")[2]

    def on_bytes(done: int, total: int | None) -> None:
        reporter.progress(name, done, total)

    with partial.download(installed.directory() / _PARTIAL, address, into) as (file, begun):
        got = transfer.download(
            address,
            file,
            credentials=credentials_of(source),
            expected=expected,
            begun=begun,
            on_bytes=on_bytes,
        )
    if attest is not None:
        attest(into, got.sha256, address)
    return address, Archive(got.size, got.sha256)


@contextlib.contextmanager
def of_a_server() -> Iterator[None]:
    """Blame the server for an archive that was downloaded. Raises NetworkError."""
    try:
        yield
    except ArchiveError as error:
        raise NetworkError(str(error)) from error


def _downloaded(
    request: str,
    source: str,
    releases: Mirror,
    address: str | None,
    scratch: Path,
    expected: Expected,
    attest: Attest | None,
    reporter: InstallReporter,
) -> tuple[Path, str, Archive]:
    into = scratch / "archive"
    if address is not None:
        address, of = _fetch(address, releases, into, expected, attest, reporter)
    elif source == VENDORED:
        address, of = _fetch(releases.sources(request), releases, into, expected, attest, reporter)
        with of_a_server():
            return _built(into, request, scratch, address), address, of
    else:
        archive_address = releases.archive(request, platforms.named(platforms.host()))
        address, of = _fetch(archive_address, releases, into, expected, attest, reporter)
    with of_a_server():
        return _unpacked(into, scratch, address), address, of


def _of_file(
    request: str | None, source: str, scratch: Path, attest: Attest | None, reporter: InstallReporter
) -> tuple[Path, str, Archive | None]:
    path = local_file(source, "an executable or an archive, or write release, cargo or vendored")
    shown = str(path)
    if not archive.is_archive(path):
        if attest is not None:
            raise _no_archive(f"{printable(shown)} is a program")
        made = scratch / PROGRAM
        with path.open("rb") as file:
            store.write_executable(made, iter(lambda: file.read(1 << 20), b""))
        return made, shown, None
    digest = store.digest(path)
    of = Archive(path.stat().st_size, digest or "")
    if attest is not None:
        attest(path, of.sha256, shown)
    if archive.is_of_sources(path, shown=shown):
        if request is None:
            raise UsageError(
                f"--from {printable(source)}: holds sources, which are built with the features that their release "
                f"has; name their version too, such as 48.0.8"
            )
        reporter.say("cargo builds it, which takes minutes")
        return _built(path, request, scratch, shown), shown, of
    return _unpacked(path, scratch, shown), shown, of


def _no_archive(why: str) -> UsageError:
    return UsageError(f"--attestation: attestations are of archives of releases, and {why}; leave it out")


def _unpacked(path: Path, scratch: Path, shown: str) -> Path:
    made = scratch / PROGRAM
    with archive.executable(path, PROGRAM, scratch, shown=shown) as parts:
        store.write_executable(made, parts)
    return made


def _built(path: Path, request: str, scratch: Path, shown: str) -> Path:
    into = scratch / "sources"
    into.mkdir()
    return cargo.build(archive.unpack_sources(path, into, shown=shown), int(request.partition(".")[0]), scratch)


def local_file(source: str, wanted: str) -> Path:
    """Return the file that a user named by its path or as ``file://``, to be what is ``wanted``. Raises UsageError."""
    path = _local_path(source)
    if not os.path.isfile(path):
        absent = "is a link that leads nowhere" if os.path.islink(path) else "there is no such file"
        problem = "is a directory" if os.path.isdir(path) else "is no file" if os.path.exists(path) else absent
        raise UsageError(f"--from {printable(source)}: {problem}; name {wanted}")
    return path


def _local_path(source: str) -> Path:
    if not source.startswith("file:"):
        return Path(source).expanduser().absolute()
    host, slash, path = source.removeprefix("file:").removeprefix("//").partition("/")
    if host not in ("", "localhost") or not slash:
        raise UsageError(f"--from {printable(source)}: names no file here; write file:///PATH")
    return Path(files.of_url(slash + path))


def _there(request: str, source: str, executables: Collection[str], *, any_of_line: bool) -> Installed | None:
    """Return what was asked for where it is installed. A line asks for its newest, which only a look tells."""
    if not mirror.is_exact(request) and not executables and not any_of_line:
        return None
    for folder in installed.folders():
        record = installed.read(folder)
        if record is None or not mirror.fits(request, record.version):
            continue
        is_cargo = record.source == CARGO
        if record.sha256 in executables or (not executables and (source == CARGO) is is_cargo):
            path = folder / PROGRAM
            if store.digest(path) == record.sha256:
                return Installed(path, record, False)
    return None
