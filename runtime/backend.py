"""The build backend of ``wasmbuild-runtime``: hatchling, for modules that are taken from the tree of wasmbuild.

Two distributions must not install the same file: removing one would break the other. So the import package is another,
``wasmbuild_runtime``, and its modules are those that ``wasmbuild.runtime`` imports, wherever the import stands, with
nothing but their imports changed. A source distribution has them as they are installed.

There is no editable install: what would be edited is ``wasmbuild``, whose editable install has ``wasmbuild.runtime``.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import hatchling.build

PACKAGE = "wasmbuild_runtime"
_HERE = Path(__file__).parent
_MAIN = "wasmbuild"
_ROOT = "wasmbuild.runtime"
_DATA = ("py.typed", "engine/lines/*.json")


class SourceError(Exception):
    """The modules cannot be taken from the tree; the message says why, and what to do."""


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    """Return what a build needs besides ``build-system.requires``: nothing."""
    return []


get_requires_for_build_wheel = get_requires_for_build_sdist


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Build the source distribution, and return its name (PEP 517)."""
    directory = os.path.abspath(sdist_directory)
    with _distribution():
        return hatchling.build.build_sdist(directory, config_settings)


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    """Build the wheel, and return its name (PEP 517)."""
    directory = os.path.abspath(wheel_directory)
    with _distribution():
        return hatchling.build.build_wheel(directory, config_settings)


@contextmanager
def _distribution() -> Iterator[None]:
    """Stand in a directory with all that is built: this one of a source distribution, else a temporary one."""
    if os.path.isdir(_HERE / PACKAGE):
        with chdir(_HERE):
            yield
        return
    if not os.path.isfile(_HERE.parent / _MAIN / "__init__.py"):
        raise SourceError(f"{_HERE.parent} is no clone of wasmbuild; build this directory where it is in one")
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        for path in (
            *(_HERE / name for name in ("pyproject.toml", "README.md", "backend.py")),
            _HERE.parent / "LICENSE",
        ):
            shutil.copy(path, tree)
        write(_HERE.parent, tree)
        with chdir(tree):
            yield


def write(clone: Path, tree: Path) -> None:
    """Write the import package below ``tree``, from a clone of wasmbuild. Raises SourceError."""
    for module, path in _needed(clone).items():
        parts = renamed(module).split(".")
        placed = tree.joinpath(*parts, "__init__.py") if path.name == "__init__.py" else tree.joinpath(*parts)
        placed.parent.mkdir(parents=True, exist_ok=True)
        text = with_imports_renamed(path.read_text(encoding="utf-8"), str(path))
        placed.with_suffix(".py").write_text(text, encoding="utf-8", newline="\n")
    for pattern in _DATA:
        for path in (clone / _MAIN).glob(pattern):
            # The marker of types belongs to the package, all else to the room that reads it.
            below = renamed(_MAIN) if "/" in pattern else PACKAGE
            shutil.copy(path, tree.joinpath(*below.split("."), path.relative_to(clone / _MAIN)))


def renamed(module: str) -> str:
    """Return a module's name in the package: the runtime is the package itself, what it stands on is private."""
    if module == _ROOT or module.startswith(f"{_ROOT}."):
        return PACKAGE + module.removeprefix(_ROOT)
    return f"{PACKAGE}._{module}"


def with_imports_renamed(text: str, where: str) -> str:
    """Return a module's text with other names in its imports. Raises SourceError for forms that have none."""
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        for name in _imported(node):
            if isinstance(node, ast.Import) or (name == _MAIN and any(alias.name == "runtime" for alias in node.names)):
                raise SourceError(
                    f"{where}:{node.lineno}: write it as from {name} import ...; another name fits no other"
                )
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = re.sub(rf"\bfrom {re.escape(name)} ", f"from {renamed(name)} ", line, count=1)
    return "".join(lines)


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules of wasmbuild that a node names after ``from`` or ``import``."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        return
    yield from (name for name in names if name == _MAIN or name.startswith(f"{_MAIN}."))


def _needed(clone: Path) -> dict[str, Path]:
    """Return the files of all modules that the runtime imports, at once or later, or for types, by their names."""
    found: dict[str, Path] = {}
    wanted = [_ROOT, *(f"{_ROOT}.{path.stem}" for path in clone.joinpath(*_ROOT.split(".")).glob("[!_]*.py"))]
    while wanted:
        module = wanted.pop()
        path = _file(clone, module)
        if path is None or module in found:
            continue
        found[module] = path
        wanted.extend(module[: end.start()] for end in re.finditer(r"\.", module))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in _imported(node):
                wanted.append(name)
                if isinstance(node, ast.ImportFrom):
                    wanted.extend(f"{name}.{alias.name}" for alias in node.names)
    return dict(sorted(found.items()))


def _file(clone: Path, module: str) -> Path | None:
    """Return the file of a module; None when the name is of something inside one."""
    path = clone.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((candidate for candidate in candidates if os.path.isfile(candidate)), None)
