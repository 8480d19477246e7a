"""Sources that are too large or empty inside: refused at once by every command alike, and one that is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from binary import I32, I64, MODULE, exports, func, section, types, vec
from support import HEAD as PROJECT
from support import MODULES, Project, keep_bytecode

from wasmbuild.engine import host

HEAD = b"\0asm\1\0\0\0"
HOST = host.triple() or "pulley64"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (20 << 20, "a core WebAssembly module that was cut off or damaged (it has 20971520 bytes)"),
        ((5 << 30), "5368709120 bytes, and"),
    ],
)
def test_a_head_and_zeros(project: Project, size: int, said: str) -> None:
    path = project.write("add.wat", HEAD)
    os.truncate(path, size)
    assert said in project.run("build", status=1).stderr
    assert said in project.run("inspect", "add.wat", status=1).stderr
    ended = project.run("compile", "add.wat", "--triple", "pulley64", "-o", "out.cwasm", status=1)
    assert said in ended.stderr
    assert "ulimit" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit is a command of POSIX")
@pytest.mark.parametrize("arguments", [["build"], ["compile", "add.wat", "--target", "x64", "-o", "out.cwasm"]])
@pytest.mark.parametrize("compiler", ["cli", "embedded"])
def test_an_artifact_that_is_larger_than_files_may_be(project: Project, arguments: list[str], compiler: str) -> None:
    """16 blocks of 512 bytes are more than all else that is written, and less than an artifact."""
    keep_bytecode()
    project.declare(PROJECT + f'compiler = "{compiler}"\n[targets.x64]\ntriple = "{HOST}"\n' + MODULES)
    argv = [sys.executable, "-m", "wasmbuild.cli", *arguments]
    limited = ["/bin/sh", "-c", 'ulimit -f 16; exec "$@"', "sh", *argv]
    environment = {**os.environ, "WASMBUILD_CACHE": "off"}
    ended = subprocess.run(
        limited, cwd=project.root, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 3, ended.stderr
    assert "files may not get that large here; raise the limit (ulimit -f)" in ended.stderr


@pytest.mark.slow
def test_what_exports_tens_of_thousands_of_long_names_is_made_and_read(project: Project, tmp_path: Path) -> None:
    """As the modules of DuckDB have them."""
    names = [f"_ZN6duckdb{number:06}{'Vector' * 14}" for number in range(75_000)]
    functions = section(3, vec([b"\0"])) + exports(*[(name, 0, 0) for name in names])
    code = section(10, vec([b"\x02\0\x0b"]))
    project.write("large.wasm", MODULE + types(func([I32, I64, I32, I64])) + functions + code)
    project.declare(PROJECT + '[targets.any]\ntriple = "pulley64"\n[modules.large]\nsource = "large.wasm"\n')
    project.environment["WASMBUILD_CACHE"] = str(tmp_path / "cache")
    assert project.outcomes() == {"large@any": "compiled"}
    good = project.files()
    assert project.outcomes() == {"large@any": "up-to-date"}
    assert project.verdicts()["large@any"]["level"] == "loaded"
    shutil.rmtree(project.build)
    assert project.outcomes() == {"large@any": "restored"}
    assert project.files() == good
    [file] = json.loads(project.run("inspect", "--json", "build/any/large.cwasm").stdout)["files"]
    assert [export["name"] for export in file["origin"]["exports"]] == names
