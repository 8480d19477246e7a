"""Libraries beside that of the environment: whole or not at all, from wheels, by pip, offline."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import wheels
from launcher import program
from matrix import thorough
from releases import dies_installing
from support import run_here

from wasmbuild.engine import lines
from wasmbuild.toolchain import find, installed, search_path

LIBRARIES = installed.LIBRARIES


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return wheels.of_here(tmp_path_factory.mktemp("wheels"))


def command(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    ended = run_here("toolchain", *arguments)
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def test_from_a_wheel(user: Path, wheel: tuple[Path, str]) -> None:
    path, version = wheel
    ended = command("install", version, "--library", "--from", str(path))
    assert f"the library of Wasmtime {version} installed, from {path}" in ended.stderr
    [folder] = installed.folders(LIBRARIES)
    library = search_path.library_in(folder)
    assert ended.stdout.strip() == str(library)
    assert library in search_path.libraries()
    assert search_path.library_version(folder / "wasmtime" / "x" / "y") == version
    # It is no executable, and what is there costs no second download.
    assert installed.folders() == []
    assert "is installed already" in command("install", version, "--library", "--offline").stderr
    assert command("install", "--library", "--from", str(path)).stdout == ended.stdout
    listed = json.loads(command("list", "--json").stdout)["toolchains"]
    mine = [entry for entry in listed if entry["path"] == str(library)]
    assert [(entry["kind"], entry["origin"]) for entry in mine] == [("library", "installed by wasmbuild")]
    assert (
        "is not installed by wasmbuild; its library is: add --library\n" in command("remove", version, status=2).stderr
    )
    command("remove", version, "--library")
    assert installed.folders(LIBRARIES) == []


def test_what_is_no_such_wheel_is_refused(user: Path, wheel: tuple[Path, str], tmp_path: Path) -> None:
    path, version = wheel
    other = str(int(version.partition(".")[0]) + 1)
    said = command("install", other, "--library", "--from", str(path), status=2).stderr
    assert f"is Wasmtime {version}, not {other}; nothing was installed" in said
    broken = tmp_path / "broken.whl"
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist() if not name.endswith("RECORD")}
    record = f"wasmtime-{version}.dist-info/RECORD"

    def said_of(content: dict[str, bytes]) -> str:
        wheels.write(broken, content, record)
        return command("install", version, "--library", "--from", str(broken), status=2).stderr

    assert "../evil.py leaves the folder" in said_of({**files, "../evil.py": b"x"})
    assert "is no wheel of the package" in said_of({name: data for name, data in files.items() if "lib" not in name})
    broken.write_bytes(path.read_bytes().replace(b"def wat2wasm(", b"def wat2wasn("))
    assert "is damaged" in command("install", version, "--library", "--from", str(broken), status=2).stderr
    broken.write_bytes(b"text")
    assert "is no wheel" in command("install", version, "--library", "--from", str(broken), status=2).stderr
    assert "there is no such file" in command("install", version, "--library", "--from", "no.whl", status=2).stderr
    said = command("install", version, "--library", "--from", str(tmp_path), status=2).stderr
    assert said == f"error: --from {tmp_path}: is a directory; name a wheel of the package wasmtime\n"
    assert installed.folders(LIBRARIES) == []
    assert not (tmp_path / "evil.py").exists()


def test_without_the_network(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    assert "--offline lets nothing be downloaded" in command("install", "49", "--library", "--offline", status=3).stderr
    said = command("install", "49", "--library", "--mirror", "http://127.0.0.1:9/simple", status=3).stderr
    assert said.startswith("error: pip did not download wasmtime==49.*: ")
    assert "or name a wheel: --from FILE" in said


def test_what_is_asked_for_is_one_thing(user: Path) -> None:
    assert "takes a version" in command("install", "--library", status=2).stderr
    assert "and no --locked" in command("install", "48", "--library", "--locked", status=2).stderr


def test_of_a_line_that_is_unknown_it_says_that_no_build_uses_it(
    user: Path, wheel: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not refused: with both, ``line_check`` looks at the file of a line that is new."""
    ended = command("install", "--from", str(program(tmp_path / "w", "echo wasmtime 47.0.1")))
    unknown = " is unknown to this version of wasmbuild, which knows "
    assert f"\nno build uses it: Wasmtime 47{unknown}" in ended.stderr
    assert Path(ended.stdout.strip()).is_file()
    path, version = wheel
    assert unknown not in command("install", version, "--library", "--from", str(path)).stderr
    line = int(version.partition(".")[0])
    monkeypatch.setattr(lines, "known", lambda: [line + 1, line + 2])
    said = command("install", version, "--library", "--from", str(path)).stderr
    assert said.endswith(f"\nno build uses it: Wasmtime {line}{unknown}{line + 1} and {line + 2}\n")


@thorough("step", (1, 0, 2, 3), always=1)
def test_killed_at_any_step_it_is_there_whole_or_not_at_all(user: Path, wheel: tuple[Path, str], step: int) -> None:
    path, version = wheel
    died = dies_installing(
        f"from wasmbuild.installing.library import install_library; install_library({version!r}, {str(path)!r})", step
    )
    assert died == (step < 3)
    assert bool(installed.folders(LIBRARIES)) != died
    command("install", version, "--library", "--from", str(path))
    root = installed.directory(LIBRARIES)
    assert sorted(entry.name for entry in root.iterdir()) == [".lock", installed.folders(LIBRARIES)[0].name]
    library = find.library(int(version.partition(".")[0]))
    assert library.version == version
