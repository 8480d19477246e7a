from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import pytest
from building import load
from unit.builder.test_scaling import FEW, MANY, calls

from wasmbuild.errors import DeclarationError
from wasmbuild.plan.graph import Plan, plan
from wasmbuild.project.globs import expand

HEAD = """\
[project]
name = "p"
[targets.b]
triple = "x86_64-unknown-linux-gnu"
[targets.a]
triple = "pulley64"
"""


def planned(directory: Path, modules: str) -> Plan:
    path = directory / "wasmbuild.toml"
    path.write_text(HEAD + modules)
    return plan(load(path))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("m.wat", "z.wat", "lib/one.wasm", "lib/two.wasm"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_targets_keep_their_order_and_modules_are_sorted(directory: Path) -> None:
    made = planned(directory, '[modules.z]\nsource = "z.wat"\n[modules.m]\nsource = "m.wat"\n')
    assert [artifact.id for artifact in made.artifacts] == ["m@b", "z@b", "m@a", "z@a"]
    assert made.artifacts[0].path == "b/m.cwasm"
    assert [target.name for target in made.targets] == ["b", "a"]
    assert made.modules[0].source == directory / "m.wat"
    assert made.artifacts[0].module is made.modules[0]


def test_globs_tell_whether_the_plan_still_holds(directory: Path) -> None:
    made = planned(directory, '[modules."lib/*"]\nsource = "./lib/*.wasm"\n')
    assert made.globs == (("lib/*.wasm", ("lib/one.wasm", "lib/two.wasm")),)
    assert made.folders == ("lib",)
    assert all(expand(made.directory, pattern) == list(matched) for pattern, matched in made.globs)
    (directory / "lib" / "three.wasm").touch()
    assert not all(expand(made.directory, pattern) == list(matched) for pattern, matched in made.globs)


def test_a_plan_does_not_depend_on_where_it_is_made_from(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned(directory, '[modules.m]\nsource = "m.wat"\n')
    monkeypatch.chdir(directory / "lib")
    again = plan(load(Path("../wasmbuild.toml")))
    assert again._replace(path=made.path) == made
    assert again.path == os.path.join("..", "wasmbuild.toml")


def test_a_source_may_lie_outside(directory: Path) -> None:
    (directory / "sub").mkdir()
    made = planned(directory / "sub", '[modules.m]\nsource = "../m.wat"\n')
    assert made.modules[0].source == directory / "m.wat"
    assert made.modules[0].source_text == "../m.wat"


def test_a_plan_survives_pickling(directory: Path) -> None:
    made = planned(directory, '[modules.m]\nsource = "m.wat"\n')
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 -- our own bytes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_a_source_that_is_no_file(directory: Path) -> None:
    os.mkfifo(directory / "pipe.wasm")
    with pytest.raises(DeclarationError) as raised:
        planned(directory, '[modules.m]\nsource = "pipe.wasm"\n')
    assert str(raised.value).endswith('modules.m.source: "pipe.wasm" is no regular file; name a .wat or .wasm file')


def test_two_files_that_clash_with_a_third_in_the_same_way_are_told_once(directory: Path) -> None:
    for name in ("OK.wat", "ok.wasm", "ok.wat"):
        (directory / "lib" / name).touch()
    if len(list((directory / "lib").iterdir())) < 5:
        pytest.skip("case does not count in this file system")
    with pytest.raises(DeclarationError) as raised:
        planned(directory, '[modules."n/*"]\nsource = "lib/*"\n')
    assert [str(mistake).partition(": ")[2] for mistake in raised.value.mistakes] == [
        'modules."n/*": "n/ok" and "n/OK" are one file where case does not count; rename one of them'
    ]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_a_folder_that_cannot_be_listed_is_a_mistake_of_its_glob(directory: Path) -> None:
    (directory / "loop").symlink_to(directory / "loop")
    with pytest.raises(DeclarationError) as raised:
        planned(directory, '[modules."n/*"]\nsource = "loop/*.wat"\n')
    assert [str(mistake).partition(": ")[2] for mistake in raised.value.mistakes] == [
        f'modules."n/*".source: "loop/*.wat" cannot be looked for in "loop": {os.strerror(errno.ELOOP)}; '
        "make that folder readable, or correct the pattern"
    ]


@pytest.mark.parametrize("missing", [1, MANY], ids=["one", "all"])
def test_what_a_module_costs_does_not_grow_with_their_number_where_sources_are_missing(
    tmp_path: Path, missing: int
) -> None:
    def cost(modules: int) -> float:
        directory = tmp_path / str(modules)
        directory.mkdir()
        for number in range(modules):
            (directory / f"m{number}.{'wasm' if number < missing else 'wat'}").touch()
        tables = "".join(f'[modules.m{number}]\nsource = "m{number}.wat"\n' for number in range(modules))

        def told() -> None:
            with pytest.raises(DeclarationError) as raised:
                planned(directory, tables)
            assert len(raised.value.mistakes) == min(missing, modules)

        return calls(told) / modules

    cost(1)
    assert cost(MANY) < cost(FEW) * 1.1


def test_mistakes_of_tables_and_of_files_are_told_at_once(directory: Path) -> None:
    with pytest.raises(DeclarationError) as raised:
        planned(
            directory,
            '[modules.m]\nsource = "missing.wat"\ntargets = ["c"]\nexports = [1]\n[modules."n/*"]\nsource = "n/*"\n',
        )
    assert [mistake.key for mistake in raised.value.mistakes] == [
        "modules.m.exports[0]",
        "modules.m.targets",
        "modules.m.source",
        'modules."n/*".source',
    ]
