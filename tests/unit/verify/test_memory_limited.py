"""A program under a limit, as runners start it: by path, with a Python that has nothing but its standard library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.verify import memory_limited

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="what counts as data is known of Linux")

MIB = 1 << 20
TELLS_LIMIT = "import json, resource; print(json.dumps(resource.getrlimit(resource.RLIMIT_DATA)))"
TELLS_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
ALLOCATES = "import sys; bytearray(int(sys.argv[1])); print('fits')"
RESERVES = """
import mmap, sys
mmap.mmap(-1, int(sys.argv[1]), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
print('fits')
"""


def command(*program: object, size: int = 256 * MIB, unset: str = "") -> list[str]:
    return [sys.executable, "-I", "-S", memory_limited.__file__, str(size), unset, *map(str, program)]


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code, *map(str, arguments)]


def run(
    *program: object, size: int = 256 * MIB, unset: str = "", env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*program, size=size, unset=unset), env=env, input=stdin, capture_output=True, text=True, check=False
    )


def told(*program: object, **how: Any) -> Any:
    """What a program that succeeds tells as JSON."""
    ended = run(*program, **how)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


@on_linux
def test_a_program_can_allocate_what_it_was_given_and_no_more() -> None:
    ended = run(*python(ALLOCATES, 16 * MIB), size=128 * MIB)
    assert (ended.returncode, ended.stdout) == (0, "fits\n")
    ended = run(*python(ALLOCATES, 160 * MIB), size=128 * MIB)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith("MemoryError\n")


@on_linux
def test_address_space_that_is_only_reserved_does_not_count() -> None:
    ended = run(*python(RESERVES, 1 << 33), size=128 * MIB)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "fits\n", "")


@pytest.mark.parametrize("size", [128 * MIB, 1 << 40])
def test_the_limit_cannot_be_raised_by_the_program(size: int) -> None:
    assert told(*python(TELLS_LIMIT), size=size) == [size, size]


def test_a_limit_that_is_there_is_not_raised() -> None:
    assert told(*command(*python(TELLS_LIMIT), size=1 << 40), size=128 * MIB) == [128 * MIB] * 2
    assert told(*command(*python(TELLS_LIMIT), size=128 * MIB), size=1 << 40) == [128 * MIB] * 2


@pytest.mark.parametrize(
    ("unset", "left"),
    [
        ("", {"ONE": "1", "TWO": "2", "THREE": "a,b"}),
        ("ONE", {"TWO": "2", "THREE": "a,b"}),
        ("ONE,TWO", {"THREE": "a,b"}),
        ("TWO,NONE,ONE,", {"THREE": "a,b"}),
    ],
)
def test_a_program_does_not_get_the_variables_that_are_named(unset: str, left: dict[str, str]) -> None:
    env = {"ONE": "1", "TWO": "2", "THREE": "a,b"}
    found = told(*python(TELLS_ENVIRONMENT), unset=unset, env=env)
    # Python may set the locale of its own.
    assert {name: value for name, value in found.items() if not name.startswith("LC_")} == left


@pytest.mark.parametrize("status", [0, 1, 42, 126, 255])
def test_the_exit_status_is_that_of_the_program(status: int) -> None:
    ended = run(*python(f"import os; os._exit({status})"))
    assert (ended.returncode, ended.stderr) == (status, "")


def test_a_signal_that_ends_the_program_is_seen() -> None:
    ended = run(*python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert ended.returncode == -signal.SIGKILL


def test_the_program_takes_the_place_of_the_process() -> None:
    with subprocess.Popen(
        command(*python("import os; print(os.getpid())")), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate()[0] == f"{process.pid}\n"


def test_arguments_and_streams_are_those_of_the_program() -> None:
    arguments = ["", "a b", "--", "-c", "$HOME", "'\"\\", "ä\n"]
    code = "import json, sys; print(json.dumps([sys.argv[1:], sys.stdin.read()]))"
    assert told(*python(code, *arguments), stdin="in\n") == [arguments, "in\n"]


def test_a_bare_name_is_found_on_the_path(tmp_path: Path) -> None:
    _script(tmp_path / "found", '#!/bin/sh\necho "$@"\n')
    ended = run("found", "x", env={"PATH": f"/nowhere{os.pathsep}{tmp_path}"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "x\n", "")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "No such file or directory"),
        ("data", "Permission denied"),
        ("folder", "Permission denied"),
        ("data/program", "Not a directory"),
        ("broken", "Exec format error"),
        ("orphan", "No such file or directory"),
    ],
)
def test_a_program_that_cannot_be_run_is_told_in_one_line(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "data").write_text("text")
    _script(tmp_path / "broken", "\0\1\2\3")
    _script(tmp_path / "orphan", "#!/nowhere/interpreter\n")
    ended = run(tmp_path / name)
    assert (ended.returncode, ended.stdout) == (memory_limited.NOT_RUN, "") == (127, "")
    assert ended.stderr == f"cannot run {tmp_path / name}: {why}\n"


def test_a_bare_name_that_is_nowhere_is_told_in_one_line(tmp_path: Path) -> None:
    ended = run("no-such-program", env={"PATH": str(tmp_path)})
    assert ended.returncode == 127
    assert ended.stderr == "cannot run no-such-program: No such file or directory\n"


def _script(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
