"""The one error of a compile that failed: the likely cause and what to write, for each thing that Wasmtime says.

What it says to write is written in ``tests/integration/test_advice.py``, and works.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping

from wasmbuild.boundary import host_fix
from wasmbuild.diagnosis import compiling
from wasmbuild.diagnosis.cause import Cause
from wasmbuild.engine import cpu, lines
from wasmbuild.engine.rules import EngineError
from wasmbuild.errors import CompileError, DiskError, FormatError, StarvedCompileError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import printable, shown
from wasmbuild.toolchain.endings import limit_to_raise, want
from wasmbuild.toolchain.job import Job

if TYPE_CHECKING:
    from wasmbuild.engine.config import EngineConfig

_EXCEPTIONS = "wasm-exceptions"
_CONVERTED = "OUT.wasm"
_LEAVE_OUT = "leave the module out of this target (targets = [...] of the module)"
# All that modules of today use. Not -all: that brings proposals which Wasmtime lacks into the file.
_BINARYEN_FEATURES = (
    "exception-handling", "reference-types", "threads", "simd", "bulk-memory", "sign-ext", "mutable-globals",
    "nontrapping-float-to-int", "multivalue", "tail-call", "gc", "extended-const", "relaxed-simd", "memory64",
    "multimemory",
)  # fmt: skip
# Proposals that Wasmtime lacks and its tools can leave out.
_BINARYEN_DISABLES = {"compact imports", "custom descriptors"}
# It has no setting of its own, and is off where one of these is.
_ASYNC = "wasm-component-model-async"
_ASYNC_NEEDS = ("concurrency-support", "wasm-reference-types")
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


def _no_code(job: Job, setting: str) -> str:
    what = setting.removeprefix("wasm-").replace("-", " ")
    return f"{job.source} uses {what}, which Wasmtime {job.engine.line} has no code for; build it without"


def _legacy_exceptions(job: Job, cause: Cause, said: str) -> str:
    if lines.get(job.engine.line).settings[_EXCEPTIONS].no_code:
        return _no_code(job, _EXCEPTIONS)
    features = " ".join(f"--enable-{feature}" for feature in _BINARYEN_FEATURES)
    convert = (
        f"{job.source} uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: "
        f"wasm-opt {features} --translate-to-exnref --emit-exnref {job.source} -o {_CONVERTED}"
    )
    if job.engine.values()[_EXCEPTIONS]:
        return convert
    return f"{convert}; {_missing(job._replace(source=_CONVERTED), _EXCEPTIONS)}"


def _has_legacy_exceptions(job: Job) -> bool:
    from wasmbuild.formats import instructions, wasm_traits

    try:
        wasm_traits.read(job.wasm.read_bytes())
    except instructions.LegacyExceptionsError:
        return True
    except (OSError, FormatError):
        pass
    return False


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


def _feature(job: Job, cause: Cause, said: str) -> str:
    # What it meets first in a source is a tag, which both kinds of exceptions have.
    if cause.setting == _EXCEPTIONS and _has_legacy_exceptions(job):
        return _legacy_exceptions(job, cause, said)
    return _missing(job, cause.setting)


def _missing(job: Job, setting: str) -> str:
    """Return what to do about a feature that a source needs and the engine has not."""
    triple, line = job.engine.triple, job.engine.line
    known = lines.get(line).settings
    if setting in known and known[setting].no_code:
        return _unless_declared(job, setting)
    if job.engine.settings.get("strategy") == "winch":
        lacks = lines.get(line).winch.lacks
        if setting in (*lacks[""], *lacks.get(triple.architecture, ())):
            where = "" if setting in lacks[""] else f" on {triple.architecture}"
            return _not_in_winch(job, f"needs {setting}, which", where)
    if setting == _ASYNC:
        setting = next((name for name in _ASYNC_NEEDS if job.engine.values().get(name) is False), setting)
    if setting not in known:
        feature = setting.removeprefix("wasm-")
        return f"{job.source} needs the feature {feature}, which wasmbuild cannot turn on; build it without"
    if setting == "wasm-threads" and triple.is_pulley:
        return (
            f"{job.source} uses threads, which {triple} lacks; leave it out of this target (targets = [...] of the "
            f"module), or build it without threads"
        )
    needed = _needed(job.engine, setting)
    if isinstance(needed, str):
        return f"{job.source} needs {setting}, which {printable(needed)}; {_LEAVE_OUT}, or build it without"
    if job.engine.settings.get(setting) is False and not _is_of_preset(job.engine, setting):
        return f"{job.source} needs {setting}, which [engine] turns off; remove that setting or build it without"
    return f"{job.source} needs {setting}; if what loads it turns that on, write {_written(needed)} under [engine]"


def _unless_declared(job: Job, setting: str) -> str:
    """Return what to do about a feature without code, whose declarations compile where the setting can be on."""
    without, needed = _no_code(job, setting), _needed(job.engine, setting)
    if isinstance(needed, str):
        return without
    return (
        f"{without}, or, if it only declares such things and what loads it turns that on, write {_written(needed)} "
        f"under [engine]"
    )


def _written(settings: Mapping[str, bool]) -> str:
    return " and ".join(f"{name} = {shown(value)}" for name, value in settings.items())


def _needed(engine: EngineConfig, setting: str) -> dict[str, bool] | str:
    """Return what turns a setting on in an engine, one other with it where that takes one; else why nothing does."""
    why, settings = "", lines.get(engine.line).settings
    # What is on by a word is switched off as what is on by true.
    others = [{name: value is False} for name, value in engine.values().items() if type(settings[name].default) is bool]
    for other in ({}, *others):
        needed = {**other, setting: True}
        try:
            engine.changed(needed)
        except EngineError as error:
            why = why or error.problems[0][1]
        else:
            return needed
    return why


def _not_in_winch(job: Job, what: str, where: str = "") -> str:
    return (
        f'{job.source} {what} strategy = "winch" of [engine] lacks in Wasmtime {job.engine.line}{where}; remove that '
        f"setting, {_LEAVE_OUT}, or build it without"
    )


def _is_of_preset(engine: EngineConfig, setting: str) -> bool:
    return lines.get(engine.line).embedders[engine.embedder].settings.get(setting) is False


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
    compiling.LEGACY_EXCEPTIONS: _legacy_exceptions,
    compiling.UNKNOWN_PROPOSAL: _unknown_proposal,
    compiling.HOST_CPU: _host_cpu,
    compiling.REFUSED_SETTINGS: lambda job, cause, said: f"it refuses the settings of this target: {cause.names[0]}",
    compiling.DWARF: _dwarf,
    compiling.FEATURE: _feature,
    compiling.NO_CODE: lambda job, cause, said: _no_code(job, cause.setting),
    compiling.NOT_IMPLEMENTED: lambda job, cause, said: (
        f"Wasmtime {job.engine.line} lacks what {job.source} needs: {printable(cause.said)}; that says nothing against "
        "it as WebAssembly: build it without"
    ),
    compiling.NEEDS_AVX: _needs_avx,
    compiling.NOT_IN_WINCH: lambda job, cause, said: _not_in_winch(job, "has code that"),
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
