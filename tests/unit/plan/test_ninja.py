"""A plan as Ninja reads it: what is escaped, what cannot be, and which edge follows which."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import load

from wasmbuild.errors import Mistake, UsageError
from wasmbuild.plan.graph import Plan, plan
from wasmbuild.plan.ninja import Commands, to_ninja, value

DECLARATION = """
[project]
name = "p"
[targets.pi]
triple = "aarch64-unknown-linux-gnu"
[modules.a]
source = "a.wasm"
ship-source = true
[modules.b]
source = "b.wasm"
"""


@pytest.fixture
def planned(tmp_path: Path) -> Plan:
    for name in ("a.wasm", "b.wasm"):
        (tmp_path / name).touch()
    (tmp_path / "wasmbuild.toml").write_text(DECLARATION)
    return plan(load(tmp_path / "wasmbuild.toml"))


def text(planned: Plan, *, file: str | None = "wasm.ninja", build_dir: str = "o", source: str = "s/{}.wasm") -> str:
    return to_ninja(
        planned,
        Commands("compile", "manifest", "plan"),
        file=file,
        declaration="wasmbuild.toml",
        build_dir=build_dir,
        source=lambda module: source.format(module.name),
    )


def test_the_last_edge_follows_all_others_and_the_file_itself(planned: Plan) -> None:
    edges = [line for line in text(planned).splitlines() if line.startswith("build ")]
    assert edges == [
        "build wasm.ninja: wasmbuild_plan | wasmbuild.toml",
        "build o/pi/a.cwasm | o/pi/a.cwasm.json: wasmbuild_compile s/a.wasm | wasmbuild.toml",
        "build o/pi/b.cwasm | o/pi/b.cwasm.json: wasmbuild_compile s/b.wasm | wasmbuild.toml",
        "build o/index.json | o/pi/manifest.json o/pi/a.wasm: wasmbuild_manifest | o/pi/a.cwasm o/pi/a.cwasm.json "
        "o/pi/b.cwasm o/pi/b.cwasm.json wasmbuild.toml wasm.ninja",
    ]


def test_without_a_name_nothing_makes_the_file_again(planned: Plan) -> None:
    assert "plan" not in text(planned, file=None).partition("\n")[2]


def test_names_are_escaped(planned: Plan) -> None:
    assert "build C$:/o$ u$$t/pi/a.cwasm | " in text(planned, build_dir="C:/o u$t")
    assert value("a $b c") == "a $$b c"


@pytest.mark.parametrize("name", ["a|{}", "a\n{}", "a\t{}"])
def test_what_ninja_cannot_be_told_is_refused(planned: Plan, name: str) -> None:
    with pytest.raises(UsageError, match="Ninja cannot be told of"):
        text(planned, source=name)


def test_a_file_without_a_name_for_a_module_makes_another_file_of_it_so_that_the_last_edge_runs(planned: Plan) -> None:
    refused = Mistake("wasmbuild.toml", 'modules."*"', 'the module "a\\u001b" of a file has \x1b', "rename it\nnow")
    told = text(planned._replace(refused=(refused,)))
    assert set(told.splitlines()) > set(text(planned).splitlines())
    [said] = set(told.splitlines()) - set(text(planned).splitlines())
    assert said.startswith("# ")
    assert 'modules."*"' in said
    assert "\x1b" not in told
