"""``wasmbuild inspect`` on artifacts that other tools compiled, with what wasmbuild itself never gives a compiler.

Needs the extra ``cross``: the library and an executable of one line.
"""

from __future__ import annotations

import json
import subprocess

import pytest
from support import Project

# Options of the executable, and what is told of them: settings, and what else differs.
COMPILED = [
    (
        ["-Ccompiler=winch", "-Oopt-level=2"],
        {"strategy": "winch"},
        ['the flag opt_level of Cranelift is "speed"'],
    ),
    (["-Wgc-support=n,component-model-async=n"], {"gc-support": False}, ["1 more that has no name here"]),
    (["-Wgc-support=n,extended-const=n"], {"gc-support": False}, ["1 more that has no name here"]),
    (["-Ccompiler=winch", "-Wcomponent-model-async=n"], {"strategy": "winch"}, ["1 more that has no name here"]),
]


@pytest.mark.parametrize(("options", "settings", "unnamed"), COMPILED)
def test_what_can_be_told_is_told_beside_what_has_no_name(
    project: Project, options: list[str], settings: dict[str, object], unnamed: list[str]
) -> None:
    project.write("start.wat", '(module (func (export "_start")))')
    program = project.run("toolchain", "which").stdout.strip()
    told = {}
    for name, given in (("plain", []), ("other", options)):
        common = ["compile", "--target=x86_64-unknown-linux-gnu", "-Ccache=n", "-Ccollector=drc"]
        command = [program, *common, *given, "start.wat", "-o", f"{name}.cwasm"]
        subprocess.run(command, cwd=project.root, check=True, timeout=60)
        [file] = json.loads(project.run("inspect", "--json", f"{name}.cwasm").stdout)["files"]
        told[name] = file["artifact"]["engine"]
    assert told["plain"]["exact"]
    other = told["other"]
    assert (other["exact"], other["settings"], other["unnamed"]) == (False, {"embedder": "c-api", **settings}, unnamed)
    differs = project.run("inspect", "--diff", "plain.cwasm", "other.cwasm").stdout
    assert all(name in differs for name in (*settings, *unnamed))
