"""From a wasmbuild.toml to a build of it: the shortest look first, everything else only where that is not enough."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmbuild.builder import noop
from wasmbuild.errors import UsageError
from wasmbuild.toolchain import places

if TYPE_CHECKING:
    from wasmbuild.builder.session import Session
    from wasmbuild.project.config import Project
    from wasmbuild.project.plan import Plan, Target
    from wasmbuild.toolchain.chosen import Toolchain

CONFIG = "wasmbuild.toml"


class Workspace:
    """A wasmbuild.toml and what stands in its build directory."""

    def __init__(self, config: Path) -> None:
        """Raise UsageError where a relative ``config`` counts from a working directory that was deleted."""
        self.config = config
        try:
            self.directory = Path(os.path.abspath(config)).parent
        except FileNotFoundError:
            problem = "the working directory is not there any more; change to one that is"
            raise UsageError(f"{config}: {problem}") from None
        self.root = self.directory / "build"

    def up_to_date(self) -> noop.Known | None:
        """Return what the last whole build knew, if nothing has changed since; it costs a stat for each file.

        Never raises: whatever is wrong is found by a closer look.
        """
        try:
            text = self.config.read_bytes()
            # A note is of one declaration, which names the directory that the note is in: reading the TOML for the
            # name of that directory costs more than looking into the usual one.
            known = noop.read(self.root, text)
            if known is None:
                self.root = self._build_dir(text)
                known = noop.read(self.root, text)
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            return None
        return known if known is not None and self._same_outside(known.outside) else None

    def _build_dir(self, text: bytes) -> Path:
        import tomli

        build_dir = tomli.loads(text.decode()).get("project", {}).get("build-dir", "build")
        return Path(os.path.normpath(self.directory / build_dir))

    def project(self) -> Project:
        """Read the declaration, which need not declare any module. Raises DeclarationError, ToolchainError."""
        return self._parse(self._read(), needs_modules=False)

    def runners(self) -> tuple[Target, ...]:
        """Return the targets, if any of them may declare a runner. Raises DeclarationError, ToolchainError."""
        return self.project().targets if b"runner" in self._read() else ()

    def plan(self) -> Plan:
        """Read the declaration and find its files. Raises DeclarationError, ToolchainError."""
        from wasmbuild.project.plan import plan

        return plan(self._parse(self._read()))

    def session(self) -> Session:
        """Return a build of what is declared, with the compiler for it. Raises DeclarationError, ToolchainError."""
        from wasmbuild.builder.session import Session
        from wasmbuild.builder.store import Store
        from wasmbuild.project.plan import plan

        text = self._read()
        planned = plan(self._parse(text))
        store = Store(planned.build_dir)
        return Session(planned, text, store, self.toolchain(planned))

    def toolchain(self, declared: Project | Plan) -> Toolchain:
        """Return the compiler that a declaration asks for. Raises ToolchainError."""
        from wasmbuild.toolchain.child import Limits
        from wasmbuild.toolchain.chosen import Toolchain
        from wasmbuild.toolchain.find import find

        line = declared.line
        compiler = find(declared.compiler, line, self.directory, at_least=declared.at_least)
        limits = Limits(declared.limits.memory, declared.limits.seconds)
        return Toolchain(compiler, line, limits, declared.compiler)

    def _read(self) -> bytes:
        from wasmbuild.project.config import read

        return read(self.config)

    def _parse(self, text: bytes, *, needs_modules: bool = True) -> Project:
        from wasmbuild.project.config import parse
        from wasmbuild.toolchain.find import default_line

        line = default_line()
        return parse(
            text, file=str(self.config), directory=self.directory, default_line=line, needs_modules=needs_modules
        )

    def _same_outside(self, outside: Any) -> bool:
        from wasmbuild.project.globs import expand

        try:
            return bool(
                outside["compilers"] == places.fingerprint(outside["compiler"])
                and all(expand(self.directory, pattern) == found for pattern, found in outside["globs"])
            )
        except OSError:
            return False
