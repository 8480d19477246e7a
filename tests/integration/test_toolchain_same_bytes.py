"""Both compilers give the same bytes for the same settings, and the artifacts say what they were asked to be."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import engines
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wasmbuild.engine import cpu, host, lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.rules import EngineError
from wasmbuild.errors import CompileError
from wasmbuild.formats import cwasm
from wasmbuild.toolchain import cli, find, search_path
from wasmbuild.toolchain.embedded import EMPTY, Embedded
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.limits import ProcessLimits

LIMITS = ProcessLimits(seconds=120)
LINE = search_path.default_line()
SETTINGS = lines.get(LINE).settings
HOST = host.triple() or "pulley64"
HOST_ARCHITECTURE = triples.parse(HOST).architecture

MODULES = {
    "empty": b"(module)",
    "memory, data, calls, a table": b"""(module
        (import "env" "log" (func $log (param i32 i64)))
        (memory (export "memory") 1 4) (data (i32.const 8) "wasm\\00\\01")
        (table 2 funcref) (elem (i32.const 0) $sum $call) (global $g (mut i64) (i64.const 7))
        (type $binary (func (param i32 i32) (result i32)))
        (func $sum (param i32 i32) (result i32)
            (local $i i32)
            (loop $again
                (i32.store8 (local.get $i) (i32.load8_u offset=4 (local.get 0)))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 1))))
            (call $log (local.get $i) (global.get $g))
            (i32.div_s (local.get 0) (local.get 1)))
        (func $call (export "call") (param i32 i32) (result i32)
            (call_indirect (type $binary) (local.get 0) (i32.const 3) (local.get 1))))""",
    "floats": b"""(module (func (export "f") (param f64 f32) (result f64)
        (f64.sqrt (f64.div (f64.promote_f32 (local.get 1)) (f64.min (local.get 0) (f64.const 0.5))))))""",
    "a start function and a trap": b"(module (func $start unreachable) (start $start))",
}
COMPONENTS = {
    "empty": b"(component)",
    "an instance and a lifted function": b"""(component
        (core module $m (memory (export "memory") 1)
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
        (core instance $i (instantiate $m))
        (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))""",
}


@pytest.fixture(scope="module")
def compiler() -> FoundCompiler:
    return find.find("cli", LINE, ".")


@pytest.fixture(scope="module")
def sources(embedded: Embedded) -> list[tuple[str, bytes]]:
    modules = [("module", embedded.translate(text)) for text in MODULES.values()]
    return modules + [("component", embedded.translate(text)) for text in COMPONENTS.values()]


def values(name: str) -> st.SearchStrategy[object]:
    setting = SETTINGS[name]
    default = setting.default
    if isinstance(default, bool):
        return st.booleans()
    if setting.choices:
        return st.sampled_from(setting.choices)
    return st.sampled_from(
        [value for value in (0, 65536, 1 << 24, 1 << 32, 1 << 33) if setting.low <= value <= setting.high]
    )


# A symbol of the debug info is the compiler's whole version, and the two here may be of different patch releases.
NAMES = [name for name, setting in SETTINGS.items() if not setting.runtime_only and name != "debug-info"]
ENGINES = st.lists(st.sampled_from(NAMES), max_size=6, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: values(name) for name in names})
)
FEATURES = st.lists(st.sampled_from(sorted(cpu.features(HOST_ARCHITECTURE)) or [""]), max_size=4, unique=True)


class TestSameBytes:
    @settings(suppress_health_check=[HealthCheck.filter_too_much])
    @given(
        engine=ENGINES,
        features=FEATURES,
        triple=st.sampled_from([HOST, "pulley64"]),
        which=st.integers(0, len(MODULES) + len(COMPONENTS) - 1),
        parallel=st.booleans(),
    )
    def test_for_random_settings(
        self,
        compiler: FoundCompiler,
        embedded: Embedded,
        sources: list[tuple[str, bytes]],
        engine: dict[str, Any],
        features: list[str],
        triple: str,
        which: int,
        parallel: bool,
    ) -> None:
        parsed = triples.parse(triple)
        flags = {} if parsed.is_pulley else cpu.isa_flags(parsed.architecture, None, features)
        try:
            config = EngineConfig(LINE, parsed, flags, {}).changed(engine)
        except EngineError:
            return
        if config.library_lacks():
            return
        kind, wasm = sources[which]
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "in.wasm").write_bytes(wasm)
            made: list[bytes | str] = []
            for number, compile_job in enumerate((lambda job: cli.compile(compiler, job), embedded.compile)):
                job = Job(
                    directory / "in.wasm", directory / f"{number}.cwasm", kind, config, LIMITS,
                    parallel=parallel, source="in.wasm", name="out.cwasm",
                )  # fmt: skip
                try:
                    compile_job(job)
                    made.append(job.out.read_bytes())
                except CompileError as error:
                    made.append(str(error))
        if "is enabled, but not available on the host" in str(made[1]):
            return  # the library compiles for no better CPU than this one
        if isinstance(made[0], str) and isinstance(made[1], str):
            # A feature that the source needs is off.
            known = ("which [engine] turns off", "is not valid WebAssembly")
            assert all(any(cause in text for cause in known) for text in made), made
            return
        assert made[0] == made[1]

    @pytest.mark.parametrize("triple", [HOST, "pulley64"])
    def test_for_everything_without_settings(
        self, compiler: FoundCompiler, embedded: Embedded, sources: list[tuple[str, bytes]], triple: str, tmp_path: Path
    ) -> None:
        for number, (kind, wasm) in enumerate(sources):
            made = []
            (tmp_path / f"{number}.wasm").write_bytes(wasm)
            for by, compile_job in (("cli", lambda job: cli.compile(compiler, job)), ("embedded", embedded.compile)):
                job = Job(
                    tmp_path / f"{number}.wasm", tmp_path / f"{by}{number}.cwasm", kind,
                    engines.engine({}, triple, LINE), LIMITS,
                    parallel=False, source="in.wasm", name="out.cwasm",
                )  # fmt: skip
                compile_job(job)
                made.append(job.out.read_bytes())
            assert made[0] == made[1]

    @pytest.mark.parametrize("triple", [HOST, "pulley64"])
    @pytest.mark.parametrize("kind", ["module", "component"])
    def test_of_references(
        self, compiler: FoundCompiler, embedded: Embedded, kind: str, triple: str, tmp_path: Path
    ) -> None:
        engine = engines.engine({"consume-fuel": True, "wasm-threads": False}, triple, LINE)
        wasm, out = tmp_path / "empty.wasm", tmp_path / "empty.cwasm"
        wasm.write_bytes(EMPTY[kind])
        job = Job(wasm, out, kind, engine, LIMITS, parallel=False, source="empty.wasm", name="out")
        cli.compile(compiler, job)
        assert embedded.reference(kind, engine) == out.read_bytes()


class TestArtifacts:
    """What is asked for is what an artifact says of itself."""

    @pytest.mark.parametrize("architecture", ["x86_64", "aarch64", "riscv64", "s390x"])
    def test_every_cpu_feature_reaches_it(self, compiler: FoundCompiler, architecture: str, tmp_path: Path) -> None:
        (tmp_path / "empty.wasm").write_bytes(EMPTY["module"])
        numbers = itertools.count()
        triple = {"riscv64": "riscv64gc"}.get(architecture, architecture) + "-unknown-linux-gnu"
        asked = {**cpu.levels(architecture), **cpu.features(architecture)}
        for name, flags in asked.items():
            job = Job(
                tmp_path / "empty.wasm", tmp_path / f"{next(numbers)}.cwasm", "module",
                engines.engine({}, triple, LINE, flags), LIMITS, parallel=False, source="empty.wasm", name="out",
            )  # fmt: skip
            cli.compile(compiler, job)
            facts = cwasm.read(job.out.read_bytes())
            assert facts.triple == triple
            assert facts.version == str(LINE)
            assert {flag: facts.isa_flags.get(flag) for flag in flags} == flags, name

    def test_no_feature_of_this_machine_is_taken_over(
        self, compiler: FoundCompiler, embedded: Embedded, tmp_path: Path
    ) -> None:
        """Without flags an artifact is for the baseline of its architecture, whatever compiles it and where."""
        (tmp_path / "empty.wasm").write_bytes(EMPTY["module"])
        for by, compile_job in (("cli", lambda job: cli.compile(compiler, job)), ("embedded", embedded.compile)):
            job = Job(
                tmp_path / "empty.wasm", tmp_path / f"{by}.cwasm", "module", engines.engine({}, HOST, LINE), LIMITS,
                parallel=False, source="empty.wasm", name="out",
            )  # fmt: skip
            compile_job(job)
            flags = cwasm.read(job.out.read_bytes()).isa_flags
            assert not [name for name, value in flags.items() if name.startswith("has_avx") and value is True]

    def test_the_environment_changes_nothing(
        self, compiler: FoundCompiler, sources: list[tuple[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kind, wasm = sources[1]
        made = []
        for number in range(2):
            directory = tmp_path / str(number)
            directory.mkdir()
            (directory / "in.wasm").write_bytes(wasm)
            job = Job(
                directory / "in.wasm", directory / "out.cwasm", kind, engines.engine({}, HOST, LINE), LIMITS,
                parallel=False, source="in.wasm", name="out",
            )  # fmt: skip
            cli.compile(compiler, job)
            made.append(job.out.read_bytes())
            monkeypatch.setenv("WASMTIME_BACKTRACE_DETAILS", "1")
            monkeypatch.setenv("RUST_BACKTRACE", "full")
            monkeypatch.setenv("HOME", str(directory))
        assert made[0] == made[1]
        assert sorted(path.name for path in (tmp_path / "0").iterdir()) == ["in.wasm", "out.cwasm"]


class TestValidate:
    def test_what_is_valid(self, embedded: Embedded) -> None:
        engine = engines.engine({}, HOST, LINE)
        assert embedded.validate(EMPTY["module"], engine) == ""
        assert "unexpected end" in embedded.validate(EMPTY["module"] + b"\1", engine)
        threads = embedded.translate(b"(module (memory 1 1 shared))")
        assert embedded.validate(threads, engine) == ""
        off = engines.engine({"wasm-threads": False}, HOST, LINE)
        assert "threads must be enabled" in embedded.validate(threads, off)
