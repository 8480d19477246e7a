"""The settings table against real compilers: what it accepts compiles, what it refuses does not, and both agree.

Needs the wheels of the library and of an executable of one line, the extra ``cross`` or those of another: whichever
is installed, the file of that line is held against it. ``CONTRIBUTING.md`` has the command.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import families
import pytest

from wasmbuild.engine import cpu, lines, rules, triples
from wasmbuild.engine.config import EngineConfig

LINE = int(version("wasmtime").partition(".")[0])
SETTINGS = lines.get(LINE).settings
FLAGS = lines.get(LINE).flags
EMBEDDERS = {name: embedder.settings for name, embedder in lines.get(LINE).embedders.items()}
HOST = triples.host_triple()
TRIPLES = (
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "pulley32",
    "pulley64",
    "pulley64be",
)
CHILD = """
import hashlib, json, sys
import wasmtime
from wasmtime import _bindings
for line in sys.stdin:
    wasm, target, calls = json.loads(line)
    config = wasmtime.Config()
    config.target = target
    for kind, name, value in calls:
        if kind == "property":
            assert isinstance(getattr(wasmtime.Config, name), property), name
            setattr(config, name, value)
        elif kind == "flag_set":
            config.cranelift_flag_set(name, value)
        else:
            getattr(_bindings, name)(config.ptr(), value)
    module = wasmtime.Module(wasmtime.Engine(config), open(wasm).read())
    print(hashlib.sha256(bytes(module.serialize())).hexdigest(), flush=True)
"""


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable of the wheel, which has no run bit there."""
    spec = importlib.util.find_spec("wasmtime_cli")
    assert spec is not None, "the extra cross is not installed"
    assert spec.submodule_search_locations, spec
    name = "wasmtime.exe" if sys.platform == "win32" else "wasmtime"
    copy = tmp_path_factory.mktemp("executable") / name
    shutil.copyfile(Path(spec.submodule_search_locations[0]) / name, copy)
    copy.chmod(0o755)
    return copy


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("module") / "module.wat"
    path.write_text(families.MODULE)
    return path


class Library:
    """The library in a child, where an abort can be told."""

    def __init__(self, module: Path) -> None:
        self._module = module
        self._child: subprocess.Popen[str] | None = None

    def compile(self, target: str, calls: list[list[Any]]) -> str:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "RUST_BACKTRACE": "0"},
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps([str(self._module), target, calls]) + "\n")
        self._child.stdin.flush()
        digest = self._child.stdout.readline().strip()
        if not digest:
            errors = self._child.communicate()[1]
            self._child = None
            pytest.fail(f"the library died of {calls}: {errors}")
        return digest

    def close(self) -> None:
        if self._child is not None:
            self._child.communicate()


@pytest.fixture(scope="module")
def library(module: Path) -> Iterator[Library]:
    library = Library(module)
    yield library
    library.close()


def run(executable: Path, module: Path, out: Path, engine: EngineConfig) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(executable), "compile", *engine.executable_arguments(), str(module), "-o", str(out)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(out.parent), "RUST_BACKTRACE": "0"},
    )


def isa_flags(triple: triples.TargetTriple) -> dict[str, bool | int | str]:
    return cpu.isa_flags(triple.architecture, None, ["v"] if triple.architecture == "riscv64" else [])


def value_of(chooser: random.Random, default: object, choices: tuple[str, ...], low: int, high: int) -> object:
    if isinstance(default, bool):
        return chooser.random() < 0.5
    if isinstance(default, int):
        return chooser.choice([low, high, default, chooser.randint(low, min(high, 2**40))])
    return chooser.choice(choices)


def some_settings(chooser: random.Random) -> dict[str, object]:
    declared: dict[str, object] = {}
    if chooser.random() < 0.3:
        declared["embedder"] = chooser.choice(list(EMBEDDERS))
    for name in chooser.sample(list(SETTINGS), chooser.randint(0, 6)):
        setting = SETTINGS[name]
        declared[name] = value_of(chooser, setting.default, setting.choices, setting.low, setting.high)
    flags = {}
    for name in chooser.sample(list(FLAGS), chooser.choice([0, 0, 0, 1, 2])):
        flag = FLAGS[name]
        flags[name] = value_of(chooser, flag.default, flag.choices, flag.low, flag.high)
    return {**declared, "cranelift-flags": flags} if flags else declared


@pytest.mark.parametrize("text", TRIPLES)
def test_random_settings(text: str, executable: Path, module: Path, library: Library, tmp_path: Path) -> None:
    triple = triples.parse(text)
    chooser = random.Random(f"settings for {text}")  # noqa: S311 -- repeatable, not secret
    accepted = refused = compared = 0
    for _ in range(40):
        declared = some_settings(chooser)
        assert rules.value_problems(declared, line=LINE) == []
        problems = rules.problems(declared, line=LINE, triple=triple)
        if problems:
            refused += 1
            if triple.is_pulley and {key for key, _problem, _fix in problems} == {"debug-info"}:
                continue  # Pulley refuses it where a value can be located, which some optimizations prevent.
            # As a person would have written it, were it not refused: nothing but names and values is translated.
            plain = {name: declared[name] for name in sorted(declared)}
            preset = EMBEDDERS[str(plain.get("embedder", "c-api"))]
            told = EngineConfig(LINE, triple, isa_flags(triple), {**preset, **plain})
            ended = run(executable, module, tmp_path / "out", told)
            assert ended.returncode != 0, f"{declared} is refused needlessly: {problems}"
            continue
        accepted += 1
        engine = EngineConfig(LINE, triple, isa_flags(triple), {}).changed(declared)
        assert engine.problems() == []
        out = tmp_path / "out.cwasm"
        ended = run(executable, module, out, engine)
        assert ended.returncode == 0, f"{declared}: {ended.stderr}"
        # With debug info a symbol carries the whole version, in which the two may differ.
        if text in (HOST, "pulley64") and not engine.library_lacks() and "debug-info" not in engine.settings:
            compared += 1
            digest = library.compile(text, engine.library_calls())
            assert digest == hashlib.sha256(out.read_bytes()).hexdigest(), declared
    assert accepted
    assert refused
    assert compared or text not in (HOST, "pulley64")


@pytest.mark.parametrize("text", [name for name in (HOST, "pulley64") if name is not None])
def test_every_setting_by_itself(text: str, executable: Path, module: Path, library: Library, tmp_path: Path) -> None:
    """Each value changes the bytes unless it is said not to reach the compiler, and both compilers agree on them."""
    triple = triples.parse(text)
    plain = library.compile(text, [])
    for name, setting in SETTINGS.items():
        default = lines.get(LINE).setting_defaults(triple.architecture)[name]
        if isinstance(default, bool):
            values: list[object] = [not default]
        elif isinstance(default, int):
            values = [default // 2 + 65536]
        else:
            values = [choice for choice in setting.choices if choice not in (default, "auto")]
        for value in values:
            declared = {name: value}
            if name == "wasm-simd":
                declared["wasm-relaxed-simd"] = False
            if rules.problems(declared, line=LINE, triple=triple):
                continue
            engine = EngineConfig(LINE, triple, isa_flags(triple), {}).changed(declared)
            out = tmp_path / "out.cwasm"
            ended = run(executable, module, out, engine)
            assert ended.returncode == 0, f"{declared}: {ended.stderr}"
            digest = hashlib.sha256(out.read_bytes()).hexdigest()
            # The module here has no gaps in its data, which are all that it changes.
            changes = bool(engine.key_inputs()["engine"]) and name != "memory-guaranteed-dense-image-size"
            assert (digest != plain) == changes, declared
            if not engine.library_lacks() and name != "debug-info":
                # A cache and a profiler write files of their own.
                calls = engine.library_calls(runtime=name not in ("cache", "profiler"))
                assert library.compile(text, calls) == digest, declared


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("text", ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "s390x-unknown-linux-gnu"])
def test_flags_take_both_ends_of_their_range(
    text: str, name: str, executable: Path, module: Path, tmp_path: Path
) -> None:
    flag = FLAGS[name]
    if isinstance(flag.default, bool):
        values: tuple[object, ...] = (False, True)
    elif isinstance(flag.default, int):
        values = (flag.low, flag.high)
    else:
        values = flag.choices
    for value in values:
        engine = EngineConfig(LINE, triples.parse(text), {}, {}).changed({"cranelift-flags": {name: value}})
        ended = run(executable, module, tmp_path / "out", engine)
        assert ended.returncode == 0, f"{name} = {value}: {ended.stderr}"


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64", "riscv64", "s390x"])
def test_every_cpu_level_and_feature_compiles(
    architecture: str, executable: Path, module: Path, tmp_path: Path
) -> None:
    triple = {"riscv64": "riscv64gc"}.get(architecture, architecture) + "-unknown-linux-gnu"
    combinations = [*cpu.levels(architecture).values(), *cpu.features(architecture).values()]
    for flags in combinations:
        ended = run(executable, module, tmp_path / "out", EngineConfig(LINE, triples.parse(triple), flags, {}))
        assert ended.returncode == 0, f"{flags}: {ended.stderr}"


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
def test_triples_compile(text: str, executable: Path, module: Path, tmp_path: Path) -> None:
    triple = triples.parse(text)
    ended = run(executable, module, tmp_path / "out", EngineConfig(LINE, triple, isa_flags(triple), {}))
    assert ended.returncode == 0, ended.stderr


def test_the_library_compiles_for_the_host_triple(library: Library) -> None:
    assert HOST is not None
    assert library.compile(HOST, [])
