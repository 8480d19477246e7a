"""Stand-ins behind our own interfaces: a compiler, an executor and a cache that live in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from maker import Maker

from wasmbuild import files
from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import CachedArtifact, CompileRequest, CompileResult
from wasmbuild.errors import CompileError

Answer = Callable[[CompileRequest, Path], CompileResult]


def artifact(request: CompileRequest) -> bytes:
    """Return an artifact as a request asks for it."""
    engine = request.engine
    architecture = engine.triple.architecture
    return Maker().artifact(
        engine.triple.text, kind=request.kind, architecture=architecture, isa=dict(engine.isa_flags)
    )


class FakeCompiler:
    """Makes the artifact that is asked for out of nothing; ``answers`` say what to answer instead, by the label."""

    def __init__(self) -> None:
        self.identity = CompilerIdentity("48.0.2", "c" * 64)
        self.compiled: list[CompileRequest] = []
        self.answers: dict[str, Answer] = {}

    def compile(self, request: CompileRequest, wasm: Path) -> CompileResult:
        self.compiled.append(request)
        answer = self.answers.get(request.labels.artifact)
        if answer is not None:
            return answer(request, wasm)
        return CompileResult(request.key(), "a fake", artifact(request), seconds=1.0, peak_memory=7)

    def refuse(self, label: str) -> None:
        """Fail to compile what is called so."""
        self.answers[label] = lambda request, wasm: CompileResult("", "a fake", error=CompileError(f"{label}: refused"))


class FakeExecutor:
    """Runs requests when their results are asked for, the last that was submitted first."""

    def __init__(self, compiler: FakeCompiler, slots: int, cores: int = 2) -> None:
        self.slots = slots
        self.cores = cores
        self.most = 0
        self.aborted = self.closed = False
        self._compiler = compiler
        self._submitted: list[tuple[str, CompileRequest, Path]] = []

    def submit(self, id: str, request: CompileRequest, wasm: Path) -> None:
        self._submitted.append((id, request, wasm))
        self.most = max(self.most, len(self._submitted))

    def results(self) -> Iterable[tuple[str, CompileResult]]:
        id, request, wasm = self._submitted.pop()
        return [(id, self._compiler.compile(request, wasm))]

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True


class FakeCache:
    """Keeps artifacts in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}
        self.closed = 0

    def expect(self) -> None:
        pass

    def want(self, keys: Iterable[str]) -> None:
        pass

    def get(self, key: str, out: Path | str) -> CachedArtifact | None:
        if key not in self.kept:
            return None
        data = self.kept[key]
        sha256 = hashlib.sha256(data).hexdigest()
        if self.digests.get(key, sha256) != sha256:
            return None
        Path(out).write_bytes(data)
        return CachedArtifact(str(out), len(data), sha256, files.stamp(out), data)

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float = 0.0) -> None:
        assert hashlib.sha256(inputs).hexdigest() == key
        self.kept[key] = artifact
        self.digests[key] = sha256

    def discard(self, key: str) -> None:
        self.kept.pop(key, None)
        self.digests.pop(key, None)

    def close(self) -> None:
        self.closed += 1

    def problem(self) -> None:
        return None

    def report(self) -> None:
        return None
