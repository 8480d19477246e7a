"""Links that a project brings along, as a clone does, lead no build out of its build directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import HEAD, MODULES, SUB, TARGETS, Project

from wasmbuild import api, locks

WORDS = "leads out of the directory through a link: nothing there would be loaded; remove the link, or"


@pytest.fixture(params=["flag", "look"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opens no link: this system's own flag, or a look before, as on Windows."""
    if request.param == "look":
        monkeypatch.setattr(locks, "_NOFOLLOW", 0)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("arguments", [["build"], ["build", "--check-reproducible"], ["manifest"]])
def test_what_a_link_at_the_lock_leads_to_stays_as_it_is(project: Project, arguments: list[str]) -> None:
    kept = project.write("keep.txt", "kept\n" * 1000)
    link = project.build / ".wasmbuild" / "lock"
    link.parent.mkdir(parents=True)
    for leads_to in ("keep.txt", "made.txt"):
        link.symlink_to(os.path.join("..", "..", leads_to))
        error = project.run(*arguments, status=3).stderr
        said = "cannot lock the build directory: is no regular file; move it away, or name another"
        assert error.startswith(f"error: build/.wasmbuild/lock: {said}")
        link.rename(project.root / "away")
    assert kept.read_text() == "kept\n" * 1000
    assert not (project.root / "made.txt").exists()
    project.run("build")


@pytest.mark.parametrize("fix", ["remove", "name another", "name another in Python"])
def test_what_a_build_remembers_goes_nowhere_else_through_a_link(project: Project, fix: str) -> None:
    state = project.build / ".wasmbuild"
    elsewhere = project.write("elsewhere/noop.json", "{}").parent
    project.build.mkdir()
    state.symlink_to(elsewhere)
    error = project.run("build", status=3).stderr
    assert (
        "error: build/.wasmbuild: is a link, and what a build remembers would be written where it leads; remove it, or "
        in error
    )
    assert "or name another state directory (--state-dir, or state_dir in Python)\n" in error
    if fix == "remove":
        state.unlink()
        project.run("build")
    elif fix == "name another in Python":
        api.build(project.root / "wasmbuild.toml", state_dir=project.root / "remembered")
        assert (project.root / "remembered" / "lock").exists()
    else:
        project.run("build", "--state-dir", "remembered")
        assert (project.root / "remembered" / "lock").exists()
    assert [path.name for path in elsewhere.iterdir()] == ["noop.json"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", [".wasmbuild", ".wasmbuild/lock"])
def test_a_link_is_refused_only_where_something_would_be_written(project: Project, name: str) -> None:
    project.run("build")
    link = project.build / name
    link.rename(project.root / "elsewhere")
    link.symlink_to(project.root / "elsewhere")
    # With the note of the last whole build, and without.
    for _ in range(2):
        before = written(project.root)
        assert "up to date" in project.run("build").stderr
        project.run("manifest")
        assert len(api.build(project.root / "wasmbuild.toml").artifacts) == 4
        assert "4 with the same bytes" in project.run("build", "--check-reproducible").stderr
        assert written(project.root) == before
        (project.build / ".wasmbuild" / "noop.json").unlink(missing_ok=True)
    project.write("add.wat", SUB)
    before = written(project.root)
    assert f"error: build/{name}: " in project.run("build", status=3).stderr
    assert written(project.root) == before


def written(root: Path) -> dict[str, tuple[bytes, int]]:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_build_and_state_directory_may_be_links(project: Project, tmp_path: Path) -> None:
    for name in ("build", "state"):
        (tmp_path / name).mkdir()
        (project.root / name).symlink_to(tmp_path / name)
    project.run("build")
    project.run("build", "--state-dir", "state")
    assert {path.name for path in (tmp_path / "state").iterdir()} >= {"lock", "noop.json"}
    project.run("verify", "build", "--level", "intact")


@pytest.mark.parametrize("command", ["build", "manifest"])
def test_a_manifest_of_others_stays_where_the_directory_of_a_target_leads_to_it(project: Project, command: str) -> None:
    app = project.write("site/manifest.json", '{"name": "my web app"}')
    project.build.mkdir()
    (project.build / "x64").symlink_to(app.parent)
    assert WORDS in project.run(command, status=3).stderr
    assert app.read_text() == '{"name": "my web app"}'
    assert [path.name for path in app.parent.iterdir()] == ["manifest.json"]
    (project.build / "x64").unlink()
    project.run("build")


def test_what_another_build_of_the_same_name_made_stays_where_a_directory_leads_to_it(tmp_path: Path) -> None:
    other, project = (Project(tmp_path / name) for name in ("other", "project"))
    other.run("build")
    made = other.files()
    project.declare(HEAD + TARGETS.replace("arm", "pi") + MODULES)
    project.build.mkdir()
    (project.build / "arm").symlink_to(other.build / "arm")
    project.run("build")
    assert other.files() == made


def test_no_index_names_what_was_moved_out_of_the_directory(project: Project) -> None:
    project.run("build")
    (project.build / "x64").rename(project.root / "elsewhere")
    (project.build / "x64").symlink_to(project.root / "elsewhere")
    before = {path: path.read_bytes() for path in (project.root / "elsewhere").iterdir()}
    assert WORDS in project.run("build", status=3).stderr
    assert {path: path.read_bytes() for path in (project.root / "elsewhere").iterdir()} == before
    assert "x64" not in (project.build / "index.json").read_text()
    assert "arm" in (project.build / "index.json").read_text()


def test_no_manifest_of_a_target_without_artifacts_is_written_elsewhere(project: Project) -> None:
    project.declare(HEAD + TARGETS + '[modules.add]\nsource = "add.wat"\ntargets = ["arm"]\n')
    app = project.write("site/manifest.json", '{"name": "my web app"}')
    project.build.mkdir()
    (project.build / "x64").symlink_to(app.parent)
    # What is of other targets is made all the same.
    for summary in ("1 artifact: 1 compiled in ", ""):
        error = project.run("build", status=3).stderr
        assert WORDS in error
        assert summary in error
        assert "arm" in (project.build / "index.json").read_text()
        assert "x64" not in (project.build / "index.json").read_text()
    project.run("verify", "build", "--level", "intact")
    # By the index Make knows this step to have passed.
    assert WORDS in project.run("manifest", status=3).stderr
    assert not (project.build / "index.json").exists()
    assert app.read_text() == '{"name": "my web app"}'
    (project.build / "x64").unlink()
    project.run("build")
