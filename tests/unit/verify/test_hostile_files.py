"""Links out of a directory, devices, FIFOs and sockets in it: blamed, not waited for, and nothing outside is opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mischief
import pytest
from mischief import Watch
from shipped import BAD, INDEX, MANIFEST, Shipped

from wasmbuild.verify import verify

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, devices and FIFOs of POSIX")

OUT = "leads out of the directory through a link"


KINDS: dict[str, tuple[mischief.Replace, str]] = {
    "directory": (mischief.directory, "is a directory, not a regular file"),
    "FIFO": (mischief.fifo, "is a FIFO, not a regular file"),
    "socket": (mischief.unix_socket, "is a socket, not a regular file"),
    "device": (mischief.device, "is a device, not a regular file"),
    "link to a device": (mischief.link("/dev/zero"), OUT),
    "link to itself": (lambda path: mischief.link(path.name)(path), "is a link that leads to itself"),
    "link to nothing": (mischief.link("none"), "is missing"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blamed", [BAD, MANIFEST, INDEX])
def test_what_is_no_file_is_blamed(shipped: Shipped, blamed: str, kind: str) -> None:
    make, said = KINDS[kind]
    try:
        make(shipped.where(blamed))
    except PermissionError:
        pytest.skip("this user may make no devices")
    assert said in shipped.blame(blamed)


def link(path: Path, to: Path | str) -> None:
    """Put a link in place of what is there."""
    if os.path.lexists(path):
        path.rename(path.parent.parent / f"was-{path.name}")
    path.symlink_to(to)


def chain(s: Shipped) -> None:
    link(s.artifact, "first")
    link(s.root / "pi" / "first", "second")
    link(s.root / "pi" / "second", "../../outside/pi/bad.cwasm")


def by_a_directory(s: Shipped, to: Path | str) -> None:
    s.say("artifacts.0.path", "sub/bad.cwasm")
    link(s.root / "pi" / "sub", to)


def manifest_of_edge(s: Shipped) -> None:
    link(s.manifest, "../edge/manifest.json")
    s.agree()


LINKS: dict[str, tuple[Callable[[Shipped], None], str, str]] = {
    "artifact": (lambda s: link(s.artifact, "../../outside/pi/bad.cwasm"), BAD, OUT),
    "artifact, absolute": (lambda s: link(s.artifact, s.outside / "pi" / "bad.cwasm"), BAD, OUT),
    "artifact, by a chain": (chain, BAD, OUT),
    "artifact, by a directory": (lambda s: by_a_directory(s, "../../outside/pi"), BAD, OUT),
    "artifact, by an absolute directory": (lambda s: by_a_directory(s, s.outside / "pi"), BAD, OUT),
    "artifact of another target": (lambda s: link(s.artifact, "../edge/good.cwasm"), BAD, OUT),
    "manifest": (lambda s: link(s.manifest, "../../outside/pi/manifest.json"), MANIFEST, OUT),
    "manifest, by a directory": (lambda s: link(s.root / "pi", "../outside/pi"), MANIFEST, OUT),
    "manifest of another target": (manifest_of_edge, MANIFEST, "is that of filters, target edge"),
    "index": (lambda s: link(s.index, "../outside/index.json"), INDEX, OUT),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_that_leads_elsewhere_is_blamed(shipped: Shipped, name: str) -> None:
    change, blamed, said = LINKS[name]
    change(shipped)
    assert said in shipped.blame(blamed)


@pytest.mark.parametrize("linked", [MANIFEST, "pi"])
def test_without_an_index_no_link_leads_out_either(shipped: Shipped, linked: str) -> None:
    shipped.index.unlink()
    (shipped.root / linked).rename(shipped.root.parent / "moved")
    (shipped.root / linked).symlink_to(shipped.outside / linked)
    (shipped.root / "once-more").symlink_to("edge")
    assert OUT in shipped.blame(MANIFEST)


@pytest.fixture
def opened(shipped: Shipped) -> Iterator[Callable[[], set[str]]]:
    """Tells, once, the names of the files outside that were opened since."""
    yield Watch(shipped.outside).opened
    watch = Watch(shipped.outside)
    (shipped.outside / MANIFEST).read_bytes()
    assert watch.opened() == {"manifest.json"}


@pytest.mark.skipif(sys.platform != "linux", reason="inotify of Linux")
@pytest.mark.parametrize("indexed", [True, False], ids=["index", "manifests"])
@pytest.mark.parametrize("name", LINKS)
def test_nothing_outside_of_the_directory_is_opened(
    shipped: Shipped, opened: Callable[[], set[str]], name: str, indexed: bool
) -> None:
    LINKS[name][0](shipped)
    if not indexed:
        shipped.index.unlink()
    verify([shipped.root], level="intact")
    assert opened() == set()


@pytest.mark.skipif(sys.platform != "linux", reason="inotify of Linux")
@pytest.mark.parametrize("path", ["../../outside/pi/bad.cwasm", "{outside}/pi/bad.cwasm"])
def test_nor_is_what_a_path_names(shipped: Shipped, opened: Callable[[], set[str]], path: str) -> None:
    shipped.say("artifacts.0.path", path.format(outside=shipped.outside))
    shipped.blame(MANIFEST)
    shipped.say_in_index("targets.1.path", "../outside/pi/manifest.json")
    shipped.blame(INDEX)
    assert opened() == set()
