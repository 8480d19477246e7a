"""Where the probe runs: its copy for runners, in the cache or elsewhere, its bound of memory, its environment."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from probing import reply_to

from wasmbuild.errors import ChildError, ToolchainError
from wasmbuild.lean import pathlib as lean
from wasmbuild.project.declared import Runner
from wasmbuild.toolchain import child, find
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.worker import Request
from wasmbuild.verify import memory_limited as child_of_bounded
from wasmbuild.verify import probes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cache and the limits of Linux")

MEBIBYTE = 1 << 20
FILES = {
    "configure.py", "probe.py", "probe_cases.py", "probe_components.py", "probe_interface.py", "probe_main.py",
    "probe_outcomes.py", "probe_stand_ins.py", "values.py", "wire.py",
}  # fmt: skip
EMPTY_ENGINE = Request({"engine": [[], None]})
# The command of a runner: it notes how it is run, and becomes what it is to run.
NOTES = """import json, os, resource, sys
from pathlib import Path
Path(sys.argv[1]).write_text(json.dumps({
    "argv": sys.argv[2:], "environment": dict(os.environ), "cwd": os.getcwd(),
    "memory": resource.getrlimit(resource.RLIMIT_DATA),
}))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Place:
    """A machine with a cache, a runner on it, and a private directory of verification."""

    def __init__(self, root: Path, bytecode: Path) -> None:
        self.cache = root / "cache" / "wasmbuild"
        self.cache.mkdir(parents=True)
        # Shared, because Python takes long to compile the package wasmtime.
        (self.cache / "bytecode").symlink_to(bytecode)
        self.directory = root / "private"
        self.project = root / "project"
        for directory in (self.directory, self.project):
            directory.mkdir()
        (self.project / "notes.py").write_text(NOTES)
        self._noted = root / "noted"

    def run(self, environment: Mapping[str, str] | None = None, memory: int | None = None) -> dict[str, Any]:
        """Have the runner answer a request and load something, and return how it was run."""
        command = (sys.executable, "notes.py", str(self._noted))
        runner = Runner(command, sys.executable, None, dict(environment or {}), str(self.project))
        with probes.through(runner, sys.executable, ProcessLimits(memory), self.directory) as server:
            assert reply_to(server, EMPTY_ENGINE).body == {"loaded": []}
            [told] = reply_to(server, Request({"load": ["module"], "engine": [[], None]}, b"nonsense")).body["loaded"]
            assert "ELF" in told["error"]
        noted: dict[str, Any] = json.loads(self._noted.read_text())
        return noted

    def kept(self) -> Path:
        """Return the one directory of copies in the cache."""
        [directory] = (self.cache / "probes").iterdir()
        return directory


def test_no_package_hides_a_file_of_the_probe(tmp_path: Path) -> None:
    packages = tmp_path / "site"
    packages.mkdir()
    library = find.library()
    (packages / "wasmtime").symlink_to(Path(library.path).parents[1])
    for name in FILES:
        (packages / name).write_text("raise SystemExit('not this one')\n")
    own = library._replace(path=str(packages / Path(*Path(library.path).parts[-3:])))
    with probes.here(own, ProcessLimits()) as server:
        assert reply_to(server, EMPTY_ENGINE).body == {"loaded": []}


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def place(tmp_path: Path, bytecode: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Place(tmp_path, bytecode)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


# --- the copy ---------------------------------------------------------------------------------------------------------


def test_a_runner_has_a_copy_in_the_cache_with_its_bytecode_beside(place: Place) -> None:
    noted = place.run()
    probe = place.kept() / "probe_main.py"
    assert noted["argv"] == [
        sys.executable, "-X", "utf8", "-X", f"pycache_prefix={place.cache / 'bytecode'}", str(probe), "-",
    ]  # fmt: skip
    assert names(place.kept()) == FILES
    assert probe.read_bytes() == probes.PROBE.read_bytes()
    assert list((place.cache / "bytecode" / place.kept().relative_to("/")).glob("probe_interface.*.pyc"))
    assert names(place.directory) == set()


def test_the_copy_that_is_there_is_left_alone(place: Place) -> None:
    place.run()
    before = {path: path.stat().st_ino for path in place.kept().iterdir()}
    place.run()
    assert {path: path.stat().st_ino for path in place.kept().iterdir()} == before


@pytest.mark.parametrize("harm", ["changed", "cut off", "removed", "a link"])
def test_a_copy_that_someone_changed_is_written_again(place: Place, tmp_path: Path, harm: str) -> None:
    place.run()
    contents = {file: file.read_bytes() for file in place.kept().iterdir()}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("raise SystemExit('changed')\n")
    for file, content in contents.items():
        if harm == "changed":
            file.write_bytes(elsewhere.read_bytes() + content)
        elif harm == "cut off":
            file.write_bytes(b"")
        else:
            file.unlink()
        if harm == "a link":
            file.symlink_to(elsewhere)
    place.run()
    assert {file: file.read_bytes() for file in place.kept().iterdir()} == contents
    assert not any(file.is_symlink() for file in contents)
    assert elsewhere.read_text() == "raise SystemExit('changed')\n"


def test_only_what_someone_changed_is_written_again(place: Place) -> None:
    place.run()
    numbers = {file: file.stat().st_ino for file in place.kept().iterdir()}
    (place.kept() / "values.py").write_text("raise SystemExit('changed')\n")
    place.run()
    changed = {file.name for file, number in numbers.items() if file.stat().st_ino != number}
    assert changed == {"values.py"}


def test_another_version_of_the_probe_has_a_copy_of_its_own(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run()
    first = place.kept()
    other = tmp_path / "other" / "probe_main.py"
    other.parent.mkdir()
    other.write_bytes(probes.PROBE.read_bytes() + b"\n")
    monkeypatch.setattr(probes, "PROBE", other)
    noted = place.run()
    assert len(names(place.cache / "probes")) == 2
    assert Path(noted["argv"][-2]).read_bytes() == other.read_bytes()
    assert (first / "probe_main.py").read_bytes() != other.read_bytes()


@pytest.mark.parametrize("harm", ["cache is a file", "link to nowhere", "copy is a directory", "no home"])
def test_where_the_cache_cannot_be_written_the_copy_is_private(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    if harm == "cache is a file":
        (tmp_path / "cache").rename(tmp_path / "old")
        (tmp_path / "cache").write_bytes(b"")
    elif harm == "link to nowhere":
        (place.cache / "probes").symlink_to(tmp_path / "nowhere")
    elif harm == "copy is a directory":
        place.run()
        (place.kept() / "wire.py").unlink()
        (place.kept() / "wire.py").mkdir()
    else:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(lean.Path, "home", no_home)
    noted = place.run()
    assert noted["argv"] == [sys.executable, "-X", "utf8", "-B", str(place.directory / "probe_main.py"), "-"]
    assert names(place.directory) == FILES


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_where_no_copy_can_be_written_it_is_an_error(place: Place, tmp_path: Path) -> None:
    (place.cache / "probes").write_bytes(b"")
    place.directory.rmdir()
    with pytest.raises(FileNotFoundError):
        place.run()


# --- how a runner is run ----------------------------------------------------------------------------------------------


def test_a_runner_has_its_variables_and_the_usual_ones_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "yes")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    noted = place.run({"QEMU_CPU": "max", "PYTHONPATH": "hooks"})
    assert noted["environment"]["QEMU_CPU"] == "max"
    assert noted["environment"]["PYTHONPATH"] == "hooks"
    assert "SECRET" not in noted["environment"]
    assert noted["cwd"] == str(place.project)


def test_a_runner_says_where_the_packages_of_its_python_are(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.project / "hooks").mkdir()
    (place.project / "hooks" / "wasmtime.py").write_text("raise SystemExit('not this one')\n")
    with pytest.raises(ChildError, match=r"the runner could not be started: it ended with status 1\n    not this one"):
        place.run({"PYTHONPATH": "hooks"})


@pytest.mark.parametrize("memory", [None, 2048 * MEBIBYTE])
def test_what_a_runner_may_allocate_is_bounded(place: Place, memory: int | None) -> None:
    expected = list(resource.getrlimit(resource.RLIMIT_DATA)) if memory is None else [memory, memory]
    assert place.run(memory=memory)["memory"] == expected


def test_the_libraries_of_this_python_are_no_matter_of_a_runner(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/of/this/python")
    for memory in (None, 2048 * MEBIBYTE):
        assert "LD_LIBRARY_PATH" not in place.run(memory=memory)["environment"]
        noted = place.run({"LD_LIBRARY_PATH": "/of/the/runner"}, memory)
        assert noted["environment"]["LD_LIBRARY_PATH"] == "/of/the/runner"


# --- what is bounded --------------------------------------------------------------------------------------------------

TELL = "import json, os, resource; print(json.dumps([resource.getrlimit(resource.RLIMIT_DATA), dict(os.environ)]))"


def bounded(program: list[str], environment: Mapping[str, str], memory: int | None) -> child.ChildResult:
    command, variables = probes.with_memory_limit(program, environment, memory)
    return child.run(command, limits=ProcessLimits(seconds=60), env_extra=variables)


def test_a_program_without_a_bound_is_run_as_it_is() -> None:
    assert probes.with_memory_limit(("a", "b"), {"C": "d"}, None) == (["a", "b"], {"C": "d"})


def test_a_program_has_the_bound_and_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/of/this/python")
    ended = bounded([sys.executable, "-c", TELL], {"A": "b"}, 512 * MEBIBYTE)
    limits, environment = json.loads(ended.stdout)
    assert limits == [512 * MEBIBYTE] * 2
    assert environment["A"] == "b"
    assert "LD_LIBRARY_PATH" not in environment


@pytest.mark.parametrize(("size", "ends"), [(16, ""), (1024, "ran out of memory")])
def test_a_program_that_allocates_more_than_its_bound_cannot(size: int, ends: str) -> None:
    ended = bounded([sys.executable, "-c", f"bytearray({size} << 20)"], {}, 512 * MEBIBYTE)
    assert ended.reason == ends
    assert ("MemoryError" in ended.stderr) == bool(ends)


def test_a_bound_that_is_lower_already_stays() -> None:
    outer, environment = probes.with_memory_limit([sys.executable, "-c", TELL], {}, 1024 * MEBIBYTE)
    inner, environment = probes.with_memory_limit(outer, environment, 512 * MEBIBYTE)
    ended = child.run(inner, limits=ProcessLimits(seconds=60), env_extra=environment)
    assert json.loads(ended.stdout)[0] == [512 * MEBIBYTE] * 2


@pytest.mark.parametrize(
    ("program", "why"),
    [("/nowhere/wasmtime", "No such file or directory"), ("/", "Permission denied"), ("no-such", "No such file or")],
)
def test_a_program_that_cannot_be_run_says_so(program: str, why: str) -> None:
    ended = bounded([program, "run"], {}, 512 * MEBIBYTE)
    assert ended.status == child_of_bounded.NOT_RUN
    assert ended.stderr.startswith(f"cannot run {program}: {why}")


# --- on this host -----------------------------------------------------------------------------------------------------


def test_the_probe_on_this_host_is_isolated_from_the_users_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wasmtime", "json", "values", "configure"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with probes.here(find.library(), ProcessLimits()) as server:
        assert reply_to(server, EMPTY_ENGINE).body == {"loaded": []}


def test_what_the_probe_on_this_host_may_allocate_is_bounded() -> None:
    said = r"the probe with the library of wasmtime \S+ could not be started"
    with (
        probes.here(find.library(), ProcessLimits(memory=16 * MEBIBYTE)) as server,
        pytest.raises(ChildError, match=said),
    ):
        server.outcome(EMPTY_ENGINE)
    with probes.here(find.library(), ProcessLimits(memory=1024 * MEBIBYTE)) as server:
        assert reply_to(server, EMPTY_ENGINE).body == {"loaded": []}


def test_a_python_that_does_not_say_where_it_is_runs_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(ToolchainError, match=r"Python does not say where its executable is"):
        probes.here(find.library(), ProcessLimits())
    with pytest.raises(ToolchainError, match=r"Python does not say where its executable is"):
        probes.with_memory_limit(["wasmtime"], {}, MEBIBYTE)
