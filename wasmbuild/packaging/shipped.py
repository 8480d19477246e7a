"""What a Python distribution ships of a wasmbuild.toml: files below one of its packages, a requirement and tags."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from wasmbuild import api
from wasmbuild.errors import DeclarationError, Mistake, UsageError
from wasmbuild.lean_typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.packaging import tags
from wasmbuild.project import filenames
from wasmbuild.text import quoted, suggestion

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan

ENVIRONMENT = "WASMBUILD_TARGETS"
"""Names of targets, or globs, with spaces between them: they come before those of the table."""

_KEYS = {"package": str, "config": str, "targets": list, "platform-wheel": bool}


class Settings(NamedTuple):
    """The table: ``package`` is a directory from the project's, ``targets`` are globs, none for all."""

    package: str
    config: str
    targets: tuple[str, ...]
    platform_wheel: bool


class WheelContents(NamedTuple):
    """What a wheel ships: ``files`` are absolute, by their paths in the wheel; ``tag`` is None for any platform."""

    files: dict[str, Path]
    requirement: str
    tag: str | None


def read(table: Mapping[str, Any], where: str) -> Settings:
    """Read the table, which is ``where`` in pyproject.toml. Raises DeclarationError with all mistakes."""
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
        table.get("config", "wasmbuild.toml"),
        tuple(os.environ.get(ENVIRONMENT, "").split() or table.get("targets", ())),
        table.get("platform-wheel", False),
    )


def _fits(key: str, value: object) -> bool:
    if isinstance(value, list):
        return _KEYS[key] is list and all(isinstance(name, str) for name in value)
    return type(value) is _KEYS[key]


def build(root: Path, settings: Settings, source_root: str = "") -> WheelContents:
    """Build into the package below ``root``, and return what a wheel ships, without records.

    ``source_root`` is the folder of packages that the paths in a wheel leave out, such as ``src``. Raises what
    ``api.build`` raises, and UsageError for a platform wheel of several platforms.
    """
    plan = api.plan(root / settings.config, build_dir=root / settings.package, targets=settings.targets)
    tag = tags.of_targets(plan.targets) if settings.platform_wheel else None
    built = api.build(root / settings.config, build_dir=root / settings.package, targets=settings.targets)
    package = settings.package.removeprefix(f"{source_root}/") if source_root else settings.package
    files = {f"{package}/{path}": built.build_dir.joinpath(*path.split("/")) for path in _shipped(plan)}
    return WheelContents(files, requirement(plan.line), tag)


def tag(root: Path, settings: Settings) -> str:
    """Return the platform tag of a platform wheel. Raises what ``api.plan`` raises, UsageError."""
    return tags.of_targets(api.plan(root / settings.config, targets=settings.targets).targets)


def sources(root: Path, settings: Settings) -> list[str]:
    """Return the declaration and its sources, from ``root``: what a source distribution needs. Raises UsageError."""
    plan = api.plan(root / settings.config)
    found = [settings.config]
    for module in plan.modules:
        path = os.path.relpath(module.source, root).replace(os.sep, "/")
        if path.startswith("../"):
            raise UsageError(f"{path}: lies outside of the project; a source distribution cannot have it")
        found.append(path)
    return found


def requirement(line: int) -> str:
    """Return what a distribution requires: the line of the library that loads its artifacts."""
    return f"wasmtime>={line},<{line + 1}"


def conflict(required: str, declared: Iterable[str]) -> str | None:
    """Say what is wrong with declared requirements, if they let a ``wasmtime`` in that loads no artifact of the line.

    A requirement for some environments alone (with a marker) lets any in elsewhere.
    """
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    line = int(required.split(">=")[1].split(",")[0])
    found = [Requirement(text) for text in declared]
    ours = [entry for entry in found if canonicalize_name(entry.name) == "wasmtime"]
    allowed = SpecifierSet(",".join(str(entry.specifier) for entry in ours if entry.marker is None))
    others = [other for other in (line - 1, line + 1, line + 50) if allowed.contains(f"{other}.0.0")]
    lets_own = any(allowed.contains(f"{line}.0.{patch}") for patch in range(64))
    if lets_own and not others:
        return None
    said = ", ".join(quoted(str(entry)) for entry in ours) or "nothing of wasmtime"
    fix = f"write {quoted(required)} there"
    return f"[project] dependencies has {said}, and the artifacts load in line {line} alone; {fix}"


def _shipped(plan: Plan) -> Iterable[str]:
    yield filenames.INDEX
    for target in plan.targets:
        yield f"{target.name}/{filenames.MANIFEST}"
    for artifact in plan.artifacts:
        yield artifact.path
        if artifact.module.ship_source:
            yield artifact.wasm_path
