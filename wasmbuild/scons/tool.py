"""The method ``Wasmbuild`` of environments, and the nodes and steps that it makes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import SCons.Action
import SCons.Builder
import SCons.Errors

from wasmbuild import boundary
from wasmbuild.builder import decisive
from wasmbuild.builder.key import identity_of
from wasmbuild.builder.workspace import Workspace
from wasmbuild.errors import CompileError, DeclarationError, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.plan.placement import Placement
from wasmbuild.project import filenames
from wasmbuild.scons import requests
from wasmbuild.scons.made import MadeByOthers, refuse_shared, refuse_unmade
from wasmbuild.stepwise import StepwiseBuild
from wasmbuild.text import listed, suggestion

if TYPE_CHECKING:
    from wasmbuild.project.declared import Artifact, Module

_SHOWN = 3
# As `scons --debug=explain` says it, which adds that it changed.
_AS_DECLARED = "wasmbuild: the artifact, as it is declared"
_DECLARED_SINCE = "the declaration changed after SCons had read it"


def wasmbuild(env: Any) -> None:
    """Add the method ``Wasmbuild`` to an environment: an entry of ``tools``."""
    env.AddMethod(declare, "Wasmbuild")


def declare(
    env: Any,
    config: Any = filenames.CONFIG,
    build_dir: Any = "build",
    SOURCES: Mapping[str, Any] | None = None,  # noqa: N803  # as SCons spells what a builder is given
    TARGETS: Any = (),  # noqa: N803
) -> tuple[dict[str, Any], Any]:
    """Declare everything that a wasmbuild.toml does; return the node of each artifact by id, and the manifests.

    ``config`` and ``build_dir`` count from the SConscript's folder, as all paths of SCons do; in a variant directory
    the artifacts lie there. ``SOURCES`` are nodes by the names of modules, in the place of the declared sources: what
    other builders make. ``TARGETS`` are globs over the names of targets, by default all. The first of the manifests is
    the index.

    Raises SCons's UserError with all mistakes of the declaration.
    """
    node = env.File(config)
    try:
        with boundary.as_wasmbuild_error():
            return _SConsBuild(env, node, env.Dir(build_dir), SOURCES or {}, env.Flatten(TARGETS)).nodes()
    except WasmbuildError as error:
        raise SCons.Errors.UserError(str(error)) from None


class _Artifacts(dict[str, Any]):
    """The node of each artifact by id; who asks for one that is not declared is told which there are."""

    def __missing__(self, id: str) -> Any:
        meant = suggestion(id, self)
        hint = f"did you mean {meant}?" if meant else f"there are {listed(list(self), 8)}"
        raise SCons.Errors.UserError(f"Wasmbuild: there is no artifact {id}; {hint}")


class _SConsBuild:
    """One build, from reading the SConscript to the last manifest; threads of SCons share it."""

    def __init__(self, env: Any, config: Any, build_dir: Any, given: Mapping[str, Any], targets: list[str]) -> None:
        self._env = env
        self._config = config
        self._build_dir = build_dir
        declaration = config.srcnode() if not config.has_builder() else config
        refuse_unmade(config)
        refuse_shared(config, build_dir)
        self._folder = declaration.dir
        path = _shortest(declaration.abspath, env.Dir("#").abspath)
        self._made = MadeByOthers(config, self._folder)
        self._sources = dict(self._made.sources(Workspace(path).project()))
        self._sources.update((name, env.File(_only(name, source))) for name, source in given.items())
        placement = Placement(
            build_dir=Path(build_dir.abspath),
            sources={name: _path(source) for name, source in self._sources.items()},
            targets=tuple(targets),
            awaited=True,
            coming=self._made.coming(),
        )
        self._workspace = Workspace(path, placement)
        self._made.refuse_unseen(self._workspace.project(), set(self._sources.values()))
        self._planned = self._workspace.planned()
        self._plan = self._planned.plan
        self._up_to_date = self._workspace.is_up_to_date(self._planned)
        self._steps = StepwiseBuild(self._workspace, _say)
        self._index = build_dir.File(filenames.INDEX)
        requests.listen()
        # One compile at a time may have all cores.
        self._alone = env.GetOption("num_jobs") == 1

    def nodes(self) -> tuple[dict[str, Any], Any]:
        env = self._env
        # One builder for all: SCons makes a new one for each Command.
        builder = SCons.Builder.Builder(action=SCons.Action.Action(self.compile, _shown, varlist=[]))
        toolchain = self._workspace.toolchain(self._plan)
        settings = {
            target.name: self._values(decisive.settings(target, identity_of(toolchain, target.engine)))
            for target in self._plan.targets
        }
        contracts = {module.name: self._values(decisive.contract(module)) for module in self._plan.modules}
        sources = {module.name: self._source(module) for module in self._plan.modules}
        outdated = self._outdated()
        as_declared = env.Value(_AS_DECLARED)
        as_declared.Decider(_is_outdated)
        found = _Artifacts()
        for artifact in self._plan.artifacts:
            node = self._build_dir.File(artifact.path)
            record = self._build_dir.File(artifact.path + filenames.RECORD_SUFFIX)
            builder(env, [node, record], [sources[artifact.module.name]])
            # For both: SCons makes them together.
            node.add_dependency([*settings[artifact.target.name], *contracts[artifact.module.name], as_declared])
            # A compile that fails leaves the last good artifact.
            node.set_precious()
            record.set_precious()
            # SCons's cache would bring a file back without its step, which also checks, notes and removes.
            env.NoCache(node, record)
            node.attributes.wasmbuild = artifact.id
            node.attributes.wasmbuild_outdated = artifact.id in outdated
            found[artifact.id] = node
        return found, self._manifests(list(found.values()), list(sources.values()))

    def compile(self, target: list[Any], source: list[Any], env: Any) -> None:
        """Bring one artifact up to date; several threads do so at once."""
        id = target[0].attributes.wasmbuild
        try:
            with (
                requests.step(),
                boundary.as_wasmbuild_error(),
                self._steps.kept(),
                self._steps.begun(self._planned) as session,
            ):
                # Since the build began, another builder may have made its source, or someone edited it: an interactive
                # SCons builds as often as it is asked to.
                session.look_again(session.artifacts[id])
                outcome = self._steps.compile(session, id, parallel=self._alone)
                if outcome.error is None and not outcome.reasons:
                    # By a decider that compares times, SCons would ask again for ever.
                    session.touch(session.artifacts[id])
                if outcome.error is not None:
                    raise outcome.error
                # A decider that compares times sees seconds, and the index is written anew as soon as it lacks this.
                self._index.set_always_build()
                target[0].attributes.wasmbuild_outdated = False
        except WasmbuildError as error:
            raise _failed(target, error) from None

    def write_manifests(self, target: list[Any], source: list[Any], env: Any) -> None:
        """Write manifests and index once all artifacts are right, and let other builds in."""
        try:
            with boundary.as_wasmbuild_error(), self._steps.kept():
                # A builder may have been declared after this one.
                self._made.refuse_unseen(self._workspace.project(), set(self._sources.values()))
                steps = self._steps
                try:
                    planned = self._workspace.planned()
                    if planned != self._planned:
                        # A builder made the declaration, or what it names, after SCons had read it.
                        steps.close()
                        steps = StepwiseBuild(self._workspace, _say)
                    with steps.begun(planned) as session:
                        if not session.outdated() and not session.unfinished():
                            session.touch_manifests()
                        wrong, unfinished, known = steps.conclude(session)
                finally:
                    steps.close()
                if wrong:
                    raise CompileError(_not_as_declared(wrong, read=planned == self._planned))
                if unfinished:
                    raise CompileError(f"{listed(unfinished, _SHOWN)}: the manifest was changed meanwhile; build again")
                if planned.plan.refused:
                    raise DeclarationError(planned.plan.refused)
                if known.fails:
                    raise CompileError(known.line)
                if known.line is not None:
                    _say(known.line)
                # An interactive SCons goes on with the same.
                self._index.set_always_build(False)
        except WasmbuildError as error:
            raise _failed(target, error) from None

    def _manifests(self, artifacts: list[Any], sources: list[Any]) -> Any:
        env = self._env
        shipped = self._plan.shipped_sources()
        files = [self._build_dir.File(name) for name in (filenames.INDEX, *self._plan.manifests(), *shipped)]
        action = SCons.Action.Action(self.write_manifests, _shown, varlist=[])
        # A builder may be declared after this one: only a scanner is asked when all are.
        made = env.Command(files, artifacts, action, target_scanner=env.Scanner(self._made_for_manifests))
        env.Depends(made, [self._config, *self._given(), *(sources if shipped else [])])
        env.Precious(made)
        env.NoCache(made)
        env.Clean(made, self._build_dir.Dir(filenames.STATE_DIRECTORY))
        # A source whose time alone changed is no reason, and of manifests that were changed SCons sees nothing.
        if self._plan.refused or not (self._up_to_date or self._steps.session(self._planned).is_whole()):
            env.AlwaysBuild(made)
        return made

    def _given(self) -> list[Any]:
        """Return what tests are given: a value, since SCons fails by a file that leaves a directory amid a build."""
        if not any(module.tests for module in self._plan.modules):
            return []
        # SCons has one value for each text, and the text of a directory is the same in all its variants.
        build_dir = self._build_dir.get_internal_path()
        value = self._env.Value(f"wasmbuild {build_dir}: tests, with the files that they are given")
        # An interactive SCons reads no SConscript anew.
        value.get_text_contents = self._tests
        # Builders make some of it: SCons asks now, or else when all is there that the manifests wait for.
        value.make_ready = lambda: None
        return [value]

    def _tests(self) -> str:
        try:
            with boundary.as_wasmbuild_error():
                return self._workspace.planned().plan.tests_digest()
        except WasmbuildError as error:
            # The step itself tells it.
            return str(error)

    def _outdated(self) -> set[str]:
        """Return the ids of artifacts that are not what is declared, whether or not SCons will see why."""
        if self._up_to_date:
            return set()
        session = self._steps.session(self._planned)
        session.check()
        return {status.artifact.id for status in session.outdated()}

    def _source(self, module: Module) -> Any:
        # Not by the environment, which would put its variables where a path has a dollar.
        return self._sources.get(module.name) or self._env.fs.File(str(module.source))

    def _made_for_manifests(self, target: Any, env: Any, path: Any) -> list[Any]:
        """Return the files that the manifests wait for; SCons asks for each of these, and has all wait for the same."""
        if target.name == filenames.INDEX:
            # What is wrong with the declaration, the step itself tells.
            with suppress(WasmbuildError), boundary.as_wasmbuild_error():
                return list(self._made.for_manifests(self._workspace.project(), set(self._sources.values())))
        return []

    def _values(self, texts: list[str]) -> list[Any]:
        return [self._env.Value(text) for text in texts]


def _only(name: str, source: Any) -> Any:
    """Return the one node of what a builder returned."""
    if isinstance(source, (list, tuple)) or hasattr(source, "data"):
        nodes = list(source)
        if len(nodes) != 1:
            raise SCons.Errors.UserError(f"SOURCES[{name!r}] is {len(nodes)} nodes; give it one, such as nodes[0]")
        return nodes[0]
    return source


def _path(node: Any) -> Path:
    """Return where the bytes of a node lie: what no builder makes stays in its source directory."""
    return Path(node.abspath if node.has_builder() else node.srcnode().abspath)


def _shortest(path: str, top: str) -> Path:
    """Return a path that is good from now on: SCons reads a SConscript in its folder, and builds in the top one."""
    return Path(os.path.relpath(path) if os.path.samefile(os.curdir, top) else path)


def _is_outdated(value: Any, target: Any, stored: Any, repository: Any = None) -> bool:
    """Decide, as deciders of SCons do, whether an artifact has to be made again whatever SCons sees of its sources.

    SCons compares these with what it made, and the artifact that lies there may be of others: of another front end's
    build, or of a build directory that was put back.
    """
    return bool(target.attributes.wasmbuild_outdated)


def _not_as_declared(wrong: list[Artifact], *, read: bool) -> str:
    what = "a source or an artifact changed after SCons had looked at it" if read else _DECLARED_SINCE
    ids = listed([artifact.id for artifact in wrong], _SHOWN)
    return f"{ids}: not built as declared; {what}; run scons again (leave an interactive one)"


def _failed(target: list[Any], error: WasmbuildError) -> Any:
    return SCons.Errors.BuildError(node=target[0], errstr=str(error), status=error.exit_code)


def _shown(target: list[Any], source: list[Any], env: Any) -> str:
    return f"wasmbuild {target[0]}" + (" and the manifests that it names" if target[0].name == filenames.INDEX else "")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
