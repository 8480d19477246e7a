"""From targets to the source file for an application, in any of the languages."""

from __future__ import annotations

from importlib import import_module

from wasmbuild.embed.artifact import artifact_of
from wasmbuild.embed.spec import ProbeArtifact, Spec, TargetEngine, platforms, together
from wasmbuild.engine import lines
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain.embedded import EMPTY

if TYPE_CHECKING:
    from wasmbuild.toolchain.toolchain import Toolchain


class GeneratedSource(NamedTuple):
    """What was generated; ``targets`` are the names of those that the engine serves, ``left_out`` of the others."""

    text: str
    targets: tuple[str, ...]
    left_out: tuple[str, ...]


def source(
    language: str, machines: list[TargetEngine], toolchain: Toolchain, *, origin: str, command: str
) -> GeneratedSource:
    """Generate the file for the targets that one engine serves.

    ``origin`` is the declaration or manifest as the user named it, ``command`` what generates the file again. Raises
    UsageError where native targets differ or the language lacks a setting, CompileError, ToolchainError.
    """
    selected, left_out = together(machines, origin)
    line = selected[0].engine.line
    if language == "python" and not lines.get(line).library:
        usable = " or ".join(str(number) for number in lines.known() if lines.get(number).library)
        raise UsageError(
            f"wasmbuild embed: --lang python: the library of Wasmtime {line} loads what its own release compiled "
            f"alone; for Python applications, build on line {usable}"
        )
    probes = tuple(
        ProbeArtifact(platform, artifact_of(EMPTY["module"], toolchain, "module", platform.engine))
        for platform in platforms(selected)
    )
    spec = Spec(printable(origin), printable(command), selected[0].engine, probes)
    text: str = import_module(f"wasmbuild.embed.{language}").generate(spec)
    return GeneratedSource(text, tuple(machine.name for machine in selected), tuple(left_out))
