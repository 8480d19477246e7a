"""``wasmbuild build --watch``: every change of what is declared is built and verified, whatever the last one was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from support import ADD, HEAD, MODULES, SUB, TARGETS, Project

pytest.importorskip("watchfiles")

# What changed before it was watched shows after a time-out.
SOON = "from wasmbuild.commands import watch; watch._TIMEOUT_MS = 100; "
END = "watching for changes; Ctrl-C ends\n"


class Watching:
    """A build that watches, read round by round."""

    def __init__(self, project: Project, *arguments: str, prepared: str = SOON) -> None:
        run = "import sys; from wasmbuild.cli import main; sys.exit(main(['build', '--watch', *sys.argv[1:]]))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{prepared}{run}", *arguments],
            cwd=project.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # A round that never comes is a failure, and not a test that never ends.
        self._guard = threading.Timer(120, self.process.kill)
        self._guard.start()

    def round(self) -> str:
        assert self.process.stderr is not None
        lines: list[str] = []
        while not lines or lines[-1] != END:
            line = self.process.stderr.readline()
            assert line, f"it ended: {''.join(lines)}"
            lines.append(line)
        return "".join(lines[:-1])

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, error = self.process.communicate()
        return self.process.returncode, error

    def close(self) -> None:
        self._guard.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def watching(project: Project) -> Iterator[Watching]:
    project.write("plugins/p.wat", ADD)
    project.declare(HEAD + TARGETS + MODULES + '[modules."plugins/*"]\nsource = "plugins/*.wat"\n')
    started = Watching(project)
    yield started
    started.close()


def edit(project: Project, name: str, text: str) -> None:
    """Have a file be another one at once: what is still being written may be built as well."""
    project.write("../edited", text).replace(project.root / name)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_builds_and_verifies_after_each_change(project: Project, watching: Watching) -> None:
    first = watching.round()
    assert "6 artifacts: 6 compiled" in first
    assert "6 artifacts verified: " in first
    edit(project, "add.wat", "(module)  ")
    assert "6 artifacts: 2 compiled, 4 up to date" in watching.round()
    # A failure ends nothing, and the next edit mends it.
    edit(project, "add.wat", "(module (func")
    broken = watching.round()
    assert "error: add@x64, add@arm: add.wat: " in broken or "error: add@arm, add@x64: add.wat: " in broken
    assert "verified" not in broken
    edit(project, "add.wat", SUB)
    assert "verified" in watching.round()
    # A new file of a glob, and one that goes.
    edit(project, "plugins/q.wat", SUB)
    assert "8 artifacts: 2 compiled" in watching.round()
    (project.root / "plugins" / "q.wat").unlink()
    assert "6 artifacts" in watching.round()
    # A mistake in the declaration, and its end.
    edit(project, "wasmbuild.toml", "[project")
    assert watching.round().startswith("error: wasmbuild.toml: line 1, ")
    edit(project, "wasmbuild.toml", HEAD + TARGETS + MODULES)
    assert "4 artifacts" in watching.round()
    code, said = watching.end()
    assert code == 130
    assert said.startswith("interrupted; ")


def test_what_is_edited_while_it_builds_is_built_at_once(project: Project) -> None:
    """Nothing that is watched changes after it, and no time-out comes."""
    edit = "open('add.wat', 'w').write('(module)')"
    prepared = (
        f"from wasmbuild.commands import watch; watch._TIMEOUT_MS = 10**8; real = watch._round; edits = [1]; "
        f"watch._round = lambda *given: (real(*given), edits and edits.pop() and {edit}); "
    )
    watching = Watching(project, prepared=prepared)
    try:
        _, _, after = watching.round().partition("4 artifacts: 4 compiled")
        assert "4 artifacts: 2 compiled, 2 up to date" in after
    finally:
        watching.close()


@pytest.mark.parametrize("option", [("--json",), ("--stamp", "s")])
def test_what_ends_does_not_go_with_it(project: Project, option: tuple[str, ...]) -> None:
    assert f"{option[0]} is for a build that ends" in project.run("build", "--watch", *option, status=2).stderr


def test_it_says_what_it_lacks(project: Project) -> None:
    hidden = "import sys; sys.modules['watchfiles'] = None"
    code = f"{hidden}; from wasmbuild.cli import main; sys.exit(main(['build', '--watch']))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.endswith("run: pip install 'wasmbuild[watch]'\n")
