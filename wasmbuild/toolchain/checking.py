"""Whether a compiler compiles what modules have, for a target, and whether the library of this machine gives the same.

Of what a target's settings leave out, its module has nothing.
"""

from __future__ import annotations

from pathlib import Path

from wasmbuild.engine import lines
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError, ToolchainError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.toolchain import embedded
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.job import Job, check_artifact
from wasmbuild.toolchain.toolchain import Toolchain

_BULK = """
    (memory.init $data (i32.const 0) (i32.const 0) (i32.const 4))
    (data.drop $data)
    (memory.fill (i32.const 8) (i32.const 1) (i32.const 8))
    (table.copy (i32.const 0) (i32.const 1) (i32.const 1))"""
_SIMD = "(i32x4.extract_lane 0 (i32x4.add (i32x4.splat (local.get 0)) (i32x4.splat (i32.const 1))))"
_EXCEPTIONS = """
    (block $caught (result i32)
        (try_table (result i32) (catch $tag $caught) (throw $tag (local.get 0))))"""


class CheckedTarget(NamedTuple):
    """What came of a target. ``error`` is why nothing was compiled, ``features`` what the module had.

    ``same`` says whether the library gave the same bytes, None where it was not asked.
    """

    features: tuple[str, ...]
    wasm: bytes = b""
    error: str = ""
    same: bool | None = None


def text(engine: EngineConfig) -> tuple[str, tuple[str, ...]]:
    """Return a module with all that the settings of an engine allow, and the words for that."""
    values, known = engine.values(), lines.get(engine.line).settings

    def has(setting: str) -> bool:
        return values.get(setting) is not False and not (setting in known and known[setting].no_code)

    # Winch has SIMD on some CPUs only.
    simd = has("wasm-simd") and values.get("strategy") != "winch"
    bulk = has("wasm-bulk-memory")
    exceptions = has("wasm-exceptions") and has("gc-support")
    module = f"""(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 1) $f)
  {'(data $data "data")' if bulk else ""}
  {"(tag $tag (param i32))" if exceptions else ""}
  (func $f (export "f") (param i32) (result i32){_BULK if bulk else ""}
    (i32.add {_SIMD if simd else "(local.get 0)"} {_EXCEPTIONS if exceptions else "(i32.const 1)"})))"""
    found = (
        ("SIMD", simd), ("bulk memory", bulk), ("passive data", bulk), ("tables", True), ("exceptions", exceptions)
    )  # fmt: skip
    return module, tuple(word for word, there in found if there)


def check(engine: EngineConfig, toolchain: Toolchain, library: Embedded | None, directory: Path) -> CheckedTarget:
    """Compile a module for an engine, by ``library`` too where that can; ``directory`` is empty and this one's alone.

    Raises DiskError.
    """
    written, features = text(engine)
    if (obstacle := toolchain.obstacle(engine)) is not None:
        return CheckedTarget(features, error=obstacle)
    wasm = directory / "check.wasm"
    try:
        binary = toolchain.translate(written.encode())
        wasm.write_bytes(binary)
        job = Job(wasm, directory / "made", "module", engine, toolchain.limits, True, "check.wasm", "check.cwasm")
        toolchain.compile(job)
        made = job.out.read_bytes()
        compiler = toolchain.compiler(engine)
        check_artifact(made, engine, "module", compiler.path, compiler.version)
    except (CompileError, ToolchainError) as error:
        return CheckedTarget(features, error=str(error))
    # With debug information the artifact names the full version.
    if library is None or embedded.obstacle(engine) or engine.values().get("debug-info") is True:
        return CheckedTarget(features, binary)
    again = job._replace(out=directory / "again")
    try:
        library.compile(again)
    except (CompileError, ToolchainError) as error:
        return CheckedTarget(features, binary, error=f"the library of the wasmtime package: {error}")
    return CheckedTarget(features, binary, same=again.out.read_bytes() == made)
