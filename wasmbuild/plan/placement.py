"""What a build is told besides its declaration: where it stands, and what of it is wanted there."""

from __future__ import annotations

import os

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wasmbuild.engine.programs import Program
    from wasmbuild.project.declared import Project, Target


class UnknownTargetError(UsageError):
    """A target was asked for that is not declared."""


class Placement(NamedTuple):
    """Where a build stands: absolute directories, None for what is declared and for a place in the build directory.

    ``sources`` are files by the names of modules, in the place of those that are declared. Of the targets, only those
    are built that match one of ``targets`` (globs; none for all) and whose artifacts ``program`` can load. With
    ``awaited``, a build that goes on around this one makes the files of ``sources`` later, which need not be there yet.
    It also makes the files of ``coming``, from the declaration's folder with forward slashes, which globs find
    although they need not be there either. With ``keeps``, what was made for targets that are not wanted stays.
    """

    build_dir: Path | None = None
    state_dir: Path | None = None
    sources: Mapping[str, Path] = {}
    targets: tuple[str, ...] = ()
    program: Program | None = None
    awaited: bool = False
    keeps: bool = False
    coming: tuple[str, ...] = ()

    def of(self, project: Project) -> Project:
        """Return a project with the build directory and the targets that are wanted.

        Raises UsageError where no target is left, UnknownTargetError where one is asked for in vain.
        """
        if self.build_dir is not None:
            project = project._replace(build_dir=self.build_dir)
        selected = self._named(project) if self.targets else list(project.targets)
        if self.program is not None:
            loadable = [target for target in selected if self.program.loads(target.triple)]
            if not loadable:
                triples = ", ".join(dict.fromkeys(target.triple.text for target in selected))
                raise UsageError(
                    f"{project.file}: a program for {self.program.text} loads no artifact of {triples}; declare a "
                    f'target with the triple "{self.program.example}"'
                )
            selected = loadable
        return project if len(selected) == len(project.targets) else project._replace(targets=tuple(selected))

    def _named(self, project: Project) -> list[Target]:
        from fnmatch import fnmatchcase

        names = [target.name for target in project.targets]
        for pattern in self.targets:
            if not any(fnmatchcase(name, pattern) for name in names):
                meant = suggestion(pattern, names)
                hint = f"did you mean {meant}?" if meant else f"targets are {', '.join(names)}"
                raise UnknownTargetError(f"{project.file}: no target matches {pattern!r}; {hint}")
        return [
            target for target in project.targets if any(fnmatchcase(target.name, pattern) for pattern in self.targets)
        ]


DECLARED = Placement()
"""As it is declared."""


def placement(
    build_dir: str | os.PathLike[str] | None = None,
    state_dir: str | os.PathLike[str] | None = None,
    sources: Mapping[str, str | os.PathLike[str]] | None = None,
    targets: Iterable[str] = (),
    program: str | None = None,
    *,
    awaited: bool = False,
) -> Placement:
    """Return a placement as programs in Python name it: directories from the working directory, a triple as text.

    ``targets`` may be one glob.

    Raises UsageError for a triple that is none, and for a directory without a name.
    """
    # What is handed out to programs in Python is made of the real one.
    from pathlib import Path

    return Placement(
        _absolute("build_dir", build_dir),
        _absolute("state_dir", state_dir),
        {name: Path(path) for name, path in (sources or {}).items()},
        (targets,) if isinstance(targets, str) else tuple(targets),
        None if program is None else _program(program),
        awaited,
    )


def _absolute(keyword: str, directory: str | os.PathLike[str] | None) -> Path | None:
    if directory is None:
        return None
    if not os.fspath(directory):
        raise UsageError(f'{keyword}: "" names no directory; write "." for the current one')
    from pathlib import Path

    return Path(os.path.abspath(directory))


def _program(triple: str) -> Program:
    from wasmbuild.engine.programs import program

    try:
        return program(triple)
    except ValueError as error:
        raise UsageError(f"program: {triple!r} {error}") from None
