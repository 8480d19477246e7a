"""Sources that are too large or empty inside: refused at once, by every command alike."""

from __future__ import annotations

import os

import pytest
from support import Project

HEAD = b"\0asm\1\0\0\0"


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
