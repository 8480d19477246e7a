"""Lines of a manifest: said again while their records are the same, made anew where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild.builder.entries import Entries
from wasmbuild.plan.graph import plan
from wasmbuild.project.config import load
from wasmbuild.project.declared import Artifact

DECLARATION = """\
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.a]
source = "a.wasm"
[modules.b]
source = "a.wasm"
[modules.c]
source = "a.wasm"
ship-source = true
"""


@pytest.fixture
def artifacts(tmp_path: Path) -> tuple[Artifact, ...]:
    (tmp_path / "a.wasm").touch()
    (tmp_path / "wasmbuild.toml").write_text(DECLARATION)
    return plan(load(tmp_path / "wasmbuild.toml", default_line=48)).artifacts


class Maker:
    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, artifact: Artifact) -> bytes:
        self.made.append(artifact.module.name)
        return b"made " + artifact.module.name.encode()


def test_what_is_not_kept_is_made(artifacts: tuple[Artifact, ...]) -> None:
    make = Maker()
    assert Entries(artifacts).lines(["1", "2", "3"], make) == [b"made a", b"made b", b"made c"]
    assert make.made == ["a", "b", "c"]


def test_a_line_is_kept_while_its_record_is_the_same_and_what_ships_is_made_each_time(
    artifacts: tuple[Artifact, ...],
) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["1", "2", "3"], [b"A", b"B", b"C"])
    assert kept.lines(["1", "other", "3"], make) == [b"A", b"made b", b"made c"]
    assert kept.lines(["1", "other", "3"], make) == [b"A", b"made b", b"made c"]
    assert make.made == ["b", "c", "c"]


def test_what_was_just_written_is_not_made_again(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["1", "2", "3"], [b"A", b"B", b"C"])
    kept.note(artifacts[1], "new", b"N")
    assert kept.lines(["1", "new", "3"], make)[:2] == [b"A", b"N"]


def test_an_unknown_record_is_not_taken_for_the_same(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["", "2", "3"], [b"A", b"B", b"C"])
    assert kept.lines(["", "2", "3"], make)[0] == b"made a"


def test_a_manifest_of_others_is_not_kept(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["1", "2"], [b"A", b"B"])
    kept.lines(["1", "2", "3"], make)
    assert make.made == ["a", "b", "c"]
    kept.clear()
    kept.lines(["1", "2", "3"], make)
    assert make.made == ["a", "b", "c"] * 2
