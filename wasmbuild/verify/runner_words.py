"""What to say of a target that this host cannot load and that has no runner: the runner that would do it."""

from __future__ import annotations

from wasmbuild.engine import triples
from wasmbuild.formats.manifest import Manifest
from wasmbuild.project.declared import Target
from wasmbuild.project.keys import dotted

# The package wasmtime has wheels for these; elsewhere there can be an executable.
_WITH_PACKAGE = ("x86_64", "aarch64")
_PYTHON = 'python = "sysroot/usr/bin/python3"'
_WASMTIME = 'wasmtime = "sysroot/usr/bin/wasmtime"'


def foreign(manifest: Manifest, triple: triples.TargetTriple, declared: Target | None) -> str:
    """Return why a manifest's artifacts cannot be loaded on this host, and what to write so that they can."""
    here = triples.host_triple() or "a machine that Wasmtime has no compiler for"
    words = f"cannot be loaded on this host: it is for {triple}, and this is {here}"
    if declared is not None and declared.runner is not None:
        return f"{words}; the runner of target {declared.name} is for {declared.triple}"
    return f"{words}, and no runner is declared; {_advice(manifest, triple)}"


def _advice(manifest: Manifest, triple: triples.TargetTriple) -> str:
    under = f"under [{dotted('targets', manifest.target)}] of wasmbuild.toml write runner ="
    if triple.os == "linux":
        program = _PYTHON if triple.architecture in _WITH_PACKAGE else _WASMTIME
        return f'{under} {{ command = ["qemu-{triple.architecture}-static", "-L", "sysroot"], {program} }}'
    return f'{under} {{ command = ["…"], wasmtime = "…" }}, a command that runs a program of such a machine'
