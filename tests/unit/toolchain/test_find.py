"""Choosing among executables that only say that they are Wasmtime."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from candidates import MakeProgram, message, says

from wasmbuild import files
from wasmbuild.errors import ChildError
from wasmbuild.toolchain import executable, identities, search_path
from wasmbuild.toolchain.find import FoundCompiler, find, remedies, why_passed_over

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts"),
    pytest.mark.usefixtures("machine"),
]


def untold(path: Path, problem: str, fix: str) -> str:
    """Return what is said of an executable that this host kept from answering."""
    return (
        f"{path}: {problem} when asked for its --version, so that nobody can tell whether it is the one to use; {fix}; "
        f"if that never helps, remove it, or name another in WASMBUILD_WASMTIME or as [toolchain] compiler"
    )


NAME = "_libwasmtime.dylib" if sys.platform == "darwin" else "_libwasmtime.so"


class TestNamed:
    """An executable that the declaration names, by a script: what names one answers for it."""

    @pytest.mark.parametrize("relative", [True, False])
    def test_it_wins(self, machine: Path, script: MakeProgram, relative: bool) -> None:
        path = script(machine / "tools" / "w", says("48.0.8 (abc 2026-01-01)"))
        found = find("tools/w" if relative else str(path), 48, machine)
        assert found == FoundCompiler("cli", str(path), "48.0.8", identities.digest(path))

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
                'is Wasmtime 49.0.1, not 48; name another executable there, or write wasmtime = "49" in place of '
                "line 48, under [toolchain] or in a target",
            ),
            (
                says("36.0.9"),
                'is Wasmtime 36.0.9, not 48; name another executable there, or write wasmtime = "36.0.9" in ',
            ),
            (
                says("48.0.7"),
                "is Wasmtime 48.0.7, older than 48.0.8; name another executable there, or write "
                'wasmtime = "48" in place of 48.0.8, under [toolchain] or in a target',
            ),
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

    def test_a_line_that_cannot_be_declared_is_not_to_be(self, machine: Path, script: MakeProgram) -> None:
        path = script(machine / "w", says("14.0.1"))
        told = f"[toolchain] compiler: {path} is Wasmtime 14.0.1, not 48; name another executable there"
        assert message("w", 48, machine) == told

    def test_one_that_hangs(self, machine: Path, script: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executable, "_VERSION_SECONDS", 0.2)
        path = script(machine / "w", "sleep 60")
        assert message("w", 48, machine, status=3) == untold(
            path, "did not end within 0.2 s", "try again when this machine has less to do"
        )

    def test_what_is_no_executable(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (machine / "folder").mkdir()
        (machine / "text").write_text("root:x:0:0\n")
        (machine / "a file").write_text("#!/bin/sh\n")
        (machine / "a file").chmod(0o644)
        (machine / "foreign").write_text("#!/not/there\n")
        (machine / "foreign").chmod(0o755)
        (machine / "empty").touch(mode=0o755)
        os.mkfifo(machine / "fifo")
        fix = "; name an executable of Wasmtime 48 there, or leave it out to have one found"
        named = f"[toolchain] compiler: {machine}"
        assert message("none", 48, machine) == f"{named}/none cannot be used: No such file or directory{fix}"
        assert message("folder", 48, machine) == f"{named}/folder is a directory{fix}"
        assert message("fifo", 48, machine) == f"{named}/fifo is not a regular file{fix}"
        assert message("empty", 48, machine) == (
            f"{named}/empty cannot be run: Exec format error, as it is no program, or one for another machine{fix}"
        )
        assert message("foreign", 48, machine) == (
            f"{named}/foreign cannot be run: the interpreter or loader that it names is not here; it may be for "
            f"another C library (musl, glibc){fix}"
        )
        assert message("text", 48, machine) == f"{named}/text is no program{fix}"
        assert message("a file", 48, machine) == (
            f"{named}/a file has no permission to run; run: chmod +x '{machine}/a file'{fix}"
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
        paths = [machine / folder / "wasmtime" for folder in ("a", "b", "c", "d", "e")]
        monkeypatch.setenv("PATH", os.pathsep.join([*(str(path.parent) for path in paths), "/bin"]))
        script(paths[0], says("48.0.9"))
        program(paths[1], "exit 3")
        program(paths[2], "kill -SEGV $$")
        program(paths[3], says("49.0.0"))
        assert message("cli", 48, machine) == "\n".join(
            [
                "no wasmtime executable of Wasmtime 48 was found",
                f"    passed over: {paths[0]} (PATH) is a script, whose bytes say nothing of what compiles; "
                "name the executable it starts",
                f"    passed over: {paths[1]} (PATH) ended with status 3 when asked for its --version",
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
                "    passed over: the wasmtime Python package is not installed here, or not for this machine",
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
        assert message("embedded", 48, machine) == (
            "the wasmtime Python package is not installed here, or not for this machine; run: pip install wasmtime"
        )

    def test_the_lowest_version(self, machine: Path, program: MakeProgram) -> None:
        program(machine / "first" / "wasmtime", says("48.0.7"))
        assert find("cli", 48, machine, at_least="48.0.7").version == "48.0.7"
        assert "(PATH) is Wasmtime 48.0.7, older than 48.0.8\n" in message("cli", 48, machine, at_least="48.0.8")


class TestUntold:
    """The best executable, as far as anybody knows, which this host keeps from being looked at."""

    @pytest.fixture
    def best(self, machine: Path, program: MakeProgram) -> Path:
        program(machine / "second" / "wasmtime", says("48.0.1"))
        return program(machine / "first" / "wasmtime", says("48.0.9"))

    @pytest.fixture
    def refusing(self, best: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
        """Return a function that has the system refuse once to have the best one read."""
        hash_file = files.hash_file

        def refuse(code: int) -> None:
            def once(path: Path) -> tuple[str, files.Signature]:
                if path != best:
                    return hash_file(path)
                monkeypatch.setattr(files, "hash_file", hash_file)
                raise OSError(code, os.strerror(code), str(path))

            monkeypatch.setattr(files, "hash_file", once)

        return refuse

    @pytest.mark.parametrize(
        ("name", "fix"),
        [
            ("EMFILE", "this process may not open more files; raise the limit (ulimit -n)"),
            ("ENFILE", "this system has no more open files; close some programs"),
            ("ENOMEM", "there is too little memory; close some programs, or raise the limit (ulimit -v)"),
            ("EIO", "the disk failed; check it"),
            ("ESTALE", "it is another one by now; try again, or mount anew what it is on"),
        ],
    )
    def test_no_lesser_one_is_taken_for_what_passes(
        self, machine: Path, best: Path, refusing: Callable[[int], None], name: str, fix: str
    ) -> None:
        code = getattr(errno, name)
        for choice in ("auto", "cli"):
            refusing(code)
            assert message(choice, 48, machine, status=3) == (
                f"{best}: cannot be read: {os.strerror(code)}, so that nobody can tell whether it is the one to use; "
                f"{fix}"
            )
        assert find("auto", 48, machine).path == str(best)

    def test_one_that_may_not_be_read_is_passed_over(
        self, machine: Path, best: Path, refusing: Callable[[int], None]
    ) -> None:
        refusing(errno.EACCES)
        assert find("auto", 48, machine).version == "48.0.1"

    def test_one_that_was_killed_is_asked_again_the_next_time(
        self, machine: Path, best: Path, program: MakeProgram
    ) -> None:
        """As the system does when memory runs out."""
        once = machine / "once"
        program(best, f"[ -e {once} ] || {{ touch {once}; kill -KILL $$; }}\n{says('48.0.9')}")
        said = message("auto", 48, machine, status=3)
        assert said.startswith(
            f"{best}: was killed by SIGKILL, by someone or by the system because it ran out of memory"
        )
        assert "; give it more memory; if that never helps, remove it" in said
        assert find("auto", 48, machine).path == str(best)

    def test_one_that_is_cut_off_is_passed_over(
        self, machine: Path, best: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As the system says of a program that ends before it names its loader."""
        ask = executable._version

        def start(path: Path) -> Any:
            if path != best:
                return ask(path)
            error = OSError(errno.EIO, os.strerror(errno.EIO))
            raise ChildError(f"cannot run {path}: {error.strerror}") from error

        monkeypatch.setattr(executable, "_version", start)
        assert find("auto", 48, machine).version == "48.0.1"
        assert why_passed_over(48)[0].endswith(f" cannot be run: {os.strerror(errno.EIO)}")

    def test_it_can_be_done_without(
        self, machine: Path, best: Path, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program(best, "kill -KILL $$")
        other = str(machine / "second" / "wasmtime")
        # What is locked is taken whatever else there is.
        assert find("auto", 48, machine, preferred=identities.digest(Path(other))).path == other
        assert find(other, 48, machine).path == other
        monkeypatch.setenv(search_path.VARIABLE, other)
        assert find("auto", 48, machine).path == other
        monkeypatch.delenv(search_path.VARIABLE)
        assert why_passed_over(48) == [f"    passed over: {message('cli', 48, machine, status=3)}"]
        best.unlink()
        assert find("auto", 48, machine).path == other


def test_why_executables_of_other_lines_are_passed_over(machine: Path, program: MakeProgram) -> None:
    other = program(machine / "first" / "wasmtime", says("49.0.3"))
    older = program(machine / "second" / "wasmtime", says("48.0.2"))
    assert why_passed_over(48) == [f"    passed over: {other} (PATH) is Wasmtime 49.0.3, not 48"]
    assert why_passed_over(48, "48.0.8")[1] == f"    passed over: {older} (PATH) is Wasmtime 48.0.2, older than 48.0.8"


class TestLibrary:
    """The library of a package that says its version as Python has them."""

    @pytest.fixture
    def install(self, machine: Path) -> Callable[[str], None]:
        def install(version: str) -> None:
            library = machine / "site" / "wasmtime" / f"{sys.platform}-{os.uname().machine}" / NAME
            library.parent.mkdir(parents=True)
            library.touch()
            (machine / "site" / "wasmtime" / "__init__.py").touch()
            (machine / "site" / f"wasmtime-{version}.dist-info").mkdir()

        return install

    def test_a_pre_release_is_below_its_release(self, machine: Path, install: Callable[[str], None]) -> None:
        install("48.0.1.dev3")
        assert find("auto", 48, machine).version == "48.0.1-dev3"
        assert find("embedded", 48, machine, at_least="48.0.0").version == "48.0.1-dev3"
        assert message("embedded", 48, machine, at_least="48.0.1") == (
            "the wasmtime Python package is Wasmtime 48.0.1-dev3, older than 48.0.1; compile with an executable: "
            'wasmbuild toolchain install 48.0.1, and compiler = "auto"'
        )

    def test_a_release_that_no_package_may_have_is_asked_of_none(
        self, machine: Path, install: Callable[[str], None]
    ) -> None:
        install("48.0.0")
        for choice in ("auto", "embedded"):
            told = message(choice, 48, machine, at_least="48.0.9")
            assert "wasmbuild toolchain install 48.0.9" in told
            assert "48.0.9 --library" not in told
            assert "pip install" not in told
        assert 'pip install "wasmtime>=49,<50"' in message("embedded", 49, machine)

    def test_of_one_that_is_passed_over_nothing_is_told_that_helps_for_this_machine_alone(
        self, machine: Path, install: Callable[[str], None]
    ) -> None:
        install("48.0.0")
        passed_over = "    passed over: the wasmtime Python package is Wasmtime 48.0.0, not 49\n"
        assert f"{passed_over}{remedies(49)}" in message("auto", 49, machine)

    def test_a_version_that_is_none(self, machine: Path, install: Callable[[str], None]) -> None:
        install("48.0")
        said = f"the version of the wasmtime Python package in {machine / 'site' / 'wasmtime'} cannot be told"
        assert message("embedded", 48, machine).startswith(said)
        assert f"    passed over: {said}" in message("auto", 48, machine)
