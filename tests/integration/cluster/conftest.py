"""Dask clusters with a real scheduler and real workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import Cluster, heavy
from support import HEAD, TARGETS, Project


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two workers that no test harms."""
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    for name in ("one", "two"):
        cluster.worker(name)
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers, which may be harmed."""
    settings = {"WORKER_TTL": "5s", "ALLOWED_FAILURES": "1"}  # by default 5 min and 3
    named = {f"DASK_DISTRIBUTED__SCHEDULER__{name}": value for name, value in settings.items()}
    cluster = Cluster(tmp_path / "cluster", named)
    yield cluster
    cluster.close()


@pytest.fixture
def large(project: Project) -> Project:
    """A project whose build takes two workers some seconds."""
    names = [f"m{number}" for number in range(6)]
    for number, name in enumerate(names):
        project.write(f"{name}.wat", heavy(400, seed=number))
    modules = "".join(f'[modules.{name}]\nsource = "{name}.wat"\n' for name in names)
    project.declare(HEAD + TARGETS + modules)
    return project
