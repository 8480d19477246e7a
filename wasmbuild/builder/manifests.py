"""The manifests of targets that are whole."""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.entries import Entries
from wasmbuild.builder.index_file import IndexFile
from wasmbuild.builder.manifest_files import ManifestFiles
from wasmbuild.builder.plan_files import PlanFiles
from wasmbuild.builder.records import look_at_record, read_record
from wasmbuild.builder.shipped_sources import ShippedSources
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import Mistake, OccupiedError
from wasmbuild.formats.extern import Interface
from wasmbuild.formats.given_directories import named_by
from wasmbuild.formats.manifest import MAX_MANIFEST, Manifest, ManifestArtifact, entries, entries_by_module
from wasmbuild.formats.record import Record
from wasmbuild.lean.json import spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames
from wasmbuild.text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.formats.ownership import OwnManifest
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.cases import Case
    from wasmbuild.project.declared import Artifact, Module, Target
    from wasmbuild.toolchain.find import FoundCompiler


class Manifests:
    """Writes and removes manifests so that none of them ever claims what is not there, and the index names no other."""

    def __init__(
        self,
        plan: Plan,
        files_of_plan: PlanFiles,
        directory: BuildDirectory,
        index: IndexFile,
        shipped: ShippedSources,
        compilers: Callable[[EngineConfig], FoundCompiler],
    ) -> None:
        self._plan = plan
        self._directory = directory
        self._there = ManifestFiles(directory)
        self._index = index
        self._shipped = shipped
        self._compilers = compilers
        self.written = False
        # Of targets whose manifest is known to be right: its digest.
        self._right: dict[str, str] = {}
        self._artifacts: dict[str, list[Artifact]] = {target.name: [] for target in plan.targets}
        for artifact in plan.artifacts:
            self._artifacts[artifact.target.name].append(artifact)
        self._entries = {name: Entries(artifacts) for name, artifacts in self._artifacts.items()}
        self._files = files_of_plan
        self._paths: dict[str, list[str]] = {}
        # Of modules, by their names, what is declared of them that manifests repeat: most targets have the same.
        self._declared: dict[tuple[str, ...], str] = {}
        self._shipping = {
            name: [artifact for artifact in artifacts if artifact.module.ship_source]
            for name, artifacts in self._artifacts.items()
        }

    def path(self, target_name: str) -> Path:
        return self._there.path(target_name)

    def of_targets(self) -> dict[str, list[Artifact]]:
        """Return the artifacts of each target, in the manifest's order."""
        return self._artifacts

    def refuse_another_project(self) -> None:
        """Raise OccupiedError where the directory holds what another project built: here it is all undeclared.

        What names no project, and what is damaged, is taken for ours. Raises DiskError where the index cannot be read.
        """
        ours = self._plan.project_name
        seen = self._index.look()
        if seen is not None and seen.facts == ours:
            return
        found = {manifest.project for manifest in self._standing() if manifest.project}
        if seen is not None and seen.facts is not None:
            found.add(seen.facts)
        if found and ours not in found:
            other = quoted(min(found))
            build_dir = files.seen_from_here(self._directory.root)
            problem = f"{quoted(build_dir)} holds what the project {other} built"
            fix = (
                f"give this project a build directory of its own; if it was called {other} until now, delete "
                f"{build_dir} first"
            )
            raise OccupiedError([Mistake(self._plan.path, "project.build-dir", problem, fix)])

    def believe(self) -> None:
        """Take the manifests of all targets to be right as long as their files are as the memory knows them."""
        for target in self._plan.targets:
            sha256 = self._directory.memory.digest(str(self.path(target.name)))
            if sha256 is not None:
                self._right[target.name] = sha256

    def doubt(self, target_names: Collection[str]) -> None:
        """Believe no more that manifests are right: records that they were made of may be others."""
        for name in target_names:
            self._right.pop(name, None)

    def undeclared(self) -> list[str]:
        """Return the names of targets that have a manifest of ours but are no longer declared."""
        return [manifest.target for manifest in self._standing(but={*self._artifacts, *self._plan.kept})]

    def _standing(self, but: Collection[str] = ()) -> Iterator[OwnManifest]:
        """Yield the manifests of all target directories, declared or not, that some wasmbuild put where they are."""
        from wasmbuild.formats import ownership

        for name in self._there.names():
            if name not in but:
                try:
                    manifest = ownership.manifest(files.read(self.path(name), MAX_MANIFEST)[0])
                except OSError:
                    continue
                if manifest is not None and manifest.target == name:
                    yield manifest

    def retract(self, target_names: Collection[str]) -> None:
        """Remove the manifests of targets that are not whole. Raises DiskError."""
        standing = [name for name in target_names if self._there.is_there(name)]
        self.doubt(set(target_names).difference(standing))
        if standing:
            self._index.write(without=standing)
            for name in self._entries.keys() & standing:
                self._keep_entries(name)
            self._directory.remove(*map(self.path, standing))
            for name in standing:
                self._directory.memory.notes.pop(str(self.path(name)), None)

    def stands(self, target: Target) -> bool:
        """Tell whether the manifest of a target whose artifacts are right, and what it ships, are as they should be."""
        if not all(map(self._shipped.has, self._shipping[target.name])):
            return False
        path = self.path(target.name)
        seen = self._there.look(target.name)
        if seen is None:
            return False
        if self._right.get(target.name) != seen.sha256:
            if self._directory.memory.notes.get(str(path)) != self._note(target, seen.sha256, self._records(target)):
                return False
            self._right[target.name] = seen.sha256
        return True

    def is_known_right(self, target: Target) -> bool:
        """Tell whether this build found or wrote the manifest of a target as it should be."""
        return target.name in self._right

    def write(self, target: Target) -> None:
        """Write the manifest of a target whose artifacts are all right; the index names it later. Raises DiskError.

        One that says all this already is left untouched: what is remembered of it may be lost at any time. Where the
        target leads out and has no artifacts, nothing is written, and ``refuse_elsewhere`` raises that.
        """
        if (obstacle := self._there.obstacle(target.name)) is not None:
            if not self._artifacts[target.name]:
                return
            raise obstacle
        path = self.path(target.name)
        records = self._records(target)
        wanted = self._wanted(target, records)
        sha256 = sha256_hex(wanted)
        if not self._holds(target, sha256):
            self._directory.put(path, wanted)
            self.written = True
        # It has them now.
        self._entries[target.name].clear()
        self._right[target.name] = sha256
        self._directory.memory.notes[str(path)] = self._note(target, sha256, records)
        self._index.is_behind = True

    def refuse_elsewhere(self) -> None:
        """Raise DiskError where a target without artifacts leads out: it has none whose failure would tell it."""
        for name, artifacts in self._artifacts.items():
            if not artifacts and (obstacle := self._there.obstacle(name)) is not None:
                raise obstacle

    def published(self, artifact: Artifact, record: Record, sha256: str) -> None:
        """Take over what a record says that was just written, with this digest: nobody has to read it to know."""
        if not artifact.module.ship_source:
            self._entries[artifact.target.name].note(artifact, sha256, self._line(artifact, record))

    def is_written(self, target: Target) -> bool:
        """Tell what ``stands`` does where nothing is remembered, by what would be written. Raises DiskError."""
        if not all(map(self._shipped.has, self._shipping[target.name])):
            return False
        sha256 = sha256_hex(self._wanted(target, self._records(target)))
        if not self._holds(target, sha256):
            return False
        self._right[target.name] = sha256
        return True

    def _holds(self, target: Target, sha256: str) -> bool:
        seen = self._there.look(target.name)
        return seen is not None and seen.sha256 == sha256

    def _wanted(self, target: Target, records: list[str]) -> bytes:
        text = self._entries[target.name].text(records, self._made_of_record)
        tests = (test for artifact in self._artifacts[target.name] for test in artifact.module.tests)
        return self._manifest(target, ()).with_entries(text, named_by(tests))

    def _made_of_record(self, artifact: Artifact) -> bytes:
        return self._line(artifact, read_record(self._directory.root / artifact.path))

    def _manifest(self, target: Target, artifacts: tuple[ManifestArtifact, ...]) -> Manifest:
        compiler = self._compilers(target.engine)
        return Manifest(
            project=self._plan.project_name,
            target=target.name,
            triple=target.triple.text,
            cpu=target.cpu,
            isa_flags=dict(target.engine.isa_flags),
            major=target.engine.line,
            compiler=compiler.version,
            compiler_sha256=compiler.sha256,
            engine=target.engine.engine_table(),
            require=target.require,
            artifacts=artifacts,
            runtime=target.runtime,
        )

    def _line(self, artifact: Artifact, record: Record) -> bytes:
        return self._entry(artifact, record).to_entry()

    def _entry(self, artifact: Artifact, record: Record) -> ManifestArtifact:
        module = artifact.module
        return ManifestArtifact(
            module.name,
            record.kind,
            module.name + filenames.ARTIFACT_SUFFIX,
            record.size,
            record.sha256,
            record.key,
            record.source,
            record.imports,
            record.exports,
            _typed(module, record) if module.tests else (),
            self._shipped.ship(artifact, record) if module.ship_source else None,
            record.traits,
        )

    def _records(self, target: Target) -> list[str]:
        """Return the digests of the records of a target's artifacts, which were looked at."""
        memory, paths = self._directory.memory, self._record_paths(target.name)
        found = memory.digests(paths)
        for at, digest in enumerate(found):
            if not digest:
                seen = look_at_record(memory, paths[at])
                found[at] = seen.sha256 if seen is not None else ""
        return found

    def _record_paths(self, name: str) -> list[str]:
        """Return where the records of a target lie, as the memory knows them."""
        if not self._paths:
            self._paths = {target.name: [] for target in self._plan.targets}
            for artifact, path in zip(self._plan.artifacts, self._files.records, strict=True):
                self._paths[artifact.target.name].append(path)
        return self._paths[name]

    def _keep_entries(self, name: str) -> None:
        """Keep what a manifest that is right says of each artifact, before it goes: most of it will be said again.

        So is most of one that was right when other modules were declared.
        """
        right = self._right.pop(name, "")
        path, memory = self.path(name), self._directory.memory
        noted = memory.notes.get(str(path), "")
        try:
            data, signature = files.read(path, MAX_MANIFEST)
        except OSError:
            return
        known = memory.spelled(str(path)) == files.spell(signature) and memory.digest(str(path)) == right
        sha256 = right if known else sha256_hex(data)
        if sha256 == right:
            # A record that is another one by now has another digest when the manifest is written.
            self._entries[name].keep(memory.digests(self._record_paths(name)), entries(data))
        elif noted.startswith(sha256):
            lines = entries_by_module(data)
            root, suffix = path.parent, filenames.ARTIFACT_RECORD_SUFFIX
            records = memory.digests([f"{root}{os.sep}{filenames.native(module)}{suffix}" for module in lines])
            if noted.startswith(_made_of(sha256, records)):
                self._entries[name].take_over(records, lines)

    def _note(self, target: Target, sha256: str, records: list[str]) -> str:
        """Return what a manifest was made from: its own digest, one of the records, and one of all."""
        head = spell(self._manifest(target, ()))
        modules = [artifact.module for artifact in self._artifacts[target.name]]
        names = tuple([module.name for module in modules])
        declared = self._declared.get(names)
        if declared is None:
            repeated = [[each.name, [case.to_json() for case in each.tests], each.ship_source] for each in modules]
            declared = self._declared[names] = sha256_hex(spell(repeated).encode())
        made_of = _made_of(sha256, records)
        return made_of + sha256_hex("\n".join([head, made_of, declared]).encode())


def _made_of(manifest: str, records: list[str]) -> str:
    """Return how a note begins of a manifest whose lines were made of these records, by their digests."""
    return manifest + sha256_hex("\n".join(records).encode())


def _typed(module: Module, record: Record) -> tuple[Case, ...]:
    from wasmbuild.formats.typed_cases import typed

    return typed(module.tests, record.kind, Interface(record.imports, record.exports))
