"""Two checkouts, one cache: what the second need not compile, and what it never believes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from support import ADD, ALL, Project

EVERY = dict.fromkeys(ALL, "restored")


@pytest.fixture
def cached(project: Project, tmp_path: Path) -> Project:
    project.environment["WASMBUILD_CACHE"] = str(tmp_path / "cache")
    return project


@pytest.fixture
def checkout(cached: Project, tmp_path: Path) -> Callable[[], Project]:
    """Return the sources once more, in another place, for a build that knows the same cache."""
    numbers = iter(range(100))

    def copy() -> Project:
        root = tmp_path / f"checkout{next(numbers)}"
        shutil.copytree(cached.root, root, ignore=shutil.ignore_patterns("build", "*.cwasm*"))
        other = Project(root)
        shutil.copytree(cached.root, root, ignore=shutil.ignore_patterns("build"), dirs_exist_ok=True)
        other.environment = cached.environment
        return other

    return copy


def entries(project: Project) -> list[Path]:
    root = Path(project.environment["WASMBUILD_CACHE"])
    return sorted(path for path in root.rglob("*") if path.is_file() and path.parent != root)


def test_a_second_checkout_compiles_nothing(cached: Project, checkout: Callable[[], Project]) -> None:
    assert cached.compiled() == ALL
    other = checkout()
    ended = other.run("build")
    assert "4 restored in" in ended.stderr
    assert other.files() == cached.files()
    other.verdicts()
    assert set(other.outcomes().values()) == {"up-to-date"}


def test_outcomes_tell_what_was_restored(cached: Project, checkout: Callable[[], Project]) -> None:
    cached.run("build", "add@*")
    outcomes = checkout().outcomes()
    assert outcomes == {id: "restored" if id.startswith("add") else "compiled" for id in ALL}


def test_another_setting_another_source_and_another_target_are_others(
    cached: Project, checkout: Callable[[], Project]
) -> None:
    cached.run("build")
    other = checkout()
    other.declare((other.root / "wasmbuild.toml").read_text() + "\n[engine]\nconsume-fuel = true\n")
    assert other.compiled() == ALL
    third = checkout()
    third.write("add.wat", ADD.replace("i32.add", "i32.mul"))
    assert third.outcomes() == {id: "compiled" if id.startswith("add") else "restored" for id in ALL}


def test_no_cache_and_enabled_false_neither_take_nor_keep(cached: Project, checkout: Callable[[], Project]) -> None:
    assert cached.compiled("--no-cache") == ALL
    assert entries(cached) == []
    other = checkout()
    other.declare((other.root / "wasmbuild.toml").read_text() + "\n[cache]\nenabled = false\n")
    assert other.compiled() == ALL
    assert entries(cached) == []
    cached.run("build", "--no-cache")
    assert checkout().compiled() == ALL
    assert checkout().compiled("--no-cache") == ALL


def test_failures_are_not_kept(cached: Project) -> None:
    cached.write("add.wat", "(module (func (export")
    cached.outcomes(status=1)
    assert len(entries(cached)) == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "html", "empty"])
def test_a_damaged_entry_is_compiled_again_and_kept_again(
    cached: Project, checkout: Callable[[], Project], damage: str
) -> None:
    cached.run("build")
    found = entries(cached)
    first = found[0].read_bytes()
    for path in found:
        data = path.read_bytes()
        path.write_bytes(
            {
                "flip": data[:500] + bytes([data[500] ^ 1]) + data[501:],
                "cut": data[: len(data) // 2],
                "swap": first,
                "html": b"<html>404</html>",
                "empty": b"",
            }[damage]
        )
    other = checkout()
    outcomes = other.outcomes()
    assert list(outcomes.values()).count("compiled") == (3 if damage == "swap" else 4)
    assert other.files() == cached.files()
    assert checkout().outcomes() == EVERY


def test_who_edits_a_build_directory_edits_no_cache(cached: Project, checkout: Callable[[], Project]) -> None:
    cached.run("build")
    other = checkout()
    assert other.outcomes() == EVERY
    artifact = other.build / "x64" / "add.cwasm"
    with artifact.open("r+b") as file:
        file.write(b"edited")
    assert other.outcomes()["add@x64"] == "restored"
    assert other.files() == cached.files()


def test_a_cache_that_cannot_be_written_changes_nothing(cached: Project, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert cached.compiled() == ALL
    cached.environment["WASMBUILD_CACHE"] = "/proc/none"
    shutil.rmtree(cached.build)
    assert cached.compiled() == ALL


@pytest.mark.parametrize("place", ["cache", "/", "/.", "/..", "//", "/tmp/../.."])  # noqa: S108
def test_a_place_that_is_relative_or_everybodys_is_refused(cached: Project, place: str) -> None:
    cached.environment["WASMBUILD_CACHE"] = place
    ended = cached.run("cache", "stats", status=2)
    assert cached.run("build", status=2).stderr == ended.stderr
    assert ended.stderr == (
        f'error: WASMBUILD_CACHE: {place!r} is neither "off" nor the absolute path of a directory of its own; '
        'write "off" or the whole path\n'
    )
    cached.environment["WASMBUILD_CACHE"] = str(cached.root / "cache")
    cached.run("build")


def test_single_compiles_share_it(cached: Project, checkout: Callable[[], Project]) -> None:
    cached.run("compile", "add.wat", "--target", "arm", "-o", "a.cwasm")
    assert len(entries(cached)) == 1
    other = checkout()
    damaged = b"\x00" * 10
    other.run("compile", "add.wat", "--target", "arm", "-o", "a.cwasm")
    assert len(entries(cached)) == 1
    whole = (cached.root / "a.cwasm").read_bytes()
    assert (other.root / "a.cwasm").read_bytes() == whole
    data = entries(cached)[0].read_bytes()
    entries(cached)[0].write_bytes(damaged + data[10:])
    other.run("compile", "add.wat", "--target", "arm", "-o", "b.cwasm")
    assert (other.root / "b.cwasm").read_bytes() == whole
    assert entries(cached)[0].read_bytes() == data
    other.run("compile", "sub.wat", "--target", "arm", "-o", "c.cwasm", "--no-cache")
    other.run("compile", "sub.wat", "--target", "arm", "-o", "c.cwasm", "--no-cache", "--record", "c.json")
    assert len(entries(cached)) == 1


def test_a_compile_with_a_record_takes_what_a_build_kept(cached: Project, checkout: Callable[[], Project]) -> None:
    cached.run("build")
    kept = entries(cached)
    other = checkout()
    for data in (None, b""):
        if data is not None:
            for path in kept:
                path.write_bytes(data)
        other.run("compile", "add.wat", "--target", "arm", "-o", "o/add.cwasm", "--record", "o/add.cwasm.json")
        assert (other.root / "o/add.cwasm").read_bytes() == cached.files()["arm/add.cwasm"]
        assert (other.root / "o/add.cwasm.json").read_bytes() == cached.files()["arm/add.cwasm.json"]
        shutil.rmtree(other.root / "o")


def test_doit_shares_it_and_tells_so(cached: Project, checkout: Callable[[], Project]) -> None:
    cached.run("build")
    other = checkout()
    other.write(
        "dodo.py", "from wasmbuild.doit import load\n\nDOIT_CONFIG, task_compile, task_verify = load().dodo()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "doit", "compile"],
        cwd=other.root,
        env={**os.environ, **cached.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "4 restored in" in ended.stdout + ended.stderr
    assert other.files() == cached.files()


def test_many_builds_at_once(cached: Project, checkout: Callable[[], Project]) -> None:
    others = [checkout() for _ in range(4)]
    running = [other.start("build", "-j1") for other in others]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert len({json.dumps(sorted((n, d.hex()) for n, d in other.files().items())) for other in others}) == 1
    assert checkout().outcomes() == EVERY


def test_killed_in_the_middle_the_cache_is_right(cached: Project, checkout: Callable[[], Project]) -> None:
    root = Path(cached.environment["WASMBUILD_CACHE"])
    for files in range(3):
        other = checkout()
        process = other.start("build", "-j1")
        # Whatever it is that is written there, whole or half.
        while process.poll() is None and sum(path.is_file() for path in root.glob("?/*")) <= files:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = checkout()
    outcomes = last.outcomes()
    assert set(outcomes.values()) <= {"compiled", "restored"}
    cached.run("build", "--no-cache")
    assert last.files() == cached.files()


def test_nothing_of_it_is_imported_where_nothing_is_to_be_done(cached: Project) -> None:
    cached.run("build")
    code = (
        "import sys; from wasmbuild import cli; cli.main(['build']);"
        "print([name for name in sys.modules if 'cache' in name and name.startswith('wasmbuild.builder')])"
    )
    cached.run("build")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cached.root,
        env={**os.environ, **cached.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "up to date" in ended.stderr
    assert ended.stdout.strip() == "[]"


class TestCommand:
    def test_stats(self, cached: Project) -> None:
        empty = json.loads(cached.run("cache", "stats", "--json").stdout)
        schema = json.loads(cached.run("schema", "cache").stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(empty, schema)
        assert (empty["entries"], empty["bytes"], empty["problem"]) == (0, 0, None)
        cached.run("build")
        (cached.root / "wasmbuild.toml").unlink()
        found = json.loads(cached.run("cache", "stats", "--json").stdout)
        assert found["entries"] == 4
        assert found["bytes"] == sum(path.stat().st_size for path in entries(cached))
        assert found["directory"] == cached.environment["WASMBUILD_CACHE"]
        assert ": 4 artifacts, " in cached.run("cache", "stats").stdout

    def test_clear(self, cached: Project) -> None:
        cached.run("build")
        assert cached.run("cache", "clear").stderr.startswith("4 artifacts removed, ")
        assert entries(cached) == []
        assert cached.run("cache", "clear").stderr.startswith("0 artifacts removed, ")

    def test_prune_obeys_the_declaration(self, cached: Project) -> None:
        cached.run("build")
        assert cached.run("cache", "prune").stderr.startswith("0 artifacts removed, ")
        big = cached.root / "big.wat"
        big.write_text(f'(module (memory 20) (data (i32.const 0) "{"x" * (1 << 20)}"))')
        cached.declare((cached.root / "wasmbuild.toml").read_text() + '\n[modules.big]\nsource = "big.wat"\n')
        cached.run("build")
        before = len(entries(cached))
        cached.declare((cached.root / "wasmbuild.toml").read_text() + '\n[cache]\nmax-size = "1 MiB"\n')
        cached.run("cache", "prune")
        assert len(entries(cached)) < before
        assert sum(path.stat().st_size for path in entries(cached)) <= 1 << 20

    def test_where_it_is_not_believed_the_build_says_so_and_what_to_do(self, cached: Project) -> None:
        cached.run("build")
        directory = Path(cached.environment["WASMBUILD_CACHE"])
        directory.chmod(0o777)
        shutil.rmtree(cached.root / "build")
        ended = cached.run("build")
        fix = f"chmod go-w {directory}"
        why = f"{directory}: others may write to it; run: {fix}"
        told = f"the cache of this machine is not used: {why}; WASMBUILD_CACHE names another directory, or off\n"
        assert ended.stderr.count(told) == 1
        assert "4 compiled in" in ended.stderr
        assert told not in cached.run("build").stderr
        assert cached.run("cache", "stats").stderr == f"not used: {why}\n"
        subprocess.run(["sh", "-c", fix], check=True)
        shutil.rmtree(cached.root / "build")
        ended = cached.run("build")
        assert "not used" not in ended.stderr
        assert "4 restored in" in ended.stderr

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_where_it_cannot_be_used_both_say_the_same(self, cached: Project, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").touch()
        cached.environment["WASMBUILD_CACHE"] = str(tmp_path / place)
        ended = cached.run("cache", "stats")
        why = ended.stderr.removeprefix("not used: ").rstrip()
        assert why.startswith(f"{tmp_path}/file: ")
        assert ended.stdout == ""
        found = json.loads(cached.run("cache", "stats", "--json").stdout)
        jsonschema.validate(found, json.loads(cached.run("schema", "cache").stdout))
        assert (found["problem"], found["entries"]) == (why, 0)
        assert f"the cache of this machine is not used: {why}; WASMBUILD_CACHE names" in cached.run("build").stderr

    def test_where_it_is_off_that_is_told(self, cached: Project) -> None:
        cached.environment["WASMBUILD_CACHE"] = "off"
        ended = cached.run("cache", "stats")
        assert (ended.stdout, ended.stderr) == ("", "not used: WASMBUILD_CACHE=off in the environment\n")
        found = json.loads(cached.run("cache", "stats", "--json").stdout)
        jsonschema.validate(found, json.loads(cached.run("schema", "cache").stdout))
        assert (found["directory"], found["entries"], found["bytes"]) == (None, 0, 0)
        assert found["problem"] == "WASMBUILD_CACHE=off in the environment"
        told = "WASMBUILD_CACHE=off says that there is none; unset WASMBUILD_CACHE"
        for action in ("clear", "prune"):
            assert cached.run("cache", action, status=2).stderr == f"error: wasmbuild cache {action}: {told}\n"

    def test_where_the_declaration_does_without_it_that_is_told(self, cached: Project) -> None:
        cached.run("build")
        cached.declare((cached.root / "wasmbuild.toml").read_text() + "\n[cache]\nenabled = false\n")
        ended = cached.run("cache", "stats")
        assert ": 4 artifacts, " in ended.stdout
        assert ended.stderr == "not used: [cache] enabled = false\n"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("max-size = 0", "max-size"),
        ('max-size = "5 GB"', 'write "5 GiB"'),
        ('max-size = "300 KB"', '"300 KB" is out of range; write an amount from "1 MiB"'),
        ('enabled = "yes"', "enabled"),
        ("size = 1", "unknown key"),
    ],
)
def test_a_wrong_declaration_is_told(cached: Project, written: str, told: str) -> None:
    cached.declare((cached.root / "wasmbuild.toml").read_text() + f"\n[cache]\n{written}\n")
    assert told in cached.run("build", status=2).stderr
