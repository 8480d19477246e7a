"""The one error of a compile that failed: the likely cause and what to write, for each thing that Wasmtime says.

What it says to write is written in ``tests/integration/test_advice.py``, and works.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable

from wasmbuild.boundary import host_fix
from wasmbuild.diagnosis import compiling
from wasmbuild.diagnosis.cause import Cause
from wasmbuild.engine import cpu
from wasmbuild.errors import CompileError, DiskError, StarvedCompileError
from wasmbuild.text import printable
from wasmbuild.toolchain import features
from wasmbuild.toolchain.endings import limit_to_raise, want
from wasmbuild.toolchain.job import Job

# Proposals that Wasmtime lacks and its tools can leave out.
_BINARYEN_DISABLES = {"compact imports", "custom descriptors"}
_TOLD_BY_PANICS = (
    compiling.HOST_CPU,
    compiling.REFUSED_SETTINGS,
    compiling.DWARF,
    compiling.FEATURE,
    compiling.NO_CODE,
)
_OFFSET = re.compile(r"\(at offset 0x([0-9a-f]+)\)|at offset (\d+)")
_NOISE = re.compile(r"^note: run with `RUST_BACKTRACE=1`.*\n?", re.MULTILINE)


def failure(job: Job, who: str, ending: str, said: str, *, command: str = "") -> CompileError | DiskError:
    """Return the error for a compile that failed.

    ``who`` is the compiler and ``ending`` how it ended, ``said`` what it wrote or why it refused. ``command`` is what a
    person can run to see the same. The names of private copies are replaced by those that people know.
    """
    shown = _NOISE.sub("", said).replace(str(job.wasm), job.source).replace(str(job.out), job.name).strip("\n")
    details = [f"$ {command}"] if command else []
    details += [line for line in shown.splitlines() if line.strip()]
    text = "\n    ".join([_head(job, who, ending, shown), *details])
    cause = compiling.cause(shown, job.engine.line)
    on_disk = cause is not None and cause.word in (compiling.NO_SPACE, compiling.NOT_WRITTEN)
    if on_disk or _is_too_large(ending, shown):
        return DiskError(text)
    return StarvedCompileError(text) if want(ending) else CompileError(text)


def _head(job: Job, who: str, ending: str, said: str) -> str:
    what = f"{who} {ending}"
    reason = advice(job, ending, said)
    return f"{what}: {reason}" if reason else what


def advice(job: Job, ending: str, said: str) -> str:
    """Return the likely cause of a failure and what to do about it; empty when ``said`` has to speak for itself."""
    cause = compiling.cause(said, job.engine.line)
    word = cause.word if cause is not None else ""
    if _is_too_large(ending, said):
        return host_fix(errno.EFBIG)
    if word == compiling.NO_SPACE:
        return f"no space is left for {job.name}; free some and build again"
    if limit := limit_to_raise(ending, job.limits):
        return f"{limit}, or leave the module out of this target" if job.limits.declared else limit
    if lacking := want(ending):
        return lacking
    if "panicked" in ending and word not in _TOLD_BY_PANICS:
        return _panic(job)
    return _ADVICE[word](job, cause, said) if cause is not None and word in _ADVICE else ""


def _is_too_large(ending: str, said: str) -> bool:
    """Tell whether the artifact was larger than files of this process may be."""
    return ending.endswith("SIGXFSZ") or "File too large" in said


def _panic(job: Job) -> str:
    if caveat := cpu.caveat(job.engine.triple.architecture, job.engine.isa_flags, job.engine.line):
        return caveat
    return f"this is a bug of Wasmtime {job.engine.line}; another patch release may not have it"


def _dwarf(job: Job, cause: Cause, said: str) -> str:
    return (
        f"Wasmtime {job.engine.line} cannot translate the DWARF in {job.source}; write debug-info = false for this "
        f"target, or take the DWARF out of the source (wasm-tools strip {job.source} -o OUT.wasm)"
    )


def _unknown_proposal(job: Job, cause: Cause, said: str) -> str:
    proposal = cause.names[0].replace("-", " ")
    without = f"{job.source} uses {proposal}, which Wasmtime {job.engine.line} lacks; build it without"
    if proposal not in _BINARYEN_DISABLES:
        return without
    return f"{without} (binaryen's tools take --disable-{proposal.replace(' ', '-')})"


def _host_cpu(job: Job, cause: Cause, said: str) -> str:
    return (
        f"the CPU of this machine lacks {cause.names[0]}, and the library compiles for no better CPU than the one it "
        f"runs on; a wasmtime executable does"
    )


def _has_legacy_exceptions(job: Job) -> bool:
    from wasmbuild.formats import wasm_traits

    try:
        return wasm_traits.has_legacy_exceptions(job.wasm.read_bytes())
    except OSError:
        return False


def _feature(job: Job, cause: Cause, said: str) -> str:
    # What it meets first in a source is a tag, which both kinds of exceptions have.
    if cause.setting == features.EXCEPTIONS and _has_legacy_exceptions(job):
        return features.legacy_exceptions(job.source, job.engine)
    return features.missing(job.source, job.engine, cause.setting)


def _needs_avx(job: Job, cause: Cause, said: str) -> str:
    return (
        f"Winch has no SIMD for a CPU without {cause.names[0]}; if the CPUs of this target have it, write "
        f'cpu = "x86-64-v3" (or cpu-features = ["avx2"]) for it, else strategy = "cranelift" under [engine]'
    )


def _code_limit(job: Job, cause: Cause, said: str) -> str:
    return (
        f"{_function(job, said) or 'a function'} of {job.source} is over a limit of Wasmtime: {cause.said}; that says "
        f"nothing against it as WebAssembly: build it with optimization (a release profile, or wasm-opt -O), or split "
        f"the function"
    )


def _function(job: Job, said: str) -> str:
    """Return the function that words are about, by index and name, or nothing."""
    from wasmbuild.formats import functions

    found = _OFFSET.search(said)
    if found is None:
        return ""
    try:
        function = functions.at(job.wasm.read_bytes(), int(found[1], 16) if found[1] else int(found[2]))
    except OSError:
        return ""
    if function is None:
        return ""
    return f"function {function.number}" + (f' "{printable(function.name, 200)}"' if function.name else "")


def _limit(job: Job, cause: Cause, said: str) -> str:
    return (
        f"{job.source} is over a limit of Wasmtime: {cause.said}; that says nothing against it as WebAssembly, and no "
        f"setting raises the limit: make it smaller, or split it"
    )


_ADVICE: dict[str, Callable[[Job, Cause, str], str]] = {
    compiling.LEGACY_EXCEPTIONS: lambda job, cause, said: features.legacy_exceptions(job.source, job.engine),
    compiling.UNKNOWN_PROPOSAL: _unknown_proposal,
    compiling.HOST_CPU: _host_cpu,
    compiling.REFUSED_SETTINGS: lambda job, cause, said: f"it refuses the settings of this target: {cause.names[0]}",
    compiling.DWARF: _dwarf,
    compiling.FEATURE: _feature,
    compiling.NO_CODE: lambda job, cause, said: features.no_code(job.source, job.engine, cause.setting),
    compiling.NOT_IMPLEMENTED: lambda job, cause, said: (
        f"Wasmtime {job.engine.line} lacks what {job.source} needs: {printable(cause.said)}; that says nothing against "
        "it as WebAssembly: build it without"
    ),
    compiling.NEEDS_AVX: _needs_avx,
    compiling.NOT_IN_WINCH: lambda job, cause, said: features.not_in_winch(job.source, job.engine, "has code that"),
    compiling.CODE_LIMIT: _code_limit,
    compiling.LIMIT: _limit,
    compiling.CUT_SHORT: lambda job, cause, said: f"{job.source} is cut short or damaged; build or copy it again",
    compiling.UNKNOWN_CODE: lambda job, cause, said: (
        f"{job.source} holds what Wasmtime {job.engine.line} does not know with the features of this target: it is "
        "damaged, or made with a proposal that is off or newer"
    ),
    compiling.INVALID: lambda job, cause, said: f"{job.source} is not valid WebAssembly",
    compiling.NO_COMPILER: lambda job, cause, said: (
        "it was built without its compiler; name another executable as [toolchain] compiler"
    ),
}
