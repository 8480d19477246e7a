"""A new index means new modules; instances of the old ones live on, and what is broken does not replace what works."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
import wasmtime
from support import Project
from wasmtime import component

from wasmbuild import api, runtime
from wasmbuild.engine import host

HOST = host.triple() or "pulley64"
TOML = f"""
[project]
name = "demo"
[targets.here]
triple = "{HOST}"
[modules.answer]
source = "answer.wat"
[modules.same]
source = "same.wat"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.write("same.wat", "(module)")
    project.declare(TOML)
    publish(project, 1)
    return project


def publish(project: Project, number: int) -> None:
    project.write("answer.wat", f'(module (func (export "answer") (result i32) (i32.const {number})))')
    project.run("build")


def answer(store: wasmtime.Store, instance: wasmtime.Instance) -> int:
    function = instance.exports(store)["answer"]
    assert isinstance(function, wasmtime.Func)
    return int(function(store))


def instance_of(loaded: runtime.Loaded) -> tuple[wasmtime.Store, wasmtime.Instance]:
    store = wasmtime.Store(loaded.engine)
    return store, wasmtime.Instance(store, loaded.module, [])


def test_a_new_index_brings_new_modules(project: Project) -> None:
    watcher = runtime.Watcher(project.build, interval=0)
    first, same = watcher.get("answer"), watcher.get("same")
    old = instance_of(first)
    assert watcher.get("answer") is first
    publish(project, 2)
    second = watcher.get("answer")
    assert second is not first
    assert answer(*instance_of(second)) == 2
    assert answer(*old) == answer(*instance_of(first)) == 1
    assert watcher.get("answer") is second
    assert watcher.get("same") is same


def test_it_looks_no_more_often_than_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("wasmbuild.runtime.watching.time.monotonic", lambda: now)
    watcher = runtime.Watcher(project.build, interval=10)
    first = watcher.get("answer")
    publish(project, 2)
    now = 9.9
    assert watcher.get("answer") is first
    now = 10.0
    assert watcher.get("answer") is not first


def test_what_is_broken_does_not_replace_what_works(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    watcher = runtime.Watcher(project.build, interval=0)
    first = watcher.get("answer")
    index, artifact = project.build / "index.json", project.build / "here" / "answer.cwasm"
    good = artifact.read_bytes()
    artifact.write_bytes(good[:-1])
    os.utime(index)
    assert watcher.get("answer") is first
    assert isinstance(watcher.errors["answer"], runtime.DamagedError)
    assert watcher.get("answer") is first
    assert [record.getMessage() for record in caplog.records] == [
        f"answer: keeping what was loaded before: {watcher.errors['answer']}"
    ]
    artifact.write_bytes(good)
    assert watcher.get("answer") is first
    assert not watcher.errors
    artifact.write_bytes(good[:-1])
    os.utime(index)
    assert watcher.get("answer") is first
    assert len(caplog.records) == 2
    artifact.write_bytes(good)
    assert watcher.get("answer") is first
    shutil.rmtree(project.build)
    assert watcher.get("answer") is first
    publish(project, 3)
    assert answer(*instance_of(watcher.get("answer"))) == 3


def test_a_build_that_goes_on_is_told_once(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    watcher = runtime.Watcher(project.build, interval=0)
    first = watcher.get("answer")
    project.write("answer.wat", '(module (func (export "answer") (result i32) (i32.const 2)))')

    def look(id: str) -> None:
        assert [watcher.get("answer") for _ in range(3)] == [first] * 3

    api.build(project.root / "wasmbuild.toml", on_compiled=look)
    assert len(caplog.records) == 1
    assert answer(*instance_of(watcher.get("answer"))) == 2


def test_what_is_broken_is_tried_once_a_look(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("wasmbuild.runtime.watching.time.monotonic", lambda: now)
    watcher = runtime.Watcher(project.build, interval=10)
    first = watcher.get("answer")
    publish(project, 2)
    (project.build / "here" / "answer.cwasm").write_bytes(b"")
    loads: list[str] = []

    def load(patience: float, where: Path, module: str) -> runtime.Loaded:
        assert not patience
        loads.append(module)
        return runtime.load(where, module)

    monkeypatch.setattr("wasmbuild.runtime.watching.load_within", load)
    for at in (10.0, 11.0, 19.0, 20.0):
        now = at
        assert watcher.get("answer") is first
    assert loads == ["answer", "answer"]


def test_a_target_that_comes_after_the_index(project: Project) -> None:
    project.declare(TOML.replace("[modules.answer]", '[targets.anywhere]\ntriple = "pulley64"\n[modules.answer]'))
    publish(project, 1)
    (project.build / "here").rename(project.build / "late")
    watcher = runtime.Watcher(project.build, interval=0)
    first = watcher.get("answer")
    assert (first.target, watcher.get("answer")) == ("anywhere", first)
    (project.build / "late").rename(project.build / "here")
    second = watcher.get("answer")
    assert (second.target, watcher.get("answer")) == ("here", second)


@pytest.mark.parametrize("closed", ["module", "engine"])
def test_what_the_application_closed_is_loaded_anew(project: Project, closed: str) -> None:
    watcher = runtime.Watcher(project.build, interval=1000)
    first = watcher.get("answer")
    getattr(first, closed).close()
    second = watcher.get("answer")
    assert answer(*instance_of(second)) == 1
    assert watcher.get("answer") is second
    getattr(second, closed).close()
    shutil.rmtree(project.build)
    with pytest.raises(runtime.NoShipmentError):
        watcher.get("answer")
    publish(project, 2)
    assert answer(*instance_of(watcher.get("answer"))) == 2


def test_a_component_that_the_application_closed_is_loaded_anew(project: Project) -> None:
    project.write("same.wat", "(component)")
    project.run("build")
    watcher = runtime.Watcher(project.build, interval=1000)
    first = watcher.get("same")
    first.component.close()
    second = watcher.get("same")
    assert second is not first
    component.Linker(second.engine).instantiate(wasmtime.Store(second.engine), second.component)
    assert watcher.get("same") is second


def test_what_was_never_loaded_is_an_error(project: Project) -> None:
    watcher = runtime.Watcher(project.build, targets="here", check="size")
    with pytest.raises(runtime.NotInManifestError):
        watcher.get("none")
    assert watcher.get("answer").target == "here"


def test_threads_see_one_module(project: Project) -> None:
    watcher = runtime.Watcher(project.build, interval=0)
    seen: list[int] = []

    def work() -> None:
        for _ in range(50):
            seen.append(id(watcher.get("answer")))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
