"""What is remembered of files: never what could be wrong."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import __version__, files
from wasmbuild.builder import noop, state_file
from wasmbuild.builder.memory import TOO_LARGE, Memory
from wasmbuild.errors import DiskError
from wasmbuild.formats.record import Record
from wasmbuild.formats.traits import ODD_TAGS_WITH, Traits

LATER = 2**62
"""A clock that has gone on far enough for every file."""


def memory(tmp_path: Path, now: int = LATER) -> Memory:
    made = Memory(tmp_path / "state.json")
    made.now = now
    return made


def saved(state: Memory) -> bytes | None:
    """Return what a memory writes down of all, None where it writes nothing."""
    written: list[bytes] = []
    state.save(lambda path, parts: written.append(b"".join(parts)))
    return written[0] if written else None


def test_a_file_is_not_read_while_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"four")
    state = memory(tmp_path)
    for facts in (None, len):
        seen = state.look(path, facts, 3)
        assert seen is not None
        assert (seen.sha256, seen.facts, seen.size) == (TOO_LARGE, None, 4)
    assert state.spelled(str(path)) is None
    path.write_bytes(b"two")
    seen = state.look(path, len, 3)
    assert seen is not None
    assert (seen.sha256, seen.facts) == (hashlib.sha256(b"two").hexdigest(), 3)


def test_a_file_is_read_once_while_its_signature_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    calls = []
    state = memory(tmp_path)
    for _ in range(3):
        seen = state.look(path, lambda data: calls.append(data) or len(data))
        assert seen is not None
        assert (seen.sha256, seen.facts) == (hashlib.sha256(b"one").hexdigest(), 3)
    assert calls == [b"one"]
    path.write_bytes(b"two")
    os.utime(path, ns=(5, 5))
    seen = state.look(path, lambda data: calls.append(data) or len(data))
    assert calls == [b"one", b"two"]


def test_the_digest_of_a_file_that_changed_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    state = memory(tmp_path)
    assert state.digest_of_now(path) is None
    state.look(path)
    assert state.digest_of_now(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(5, 5))
    assert state.digest_of_now(path) is None
    path.unlink()
    assert state.digest_of_now(path) is None


def test_a_young_signature_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    state = memory(tmp_path, now=path.stat().st_ctime_ns)
    assert state.look(path) is not None
    assert state.spelled(str(path)) is None
    state.now = path.stat().st_ctime_ns + files.COARSE_STEP_NS
    state.look(path)
    assert state.spelled(str(path)) == files.spelled(path.stat())


def test_without_a_clock_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    state = memory(tmp_path, now=0)
    state.look(tmp_path / "a")
    assert saved(state) is None


def test_what_is_written_down_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    state = memory(tmp_path)
    state.look(tmp_path / "a", len)
    state.notes["m"] = "n"
    data = saved(state)
    assert data is not None
    state.path.write_bytes(data)
    again = memory(tmp_path)
    assert saved(again) is None
    assert again.notes == {"m": "n"}
    seen = again.look(tmp_path / "a", lambda data: pytest.fail("it was read again"))
    assert seen is not None
    assert seen.facts == 3


def test_what_another_version_wrote_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_file, "SCHEMA", state_file.SCHEMA.replace(__version__, "0.0.9"))
        state = memory(tmp_path)
        state.look(path)
        state.path.write_bytes(saved(state) or b"")
        assert memory(tmp_path).digest_of_now(path) is not None
    assert memory(tmp_path).digest_of_now(path) is None


def test_the_schemas_are_those_of_what_records_have() -> None:
    """While a version is worked on, what it took for whole before is not, where records have more now."""
    shape = hashlib.sha256(repr((Record._fields, Traits._fields, ODD_TAGS_WITH)).encode()).hexdigest()[:8]
    schemas = (state_file.SCHEMA.split()[0], noop.SCHEMA)
    assert (shape, *schemas) == ("6e37723d", "wasmbuild/state/18", "wasmbuild/noop/11"), (
        "raise both, and write them here"
    )


def test_a_file_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    state = memory(tmp_path)
    state.look(path)
    path.unlink()
    assert state.look(path) is None
    assert state.spelled(str(path)) is None
    assert state.look(tmp_path / "a" / "b") is None


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"cannot be read: Is a directory; move it away$"):
        memory(tmp_path).look(tmp_path)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["schema", "files", "notes", "x"]), v),
    ).map(lambda v: json.dumps(v).encode())
)
def test_whatever_the_state_file_holds_is_as_good_as_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("state") / "state.json"
    path.write_bytes(data)
    state = Memory(path)
    assert state.notes == {}
    assert saved(state) is None


@given(st.integers(0, 4095), st.integers(1, 255))
def test_a_byte_that_the_disk_got_wrong_is_not_believed(
    tmp_path_factory: pytest.TempPathFactory, at: int, flipped: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    (folder / "a").write_bytes(b"one")
    state = memory(folder)
    state.look(folder / "a", lambda data: {"kind": "module"})
    state.notes["m"] = "n"
    data = bytearray(saved(state) or b"")
    data[at % len(data)] ^= flipped
    state.path.write_bytes(data)
    again = memory(folder)
    assert again.notes in ({}, {"m": "n"})
    seen = again.look(folder / "a", lambda data: {"kind": "module"})
    assert seen is not None
    assert (seen.sha256, seen.facts) == (hashlib.sha256(b"one").hexdigest(), {"kind": "module"})


@given(st.text(st.characters(exclude_characters="\n"), max_size=80), st.integers(0, 3))
def test_a_damaged_line_is_as_good_as_none(tmp_path_factory: pytest.TempPathFactory, line: str, at: int) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    state = memory(folder)
    for name in ("a", "b"):
        (folder / name).write_bytes(name.encode())
        state.look(folder / name, len)
    data = saved(state)
    assert data is not None
    lines = data.decode().splitlines()
    lines.insert(at, line)
    state.path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    again = memory(folder)
    for name in ("a", "b"):
        seen = again.look(folder / name, len)
        assert seen is not None
        assert (seen.sha256, seen.facts) == (hashlib.sha256(name.encode()).hexdigest(), 1)


@given(st.text(st.characters(exclude_characters="\0/"), min_size=1, max_size=40))
def test_whatever_a_file_is_called_it_is_remembered(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("named")
    path = os.path.join(folder, "x" + name)
    try:
        Path(path).write_bytes(b"one")
    except (OSError, UnicodeError):
        return
    state = memory(folder)
    state.look(path, len)
    data = saved(state)
    assert data is not None
    state.path.write_bytes(data)
    again = memory(folder)
    spelled = files.spelled(os.stat(path))
    assert again.changed([path, f"{path}x"], [spelled, spelled]) == {f"{path}x"}
    assert again.spelled(path) == spelled
    assert again.all_spelled([path, path]) == [spelled, spelled]
    assert again.all_spelled([path, f"{path}x"]) is None
    assert again.changed([path], [spelled[:-1]]) == again.changed([path], [""]) == {path}
    assert again.changed([f"{path}x"], [""]) == {f"{path}x"}
    again.notes["x"] = "y"
    # A head and a checksum: no file is another one.
    assert len((saved(again) or b"").splitlines()) == 2
    seen = again.look(path, lambda data: pytest.fail("it was read again"))
    assert seen is not None
    assert seen.facts == 3


class TestChanges:
    """After an edit, what changed is written beside what was known of all."""

    COUNT = 20

    @pytest.fixture
    def state(self, tmp_path: Path) -> Memory:
        state = memory(tmp_path)
        for number in range(self.COUNT):
            self.change(tmp_path, state, number, b"one")
        state.notes["m"] = "first"
        self.save(state)
        return state

    def change(self, tmp_path: Path, state: Memory, number: int, data: bytes) -> None:
        path = tmp_path / f"{number}\u00e9"
        path.write_bytes(data)
        state.look(path, len)

    def save(self, state: Memory) -> None:
        state.save(lambda path, parts: path.write_bytes(b"".join(parts)))

    def known(self, tmp_path: Path, state: Memory) -> list[object]:
        return [state.facts(str(tmp_path / f"{number}\u00e9")) for number in range(self.COUNT)]

    def test_they_are_all_that_is_written(self, tmp_path: Path, state: Memory) -> None:
        whole = state.path.read_bytes()
        self.change(tmp_path, state, 1, b"other")
        (tmp_path / "2\u00e9").unlink()
        state.look(tmp_path / "2\u00e9")
        state.notes["m"] = "second"
        self.save(state)
        for again in (state, memory(tmp_path)):
            assert self.known(tmp_path, again) == [3, 5, None, *[3] * (self.COUNT - 3)]
            assert again.notes == {"m": "second"}
            self.save(again)
        assert state.path.read_bytes() == whole

    def test_many_are_written_with_the_rest(self, tmp_path: Path, state: Memory) -> None:
        for number in (1, 2, 3):
            self.change(tmp_path, state, number, b"other")
            self.save(state)
            assert (tmp_path / "state.changes.tsv").exists() is (number < 3)
        assert self.known(tmp_path, memory(tmp_path)) == [3, 5, 5, 5, *[3] * (self.COUNT - 4)]

    @pytest.mark.parametrize("build", ["that was killed", "before"])
    def test_those_of_another_build_are_not_believed(self, tmp_path: Path, state: Memory, build: str) -> None:
        self.change(tmp_path, state, 1, b"other")
        state.notes["m"] = "second"
        self.save(state)
        changes = tmp_path / "state.changes.tsv"
        data = changes.read_bytes()
        if build == "that was killed":
            changes.write_bytes(data[:-1])
        else:
            state.keep([str(tmp_path / f"{number}\u00e9") for number in range(self.COUNT - 1)])
            state.notes["m"] = "third"
            self.save(state)
            changes.write_bytes(data)
        assert memory(tmp_path).notes == {"m": "first" if build == "that was killed" else "third"}


class TestMade:
    """What was read after ``files.stamp`` and renamed is not read again, and no later write is missed."""

    def made(self, tmp_path: Path, state: Memory) -> Path:
        private, path = tmp_path / "private", tmp_path / "a"
        private.write_bytes(b"one")
        stamped = files.stamp(private)
        assert stamped is not None
        assert stamped[3] == private.stat().st_mtime_ns
        private.rename(path)
        placed = files.placed(path, stamped)
        assert placed is not None
        state.note_made(path, placed, "digest of one")
        return path

    def test_it_is_not_read_again(self, tmp_path: Path) -> None:
        state = memory(tmp_path)
        path = self.made(tmp_path, state)
        seen = state.look(path)
        assert seen is not None
        assert seen.sha256 == "digest of one"
        assert state.spelled(str(path)) == files.spelled(path.stat())

    def test_it_is_confirmed_for_as_long_as_it_is_that(self, tmp_path: Path) -> None:
        state = memory(tmp_path)
        path = self.made(tmp_path, state)
        assert state.spelled(str(path)) is None
        assert state.confirm(str(path))
        assert state.spelled(str(path)) == files.spelled(path.stat())
        assert state.digest(str(path)) == "digest of one"
        path.write_bytes(b"two")
        assert not state.confirm(str(path))
        path.unlink()
        assert not state.confirm(str(path))
        path.write_bytes(b"one")
        assert not state.confirm(str(path))
        assert not memory(tmp_path / "other").confirm(str(path))

    def test_an_edit_that_restores_its_times_is_noticed(self, tmp_path: Path) -> None:
        state = memory(tmp_path)
        path = self.made(tmp_path, state)
        before = path.stat()
        path.write_bytes(b"two")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert not state.confirm(str(path))
        seen = state.look(path)
        assert seen is not None
        assert seen.sha256 == hashlib.sha256(b"two").hexdigest()

    def test_what_is_another_file_already_was_not_placed(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"one")
        stamped = files.stamp(path)
        assert stamped is not None
        path.write_bytes(b"two")
        assert files.placed(path, stamped) is None
        path.unlink()
        assert files.placed(path, stamped) is None

    def test_what_nobody_hashed_is_not_confirmed(self, tmp_path: Path) -> None:
        state = memory(tmp_path)
        stamped = files.stamp(self.made(tmp_path, state))
        assert stamped is not None
        state.note_made(tmp_path / "a", stamped)
        assert not state.confirm(str(tmp_path / "a"))

    def test_young_as_it_is_each_write_is_noticed(self, tmp_path: Path) -> None:
        for _ in range(20):
            state = memory(tmp_path)
            path = self.made(tmp_path, state)
            with path.open("r+b") as file:
                file.write(b"two")
            seen = state.look(path)
            assert seen is not None
            assert seen.sha256 == hashlib.sha256(b"two").hexdigest()

    def test_another_file_in_its_place_is_another(self, tmp_path: Path) -> None:
        state = memory(tmp_path)
        path = self.made(tmp_path, state)
        other = tmp_path / "other"
        other.write_bytes(b"two")
        os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        other.rename(path)
        seen = state.look(path)
        assert seen is not None
        assert seen.sha256 == hashlib.sha256(b"two").hexdigest()

    def test_where_times_are_coarse_there_is_no_stamp(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"one")
        utime = os.utime
        monkeypatch.setattr(os, "utime", lambda path, ns: utime(path, ns=(ns[0], ns[1] // 10**9 * 10**9)))
        assert files.stamp(path) is None
        assert files.stamp(tmp_path / "none") is None
