"""Commands of setuptools: ``[tool.wasmbuild] package = "edge/wasm"`` in pyproject.toml."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import ClassVar

import setuptools
import tomli
from setuptools import Command, Distribution
from setuptools.command.build import build
from setuptools.command.egg_info import egg_info
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

from wasmbuild.errors import UsageError, WasmbuildError
from wasmbuild.lean.typing import Any
from wasmbuild.packaging import requirements, shipped, tags
from wasmbuild.text import quoted

_TABLE = "tool.wasmbuild"
_COMMAND = "build_wasmbuild"


def finalize(distribution: Distribution) -> None:
    """Give a distribution with the table our commands, by the entry point ``finalize_distribution_options``."""
    try:
        project = tomli.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # there is none, or setuptools says what is wrong with it
    table = project.get("tool", {}).get("wasmbuild")
    if table is None:
        return
    # setuptools calls this for every project of an environment, and older ones lack the command.
    try:
        from setuptools.command.bdist_wheel import bdist_wheel
    except ImportError:
        raise SetupError(
            f"pyproject.toml: [{_TABLE}] needs setuptools 77 or later, and this is {setuptools.__version__}; write "
            '"setuptools>=77" in build-system.requires; with --no-build-isolation run: pip install "setuptools>=77"'
        ) from None
    try:
        settings = shipped.read(Path.cwd(), table, _TABLE)
    except WasmbuildError as error:
        raise SetupError(str(error)) from None
    if settings.platform_wheel:
        distribution.has_ext_modules = _OnePlatform(distribution.has_ext_modules)
    distribution.cmdclass["egg_info"] = _egg_info(settings, distribution.cmdclass.get("egg_info", egg_info))
    distribution.cmdclass["build"] = _build(distribution.cmdclass.get("build", build))
    distribution.cmdclass[_COMMAND] = _build_artifacts(settings)
    distribution.cmdclass["sdist"] = _sdist(settings, distribution.cmdclass.get("sdist", sdist))
    distribution.cmdclass["bdist_wheel"] = _wheel(settings, distribution.cmdclass.get("bdist_wheel", bdist_wheel))


class _OnePlatform:
    """Answers, in the place of what a distribution had for it, that it has extension modules, whether it has or not.

    All of setuptools asks this, and nothing else, whether a distribution is for one platform. Others that make native
    code, setuptools-rust say, take its place in turn, and pass on what it says where they have none.
    """

    _is_claimed = True

    def __init__(self, others: Callable[[], bool]) -> None:
        self._others = others

    def __call__(self) -> bool:
        return _OnePlatform._is_claimed or self._others()

    @staticmethod
    def has_others(distribution: Distribution) -> bool:
        """Tell whether a distribution has extension modules, or says so, without this."""
        _OnePlatform._is_claimed = False
        try:
            return bool(distribution.has_ext_modules())
        finally:
            _OnePlatform._is_claimed = True


def _build(base: type[Any]) -> type[Any]:
    """Return a command that builds the artifacts after the modules of Python."""

    class WithArtifacts(base):  # type: ignore[misc]
        sub_commands: ClassVar[list[Any]] = [*base.sub_commands, (_COMMAND, None)]

    return WithArtifacts


def _build_artifacts(settings: shipped.Settings) -> type[Any]:
    """Return the command that builds them, ``setuptools.command.build.SubCommand``.

    It is no ``build_py`` that does more: of such a one an editable install passes over whatever fails.
    """

    class ArtifactsCommand(Command):  # type: ignore[misc]
        user_options: ClassVar[list[Any]] = []
        editable_mode = False

        def initialize_options(self) -> None:
            self.build_lib: Any = None
            self.outputs: list[str] = []

        def finalize_options(self) -> None:
            self.set_undefined_options("build_py", ("build_lib", "build_lib"))

        def run(self) -> None:
            if not self.distribution.packages and not self.distribution.py_modules:
                raise SetupError(self._without_package())
            try:
                shipment = shipped.build(
                    Path.cwd(), settings, self._packages(), self._in_wheel, editable=self.editable_mode
                )
            except WasmbuildError as error:
                raise SetupError(str(error)) from None
            declared = self.distribution.install_requires
            if problem := requirements.conflict(shipment.requirements, declared):
                raise SetupError(problem)
            package = next(iter(shipment.files)).rpartition("/")[0]
            # What an earlier build left there would be shipped too.
            shutil.rmtree(Path(self.build_lib, package), ignore_errors=True)
            # Where package-data covers the directory, a strict editable install would have links into the tree.
            build_py, there = self.get_finalized_command("build_py"), Path(settings.package)
            build_py.data_files = [
                (name, source, into, [file for file in files if there not in Path(source, file).parents])
                for name, source, into, files in build_py.data_files
            ]
            for name, path in shipment.files.items():
                output = Path(self.build_lib, name)
                # Not by mkpath, which takes what it made once for being there.
                output.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(path), str(output))
                self.outputs.append(str(output))

        def get_source_files(self) -> list[str]:
            return _sources(settings, whole=False)

        def get_outputs(self) -> list[str]:
            return self.outputs

        def get_output_mapping(self) -> dict[str, str]:
            # A strict editable install has links to what is named here, and no shipment is read that leads elsewhere.
            return {}

        def _without_package(self) -> str:
            parts = settings.package.split("/")[:-1]
            names = [".".join(parts[: count + 1]) for count in range(len(parts))]
            return (
                f"pyproject.toml: setuptools finds no package to ship {settings.package} with; where a folder "
                f"beside it, such as src, keeps it from that, write [tool.setuptools] packages = "
                f"{json.dumps(names)}"
            )

        def _packages(self) -> list[str]:
            directory_of = self.get_finalized_command("build_py").get_package_dir
            names = self.distribution.packages or []
            # A namespace is no package of the list, and is imported with those that are.
            return [directory_of(part) for name in names for part in (name.partition(".")[0], name)]

        def _in_wheel(self, directory: str) -> str:
            # Packages by their folders, of which the longest holds.
            layout = {"": "", **(self.distribution.package_dir or {})}
            folders = {PurePath(folder): name.replace(".", "/") for name, folder in layout.items()}
            path = PurePath(directory)
            for folder in path.parents:
                if folder in folders:
                    return PurePath(folders[folder], path.relative_to(folder)).as_posix()
            # A distribution of modules alone may have such a directory beside them.
            there = PurePath(self.get_finalized_command("build_py").get_package_dir("NAME"), "wasm")
            raise UsageError(
                f"package = {quoted(directory)}: setuptools takes no packages from there, so that it would not be "
                f"imported; write the directory of a package, such as {quoted(there.as_posix())}"
            )

    return ArtifactsCommand


def _sources(settings: shipped.Settings, *, whole: bool) -> list[str]:
    try:
        return shipped.sources(Path.cwd(), settings, whole=whole)
    except WasmbuildError as error:
        raise SetupError(str(error)) from None


def _egg_info(settings: shipped.Settings, base: type[Any]) -> type[Any]:
    """Return a command whose list of files, which all of setuptools ships from, lacks what a build left in the tree.

    MANIFEST.in may name all that is there.
    """

    class WithoutArtifacts(base):  # type: ignore[misc]
        def find_sources(self) -> None:
            super().find_sources()
            own, built = _sources(settings, whole=False), Path(settings.package)
            kept = [name for name in self.filelist.files if name in own or built not in Path(name).parents]
            if kept != self.filelist.files:
                self.filelist.files = kept
                self.write_file("sources", str(Path(self.egg_info, "SOURCES.txt")), "\n".join([*kept, ""]))

    return WithoutArtifacts


def _sdist(settings: shipped.Settings, base: type[Any]) -> type[Any]:
    """Return a command that refuses what no source distribution has; all others list sources too."""

    class WithAllSources(base):  # type: ignore[misc]
        def run(self) -> None:
            _sources(settings, whole=True)
            super().run()

    return WithAllSources


def _wheel(settings: shipped.Settings, base: type[Any]) -> type[Any]:
    """Return a command whose wheel has the tag of its artifacts."""

    class TaggedWheel(base):  # type: ignore[misc]
        def finalize_options(self) -> None:
            super().finalize_options()
            if settings.platform_wheel and _OnePlatform.has_others(self.distribution):
                raise SetupError(str(tags.with_other_code("the package's extension modules need")))

        def get_tag(self) -> tuple[str, str, str]:
            if not settings.platform_wheel:
                python, abi, platform = super().get_tag()
                return python, abi, platform
            try:
                return "py3", "none", shipped.tag(Path.cwd(), settings)
            except WasmbuildError as error:
                raise SetupError(str(error)) from None

    return TaggedWheel
