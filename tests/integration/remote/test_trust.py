"""Whose artifacts are believed: those that a trusted key signed, and where no key is named, those of the store."""

from __future__ import annotations

import base64
import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_servers import Server, s3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support import ALL, Project

import wasmbuild.builder.cache
from wasmbuild.builder.cache.origin import origin

Member = Callable[..., Project]
KEYGEN = "name the file of one that wasmbuild cache keygen FILE made"
UNTRUSTED = "has 4 entries that none of [cache] keys signed; they are passed over"


class Key:
    """A private key in a file, and the word for its public one."""

    def __init__(self, path: Path, project: Project) -> None:
        self.path = path
        self.public = project.run("cache", "keygen", str(path)).stdout.strip()


@pytest.fixture
def ours(tmp_path: Path, member: Member) -> Key:
    return Key(tmp_path / "ours.pem", member())


@pytest.fixture
def theirs(tmp_path: Path, member: Member) -> Key:
    return Key(tmp_path / "theirs.pem", member())


def keys(*known: Key) -> str:
    return f"keys = {json.dumps([key.public for key in known])}"


class TestKeygen:
    def test_the_private_key_is_its_owners_alone(self, ours: Key) -> None:
        assert stat.S_IMODE(ours.path.stat().st_mode) == 0o600
        assert ours.path.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
        assert ours.public.startswith("ed25519:")
        assert len(base64.b64decode(ours.public.removeprefix("ed25519:"))) == 32

    def test_no_key_is_overwritten(self, ours: Key, member: Member) -> None:
        before = ours.path.read_bytes()
        ended = member().run("cache", "keygen", str(ours.path), status=2)
        assert (
            ended.stderr == f"error: {ours.path}: is there already, and no key is ever overwritten; name another file\n"
        )
        assert ours.path.read_bytes() == before

    def test_where_nothing_can_be_written(self, tmp_path: Path, member: Member) -> None:
        ended = member().run("cache", "keygen", str(tmp_path / "none" / "key"), status=3)
        assert "name a file that you can write" in ended.stderr

    def test_without_the_extra(self, tmp_path: Path, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
        project = member()
        monkeypatch.delitem(sys.modules, "wasmbuild.builder.cache.signing", raising=False)
        monkeypatch.delattr(wasmbuild.builder.cache, "signing", raising=False)
        monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
        ended = project.run("cache", "keygen", str(tmp_path / "key"), status=2)
        assert ended.stderr.endswith("is not installed: pip install 'wasmbuild[remote]'\n")


def test_what_cannot_be_signed_is_not_pushed(
    server: Server, member: Member, ours: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = member(f'remote = "{server.address}"', "push = true", f'signing-key = "{ours.path}"')
    monkeypatch.delitem(sys.modules, "wasmbuild.builder.cache.signing", raising=False)
    monkeypatch.delattr(wasmbuild.builder.cache, "signing", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    told = project.run("build").stderr
    assert f"{server.address} needs the extra remote, of which cryptography.exceptions is not installed" in told
    assert server.kept == {}


def test_what_is_signed_is_taken(server: Server, member: Member, ours: Key, theirs: Key) -> None:
    line = f'remote = "{server.address}"'
    member(line, keys(ours), f'signing-key = "{ours.path}"').run("build", "--push")
    other = member(line, keys(theirs, ours))
    assert set(other.outcomes().values()) == {"restored"}
    assert f"{server.address}: believes what 2 keys signed" in other.run("cache", "stats").stdout
    # Who names no keys takes it too.
    assert set(member(line).outcomes().values()) == {"restored"}


def test_what_nobody_or_another_signed_is_passed_over(server: Server, member: Member, ours: Key, theirs: Key) -> None:
    line = f'remote = "{server.address}"'
    member(line).run("build", "--push")
    for _ in range(2):
        ended = member(line, keys(ours)).run("build")
        assert f"\n{server.address} {UNTRUSTED}\n" in ended.stderr
        assert "4 artifacts: 4 compiled in " in ended.stderr
        # The second time, another one's.
        server.kept.clear()
        member(line, f'signing-key = "{theirs.path}"').run("build", "--push")
        assert len(server.kept) == 4


@pytest.mark.parametrize("part", ["sha256", "milliseconds", "size", "inputs", "signature", "artifact"])
def test_nothing_of_a_signed_entry_can_be_changed(server: Server, member: Member, ours: Key, part: str) -> None:
    line = f'remote = "{server.address}"'
    member(line, keys(ours), f'signing-key = "{ours.path}"').run("build", "--push")
    entries = {path: _parts(data) for path, data in server.kept.items()}
    for path, parts in entries.items():
        another = next(other for other in entries.values() if other["signature"] != parts["signature"])
        others = {"sha256": bytes(32), "milliseconds": b"\0\0\0\1", "size": bytes(8), "inputs": another["inputs"]}
        changed = {**parts, part: others.get(part, another[part])}
        changed["length"] = len(changed["inputs"]).to_bytes(4, "big")
        assert changed != parts
        server.kept[path] = b"".join(changed.values())
    ended = member(line, keys(ours)).run("build")
    assert "4 artifacts: 4 compiled in " in ended.stderr
    assert "they are passed over" in ended.stderr


def _parts(entry: bytes) -> dict[str, bytes]:
    """Take an entry apart, as ``builder/cache/packed.py`` describes it."""
    end = 64 + int.from_bytes(entry[16:20], "big")
    return {
        "magic": entry[:16],
        "length": entry[16:20],
        "size": entry[20:28],
        "milliseconds": entry[28:32],
        "sha256": entry[32:64],
        "inputs": entry[64:end],
        "signature": entry[end : end + 64],
        "artifact": entry[end + 64 :],
    }


def test_no_project_believes_what_another_one_trusts(
    server: Server, member: Member, tmp_path: Path, ours: Key, theirs: Key
) -> None:
    """All projects of a user share the cache of the machine, and one of them takes what anybody wrote."""
    shared = tmp_path / "shared"
    line = f'remote = "{server.address}"'
    member(line, f'signing-key = "{theirs.path}"').run("build", "--push")
    assert set(member(line, cache=shared).outcomes().values()) == {"restored"}
    assert member(cache=shared).compiled() == ALL
    # What was compiled here is anybody's on this machine.
    assert set(member(line, keys(ours), cache=shared).outcomes().values()) == {"restored"}


@pytest.mark.needs_modules("moto")
def test_no_bucket_gives_what_came_from_that_of_another_service(member: Member, tmp_path: Path) -> None:
    line = 'remote = "s3://artifacts"'
    with s3("artifacts") as theirs, s3("artifacts") as ours:
        first, second, third = (member(line, cache=tmp_path / cache) for cache in ("their", "mine", "mine"))
        for each, environment in ((first, theirs), (second, theirs), (third, ours)):
            each.environment.update(environment)
        first.run("build", "--push")
        assert second.outcomes() == dict.fromkeys(ALL, "restored")
        assert third.outcomes() == dict.fromkeys(ALL, "compiled")


def test_no_container_gives_what_came_from_that_of_another_account(monkeypatch: pytest.MonkeyPatch) -> None:
    of_accounts = set()
    for account in ("ours", "theirs"):
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", account)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"https://ann:secret@{account}.example")
        of_accounts.add(origin("az://artifacts"))
    assert len(of_accounts) == 2
    assert not any("secret" in told for told in of_accounts)


def test_a_key_that_is_trusted_no_more(server: Server, member: Member, tmp_path: Path, ours: Key, theirs: Key) -> None:
    shared = tmp_path / "shared"
    line = f'remote = "{server.address}"'
    member(line, f'signing-key = "{theirs.path}"').run("build", "--push")
    assert set(member(line, keys(ours, theirs), cache=shared).outcomes().values()) == {"restored"}
    assert set(member(line, keys(theirs), cache=shared).outcomes().values()) == {"restored"}
    assert member(line, keys(ours), cache=shared).compiled() == ALL


class TestSigningKey:
    def test_the_environment_names_it(self, server: Server, member: Member, ours: Key) -> None:
        pusher = member(f'remote = "{server.address}"', keys(ours), "push = true")
        pusher.environment["WASMBUILD_CACHE_SIGNING_KEY"] = str(ours.path)
        pusher.run("build")
        assert set(member(f'remote = "{server.address}"', keys(ours)).outcomes().values()) == {"restored"}

    def test_one_of_the_environment_that_cannot_be_used_is_told_as_such(
        self, server: Server, member: Member, tmp_path: Path, ours: Key, theirs: Key
    ) -> None:
        for path in (tmp_path / "none.pem", theirs.path):
            pusher = member(f'remote = "{server.address}"', keys(ours), f'signing-key = "{ours.path}"')
            pusher.environment["WASMBUILD_CACHE_SIGNING_KEY"] = str(path)
            told = pusher.run("build", "--push", status=2).stderr
            assert told.startswith(f"error: WASMBUILD_CACHE_SIGNING_KEY: {path}: ")

    @pytest.mark.parametrize("held", ["the file", "the file in Base64", "its second line"])
    def test_one_in_the_place_of_its_path_is_never_told(
        self, server: Server, member: Member, tmp_path: Path, ours: Key, held: str
    ) -> None:
        text = ours.path.read_text()
        secret = text.splitlines()[1]
        if held != "the file":
            text = secret if held == "its second line" else base64.b64encode(text.encode()).decode()
        line = f'remote = "{server.address}"'
        pusher = member(line, "push = true")
        pusher.environment["WASMBUILD_CACHE_SIGNING_KEY"] = text
        why = "holds the private key itself, and not the path of its file; write it to a file, and name that"
        told = pusher.run("build", "--push", status=2).stderr
        assert told.startswith(f"error: WASMBUILD_CACHE_SIGNING_KEY: {why}")
        told += pusher.run("build").stderr
        assert f"{server.address} gets nothing of what is compiled: WASMBUILD_CACHE_SIGNING_KEY: {why}" in told
        declared = {
            f"signing-key = {json.dumps(text)}": 'signing-key: "(a private key)" is no path; write the path of a file',
            f"keys = [{json.dumps(text)}]": 'keys[0]: "(a private key)" is no public key; write what',
            f"keys = {json.dumps(text)}": 'keys: must be an array, not "(a private key)"',
        }
        for written, expected in declared.items():
            told += member(line, written).run("build", status=2).stderr
            assert f"cache.{expected}" in told
        assert secret[16:40] not in told
        assert text[:60] not in told
        # What is told helps.
        (tmp_path / "key.pem").write_bytes(ours.path.read_bytes())
        pusher.environment["WASMBUILD_CACHE_SIGNING_KEY"] = str(tmp_path / "key.pem")
        pusher.write("add.wat", "(module)")
        assert "pushed" in pusher.run("build", "--push").stderr

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have modes on POSIX systems alone")
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
    def test_one_that_others_can_read_is_told_until_what_is_told_is_done(
        self, server: Server, member: Member, tmp_path: Path, theirs: Key, mode: int
    ) -> None:
        path = theirs.path.rename(tmp_path / "our key.pem")
        path.chmod(mode)
        pusher = member(f'remote = "{server.address}"', keys(theirs), f'signing-key = "{path}"')
        told = pusher.run("build", "--push").stderr
        (line,) = (line for line in told.splitlines() if "chmod" in line)
        assert line.startswith(f"{server.address} is signed for with {path}, which other users of this machine may use")
        assert len(server.kept) == 4
        subprocess.run(shlex.split(line[line.index("chmod") :]), check=True)
        pusher.write("add.wat", "(module)")
        assert "chmod" not in pusher.run("build", "--push").stderr
        assert len(server.kept) == 6

    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_one_of_its_owner_alone_is_used_without_a_word(
        self, server: Server, member: Member, ours: Key, mode: int
    ) -> None:
        ours.path.chmod(mode)
        pusher = member(f'remote = "{server.address}"', keys(ours), f'signing-key = "{ours.path}"')
        assert "may use" not in pusher.run("build", "--push").stderr

    def test_a_declared_push_without_it_fails_nothing(self, server: Server, member: Member, ours: Key) -> None:
        """The declaration of CI is that of everybody, and few have its key."""
        ended = member(f'remote = "{server.address}"', keys(ours), "push = true", 'signing-key = "none.pem"').run(
            "build"
        )
        assert "4 artifacts: 4 compiled in " in ended.stderr
        assert f"\n{server.address} gets nothing of what is compiled: " in ended.stderr
        assert server.kept == {}

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (None, f"there is no such signing key; {KEYGEN}"),
            (b"\n", "is empty: is the secret set that it is to be made of?"),
            (
                b"-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n",
                f"is no Ed25519 private key without a password; {KEYGEN}",
            ),
        ],
    )
    def test_asked_to_push_without_a_key_that_signs(
        self, server: Server, member: Member, tmp_path: Path, ours: Key, content: bytes | None, told: str
    ) -> None:
        path = tmp_path / "key"
        if content is not None:
            path.write_bytes(content)
        project = member(f'remote = "{server.address}"', keys(ours), f'signing-key = "{path}"')
        ended = project.run("build", "--push", status=2)
        assert ended.stderr == f"error: {path}: {told}\n"

    def test_a_key_that_nobody_trusts(self, server: Server, member: Member, ours: Key, theirs: Key) -> None:
        project = member(f'remote = "{server.address}"', keys(ours), f'signing-key = "{theirs.path}"')
        ended = project.run("build", "--push", status=2)
        told = f'is the private key of none of [cache] keys; add "{theirs.public}" to them\n'
        assert ended.stderr == f"error: {theirs.path}: {told}"
        project = member(f'remote = "{server.address}"', keys(ours))
        asked = project.run("build", "--push", status=2).stderr
        assert asked.startswith(
            "error: nothing signs what is pushed, and [cache] keys trust only what they signed; name "
        )
        assert "WASMBUILD_CACHE_SIGNING_KEY" in asked


@pytest.mark.parametrize(
    "word", ["", "ed25519:", "ed25519:AAAA", "AAAA", "rsa:" + "A" * 43 + "=", "ed25519:" + "é" * 44]
)
def test_a_word_that_is_no_key_is_refused(member: Member, word: str) -> None:
    ended = member('remote = "file:///x"', f'keys = ["{word}"]').run("build", status=2)
    assert "cache.keys[0]" in ended.stderr
    assert 'write what "wasmbuild cache keygen" printed' in ended.stderr


def test_the_word_is_the_key_of_rfc_8032(member: Member, tmp_path: Path) -> None:
    """Other tools read the file, and agree."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = tmp_path / "key"
    word = member().run("cache", "keygen", str(path)).stdout.strip()
    private = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    assert base64.b64decode(word.partition(":")[2]) == private.public_key().public_bytes_raw()
