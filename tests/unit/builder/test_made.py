"""What was made a moment ago is right at the end of its build, unless something became of it meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def made(project: Any) -> Any:
    """A session that made two artifacts of one module, and has not looked at them again."""
    project.write("a")
    session = project.session()
    session.begin()
    for artifact in session.artifacts.values():
        session.compile(artifact, parallel=False)
    return session


def test_it_is_not_judged_once_more(made: Any, project: Any, judged: list[str]) -> None:
    assert made.finish() == judged == []
    made.close()
    assert project.build() == []


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.parametrize("how", ["edited", "written", "replaced", "a link", "gone"])
def test_whatever_became_of_it_meanwhile_is_seen(
    made: Any, project: Any, tmp_path: Path, suffix: str, how: str
) -> None:
    path = Path(f"{made.path(made.artifacts['a@pi'])}{suffix}")
    data, before = path.read_bytes(), path.stat()
    if how not in ("edited", "written"):
        path.unlink()
    if how == "edited":
        path.write_bytes(bytes(len(data)))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif how == "a link":
        (tmp_path / "elsewhere").write_bytes(data)
        path.symlink_to(tmp_path / "elsewhere")
    elif how != "gone":
        path.write_bytes(bytes(len(data)))
    assert made.finish() == ["a@pi"]
    made.close()
    assert project.build() == ["a@pi"]


def test_a_source_that_was_edited_meanwhile_is_not_what_it_was_made_from(made: Any, project: Any) -> None:
    project.write("a", text="other")
    assert made.finish() == ["a@pi", "a@x64"]
    made.close()
