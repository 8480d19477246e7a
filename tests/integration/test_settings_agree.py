"""The file of a line against real compilers: the command that holds it against them, and what it finds in wrong files.

Needs the wheels of the library and of an executable of one line, the extra ``cross`` or those of another: whichever
is installed, the file of that line is held against it. ``CONTRIBUTING.md`` has the command.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import wheels
from matrix import thorough

from wasmbuild.engine import cpu, lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Line
from wasmbuild.engine.translations import cli_option
from wasmbuild.installing.library import install_library
from wasmbuild.line_check import SINGLE, Compilers, Topic, settings, targets
from wasmbuild.line_check.__main__ import main
from wasmbuild.line_check.combinations import TRIPLES, combinations
from wasmbuild.line_check.compilers import at_hand

LINE = int(version("wasmtime").partition(".")[0])
FILE = Path(lines.__file__).with_name(f"{LINE}.toml")


@pytest.fixture(scope="module")
def compilers() -> Iterator[Compilers]:
    with at_hand(LINE, None) as found:
        yield found


# Thousands of compiles: those of all values, of what a loader makes of them, and of random engines are slow.
QUICK = (settings.options, settings.presets, targets.flags, targets.cpus)
REST = [hold for hold in (*SINGLE, combinations) if hold not in QUICK]


@thorough("hold", [*QUICK, *REST], always=len(QUICK), ids=lambda hold: hold.__name__)
def test_the_file_says_what_the_compilers_do(hold: Callable[[Line, Compilers], Topic], compilers: Compilers) -> None:
    topic = hold(lines.get(LINE), compilers)
    assert topic.grouped() == []
    assert topic.untried == []
    assert topic.tried


# What stands in the file of 48, what is written there instead, and what is said then. A line that says in what it
# differs from it has the same mistakes.
MISTAKES = [
    (
        "[settings.memory-may-move]\ndefault = true",
        "[settings.memory-may-move]\ndefault = false",
        "settings.memory-may-move.default: is not false on x86_64-unknown-linux-gnu with cranelift; write true",
    ),
    (
        '[settings.consume-fuel]\ndefault = false\ncheck = "equal"',
        '[settings.consume-fuel]\ndefault = false\ncheck = "unseen"',
        "settings.consume-fuel.check: the loader refuses and refuses an artifact that differs in true on ",
    ),
    (
        'choices = ["gc", "intrinsics"]',
        'choices = ["gc"]',
        "settings.compiler-inlining.choices: -Cinlining takes intrinsics too; write it there, or name "
        '"-Cinlining=intrinsics" in ',
    ),
    (
        'cli = "-Wthreads"',
        'cli = "-Wthread"',
        "settings.wasm-threads.cli: the executable has no option -Wthread; name the one it has now, or write ",
    ),
    (
        'cli = "-Wthreads"',
        'cli = "-Wthread"',
        'the executable has an option -Wthreads that no setting is; write a table [settings.NAME] with cli = "-Wthr',
    ),
    (
        'python = "memory_init_cow"',
        'python = "memory_may_move"',
        "settings.memory-init-cow.python: library and executable make different artifacts with false on ",
    ),
    (
        "[cpu.x86_64.features]\n",
        "[cpu.x86_64.features]\navx10 = []\n",
        "cpu.x86_64.features.avx10: the compiler has no flag has_avx10; leave it out",
    ),
    ("zfa = []\n", "", "cpu.riscv64.features: lacks the compiler's has_zfa; write zfa = [], or name it in "),
    (
        'choices = ["none", "elf_gd", "macho", "coff"]',
        'choices = ["none", "elf_gd", "macho", "coffee"]',
        'cranelift-flags.tls_model: "coffee" is refused on ',
    ),
    (
        'settings = { collector = "copying" }\n\n[embedders.rust]',
        "settings = {}\n\n[embedders.rust]",
        "embedders.cli.settings: the executable makes another artifact by itself than with this preset",
    ),
]


@pytest.fixture(scope="module")
def said_of_mistakes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run the command once on a file that has all of the mistakes."""
    directory = tmp_path_factory.mktemp("lines")
    text = FILE.with_name("48.toml").read_text(encoding="utf-8")
    for right, wrong, _ in MISTAKES:
        assert right in text or wrong in text, right
        text = text.replace(right, wrong)
    # Levels have what features there are.
    text = text.replace('"zfa", ', "")
    file = directory / f"{LINE}.toml"
    file.write_text(text, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([str(file)]) == 1
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.skipif(LINE != 48, reason="the mistakes are written into the file of 48")
@pytest.mark.parametrize("said", [said for *_, said in MISTAKES])
def test_a_mistake_is_told_with_its_key(said: str, said_of_mistakes: str) -> None:
    assert said in said_of_mistakes
    assert "not compared: random engines, as long as single settings disagree" in said_of_mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["12"], "error: line 12 has no file; name one, such as 12.toml, or one of "),
        (["x.toml"], "error: x.toml: is neither a line nor the file of one; its name is NN.toml"),
        (["48.json"], "error: 48.json: is neither a line nor the file of one; its name is NN.toml"),
        (["52.toml"], "error: 52.toml: is no whole file of a line: KeyError: 'winch'"),
        (["53.toml"], "error: 53.toml: is no whole file of a line: TOMLDecodeError: "),
        ([str(LINE + 1 if LINE < 50 else 48)], "error: no wasmtime executable of Wasmtime "),
    ],
)
def test_what_cannot_be_compared(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    (tmp_path / "52.toml").write_text("x = 1\n")
    (tmp_path / "53.toml").write_text("x =\n")
    known = lines.known()
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(said)
    assert lines.known() == known


@pytest.mark.slow
def test_the_library_that_was_installed_for_another_line_is_held_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    other = 49 if LINE == 48 else 48
    install_library(str(other), str(wheels.of_line(other)))
    with at_hand(other, str(wheels.executable_of_line(other))) as found:
        topic = settings.presets(lines.get(other), found)
    assert (topic.grouped(), topic.untried) == ([], [])
    assert topic.tried == 3


@pytest.mark.skipif(LINE < 48, reason="no setting of the line follows another one")
@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "pulley64", "pulley32"])
@pytest.mark.parametrize(
    "declared",
    [
        {"memory-reservation": 1 << 20, "gc-heap-may-move": False},
        {"memory-reservation": 1 << 20, "gc-heap-reservation": 1 << 20, "gc-heap-may-move": False},
        {"memory-reservation": 1 << 20, "gc-heap-reservation": 1 << 32},
        {"memory-guard-size": 65536, "memory-may-move": False, "gc-heap-guard-size": 65536},
        {"memory-may-move": False, "gc-heap-may-move": False, "gc-heap-initial-size": 65536},
        {"memory-reservation-for-growth": 1 << 20, "memory-may-move": False, "gc-heap-initial-size": 65536},
    ],
)
def test_what_follows_other_settings_is_as_if_all_that_is_declared_were_told(
    declared: dict[str, int], triple: str, compilers: Compilers
) -> None:
    engine = EngineConfig.declared(declared, line=LINE, triple=triples.parse(triple))
    options = [word for name, value in declared.items() for word in cli_option(lines.get(LINE).settings[name], value)]
    told, canonical = compilers.compile_all(
        [["--target", triple, "-Ccache=n", "-Ccollector=drc", *options], engine.executable_arguments()]
    )
    assert told.artifact is not None, told.said
    assert canonical == told
    every = {name: value for name, value in engine.values().items() if name.startswith(("gc-heap-", "memory-"))}
    assert compilers.compile(engine.changed(every).executable_arguments()) == told


def test_an_executable_of_another_line_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], compilers: Compilers
) -> None:
    (tmp_path / "51.toml").write_text("base = 50\n")
    assert main([str(tmp_path / "51.toml"), "--compiler", compilers.executable.path]) == 2
    assert f"is Wasmtime {compilers.executable.version}, not 51" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        *TRIPLES,
        "aarch64-linux-android",
        "aarch64-apple-ios",
        "aarch64-unknown-linux-musl",
        "pulley32be",
        "riscv64gc-unknown-linux-musl",
        "s390x-ibm-linux-gnu",
        "x86_64-linux",
        "x86_64-unknown-freebsd",
        "x86_64-unknown-none",
        *(f"x86_64-unknown-{system}" for system in triples.SYSTEMS),
        *(f"x86_64-unknown-linux-{environment}" for environment in ("gnu", "musl", "ohos", "uclibc", "android")),
    ],
)
def test_triples_compile(text: str, compilers: Compilers) -> None:
    triple = triples.parse(text)
    flags = cpu.isa_flags(triple.architecture, None, ["v"] if triple.architecture == "riscv64" else [], LINE)
    attempt = compilers.compile(EngineConfig(LINE, triple, flags, {}).executable_arguments())
    assert attempt.artifact is not None, attempt.said
