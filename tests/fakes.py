"""Stand-ins behind our own interfaces: a compiler, an executor, a cache and work for them that live in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from maker import Maker

from wasmbuild import files
from wasmbuild.builder.cache.answers import CachedArtifact
from wasmbuild.builder.compile import check
from wasmbuild.builder.examining import SourceFacts
from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult, Labels, Prepared
from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError, DiskError, WasmbuildError
from wasmbuild.toolchain.limits import ProcessLimits

ENGINE = EngineConfig.declared({}, line=48, triple=triples.parse("x86_64-unknown-linux-gnu"))
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


class FakeWork:
    """Ids whose binaries are made up, published into a dictionary."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.published: dict[str, bytes] = {}
        self.outcomes: dict[str, str] = {}
        self.missing: set[str] = set()
        self.full: set[str] = set()
        self.engines: dict[str, EngineConfig] = {}

    def request(self, id: str) -> CompileRequest:
        compiler = CompilerIdentity("48.0.2", "c" * 64)
        engine = self.engines.get(id, ENGINE)
        sha256 = f"{sum(id.encode()):064x}"
        return CompileRequest(
            sha256, "module", engine, compiler, ProcessLimits(), 1, Labels(f"{id}.wasm", f"{id}.cwasm")
        )

    def scratch(self) -> Path:
        return self.directory

    def prepare(self, id: str) -> Prepared:
        if id in self.missing:
            raise DiskError(f"{id}: missing")
        return Prepared(self.request(id), self.directory / f"{id}.wasm")

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
        source = SourceFacts("a" * 64, 8, "module", request.wasm_sha256, (), (), None)
        return check(id, f"{id}.wasm", request, result, source, self.directory)

    def publish(self, id: str, checked: CheckedArtifact, result: CompileResult) -> str:
        if id in self.full:
            raise DiskError(f"{id}: no space")
        assert Path(checked.file).read_bytes() == checked.data
        self.published[id] = checked.data
        self.outcomes[id] = "restored" if result.restored else "compiled"
        return id

    def fail(self, id: str, error: WasmbuildError) -> str:
        self.outcomes[id] = str(error)
        return id
