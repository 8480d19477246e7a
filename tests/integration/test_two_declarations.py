"""Two declarations of one project in one build directory: what one of them built is not declared by the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import ADD, HEAD, TARGETS, Project

from wasmbuild.project import filenames


def files_of(directory: Path) -> dict[str, bytes]:
    shipped = (path for path in directory.rglob("*") if path.is_file() and ".wasmbuild" not in path.parts)
    return {str(path): path.read_bytes() for path in shipped}


def other(project: Project) -> Path:
    path = project.write("other/wasmbuild.toml", HEAD + TARGETS + '[modules.mul]\nsource = "mul.wat"\n')
    project.write("other/mul.wat", ADD)
    return path


def test_neither_removes_what_the_other_built(project: Project) -> None:
    project.run("build")
    before = files_of(project.build)
    argv = ("build", "--config", str(other(project)), "--build-dir", str(project.build))
    for _ in range(2):
        told = project.run(*argv, status=2).stderr
        assert 'project.build-dir: "build" holds what wasmbuild.toml declares, of the same project; ' in told
        assert files_of(project.build) == before
    assert project.compiled() == set()
    # What is told to be done, done.
    assert "delete build first" in told
    shutil.rmtree(project.build)
    project.run(*argv)
    assert (project.build / "x64/mul.cwasm").exists()


def test_a_copy_is_not_of_the_other(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As of a checkout with its build directory, or of one that a CI service restores."""
    project.run("build")
    copy = Project(shutil.copytree(project.root, tmp_path_factory.mktemp("elsewhere") / "copy"))
    copy.write("wasmbuild.toml", HEAD + TARGETS + '[modules.add]\nsource = "add.wat"\n')
    copy.run("build")
    assert not (copy.build / "x64/sub.cwasm").exists()
    # From now on it is this one's.
    argv = ("build", "--config", str(other(copy)), "--build-dir", str(copy.build))
    assert "holds what wasmbuild.toml declares" in copy.run(*argv, status=2).stderr


def test_a_note_that_is_damaged_says_nothing(project: Project) -> None:
    project.run("build")
    lock = project.build / filenames.BUILD_LOCK
    of_other = ("build", "--config", str(other(project)), "--build-dir", str(project.build))
    for argv in (of_other, ("build",)):
        whole = lock.read_bytes()
        for damaged in (whole[:25], whole[:20] + b"\0", whole.replace(b"wasmbuild.toml", b"\xff\0\xed\xa0\x80")):
            lock.write_bytes(damaged)
            project.run(*argv)


def test_one_that_was_moved_goes_on(project: Project) -> None:
    project.run("build")
    (project.root / "wasmbuild.toml").unlink()
    project.run("build", "--config", str(other(project)), "--build-dir", str(project.build))
    assert not (project.build / "x64/add.cwasm").exists()
    assert (project.build / "x64/mul.cwasm").exists()


def test_one_by_another_path_is_no_other(project: Project) -> None:
    project.run("build")
    link = project.root / "link"
    link.symlink_to(project.root, target_is_directory=True)
    project.declare(HEAD + TARGETS + '[modules.add]\nsource = "add.wat"\n')
    project.run("build", cwd=link)
    assert not (project.build / "x64/sub.cwasm").exists()
