"""What this host lacks, or where its disk fails, is told as that, with what to do about it, wherever it is met."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest
from building import DECLARATION, load
from engines import engine
from launcher import program

from wasmbuild import boundary
from wasmbuild.builder import lock
from wasmbuild.embed.artifact import artifact_of
from wasmbuild.errors import DISK, ChildError, CompileError, DeclarationError, DiskError, HostError
from wasmbuild.installing import examine
from wasmbuild.plan.graph import plan
from wasmbuild.project import declaration_file
from wasmbuild.toolchain import child, executable
from wasmbuild.toolchain.find import CLI, FoundCompiler
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.toolchain import Toolchain
from wasmbuild.verify import host_errors

lacking = pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOMEM, errno.EIO], ids=errno.errorcode.get)


def refused(code: int, cause: type[Exception] | None = None) -> Any:
    def refuse(*_: object, **__: object) -> None:
        error = OSError(code, os.strerror(code))
        raise error if cause is None else cause("cannot run it") from error

    return refuse


@lacking
def test_where_a_build_directory_is_locked(code: int) -> None:
    error = OSError(code, os.strerror(code))
    said = lock._cannot_open(Path("build/lock"), error)
    assert said.endswith(f": cannot lock the build directory: {os.strerror(code)}; {boundary.host_fix(code)}")


@lacking
@pytest.mark.parametrize("where", [(declaration_file.files, "open_regular"), (os, "scandir")], ids=["file", "folder"])
def test_where_a_declaration_or_a_folder_of_a_glob_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: tuple[Any, str], code: int
) -> None:
    (tmp_path / "src").mkdir()
    file = tmp_path / "wasmbuild.toml"
    file.write_text(DECLARATION)
    monkeypatch.setattr(*where, refused(code))
    with pytest.raises(DeclarationError) as caught:
        plan(load(file))
    monkeypatch.undo()
    assert caught.value.exit_code == DISK
    assert str(caught.value).endswith(f": {os.strerror(code)}; {boundary.host_fix(code)}")


@lacking
def test_where_what_was_got_is_to_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(child, "run", refused(code, ChildError))
    with pytest.raises(HostError) as caught:
        examine._cannot_compile(tmp_path / "wasmtime")
    assert str(caught.value) == f"cannot run it; {boundary.host_fix(code)}"


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("kill -KILL $$", "it was killed by SIGKILL, by someone or by the system because it ran out of memory"),
        ("echo 'memory allocation of 64 bytes failed' >&2; exit 1", "it ran out of memory (memory allocation of 64"),
    ],
)
def test_what_was_got_and_is_given_too_little_is_no_wrong_one(tmp_path: Path, does: str, told: str) -> None:
    made = program(tmp_path / "wasmtime", f'[ "$1" != --version ] || exec echo wasmtime 48.0.8\n{does}')
    with pytest.raises(HostError) as caught:
        examine.for_this_machine(made, "it", None, "name another executable")
    assert str(caught.value).startswith(f"{made} does not compile an empty module: {told}")
    assert not re.search("another|-j 1", str(caught.value))


def toolchain() -> Toolchain:
    return Toolchain({48: FoundCompiler(CLI, "/opt/wasmtime", "48.0.8", "0" * 64)}, ProcessLimits())


@lacking
def test_where_a_compiler_is_started(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(child, "run", refused(code, ChildError))
    with pytest.raises(HostError) as caught:
        artifact_of(b"", toolchain(), "module", engine({}, "x86_64-unknown-linux-gnu"))
    assert str(caught.value) == f"cannot run it; {boundary.host_fix(code)}"


@lacking
def test_where_an_artifact_of_an_engine_is_read(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(Toolchain, "compile", lambda _, job: job.out.touch())
    monkeypatch.setattr(Path, "read_bytes", refused(code))
    told = f"{os.strerror(code)}; {re.escape(boundary.host_fix(code))}$"
    with pytest.raises(DiskError, match=told), boundary.as_wasmbuild_error():
        artifact_of(b"", toolchain(), "module", engine({}, "x86_64-unknown-linux-gnu"))


def test_a_compiler_that_leaves_no_artifact_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toolchain, "compile", lambda *_: None)
    with pytest.raises(CompileError, match=r"^/opt/wasmtime left no artifact$"):
        artifact_of(b"", toolchain(), "module", engine({}, "x86_64-unknown-linux-gnu"))


@pytest.mark.parametrize("code", boundary.LACKING, ids=errno.errorcode.get)
def test_where_an_artifact_is_loaded(code: int) -> None:
    said = host_errors.host_lacks(f"failed to get file metadata: {os.strerror(code)} (os error {code})")
    assert said.startswith(f"cannot be tried here: {os.strerror(code)}; ")


def test_where_the_disk_of_an_artifact_fails() -> None:
    said = "failed to get file metadata: Input/output error (os error 5)"
    assert host_errors.host_lacks(said) == f"cannot be tried here: {os.strerror(errno.EIO)}; the disk failed; check it"


def test_where_a_child_starts_no_thread() -> None:
    said = "the library of wasmtime 48.0.0 could not be started: it could start no thread"
    error = ChildError(f"{said}\n    Traceback (most recent call last):\n    RuntimeError: can't start new thread")
    assert host_errors.with_fix(error) == (
        f"{said} (RuntimeError: can't start new thread); "
        "raise the limit of processes (ulimit -u) or of address space (ulimit -v), or end some"
    )


@lacking
def test_where_a_compiler_is_asked_what_it_is_for_a_verification(code: int) -> None:
    """What to do is told once."""
    cause = OSError(code, os.strerror(code))
    error = executable._unexamined(Path("wasmtime"), "cannot be run", cause)
    error.__cause__ = cause
    assert host_errors.with_fix(error) == str(error)
    assert str(error).endswith(f"; {boundary.host_fix(code)}")
