"""Whether upstream's own workflow built an archive, as an attestation of its repository says: checked by others' tools.

Releases of Wasmtime publish no checksums, and carry attestations of how they were built, signed by Sigstore. ``gh``
gets and checks them; ``sigstore``, the client in Python, checks one that it is given. Sources: ``gh attestation verify
--help``, ``sigstore verify github --help``, and GitHub's REST API, "List attestations".
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from wasmbuild import netrc
from wasmbuild.errors import DISK, FAILED, WasmbuildError
from wasmbuild.installing import transfer
from wasmbuild.installing.credentials import Credentials
from wasmbuild.installing.transfer import NetworkError
from wasmbuild.text import printable
from wasmbuild.toolchain import child, endings
from wasmbuild.toolchain.child import ChildResult
from wasmbuild.toolchain.limits import ProcessLimits

REPOSITORY = "bytecodealliance/wasmtime"
BUNDLES = f"https://api.github.com/repos/{REPOSITORY}/attestations/sha256:"
"""Lists what attests the file with the digest that follows, as ``{"attestations": [{"bundle": {…}}, …]}``."""

_SECONDS = 120.0
# Where pip puts programs of this environment, whether or not it is activated.
_HERE = os.path.dirname(sys.executable)
# gh's own, for a command that needs an account.
_NO_ACCOUNT = 4
# In what they write when nothing was judged: they have one exit status for that and for a refusal.
_GH_UNREACHED = ("error connecting to", "dial tcp", "i/o timeout")
_GH_TOO_OLD = ("unknown command", "unknown flag")
_SIGSTORE_JUDGED = "FAIL:"
_INSTALL = "install gh (https://cli.github.com) and run: gh auth login; or run: pip install sigstore"


class AttestationError(WasmbuildError):
    """Nothing confirms that upstream built a file."""

    exit_code = FAILED


class NoVerifierError(WasmbuildError):
    """What checks attestations is not here, or not ready."""

    exit_code = DISK


def require() -> None:
    """Raise NoVerifierError where nothing here checks attestations, before anything is downloaded."""
    _program()


def verify(path: Path, sha256: str, shown: str) -> None:
    """Return when an attestation of upstream's repository is of a file with this digest.

    ``shown`` is what people call the file. Raises AttestationError, NoVerifierError, NetworkError.
    """
    name, program = _program()
    if name == "gh":
        _by_gh(program, path, sha256, shown)
    else:
        _by_sigstore(program, path, sha256, shown)


def _program() -> tuple[str, str]:
    for name in ("gh", "sigstore"):
        found = shutil.which(name) or shutil.which(name, path=_HERE)
        if found is not None:
            return name, os.path.abspath(found)
    raise NoVerifierError(f"--attestation: neither gh nor sigstore is here to check attestations; {_INSTALL}")


def _by_gh(program: str, path: Path, sha256: str, shown: str) -> None:
    # Releases of gh up to 2.66 ended with status 0 when there was no attestation at all (CVE-2025-25204).
    select = f'.[].verificationResult.statement.subject[] | select(.digest.sha256 == "{sha256}") | .digest.sha256'
    argv = [program, "attestation", "verify", str(path), "--repo", REPOSITORY, "--hostname", "github.com"]
    ended = _run([*argv, "--format", "json", "--jq", select], shown)
    if ended.status == _NO_ACCOUNT:
        raise NoVerifierError("--attestation: gh has no account to ask GitHub with; run: gh auth login")
    if ended.status == 0 and sha256 in ended.stdout.decode(errors="replace").split():
        return
    if any(phrase in ended.stderr for phrase in _GH_TOO_OLD):
        raise NoVerifierError(f"--attestation: {program} is too old to check attestations; install gh 2.67 or later")
    if any(phrase in ended.stderr for phrase in _GH_UNREACHED):
        raise _not_checked("gh", ended, shown)
    raise _not_confirmed("gh", ended, shown)


def _by_sigstore(program: str, path: Path, sha256: str, shown: str) -> None:
    bundle = path.with_name(f"{path.name}.sigstore.json")
    last = None
    try:
        for document in _bundles(sha256):
            bundle.write_bytes(document)
            argv = [program, "verify", "github", "--repository", REPOSITORY, "--bundle", str(bundle), str(path)]
            last = _run(argv, shown)
            if last.status == 0:
                return
    finally:
        bundle.unlink(missing_ok=True)
    if last is None:
        raise AttestationError(f"{shown}: nothing attests that {REPOSITORY} built it; nothing was taken from it")
    if _SIGSTORE_JUDGED not in last.stderr:
        raise _not_checked("sigstore", last, shown)
    raise _not_confirmed("sigstore", last, shown)


def _bundles(sha256: str) -> list[bytes]:
    """Return what attests a digest, each as a file of Sigstore; empty where nothing does. Raises NetworkError."""
    address = f"{BUNDLES}{sha256}"
    try:
        # Not what a mirror is told: it is another host.
        data = transfer.text(address, credentials=Credentials(hosts=netrc.hosts()))
    except NetworkError as error:
        if getattr(error.__cause__, "code", None) == HTTPStatus.NOT_FOUND:
            return []
        raise
    try:
        entries = json.loads(data)["attestations"]
        return [json.dumps(entry["bundle"]).encode() for entry in entries if entry.get("bundle")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NetworkError(f"{address}: is no list of attestations: {printable(error)}; install gh instead") from error


def _run(argv: Sequence[str], shown: str) -> ChildResult:
    # Proxies and accounts are said in the environment, and to sigstore whom it trusts, which is not asked for.
    passed = {name: value for name, value in os.environ.items() if not name.startswith("SIGSTORE_")}
    # Of a width that breaks no line.
    quiet = {"NO_COLOR": "1", "COLUMNS": "1000", "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
    ended = child.run(argv, limits=ProcessLimits(seconds=_SECONDS), env_extra={**passed, **quiet})
    if endings.is_late(ended.reason):
        raise NetworkError(f"{shown}: {os.path.basename(argv[0])} {ended.reason}; check the network, and try again")
    return ended


def _not_confirmed(name: str, ended: ChildResult, shown: str) -> AttestationError:
    problem = f"{shown}: {name} does not confirm that {REPOSITORY} built it; nothing was taken from it"
    return AttestationError(f"{problem}{_last_lines(ended)}")


def _not_checked(name: str, ended: ChildResult, shown: str) -> NetworkError:
    return NetworkError(f"{shown}: {name} could not check it; check the network, and try again{_last_lines(ended)}")


def _last_lines(ended: ChildResult) -> str:
    """Return what a tool said last, indented below a message."""
    said = [printable(line.strip(), 400) for line in ended.stderr.splitlines() if line.strip()]
    return "".join(f"\n    {line}" for line in said[-5:])
