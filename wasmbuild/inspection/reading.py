"""Describe one file after the other: what it is, told from its bytes, and everything that goes with that."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shlex
from types import TracebackType

from wasmbuild import files
from wasmbuild.boundary import host_fix
from wasmbuild.engine import triples
from wasmbuild.errors import DISK, FAILED, WRONG_REQUEST, CompileError, FormatError
from wasmbuild.formats import cwasm
from wasmbuild.formats.cwasm import ArtifactFacts, ReadAt
from wasmbuild.formats.identify import MAX_SOURCE, FileIdentity, identify, identify_at
from wasmbuild.inspection import cpus, faults, roles, webassembly
from wasmbuild.inspection.engine import Engines
from wasmbuild.inspection.facts import ArtifactDescription, Description, Section
from wasmbuild.inspection.origin import Origins
from wasmbuild.lean.typing import IO
from wasmbuild.project import filenames
from wasmbuild.text import printable, suggestion
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.job import NoVerdictError
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.tools import Tools

_HEAD = 64 << 10
_LIMITS = ProcessLimits(seconds=60)
_OURS = re.compile(rb'^\{.*"schema": ?"wasmbuild/(record|manifest|index)/[0-9]+"', re.DOTALL)
_OURS_ARE = {"record": "a record", "manifest": "a manifest", "index": "an index"}
_VERIFY = "`wasmbuild verify` proves what it says"
_SOURCE_SUFFIXES = (".wasm", ".wat", ".wast")


class Inspector:
    """Describes files. A context manager, which ends the children that it needed."""

    def __init__(self) -> None:
        self._tools = Tools()
        self._engines = Engines(self._tools)
        self._origins = Origins()
        self._library = Embedded(self._tools.library, _LIMITS) if self._tools.library is not None else None

    def __enter__(self) -> Inspector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._library is not None:
            self._library.close()
        self._tools.__exit__(kind, error, at)

    def describe(self, path: str) -> Description:
        """Describe a file; what it cannot be described for is its ``error``."""
        shown = printable(path)
        try:
            file = files.open_regular(path)
        except FileNotFoundError:
            if os.path.islink(path):
                fix = "mend the link, or remove it"
                return _unusable(path, f"{shown}: is a link that leads nowhere; {fix}", WRONG_REQUEST)
            return _unusable(path, f"{shown}: there is no such file{_meant(path)}", WRONG_REQUEST)
        except IsADirectoryError:
            fix = f"name the files in it, or prove what is in it with `wasmbuild verify {shlex.quote(shown)}`"
            return _unusable(path, f"{shown} is a directory; {fix}", WRONG_REQUEST)
        except ValueError:
            return _unusable(path, f"{shown}: no file can have this name", WRONG_REQUEST)
        except OSError as error:
            return _unreadable(path, error)
        with file:
            try:
                return self._describe(path, shown, file, os.fstat(file.fileno()).st_size)
            except OSError as error:
                return _unreadable(path, error)

    def _describe(self, path: str, shown: str, file: IO[bytes], size: int) -> Description:
        head = files.read_up_to(file, _HEAD)
        file.seek(0)
        try:
            if cwasm.is_artifact(head):
                return self._artifact(path, file, size)
            if not head.startswith(b"\0asm"):
                identity = identify_at(ReadAt.of(file, size))
                if identity.kind != "text":
                    return _unusable(path, _neither(shown, head, identity), FAILED, size)
                file.seek(0)
            if size > MAX_SOURCE:
                problem = f"{shown} has {size} bytes, and of WebAssembly at most {MAX_SOURCE} are read"
                return _unusable(path, f"{problem}; check that it is the right file", FAILED, size)
            return self._source(path, shown, files.read_up_to(file, MAX_SOURCE))
        except FormatError as error:
            return _unusable(path, f"{shown} is {error}", FAILED, size)

    def _artifact(self, path: str, file: IO[bytes], size: int) -> Description:
        facts = cwasm.read(ReadAt.of(file, size))
        file.seek(0)
        sha256, _ = files.sha256_of(file)
        origins = self._origins.of(path, size, sha256)
        hint = next((origin.engine for origin in origins if origin.engine is not None), None)
        try:
            architecture = triples.parse(facts.triple).architecture
        except ValueError:
            architecture = None
        cpu = cpus.of(facts)
        artifact = ArtifactDescription(
            kind=facts.kind,
            line=facts.version,
            triple=facts.triple,
            architecture=architecture,
            cpu=cpu,
            engine=self._engines.of(facts, hint),
            cranelift_flags=facts.shared_flags,
            sections=tuple(_sections(facts, file, size)),
            faults=faults.of(facts, cpu, origins),
        )
        notes = [origin.problem for origin in origins if not origin.matches]
        if path.lower().endswith(_SOURCE_SUFFIXES):
            notes.append(
                "its name is that of WebAssembly to be compiled, but it is precompiled already: call it .cwasm"
            )
        return Description(path, "artifact", size, sha256, artifact, None, origins, tuple(notes))

    def _source(self, path: str, shown: str, data: bytes) -> Description:
        identity = identify(data)
        sha256 = hashlib.sha256(data).hexdigest()
        kind, binary = identity.kind, data
        if kind == "text" and self._library is not None:
            try:
                binary = self._library.translate(data)
            except CompileError as error:
                said = f": {error.advised}" if isinstance(error, NoVerdictError) else f" {error}"
                lines = [printable(line) for line in said.splitlines()]
                return _unusable(path, "\n".join([f"{shown}{lines[0]}", *lines[1:]]), FAILED, len(data))
            identity = identify(binary)
        if identity.kind not in ("module", "component"):
            if kind == "text":
                return _unusable(path, f"{shown} is WebAssembly text, and there is no library to read it", FAILED)
            return _unusable(path, f"{shown} is {identity.sentence}; {identity.advice}", FAILED, len(data))
        described = webassembly.describe(binary, identity.kind, self._library)
        notes: tuple[str, ...] = ()
        if path.lower().endswith(filenames.ARTIFACT_SUFFIX):
            notes = ("its name is that of a precompiled artifact, but nothing has compiled it yet: call it .wasm",)
        return Description(path, kind, len(data), sha256, None, described, (), notes)


def _unusable(path: str, error: str, exit_code: int, size: int | None = None) -> Description:
    return Description(path, "other", size, error=error, exit_code=exit_code)


def _unreadable(path: str, error: OSError) -> Description:
    code = WRONG_REQUEST if error.errno == errno.EINVAL else DISK
    fix = host_fix(error.errno or 0) or "check that it is the right file"
    return _unusable(path, f"{printable(path)}: cannot be read: {printable(error.strerror or error)}; {fix}", code)


def _neither(shown: str, head: bytes, identity: FileIdentity) -> str:
    """Say what a file is that is neither WebAssembly nor an artifact."""
    ours = _OURS.search(head)
    if ours is not None:
        of = ours[1].decode("ascii")
        return f"{shown} is {_OURS_ARE[of]} of wasmbuild; {'name its artifact' if of == 'record' else _VERIFY}"
    neither = "" if "WebAssembly" in identity.sentence else ": it is neither WebAssembly nor an artifact of Wasmtime"
    return f"{shown} is {identity.sentence}{neither}; {identity.advice}"


def _meant(path: str) -> str:
    directory, name = os.path.split(path)
    try:
        # A link that leads nowhere has its name there too.
        there = [each for each in os.listdir(directory or os.curdir) if os.path.exists(os.path.join(directory, each))]
        meant = suggestion(name, there)
    except (OSError, ValueError):
        return ""
    return f"; did you mean {printable(os.path.join(directory, meant))}?" if meant else ""


def _sections(facts: ArtifactFacts, file: IO[bytes], size: int) -> list[Section]:
    # Sections that overlap would have the same bytes hashed again and again.
    hashed = sum(section.size for section in facts.sections) <= size
    found = []
    for section in facts.sections:
        digest: str | None = None
        if hashed and section.offset + section.size <= size:
            file.seek(section.offset)
            digest = _sha256(file, section.size)
        found.append(Section(section.name, section.size, roles.of_artifact(section.name), digest))
    return found


def _sha256(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256()
    while size > 0 and (part := file.read(min(size, 1 << 20))):
        digest.update(part)
        size -= len(part)
    return digest.hexdigest()
