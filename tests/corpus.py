"""Real modules from published npm packages, fetched by the npm client and pinned by digest.

``corpus.tsv`` beside this file is the whole list, one module a line, with tabs between its columns:

- ``file``: the module's name here
- ``sha256``, ``bytes``: digest and size of the module
- ``package``: npm package with its version
- ``member``: path in the package's archive; with ``#base64`` at the end, of a script that holds the module as the
  longest of its Base64 literals
- ``ci``: ``yes`` for those that are small enough to be compiled for every target in each run
- ``refused``: what no compiler compiles it for: ``-`` (nothing), ``pulley64`` or ``every target``
- ``note``: what it is

Modules are kept in the directory that the environment variable ``WASMBUILD_TEST_CACHE`` names, or else in
``.cache/corpus`` at the top of the repository, and hashed whenever they are asked for. Nothing else is needed to have
them on a machine without a network than a copy of that directory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_name("corpus.tsv")
FETCH_SECONDS = 300
BASE64_MEMBER = "#base64"
_BASE64_LITERAL = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")
_WASM_MAGIC = b"\0asm"


class CorpusError(Exception):
    """A module of the corpus cannot be had; the text says why and what to do."""


class NpmMissingError(CorpusError):
    """A module is not in the cache and there is no npm client to fetch it with."""


class Entry(NamedTuple):
    """One line of ``corpus.tsv``. ``size`` is in bytes."""

    file: str
    sha256: str
    size: int
    package: str
    member: str
    ci: bool
    refused: str
    note: str


@cache
def table() -> dict[str, Entry]:
    """Return the whole list by the modules' names, in the order of the file."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    if lines[0].split("\t") != ["file", "sha256", "bytes", "package", "member", "ci", "refused", "note"]:
        raise CorpusError(f"{TABLE}: unexpected columns: {lines[0]}")
    entries = {}
    for line in lines[1:]:
        file, sha256, size, package, member, ci, refused, note = line.split("\t")
        entries[file] = Entry(file, sha256, int(size), package, member, ci == "yes", refused, note)
    return entries


def names(*, max_bytes: int | None = None, for_ci: bool = False, everywhere: bool = True) -> list[str]:
    """Return the names of modules, smallest first.

    ``max_bytes`` leaves out larger ones. ``for_ci`` leaves out what is too much for each run. ``everywhere`` leaves
    out those that are refused for some target.
    """
    return [
        entry.file
        for entry in sorted(table().values(), key=lambda entry: entry.size)
        if (max_bytes is None or entry.size <= max_bytes)
        and (entry.ci or not for_ci)
        and (entry.refused == "-" or not everywhere)
    ]


def cache_directory() -> Path:
    """Return where modules are kept; it need not exist yet."""
    named = os.environ.get("WASMBUILD_TEST_CACHE")
    return Path(named) if named else Path(__file__).parents[1] / ".cache" / "corpus"


def get(name: str) -> Path:
    """Return the path of a module, after fetching its package when the cache lacks it. The file is not to be changed.

    Raises NpmMissingError when there is no npm client, and CorpusError when the list has no such module, the package
    cannot be fetched or does not hold what is pinned.
    """
    try:
        entry = table()[name]
    except KeyError:
        raise CorpusError(f"there is no {name} in {TABLE}; it has {', '.join(table())}") from None
    path = cache_directory() / name
    if not _holds(path, entry):
        _fetch(entry.package)
    return path


def _holds(path: Path, entry: Entry) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256
    except FileNotFoundError:
        return False


def _fetch(package: str) -> None:
    """Put every module of a package into the cache, each whole or not at all, whoever else does the same."""
    npm = shutil.which("npm")
    if npm is None:
        raise NpmMissingError(f"{package} is not in {cache_directory()}, and there is no npm on PATH to fetch it with")
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=directory) as temporary:
        scratch = Path(temporary)
        command = [npm, "pack", package, "--loglevel=error", "--ignore-scripts", "--pack-destination", temporary]
        try:
            ended = subprocess.run(
                command, cwd=temporary, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise CorpusError(f"`npm pack {package}` took more than {FETCH_SECONDS} seconds") from None
        archives = list(scratch.glob("*.tgz"))
        if ended.returncode or len(archives) != 1:
            raise CorpusError(f"`npm pack {package}` failed (exit code {ended.returncode}):\n{ended.stderr.strip()}")
        with tarfile.open(archives[0]) as archive:
            for entry in table().values():
                if entry.package == package:
                    extracted = scratch / entry.file
                    extracted.write_bytes(_extract(archive, entry))
                    extracted.replace(directory / entry.file)


def _extract(archive: tarfile.TarFile, entry: Entry) -> bytes:
    where = f"{entry.package}, {entry.member}"
    try:
        member = archive.extractfile(entry.member.removesuffix(BASE64_MEMBER))
    except KeyError:
        member = None
    if member is None:
        raise CorpusError(f"{where}: the package has no such file")
    data = member.read()
    if entry.member.endswith(BASE64_MEMBER):
        data = _embedded(data, where)
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise CorpusError(f"{where}: SHA-256 is {found}, where {TABLE.name} has {entry.sha256}")
    return data


def _embedded(script: bytes, where: str) -> bytes:
    """Return the largest module that a script holds as a Base64 literal."""
    for literal in sorted(_BASE64_LITERAL.findall(script), key=len, reverse=True):
        try:
            data = base64.b64decode(literal, validate=True)
        except binascii.Error:
            continue
        if data.startswith(_WASM_MAGIC):
            return data
    raise CorpusError(f"{where}: no Base64 literal of it is a module")
