"""SCons as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import TARGETS, Project

TOOL = """
from wasmbuild.scons import wasmbuild
env = Environment(tools=["default", wasmbuild])
"""
SCONSTRUCT = TOOL + 'wasm, manifests = env.Wasmbuild("wasmbuild.toml", "build")\n'
EPOCHS = TARGETS.replace("[targets.arm]", "[targets.arm]\nengine = { epoch-interruption = true }")
EVERYTHING = {"arm/add", "arm/sub", "x64/add", "x64/sub"}


class Built(Project):
    def __init__(self, root: Path, sconstruct: str = SCONSTRUCT) -> None:
        super().__init__(root)
        self.write("SConstruct", sconstruct)

    def scons(self, *arguments: str, status: int = 0, typed: str = "") -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "SCons", "-Q", *arguments],
            cwd=self.root,
            env={**os.environ, **self.environment},
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
        )
        said = ended.stdout + ended.stderr
        assert ended.returncode == status, said
        assert "Traceback" not in said
        return said

    def made(self, *arguments: str, status: int = 0) -> set[str]:
        """Run SCons, and return what it compiled."""
        lines = self.scons(*arguments, status=status).splitlines()
        return {
            line.removeprefix("wasmbuild build/").removesuffix(".cwasm") for line in lines if line.endswith(".cwasm")
        }


def is_up_to_date(project: Built) -> bool:
    return "scons: `.' is up to date." in project.scons()
