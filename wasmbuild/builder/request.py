"""One compile as a value: what is asked for, and what came of it.

A request holds digests, an engine and limits, and no path but in its labels, for messages alone: its key stands before
anything runs, and it can be sent to another machine together with the binary that its digest names.
"""

from __future__ import annotations

from wasmbuild.builder import key
from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.errors import WasmbuildError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain.limits import ProcessLimits

if TYPE_CHECKING:
    from wasmbuild.builder.cache.answers import CachedArtifact
    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.files import Signature
    from wasmbuild.formats.key_inputs import KeyInputs
    from wasmbuild.formats.record import Record


class Labels(NamedTuple):
    """What people call the files of a request, for messages alone: the source and the artifact.

    ``compiler`` is the path of the compiler where they are, if the request is to go to another machine.
    """

    source: str
    artifact: str
    compiler: str = ""


class CompileRequest(NamedTuple):
    """What is to be compiled, for which engine and by which compiler.

    ``wasm_sha256`` is the digest of the binary, ``kind`` ``"module"`` or ``"component"``. ``threads`` is how many the
    compiler may use, 1 or ``ALL_CORES``; neither they nor the limits nor the labels change the artifact's bytes.
    """

    wasm_sha256: str
    kind: str
    engine: EngineConfig
    compiler: CompilerIdentity
    limits: ProcessLimits
    threads: int
    labels: Labels

    def document(self) -> KeyInputs:
        """Return everything that decides the bytes of the artifact, as JSON values."""
        return key.document(self.engine, self.compiler, self.wasm_sha256, self.kind)

    def key(self) -> str:
        """Return the artifact's key."""
        return key.digest(self.document())


class CompileResult(NamedTuple):
    """What came of a request: an artifact or an error, never both.

    ``key`` is that of the request as its compiler understood it, ``made_by`` what people call who made it: the path of
    an executable, the name of a worker. ``artifact`` are bytes, or a private file of whoever asked, which may be moved
    away. ``seconds`` is wall-clock time, ``peak_memory`` the most bytes that the compiler's process had in memory, None
    where that is not known. ``cached`` is what a cache says of the file, where nothing was compiled; ``sha256`` is the
    digest that bytes have to have, where whoever made them told. ``worker`` names the machine of a cluster where it was
    compiled.
    """

    key: str
    made_by: str
    artifact: Path | bytes | None = None
    error: WasmbuildError | None = None
    seconds: float = 0.0
    peak_memory: int | None = None
    sha256: str | None = None
    worker: str | None = None
    cached: CachedArtifact | None = None

    @property
    def restored(self) -> bool:
        """Whether nothing was compiled."""
        return self.cached is not None


class Prepared(NamedTuple):
    """A request, and the private file that holds its binary."""

    request: CompileRequest
    wasm: Path


class CheckedArtifact(NamedTuple):
    """An artifact that is what was asked for: its bytes, the private file that holds them too, and its record.

    ``stamped`` is what ``files.stamp`` said of the file before it was read. Of what a cache
    wrote, and is large, ``data`` is empty: nobody needs it.
    """

    data: bytes
    file: Path | str
    record: Record
    stamped: Signature | None = None
