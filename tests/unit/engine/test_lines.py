"""What a line of Wasmtime has is a file: the files are whole, and another line is one file more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmbuild.engine import cpu, lines, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.cranelift_flags import value_problem
from wasmbuild.engine.line import CHECKS, Line
from wasmbuild.engine.lines import __main__ as made
from wasmbuild.engine.rules import EngineError
from wasmbuild.engine.translations import lower

HOST = triples.parse("x86_64-unknown-linux-gnu")


@pytest.mark.parametrize("number", lines.known())
def test_a_line_is_whole(number: int) -> None:
    line = lines.get(number)
    assert line.number == number
    for name, setting in line.settings.items():
        assert setting.name == name
        assert setting.check in CHECKS
        assert setting.runtime_only or setting.cli, name
        assert setting.cli or setting.in_library, name
        assert setting.doc.endswith("."), name
        assert value_problem(setting.default, setting) is None, name
        assert (type(setting.default) is int) == (not setting.values), name
        for table in (setting.cli_values, setting.c_values, setting.rust_values):
            assert table.keys() <= set(map(lower, setting.values)), name
    for flag in line.flags.values():
        assert value_problem(flag.default, flag) is None
    assert not line.flags.keys() & {*line.refused_flags.settings, *line.refused_flags.overridden}
    assert {*line.refused_flags.settings.values()} <= line.settings.keys()


@pytest.mark.parametrize("number", lines.known())
def test_what_a_line_says_of_settings_is_of_settings_that_it_has(number: int) -> None:
    line = lines.get(number)
    tables = [embedder.settings for embedder in line.embedders.values()]
    tables += [embedder.unconfigured for embedder in line.embedders.values()]
    tables += [*line.defaults.values(), line.winch.needs, *(conflict.when for conflict in line.conflicts.values())]
    tables += [dict.fromkeys(names, False) for names in line.winch.off.values()]
    for table in tables:
        for name, value in table.items():
            for each in value if isinstance(value, list) else [value]:
                assert value_problem(each, line.settings[name]) is None, name
    assert {name for names in line.winch.lacks.values() for name in names} <= lines.every_setting().keys()
    assert not line.embedders["c-api"].settings
    assert set(line.winch.architectures) <= set(triples.ARCHITECTURES)
    assert {*line.winch.off, *line.winch.lacks} <= {"", *line.winch.architectures}


@pytest.mark.parametrize("number", lines.known())
def test_what_a_line_says_of_conflicts_and_cpus_is_whole(number: int) -> None:
    line = lines.get(number)
    for name, conflict in line.conflicts.items():
        assert conflict.keys, name
        assert {*conflict.keys} <= line.settings.keys(), name
        assert not conflict.excluded or conflict.on, name
    assert line.cpus.keys() <= {*triples.ARCHITECTURES}
    for known in line.cpus.values():
        assert not known.features.keys() & known.levels.keys()
        assert not next(iter(known.levels)).startswith("has_")
        assert known.isa_flags([*known.levels, *known.features])
        assert known.flags.keys() <= known.features.keys()
        assert known.needed is None or {*known.needed.any_of} <= known.features.keys()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """The files of lines in another directory."""
    shutil.copytree(Path(lines.__file__).parent, tmp_path / "lines")
    with lines.read_from(str(tmp_path / "lines")):
        yield tmp_path / "lines"


NEWEST = lines.known()[-1]
NEXT = NEWEST + 1
_LINE = f"""
base = {NEWEST}
[winch]
lacks = ["wasm-gc"]
[conflicts]
guest-debug = false
[conflicts.new-on-arm]
when = {{ wasm-new = true }}
on = ["aarch64-*"]
excluded = ["*-macos"]
keys = ["wasm-new"]
problem = "does not work on {{triple}}"
fix = "leave it out"
[cpu.x86_64.features]
newest = ["avx2"]
[cpu.x86_64.levels]
x86-64-v5 = ["x86-64-v4", "newest"]
[cpu.loongarch64]
features = {{ lsx = [], lasx = ["lsx"] }}
levels = {{ la64 = ["lsx"] }}
[settings]
debug-info = false
[settings.epoch-interruption]
default = true
cli = "-Wepochs"
[settings.wasm-new]
default = false
check = "feature"
doc = "New."
cli = "-Wnew"
python = "wasm_new"
"""


@pytest.mark.parametrize("path", sorted(made.HERE.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_read_is_what_the_toml_says(path: Path) -> None:
    fix = "run: python -m wasmbuild.engine.lines"
    assert path.with_suffix(".json").read_text(encoding="utf-8") == made.as_json(path), fix


def test_a_line_is_known_that_has_a_file() -> None:
    assert sorted(int(path.stem) for path in made.HERE.glob("*.toml")) == list(lines.known())


def test_another_line_is_one_file_more(directory: Path) -> None:
    (directory / f"{NEXT}.toml").write_text(_LINE)
    made.write(directory)
    assert lines.known()[-1] == NEXT
    line: Line = lines.newest()
    assert line.winch.lacks == {**lines.get(NEWEST).winch.lacks, "": ("wasm-gc",)}
    assert line.winch.off == lines.get(NEWEST).winch.off
    assert line.settings.keys() ^ lines.get(NEWEST).settings.keys() == {"debug-info", "wasm-new"}
    declared = {"wasm-new": True, "epoch-interruption": False}
    config = EngineConfig.declared(declared, line=NEXT, triple=HOST)
    assert config.executable_arguments()[2:] == ["-Ccache=n", "-Ccollector=drc", "-Wepochs=n", "-Wnew=y"]
    assert config.library_calls() == [["property", "epoch_interruption", False], ["property", "wasm_new", True]]
    assert EngineConfig.from_json(config.to_json()) == config


def test_what_conflicts_and_what_cpus_have_is_of_the_line(directory: Path) -> None:
    (directory / f"{NEXT}.toml").write_text(_LINE)
    made.write(directory)
    arm = triples.parse("aarch64-unknown-linux-gnu")
    fits = {"guest-debug": True, "signals-based-traps": True}
    assert rules.problems(fits, line=NEXT, triple=HOST) == []
    assert [key for key, _problem, _fix in rules.problems(fits, line=NEWEST, triple=HOST)] == ["signals-based-traps"]
    assert rules.problems({"wasm-new": True}, line=NEXT, triple=arm) == [
        ("wasm-new", "does not work on aarch64-unknown-linux-gnu", "leave it out")
    ]
    for triple in (HOST, triples.parse("aarch64-apple-darwin"), None):
        assert rules.problems({"wasm-new": True}, line=NEXT, triple=triple) == []
    new = cpu.levels("x86_64", NEXT)["x86-64-v5"]
    assert new == {**cpu.levels("x86_64", NEWEST)["x86-64-v4"], "has_newest": True}
    assert EngineConfig.declared({}, line=NEXT, triple=HOST, cpu="x86-64-v5").isa_flags == new
    assert cpu.isa_flags("loongarch64", None, ["lasx"], NEXT) == {"has_lasx": True, "has_lsx": True}
    with pytest.raises(EngineError, match=r'^cpu: unknown CPU level "x86-64-v5"'):
        EngineConfig.declared({}, line=NEWEST, triple=HOST, cpu="x86-64-v5")


def test_a_setting_of_another_line_is_told_as_such(directory: Path) -> None:
    (directory / f"{NEXT}.toml").write_text(_LINE)
    made.write(directory)
    others = ", ".join(map(str, lines.known()[:-1]))
    for table, line, problem in (
        ({"wasm-new": True}, NEWEST, f"wasm-new: is no setting of Wasmtime {NEWEST}, but of {NEXT}; remove it"),
        (
            {"debug-info": 1},
            NEXT,
            f"debug-info: is no setting of Wasmtime {NEXT}, but of {others}; remove it",
        ),
    ):
        with pytest.raises(EngineError) as raised:
            EngineConfig.declared(table, line=line, triple=HOST)
        assert str(raised.value) == problem


def test_lines_whose_releases_load_their_own_artifacts_alone() -> None:
    assert {number for number in lines.known() if lines.own_release_only(number)} == {
        number for number in lines.known() if number <= lines.LAST_OWN_RELEASE_ONLY
    }
    assert lines.own_release_only(24)
    assert not lines.own_release_only(47)
    assert lines.get(36).version_in_artifacts("36.0.9") == "36.0.9"
    assert lines.get(48).version_in_artifacts("48.0.8") == "48"


def test_a_line_that_is_not_there() -> None:
    with pytest.raises(lines.UnknownLineError, match="Wasmtime 12 are not known"):
        lines.get(12)
