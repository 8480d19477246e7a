"""The generated Rust module, in the two example programs: with the crate's default features, and without a compiler."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
import rust
from support import Project

from wasmbuild.embed.literals import loader
from wasmbuild.engine import host

GCD = "gcd(1071, 462) = 21\n"
pytestmark = pytest.mark.needs("cargo", "cc")

HEAD = '[project]\nname = "r"\n[toolchain]\nwasmtime = "48"\n'
TARGETS = f"""
[targets.here]
triple = "{host.triple()}"
[targets.mainframe]
triple = "s390x-unknown-linux-gnu"
"""
MODULE = '[modules.gcd]\nsource = "gcd.wat"\n'

# Everything that the crate has a call for and that goes together, but what writes outside (cache, profiler).
MOST = {
    "rust": """
collector = "null"
compiler-inlining = "intrinsics"
concurrency-support = false
consume-fuel = true
cranelift-debug-verifier = true
cranelift-nan-canonicalization = true
cranelift-opt-level = "speed_and_size"
cranelift-flags = { regalloc_algorithm = "single_pass" }
debug-info = true
epoch-interruption = true
guard-before-linear-memory = false
memory-guard-size = 65536
memory-init-cow = false
memory-may-move = false
memory-reservation = 1048576
memory-reservation-for-growth = 65536
max-wasm-stack = 262144
native-unwind-info = false
parallel-compilation = false
shared-memory = true
signals-based-traps = false
table-lazy-init = false
wasm-component-model = false
wasm-custom-page-sizes = true
wasm-exceptions = false
wasm-function-references = false
wasm-gc = false
wasm-memory64 = false
wasm-multi-memory = false
wasm-relaxed-simd = false
wasm-relaxed-simd-deterministic = true
wasm-simd = false
wasm-tail-call = false
wasm-threads = false
wasm-wide-arithmetic = true
""",
    "rust-minimal": """
cranelift-opt-level = "speed_and_size"
consume-fuel = true
memory-guard-size = 65536
memory-init-cow = false
memory-reservation = 1048576
signals-based-traps = false
table-lazy-init = false
wasm-custom-page-sizes = true
wasm-simd = false
wasm-relaxed-simd = false
wasm-memory64 = false
""",
}

NO_COMPONENTS = "the crate wasmtime of this program lacks the feature component-model; pass the artifact of a module"
# What to do with a precompiled component, with one that is not, and with a module that is not.
HINTS = {
    "rust": (
        "load it with wasmtime::component::Component::deserialize_file",
        "compile it with wasmtime::component::Component::from_file, or",
        "compile it with wasmtime::Module::from_file, or",
    ),
    "rust-minimal": (NO_COMPONENTS, NO_COMPONENTS, "this program has no compiler"),
}


@pytest.fixture(scope="module", params=["rust", "rust-minimal"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run an example by its README's one line, and return its directory with the program as ``host``."""
    directory = rust.example(request.param, tmp_path_factory.mktemp("rust") / request.param)
    assert rust.built(request.param, directory, directory / "run") == GCD
    return directory


def declared(project: Project, engine: str) -> Project:
    project.write("gcd.wat", (rust.ROOT / "examples" / "rust" / "gcd.wat").read_bytes())
    project.declare(f"{HEAD}[engine]\n{engine}\n{TARGETS}{MODULE}")
    return project


def refusal(program: Path, file: Path, *digest: str) -> str:
    done = rust.run(program / "host", file.name, *digest, cwd=file.parent)
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.removeprefix("host: ").rstrip("\n")


def test_the_part_that_is_always_the_same_passes_clippy_as_it_lies(tmp_path: Path) -> None:
    """With the runtime alone, which has a third of the crates that clippy would check first."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text(loader("loader.rs"))
    manifest = (rust.ROOT / "examples" / "rust-minimal" / "Cargo.toml").read_text()
    (tmp_path / "Cargo.toml").write_text(manifest.replace('"host-minimal"', '"loader"'))
    done = rust.run("cargo", "clippy", "--quiet", "--", "-D", "warnings", cwd=tmp_path, seconds=1500)
    assert (done.returncode, done.stderr) == (0, "")
    done = rust.run("rustfmt", "--check", "--edition", "2024", "src/lib.rs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("edition", ["2021", "2024"])
@pytest.mark.parametrize("name", MOST)
def test_all_of_it_is_formatted(name: str, edition: str, project: Project) -> None:
    """A project that has its sources checked has the generated one checked with them."""
    settings = f'embedder = "{name}"\n{MOST[name]}'
    declared(project, settings).run("embed", "--lang", "rust", "-o", "engine.rs")
    done = rust.run("rustfmt", "--check", "--edition", edition, "engine.rs", cwd=project.root)
    assert (done.returncode, done.stdout) == (0, "")


def test_wrong_files_have_their_own_words(program: Path, project: Project) -> None:
    root = project.root
    preset = program.name
    # The two examples differ in this setting; with it switched, neither loads the artifact.
    epochs = "epoch-interruption = true" if preset == "rust-minimal" else ""
    declared(project, f'embedder = "{preset}"\n{epochs}').run("build", "--quiet")
    artifact = (root / "build/here/gcd.cwasm").read_bytes()
    for name, data in {
        "settings.cwasm": artifact,
        "platform.cwasm": (root / "build/mainframe/gcd.cwasm").read_bytes(),
        "line.cwasm": artifact.replace(b"\x0248", b"\x0247", 1),
        "cut.cwasm": artifact[:-100],
        "short.cwasm": artifact[:20],
        "empty.cwasm": b"",
        "component.cwasm": artifact[:48] + b"\2" + artifact[49:],
        "module.wasm": b"\0asm\1\0\0\0",
        "component.wasm": b"\0asm\r\0\1\0",
        "text.wat": b" (module)",
        "script": b"#!/bin/sh\n",
    }.items():
        project.write(name, data)
    said = {path.name: refusal(program, path) for path in root.iterdir() if path.is_file()}
    assert said["settings.cwasm"].startswith(
        "settings.cwasm: needs other settings than this engine has (Module was compiled with"
    )
    assert "epoch interruption" in said["settings.cwasm"]
    assert said["platform.cwasm"] == (
        "platform.cwasm: was precompiled for another platform than this one (Module was compiled for architecture "
        "'s390x'); ship this machine the artifact of its own target"
    )
    assert said["line.cwasm"] == (
        "line.cwasm: was precompiled by another line of Wasmtime than 48, which this program is for (Module was "
        "compiled with incompatible version '47'); build it with wasmtime = \"48\" "
        "under [toolchain] or in the target"
    )
    assert said["cut.cwasm"] == (
        "cut.cwasm: is damaged, cut short for example (Invalid ELF section header offset/size/alignment); build it "
        "again, or copy it again from where it was built"
    )
    assert said["short.cwasm"].startswith("short.cwasm: is damaged: it has 20 bytes only")
    assert said["empty.cwasm"].startswith("empty.cwasm: is empty")
    load, compile_component, compile_module = HINTS[preset]
    assert said["component.cwasm"] == f"component.cwasm: is a precompiled component; {load}"
    source = "is standard WebAssembly, not a precompiled artifact"
    assert said["component.wasm"].startswith(f"component.wasm: {source}; {compile_component}")
    assert said["module.wasm"].startswith(f"module.wasm: {source}; {compile_module}")
    assert said["text.wat"].startswith("text.wat: is WebAssembly text, not a precompiled artifact")
    assert said["script"].startswith("script: is neither a precompiled artifact nor WebAssembly")
    assert refusal(program, root / "missing").startswith("missing: cannot be read: No such file")


def test_a_digest_is_compared_with_the_bytes_that_are_loaded(program: Path, project: Project) -> None:
    root = project.root
    epochs = "epoch-interruption = true" if program.name == "rust" else ""
    declared(project, f'embedder = "{program.name}"\n{epochs}').run("build", "--quiet", "gcd@here")
    artifact = (root / "build/here/gcd.cwasm").read_bytes()
    flipped = bytearray(artifact)
    flipped[4100] ^= 1
    right, wrong = (hashlib.sha256(data).hexdigest() for data in (artifact, flipped))
    project.write("flipped.cwasm", bytes(flipped))
    project.write("module.wasm", b"\0asm\1\0\0\0")
    project.write("empty.cwasm", b"")
    for digest in (right, right.upper()):
        ran = rust.run(program / "host", "build/here/gcd.cwasm", digest, cwd=root)
        assert (ran.returncode, ran.stdout) == (0, GCD), ran.stderr
    assert refusal(program, root / "flipped.cwasm", right) == (
        f"flipped.cwasm: is damaged: its SHA-256 is {wrong}, not {right}; build it again, or copy it again from where "
        f"it was built"
    )
    # What a file is says more than that it is another one.
    assert refusal(program, root / "module.wasm", right).startswith("module.wasm: is standard WebAssembly, not a ")
    assert refusal(program, root / "empty.cwasm", right).startswith("empty.cwasm: is empty")
    assert refusal(program, root / "missing", right).startswith("missing: cannot be read: No such file")


def test_fit_finds_the_settings_by_itself(program: Path, project: Project) -> None:
    """What fit prints, put into a declaration, makes artifacts that the program loads."""
    found = project.run("fit", "--", str(program / "host"), "{}").stdout
    engine = tomllib.loads(found)["engine"]
    epochs = {"epoch-interruption": True} if program.name == "rust" else {}
    assert engine == {"embedder": program.name, **epochs}
    declared(project, found.removeprefix("[engine]\n")).run("build", "--quiet", "gcd@here")
    assert rust.run(program / "host", "build/here/gcd.cwasm", cwd=project.root).stdout == GCD


@pytest.mark.parametrize("name", MOST)
def test_every_setting_is_a_call_of_the_crate(name: str, project: Project, tmp_path: Path) -> None:
    """It compiles, its own check passes, and artifacts with all of these settings load; those with fewer do not."""
    copy = rust.example(name, tmp_path / "copy")
    preset = f'embedder = "{name}"\n'
    declared(project, preset + MOST[name]).run("embed", "--lang", "rust", "-o", str(copy / "src" / "engine.rs"))
    rust.with_main(name, "load.rs", copy)
    project.run("build", "--quiet", "gcd@here")
    loaded = rust.run(copy / "host", "build/here/gcd.cwasm", cwd=project.root)
    assert (loaded.returncode, loaded.stdout) == (0, "loaded\n"), loaded.stderr
    declared(project, preset).run("build", "--quiet", "gcd@here")
    assert "needs other settings" in refusal(copy, project.root / "build/here/gcd.cwasm")


def test_a_setting_that_needs_a_feature_is_refused(project: Project) -> None:
    declared(project, 'embedder = "rust-minimal"\nwasm-threads = true')
    assert project.run("embed", "--lang", "rust", status=2).stderr == (
        "error: wasmbuild.toml: engine.wasm-threads = true: Config::wasm_threads needs the crate's feature threads, "
        'which rust-minimal lacks; leave the setting out, or write embedder = "rust" for a program with the default '
        "features\n"
    )
