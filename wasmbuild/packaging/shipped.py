"""What a Python distribution ships of a wasmbuild.toml: files below one of its packages, a requirement and tags."""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath, PurePosixPath

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


def read(root: Path, table: Any, where: str) -> Settings:
    """Read the table, ``where`` in the pyproject.toml of ``root``. Raises DeclarationError with all mistakes."""
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
    elif isinstance(package, str) and (found := _misplaced(root, package)):
        mistakes.append(Mistake("pyproject.toml", f"{where}.package", *found))
    if mistakes:
        raise DeclarationError(mistakes)
    return Settings(
        PurePosixPath(table["package"]).as_posix(),
        table.get("config", filenames.CONFIG),
        tuple(_chosen() or table.get("targets", ())),
        table.get("platform-wheel", False),
        table.get("require-runtime", False),
    )


def _misplaced(root: Path, package: str) -> tuple[str, str] | None:
    """Tell what is wrong with where a path says that artifacts go, and what to write, if anything is."""
    parts = PurePosixPath(package).parts
    if not parts or ".." in parts or Path(package).is_absolute():
        fix = f"write it from the folder of pyproject.toml, such as {quoted(_example(root))}"
        return f"{quoted(package)} is no directory below it", fix
    if len(parts) > 1:
        return None
    if any(Path(root, *parts).glob("*.py")):
        inside = quoted(f"{parts[0]}/wasm")
        return "is a whole package", f"name a directory in it, such as {inside}: what is not declared leaves that"
    return f"{quoted(package)} is in no package", f"write the directory in one, such as {quoted(_example(root))}"


def _example(root: Path) -> str:
    """Return a directory for artifacts: in the package of a project that has one, with an ``__init__.py``."""
    tops = [path.parent for pattern in ("*", "*/*") for path in root.glob(f"{pattern}/__init__.py")]
    found = [path for path in tops if path.parent not in tops and path.name not in ("test", "tests")]
    return f"{found[0].relative_to(root).as_posix()}/wasm" if len(found) == 1 else "NAME/wasm"


def _chosen() -> list[str]:
    return os.environ.get(ENVIRONMENT, "").split()


def _fits(key: str, value: object) -> bool:
    if isinstance(value, list):
        return _KEYS[key] is list and all(isinstance(name, str) for name in value)
    return type(value) is _KEYS[key]


def build(
    root: Path, settings: Settings, packages: Iterable[str], in_wheel: Callable[[str], str], *, editable: bool
) -> WheelContents:
    """Build into the package below ``root``, and return what a wheel ships, without records.

    A wheel of targets that the environment chooses, unless it is ``editable``, leaves alone what is there: an editable
    install may load the others. ``packages`` are the directories of those that the wheel ships, none where that cannot
    be told. ``in_wheel`` tells of a directory in the project, a path with slashes, where the wheel has it: it leaves
    out the folder of packages, such as ``src``. Raises what ``api.build`` raises, and UsageError for a platform wheel
    of several platforms, for several lines, where there is no such package or the wheel ships none around it, and for
    modules of Python in that directory.
    """
    _check_package(root, settings.package)
    _check_shipped(root, settings.package, packages)
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


def _check_shipped(root: Path, package: str, packages: Iterable[str]) -> None:
    around = PurePath(package).parents
    found = sorted({PurePath(directory) for directory in packages})
    if found and not any(directory in around for directory in found):
        there = next((path for path in found if os.path.isdir(root / path)), found[0]) / "wasm"
        raise UsageError(
            f"package = {quoted(package)}: the wheel ships no package from there, so that it would not be imported; "
            f"write the directory of a package, such as {quoted(there.as_posix())}"
        )


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
