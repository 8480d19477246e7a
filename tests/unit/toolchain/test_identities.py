"""What is remembered of executables."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from candidates import MakeProgram, says

from wasmbuild import files
from wasmbuild.toolchain import executable, identities
from wasmbuild.toolchain.find import FoundCompiler, find
from wasmbuild.usercache import Documents

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts"),
    pytest.mark.usefixtures("machine"),
]


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
        # A signature is trusted when it is older than the clock's step.
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
        sha256 = identities.digest(path)
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

    def test_one_that_was_written_just_now_is_not_remembered(
        self, machine: Path, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = program(machine / "first" / "wasmtime", says("48.0.8"))
        monkeypatch.setattr(identities.files, "FINE_STEP_NS", 2**62)
        find("cli", 48, machine)
        assert not (machine / "cache").exists()
        assert identities.recall(path) is None

    def test_one_that_was_read_just_when_it_was_written_is_not_remembered(
        self, machine: Path, program: MakeProgram
    ) -> None:
        """To read it takes longer than the step of a clock, and a change meanwhile would not show."""
        path = program(machine / "wasmtime", says("48.0.8"))
        changed = path.stat().st_ctime_ns
        fact = identities.KnownIdentity("48.0.8", "0" * 64)
        identities.remember(path, files.signature(path.stat()), fact, changed)
        assert identities.recall(path) is None
        identities.remember(path, files.signature(path.stat()), fact, changed + files.COARSE_STEP_NS)
        assert identities.recall(path) == fact

    @pytest.mark.parametrize("seconds", [10**9, 2**33], ids=["whole seconds", "in the future"])
    def test_a_time_that_was_set_keeps_nobody_from_remembering(
        self, machine: Path, program: MakeProgram, seconds: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = program(machine / "wasmtime", says("48.0.8"))
        os.utime(path, (seconds, seconds))
        time.sleep(0.03)
        sha256 = identities.digest(path)
        monkeypatch.setattr(executable.files, "hash_file", lambda path: pytest.fail(f"{path} was read again"))
        assert identities.digest(path) == sha256

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
            lambda file: file.write_bytes(file.read_bytes().replace(b"48.0.8", b"48.0.9")),
            lambda file: (file.rename(f"{file}.moved"), file.symlink_to(f"{file}.moved")),
        ],
        ids=["folder of others", "file of others", "junk", "depth", "bit", "link"],
    )
    def test_what_is_not_as_it_was_written_is_not_believed(
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
        documents = Documents("identities", 256)
        documents.remember(known.name, {**documents.recall(known.name), **change})
        assert self.runs(machine) == 2
        assert documents.recall(known.name)["version"] == "48.0.8"

    def test_without_a_cache_it_is_asked_once_a_process(
        self, machine: Path, known: Path, forget: Callable[[], None]
    ) -> None:
        shutil.rmtree(machine / "cache")
        (machine / "cache").touch()
        assert self.runs(machine) == 2
        assert self.runs(machine) == 2
        forget()
        assert self.runs(machine) == 3
