"""What an audit could not look at is told apart from what is wrong: by its exit code, and in its report."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from audited import HUGE_BR_TABLE, artifact, manifest, ship

from wasmbuild.audit.report import JSON_SCHEMA
from wasmbuild.cli import main
from wasmbuild.confined import ConfinedDirectory
from wasmbuild.shipment.errors import LINKS_FOLLOWED, NO_TARGETS

PLAIN = manifest([artifact("plain", {})])
LONG = "n" * 300


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*paths: str, status: int) -> dict[str, Any]:
        assert main(["audit", "--json", *paths]) == status
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        jsonschema.Draft202012Validator(JSON_SCHEMA).validate(found)
        return found

    return run


def test_a_name_that_is_too_long(report: Any) -> None:
    ship(Path("out"), {"x64": PLAIN})
    found = report(LONG, "out", status=3)
    assert found["ok"] is False
    [error] = found["errors"]
    assert error["by_host"] is True
    assert error["message"] == f"cannot be read: {os.strerror(errno.ENAMETOOLONG)}; use a shorter name"
    assert [entry["id"] for entry in found["artifacts"]] == ["plain@x64"]


def test_what_fails_is_told_before_what_was_not_looked_at(report: Any) -> None:
    ship(Path("out"), {"arm": manifest([artifact("jump", HUGE_BR_TABLE)], target="arm")})
    report(LONG, "out", status=1)
    report(LONG, "nothing", status=1)


def test_what_this_process_may_not_read(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: ConfinedDirectory, path: str, limit: int) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    ship(Path("out"), {"x64": PLAIN})
    monkeypatch.setattr(ConfinedDirectory, "read", refuse)
    [error] = report("out", status=3)["errors"]
    assert error["by_host"] is True
    assert error["message"].startswith("cannot be read: Permission denied; ")
    assert "build first" not in error["message"]


@pytest.mark.parametrize("linked", ["index.json", "x64", "x64/manifest.json"])
def test_what_links_lead_to_is_copied_to_be_audited(report: Any, linked: str) -> None:
    """As a build directory of links, which some build systems make of what a step depends on."""
    built = Path("built").absolute()
    ship(built, {"x64": PLAIN})
    shutil.copytree(built, "farm")
    link = Path("farm", linked)
    shutil.rmtree(link) if link.is_dir() else link.unlink()
    link.symlink_to(built / linked)
    [error] = report("farm", status=1)["errors"]
    assert error["message"] == f"cannot be read: leads out of the directory through a link; {LINKS_FOLLOWED}"
    shutil.copytree("farm", "copied", symlinks=False)
    assert [entry["id"] for entry in report("copied", status=0)["artifacts"]] == ["plain@x64"]


@pytest.mark.skipif(os.name == "nt" or shutil.which("setpriv") is None, reason="root reads all here")
@pytest.mark.parametrize("closed", ["out", "out/x64"])
def test_a_directory_that_may_not_be_entered(tmp_path: Path, closed: str) -> None:
    """As a user who is not root; a target's directory is not passed over in silence."""
    ship(tmp_path / "out", {"x64": PLAIN})
    (tmp_path / "out" / "index.json").unlink()
    (tmp_path / closed).chmod(0)
    command = [sys.executable, "-m", "wasmbuild", "audit", "--json", "out"]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    (tmp_path / closed).chmod(0o755)
    assert done.returncode == 3, done.stdout + done.stderr
    [error] = json.loads(done.stdout)["errors"]
    assert error["by_host"] is True
    assert error["message"].startswith("cannot be read: Permission denied")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFO")
def test_what_is_no_file_fails(report: Any) -> None:
    os.mkfifo("pipe.json")
    [error] = report("pipe.json", status=1)["errors"]
    assert error["by_host"] is False
    assert error["message"].startswith("cannot be read: is a FIFO, not a regular file; ")


def test_an_index_without_targets_is_no_answer(report: Any) -> None:
    """As a build leaves it in which no target came to an end: artifacts of the build before may lie there."""
    Path("index.json").write_text(json.dumps({"schema": "wasmbuild/index/1", "project": "demo", "targets": []}))
    [error] = report(".", status=1)["errors"]
    assert error["message"] == f"names no targets, so there is nothing to judge: {NO_TARGETS}"


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_release_that_is_published_meanwhile(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is judged is one release, whole, though the link leads to the next one when its index has been read."""
    for number in (1, 2):
        ship(Path(f"release{number}"), {"x64": manifest([artifact(f"m{number}", {})])})
    os.symlink("release1", "current")
    read = ConfinedDirectory.read

    def read_then_publish(self: ConfinedDirectory, path: str, limit: int) -> bytes:
        data = read(self, path, limit)
        if path == "index.json":
            os.symlink("release2", "next")
            os.replace("next", "current")
        return data

    monkeypatch.setattr(ConfinedDirectory, "read", read_then_publish)
    assert [entry["id"] for entry in report("current", status=0)["artifacts"]] == ["m1@x64"]
    assert os.readlink("current") == "release2"
