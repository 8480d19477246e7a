"""What people see: figures as people read them, one line each, colours only where they are wanted."""

from __future__ import annotations

import io

import pytest

from wasmbuild.console.figures import counted, human_seconds, human_size
from wasmbuild.console.progress import Progress
from wasmbuild.console.terminal import Console
from wasmbuild.console.verification_table import tell
from wasmbuild.verify.outcomes import Verdict, unusable
from wasmbuild.verify.report import Report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_figures() -> None:
    assert [human_size(size) for size in (0, 999, 20_720, 31_000_000, 2_000_000_000)] == [
        "0 B", "999 B", "20.7 kB", "31.0 MB", "2.0 GB",
    ]  # fmt: skip
    assert [human_seconds(seconds) for seconds in (0.004, 1.234, 42.4, 125)] == [
        "0.00 s",
        "1.23 s",
        "42 s",
        "2 min 5 s",
    ]
    assert [counted(1, "artifact"), counted(2, "artifact")] == ["1 artifact", "2 artifacts"]


def test_a_terminal_has_a_live_line_that_is_erased(terminal: Terminal) -> None:
    console = Console(terminal)
    console.bar(1, 2, "add@x64")
    console.write("done")
    assert terminal.getvalue().endswith("1/2  add@x64\r\033[Kdone\n")
    assert console.bad("x") == "\033[31mx\033[0m"


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb"), ("NO_COLOR", "1")])
def test_plain_where_it_is_wanted(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    console = Console(terminal)
    console.bar(1, 2, "add@x64")
    assert console.bad("x") == "x"
    assert ("━" in terminal.getvalue()) == (name == "NO_COLOR")


def test_a_message_of_many_artifacts_is_told_once() -> None:
    stream = io.StringIO()
    progress = Progress(Console(stream), total=11, up_to_date=3)
    progress.done("a@x", ["source changed", "another", "a third"], 0.5, 1000)
    for number in range(9):
        progress.fail(f"b@{number}", "is broken")
    progress.end()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[ 1/11]  a@x                            0.50 s     1.0 kB  source changed; another; …"
    assert lines[-2] == "error: b@0, b@1, b@2, b@3, b@4, b@5, b@6, b@7 and 1 more: is broken"
    assert lines[-1].startswith("14 artifacts: 1 compiled, 3 up to date, 9 failed, 1 not tried in ")


@pytest.mark.parametrize("restored", [False, True])
def test_what_was_made_and_failed_after_all_is_counted_once(restored: bool) -> None:
    stream = io.StringIO()
    progress = Progress(Console(stream), total=2)
    progress.done("a@x", (), 0.5, 1000, restored=restored)
    progress.done("b@x", (), 0.5, 1000)
    progress.fail("a@x", "changed while it was built; build again")
    progress.end()
    failed, told, summary = stream.getvalue().splitlines()[2:]
    assert failed.startswith("[2/2]  a@x ")
    assert told == "error: a@x: changed while it was built; build again"
    assert summary.startswith("2 artifacts: 1 compiled, 1 failed in ")


def test_verdicts() -> None:
    stream = io.StringIO()
    entries = (
        Verdict("a@x", True, "loaded", None, "loaded", ""),
        Verdict("b@x", True, "consistent", None, "consistent", "cannot be loaded here", lacks="machine"),
        Verdict("c@y", False, None, "intact", "loaded", "has 3 bytes"),
        unusable("z@here/manifest.json", "is missing"),
        Verdict("d@y", False, "intact", "consistent", "loaded", "was not loaded: no memory", verified=False),
    )
    tell(Report(entries, (0.25, 0.5, 61, 0, 0)), Console(stream), ["--config", "o p.toml", "build"])
    assert stream.getvalue().splitlines() == [
        "artifact              proved      required      time",
        "a@x                   loaded      loaded      0.25 s  ok",
        "b@x                   consistent  consistent  0.50 s  ok",
        "c@y                   nothing     loaded        61 s  FAILED  not intact: has 3 bytes",
        "z@here/manifest.json  nothing     intact      0.00 s  FAILED  not intact: is missing",
        "d@y                   intact      loaded      0.00 s  NOT VERIFIED  was not loaded: no memory",
        "",
        "target  artifacts  intact  consistent  loaded  tested  failed    time",
        "x               2       2           2       1       0       0  0.75 s",
        "y               2       1           0       0       0       1    61 s",
        "",
        "1 artifact of x not loaded: for another machine, and no runner is declared",
        "wasmbuild verify -v --config 'o p.toml' build says more of that",
        "4 artifacts verified: 1 consistent, 1 loaded, 2 failed, 1 not verified",
    ]
    verbose = io.StringIO()
    tell(Report(entries), Console(verbose), [], verbose=True)
    assert "b@x: cannot be loaded here" in verbose.getvalue().splitlines()
    quiet = io.StringIO()
    tell(Report(entries[:3]), Console(quiet, quiet=True), [])
    assert quiet.getvalue() == "c@y       nothing     loaded      0.00 s  FAILED  not intact: has 3 bytes\n"
