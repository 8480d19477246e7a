"""What the host or an input does at any place ends as a message with an exit code, never as a traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from pathlib import Path

import pytest

from wasmbuild import boundary, cli, streams
from wasmbuild.errors import DEFECT, DISK, WRONG_REQUEST, DiskError, HostError, UsageError, WasmbuildError


def said(error: BaseException) -> WasmbuildError:
    with pytest.raises(WasmbuildError) as caught, boundary.as_wasmbuild_error():
        raise error
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_a_file_names_it_and_is_none_of_a_compile(number: int) -> None:
    if number in (errno.EPIPE, getattr(errno, "ESHUTDOWN", errno.EPIPE)):
        return
    error = said(OSError(number, os.strerror(number), "some/file"))
    assert str(error).startswith(f"some/file: cannot be used: {os.strerror(number)}; ")
    assert error.exit_code in (WRONG_REQUEST, DISK)


def test_a_real_name_that_is_too_long(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=f"{os.strerror(errno.ENAMETOOLONG)}; use a shorter name$"),
        boundary.as_wasmbuild_error(),
    ):
        (tmp_path / ("x" * 300)).read_bytes()


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with (
        pytest.raises(UsageError, match=r"^the working directory is not there any more; change to"),
        boundary.as_wasmbuild_error(),
    ):
        Path("x").absolute()


def test_no_directory_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    with (
        pytest.raises(HostError, match=r"'/nowhere'\]; set TMPDIR to a directory that you may"),
        boundary.as_wasmbuild_error(),
    ):
        tempfile.mkdtemp()


def test_text_memory_and_depth() -> None:
    with (
        pytest.raises(UsageError, match=r"^b\\udcff: has characters that are not of its encoding"),
        boundary.as_wasmbuild_error(),
    ):
        os.fsdecode(b"b\xff").encode()
    with pytest.raises(UsageError, match=r"^caf\\udce9: has characters"), boundary.as_wasmbuild_error():
        b"caf\xe9".decode()
    assert said(MemoryError()).exit_code == DISK
    assert said(RecursionError()).exit_code == WRONG_REQUEST


@pytest.mark.parametrize(
    "words",
    [
        "/lib/array.so: failed to map segment from shared object",
        "/lib/array.so: failed to map segment from shared object: Operation not permitted",
        "/lib/array.so: cannot map zero-fill pages",
        "libz.so: cannot create shared object descriptor: Cannot allocate memory",
    ],
)
def test_an_extension_module_that_gets_no_memory_is_no_defect(words: str) -> None:
    error = said(ImportError(words))
    assert error.exit_code == DISK
    assert str(error).startswith(f"{words}: memory ran out, or it lies where nothing may be executed (noexec); raise ")


def test_a_python_without_a_module_of_its_own_is_no_defect() -> None:
    error = said(ModuleNotFoundError("No module named '_ssl'", name="_ssl"))
    assert error.exit_code == DISK
    assert str(error) == "this Python was built without its module _ssl; use one that has it"


def test_what_else_is_raised_is_let_through() -> None:
    for error in (
        BrokenPipeError(),
        DiskError("its own words"),
        KeyboardInterrupt(),
        ValueError(),
        ImportError("no x"),
        ImportError("cannot import name 'x' from 'zlib'", name="zlib"),
        ModuleNotFoundError("No module named 'fcntl'", name="fcntl"),
    ):
        with pytest.raises(type(error)) as caught, boundary.as_wasmbuild_error():
            raise error
        assert caught.value is error


def test_a_defect_has_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: list[str]) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("wasmbuild.command_line.dispatch.run", broken)
    assert cli.main(["plan"]) == DEFECT
    assert "error: this is a defect of wasmbuild 0." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "a… ━ é \\udcff"),
        ("latin-1", "a... = é \\udcff"),
        ("ascii", "a... = \\xe9 \\udcff"),
        ("cp1252", "a... = é \\udcff"),
    ],
)
def test_a_terminal_shows_what_its_encoding_has(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    with streams.checked():
        sys.stdout.write("a… ━ é \udcff")
    if encoding == "utf-8":
        shown = shown.replace("…", "...").replace("━", "=")
    assert written.getvalue().decode(encoding) == shown
