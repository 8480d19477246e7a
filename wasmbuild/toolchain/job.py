"""One compile as both compilers of this machine are asked for it, and what comes out held against that."""

from __future__ import annotations

from wasmbuild import files
from wasmbuild.errors import CompileError, DiskError, FormatError, StarvedCompileError
from wasmbuild.formats import cwasm
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain.endings import limit_to_raise, want
from wasmbuild.toolchain.limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmbuild.engine.config import EngineConfig


class Job(NamedTuple):
    """What to compile, for what, and into which file.

    ``wasm`` is a binary module or component that nobody else writes, ``out`` a file that does not exist yet, in a
    private directory; after a failure it may hold anything. ``kind`` is ``"module"`` or ``"component"``. With
    ``parallel`` the compiler may use all cores. ``source`` and ``name`` are what people call the two files,
    and ``compiler`` is where they have the executable, if that is not the one that compiles.
    """

    wasm: Path
    out: Path
    kind: str
    engine: EngineConfig
    limits: ProcessLimits
    parallel: bool
    source: str
    name: str
    compiler: str = ""


class NoVerdictError(CompileError):
    """A source was not judged, because what judges it is not there or was stopped: this says nothing of its bytes.

    ``fix`` is what to do about it, in words; empty where nothing is known to help. ``of_host`` tells that it is for
    what this host lacks, or did.
    """

    def __init__(self, text: str, fix: str = "", *, of_host: bool = False) -> None:
        super().__init__(text)
        self.fix = fix
        self.of_host = of_host

    @classmethod
    def of(cls, text: str, ending: str, limits: ProcessLimits) -> NoVerdictError:
        """Return that a child did not come to a verdict within limits; ``ending`` says how it ended."""
        lacking = want(ending)
        return cls(text, limit_to_raise(ending, limits) or lacking, of_host=bool(lacking))

    @property
    def advised(self) -> str:
        """The text, whose first line says what to do."""
        said, *details = str(self).splitlines()
        return "\n".join([f"{said}: {self.fix}" if self.fix else said, *details])

    def as_compile_error(self, text: str) -> CompileError:
        """Return the error, with words about the source, of an artifact that cannot be compiled for this."""
        return StarvedCompileError(text) if self.of_host else CompileError(text)


@contextmanager
def undisturbed(job: Job) -> Iterator[None]:
    """Raise DiskError, in place of what compilers say then, where something else takes the binary away meanwhile.

    That is what a clean does which removes or moves the directory. A binary that another build of it put there since is
    another file.
    """
    before = files.signature_of(job.wasm)
    try:
        yield
    except (CompileError, DiskError) as error:
        if before is not None and files.signature_of(job.wasm) == before:
            raise
        directory = files.seen_from_here(job.wasm.parent)
        problem = "was removed or moved, perhaps with what is above it, while a compiler worked there"
        raise DiskError(f"{directory}: {problem}; build again") from error


def check_artifact(
    data: bytes | cwasm.ReadAt, engine: EngineConfig, kind: str | None, made_by: str, version: str, fix: str = ""
) -> None:
    """Hold an artifact against its engine, and its kind where that is known. Raises CompileError.

    ``version`` is that of its compiler, ``fix`` what to do about that one where it is none of this machine.
    """
    who = f"{made_by} reported success, but what it wrote"
    try:
        facts = cwasm.read(data)
    except FormatError as error:
        fix = fix or "check the space that is left on the disk, and that this is wasmtime"
        raise CompileError(f"{who} is no whole artifact: {error}; {fix}") from error
    flags = {name: facts.isa_flags.get(name) for name in engine.isa_flags}
    wanted = engine.version_in_artifacts(version)
    asked = (kind or facts.kind, wanted, cwasm.HEADERS[engine.triple.architecture])
    if (facts.kind, facts.version, facts.header) != asked or flags != engine.isa_flags:
        raise CompileError(
            f"{who} is a {facts.kind} for {facts.triple} of Wasmtime {facts.version}, not the {asked[0]} for "
            f"{engine.triple.text} of Wasmtime {wanted} that it was asked for; "
            f"{fix or 'name another executable as [toolchain] compiler'}"
        )
