"""From a wasmbuild.toml to a build of it: the shortest look first, everything else only where that is not enough."""

from __future__ import annotations

import os

from wasmbuild import boundary
from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain import search_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wasmbuild.builder.interfaces import ArtifactCache
    from wasmbuild.builder.noop import Snapshot
    from wasmbuild.builder.session import Session
    from wasmbuild.plan.graph import Plan
    from wasmbuild.plan.placement import Placement
    from wasmbuild.project.audit_policy import AuditPolicy
    from wasmbuild.project.declared import Project, Target
    from wasmbuild.toolchain.find import FoundCompiler
    from wasmbuild.toolchain.toolchain import Toolchain


class Planned(NamedTuple):
    """A plan, and the very bytes of the declaration that it was made from."""

    plan: Plan
    declaration: bytes


class Workspace:
    """A wasmbuild.toml and what stands in its build directory."""

    def __init__(self, config: Path, placement: Placement | None = None) -> None:
        """``placement`` is what a build is told besides the declaration.

        Raises UsageError where a relative ``config`` counts from a working directory that was deleted.
        """
        self.config = config
        self._placement = placement
        self._known: tuple[bytes, Project] | None = None
        try:
            # Paths of the kind that was given: a program that gave pathlib's gets such back.
            self.directory = type(config)(os.path.abspath(config)).parent
        except FileNotFoundError:
            raise UsageError(f"{config}: {boundary.GONE}") from None

    def project(self) -> Project:
        """Read the declaration, which need not declare any module. Raises DeclarationError."""
        return self._project(self._read(), needs_modules=False)

    def runners(self) -> tuple[Target, ...]:
        """Return the targets, if any of them may declare a runner. Raises DeclarationError."""
        return self.project().targets if b"runner" in self._read() else ()

    def audit_policy(self) -> AuditPolicy:
        """Return what ``[audit]`` declares. Raises DeclarationError."""
        return self.project().audit

    def cache(self, declaration: bytes | None = None, *, push: bool = False, alone: bool = False) -> ArtifactCache:
        """Return where artifacts are kept that were compiled before, by default as it is declared now.

        With ``push``, what is compiled is put into the remote one too; with ``alone`` it is for one artifact, as a step
        of another build. Raises DeclarationError, UsageError.
        """
        from wasmbuild.builder.cache.selection import opened

        policy = self._project(declaration or self._read(), needs_modules=False).cache
        return opened(policy, push=push, alone=alone)

    def planned(self) -> Planned:
        """Read the declaration and find its files. Raises DeclarationError, UsageError."""
        from wasmbuild.plan.graph import plan
        from wasmbuild.plan.placement import DECLARED

        declaration = self._read()
        return Planned(plan(self._project(declaration), self._placement or DECLARED), declaration)

    def is_up_to_date(self, planned: Planned) -> bool:
        """Tell whether nothing has changed since the last whole build of a plan; it costs a stat for each file."""
        return self.look(planned).whole

    def look(self, planned: Planned) -> Snapshot:
        """Look at every file of a plan; it costs a stat for each."""
        from wasmbuild.builder import noop

        return noop.look(*planned)

    def session(
        self,
        planned: Planned | None = None,
        *,
        cached: bool = True,
        push: bool = False,
        alone: bool = False,
        looked: Snapshot | None = None,
        executor: str | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> Session:
        """Return a build of a plan, by default of what is declared now, with the compiler for it.

        ``looked`` is what ``look`` found just now. Without ``cached`` it neither takes artifacts from a cache nor keeps
        any; with ``push`` it puts what it compiles into the remote one; with ``alone`` it is one of many at once, and a
        remote cache that kept one of them waiting is not waited for again. ``executor`` is the address of where it
        compiles, by default what the environment or the declaration says; ``say`` is told, by any thread, of what
        happens there. Raises DeclarationError, ToolchainError, UsageError.
        """
        from wasmbuild.builder.build_directory import BuildDirectory
        from wasmbuild.builder.cache.answers import NO_CACHE
        from wasmbuild.builder.executors import backends
        from wasmbuild.builder.noop import not_yet
        from wasmbuild.builder.session import Session

        plan, declaration = planned or self.planned()
        directory = BuildDirectory(plan.build_dir, plan.state_dir)
        cache = self.cache(declaration, push=push, alone=alone) if cached else NO_CACHE
        toolchain = self.toolchain(plan)
        declared = self._project(declaration, needs_modules=False).executor
        backend = backends.at(backends.requested(executor, declared), toolchain, say)
        return Session(plan, looked or not_yet(plan, declaration), directory, toolchain, cache, backend)

    def toolchain(self, declared: Project | Plan, lines: Iterable[int] | None = None) -> Toolchain:
        """Return a compiler for each line that is declared, as the declaration asks for and the lock file allows.

        With ``lines`` it is for these alone. Raises ToolchainError, DeclarationError for a lock file that cannot be
        read.
        """
        from wasmbuild.project.declared import lines_of
        from wasmbuild.toolchain.limits import ProcessLimits
        from wasmbuild.toolchain.toolchain import Toolchain

        least = lines_of(declared.targets)
        compilers = {line: self._compiler(declared.compiler, line, least) for line in lines or least}
        limits = ProcessLimits(declared.limits.memory, declared.limits.seconds)
        # By the name that it has beside the declaration as that was named.
        return Toolchain(compilers, limits, declared.compiler, least, self.config.parent / search_path.LOCK)

    def _compiler(self, choice: str, line: int, least: Mapping[int, str | None]) -> FoundCompiler:
        from wasmbuild.toolchain.find import EMBEDDED, find

        if choice == EMBEDDED or not os.path.lexists(self.directory / search_path.LOCK):
            return find(choice, line, self.directory, at_least=least.get(line), others=least)
        from wasmbuild.toolchain import lockfile

        return lockfile.find_locked(choice, line, self.directory, least)

    def _read(self) -> bytes:
        from wasmbuild.project.declaration_file import read

        return read(self.config)

    def _project(self, declaration: bytes, *, needs_modules: bool = True) -> Project:
        if self._known is not None and self._known[0] == declaration and not needs_modules:
            return self._known[1]
        from wasmbuild.plan import remembered

        line = search_path.library_line()
        file = str(self.config)
        project = remembered.recall(declaration, file=file, directory=self.directory, default_line=line)
        if project is None or (needs_modules and not project.modules):
            from wasmbuild.plan.placement import DECLARED
            from wasmbuild.project.config import parse

            placement = self._placement or DECLARED
            project = parse(
                declaration,
                file=file,
                directory=self.directory,
                default_line=line,
                needs_modules=needs_modules,
                sources=placement.sources,
                awaited=placement.awaited,
                coming=placement.coming,
            )
            remembered.remember(project, declaration, default_line=line)
        self._known = declaration, project
        return project
