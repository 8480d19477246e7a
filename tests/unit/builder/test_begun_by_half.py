"""A build that cannot take the directory as a whole: nothing is made until it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.builder import noop
from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.errors import DiskError


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that has the disk refuse once to have the note of the last whole build removed."""

    def refuse() -> None:
        def once(directory: BuildDirectory) -> None:
            monkeypatch.setattr(BuildDirectory, "forget_noop", forget_noop)
            raise DiskError("refused")

        monkeypatch.setattr(BuildDirectory, "forget_noop", once)

    forget_noop = BuildDirectory.forget_noop
    return refuse


def failed(session: Any) -> str:
    with pytest.raises(DiskError) as raised:
        session.begin()
    return str(raised.value)


def wrong(session: Any) -> list[str]:
    return sorted(status.artifact.id for status in session.outdated())


def finished(session: Any) -> None:
    for status in session.outdated():
        assert session.compile(status.artifact, parallel=False).error is None
    assert session.finish() == []
    session.close()


@pytest.mark.parametrize("name", [".wasmbuild/noop.json", "pi/manifest.json", "index.json"])
def test_whoever_asks_next_is_told_the_same_until_it_is_mended(built: Any, name: str) -> None:
    """As doit and SCons ask for each artifact."""
    built.write("a", text="other")
    built.toolchain.compiled.clear()
    obstacle: Path = built.root / name
    obstacle.unlink()
    obstacle.mkdir()
    session = built.session()
    told = failed(session)
    assert f"{name}: cannot be " in told
    assert failed(session) == told
    # Another build is kept out by the obstacle alone.
    assert failed(built.session()) == told
    assert built.toolchain.compiled == []
    obstacle.rmdir()
    session.begin()
    assert wrong(session) == ["a@pi", "a@x64"]
    finished(session)
    assert built.build() == []
    assert (built.root / ".wasmbuild" / "noop.json").is_file()


def test_an_edit_before_the_directory_was_taken_as_a_whole_is_seen(built: Any, refused: Callable[[], None]) -> None:
    built.write("a", text="other")
    looked = noop.look(built.session().plan, (built.directory / "wasmbuild.toml").read_bytes())
    session = built.session(looked=looked)
    refused()
    assert failed(session) == "refused"
    built.write("b", text="other")
    session.begin()
    assert wrong(session) == ["a@pi", "a@x64", "b@pi", "b@x64"]
    finished(session)
    assert built.build() == []


def test_what_another_build_did_before_is_seen(built: Any, refused: Callable[[], None]) -> None:
    built.write("b", text="other")
    session = built.session_that_made("b@pi")
    assert built.build() == ["b@x64"]
    refused()
    assert failed(session) == "refused"
    # As doit looks at what was edited since, whoever has the directory.
    session.look_again(session.artifacts["b@x64"])
    session.begin()
    assert session.outdated() == []
    finished(session)
    assert built.build() == []
