"""Every directory of ``tests/projects/failing`` is one mistake, with the message that it gives in ``expected.txt``."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild.errors import DeclarationError
from wasmbuild.plan.graph import plan
from wasmbuild.project.config import load

PROJECTS = Path(__file__).parents[2] / "projects" / "failing"


@pytest.mark.parametrize("directory", sorted(PROJECTS.iterdir()), ids=lambda directory: directory.name)
def test_failing_project(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    with pytest.raises(DeclarationError) as raised:
        plan(load(Path("wasmbuild.toml"), default_line=48))
    assert f"{raised.value}\n" == Path("expected.txt").read_text(encoding="utf-8")
    assert raised.value.exit_code == 2
