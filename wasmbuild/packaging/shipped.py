"""What a Python distribution ships of a wasmbuild.toml: files below one of its packages, a requirement and tags."""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from wasmbuild import api
from wasmbuild.errors import DeclarationError, DiskError, Mistake, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.packaging import requirements, tags
from wasmbuild.plan.placement import UnknownTargetError
from wasmbuild.project import filenames
from wasmbuild.project.declared import lines_of
from wasmbuild.project.globs import literal
from wasmbuild.text import quoted, suggestion
from wasmbuild.toolchain.search_path import LOCK

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan

ENVIRONMENT = "WASMBUILD_TARGETS"
"""Names of targets, or globs, with spaces between them: they come before those of the table."""

_KEYS = {"package": str, "config": str, "targets": list, "platform-wheel": bool, "require-runtime": bool}


class Settings(NamedTuple):
    """The table: ``package`` is a directory from the project's, ``targets`` are globs, none for all.

    ``require_runtime`` is whether a wheel requires the distribution of the runtime alone, which loads the artifacts.
    """

    package: str
    config: str
    targets: tuple[str, ...]
    platform_wheel: bool
    require_runtime: bool


class WheelContents(NamedTuple):
    """What a wheel ships: ``files`` are absolute, by their paths in the wheel; ``tag`` is None for any platform."""

    files: dict[str, Path]
    requirements: list[str]
    tag: str | None


def read(table: Any, where: str) -> Settings:
    """Read the table, which is ``where`` in pyproject.toml. Raises DeclarationError with all mistakes."""
    if not isinstance(table, Mapping):
        fix = f'write [{where}], and package = "NAME/wasm" below it'
        raise DeclarationError([Mistake("pyproject.toml", where, "must be a table", fix)])
    mistakes = []
    for key, value in table.items():
        if key not in _KEYS:
            meant = suggestion(key, _KEYS)
            fix = f"did you mean {quoted(meant)}?" if meant else f"keys are {', '.join(_KEYS)}"
            mistakes.append(Mistake("pyproject.toml", f"{where}.{key}", "is no key", fix))
        elif not _fits(key, value):
            kind = {str: 'text, such as "edge/wasm"', list: 'names, such as ["edge-*"]', bool: "true or false"}
            mistakes.append(
                Mistake("pyproject.toml", f"{where}.{key}", "is of another type", f"write {kind[_KEYS[key]]}")
            )
    package = table.get("package")
    if package is None:
        fix = 'write package = "NAME/wasm", the directory in your package that gets the artifacts'
        mistakes.append(Mistake("pyproject.toml", f"{where}.package", "is missing", fix))
    elif isinstance(package, str) and (
        Path(package).is_absolute() or not set(package.split("/")).isdisjoint({"", ".", ".."})
    ):
        fix = 'write it from the folder of pyproject.toml, such as "edge/wasm"'
        mistakes.append(
            Mistake("pyproject.toml", f"{where}.package", f"{quoted(package)} is no directory below it", fix)
        )
    elif isinstance(package, str) and "/" not in package:
        fix = f"name a directory in it, such as {quoted(package + '/wasm')}: what is not declared leaves that directory"
        mistakes.append(Mistake("pyproject.toml", f"{where}.package", "is a whole package", fix))
    if mistakes:
        raise DeclarationError(mistakes)
    return Settings(
        table["package"],
        table.get("config", filenames.CONFIG),
        tuple(_chosen() or table.get("targets", ())),
        table.get("platform-wheel", False),
        table.get("require-runtime", False),
    )


def _chosen() -> list[str]:
    return os.environ.get(ENVIRONMENT, "").split()


def _fits(key: str, value: object) -> bool:
    if isinstance(value, list):
        return _KEYS[key] is list and all(isinstance(name, str) for name in value)
    return type(value) is _KEYS[key]


def build(root: Path, settings: Settings, in_wheel: Callable[[str], str], *, editable: bool) -> WheelContents:
    """Build into the package below ``root``, and return what a wheel ships, without records.

    A wheel of targets that the environment chooses, unless it is ``editable``, leaves alone what is there: an editable
    install may load the others. ``in_wheel`` tells of a directory in the project, a path with slashes, where the wheel
    has it: it leaves out the folder of packages, such as ``src``. Raises what ``api.build`` raises, and UsageError for
    a platform wheel of several platforms, for several lines, where there is no such package, and for modules of Python
    in that directory.
    """
    _check_package(root, settings.package)
    _check_modules(root, settings.package)
    package = in_wheel(settings.package)
    build_dir = root / settings.package
    if _chosen() and not editable:
        build_dir = temporary_directory()
    plan = _plan(root, settings, build_dir)
    required = requirements.of(lines(plan), runtime=settings.require_runtime)
    tag = tags.of_targets(plan.targets) if settings.platform_wheel else None
    try:
        built = api.build(root / settings.config, build_dir=build_dir, targets=settings.targets)
    except DiskError as error:
        if _chosen() or editable or not isinstance(error.__cause__, OSError):
            raise
        # Backends have no option that names another directory.
        chosen = shlex.quote(" ".join(settings.targets) or "*")
        raise DiskError(f"{error}; with {ENVIRONMENT}={chosen}, a wheel is built outside of the source tree") from error
    files = {f"{package}/{path}": built.build_dir.joinpath(*path.split("/")) for path in _shipped(plan)}
    return WheelContents(files, required, tag)


def temporary_directory() -> Path:
    """Make a directory that is there until this process ends."""
    directory = Path(tempfile.mkdtemp(prefix="wasmbuild-wheel-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def _plan(root: Path, settings: Settings, build_dir: Path | None = None) -> Plan:
    try:
        return api.plan(root / settings.config, build_dir=build_dir, targets=settings.targets)
    except UnknownTargetError as error:
        # Whoever reads the table finds nothing of it there.
        raise UsageError(f"{ENVIRONMENT}: {error}" if _chosen() else str(error)) from None


def _check_package(root: Path, package: str) -> None:
    top = package.partition("/")[0]
    if os.path.isdir(root / top):
        return
    # A package below src is imported without that, and named with it.
    below = [path.parent.name for path in root.glob(f"*/{top}/") if os.path.isdir(path)]
    fix = quoted(f"{below[0]}/{package}") if len(below) == 1 else "the directory of a package in the source tree"
    raise UsageError(f"package = {quoted(package)}: there is no {top} beside pyproject.toml; write {fix}")


def _check_modules(root: Path, package: str) -> None:
    # Backends ship nothing that is there but what is declared, and would say nothing of them.
    if module := min(root.glob(f"{literal(package)}/**/*.py"), default=None):
        found = module.relative_to(root).as_posix()
        raise UsageError(
            f"package = {quoted(package)}: {found} would leave the wheel, as all does there that is no artifact; write "
            f"{quoted(package + '/artifacts')}, or move the modules"
        )


def tag(root: Path, settings: Settings) -> str:
    """Return the platform tag of a platform wheel. Raises what ``api.plan`` raises, UsageError."""
    return tags.of_targets(_plan(root, settings).targets)


def sources(root: Path, settings: Settings, *, whole: bool) -> list[str]:
    """Return what a source distribution needs to build the same, from ``root``. Raises UsageError, as ``build`` does.

    It is the declaration, the lock file where there is one, sources, and files that tests are given. What lies outside
    of the project is left out, or with ``whole`` a UsageError.
    """
    _check_modules(root, settings.package)
    plan = api.plan(root / settings.config)
    lock = plan.directory / LOCK
    needed = [
        root / settings.config,
        *([lock] if os.path.isfile(lock) else []),
        *(module.source for module in plan.modules),
    ]
    needed += [plan.directory / file for file in plan.test_files()]
    # A directory is there by its files alone, and tests are given none that is hidden, such as .gitkeep.
    wasi = [test.wasi for test in plan.tests() if test.wasi is not None]
    without = [held.path for given in wasi for held in given.dirs if not held.files]
    needed += [file for path in without for file in Path(plan.directory, path).glob(".*") if os.path.isfile(file)]
    found = []
    for path in dict.fromkeys(os.path.relpath(path, root).replace(os.sep, "/") for path in needed):
        if not path.startswith("../"):
            found.append(path)
        elif whole:
            raise UsageError(
                f"{path}: lies outside of the project, and a source distribution cannot have it; move it into the "
                f"project, or make wheels alone, with python -m build --wheel"
            )
    return found


def lines(plan: Plan) -> list[int]:
    """Return the lines that a wheel's artifacts are for.

    Raises UsageError where a platform has targets of some of them alone: an installer may take any of the others.
    """
    found = list(lines_of(plan.targets))
    there = {(target.triple.text, target.engine.line) for target in plan.targets}
    for target in plan.targets:
        for line in found:
            if (target.triple.text, line) not in there:
                raise UsageError(
                    f"{plan.path}: {target.name} is for Wasmtime {target.engine.line}, and no target for "
                    f"{target.triple.text} is for {line} as others are, so that a wheel could require neither; declare "
                    f"one, or name targets of one line"
                )
    return found


def _shipped(plan: Plan) -> list[str]:
    artifacts = [artifact.path for artifact in plan.artifacts]
    return [filenames.INDEX, *plan.manifests(), *artifacts, *plan.shipped_sources()]
