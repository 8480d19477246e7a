"""What commands that may download have in common: their options, what is locked, who confirms it, how far it is."""

from __future__ import annotations

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.text import printable

if TYPE_CHECKING:
    import argparse

    from wasmbuild.console.terminal import Console
    from wasmbuild.installing.install import Attest, InstallReporter
    from wasmbuild.project.declared import Project


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the options of what may download."""
    parser.add_argument(
        "--mirror",
        metavar="ADDRESS",
        help="where archives lie: a base address, or a format string with {version}, {arch}, {os}, {archive} "
        "(default: WASMBUILD_MIRROR, else upstream)",
    )
    parser.add_argument("--offline", action="store_true", help="download nothing")


def add_attestation(parser: argparse.ArgumentParser, verb: str, *, action: Any = "store_true") -> None:
    """Add the option that has archives confirmed."""
    parser.add_argument(
        "--attestation",
        action=action,
        help=f"{verb} only what an attestation of upstream's repository confirms, which gh or sigstore checks",
    )


def require_lockable(project: Project) -> None:
    """Raise UsageError where a project is compiled with the library, of which wasmbuild locks nothing."""
    from wasmbuild.toolchain.find import EMBEDDED

    if project.compiler == EMBEDDED:
        raise UsageError(
            f'{project.file}: toolchain.compiler: "embedded" is the library of the wasmtime package, which pip locks; '
            f"remove the key to lock an executable"
        )


def attest_of(wanted: bool, *, perhaps: bool = False) -> Attest | None:
    """Return what confirms archives, where that is asked for, or ``perhaps`` needed.

    Raises NoVerifierError where it is asked for and nothing here can.
    """
    if not wanted and not perhaps:
        return None
    from wasmbuild.installing import attestation

    if wanted:
        attestation.require()
    return attestation.verify


def install_reporter(console: Console) -> InstallReporter:
    """Return what shows on a console how far a download is."""
    from wasmbuild.installing.install import InstallReporter

    def progress(name: str, done: int, total: int | None) -> None:
        if total:
            console.bar(done // 100_000, max(1, total // 100_000), f"x 100 kB  {printable(name)}")

    return InstallReporter(progress, console.say)
