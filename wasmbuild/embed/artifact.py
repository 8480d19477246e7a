"""One artifact in memory, for what checks an engine; nothing is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.toolchain import Toolchain


def artifact_of(
    wasm: bytes,
    toolchain: Toolchain,
    kind: str,
    engine: EngineConfig,
) -> bytes:
    """Compile a binary ``"module"`` or ``"component"`` for an engine.

    Raises CompileError, ToolchainError where this compiler cannot compile for the target.
    """
    with tempfile.TemporaryDirectory(prefix="wasmbuild-") as directory:
        source, out = Path(directory, "source.wasm"), Path(directory, "artifact.cwasm")
        source.write_bytes(wasm)
        toolchain.compile(
            Job(
                wasm=source,
                out=out,
                kind=kind,
                engine=engine,
                limits=toolchain.limits,
                parallel=False,
                source=f"the {kind}",
                name="its artifact",
            )
        )
        try:
            return out.read_bytes()
        except FileNotFoundError as error:
            raise CompileError(f"{toolchain.compiler(engine).path} left no artifact") from error
