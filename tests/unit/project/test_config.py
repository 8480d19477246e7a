from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from building import load
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmbuild.engine import rules
from wasmbuild.errors import DeclarationError
from wasmbuild.project import versions
from wasmbuild.project.config import parse
from wasmbuild.project.declared import CompileLimits, Project, lines_of

MINIMAL = """\
[project]
name = "p"
[targets.host]
triple = "x86_64-unknown-linux-gnu"
[modules.m]
source = "m.wat"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "m.wat").touch()
    return tmp_path


def read(directory: Path, text: str, *, default_line: int = 48) -> Project:
    return parse(text.encode(), file="wasmbuild.toml", directory=directory, default_line=default_line)


def mistakes(directory: Path, data: str | bytes, *, default_line: int = 48) -> list[str]:
    data = data.encode() if isinstance(data, str) else data
    with pytest.raises(DeclarationError) as raised:
        parse(data, file="wasmbuild.toml", directory=directory, default_line=default_line)
    assert raised.value.exit_code == 2
    return str(raised.value).splitlines()


def test_of_files_that_nobody_asked_for_nothing_is_told_beside_a_mistake(tmp_path: Path) -> None:
    data = f"{MINIMAL}typo = 1\n".encode()
    with pytest.raises(DeclarationError) as raised:
        parse(data, file="f", directory=tmp_path, default_line=48, needs_modules=False)
    [mistake] = raised.value.mistakes
    assert mistake.key == "modules.m.typo"


def test_defaults(directory: Path) -> None:
    project = read(directory, MINIMAL)
    assert project.name == "p"
    assert project.build_dir == directory / "build"
    assert (project.line, project.compiler) == (48, "auto")
    assert project.limits == CompileLimits(8 << 30 if sys.platform == "linux" else None, 600)
    assert [(target.name, target.cpu, dict(target.engine.isa_flags), target.require) for target in project.targets] == [
        ("host", None, {}, None)
    ]
    assert project.targets[0].engine.engine_table() == {"embedder": "c-api"}
    assert list(project.modules) == ["m"]


@pytest.mark.parametrize(
    ("toolchain", "line", "at_least"),
    [
        ("", 49, None),
        ('wasmtime = "48"', 48, None),
        ('wasmtime = "48.0.8"', 48, "48.0.8"),
        ('wasmtime = "50"', 50, None),
    ],
)
def test_lines(directory: Path, toolchain: str, line: int, at_least: str | None) -> None:
    project = read(directory, f"{MINIMAL}\n[toolchain]\n{toolchain}", default_line=49)
    assert project.line == line
    assert lines_of(project.targets) == {line: at_least}


def test_lines_of_targets(directory: Path) -> None:
    project = read(
        directory,
        """
        [project]
        name = "p"
        [toolchain]
        wasmtime = "48"
        [engine]
        runtime = "49.0.3"
        [targets.a]
        triple = "pulley64"
        [targets.b]
        triple = "pulley64"
        wasmtime = "49"
        [targets.c]
        triple = "pulley64"
        wasmtime = "48.0.10"
        [targets.d]
        triple = "pulley64"
        wasmtime = "48.0.9"
        [modules.m]
        source = "m.wat"
        """,
    )
    assert [target.engine.line for target in project.targets] == [48, 49, 48, 48]
    # What loads is of one line alone.
    assert [target.runtime for target in project.targets] == [None, "49.0.3", None, None]
    assert lines_of(project.targets) == {48: "48.0.10", 49: None}


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("wasmtime = 48.0", 'write "48"'),
        ("wasmtime = 48", 'write "48"'),
        ("compiler = 1", 'write one of "auto", "cli", "embedded", or a path such as "./1"'),
    ],
)
def test_a_number_in_place_of_text_is_told_what_would_be_right(directory: Path, written: str, fix: str) -> None:
    key, _, number = written.split()
    assert mistakes(directory, f"{MINIMAL}[toolchain]\n{written}\n") == [
        f"wasmbuild.toml: toolchain.{key}: must be text, not {number}; {fix}"
    ]


@pytest.mark.parametrize(
    ("wanted", "fix"),
    [
        ("~=48.0", 'write "48"'),
        ("v48.0.8", 'write "48.0.8"'),
        ("99999999999999999999999", versions.write_a_line()),
        ("48.0.08", versions.write_a_line()),
        ("v47", versions.write_a_line()),
        ("latest", versions.write_a_line()),
    ],
)
def test_what_is_no_line_is_not_advised(directory: Path, wanted: str, fix: str) -> None:
    assert mistakes(directory, f'{MINIMAL}[toolchain]\nwasmtime = "{wanted}"\n') == [
        f'wasmbuild.toml: toolchain.wasmtime: "{wanted}" is neither a line nor a version of Wasmtime; {fix}'
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (r'"q\u0000", "x"', r'command[0]: "q\x00" has a character that no path should have; correct the path'),
        (r'"q", "x\u0000"', "command[1]: has a NUL, which no argument can have; remove it"),
    ],
)
def test_a_nul_in_a_command_is_one_mistake(directory: Path, command: str, said: str) -> None:
    table = f'[targets.host.runner]\npython = "python3"\ncommand = [{command}]\n'
    assert mistakes(directory, MINIMAL + table) == [f"wasmbuild.toml: targets.host.runner.{said}"]


def test_an_installed_library_of_another_line(directory: Path) -> None:
    assert mistakes(directory, MINIMAL, default_line=47) == [
        "wasmbuild.toml: toolchain.wasmtime: is missing, and the installed library does not fit: "
        f"{rules.line_problem(47)}; {versions.write_a_line()}"
    ]


@pytest.mark.parametrize(
    ("value", "size"),
    [("1048576", 1 << 20), ('"512 MiB"', 512 << 20), ('"3GiB"', 3 << 30), ('"2 TiB"', 2 << 40)],
)
def test_memory(directory: Path, value: str, size: int) -> None:
    text = f"{MINIMAL}\n[toolchain]\nmemory-limit = {value}\ntime-limit = 5"
    assert read(directory, text).limits == CompileLimits(size, 5)


def test_a_compiler_by_path(directory: Path) -> None:
    project = read(directory, f'{MINIMAL}\n[toolchain]\ncompiler = "tools/../wasmtime"\n')
    assert project.compiler == str(directory / "wasmtime")


def test_engines_are_put_together(directory: Path) -> None:
    project = read(
        directory,
        """
        project.name = "p"
        modules.m.source = "m.wat"
        [engine]
        embedder = "rust"
        epoch-interruption = true
        cranelift-flags = { is_pic = true }
        [targets.a]
        triple = "x86_64-unknown-linux-gnu"
        engine = { epoch-interruption = false, cranelift-flags = { regalloc_checker = true } }
        [targets.b]
        triple = "pulley64"
        engine = { embedder = "c-api" }
        """,
    )
    assert [target.engine.engine_table() for target in project.targets] == [
        {
            "embedder": "rust",
            "collector": "copying",
            "cranelift-flags": {"is_pic": True, "regalloc_checker": True},
        },
        {"embedder": "c-api", "cranelift-flags": {"is_pic": True}, "epoch-interruption": True},
    ]


def test_a_target_may_complete_what_engine_begins(directory: Path) -> None:
    text = f"{MINIMAL}\n[targets.host.engine]\nwasm-relaxed-simd = false\n[engine]\nwasm-simd = false\n"
    assert read(directory, text).targets[0].engine.settings["wasm-simd"] is False
    assert mistakes(directory, text + '[targets.other]\ntriple = "pulley64"\n') == [
        "wasmbuild.toml: engine.wasm-simd: relaxed SIMD cannot be without SIMD; write wasm-relaxed-simd = false too"
    ]


def test_an_empty_table_is_one_that_is_left_out(directory: Path) -> None:
    tables = "\n[toolchain]\n[engine]\n[audit]\n[cache]\n[targets.host.engine]\n"
    assert read(directory, MINIMAL + tables) == read(directory, MINIMAL)


# --- the file as a whole


def test_bytes_that_are_no_toml(directory: Path) -> None:
    def of(data: bytes) -> list[str]:
        return mistakes(directory, data)

    assert of(b"") == ["wasmbuild.toml: is empty; write [project], [targets.NAME] and [modules.NAME]"]
    assert of(b"# nothing\n") == of(b"")
    assert of(b"a = 1\nb = \xff\n") == ["wasmbuild.toml: line 2 is not UTF-8: byte 0xFF; save the file as UTF-8"]
    assert of(b"\xef\xbb\xbfa = 1\n") == ["wasmbuild.toml: starts with a byte order mark; save it as UTF-8 without one"]
    assert of(b"[build]\nexecutor = local\n") == [
        "wasmbuild.toml: line 2, column 12: Invalid value; write text in straight quotes, true and false in lower "
        "case, and close each bracket"
    ]
    assert of(b"[build]\n[project]\n[build]\n") == [
        "wasmbuild.toml: line 3, column 7: Cannot declare ('build',) twice; each table stands once: write all of its "
        "keys below one header"
    ]
    assert of(b"[build]\nexecutor = 'local' [cache]\n") == [
        "wasmbuild.toml: line 2, column 20: Expected newline or end of document after a statement; write each header "
        "and each key on a line of its own, and text in quotes"
    ]
    for name in ("a/b", "plugins/*", "v1.2/*"):
        (said,) = of(f"[build]\n [modules.{name}]\n".encode())
        assert said.endswith(f": Expected ']' at the end of a table declaration; write [modules.\"{name}\"]")
    assert of(b"[modules.a b]\n")[0].endswith("; correct the TOML there")
    assert of(b"a = '\x1b'\n") == [
        "wasmbuild.toml: line 1, column 6: Found invalid character '\\x1b'; correct the TOML there"
    ]
    assert of(b"a = " + b"[" * 5000) == ["wasmbuild.toml: is nested too deeply; use fewer brackets"]
    assert of(b"a = " + b"9" * 5000) == ["wasmbuild.toml: has a number that is too long; write a shorter one"]


def test_what_is_wrong_at_a_header_of_a_module_that_needs_no_quotes(directory: Path) -> None:
    def fix(text: str) -> str:
        (said,) = mistakes(directory, text)
        return said.partition("; ")[2]

    again = MINIMAL[MINIMAL.index("[modules.m]") :]
    assert fix(MINIMAL + again) == "each table stands once: write all of its keys below one header"
    one_line = "write each header and each key on a line of its own, and text in quotes"
    assert fix(MINIMAL.replace("[modules.m]\n", "[modules.m] ")) == one_line
    assert fix(MINIMAL.replace("[modules.m]", "[modules.m] # \x01")) == "correct the TOML there"


@pytest.mark.parametrize("headers", [("[{}]", "[{}]"), ("[{}]", "[[{}]]"), ("[[{}]]", "[{}]")])
@pytest.mark.parametrize("module", ["m", '"m/n"'])
def test_several_tests_of_a_module_are_each_below_the_header_that_is_told(
    directory: Path, module: str, headers: tuple[str, str]
) -> None:
    name = f"modules.{module}.tests"
    several = MINIMAL.replace("modules.m", f"modules.{module}") + "".join(
        f"{header.format(name)}\ncall = {call!r}\nreturns = []\n" for header, call in zip(headers, "ab", strict=True)
    )
    (said,) = mistakes(directory, several)
    assert said.endswith(f"; write [[{name}]] above each test")
    mended = several.replace("[[", "[").replace("]]", "]").replace(f"[{name}]", f"[[{name}]]")
    assert [case.call for case in read(directory, mended).modules[module.strip('"')].tests] == ["a", "b"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def of(path: Path) -> str:
        with pytest.raises(DeclarationError) as raised:
            load(path)
        return str(raised.value)

    missing = tmp_path / "wasmbuild.toml"
    absent = "there is no such file; name the one that is meant, or have wasmbuild init write a first one"
    assert of(missing) == f"{missing}: {absent}"
    elsewhere = "is a directory; name the file that is meant, or move the directory away"
    assert of(tmp_path) == f"{tmp_path}: {elsewhere}"
    assert of(missing / "none.toml") == f"{missing / 'none.toml'}: {absent}"
    missing.mkdir()
    assert of(missing) == f"{missing}: {elsewhere}"
    missing.rmdir()
    missing.touch()
    assert of(tmp_path) == f"{tmp_path}: is a directory; name the file in it, {missing}"
    with missing.open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert (
        of(missing)
        == f"{missing}: has 16777217 bytes, and at most 16777216 are read; use globs to declare many modules"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    fifo = tmp_path / "wasmbuild.toml"
    os.mkfifo(fifo)
    with pytest.raises(DeclarationError) as raised:
        load(fifo)
    assert str(raised.value) == f"{fifo}: cannot be read: not a regular file; name a readable file"


def test_a_file_is_named_as_it_was_given(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    Path("sub").mkdir()
    Path("sub/wasmbuild.toml").write_text("x = 1")
    with pytest.raises(DeclarationError, match=r"\Asub/wasmbuild.toml: x: unknown key"):
        load(Path("sub/wasmbuild.toml"))


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_a_project_or_mistakes(data: bytes) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(data, file="f", directory=Path.cwd(), default_line=48)
    assert all(line.startswith("f: ") and line.isprintable() for line in str(raised.value).split("\n"))
