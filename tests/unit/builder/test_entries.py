"""Lines of a manifest: said again while their records are the same, made anew where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import load
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.builder.entries import Entries
from wasmbuild.plan.graph import plan
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
    return declared(tmp_path, DECLARATION)


@pytest.fixture(scope="module")
def unshipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, ...]:
    return declared(tmp_path_factory.mktemp("unshipped"), DECLARATION.replace("ship-source = true\n", ""))


def declared(directory: Path, declaration: str) -> tuple[Artifact, ...]:
    (directory / "a.wasm").touch()
    (directory / "wasmbuild.toml").write_text(declaration)
    return plan(load(directory / "wasmbuild.toml")).artifacts


class Maker:
    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, artifact: Artifact) -> bytes:
        self.made.append(artifact.module.name)
        return b"made " + artifact.module.name.encode()


def test_what_is_not_kept_is_made(artifacts: tuple[Artifact, ...]) -> None:
    make = Maker()
    assert Entries(artifacts).text(["1", "2", "3"], make) == b"made a,\nmade b,\nmade c"
    assert make.made == ["a", "b", "c"]


def test_a_line_is_kept_while_its_record_is_the_same_and_what_ships_is_made_each_time(
    artifacts: tuple[Artifact, ...],
) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["1", "2", "3"], b"A,\nB,\nC")
    assert kept.text(["1", "other", "3"], make) == b"A,\nmade b,\nmade c"
    assert kept.text(["1", "other", "3"], make) == b"A,\nmade b,\nmade c"
    assert make.made == ["b", "c", "c"]


def test_what_was_just_written_is_not_made_again(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["1", "2", "3"], b"A,\nB,\nC")
    kept.note(artifacts[1], "new", b"N")
    assert kept.text(["1", "new", "3"], make) == b"A,\nN,\nmade c"
    assert make.made == ["c"]


def test_an_unknown_record_is_not_taken_for_the_same(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["", "2", "3"], b"A,\nB,\nC")
    assert kept.text(["", "2", "3"], make) == b"made a,\nB,\nmade c"


def test_a_manifest_of_others_is_not_kept(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.keep(["1", "2"], b"A,\nB")
    kept.keep(["1", "2", "3"], b"A,\nB")
    kept.keep(["1", "2", "3"], b"")
    kept.text(["1", "2", "3"], make)
    assert make.made == ["a", "b", "c"]
    kept.clear()
    kept.text(["1", "2", "3"], make)
    assert make.made == ["a", "b", "c"] * 2


def test_lines_of_other_modules_are_kept_by_name_but_for_what_was_declared_of_tests_and_of_what_ships(
    unshipped: tuple[Artifact, ...],
) -> None:
    kept, make = Entries(unshipped), Maker()
    kept.take_over(["1", "gone", "3"], {"a": b"A", "aa": b"AA", "c": b"C"})
    assert kept.text(["1", "2", "3"], make) == b"A,\nmade b,\nC"
    kept.take_over(["1", "2", "3"], {"a": b'{"tests": []}', "b": b"B", "c": b'{"wasm": {}}'})
    assert kept.text(["1", "2", "other"], make) == b"made a,\nB,\nmade c"
    assert make.made == ["b", "a", "c"]


def test_no_line_is_kept_of_a_module_that_has_tests(tmp_path: Path) -> None:
    test = '[[modules.b.tests]]\ncall = "f"\nreturns = []\n'
    kept, make = Entries(declared(tmp_path, DECLARATION + test)), Maker()
    kept.take_over(["1", "2", "3"], {"a": b"A", "b": b"B", "c": b"C"})
    assert kept.text(["1", "2", "3"], make) == b"A,\nmade b,\nmade c"


def test_of_a_manifest_without_lines_none_is_kept(artifacts: tuple[Artifact, ...]) -> None:
    kept, make = Entries(artifacts), Maker()
    kept.take_over([], {})
    assert kept.text(["1", "2", "3"], make) == b"made a,\nmade b,\nmade c"


LINES = st.lists(st.binary(max_size=5).map(lambda line: line.replace(b"\n", b",")), min_size=3, max_size=3)


@given(before=LINES, after=LINES, changed=st.sets(st.integers(0, 2)))
def test_lines_of_any_length_take_the_place_of_others(
    unshipped: tuple[Artifact, ...], before: list[bytes], after: list[bytes], changed: set[int]
) -> None:
    kept, make = Entries(unshipped), Maker()
    kept.keep(["old"] * 3, b",\n".join(before))
    for at in changed:
        kept.note(unshipped[at], "new", after[at])
    records = ["new" if at in changed else "old" for at in range(3)]
    wanted = [after[at] if at in changed else before[at] for at in range(3)]
    assert kept.text(records, make) == b",\n".join(wanted)
    assert not make.made
