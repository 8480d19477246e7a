"""The rules of the house: types, style, the arrows between rooms, and no word of any machine."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from spawning import needs_spawn

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        pytest.param(["mypy"], marks=pytest.mark.slow),
        ["importlinter.cli"],
    ],
    ids=lambda command: " ".join(command),
)
def test_tools_are_content(command: list[str]) -> None:
    module, *arguments = command
    pytest.importorskip(module.partition(".")[0], reason=f"needs {module}: pip install -e '.[cross,dev]'")
    if module == "importlinter.cli":
        code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
        argv = [sys.executable, "-c", code]
    else:
        argv = [sys.executable, "-m", module, *arguments]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_wheel_has_every_file_of_the_package() -> None:
    """An editable install, which tests run from, has them all."""
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["wasmbuild"]
    package = ROOT / "wasmbuild"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*.*") if path.is_file()}
    assert not {
        name for name in files if not name.endswith((".py", ".pyc")) and not any(fnmatch(name, p) for p in shipped)
    }


def test_importing_is_light() -> None:
    code = "import sys, wasmbuild, wasmbuild.cli, wasmbuild.doit.tasks; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"wasmtime", "pydantic", "wasmbuild.project.config", "wasmbuild.verify"} & set(ended.stdout.split())


def test_an_editable_install_is_a_path() -> None:
    """A finder, setuptools' other way, is imported with pathlib by each start of Python: 20 ms of each step."""
    code = "import sys; print(*(getattr(finder, '__module__', '') for finder in sys.meta_path))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT.anchor, capture_output=True, text=True, check=True)
    assert "__editable__" not in ended.stdout


def test_a_noop_build_is_light(tmp_path: Path) -> None:
    (tmp_path / "wasmbuild.toml").write_text(
        '[project]\nname = "a"\n[targets.p]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'
    )
    (tmp_path / "m.wat").write_text("(module)")
    for _ in range(2):
        loaded = _loaded_by(["build", "-q"], tmp_path)
    assert loaded & {*HEAVY, "wasmbuild.builder.session", "wasmbuild.toolchain.find"} == set()


def test_benchmarks_need_nothing_of_how_tests_are_run() -> None:
    subprocess.run([sys.executable, "-c", "import benchmarks.__main__"], cwd=ROOT, check=True)


@needs_spawn
def test_a_step_is_light(tmp_path: Path) -> None:
    (tmp_path / "wasmbuild.toml").write_text('[project]\nname = "a"\n[targets.p]\ntriple = "pulley64"\n')
    (tmp_path / "m.wat").write_text("(module)")
    # A copy of the executable that the first one made is not old enough to be known by its times.
    for _ in range(3):
        loaded = _loaded_by(["compile", "m.wat", "--target", "p", "-o", "m.cwasm"], tmp_path)
    assert loaded & {*HEAVY, *NOT_OF_A_STEP, *UNUSUAL} == set()


@needs_spawn
@pytest.mark.parametrize("outputs", ["{n}", "0"], ids=["written", "right"])
def test_a_step_with_a_record_is_light(outputs: str, tmp_path: Path) -> None:
    (tmp_path / "wasmbuild.toml").write_text(
        '[project]\nname = "a"\n[targets.p]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'
    )
    (tmp_path / "m.wat").write_text("(module)")
    for n in range(3):
        out = outputs.format(n=n)
        step = [
            "compile",
            "m.wat",
            "--target",
            "p",
            "-o",
            f"{out}.cwasm",
            "--record",
            f"{out}.json",
            "--depfile",
            "m.d",
        ]
        loaded = _loaded_by(step, tmp_path)
    unusual = UNUSUAL | {"wasmbuild.formats.schema_check", "wasmbuild.formats.reading", "wasmbuild.builder.jobserver"}
    assert loaded & {*HEAVY, *NOT_OF_A_STEP, *unusual, "wasmbuild.builder.single"} == set()


@needs_spawn
def test_a_build_after_an_edit_is_light(tmp_path: Path) -> None:
    (tmp_path / "wasmbuild.toml").write_text(
        '[project]\nname = "a"\n[targets.p]\ntriple = "pulley64"\n[modules."*"]\nsource = "m*.wasm"\n'
    )
    unusual = UNUSUAL - {"wasmbuild.formats.strict_json"}
    for number in range(3):
        (tmp_path / "m.wasm").write_bytes(
            b"\0asm\1\0\0\0\1\5\1\x60\0\1\x7f\3\2\1\0\x0a\6\1\4\0\x41" + bytes([number]) + b"\x0b"
        )
        loaded = _loaded_by(["build", "-q"], tmp_path)
        assert "wasmbuild.builder.session" in loaded
    assert loaded & {*HEAVY, *OF_PATHS, *unusual, "wasmbuild.formats.schemas"} == set()


def test_a_build_that_restores_all_finds_its_way_without_pathlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMBUILD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "wasmbuild.toml").write_text(
        '[project]\nname = "a"\n[targets.p]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'
    )
    (tmp_path / "m.wat").write_text("(module)")
    for checkout in ("first", "second", "third"):
        loaded = _loaded_by(["build"], tmp_path)
        (tmp_path / "build").rename(tmp_path / checkout)
    assert not loaded & OF_PATHS


OF_PATHS = {"pathlib", "fnmatch", "urllib.parse", "ipaddress", "ntpath"}
NOT_OF_A_STEP = {"queue", "wasmbuild.builder.session", "wasmbuild.builder.memory", "wasmbuild.builder.restoring"}
# Python starts without them, and they take longer than all that a step does.
UNUSUAL = {
    "collections",
    "collections.abc",
    "contextlib",
    "enum",
    "functools",
    "importlib",
    "json",
    "operator",
    "re",
    "types",
}
UNUSUAL |= {"signal", "warnings", "wasmbuild.formats.strict_json"}
NOT_OF_A_STEP |= OF_PATHS
NOT_OF_A_STEP |= {
    "wasmbuild.builder.interfaces",
    "wasmbuild.diagnosis",
    "wasmbuild.formats.wasm",
    "wasmbuild.formats.instructions",
    "wasmbuild.engine.lines",
    "wasmbuild.project.sources",
}
# Each takes longer to import than a good part of a step.
HEAVY = {"wasmtime", "pydantic", "asyncio", "concurrent.futures", "tempfile", "typing", "dataclasses", "inspect"}
HEAVY |= {"shutil", "hashlib", "random", "string", "datetime", "logging", "email", "tomllib", "tomli"}
HEAVY |= {"argparse", "gettext", "locale", "subprocess", "threading", "selectors", "math"}


def _loaded_by(arguments: list[str], directory: Path) -> set[str]:
    """Return the modules that a command imports, beyond those of the interpreter's start."""
    code = (
        "import sys; before = set(sys.modules); from wasmbuild.cli import main; "
        f"assert main({arguments}) == 0; print(*set(sys.modules) - before)"
    )
    # Of what other tests have this user remember, something may go at any time.
    environment = {**os.environ, "XDG_CACHE_HOME": str(directory / "cache")}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, env=environment, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def test_no_predicate_of_pathlib() -> None:
    """They raise where a directory may not be entered or a name is too long; those of os.path say no."""
    predicate = re.compile(r"(?<!entry)\.(exists|is_file|is_dir|is_symlink|is_mount)\(\)")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "wasmbuild").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if predicate.search(line)
    ]
    assert not found


def test_a_name_is_imported_from_where_it_is_made() -> None:
    """Packages and the API give out what others make; mypy refuses it of a module that does not say so."""
    faces = {"__init__.py", "api.py", "signal.py"}
    assert not [
        path
        for path in (ROOT / "wasmbuild").rglob("*.py")
        if path.name not in faces and "__all__ =" in path.read_text()
    ]


def test_no_class_name_stands_twice() -> None:
    """Who meets a name need not look at the imports to know which of two things it is, by an underscore or without."""
    found: dict[str, list[str]] = {}
    for path in (ROOT / "wasmbuild").rglob("*.py"):
        # What embed puts into programs of others is no part of this one.
        if path == ROOT / "wasmbuild" / "embed" / "loader.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name.lstrip("_"), []).append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_no_line_of_wasmtime_is_compared_with() -> None:
    """What a line has is in its file: code that asks for a certain line is a place to look at for each new one."""
    found = []
    for path in (ROOT / "wasmbuild").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, (ast.Compare, ast.match_case)):
                continue
            code = ast.unparse(node)
            numbers = {
                str(inner.value).partition(".")[0]
                for inner in ast.walk(node)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, (int, str))
            }
            if numbers & set(map(str, range(30, 100))) and re.search(r"line|major|version", code):
                found.append(f"{path.relative_to(ROOT)}: {code}")
    assert not found


def test_presets_are_expanded_in_one_room() -> None:
    """Who holds an engine has an EngineConfig, in which its preset is spelled out: nobody can expand it once more."""
    for path in [*(ROOT / "wasmbuild").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        if ROOT / "wasmbuild" / "engine" not in path.parents:
            assert not re.search(r"\bsettings\.expand\(|engine\.settings import .*\bexpand\b", path.read_text()), path


def test_no_circle_of_imports() -> None:
    """Wherever the import stands: in a function, or for types alone, it is a file that cannot be read by itself."""
    files = {
        path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__").replace("/", "."): path
        for path in (ROOT / "wasmbuild").rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        named = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= inner & files.keys()
                # What is taken from a package is its own, or one of its modules.
                if not inner <= files.keys():
                    named.add(node.module)
        graph[module] = named & files.keys()
    TopologicalSorter(graph).prepare()


def test_the_readme_has_its_two_lines() -> None:
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert [len(block.splitlines()) for block in blocks[:2]] == [1, 1]
    assert text.index("## Run it") < text.index(blocks[0]) < text.index("## Test it") < text.index(blocks[1])


def test_every_test_file_is_collected(request: pytest.FixtureRequest) -> None:
    """Pytest enters no folder with a name such as build, and takes files of certain names alone."""
    passed_over: list[str] = request.config.getini("norecursedirs")
    for path in (ROOT / "tests").rglob("test_*"):
        relative = path.relative_to(ROOT)
        if path.is_file() and "projects" not in relative.parts and "__pycache__" not in relative.parts:
            assert relative.suffix == ".py"
            assert not any(fnmatch(part, pattern) for part in relative.parts[:-1] for pattern in passed_over), relative
