"""Builds without a compiler: what is made, what is left alone, and what stands afterwards."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from wasmbuild import files
from wasmbuild.builder import build_directory, checker, manifests, noop
from wasmbuild.builder.lock import Lock
from wasmbuild.errors import DiskError
from wasmbuild.formats.record import Record
from wasmbuild.toolchain import search_path

ALL = ["a@pi", "a@x64", "b@pi", "b@x64"]


def shipped(root: Path) -> dict[str, bytes]:
    """Return all files of a build directory by their paths."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".wasmbuild" not in path.parts
    }


def outputs(project: Any) -> set[str]:
    steps = list(project.session().plan.steps())
    return {str(Path(path).relative_to("build")) for step in steps for path in step.outputs}


def test_the_outputs_of_all_steps_are_the_build_directory(built: Any) -> None:
    assert set(shipped(built.root)) == outputs(built)


def test_nothing_is_made_twice(built: Any) -> None:
    before = shipped(built.root)
    assert built.build() == []
    assert shipped(built.root) == before


def test_a_source_from_the_future_is_read_once(project: Any) -> None:
    project.write("a", "b")
    os.utime(project.directory / "src" / "a.wasm", (2**33, 2**33))
    project.build()
    assert (project.root / ".wasmbuild" / "noop.json").exists()


@pytest.mark.parametrize("name", ["pi/a.cwasm", "pi/a.cwasm.json", "pi/manifest.json", "index.json"])
def test_what_another_process_wrote_just_now_is_known_in_the_end(
    built: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of doit's does, and a build that was waited for: what is built next has nothing to do."""
    monkeypatch.setattr(files, "FINE_STEP_NS", 10**9)
    monkeypatch.setattr(build_directory.time, "sleep", lambda seconds: monkeypatch.undo() or time.sleep(0.05))
    os.utime(built.root / name)
    assert built.build() == []
    assert (built.root / ".wasmbuild" / "noop.json").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFO")
@pytest.mark.parametrize("name", ["state.tsv", "state.changes.tsv", "noop.json"])
def test_what_is_remembered_is_read_from_no_fifo(built: Any, name: str) -> None:
    path = built.root / ".wasmbuild" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    looking = threading.Thread(target=built.build, daemon=True)
    looking.start()
    looking.join(60)
    assert not looking.is_alive()


def test_an_edit_is_built_and_nothing_else(built: Any) -> None:
    built.write("a", text="other")
    built.toolchain.compiled.clear()
    assert built.build() == ["a@pi", "a@x64"]
    assert sorted(built.toolchain.compiled) == ["pi/a.cwasm", "x64/a.cwasm"]


def test_no_record_is_read_to_say_that_a_source_changed(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "read_record", lambda path: pytest.fail("it was read"))
    built.write("a", text="other")
    session = built.session()
    session.check()
    assert {status.artifact.id: status.reasons for status in session.outdated()} == {
        "a@pi": ("source changed",),
        "a@x64": ("source changed",),
    }


@pytest.mark.parametrize("gone", ["", "a", "b"])
@pytest.mark.parametrize("come", ["", "0", "aa", "c"])
def test_no_record_is_read_to_say_again_what_stays_of_a_manifest_when_modules_come_and_go(
    built: Any, make_project: Callable[[Iterable[str]], Any], monkeypatch: pytest.MonkeyPatch, gone: str, come: str
) -> None:
    monkeypatch.setattr(manifests, "read_record", lambda path: pytest.fail("it was read"))
    names = {"a", "b", come} - {"", gone}
    if gone:
        (built.directory / "src" / f"{gone}.wasm").unlink()
    built.write(*filter(None, [come]))
    assert built.build() == sorted(f"{name}@{target}" for name in filter(None, [come]) for target in ("pi", "x64"))
    anew = make_project(names)
    anew.build()
    for target in ("pi", "x64"):
        path = f"{target}/manifest.json"
        assert (built.root / path).read_bytes() == (anew.root / path).read_bytes()


@pytest.mark.parametrize("name", ["a.cwasm.json", "manifest.json"])
def test_a_manifest_is_not_believed_that_is_not_as_it_was_when_modules_come(built: Any, name: str) -> None:
    path = built.root / "pi" / name
    path.write_bytes(path.read_bytes().replace(b'"size": ', b'"size": 1'))
    built.write("c")
    built.build()
    assert b'"size": 1' not in (built.root / "pi" / "manifest.json").read_bytes()


def test_what_a_killed_build_made_is_remembered_by_one_that_looks_before_it_locks(built: Any) -> None:
    """As doit and SCons do."""
    declaration = (built.directory / "wasmbuild.toml").read_text()
    built.declare(f"{declaration}[engine]\nepoch-interruption = true\n")
    killed = built.session()
    killed.begin()
    killed.compile(killed.artifacts["a@x64"], parallel=False)
    killed.directory.unlock()
    session = built.session()
    session.check()
    session.begin()
    assert sorted(status.artifact.id for status in session.outdated()) == ["a@pi", "b@pi", "b@x64"]
    for status in session.outdated():
        session.compile(status.artifact, parallel=False)
    session.finish()
    session.close()
    assert (built.root / ".wasmbuild" / "noop.json").exists()


def test_a_build_killed_when_all_was_made_is_cleaned_up_after(built: Any) -> None:
    """Only a build that has removed its temporary directory lets the next one pass for having nothing to do."""
    built.write("a", text="other")
    killed = built.session()
    killed.begin()
    for status in killed.outdated():
        killed.compile(status.artifact, parallel=False)
    assert killed.finish() == []
    assert not (built.root / ".wasmbuild" / "noop.json").exists()
    killed.close()
    assert (built.root / ".wasmbuild" / "noop.json").exists()
    assert not list(built.root.glob(".wasmbuild-*"))


def test_a_temporary_directory_that_would_not_go_goes_with_the_next_build(
    built: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    built.write("a", text="other")
    with monkeypatch.context() as busy:
        busy.setattr(os, "rmdir", refuse)
        assert built.build() == ["a@pi", "a@x64"]
    assert len(list(built.root.glob(".wasmbuild-*"))) == 1
    declaration = (built.directory / "wasmbuild.toml").read_bytes()
    assert not noop.look(built.session().plan, declaration).whole
    assert built.build() == []
    assert not list(built.root.glob(".wasmbuild-*"))
    assert noop.look(built.session().plan, declaration).whole


def test_a_module_that_fails_keeps_its_artifact_and_takes_the_manifest(built: Any) -> None:
    before = shipped(built.root)
    built.write("a", text="other")
    built.toolchain.refused.add("pi/a.cwasm")
    built.build()
    after = shipped(built.root)
    assert after["pi/a.cwasm"] == before["pi/a.cwasm"]
    assert "pi/manifest.json" not in after
    assert [target["name"] for target in json.loads(after["index.json"])["targets"]] == ["x64"]
    built.toolchain.refused.clear()
    assert built.build() == ["a@pi"]
    assert set(shipped(built.root)) == outputs(built)


@pytest.mark.parametrize("seed", range(6))
def test_after_any_changes_it_is_what_a_new_build_makes(make_project: Any, tmp_path: Path, seed: int) -> None:
    names = [f"m{number}" for number in range(4)]
    project = make_project(names)
    fresh = make_project([])
    draw = random.Random(seed)  # noqa: S311
    for step in range(8):
        made = sorted(project.root.rglob("*.cwasm")) + sorted(project.root.rglob("*.json"))
        made = [path for path in made if ".wasmbuild" not in path.parts]
        action = draw.choice(["edit", "edit", "remove", "add", "damage", "delete", "state", "link", "nothing"])
        if action == "edit":
            project.write(draw.choice(names), text=f"{seed} {step}")
        elif action == "remove" and len(names) > 1:
            (project.directory / "src" / f"{names.pop()}.wasm").unlink()
        elif action == "add":
            names.append(f"n{step}")
            project.write(names[-1])
        elif action == "state":
            shutil.rmtree(project.root / ".wasmbuild", ignore_errors=True)
        elif made:
            path = draw.choice(made)
            if action == "damage":
                path.write_bytes(b"{}")
            elif action == "link":
                path.rename(path.with_name("elsewhere"))
                path.symlink_to(path.with_name("elsewhere"))
            elif action == "delete":
                path.unlink()
        project.build()
        (project.root / "pi" / "elsewhere").unlink(missing_ok=True)
        (project.root / "x64" / "elsewhere").unlink(missing_ok=True)
        (project.root / "elsewhere").unlink(missing_ok=True)
        shutil.rmtree(fresh.root, ignore_errors=True)
        shutil.rmtree(fresh.directory / "src")
        shutil.copytree(project.directory / "src", fresh.directory / "src")
        fresh.build()
        assert shipped(project.root) == shipped(fresh.root), (step, action)
        assert not [path for path in project.root.rglob("*") if path.is_symlink()]


def test_an_artifact_that_is_a_link_is_made_again(built: Any, tmp_path: Path) -> None:
    artifact = built.root / "pi" / "a.cwasm"
    artifact.rename(tmp_path / "elsewhere.cwasm")
    artifact.symlink_to(tmp_path / "elsewhere.cwasm")
    session = built.session()
    session.check()
    assert session.statuses["a@pi"].reasons == ("the artifact is a link, not a file",)
    assert built.build() == ["a@pi"]
    assert not artifact.is_symlink()


def test_a_directory_that_leads_out_is_told_and_nothing_in_it_is_right(built: Any, tmp_path: Path) -> None:
    (built.root / "pi").rename(tmp_path / "elsewhere")
    (built.root / "pi").symlink_to(tmp_path / "elsewhere")
    session = built.session()
    session.check()
    wrong = session.outdated()
    assert [status.artifact.id for status in wrong] == ["a@pi", "b@pi"]
    assert str(wrong[0].error) == (
        f"{built.root}/pi leads out of the directory through a link: nothing there would be loaded; remove the link, "
        f"or set build-dir to a directory on that disk"
    )
    (built.root / "pi").unlink()
    assert built.build() == ["a@pi", "b@pi"]


@pytest.fixture
def read_only(built: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def refuse(lock: Lock, *arguments: object) -> bool:
        error = OSError(errno.EROFS, os.strerror(errno.EROFS))
        raise DiskError("cannot lock the build directory: Read-only file system") from error

    monkeypatch.setattr(Lock, "acquire", refuse)
    return built


def test_where_nothing_can_be_written_nothing_has_to_be(read_only: Any) -> None:
    before = shipped(read_only.root)
    shutil.rmtree(read_only.root / ".wasmbuild")
    assert read_only.build() == []
    assert shipped(read_only.root) == before


def test_where_nothing_can_be_written_and_something_has_to_be_it_is_told(read_only: Any) -> None:
    read_only.write("a", text="other")
    with pytest.raises(DiskError, match="Read-only file system"):
        read_only.build()


def test_what_is_asked_for_by_name_cannot_be_made_where_nothing_can_be_written(read_only: Any) -> None:
    session = read_only.session()
    session.begin()
    outcome = session.compile(session.artifacts["a@pi"], parallel=False, force=True)
    assert "Read-only file system" in str(outcome.error)
    assert session.finish() == []
    session.close()


def test_one_look_again_does_not_hide_the_edit_from_the_other_targets(built: Any) -> None:
    session = built.session()
    session.begin()
    built.write("a", text="other")
    session.look_again(session.artifacts["a@pi"])
    assert session.finish() == ["a@x64"]
    session.close()
    assert built.build() == ["a@pi", "a@x64"]


def test_what_a_build_made_is_believed_until_it_changes(built: Any, judged: list[str]) -> None:
    built.write("b", text="other")
    built.build()
    assert sorted(set(judged)) == ["b@pi", "b@x64"]


def test_what_a_build_wrote_it_does_not_read_to_know(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    from_bytes, hash_file = Record.from_bytes, files.hash_file
    monkeypatch.setattr(Record, "from_bytes", lambda data, where: read.append(where) or from_bytes(data, where))
    monkeypatch.setattr(files, "hash_file", lambda path: read.append(str(path)) or hash_file(path))
    project.write("a", "b")
    assert project.build() == ALL
    assert [path for path in read if not path.endswith("manifest.json")] == []
    assert project.build() == []


def test_a_directory_that_nobody_had_meanwhile_is_not_looked_at_again(built: Any, judged: list[str]) -> None:
    built.write("b", text="other")
    session = built.session_that_made("b@pi")
    judged.clear()
    session.begin()
    assert judged == []
    session.compile(session.artifacts["b@x64"], parallel=False)
    assert session.finish() == []
    session.close()
    assert set(judged) == {"b@pi", "b@x64"}
    assert built.build() == []


def test_what_another_build_did_meanwhile_is_seen(built: Any) -> None:
    built.write("b", text="other")
    session = built.session_that_made("b@pi")
    assert built.build() == ["b@x64"]
    session.begin()
    assert session.outdated() == []
    assert session.finish() == []
    session.close()
    assert built.build() == []


def test_a_compiler_that_is_replaced_meanwhile_is_another_one_to_the_next_build(
    built: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    built.write("b", text="other")
    session = built.session()
    session.begin()
    monkeypatch.setattr(search_path, "fingerprint", lambda *args, **named: [["another"]])
    for status in session.outdated():
        session.compile(status.artifact, parallel=False)
    assert session.finish() == []
    session.close()
    declaration = (built.directory / "wasmbuild.toml").read_bytes()
    assert not noop.look(session.plan, declaration).whole
    monkeypatch.undo()
    assert noop.look(session.plan, declaration).whole


def test_what_was_seen_unchanged_is_not_looked_at_again(
    built: Any, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built.write("b", text="other")
    looked = noop.look(built.session().plan, (built.directory / "wasmbuild.toml").read_bytes())
    assert not looked.whole
    seen: list[str] = []
    lstat = os.lstat
    session = built.session(looked=looked)
    monkeypatch.setattr(os, "lstat", lambda path: seen.append(str(path)) or lstat(path))
    judged.clear()
    session.begin()
    assert not [path for path in seen if "a.cwasm" in path]
    assert set(judged) == {"b@pi", "b@x64"}
    session.close()
