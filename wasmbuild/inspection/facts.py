"""What inspection finds: values, without words for people."""

from __future__ import annotations

from collections.abc import Mapping

from wasmbuild.audit.judge import Finding
from wasmbuild.engine.line import Value
from wasmbuild.formats.extern import Export, Import
from wasmbuild.formats.traits import Traits
from wasmbuild.lean.typing import Any, NamedTuple


class Section(NamedTuple):
    """A section of a file: its name, ``size`` in bytes, and what it is for, one of the values of ``roles.ROLES``.

    ``sha256`` is the digest of its bytes; None where nothing was hashed.
    """

    name: str
    size: int
    role: str
    sha256: str | None = None


class Engine(NamedTuple):
    """The engine settings that an artifact was compiled with.

    ``settings`` are in canonical form, as in a manifest, without what changes no artifact; None where there was nothing
    to compare the artifact with, and ``problem`` says why. ``exact`` tells that a reference made with these settings
    has the very same engine section. Where it is false, ``unnamed`` says what else differs.
    """

    settings: Mapping[str, Any] | None
    exact: bool
    unnamed: tuple[str, ...] = ()
    problem: str = ""


class Cpu(NamedTuple):
    """The CPU that an artifact needs: the highest ``level`` that is whole in its flags, and ``features`` besides.

    ``level`` is None for Pulley and for architectures that are unknown; ``flags`` are all ISA flags that are not off.
    """

    level: str | None
    features: tuple[str, ...]
    flags: Mapping[str, Value]


class ArtifactDescription(NamedTuple):
    """What an artifact says of itself. ``kind`` is ``"module"`` or ``"component"``, ``line`` Wasmtime's version there.

    It is the major version alone, or on some lines the whole release. ``architecture`` is that of a TargetTriple, or
    None where the triple is one that no known compiler takes. ``faults`` are the known ones of the version that
    compiled it, each held against it; None where nothing says which that was.
    """

    kind: str
    line: str
    triple: str
    architecture: str | None
    cpu: Cpu
    engine: Engine
    cranelift_flags: Mapping[str, Value]
    sections: tuple[Section, ...]
    faults: tuple[Finding, ...] | None = None

    @property
    def line_number(self) -> int:
        """The line, of one whose engine was told."""
        return int(self.line.partition(".")[0])


class WebAssembly(NamedTuple):
    """What a module or component is and needs; ``kind`` is ``"module"`` or ``"component"``.

    ``memories`` are the types of the memories that it declares itself, in the grammar of ``wasmbuild.formats.extern``.
    ``features`` are the settings ``wasm-…`` without which it is not valid, None where that was not told; ``problem`` is
    why Wasmtime ``line`` cannot compile it, or why features were not told, or empty. ``binary_sha256`` is the digest of
    the binary that text stands for. ``traits`` are None where they could not be told, and ``untold`` says why.
    """

    kind: str
    binary_sha256: str
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    memories: tuple[str, ...]
    starts: bool
    sections: tuple[Section, ...]
    line: int | None
    features: tuple[str, ...] | None
    problem: str
    traits: Traits | None = None
    untold: str = ""


class Origin(NamedTuple):
    """What the record or the manifest of an artifact says of where it came from.

    ``file`` is the path of that record or manifest. ``matches`` tells whether it describes the bytes of the artifact;
    where it does not, or cannot be read, ``problem`` says so and nothing else is set. ``traits`` are those of the
    source, ``runtime`` is the version that will load the artifact; None where that is not said.
    """

    file: str
    matches: bool
    problem: str = ""
    id: str = ""
    source: str = ""
    source_sha256: str = ""
    wasm_sha256: str | None = None
    compiler: str = ""
    cpu: str | None = None
    engine: Mapping[str, Any] | None = None
    imports: tuple[Import, ...] = ()
    exports: tuple[Export, ...] = ()
    traits: Traits | None = None
    runtime: str | None = None


class Description(NamedTuple):
    """What a file is. ``path`` is as it was named.

    ``kind`` is ``"artifact"``, ``"module"``, ``"component"`` or ``"text"`` (``webassembly.kind`` tells of what), or
    ``"other"`` with an ``error``: one message for people, and the ``exit_code`` of a command that was asked for it.
    ``size`` and ``sha256`` are None for a file that was not read. ``notes`` are warnings for people, a line each.
    """

    path: str
    kind: str
    size: int | None = None
    sha256: str | None = None
    artifact: ArtifactDescription | None = None
    webassembly: WebAssembly | None = None
    origins: tuple[Origin, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    exit_code: int = 0

    @property
    def origin(self) -> Origin | None:
        """The first record or manifest that describes these bytes."""
        return next((origin for origin in self.origins if origin.matches), None)
