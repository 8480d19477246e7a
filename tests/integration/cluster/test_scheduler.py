"""Schedulers of Dask clusters that are lost, hang, or were never there, and builds that are interrupted."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import certificates
import pytest
from clusters import Cluster, build, first_line, heavy
from support import Project

from wasmbuild.builder.executors import cluster as clusters
from wasmbuild.builder.executors.cluster_client import ClusterPatience

pytestmark = [
    pytest.mark.needs_modules("distributed"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]


class TestScheduler:
    @pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
    def test_one_that_is_lost_is_one_error(
        self, large: Project, cluster: Cluster, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(lost=6, answer=3, stop=2))
        cluster.worker("one")
        killed = large.root / "killed"
        script = f"import glob, os, time\nwhile not glob.glob({str(large.build / 'x64/*.cwasm')!r}): time.sleep(0.01)\n"
        script += f"os.kill({cluster.scheduler.pid}, {int(number)})\nopen({str(killed)!r}, 'w')\n"
        with subprocess.Popen([sys.executable, "-c", script]):
            ended = large.run("build", "--executor", cluster.address, status=3)
        assert killed.exists()
        errors = [line for line in ended.stderr.splitlines() if "error" in line.lower()]
        assert errors == [ended.stderr.splitlines()[-1]]
        assert errors[0].startswith(f"error: the Dask scheduler at 127.0.0.1:{cluster.port} does not answer any more: ")
        assert large.compiled() < {f"m{number}@{target}" for number in range(6) for target in ("x64", "arm")}

    def test_one_that_is_lost_is_told_in_time(self, large: Project, cluster: Cluster) -> None:
        cluster.worker("one")
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            cluster.signal("scheduler", signal.SIGSTOP)
            # A minute is promised; to end in order may take half of one more, and longer on a busy machine.
            _, said = process.communicate(timeout=180)
        assert process.returncode == 3
        assert "does not answer any more" in said

    def test_without_a_worker(self, project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(workers=1))
        ended = project.run("build", "--executor", cluster.address, status=3)
        assert ended.stderr.splitlines()[-1] == (
            f"error: the Dask scheduler at 127.0.0.1:{cluster.port} has had no worker for 1 s; "
            f"start one: dask worker 127.0.0.1:{cluster.port}"
        )

    def test_a_worker_in_its_place(self, project: Project, cluster: Cluster) -> None:
        cluster.worker("one")
        address = re.findall(r"Start worker at: *tcp://(\S+)", cluster.log("one"))[0]
        ended = project.run("build", "--executor", f"dask://{address}", status=3)
        assert ended.stderr.splitlines()[-1] == (
            f"error: what answers at {address} is no scheduler but another part of a Dask cluster; name the address "
            "that dask scheduler prints"
        )

    def test_none_there(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(connect=1))
        ended = project.run("build", "--executor", "dask://127.0.0.1:1", status=3)
        assert ended.stderr.splitlines()[-1].startswith("error: there is no Dask scheduler at 127.0.0.1:1: ")

    def test_one_that_speaks_tls(self, project: Project, tmp_path: Path) -> None:
        issued = certificates.issued(tmp_path / "certificates")
        settings = {"CA_FILE": str(issued.authority)}
        for who in ("SCHEDULER", "WORKER", "CLIENT"):
            settings |= {f"{who}__CERT": str(issued.certificate), f"{who}__KEY": str(issued.key)}
        settings = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": value for name, value in settings.items()}
        cluster = Cluster(tmp_path / "cluster", settings, "tls")
        try:
            cluster.worker("one", environment=settings)
            address = f"tls://127.0.0.1:{cluster.port}"
            said = project.run("build", "--executor", address, status=3, alone=True).stderr
            assert said.splitlines()[-1] == (
                f"error: {address} speaks TLS, for which Dask's configuration names no authority, or no certificate of "
                f"a client; set distributed.comm.tls.ca-file, distributed.comm.tls.client.cert and "
                f"distributed.comm.tls.client.key there, to files"
            )
            project.environment |= settings
            said = project.run("build", "--executor", address, alone=True).stderr
            assert "4 artifacts: 4 compiled on 1 worker" in said
        finally:
            cluster.close()

    @pytest.mark.parametrize("address", ["dask://", "dask://host:99999", "http://host:8786", "somewhere", "dask://a b"])
    def test_no_address(self, project: Project, address: str) -> None:
        told = (
            f'error: executor: "{address}" is no place to compile; '
            f'write "local", or "dask://HOST:8786" for a scheduler of Dask\n'
        )
        assert project.run("build", "--executor", address, status=2).stderr == told
        project.run("build")
        assert project.run("build", "--executor", address, status=2).stderr == told

    def test_without_the_extra(self, project: Project) -> None:
        code = (
            "import sys; sys.modules['distributed'] = None; from wasmbuild.cli import main; "
            "sys.exit(main(['build', '--executor', 'dask://127.0.0.1:1']))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 2
        assert ended.stderr == (
            "error: dask://127.0.0.1:1: Dask is not installed here; run: pip install 'wasmbuild[dask]'\n"
        )


def test_interrupted_nothing_is_left_running(project: Project, cluster: Cluster) -> None:
    cluster.worker("one")
    for name in ("add", "sub"):
        project.write(f"{name}.wat", heavy(3000))
    with project.start("build", "--executor", cluster.address) as process:
        deadline = time.monotonic() + 120
        # Before, it asks the compiler that it was sent for its version.
        while not any(" compile " in command for command in cluster.children("one")):
            assert time.monotonic() < deadline, process.poll()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted")
    assert cluster.children("one") == []
    # The cluster is as good as before, and has nothing else to do.
    for name in ("add", "sub"):
        project.write(f"{name}.wat", heavy(1))
    assert "4 artifacts: 4 compiled on 1 worker" in build(project, cluster).stderr
    assert cluster.log("one").count("Run out-of-band function 'stop'") == 1
