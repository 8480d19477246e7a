"""What is told of machines that wasmbuild compiles nothing for is so of the real executable."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wasmbuild.engine import pulley, triples
from wasmbuild.toolchain import find, search_path

MACHINES = [*pulley._32_BIT, *pulley._64_BIT, *pulley._COMPILED_FOR]


def test_wasmtime_has_a_compiler_where_nothing_else_is_told(tmp_path: Path) -> None:
    executable = find.find("cli", search_path.default_line(), ".").path
    (tmp_path / "m.wat").write_text("(module)")
    compiled, told = [], []
    for machine in MACHINES:
        triple = f"{machine}-unknown-linux-gnu"
        command = [executable, "compile", "--target", triple, "m.wat", "-o", "m.cwasm"]
        if subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120).returncode == 0:
            compiled.append(machine)
        with pytest.raises(ValueError, match=machine) as error:
            triples.parse(triple)
        if "for which Wasmtime has no compiler" not in str(error.value):
            told.append(machine)
    assert compiled == told
