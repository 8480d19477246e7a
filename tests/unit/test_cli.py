"""How the command ends when it is stopped."""

from __future__ import annotations

import pytest

from wasmbuild import cli
from wasmbuild.command_line import dispatch
from wasmbuild.errors import INTERRUPTED


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("toolchain check", "interrupted; nothing was changed\n"),
        ("toolchain install 48", "interrupted; what is installed is whole, and nothing else was\n"),
        ("cache stats", "interrupted; nothing was changed\n"),
        ("cache clear", "interrupted; what was not removed is whole\n"),
    ],
)
def test_a_stop_has_the_words_of_the_action(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, told: str
) -> None:
    monkeypatch.setattr(dispatch, "run", _make_class)
    assert cli.main(command.split()) == INTERRUPTED
    assert capsys.readouterr().err == told


class _Stopped:
    def __set_name__(self, owner: type, name: str) -> None:
        raise KeyboardInterrupt


def _make_class(argv: list[str]) -> int:
    type("Made", (), {"attribute": _Stopped()})
    return 0


def test_a_stop_while_a_class_is_made_is_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dispatch, "run", _make_class)

    assert cli.main(["build"]) == INTERRUPTED

    told = capsys.readouterr().err
    assert told.startswith("interrupted; ")
    assert "Traceback" not in told
