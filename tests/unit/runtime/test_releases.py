"""What is published while it is loaded: links that are swapped, builds that are going on, clocks that stand still."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wasmtime

from wasmbuild import runtime
from wasmbuild.builder.lock import Lock
from wasmbuild.confined import ConfinedDirectory
from wasmbuild.project import filenames
from wasmbuild.runtime import publication
from wasmbuild.shipment import artifacts, manifests

posix = pytest.mark.skipif(os.name == "nt", reason="links are made by anybody on POSIX only")


def real(number: int) -> bytes:
    """Return an artifact that Wasmtime loads."""
    config = wasmtime.Config()
    config.parallel_compilation = False
    wat = f'(module (func (export "v") (result i32) i32.const {number}))'
    return bytes(wasmtime.Module(wasmtime.Engine(config), wat).serialize())


def value(loaded: runtime.Loaded) -> int:
    store = wasmtime.Store(loaded.engine)
    function = wasmtime.Instance(store, loaded.module, []).exports(store)["v"]
    assert isinstance(function, wasmtime.Func)
    return int(function(store))


class Releases:
    """Two whole releases, and a link to one of them."""

    def __init__(self, root: Path, shipping: Callable[[Path], Any]) -> None:
        self.link = root / "current"
        self._root = root
        for number in (1, 2):
            release = shipping(root / f"release{number}")
            release.target("here", {"a": real(number), f"only{number}": real(number)})
            release.index()
        self.point(1)

    def point(self, number: int) -> None:
        (self._root / "next").symlink_to(f"release{number}")
        (self._root / "next").replace(self.link)


@pytest.fixture
def releases(tmp_path: Path, shipping: Any) -> Releases:
    return Releases(tmp_path, type(shipping))


def before(module: Any, name: str, what: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something right before a function of a module is called, once."""
    function = getattr(module, name)

    def called(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(module, name, function)
        what()
        return function(*arguments, **options)

    monkeypatch.setattr(module, name, called)


@posix
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda where: value(runtime.load(where, "a")), 1),
        (lambda where: value(runtime.load(where / "index.json", "a")), 1),
        (lambda where: value(runtime.load(where / "here", "a")), 1),
        (runtime.modules, ["a", "only1"]),
        (lambda where: isinstance(runtime.engine(where), wasmtime.Engine), True),
        (lambda where: isinstance(runtime.config(where), wasmtime.Config), True),
        (lambda where: value(runtime.Watcher(where, interval=0).get("a")) in (1, 2), True),
    ],
)
@pytest.mark.parametrize(
    ("module", "name"), [(manifests, "read_target"), (artifacts, "open_listed"), (ConfinedDirectory, "open")]
)
def test_a_link_that_is_swapped_in_the_midst_of_it(
    releases: Releases,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[Path], object],
    expected: object,
    module: Any,
    name: str,
) -> None:
    before(module, name, lambda: releases.point(2), monkeypatch)
    assert call(releases.link) == expected
    releases.point(2)
    assert value(runtime.load(releases.link, "a")) == 2


@posix
@pytest.mark.parametrize("is_settled", [True, False])
@pytest.mark.parametrize("named", [".", "index.json", "here"])
def test_a_release_that_was_renamed_is_told_by_its_new_name(
    tmp_path: Path, shipping: Any, monkeypatch: pytest.MonkeyPatch, named: str, is_settled: bool
) -> None:
    tmp_path = tmp_path.resolve()
    release = type(shipping)(tmp_path / "incoming" / "build")
    artifact = release.target("here", {"a": real(1)}) / "a.cwasm"
    release.index()
    link = tmp_path / "current"
    link.symlink_to("incoming/build")
    later = time.time_ns() + 60_000_000_000 if is_settled else 0
    monkeypatch.setattr("wasmbuild.runtime.shipments.time.time_ns", lambda: later)
    assert runtime.load(link / named, "a").path == str(artifact)
    # What lies below keeps all of its times.
    (tmp_path / "incoming").rename(tmp_path / "release")
    link.unlink()
    link.symlink_to("release/build")
    renamed = tmp_path / "release" / "build" / "here" / "a.cwasm"
    assert runtime.load(link / named, "a").path == str(renamed)
    renamed.write_bytes(b"")
    with pytest.raises(runtime.DamagedError) as caught:
        runtime.load(link / named, "a")
    assert str(caught.value).startswith(f"{renamed} has 0 bytes")


@posix
def test_a_link_that_is_swapped_all_the_time(releases: Releases) -> None:
    stop = threading.Event()

    def swap() -> None:
        number = 0
        while not stop.is_set():
            releases.point(number % 2 + 1)
            number += 1

    thread = threading.Thread(target=swap)
    thread.start()
    watcher = runtime.Watcher(releases.link, interval=0)
    try:
        for _ in range(150):
            assert value(runtime.load(releases.link, "a")) in (1, 2)
            assert value(watcher.get("a")) in (1, 2)
            assert runtime.modules(releases.link) in (["a", "only1"], ["a", "only2"])
        assert not watcher.errors
    finally:
        stop.set()
        thread.join()


def test_a_version_that_no_time_of_the_file_system_shows(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system with times of whole seconds, and the same inode and size again."""
    second = time.time_ns() // 1_000_000_000 * 1_000_000_000
    now = second + 100_000_000
    monkeypatch.setattr("wasmbuild.files.signature", lambda status: (1, 2, status.st_size, second, second))
    monkeypatch.setattr("wasmbuild.runtime.shipments.time.time_ns", lambda: now)
    watcher = runtime.Watcher(shipping.root, interval=0)
    for number in (1, 2, 3):
        shipping.__init__(shipping.root)
        shipping.target("here", {"a": real(number)})
        shipping.index()
        assert value(watcher.get("a")) == value(runtime.load(shipping.root, "a")) == number
        same = watcher.get("a")
        assert watcher.get("a") is same
    # When the clock has gone on far enough, the times are believed, and nothing is read any more.
    now = second + 3_000_000_000
    watcher.get("a")
    monkeypatch.setattr(ConfinedDirectory, "open", None)
    assert watcher.get("a") is same


@pytest.fixture
def being_built(shipping: Any) -> Iterator[Lock]:
    """A build that holds its lock, and has taken away what it makes anew."""
    shipping.root.mkdir()
    shipping.index()
    lock = Lock(shipping.root / filenames.BUILD_LOCK)
    lock.acquire()
    yield lock
    lock.release()


def clock(monkeypatch: pytest.MonkeyPatch, on_sleep: Callable[[float], None]) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        on_sleep(now)

    monkeypatch.setattr(publication, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))


@posix
@pytest.mark.parametrize("made_before", [False, True])
@pytest.mark.parametrize("state", ["build/.wasmbuild", "state"])
@pytest.mark.parametrize(
    "at", ["build", "build/index.json", "build/here", "build/here/", "build/here/manifest.json", "link", "link/here"]
)
def test_a_build_that_is_going_on_is_waited_for(
    shipping: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, state: str, made_before: bool
) -> None:
    def publish(now: float) -> None:
        if 0.5 < now < 0.53:
            shipping.target("here", {"a": real(1)})
            shipping.index()

    (shipping.root / "here" if made_before else shipping.root).mkdir(parents=True)
    shipping.index()
    (tmp_path / "link").symlink_to("build")
    lock = Lock(tmp_path / state / "lock", shipping.root)
    lock.acquire()
    clock(monkeypatch, publish)
    assert value(runtime.load(f"{tmp_path}/{at}", "a")) == 1
    lock.release()


def test_a_build_that_goes_on_for_long_is_told(
    shipping: Any, being_built: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    clock(monkeypatch, slept.append)
    with pytest.raises(runtime.NoFittingArtifactError) as caught:
        runtime.load(shipping.root, "a")
    assert str(caught.value) == (
        f"{shipping.root / 'index.json'} has no targets; a build is writing in this directory: try again when it has "
        "ended, or build elsewhere and let a link or a rename publish the whole directory at once"
    )
    assert 1.9 < slept[-1] < 2.1
    being_built.release()
    slept.clear()
    with pytest.raises(runtime.NoFittingArtifactError, match="has no targets; a target stands there when"):
        runtime.load(shipping.root, "a")
    assert not slept


def test_a_watcher_that_has_a_module_waits_for_nothing(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shipping.target("here", {"a": real(1)})
    watcher = runtime.Watcher(shipping.index(), interval=0)
    first = watcher.get("a")
    (shipping.root / "here" / "a.cwasm").write_bytes(b"half of it")
    os.utime(shipping.root / "index.json", ns=(1, 1))
    lock = Lock(shipping.root / filenames.BUILD_LOCK)
    lock.acquire()
    slept: list[float] = []
    clock(monkeypatch, slept.append)
    assert watcher.get("a") is first
    lock.release()
    assert not slept
    assert isinstance(watcher.errors["a"], runtime.DamagedError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_is_not_stopped_by_what_another_thread_held(shipping: Any) -> None:
    from wasmbuild.runtime import compiling, engines, shipments

    shipping.target("here", {"a": b"x"})
    shipping.target("everywhere", {"b": b"x"}, "pulley64")
    root = shipping.index()
    watcher = runtime.Watcher(root)
    with shipments.open_shipment(root) as opened:
        locks = [shipments._lock, engines._lock, compiling._lock, watcher._lock, opened.shipment._lock]
    for lock in locks:
        lock.mutex.acquire()
    child = os.fork()
    if not child:
        status = 1
        try:
            status = not all(lock.mutex.acquire(timeout=0) for lock in locks)
        finally:
            os._exit(status)
    for lock in locks:
        lock.mutex.release()
    assert os.waitpid(child, 0)[1] == 0
