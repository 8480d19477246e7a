"""Which call loads a file, and what the other ones say: the sentence for people who took one for the other.

Seen with the library and the executable of Wasmtime 48.0.
"""

from __future__ import annotations

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.inspection.facts import ArtifactDescription, Description
from wasmbuild.lean.typing import NamedTuple


class Calls(NamedTuple):
    """``right`` maps a language or tool to the call that loads a file, ``wrong`` says what the others make of it."""

    right: dict[str, str]
    wrong: str


def calls(description: Description) -> Calls:
    """Return the calls for a file that could be described."""
    if description.artifact is not None:
        return _artifact(description.artifact)
    if description.webassembly is None:
        raise ValueError(f"{description.path} is nothing that can be loaded")
    return (_text if description.kind == "text" else _binary)(description.webassembly.kind)


_PYTHON = {"module": "wasmtime.Module", "component": "wasmtime.component.Component"}
_RUST = {"module": "Module", "component": "Component"}


def _artifact(artifact: ArtifactDescription) -> Calls:
    of = artifact.kind
    rust = _RUST[of]
    engine = None
    if artifact.engine.settings is not None:
        engine = EngineConfig(artifact.line_number, triples.parse(artifact.triple), {}, artifact.engine.settings)
    right = {
        "Python": f"{_PYTHON[of]}.deserialize_file(engine, path)",
        "C": f"wasmtime_{of}_deserialize_file",
        "Rust": f"unsafe {{ {rust}::deserialize_file(&engine, path) }}",
        "command": " ".join(["wasmtime run --allow-precompiled", *_options(artifact, engine)]),
    }
    if engine is not None and engine.loader_lacks():
        del right["Python"], right["C"]
    languages = "Python, Rust"
    # The library of such a line is one release, which loads what it compiled itself.
    if lines.own_release_only(artifact.line_number):
        right.pop("Python", None)
        languages = "Rust"
    other = {"module": "component", "component": "module"}[of]
    wrong = (
        f"{rust}(…), wasmtime_{of}_new and {rust}::new compile WebAssembly, and this is compiled already: they say "
        f'"magic header not detected" (C) or that it is not valid UTF-8 ({languages}). The deserialize calls of a '
        f'{other} say "incompatible object file format"'
    )
    return Calls(right, wrong)


def _options(artifact: ArtifactDescription, engine: EngineConfig | None) -> list[str]:
    """Return what makes the executable's engine agree with an artifact, as far as its settings were told."""
    if engine is None:
        return [f"--target {artifact.architecture}"] if (artifact.architecture or "").startswith("pulley") else []
    return [_LIMITS.get(word, word) for word in engine.loading_arguments() if word not in _AS_IT_IS]


_LIMITS = {"-Wfuel=1": "-Wfuel=N", "-Wepoch-interruption=y": "-Wtimeout=60s"}
"""What lets code run that stops at a limit. How much fuel is for the user to say. A time turns epochs on as the switch
does, which alone sets no deadline: the first check traps."""

_AS_IT_IS = ("-Ccache=n", "-Ccollector=copying")
"""What ``wasmtime run`` does anyhow, or does to no artifact."""


def _binary(of: str) -> Calls:
    rust = _RUST[of]
    right = {
        "Python": f"{_PYTHON[of]}(engine, data)",
        "C": f"wasmtime_{of}_new",
        "Rust": f"{rust}::new(&engine, data)",
        "command": "wasmtime run",
    }
    return Calls(right, f"{_NOT_PRECOMPILED}. {_OTHER_KIND[of]}")


def _text(of: str) -> Calls:
    rust = _RUST[of]
    right = {
        "Python": f"{_PYTHON[of]}(engine, text)",
        "C": f"wasmtime_wat2wasm, and the bytes that it makes to wasmtime_{of}_new",
        "Rust": f"{rust}::new(&engine, text), with the crate's feature wat",
        "command": "wasmtime run",
    }
    wrong = f'wasmtime_{of}_new takes binaries only: of text it says "magic header not detected". {_NOT_PRECOMPILED}'
    return Calls(right, wrong)


_NOT_PRECOMPILED = (
    "The deserialize calls take precompiled artifacts only, and this is not one yet: they say "
    '"failed to parse precompiled artifact as an ELF"'
)
_OTHER_KIND = {
    "module": 'Component(…) says "attempted to parse a wasm module with a component parser"',
    "component": 'Module(…) says "expected a WebAssembly module but was given a WebAssembly component"',
}
