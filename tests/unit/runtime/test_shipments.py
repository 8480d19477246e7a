"""From a path to targets: what is read, in which order it is tried, and when it is read again."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from fallback import EMPTY

from wasmbuild.confined import ConfinedDirectory
from wasmbuild.engine import cpu, host, triples
from wasmbuild.runtime import engine, engines, load, shipments
from wasmbuild.runtime.errors import DamagedError, LinkedOutError, MissingArtifactError, ShipmentError
from wasmbuild.runtime.selection import ALL, candidates, modules

FOREIGN = "s390x-unknown-linux-gnu"


def names(where: Path | str, *fallback: str) -> set[str]:
    with shipments.open_shipment(where) as opened:
        return modules(opened, fallback or ("pulley",))


def settle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock go on until no change of a file could escape its signature."""
    status = path.stat()
    later = max(status.st_mtime_ns, status.st_ctime_ns) + 60_000_000_000
    monkeypatch.setattr("wasmbuild.runtime.shipments.time.time_ns", lambda: later)


def test_a_directory_an_index_and_a_manifest(shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"x"})
    root = shipping.index()
    for where in (root, str(root), root / "index.json", directory, directory / "manifest.json"):
        assert names(where) == {"a"}


def test_targets_of_other_machines_are_told_apart(shipping: Any) -> None:
    shipping.target("other", {"a": b"x"}, FOREIGN)
    shipping.target("here", {"a": b"x"})
    shipping.target("everywhere", {"a": b"x", "b": b"x"}, "pulley64")
    with shipments.open_shipment(shipping.index()) as opened:
        shipment = opened.shipment
        assert [candidate.target for candidate in shipment.native.candidates] == ["here"]
        assert [reason.target for reason in shipment.native.passed_over] == ["other"]
        assert [candidate.target for candidate in opened.portable.candidates] == ["everywhere"]
        assert [reason.target for reason in shipment.left_out] == ["everywhere"]
        assert modules(opened, ()) == {"a"}
    assert names(shipping.root) == {"a", "b"}


@pytest.mark.skipif(not cpu.levels(triples.parse(host.triple() or "pulley64").architecture), reason="no levels")
def test_the_most_cpu_features_come_first_and_the_order_of_the_index_decides_otherwise(shipping: Any) -> None:
    levels = list(cpu.levels(triples.parse(host.triple() or "").architecture).items())
    low, high = levels[0], max(levels, key=lambda level: len(level[1]))
    shipping.target("first", {"a": b"x"}, cpu=low[0], isa_flags=low[1])
    shipping.target("second", {"a": b"x"}, cpu=low[0], isa_flags=low[1])
    shipping.target("best", {"a": b"x"}, cpu=high[0], isa_flags=high[1])
    names = [candidate.target for candidate in shipments.find(shipping.index()).native.candidates]
    assert names == ["best", "first", "second"]


@pytest.mark.skipif(not cpu.levels(triples.parse(host.triple() or "pulley64").architecture), reason="no levels")
def test_a_manifest_that_becomes_right_meanwhile_does_not_go_before_more_cpu_features(shipping: Any) -> None:
    levels = list(cpu.levels(triples.parse(host.triple() or "").architecture).items())
    low, high = levels[0], max(levels, key=lambda level: len(level[1]))
    shipping.target("best", {"a": b"x"}, cpu=high[0], isa_flags=high[1])
    late = shipping.target("late", {"a": b"x"}, cpu=low[0], isa_flags=low[1]) / "manifest.json"
    root, right = shipping.index(), late.read_bytes()
    late.write_bytes(right[:-1])
    with shipments.open_shipment(root) as opened:
        late.write_bytes(right)
        assert [candidate.target for candidate in candidates(opened, "a", ALL, (), [])] == ["best", "late"]


def test_manifests_of_other_machines_and_of_pulley_are_not_read_in_vain(shipping: Any) -> None:
    for name, triple in (("other", FOREIGN), ("everywhere", "pulley64")):
        (shipping.target(name, {"a": b"x"}, triple) / "manifest.json").write_text("damaged")
    shipping.target("here", {"a": b"x"})
    with shipments.open_shipment(shipping.index()) as opened:
        assert len(opened.shipment.native.candidates) == 1
        assert modules(opened, ()) == {"a"}
        with pytest.raises(DamagedError, match=r"is not the manifest that index.json names \(its SHA-256 differs\);"):
            modules(opened, ("pulley",))


@pytest.mark.parametrize("damaged", [("here", "also"), ("here", "everywhere"), ("everywhere", "anywhere")])
def test_targets_that_are_not_asked_for_are_left_alone(shipping: Any, damaged: tuple[str, str]) -> None:
    for names_of, triple in ((("here", "also"), None), (("everywhere", "anywhere"), "pulley64")):
        artifact = bytes(wasmtime.Module(engines.default_engine(triple), EMPTY).serialize())
        for name in names_of:
            shipping.target(name, {"a": artifact}, *filter(None, [triple]))
    root = shipping.index()
    manifests = {root / name / "manifest.json": (root / name / "manifest.json").read_bytes() for name in damaged}
    for path in manifests:
        path.write_text("damaged")
    for name in ("here", "also", "everywhere", "anywhere"):
        if name not in damaged:
            assert load(root, "a", targets=name).target == name
            assert engine(root, target=name)
            continue
        with pytest.raises(DamagedError, match=rf"{name}/manifest\.json is not the manifest that index\.json names"):
            load(root, "a", targets=name)
        with pytest.raises(DamagedError, match=rf"{name}/manifest\.json is not the manifest that index\.json names"):
            engine(root, target=name)
    for path, right in manifests.items():
        path.write_bytes(right)
    assert {load(root, "a", targets=name).target for name in damaged} == set(damaged)


def test_a_target_that_was_not_copied_here_is_passed_over(shipping: Any) -> None:
    (shipping.target("gone", {"a": b"x"}) / "manifest.json").unlink()
    shipping.target("here", {"a": b"x"})
    (reason,) = shipments.find(shipping.index()).native.passed_over
    assert isinstance(reason.error, MissingArtifactError)
    assert str(reason).startswith("gone is not here: ")
    assert reason.error.hint.startswith("copy the whole directory of the target: build again")


@pytest.mark.parametrize("triple", [None, "pulley64"])
@pytest.mark.parametrize("settled", [True, False])
def test_a_target_that_comes_after_the_index_is_found(
    shipping: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, triple: str | None, settled: bool
) -> None:
    late = shipping.target("late", {"a": b"x"}, *filter(None, [triple]))
    shipping.target("here", {"b": b"x"})
    root = shipping.index()
    if settled:
        settle(root / "index.json", monkeypatch)
    late.rename(tmp_path / "late")
    assert names(root) == {"b"}
    first = shipments.find(root)
    assert shipments.find(root) is first
    late.mkdir()
    (late / "manifest.json").write_bytes((tmp_path / "late" / "manifest.json").read_bytes()[:-9])
    assert shipments.find(root) is first
    (tmp_path / "late" / "manifest.json").replace(late / "manifest.json")
    assert names(root) == {"a", "b"}
    second = shipments.find(root)
    assert second is not first
    assert shipments.find(root) is second


def test_a_manifest_of_another_target_is_refused(shipping: Any) -> None:
    shipping.target("here", {"a": b"x"}, target="there")
    with pytest.raises(DamagedError, match=r"is that of demo, target there .*, and index.json says demo, target here "):
        names(shipping.index())


def test_a_manifest_behind_a_link_that_leaves_is_refused(shipping: Any, tmp_path: Path) -> None:
    directory = shipping.target("here", {"a": b"x"})
    directory.rename(tmp_path / "outside")
    directory.symlink_to(tmp_path / "outside", target_is_directory=True)
    root = shipping.index()
    with pytest.raises(LinkedOutError, match=r"leads out of the directory through a link; copy .* \(cp -rL\), or name"):
        names(root)
    links = tmp_path / "links"
    links.mkdir()
    (links / "index.json").symlink_to(root / "index.json")
    with pytest.raises(LinkedOutError, match=r"index.json leads out of the directory through a link; copy"):
        shipments.find(links)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0asm\1\0\0\0", "is WebAssembly, not an index or manifest; give load() what wasmbuild wrote beside"),
        (b"\x7fELF", "is a program or artifact, not an index or manifest; give load() what"),
        (b"", "line 1, column 1: Expecting value; the file was edited or damaged, or another program or version of"),
        (b"{}", "artifacts: is missing; it is no manifest or index: name one, or a build directory"),
        (b"\xff", "is not UTF-8 text: byte 0 cannot be read; the file was edited"),
        (b'{"schema": "wasmbuild/index/2"}', 'schema: is "wasmbuild/index/2", and this version of wasmbuild reads'),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(content)
    for where in (path, tmp_path):
        with pytest.raises(ShipmentError) as caught:
            shipments.find(where)
        assert message in str(caught.value)


def test_a_file_of_the_users_own_is_not_to_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "wasmbuild.toml"
    path.write_text('[project]\nname = "p"\n')
    with pytest.raises(ShipmentError, match=r"; it is no manifest or index: name one, or a build directory$"):
        shipments.find(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ShipmentError, match=r"none is missing; name an index, a manifest or a build directory that is"):
        shipments.find(tmp_path / "none")
    with pytest.raises(ShipmentError, match=r"holds neither index.json nor manifest.json; run `wasmbuild build`"):
        shipments.find(tmp_path)
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(ShipmentError, match=r"manifest\.json is a FIFO, not a regular file"):
        shipments.find(tmp_path)
    with pytest.raises(ShipmentError, match=r"cannot be read: .*embedded null "):
        shipments.find("a\0b")


def test_a_path_that_goes_on_below_a_file(shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"x"})
    for where in (f"{directory / 'manifest.json'}/", f"{directory / 'a.cwasm'}/appdata/build"):
        with pytest.raises(ShipmentError) as caught:
            shipments.find(where)
        assert str(caught.value) == (
            f"{where} cannot be opened: Not a directory; name an index, a manifest or a build directory that is there"
        )
    assert names(directory / "manifest.json") == {"a"}


def test_what_stands_is_not_read_again(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shipping.target("here", {"a": b"x"})
    root = shipping.index()
    settle(root / "index.json", monkeypatch)
    first = shipments.find(root)
    assert first.unsettled is None
    monkeypatch.setattr(ConfinedDirectory, "open", None)
    monkeypatch.setattr(ConfinedDirectory, "open_named", None)
    assert shipments.find(root) is first


def test_what_is_new_is_read_again(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = shipping.target("here", {"a": b"x"})
    settle(directory / "manifest.json", monkeypatch)
    assert names(directory) == {"a"}
    shipping.target("here", {"a": b"x", "b": b"x"})
    assert names(directory) == {"a", "b"}
    shipping.root.joinpath("index.json").write_bytes(b"{}")
    assert names(directory) == {"a", "b"}
    (directory / "index.json").write_bytes(b"damaged")
    with pytest.raises(ShipmentError):
        shipments.find(directory)


def test_a_change_that_the_clock_does_not_show_is_noticed(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shipping.target("here", {"a": b"x"}) / "manifest.json"
    monkeypatch.setattr("wasmbuild.files.signature", lambda status: (0, 0, 0, 0, 0))
    monkeypatch.setattr("wasmbuild.runtime.shipments.time.time_ns", lambda: 0)
    first = shipments.find(path)
    assert shipments.find(path) is first
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"b"').replace(b"a.cwasm", b"b.cwasm"))
    assert names(path) == {"b"}


def test_only_so_many_are_remembered(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipments, "_KEPT", 3)
    for number in range(5):
        shipments.find(shipping.target(f"t{number}", {"a": b"x"}))
    assert [os.path.basename(name) for name in shipments._shipments] == ["t2", "t3", "t4"]


def test_many_threads_read_once(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shipping.target("here", {"a": b"x"})
    root = shipping.index()
    settle(root / "index.json", monkeypatch)
    found: list[shipments.Shipment] = []
    threads = [threading.Thread(target=lambda: found.append(shipments.find(root))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
