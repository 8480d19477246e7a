"""The probe of verification as this host runs it, and what it is given to load."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import engines

from wasmbuild.engine import host
from wasmbuild.formats import identify
from wasmbuild.toolchain import find, search_path
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply
from wasmbuild.toolchain.server import Server
from wasmbuild.toolchain.worker import ChildExit, Request
from wasmbuild.verify import probes

LIMITS = ProcessLimits(seconds=60)
LINE = search_path.default_line()
HOST = host.triple() or ""


def how(engine: Mapping[str, Any] | None = None, triple: str | None = None) -> list[Any]:
    """Return an engine as the probe takes it; without a triple, that of this machine."""
    return [engines.engine(engine, triple or HOST, LINE).library_calls(), triple]


def reply_to(server: Server, request: Request) -> Reply:
    """Return what a child answers."""
    outcome = server.outcome(request)
    assert isinstance(outcome, Reply), str(outcome)
    return outcome


class Probing:
    """Compiles text with the library, and asks the probe; a context manager that ends the children of both."""

    def __init__(self, limits: ProcessLimits = LIMITS) -> None:
        library = find.library()
        self._embedded = Embedded(library, LIMITS)
        self._compiled: dict[str, bytes] = {}
        self.server = probes.here(library, limits)

    def __enter__(self) -> Probing:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self._embedded.close()

    def compile(self, text: str, engine: Mapping[str, Any] | None = None, triple: str | None = None) -> bytes:
        """Return the artifact of a text; without a triple, for this machine."""
        key = repr((text, engine, triple))
        if key not in self._compiled:
            self._compiled[key] = self._compile(text, engine or {}, triple or HOST)
        return self._compiled[key]

    def _compile(self, text: str, engine: Mapping[str, Any], triple: str) -> bytes:
        binary = self._embedded.translate(text.encode())
        config = engines.engine(engine, triple, LINE)
        with tempfile.TemporaryDirectory() as directory:
            source, out = Path(directory, "m.wasm"), Path(directory, "m.cwasm")
            source.write_bytes(binary)
            kind = identify.identify(binary).kind
            job = Job(source, out, kind, config, LIMITS, parallel=False, source="m.wat", name="m.cwasm")
            self._embedded.compile(job)
            return out.read_bytes()

    def ask(self, body: Mapping[str, Any], data: bytes = b"", files: Sequence[int] = ()) -> dict[str, Any]:
        """Return what the probe answers."""
        return reply_to(self.server, Request(body, data, files, LIMITS.seconds)).body

    def ask_load(
        self, kind: str, engine: list[Any], data: bytes = b"", file: int | None = None, *, keep: bool = False
    ) -> dict[str, Any]:
        """Return what the probe answers of one artifact."""
        body = {"load": [kind], "engine": engine, "keep": keep}
        [told] = self.ask(body, data, [] if file is None else [file])["loaded"]
        return dict(told)

    def outcome(self, body: Mapping[str, Any], data: bytes = b"", files: Sequence[int] = ()) -> Reply | ChildExit:
        """Return what the probe answers, or how it ended instead."""
        return self.server.outcome(Request(body, data, files, LIMITS.seconds))

    def load(
        self,
        text: str,
        engine: Mapping[str, Any] | None = None,
        triple: str | None = None,
        *,
        keep: bool = False,
    ) -> dict[str, Any]:
        """Compile a text, have it loaded, and return the answer."""
        kind = "component" if text.lstrip().startswith("(component") else "module"
        return self.ask_load(kind, how(engine, triple), self.compile(text, engine, triple), keep=keep)

    def test(
        self,
        text: str,
        case: Mapping[str, Any],
        engine: Mapping[str, Any] | None = None,
        triple: str | None = None,
        *,
        fuel: int | None = None,
        epoch: bool = False,
    ) -> dict[str, Any]:
        """Have a text loaded and one case executed on it, and return what came of that."""
        told = self.load(text, engine, triple, keep=True)
        assert "error" not in told, told
        return self.ask({"test": {"args": [], **case}, "fuel": fuel, "epoch": epoch})
