"""How modules of wasmbuild get into a distribution of another name."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def backend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wasmbuild_runtime_backend", ROOT / "runtime" / "backend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ("from wasmbuild import files\n", "from wasmbuild_runtime._wasmbuild import files\n"),
        ("from wasmbuild.errors import A\n", "from wasmbuild_runtime._wasmbuild.errors import A\n"),
        ("from wasmbuild.runtime.errors import A\n", "from wasmbuild_runtime.errors import A\n"),
        ("from wasmbuild.runtime import load\n", "from wasmbuild_runtime import load\n"),
        ("def f():\n    from wasmbuild.text import (\n        a,\n    )\n",
         "def f():\n    from wasmbuild_runtime._wasmbuild.text import (\n        a,\n    )\n"),
        ("import json\n# from wasmbuild.text import a\nx = 'wasmbuild.text'\n", None),
        ("from wasmbuilder.text import a\n", None),
    ],
)  # fmt: skip
def test_imports_alone_get_other_names(backend: ModuleType, given: str, got: str | None) -> None:
    assert backend.with_imports_renamed(given, "a.py") == (got or given)


@pytest.mark.parametrize(
    "given", ["import wasmbuild.text\n", "from wasmbuild import runtime\n", "from wasmbuild import a, runtime\n"]
)
def test_forms_without_another_name_are_refused(backend: ModuleType, given: str) -> None:
    with pytest.raises(backend.SourceError, match=r"^a\.py:2: "):
        backend.with_imports_renamed(f"\n{given}", "a.py")


def test_what_is_imported_for_types_or_later_comes_along(backend: ModuleType, tmp_path: Path) -> None:
    files = {
        "wasmbuild/__init__.py": '__version__ = "1"\n',
        "wasmbuild/runtime/__init__.py": "def f():\n    from wasmbuild.room.later import a\n",
        "wasmbuild/runtime/other.py": "if TYPE_CHECKING:\n    from wasmbuild.room import types\n",
        "wasmbuild/room/__init__.py": "",
        "wasmbuild/room/later.py": "import wasmtime\n",
        "wasmbuild/room/types.py": "",
        "wasmbuild/room/unused.py": "",
        "wasmbuild/py.typed": "",
        "wasmbuild/engine/lines/48.json": "{}",
    }
    for name, text in files.items():
        path = tmp_path / "clone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "tree" / "wasmbuild_runtime" / "_wasmbuild" / "engine" / "lines").mkdir(parents=True)
    backend.write(tmp_path / "clone", tmp_path / "tree")
    written = {path.relative_to(tmp_path / "tree").as_posix() for path in (tmp_path / "tree").rglob("*.*")}
    assert written == {
        "wasmbuild_runtime/__init__.py",
        "wasmbuild_runtime/other.py",
        "wasmbuild_runtime/py.typed",
        "wasmbuild_runtime/_wasmbuild/__init__.py",
        "wasmbuild_runtime/_wasmbuild/engine/lines/48.json",
        "wasmbuild_runtime/_wasmbuild/room/__init__.py",
        "wasmbuild_runtime/_wasmbuild/room/later.py",
        "wasmbuild_runtime/_wasmbuild/room/types.py",
    }
