"""Every directory of ``tests/projects/failing`` is one mistake, with the message that it gives in ``expected.txt``."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import load

from wasmbuild.errors import DeclarationError
from wasmbuild.plan.graph import plan

PROJECTS = Path(__file__).parents[2] / "projects" / "failing"


@pytest.mark.parametrize("directory", sorted(PROJECTS.iterdir()), ids=lambda directory: directory.name)
def test_failing_project(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    with pytest.raises(DeclarationError) as raised:
        plan(load(Path("wasmbuild.toml")))
    assert f"{raised.value}\n" == Path("expected.txt").read_text(encoding="utf-8")
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("files", "taken"),
    [(("a.wat", "b.wat"), "*.wat"), (("a.wat", "b.wasm"), "*.wasm"), (("a.txt", ".a.wasm"), None)],
)
def test_all_files_of_a_folder_are_declared_as_is_told(
    tmp_path: Path, files: tuple[str, ...], taken: str | None
) -> None:
    (tmp_path / "src").mkdir()
    for name in files:
        (tmp_path / "src" / name).touch()
    declared = (PROJECTS / "source-is-a-directory" / "wasmbuild.toml").read_text(encoding="utf-8")
    file = tmp_path / "wasmbuild.toml"
    file.write_text(declared, encoding="utf-8")
    with pytest.raises(DeclarationError) as raised:
        plan(load(file))
    said = str(raised.value).partition('"src" is a directory; ')[2]
    if taken is None:
        assert said == "name a .wat or .wasm file"
        return
    header, source = '[modules."m/*"]', f'source = "src/{taken}"'
    assert said == f"name a file in it, or write {header} and {source} for all of them"
    mended = declared.replace("[modules.m]", header).replace('source = "src"', source)
    file.write_text(mended, encoding="utf-8")
    expected = {f"m/{Path(name).stem}" for name in files if Path(name).match(taken)}
    assert {artifact.module.name for artifact in plan(load(file)).artifacts} == expected


def test_a_link_that_leads_nowhere_is_not_what_was_meant(tmp_path: Path) -> None:
    missing = (PROJECTS / "source-missing" / "wasmbuild.toml").read_text(encoding="utf-8")
    (tmp_path / "wasmbuild.toml").write_text(missing.replace("m.wta", "m.wat"), encoding="utf-8")
    (tmp_path / "m.wat").symlink_to(tmp_path / "gone.wat")
    with pytest.raises(DeclarationError) as raised:
        plan(load(tmp_path / "wasmbuild.toml"))
    assert str(raised.value).endswith(
        'source: "m.wat" is a link that leads nowhere; mend the link, or name another file'
    )


def test_a_declaration_that_is_a_link_which_leads_nowhere_is_not_to_be_written_first(tmp_path: Path) -> None:
    (tmp_path / "wasmbuild.toml").symlink_to(tmp_path / "gone.toml")
    with pytest.raises(DeclarationError) as raised:
        load(tmp_path / "wasmbuild.toml")
    fix = "mend or remove the link, or name another file"
    assert str(raised.value) == f"{tmp_path / 'wasmbuild.toml'}: is a link that leads nowhere; {fix}"
