"""The second level: an artifact is what its manifest declares, told from its headers alone, on any host."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wasmbuild.engine import cpu, lines, triples
from wasmbuild.engine.line import Value
from wasmbuild.errors import FormatError
from wasmbuild.formats import cwasm, layouts
from wasmbuild.formats.cwasm import ArtifactFacts, ReadAt
from wasmbuild.formats.identify import identify_at
from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.text import printable
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.outcomes import Broken, Obstacle, Unreachable, Unverified
from wasmbuild.verify.reference import Reference
from wasmbuild.verify.setting_changes import shown


class Consistent:
    """Holds the artifacts of one target against its manifest."""

    def __init__(
        self,
        manifest: Manifest,
        reference: Reference | Unreachable | Unverified,
        differences: Callable[[Reference, ArtifactFacts], str],
        runtime: str | None = None,
    ) -> None:
        """``reference`` is of the declared settings; ``differences`` names those that an artifact has otherwise.

        ``runtime`` is the release that will load them, None where it is not known.
        """
        triple = triples.parse(manifest.triple)
        self._manifest = manifest
        self._runtime = runtime
        self._target = manifest.target
        self._version = lines.get(manifest.major).version_in_artifacts(manifest.compiler)
        self._header = cwasm.HEADERS[triple.architecture]
        self._triple = triple
        self._isa_flags = expected_isa_flags(triple, manifest.isa_flags, manifest.major)
        self._reference = reference
        self._differences = differences
        # All artifacts of a target have the same engine section, so that one comparison of bytes settles the rest.
        self._right: tuple[cwasm.Header, bytes] | None = None

    def check(self, artifact: ManifestArtifact, read_at: ReadAt) -> Obstacle | None:
        """Return in which way an artifact is not what was declared, or why that cannot be told, or None."""
        try:
            facts = cwasm.read(read_at)
        except FormatError as error:
            return Broken(f"{artifact.path} is {_instead(read_at) or error}")
        if facts.kind != artifact.kind:
            return self._broken(artifact, f"is a {facts.kind}, and its manifest says {artifact.kind}")
        if (facts.header, facts.engine) != self._right:
            problem = self._problem(facts)
            if problem:
                return self._broken(artifact, problem)
        if obstacle := self._other_release(artifact) or self._crash(artifact):
            return obstacle
        if not isinstance(self._reference, Reference):
            return self._reference
        self._right = (facts.header, facts.engine)
        return None

    def _other_release(self, artifact: ManifestArtifact) -> Broken | None:
        """Return that the release that will load an artifact refuses what another one compiled."""
        runtime, compiler = self._manifest.runtime, self._manifest.compiler
        if runtime is None or runtime == compiler or not lines.own_release_only(self._manifest.major):
            return None
        return Broken(
            f"{artifact.path} does not load in Wasmtime {runtime}, which loads it as its manifest says: it names "
            f"{printable(compiler)}, which compiled it, and releases of this line load their own artifacts alone; "
            f"compile it with {runtime}: wasmbuild toolchain install {runtime} gets it"
        )

    def _crash(self, artifact: ManifestArtifact) -> Broken | None:
        """Return that an artifact would crash in the release that will load it."""
        runtime, manifest = self._runtime, self._manifest
        on_windows = self._triple.is_windows
        if runtime is None or not layouts.crashes(manifest, artifact.traits, runtime, on_windows=on_windows):
            return None
        whose = "which loads it as its manifest says" if manifest.runtime else "the library here"
        return Broken(
            f"{artifact.path} would crash in Wasmtime {runtime}, {whose}: {manifest.compiler} compiled it, "
            f"whose code looks for data of a module with an odd number of exception tags elsewhere; compile it with a "
            f"release that has the layout of {runtime}, or write the release that loads it as runtime under [engine]"
        )

    def _broken(self, artifact: ManifestArtifact, problem: str) -> Broken:
        return Broken(f"{artifact.path} {problem}; {BY_HAND}")

    def _problem(self, facts: ArtifactFacts) -> str:
        if facts.version != self._version:
            return f"is of Wasmtime {printable(facts.version)}, and its manifest says {printable(self._version)}"
        if not _same_machine(facts.triple, self._triple):
            return f"is for {printable(facts.triple)}, and target {self._target} is {self._triple}"
        if facts.header != self._header:
            return f"says it is for {self._triple}, but its ELF header is not one of that machine"
        flags = _flag_differences(self._isa_flags, facts.isa_flags)
        if flags:
            return f"has other CPU flags than target {self._target} declares: {flags}"
        return self._differences(self._reference, facts) if isinstance(self._reference, Reference) else ""


def _same_machine(found: str, declared: triples.TargetTriple) -> bool:
    """Compare triples as far as they matter: Wasmtime spells them out (``arm64-apple-darwin``: ``aarch64-…``)."""
    if found == declared.text:
        return True
    try:
        triple = triples.parse(found)
    except ValueError:
        return False
    return triple[1:] == declared[1:] and triple.vendor == declared.vendor


def expected_isa_flags(
    triple: triples.TargetTriple, declared: Mapping[str, Value], line: int | None = None
) -> dict[str, Value]:
    """Return the ISA flags that are not off in an artifact of a line for a target with the declared flags.

    Where no line is named, it is the newest that is known.
    """
    if triple.is_pulley:
        shape: dict[str, Value] = {"pointer_width": f"pointer{triple.pointer_width}"}
        return {**shape, "big_endian": True} if triple.is_big_endian else shape
    return {**cpu.always_on(triple.architecture, line), **declared}


def _flag_differences(expected: Mapping[str, Value], found: Mapping[str, Value]) -> str:
    differences = []
    for name in sorted(expected.keys() | found.keys()):
        wanted, value = expected.get(name, False), found.get(name, False)
        if wanted != value or type(wanted) is not type(value):
            differences.append(f"{printable(name, 40)} is {shown(value)} instead of {shown(wanted)}")
    return ", ".join(differences)


def _instead(read_at: ReadAt) -> str:
    """Say what a file is that is no artifact; empty where an artifact's own reader knows better."""
    identity = identify_at(read_at)
    if identity.kind in ("text", "module", "component"):
        return f"{identity.sentence}, not an artifact that was compiled from one; {BY_HAND}"
    if identity.kind in ("elf", "unknown"):
        return f"{identity.sentence}, not an artifact; {AGAIN}"
    return ""
