"""A first declaration, whatever files are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.plan.graph import Plan, plan
from wasmbuild.project import starter
from wasmbuild.project.config import parse


def make(root: Path, *paths: str, data: bytes = b"\0asm\1\0\0\0") -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def planned(root: Path) -> Plan:
    entries = starter.entries(root, starter.find(root).found)
    text = starter.declaration(root, entries, 48)
    return plan(parse(text.encode(), file="wasmbuild.toml", directory=root, default_line=48))


def test_where_sources_are_found(tmp_path: Path) -> None:
    make(tmp_path, "a.wasm", "src/b.wat", "target/wasm32-wasip1/release/c.wasm")
    make(tmp_path, "target/wasm32-wasip1/release/deps/c.wasm", "target/debug/d.wasm", "node_modules/x/e.wasm")
    make(tmp_path, ".hidden/f.wasm", "build/g.wasm", "env/h.wasm", "env/pyvenv.cfg", ".i.wasm")
    make(tmp_path, "no.wasm", data=b"\x7fELF")
    make(tmp_path, "x[1].wasm", "M.WASM", "UP.Wat")
    (tmp_path / "lost.wasm").symlink_to("nowhere")
    found = starter.find(tmp_path)
    assert found.found == ("M.WASM", "UP.Wat", "a.wasm", "src/b.wat", "target/wasm32-wasip1/release/c.wasm")
    assert found.passed_over == ("x[1].wasm",)
    assert found.others == ("lost.wasm", "no.wasm")


def test_many_files_of_a_folder_are_a_glob(tmp_path: Path) -> None:
    make(tmp_path, *(f"plugins/{name}.wasm" for name in "abcd"), "plugins/e.wat", "A.wasm", "b/A.wasm")
    made = starter.entries(tmp_path, starter.find(tmp_path).found)
    assert made == [("A", "A.wasm"), ("b-A", "b/A.wasm"), ("plugins/*", "plugins/*.wasm"), ("e", "plugins/e.wat")]
    assert len(planned(tmp_path).modules) == 7


def test_a_glob_is_of_what_was_found_alone(tmp_path: Path) -> None:
    make(tmp_path, *(f"p/{name}.wasm" for name in "aAbc"), *(f"{name}.wat" for name in ("b", "c", "d", "e", "[x]")))
    make(tmp_path, *(f"q/{name}.wasm" for name in "fghi"))
    make(tmp_path, "q/pointer.wasm", data=b"version https://git-lfs.github.com/spec/v1")
    found = starter.find(tmp_path).found
    assert {module.source_text for module in planned(tmp_path).modules} == set(found)


@pytest.mark.parametrize(
    ("folders", "suffixes"), [("pp", ("wasm", "WASM")), ("pp", ("wasm", "wat")), ("pq", ("wat",) * 2)]
)
def test_globs_that_would_have_the_same_key_declare_each_file_once(
    tmp_path: Path, folders: str, suffixes: tuple[str, ...]
) -> None:
    paths = [f"{folders[0]}/x/{name}.{suffixes[0]}" for name in "abcd"]
    paths += [f"{folders[1]}/x/{name}.{suffixes[-1]}" for name in "efgh"]
    make(tmp_path, *paths)
    assert sum(entry.key == "x/*" for entry in starter.entries(tmp_path, starter.find(tmp_path).found)) == 1
    assert sorted(module.source_text for module in planned(tmp_path).modules) == sorted(paths)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("linse groß", "linse-gross"),
        ("crème brûlée", "creme-brulee"),
        ("cre\u0300me", "creme"),
        ("Æther", "AEther"),
        ("Łódź", "Lodz"),
        ("日本", "module"),
        ("日本2", "module-2"),
        ("2", "2"),
    ],
)
def test_names_outside_of_ascii_stay_readable(tmp_path: Path, file: str, name: str) -> None:
    make(tmp_path, f"{file}.wasm")
    assert starter.entries(tmp_path, starter.find(tmp_path).found) == [(name, f"{file}.wasm")]


@pytest.mark.parametrize(
    "key", ["cpu", "epoch-interruption", "consume-fuel", "targets.linux-arm64", "imports", "exports"]
)
def test_what_is_commented_out_can_be_declared(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasmbuild.engine.host.triple", lambda: "x86_64-unknown-linux-gnu")
    make(tmp_path, "a.wasm")
    lines = starter.declaration(tmp_path, starter.entries(tmp_path, starter.find(tmp_path).found), 48).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith((f"# {key} ", f"# [{key}]")))
    for number in range(start, start + (2 if key.startswith("targets") else 1)):
        lines[number] = lines[number].removeprefix("# ")
    text = "\n".join(lines)
    assert plan(parse(text.encode(), file="w", directory=tmp_path, default_line=48)).artifacts


_NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=8)


@given(
    st.sets(st.tuples(st.sampled_from(["", "p/", "p/q/", "con/"]), _NAMES, st.sampled_from([".wasm", ".wat", ".WASM"])))
)
def test_whatever_files_are_called_the_declaration_is_right(
    tmp_path_factory: pytest.TempPathFactory, files: set[tuple[str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("starter")
    for folder, name, suffix in files:
        make(root, f"{folder}{name}{suffix}")
    found = starter.find(root).found
    if found:
        assert {module.source_text for module in planned(root).modules} == set(found)


@pytest.mark.parametrize(
    ("line", "install"), [(48, 'pip install "wasmbuild[cross]"'), (50, "wasmbuild toolchain install 50")]
)
def test_a_compiler_for_other_machines_is_one_of_the_line(tmp_path: Path, line: int, install: str) -> None:
    said = "# Other machines take a compiler that has them: "
    assert f"\n{said}{install}\n# [targets." in starter.declaration(tmp_path, [], line)
    assert said not in starter.declaration(tmp_path, [], line, compiles_all=True)
