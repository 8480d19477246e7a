"""Why an artifact does not fit this machine, told before Wasmtime is asked, and the words for what it says itself."""

from __future__ import annotations

from wasmbuild.engine import host, triples
from wasmbuild.errors import FormatError
from wasmbuild.formats import cwasm
from wasmbuild.formats.cwasm import ArtifactFacts, ReadAt
from wasmbuild.formats.identify import FileIdentity, identify_at
from wasmbuild.runtime.engines import library_line, other_line
from wasmbuild.runtime.errors import (
    DamagedError,
    InvalidSourceError,
    LoadError,
    MissingCpuFeatureError,
    NotPrecompiledError,
    OtherArchitectureError,
    OtherCodeError,
    OtherKindError,
    OtherLayoutError,
    OtherSettingError,
    OtherSystemError,
)
from wasmbuild.shipment.errors import AGAIN
from wasmbuild.text import printable

# Text and scripts are told from their beginning; an artifact's own reader says what is wrong with an artifact.
_NEEDED = "and a precompiled artifact is needed here"


def here() -> str:
    """Return the triple of this machine, for messages."""
    return host.triple() or "a machine that Wasmtime has no compiler for"


def other_machine(subject: str, triple: str) -> LoadError | None:
    """Return why code for a triple cannot run here, its CPU features apart, or None."""
    try:
        parsed = triples.parse(triple)
    except ValueError:
        return other_architecture(subject, triple)
    if host.runs(parsed):
        return None
    own = host.triple()
    if own is not None and triples.parse(own).architecture == parsed.architecture:
        return other_system(subject, triple)
    return other_architecture(subject, triple)


def other_architecture(subject: str, found: str) -> OtherArchitectureError:
    return OtherArchitectureError(f"{subject} is for {printable(found)}, and this machine is {here()}", _a_target())


def other_system(subject: str, found: str) -> OtherSystemError:
    return OtherSystemError(f"{subject} is for {printable(found)}, and this machine is {here()}", _a_target())


def _a_target() -> str:
    triple = host.triple()
    own = f'triple = "{triple}", or ' if triple is not None else ""
    return f'declare a target with {own}triple = "pulley64" for every machine, and build it'


def other_layout(subject: str, compiler: str, version: str) -> OtherLayoutError:
    """Return the error for an artifact of another layout than the library's, which is that of release ``version``."""
    return OtherLayoutError(
        f"{subject} would crash: Wasmtime {printable(compiler)} compiled it, whose code looks for data of a module "
        f"with an odd number of exception tags elsewhere than the library here, laid out as {version}, has them",
        f"compile it with a release that is laid out alike: run wasmbuild toolchain install {version}, write the path "
        f"that it prints as compiler under [toolchain], and build again",
    )


def missing_feature(subject: str, feature: str) -> MissingCpuFeatureError:
    return MissingCpuFeatureError(
        f"{subject} needs a CPU with {feature}, which this one lacks",
        'declare a target with a lower cpu, or without that feature in cpu-features, or with triple = "pulley64"',
        feature,
    )


def other_code(subject: str, is_pulley: bool) -> OtherCodeError:
    code, runs = ("Pulley bytecode", "native code") if is_pulley else ("native code", "Pulley bytecode")
    target = '"pulley64"' if is_pulley else "not set"
    return OtherCodeError(
        f"{subject} is {code}, and the engine that was given runs {runs}",
        f"give an engine whose Config.target is {target}, or none at all",
    )


def other_setting(subject: str, setting: str, difference: str, *, declared: bool) -> OtherSettingError:
    if declared:
        hint = f"it is not what its manifest declares: {AGAIN}"
    else:
        hint = (
            f"set {setting} alike in the application's wasmtime.Config and under [engine] in wasmbuild.toml, or take "
            f"the engine from {__package__}.engine()"
        )
    return OtherSettingError(f"{subject} {difference}", hint, setting)


def other_kind(subject: str, found: str) -> OtherKindError:
    if found == "component":
        return OtherKindError(
            f"{subject} is a component, and a core module is needed here",
            "take .component of what was loaded, or use wasmtime.component.Component, and wasmtime.component.Linker",
        )
    return OtherKindError(
        f"{subject} is a core module, and a component is needed here",
        "take .module of what was loaded, or use wasmtime.Module, and wasmtime.Linker",
    )


def not_precompiled(subject: str, identity: FileIdentity) -> NotPrecompiledError:
    return NotPrecompiledError(
        f"{subject} is {identity.sentence}, {_NEEDED}",
        "compile it with wasmbuild and load what that makes, or let the application compile it: "
        f"{__package__}.load_source(path)",
    )


def invalid_source(subject: str, message: str) -> InvalidSourceError:
    """Return the error for WebAssembly that Wasmtime refuses to compile with these words."""
    from wasmbuild.diagnosis import compiling
    from wasmbuild.diagnosis.wording import one_line

    cause = compiling.cause(message)
    hint = ""
    if cause is None or cause.word in (compiling.INVALID, compiling.CUT_SHORT):
        hint = "correct the source"
    elif cause.word == compiling.FEATURE:
        hint = f"switch {cause.setting} on in the engine, or build the source without"
    return InvalidSourceError(f"{subject} is not compiled by Wasmtime: {one_line(message)}", hint)


def fitting(subject: str, read_at: ReadAt) -> ArtifactFacts:
    """Return what an artifact says of itself, when it can be loaded here as far as its headers tell.

    Raises NotPrecompiledError, DamagedError, OtherLineError, OtherArchitectureError, OtherSystemError.
    """
    try:
        facts = cwasm.read(read_at)
    except FormatError as error:
        identity = identify_at(read_at)
        if identity.kind in ("text", "module", "component"):
            raise not_precompiled(subject, identity) from None
        if identity.kind != "artifact":
            raise DamagedError(f"{subject} is {identity.sentence}, {_NEEDED}", AGAIN) from None
        problem, _, fix = str(error).rpartition("; ")
        raise DamagedError(f"{subject} is {problem}", fix) from None
    if facts.version != str(library_line()):
        raise other_line(subject, facts.version)
    machine = other_machine(subject, facts.triple)
    if machine is not None:
        raise machine
    return facts
