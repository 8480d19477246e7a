"""What this host lacks, or where its disk fails, is told as that, with what to do about it, wherever it is met."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from building import load

from wasmbuild import boundary
from wasmbuild.builder import lock
from wasmbuild.errors import DISK, ChildError, DeclarationError, HostError
from wasmbuild.installing import examine
from wasmbuild.plan.graph import plan
from wasmbuild.project import declaration_file
from wasmbuild.toolchain import child
from wasmbuild.verify import host_errors

DECLARATION = """\
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules."*"]
source = "src/*.wat"
"""

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


def test_where_an_artifact_is_loaded() -> None:
    said = "failed to get file metadata: Input/output error (os error 5)"
    assert host_errors.host_lacks(said) == "cannot be tried here: Input/output error; the disk failed, so check it"
