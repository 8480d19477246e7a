from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.errors import UsageError
from wasmbuild.shipment.errors import NO_TARGETS
from wasmbuild.verify.collect import collect
from wasmbuild.verify.outcomes import Verdict

AGAIN = "build again, or copy it again from where it was built"
posix = pytest.mark.skipif(os.name == "nt", reason="links and FIFOs of POSIX")


def taken(*paths: Path, pin: str | None = None) -> list[str | Verdict]:
    """Return the names of the targets that are verified, and the entries of what cannot be."""
    return [item if isinstance(item, Verdict) else item[0].target for item in collect(paths, pin)]


def refusal(*paths: Path, pin: str | None = None) -> str:
    """Return the message of the only thing that was found, which cannot be used."""
    [item] = taken(*paths, pin=pin)
    assert isinstance(item, Verdict)
    assert (item.ok, item.level, item.failed) == (False, None, "intact")
    return item.message


@pytest.fixture
def built(tmp_path: Path, maker: Any) -> Path:
    manifests = [maker.ship(tmp_path, {"checksum": maker.artifact()}, target=name) for name in ("pi", "edge")]
    maker.index(tmp_path, *manifests)
    return tmp_path


def test_an_index_gives_its_targets_in_its_order(built: Path) -> None:
    assert taken(built) == ["pi", "edge"]
    assert taken(built / "index.json") == ["pi", "edge"]


def test_without_an_index_the_manifests_below_are_taken(built: Path) -> None:
    (built / "index.json").unlink()
    assert taken(built) == ["edge", "pi"]
    assert taken(built / "pi") == ["pi"]
    assert taken(built / "pi" / "manifest.json") == ["pi"]


@posix
def test_a_manifest_that_is_a_link_to_nothing_is_not_passed_over(built: Path) -> None:
    (built / "index.json").unlink()
    (built / "pi/manifest.json").unlink()
    (built / "pi/manifest.json").symlink_to("gone.json")
    edge, broken = taken(built)
    assert (edge, getattr(broken, "id", "")) == ("edge", str(built / "pi/manifest.json"))


@posix
def test_below_a_link_that_leads_to_itself_there_is_no_manifest(built: Path) -> None:
    (built / "index.json").unlink()
    (built / "loop").symlink_to("loop")
    assert taken(built) == ["edge", "pi"]


def test_an_index_may_have_any_name(built: Path) -> None:
    (built / "index.json").rename(built / "release.json")
    assert taken(built / "release.json") == ["pi", "edge"]


def test_no_manifest_comes_twice(built: Path) -> None:
    assert taken(built / "edge", built, built / "edge" / "manifest.json") == ["edge", "pi"]


def test_one_unreadable_manifest_does_not_silence_the_others(built: Path) -> None:
    (built / "pi" / "manifest.json").write_bytes(b"{")
    broken, other = taken(built)
    assert other == "edge"
    assert isinstance(broken, Verdict)
    assert broken.id == str(built / "pi" / "manifest.json")
    assert (
        broken.message
        == f"{broken.id} is not the manifest that index.json names (its SHA-256 differs); delete it and {AGAIN}"
    )


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "is not JSON"),
        (b"[" * 100_000, "nested"),
        (b'{"schema": "wasmbuild/manifest/2"}', "wasmbuild/manifest/2"),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", "must be an object"),
        (
            b'{"schema": "wasmbuild/record/1", "artifact": "m@t"}',
            'schema: must be "wasmbuild/manifest/1", not "wasmbuild/record/1"; name the right file, or build again',
        ),
    ],
)
def test_a_file_that_is_no_manifest_is_an_entry(tmp_path: Path, data: bytes, part: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(data)
    message = refusal(path)
    assert message.startswith(str(path))
    assert part in message


def test_nothing_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == (
        f"{tmp_path / 'none'} is missing; name a manifest, an index or a build directory that is there"
    )
    assert refusal(tmp_path) == (
        f"{tmp_path} holds neither index.json nor a manifest.json; build first, or name another directory"
    )
    file = tmp_path / "app.pyz"
    file.touch()
    assert refusal(file / "build") == (
        f"{file / 'build'} cannot be opened: Not a directory; name a manifest, an index or a build directory that is "
        "there"
    )


def test_an_index_without_targets_proves_nothing(tmp_path: Path, maker: Any) -> None:
    maker.index(tmp_path)
    index = tmp_path / "index.json"
    assert refusal(tmp_path) == f"{index} names no targets, so there is nothing to verify: {NO_TARGETS}"


def test_manifests_without_any_artifact_prove_nothing(tmp_path: Path, maker: Any) -> None:
    empty = maker.ship(tmp_path, {}, target="pi")
    maker.index(tmp_path, empty)
    words = f"lists no artifacts, so there is nothing to verify; {AGAIN}"
    for path in (tmp_path, tmp_path / "pi" / "manifest.json"):
        _, entry = taken(path)
        assert isinstance(entry, Verdict)
        assert (entry.ok, entry.message) == (False, f"{path} {words}")
    maker.index(tmp_path, empty, maker.ship(tmp_path, {"m": b"m"}, target="edge"))
    assert not any(isinstance(found, Verdict) for found in taken(tmp_path))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x7fELF\2\1\1\xc8" + bytes(100), "artifact of Wasmtime"),
        (b"\0asm\1\0\0\0", "a core WebAssembly module"),
        (b"(module)", "WebAssembly text"),
        (b"\x7fELF\2\1\1\0" + bytes(100), "an ELF file"),
        (b'[project]\nname = "p"\n', "a declaration"),
    ],
)
def test_another_file_that_is_named_is_told_for_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / ("wasmbuild.toml" if what == "a declaration" else "file")
    path.write_bytes(data)
    message = refusal(path)
    assert message.startswith(f"{path} is ")
    assert what in message
    assert message.endswith("; name a manifest, an index or a build directory")


def test_a_manifest_that_the_index_names_must_be_there(built: Path) -> None:
    (built / "edge" / "manifest.json").unlink()
    entry = taken(built)[1]
    assert isinstance(entry, Verdict)
    assert entry.message == f"{built / 'edge' / 'manifest.json'} is missing; index.json names it: {AGAIN}"


def test_a_manifest_of_another_target_is_told(tmp_path: Path, maker: Any) -> None:
    manifest = maker.ship(tmp_path, {}, target="pi")
    path = tmp_path / "pi" / "manifest.json"
    path.write_bytes(manifest._replace(target="edge").to_bytes())
    maker.index(tmp_path, manifest)
    assert refusal(tmp_path) == (
        f"{path} is that of filters, target edge (aarch64-unknown-linux-gnu), and index.json says filters, target pi "
        f"(aarch64-unknown-linux-gnu); delete it and {AGAIN}"
    )


@posix
def test_an_index_leads_nowhere_else(tmp_path: Path, maker: Any) -> None:
    outside = maker.ship(tmp_path, {}, target="pi")
    root = tmp_path / "build"
    root.mkdir()
    (root / "pi").symlink_to("../pi")
    maker.index(root, outside)
    assert "leads out of the directory through a link" in refusal(root)


def test_an_index_with_a_path_upwards_is_refused(built: Path) -> None:
    document = json.loads((built / "index.json").read_bytes())
    document["targets"][0]["path"] = "../pi/manifest.json"
    (built / "index.json").write_text(json.dumps(document))
    assert "targets[0].path" in refusal(built)


@posix
def test_a_fifo_in_place_of_a_manifest_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    assert "is a FIFO, not a regular file" in refusal(tmp_path)


def test_a_path_with_terminal_escapes_is_shown_without_them(tmp_path: Path) -> None:
    assert "\x1b" not in refusal(tmp_path / "a\x1b[31mb")


def test_a_pinned_index_is_accepted(built: Path) -> None:
    digest = hashlib.sha256((built / "index.json").read_bytes()).hexdigest()
    assert taken(built, pin=digest.upper()) == ["pi", "edge"]


def test_another_index_than_the_pinned_one_is_refused_whole(built: Path) -> None:
    found = hashlib.sha256((built / "index.json").read_bytes()).hexdigest()
    assert refusal(built, pin="0" * 64) == (
        f"{built / 'index.json'} has SHA-256 {found}, not the one that is pinned: it is another index or was "
        f"changed; get the right one, or pin this one if you trust it"
    )


def test_a_pin_needs_an_index(built: Path) -> None:
    digest = hashlib.sha256((built / "pi" / "manifest.json").read_bytes()).hexdigest()
    assert refusal(built / "pi" / "manifest.json", pin=digest).startswith(str(built / "pi" / "manifest.json"))
    (built / "index.json").unlink()
    assert "index.json is missing" in refusal(built, pin="0" * 64)


@pytest.mark.parametrize("pin", ["", "xyz", "0" * 63, "g" * 64])
def test_a_pin_is_a_digest(built: Path, pin: str) -> None:
    with pytest.raises(UsageError, match="give the 64 hexadecimal digits that sha256sum prints"):
        taken(built, pin=pin)


def test_a_pin_is_for_one_index(built: Path) -> None:
    with pytest.raises(UsageError, match="pins one index"):
        taken(built, built, pin="0" * 64)


def test_nothing_named_is_a_wrong_request() -> None:
    with pytest.raises(UsageError, match="name a manifest, an index or a build directory"):
        taken()
