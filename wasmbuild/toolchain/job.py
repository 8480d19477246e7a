"""One compile as both compilers are asked for it, and the one error that comes out of any way it can fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wasmbuild.engine import cpu, lines, triples
from wasmbuild.errors import CompileError, StoreError
from wasmbuild.toolchain.child import Limits, is_late


class Job(NamedTuple):
    """What to compile, for what, and into which file.

    ``wasm`` is a binary module or component that nobody else writes, ``out`` a file that does not exist yet, in a
    private directory; after a failure it may hold anything. ``kind`` is ``"module"`` or ``"component"``, ``triple``
    the text of a target triple, ``engine`` the engine settings in canonical form. With ``parallel`` the compiler may
    use all cores. ``source`` and ``name`` are what people call the two files.
    """

    wasm: Path
    out: Path
    kind: str
    triple: str
    isa_flags: Mapping[str, Any]
    engine: Mapping[str, Any]
    line: int
    limits: Limits
    parallel: bool
    source: str
    name: str


class NoVerdictError(CompileError):
    """A source was not judged, because what judges it is not there or was stopped: this says nothing of its bytes.

    ``fix`` is what to change in the declaration, in words; empty where that would not help.
    """

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix


RAISE_MEMORY = "raise memory-limit under [toolchain]"

_FEATURES = (
    # What Wasmtime's validator says of a feature that is off, in lines 48 to 50, and the setting that turns it on.
    (r"threads must be enabled|threads support is not enabled", "wasm-threads"),
    (r"relaxed SIMD support is not enabled", "wasm-relaxed-simd"),
    (r"SIMD support is not enabled|SIMD must be enabled", "wasm-simd"),
    (r"memory64 must be enabled|memory64 support is not enabled", "wasm-memory64"),
    (r"wide arithmetic support is not enabled", "wasm-wide-arithmetic"),
    (r"custom page sizes proposal must be enabled", "wasm-custom-page-sizes"),
    (r"stack switching is disabled|stack switching support is not enabled", "wasm-stack-switching"),
    (r"bulk memory support is not enabled|bulk memory must be enabled", "wasm-bulk-memory"),
    (r"multiple memories|multi-memory (support|must be)", "wasm-multi-memory"),
    (r"multi-value is not enabled|multiple values", "wasm-multi-value"),
    (r"tail calls support is not enabled", "wasm-tail-call"),
    (r"reference types support is not enabled|reference types must be enabled", "wasm-reference-types"),
    (r"function references (required|support)|function-references", "wasm-function-references"),
    (r"gc (support is not enabled|proposal must be enabled)|without the gc feature", "wasm-gc"),
    (r"gc types are (disallowed|disabled)|support for GC types disabled at configuration time", "gc-support"),
    (r"exceptions (support is not enabled|proposal not enabled)|without the exception handling", "wasm-exceptions"),
    (r"component model feature is not enabled", "wasm-component-model"),
)

_CUT_SHORT = re.compile(
    r"unexpected end-of-file|unexpected end of|length out of bounds|section size mismatch|unexpected content in the"
)
_NO_SPACE = re.compile(r"No space left on device|not enough space on the disk|Disk quota exceeded|File too large")
_NOT_WRITTEN = re.compile(r"failed to write output")
# The C API has no way to say that settings are wrong: it panics.
_REFUSED = re.compile(r"c-api/src/engine\.rs\S*\n.*called `Result::unwrap\(\)` on an `Err` value: (.*)")
_HOST_LACKS = re.compile(r'compilation setting "(\w+)" is enabled, but not available on the host')
_NOISE = re.compile(r"^note: run with `RUST_BACKTRACE=1`.*\n?", re.MULTILINE)


def failure(job: Job, who: str, ending: str, said: str, *, command: str = "") -> CompileError | StoreError:
    """Return the error for a compile that failed.

    ``who`` is the compiler and ``ending`` how it ended, ``said`` what it wrote or why it refused. ``command`` is what a
    person can run to see the same. The names of private copies are replaced by those that people know.
    """
    shown = _NOISE.sub("", said).replace(str(job.wasm), job.source).replace(str(job.out), job.name).strip("\n")
    details = [f"$ {command}"] if command else []
    details += [line for line in shown.splitlines() if line.strip()]
    text = "\n    ".join([_head(job, who, ending, shown), *details])
    return StoreError(text) if _NO_SPACE.search(shown) or _NOT_WRITTEN.search(shown) else CompileError(text)


def _head(job: Job, who: str, ending: str, said: str) -> str:
    what = f"{who} {ending}"
    reason = advice(job, ending, said)
    return f"{what}: {reason}" if reason else what


def advice(job: Job, ending: str, said: str) -> str:
    """Return the likely cause of a failure and what to do about it; empty when ``said`` has to speak for itself."""
    if _NO_SPACE.search(said):
        return f"no space is left for {job.name}; free some and build again"
    if limit := limit_to_raise(ending):
        return f"{limit}, or leave the module out of this target"
    if "legacy_exceptions" in said or "legacy exceptions" in said:
        return (
            f"{job.source} uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: "
            f"wasm-opt -all --translate-to-exnref --emit-exnref {job.source} -o OUT.wasm"
        )
    triple = triples.parse(job.triple)
    if "panicked" in ending and (caveat := cpu.caveat(triple.architecture, job.isa_flags)):
        return caveat
    if lacking := _HOST_LACKS.search(said):
        return (
            f"the CPU of this machine lacks {lacking[1]}, and the library compiles for no better CPU than the one it "
            f"runs on; a wasmtime executable does"
        )
    if refused := _REFUSED.search(said):
        return f"it refuses the settings of this target: {refused[1]}"
    if "panicked" in ending:
        return f"this is a bug of Wasmtime {job.line}; another patch release may not have it"
    for pattern, setting in _FEATURES:
        if re.search(pattern, said):
            return _feature(job, setting, triple.is_pulley)
    if _CUT_SHORT.search(said):
        return f"{job.source} is cut short or damaged; build or copy it again"
    if "Invalid input WebAssembly code" in said or "failed to parse WebAssembly module" in said:
        return f"{job.source} is not valid WebAssembly"
    if "unrecognized subcommand" in said:
        return "it was built without its compiler; name another executable as [toolchain] compiler"
    return ""


def limit_to_raise(ending: str) -> str:
    """Say which limit a child ran into, from the words that say how it ended; empty when it was none."""
    if ending.startswith("ran out of its memory limit"):
        return RAISE_MEMORY
    return "raise time-limit under [toolchain]" if is_late(ending) else ""


def _feature(job: Job, setting: str, pulley: bool) -> str:
    if setting == "wasm-threads" and pulley:
        return (
            f"{job.source} uses threads, which {job.triple} lacks; leave it out of this target (targets = [...] of the "
            f"module), or build it without threads"
        )
    if job.engine.get("strategy") == "winch" and setting in lines.get(job.line).winch.lacks[""]:
        return (
            f'{job.source} needs {setting}, which strategy = "winch" of [engine] lacks in Wasmtime {job.line}; remove '
            f"that setting, leave the module out of this target (targets = [...] of the module), or build it without"
        )
    if job.engine.get(setting) is False:
        return f"{job.source} needs {setting}, which [engine] turns off; remove that setting or build it without"
    return f"{job.source} needs {setting}; if what loads it turns that on, write {setting} = true under [engine]"
