"""How Wasmtime's loader refuses what it is given, what that means, and what to do: the same words in every language.

The messages are those of ``engine/serialization.rs`` and ``engine.rs`` of the crate ``wasmtime`` 48. A generated file
is for one line, so that they are the ones its library has; a library of another line is told from them, too.
"""

from __future__ import annotations

from wasmbuild.engine import lines
from wasmbuild.lean.typing import NamedTuple

_DECLARED = "under [toolchain] or in the target"


class Refusal(NamedTuple):
    """A message that contains ``said`` means ``status``; ``problem`` and ``fix`` are what people are told."""

    said: str
    status: str
    problem: str
    fix: str


def refusals(line: int, unlike: str = "") -> tuple[Refusal, ...]:
    """Return all refusals of a line; the first that fits counts, and whatever fits none is damage.

    ``unlike`` is what to do where an application may have a Wasmtime of other features than the declared engine has,
    which an engine that is configured as declared comes out differently with.
    """
    settings = (
        "other_settings",
        "needs other settings than this engine has",
        "create the engine as this file does, and generate this file again when the declared settings have changed"
        + (f"; if that is so, {unlike}" if unlike else ""),
    )
    platform = (
        "other_platform",
        "was precompiled for another platform than this one",
        "ship this machine the artifact of its own target",
    )
    executable = (
        "host_limit",
        "needs executable memory, which this program may not make, or not of that file",
        "where its file system is mounted noexec, give its SHA-256, so that a copy is loaded; else allow it "
        "(MemoryDenyWriteExecute= of systemd, execmem of SELinux)",
    )
    # Whichever is at fault, the words are the library's, whose line is not known: some name Wasmtime before "version".
    said = "compiled with incompatible"
    if lines.own_release_only(line):
        others = [
            Refusal(
                said,
                "other_line",
                "was precompiled by another release of Wasmtime than this program has, which loads its own artifacts "
                "alone",
                f'build it with that release, wasmtime = "{line}.0.N" {_DECLARED}, and generate this file again',
            )
        ]
    else:
        others = [
            Refusal(
                f"version '{line}'",
                "other_line",
                f"needs line {line} of Wasmtime, and the library that this program runs with is of another",
                "install that line, or build for the library's, and generate this file again",
            ),
            Refusal(
                said,
                "other_line",
                f"was precompiled by another line of Wasmtime than {line}, which this program is for",
                f'build it with wasmtime = "{line}" {_DECLARED}',
            ),
        ]
    return (
        *others,
        # Of the target that an engine is told, whatever is loaded: of Pulley where Wasmtime has no interpreter for it.
        Refusal(
            "target 'pulley",
            "other_platform",
            "needs an interpreter of Pulley, which the Wasmtime of this program lacks",
            "build that Wasmtime with the feature pulley of its crate",
        ),
        Refusal("does not match the host", *settings),
        Refusal("compiled for architecture", *platform),
        Refusal("compiled for operating system", *platform),
        Refusal(
            "not available on the host",
            "other_cpu",
            "needs a CPU feature that this machine lacks",
            "lower cpu or cpu-features of its target",
        ),
        Refusal(
            "incompatible object file format",
            "other_kind",
            "is a module where a component is needed, or the other way round",
            "load it with the call for its kind",
        ),
        Refusal("(os error 13)", *executable),
        Refusal("(os error 1)", *executable),
        Refusal(
            "(os error",
            "host_limit",
            "takes what this program may not have",
            "free memory, or raise its limits, such as those of address space (ulimit -v) and open files (ulimit -n)",
        ),
        Refusal("was compiled", *settings),
        Refusal("costs are incompatible", *settings),
        Refusal("is configured to", *settings),
    )


DAMAGED = Refusal(
    "",
    "damaged",
    "is damaged, cut short for example",
    "build it again, or copy it again from where it was built",
)
