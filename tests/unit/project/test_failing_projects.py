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


def test_a_link_that_leads_nowhere_is_not_what_was_meant(tmp_path: Path) -> None:
    missing = (PROJECTS / "source-missing" / "wasmbuild.toml").read_text(encoding="utf-8")
    (tmp_path / "wasmbuild.toml").write_text(missing.replace("m.wta", "m.wat"), encoding="utf-8")
    (tmp_path / "m.wat").symlink_to(tmp_path / "gone.wat")
    with pytest.raises(DeclarationError) as raised:
        plan(load(tmp_path / "wasmbuild.toml", default_line=48))
    assert str(raised.value).endswith('there is no file "m.wat"; make the file, or correct the path')
