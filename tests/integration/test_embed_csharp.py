"""The generated C# file, compiled and run against the API of Wasmtime.NET without what is behind it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from support import Project

from wasmbuild import embed
from wasmbuild.engine import host

pytestmark = [pytest.mark.needs("mcs", "mono", "cargo"), pytest.mark.slow]

API = Path(__file__).parent / "embed" / "wasmtime_net.cs"
MAIN = """
using System;
using Wasmbuild;

public static class Program
{
    public static void Main(string[] args)
    {
        var engine = ArtifactLoader.Engine();
        Console.WriteLine(ArtifactLoader.Target());
        for (int at = 1; at < args.Length; at++)
        {
            try
            {
                ArtifactLoader.Load(engine, args[at], args[0] == "" ? null : args[0]);
                Console.WriteLine("loaded");
            }
            catch (LoadException error)
            {
                Console.WriteLine(error.Status + " " + error.Message);
            }
        }
    }
}
"""
TOML = f"""
[project]
name = "c"
[toolchain]
wasmtime = "48"
[engine]
epoch-interruption = true
cranelift-opt-level = "speed_and_size"
memory-guard-size = 65536
memory-reservation = 1048576
strategy = "cranelift"
profiler = "perfmap"
cache = true
wasm-multi-memory = false
wasm-relaxed-simd-deterministic = true
[targets.here]
triple = "{host.triple()}"
[targets.mainframe]
triple = "s390x-unknown-linux-gnu"
[modules.right]
source = "m.wat"
"""


def compiled(cwd: Path, *arguments: str | Path) -> None:
    command = ["mcs", "-langversion:7.2", "-warnaserror", *map(str, arguments), str(API)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_part_that_is_always_the_same_compiles_as_it_lies(tmp_path: Path) -> None:
    compiled(tmp_path, "-target:library", "-out:loader.dll", Path(embed.__file__).with_name("loader.cs"))


def test_a_program(project: Project) -> None:
    root = project.root
    project.write("m.wat", "(module)")
    project.write("main.cs", MAIN)
    project.declare(TOML)
    project.run("build", "--quiet")
    project.run("embed", "--lang", "csharp", "-o", "engine.cs")
    compiled(root, "-out:host.exe", "engine.cs", "main.cs")
    right = root / "build" / "here" / "right.cwasm"
    data = right.read_bytes()
    for name, content in {
        "other.cwasm": data,
        "empty": b"",
        "short": data[:40],
        "component": data[:48] + b"\2" + data[49:],
        "component.wasm": b"\0asm\r\0\1\0",
    }.items():
        (root / name).write_bytes(content)

    def said(sha256: str, *files: str | Path) -> list[str]:
        command = ["mono", "host.exe", sha256, *map(str, files)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        first, *rest = done.stdout.splitlines()
        assert first == "here"
        return rest

    digest = hashlib.sha256(data).hexdigest()
    assert said(digest, right) == said(digest.upper(), right) == ["loaded"]
    [other] = said(digest, "other.cwasm")
    assert other == (
        "OtherPlatform other.cwasm: was precompiled for another platform than this one (Module was compiled for "
        "architecture 's390x'); ship this machine the artifact of its own target"
    )
    [line] = said("", right)
    assert line.startswith(
        f"OtherLine {right}: was precompiled by another line of Wasmtime than 48, which this program is"
    )
    assert said("0" * 64, right) == [
        f"Damaged {right}: is damaged: its SHA-256 is {digest}, not {'0' * 64}; build it again, or copy it again from "
        "where it was built"
    ]
    for sha256 in ("", digest):
        wrong = said(sha256, "none", "empty", "m.wat", "main.cs", "short", "component", "component.wasm")
        assert [text.partition(" ")[0] for text in wrong] == [
            "Unreadable", "Damaged", "NotPrecompiled", "NoWasm", "Damaged", "OtherKind", "OtherKind",
        ]  # fmt: skip
        assert wrong[-1] == "OtherKind component.wasm: is a component, which Wasmtime.NET does not load"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("wasm-gc = false", "engine.wasm-gc = false: Wasmtime.NET has no way to set it; leave it out under"),
        ("shared-memory = true", "engine.shared-memory = true: Wasmtime.NET has no way to set it; leave it"),
        ("cranelift-flags = { is_pic = true }", "engine.cranelift-flags: is_pic: Wasmtime.NET has no way to"),
    ],
)
def test_what_wasmtime_net_lacks_is_refused(project: Project, more: str, message: str) -> None:
    project.write("m.wat", "(module)")
    head, _, rest = TOML.partition("[engine]")
    project.declare(f"{head}[engine]\n{more}\n" + rest[rest.index("[targets.here]") :])
    assert message in project.run("embed", "--lang", "csharp", status=2).stderr
