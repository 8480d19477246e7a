"""Builds on a Dask cluster that works: the bytes, the words and the ways are those of a local build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wheels
from clusters import Cluster, build, local
from support import ALL, HEAD, MODULES, TARGETS, Project

pytestmark = [
    pytest.mark.needs_modules("distributed"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]


class TestWhole:
    def test_the_bytes_are_those_of_a_local_build(self, project: Project, shared: Cluster, tmp_path: Path) -> None:
        report = json.loads(build(project, shared, "--json").stdout)
        assert {entry["id"]: entry["outcome"] for entry in report["artifacts"]} == dict.fromkeys(ALL, "compiled")
        assert {entry["worker"] for entry in report["artifacts"]} <= {"one", "two"}
        assert project.files() == local(project, tmp_path)
        assert project.compiled() == set()

    def test_progress_says_where(self, project: Project, shared: Cluster) -> None:
        said = build(project, shared).stderr
        assert said.count("  on one; ") + said.count("  on two; ") == 4
        assert "4 artifacts: 4 compiled on " in said

    def test_an_artifact_that_does_not_compile_stops_no_other(self, project: Project, shared: Cluster) -> None:
        project.write("add.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\xff")
        project.declare(HEAD + TARGETS + MODULES.replace("add.wat", "add.wasm"))
        ended = build(project, shared, "--json", status=1)
        outcomes = {entry["id"]: entry for entry in json.loads(ended.stdout)["artifacts"]}
        assert {id for id, entry in outcomes.items() if entry["outcome"] == "compiled"} == {"sub@x64", "sub@arm"}
        here = json.loads(project.run("build", "--json", status=1).stdout)["artifacts"]
        # The command that is shown is for this machine, and names the compiler that it has here.
        told = {entry["id"]: entry["error"] for entry in here if entry["outcome"] == "failed"}
        assert told.keys() == {"add@x64", "add@arm"}
        for id, error in told.items():
            assert "\n    $ " in error
            assert outcomes[id]["error"] in {f"on {worker}: {error}" for worker in ("one", "two")}

    def test_from_doit_by_the_environment(self, project: Project, shared: Cluster) -> None:
        project.write(
            "dodo.py",
            'from wasmbuild.doit import load\nDOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()\n',
        )
        ended = subprocess.run(
            [sys.executable, "-m", "doit", "-n", "4", "compile"],
            cwd=project.root,
            env={**os.environ, "WASMBUILD_EXECUTOR": shared.address},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.count("  on one; ") + ended.stdout.count("  on two; ") == 4
        assert project.compiled() == set()

    def test_each_line_by_its_own_compiler(self, project: Project, shared: Cluster, tmp_path: Path) -> None:
        """Workers are sent the executable of the other line, which no variable may name: it would be of both."""
        other = wheels.executable_of_line(49)
        project.environment["PATH"] = f"{other.parent}{os.pathsep}{os.environ['PATH']}"
        project.environment["XDG_DATA_HOME"] = str(tmp_path / "data")
        next_line = TARGETS.replace("[targets.arm]", '[targets.arm]\nwasmtime = "49"')
        project.declare(HEAD + next_line + MODULES)
        said = build(project, shared).stderr
        assert "4 artifacts: 4 compiled on " in said
        versions = {}
        for target in ("x64", "arm"):
            manifest = json.loads((project.build / target / "manifest.json").read_bytes())
            versions[target] = manifest["wasmtime"]["compiler"].partition(".")[0]
        assert versions == {"x64": "48", "arm": "49"}
        elsewhere = project.files()
        shutil.rmtree(project.build)
        project.run("build", alone=True)
        assert project.files() == elsewhere

    def test_where_the_declaration_says(self, project: Project, shared: Cluster) -> None:
        project.declare(HEAD + f'[build]\nexecutor = "{shared.address}"\n' + TARGETS + MODULES)
        for _ in range(2):  # read, and remembered
            assert "4 artifacts: 4 compiled on " in project.run("build", alone=True).stderr
            shutil.rmtree(project.build)
        assert "4 artifacts: 4 compiled in " in project.run("build", "--executor", "local").stderr
        shutil.rmtree(project.build)
        code = "from wasmbuild.api import build; print(len(build().compiled))"
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False
        )
        assert (ended.stdout, ended.stderr) == ("4\n", "")
        assert "Run out-of-band function 'examine'" in shared.log("one")

    def test_compiled_again_elsewhere(self, project: Project, shared: Cluster) -> None:
        project.run("build")
        said = build(project, shared, "--check-reproducible").stderr
        assert "4 artifacts compiled again: 4 with the same bytes" in said

    def test_what_is_up_to_date_asks_no_scheduler(self, project: Project) -> None:
        project.run("build")
        ended = project.run("build", "--executor", "dask://127.0.0.1:1", alone=True)
        assert ended.stderr == "4 artifacts are up to date\n"

    def test_a_local_build_knows_nothing_of_dask(self, project: Project) -> None:
        code = "import sys; from wasmbuild.cli import main; main(['build', '-q']); print(*sys.modules)"
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=True
        )
        loaded = set(ended.stdout.split())
        assert not {"distributed", "dask", "asyncio", "wasmbuild.builder.executors.dask"} & loaded
        assert (project.build / "x64/add.cwasm").exists()
