"""Finding settings, of the Python library and of the executable as programs that load artifacts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fitting import fit, loader
from matrix import thorough
from support import Project

from wasmbuild.engine import host


@pytest.fixture
def executable(tmp_path: Path) -> str:
    from wasmbuild.toolchain.find import find

    return find("cli", 48, tmp_path).path


@thorough(
    ("settings", "found"),
    [
        ([], {}),
        (["consume_fuel=True", "epoch_interruption=True"], {"consume-fuel": True, "epoch-interruption": True}),
        (
            ["memory_reservation=1048576", "memory_guard_size=65536", "memory_may_move=False", "memory_init_cow=False"],
            {
                "memory-guard-size": 65536, "memory-init-cow": False, "memory-may-move": False,
                "memory-reservation": 1048576,
            },
        ),
        (
            ["signals_based_traps=False", "debug_info=True", "wasm_relaxed_simd_deterministic=True"],
            {"debug-info": True, "signals-based-traps": False, "wasm-relaxed-simd-deterministic": True},
        ),
        (
            ["wasm_simd=False", "wasm_relaxed_simd=False", "wasm_threads=False", "wasm_memory64=False"],
            {
                "wasm-memory64": False, "wasm-relaxed-simd": False, "wasm-simd": False, "wasm-threads": False,
            },
        ),
        (
            ["wasm_tail_call=False", "wasm_multi_memory=False", "wasm_multi_value=False", "wasm_bulk_memory=False"],
            {
                "wasm-bulk-memory": False, "wasm-multi-memory": False, "wasm-multi-value": False,
                "wasm-tail-call": False,
            },
        ),
        (["gc_support=False", "wasm_exceptions=False"], {"gc-support": False, "wasm-exceptions": False}),
        (["wasmtime_config_concurrency_support_set=0"], {"concurrency-support": False}),
        (["wasmtime_config_strategy_set=2"], {"strategy": "winch"}),
        (
            ["wasm_component_model=False", "wasm_gc=False", "wasm_function_references=False"],
            {"wasm-component-model": False, "wasm-function-references": False, "wasm-gc": False},
        ),
    ],
    always=3,
)  # fmt: skip
def test_what_an_engine_has_is_found(settings: list[str], found: Mapping[str, Any], project: Project) -> None:
    assert fit(project, loader(project, *settings)) == {"embedder": "c-api", **found}


def test_the_executable_s_own_settings_are_found(project: Project, executable: str) -> None:
    """Its preset, and settings that only an executable has."""
    run = [executable, "run", "--allow-precompiled"]
    assert fit(project, [*run, "{}"]) == {"embedder": "rust"}
    options = [
        "-Ccollector=null,inlining=inter-module",
        "-Otable-lazy-init=n,guard-before-linear-memory=n",
        "-Wfuel=100",
    ]
    assert fit(project, [*run, *options, "{}"]) == {
        "embedder": "c-api",
        "collector": "null",
        "compiler-inlining": "gc",
        "consume-fuel": True,
        "guard-before-linear-memory": False,
        "table-lazy-init": False,
    }


@pytest.mark.skipif(host.triple() != "x86_64-unknown-linux-gnu", reason="stacks are switched on x86_64 alone")
def test_an_engine_that_switches_stacks_is_found(project: Project, executable: str) -> None:
    run = [executable, "run", "--allow-precompiled", "-Wstack-switching=y", "{}"]
    assert fit(project, run) == {"embedder": "rust", "wasm-stack-switching": True}


def test_settings_of_the_gc_heap_are_found_beside_those_of_memories(project: Project, executable: str) -> None:
    options = "-Omemory-reservation=1048576,gc-heap-reservation=1048576,gc-heap-may-move=n"
    assert fit(project, [executable, "run", "--allow-precompiled", options, "{}"]) == {
        "embedder": "rust",
        "gc-heap-may-move": False,
        "gc-heap-reservation": 1048576,
        "memory-reservation": 1048576,
    }


@pytest.mark.parametrize("preset", ["cli", "rust"])
def test_the_executable_loads_what_its_preset_makes(preset: str, project: Project, executable: str) -> None:
    from wasmbuild.toolchain.child import run
    from wasmbuild.toolchain.limits import ProcessLimits

    project.declare(
        f'[project]\nname = "p"\n[toolchain]\nwasmtime = "48"\n[engine]\nembedder = "{preset}"\n'
        f'[targets.here]\ntriple = "{host.triple()}"\n[modules.add]\nsource = "add.wat"\n'
    )
    project.run("build", "--quiet")
    command = [
        executable,
        "run",
        "--allow-precompiled",
        "--invoke",
        "add",
        str(project.build / "here/add.cwasm"),
        "2",
        "3",
    ]
    assert run(command, limits=ProcessLimits(seconds=60)).stdout == b"5\n"


def test_each_step_is_told(project: Project) -> None:
    done = project.run("fit", "--", *loader(project, "consume_fuel=True", "memory_guard_size=65536"))
    assert done.stdout == '[engine]\nembedder = "c-api"\nconsume-fuel = true\nmemory-guard-size = 65536\n'
    assert done.stderr == (
        "1. memory-guard-size = 65536  (Module was compiled with a memory guard size of '33554432' but '65536' is "
        "expected for the host)\n"
        "2. consume-fuel = true  (Module was compiled without fuel support but it is enabled for the host)\n"
    )


DECLARED = """\
# Our service.
[project]
name = "p"

[toolchain]
wasmtime = "48"

[engine]                       # nobody knows
embedder = "rust"
cranelift-opt-level = "none"   # quick

[targets.here]
triple = "TRIPLE"

[modules.add]
source = "add.wat"
"""


def test_the_table_is_written(project: Project) -> None:
    text = DECLARED.replace("TRIPLE", str(host.triple()))
    project.declare(text)
    path = project.root / "wasmbuild.toml"
    path.chmod(0o640)
    (project.root / "link.toml").symlink_to(path)
    command = [
        "--write",
        "--config",
        "link.toml",
        "--",
        *loader(project, "consume_fuel=True", "epoch_interruption=True"),
    ]
    assert project.run("fit", *command).stderr.endswith("link.toml: [engine] written\n")
    assert path.read_text() == text.replace('embedder = "rust"', 'embedder = "c-api"').replace(
        "# quick\n", "# quick\nconsume-fuel = true\nepoch-interruption = true\n"
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert (project.root / "link.toml").is_symlink()
    project.run("build", "--quiet")
    assert fit(project, loader(project, "consume_fuel=True", "epoch_interruption=True")) == {
        "embedder": "c-api", "consume-fuel": True, "epoch-interruption": True,
    }  # fmt: skip
    before = path.stat()
    project.run("fit", *command)
    assert path.stat() == before


@pytest.mark.parametrize(
    ("own", "differs"),
    [
        ("engine = { consume-fuel = false }", "consume-fuel"),
        ("[targets.own.engine]\nconsume-fuel = false", "consume-fuel"),
        ('engine = { embedder = "rust" }', "collector"),
    ],
    ids=["inline", "table", "preset"],
)
def test_a_target_whose_own_settings_keep_it_from_loading_is_named(project: Project, own: str, differs: str) -> None:
    triple = host.triple()
    project.declare(
        f'[project]\nname = "p"\n[modules.add]\nsource = "add.wat"\n[targets.less]\ntriple = "{triple}"\n'
        f'engine = {{ wasm-threads = false, cranelift-opt-level = "none" }}\n'
        f'[targets.portable]\ntriple = "pulley64"\nengine = {{ consume-fuel = false }}\n'
        f'[targets.own]\ntriple = "{triple}"\n{own}\n'
    )
    command = loader(project, "consume_fuel=True")
    told = (
        f"wasmbuild.toml: targets.own.engine makes another engine ({differs}), and the program loads no artifact of "
        "own; change that if own is for this program\n"
    )
    said = project.run("fit", "--write", "--", *command).stderr
    assert said.endswith(f"wasmbuild.toml: [engine] written\n{told}")
    assert project.run("fit", "--write", "--", *command).stderr.endswith(told)
    project.run("build", "--quiet")
    loads = {}
    for target in ("less", "own"):
        words = [str(project.build / target / "add.cwasm") if word == "{}" else word for word in command]
        loads[target] = subprocess.run(words, cwd=project.root, check=False).returncode == 0
    assert loads == {"less": True, "own": False}
    project.declare((project.root / "wasmbuild.toml").read_text().replace(own, ""))
    assert "another engine" not in project.run("fit", "--write", "--", *command).stderr


def test_the_declaration_that_is_named_says_with_what_is_compiled_whichever_line_it_is(project: Project) -> None:
    missing = ("--config", "none.toml", "--line", "48")
    assert "none.toml" in project.run("fit", *missing, "--", *loader(project), status=2).stderr
    declared = '[project]\nname = "p"\n[toolchain]\ncompiler = "./none"\n[targets.p]\ntriple = "pulley64"\n'
    project.write("other.toml", declared)
    for line in ((), ("--line", "48")):
        said = project.run("fit", "--config", "other.toml", *line, "--", *loader(project), status=2).stderr
        assert said.startswith(f"error: [toolchain] compiler: {project.root / 'none'} cannot be used: ")
    project.write("other.toml", declared.replace("./none", "cli"))
    assert fit(project, loader(project), "--config", "other.toml", "--line", "48") == {"embedder": "c-api"}


def test_a_declaration_that_would_be_wrong_is_not_written(project: Project) -> None:
    text = DECLARED.replace("TRIPLE", str(host.triple())).replace(
        'cranelift-opt-level = "none"', "cranelift-flags = { enable_heap_access_spectre_mitigation = true }"
    )
    project.declare(text)
    command = loader(project, "signals_based_traps=False")
    said = project.run("fit", "--write", "--", *command, status=2).stderr
    assert "enable_heap_access_spectre_mitigation" in said
    assert (project.root / "wasmbuild.toml").read_text() == text


def test_what_is_asked_has_to_make_sense(project: Project) -> None:
    assert project.run("fit", "--", "true", status=2).stderr == (
        "error: wasmbuild fit: the command does not say where the artifact's path goes; write {} there, such as: "
        "wasmbuild fit -- ./app {}\n"
    )
    assert "wasmbuild fit: --line: Wasmtime 47 is unknown" in project.run(
        "fit", "--line", "47", "--", "x", "{}", status=2
    ).stderr  # fmt: skip
    assert "--triple: 'i686-unknown-linux-gnu' is a machine of 32 bits" in project.run(
        "fit", "--triple", "i686-unknown-linux-gnu", "--", "x", "{}", status=2
    ).stderr  # fmt: skip
    for line in ("48.0.2", "48-0", "9" * 5000):
        said = project.run("fit", "--line", line, "--", "x", "{}", status=2).stderr
        assert f"argument --line: '{line}' is no line of Wasmtime; write one of 36, " in said
    for option, value, problem in (
        ("--timeout", "0", "0 s is no time to do anything in"),
        ("--line", "2000", "Wasmtime 2000 is unknown"),
        ("--success-exit", "256", "'256' is not an exit status from 0 to 255"),
    ):
        assert problem in project.run("fit", option, value, "--", "x", "{}", status=2).stderr
    both = ("--success-exit", "0", "--success-text", "ready")
    assert "not allowed with argument --success-exit" in project.run("fit", *both, "--", "x", "{}", status=2).stderr
    assert "--success-text is empty" in project.run("fit", "--success-text", "", "--", "x", "{}", status=2).stderr
    assert "--source: nothing.wat: No such file" in project.run(
        "fit", "--source", "nothing.wat", "--", "x", "{}", status=2
    ).stderr  # fmt: skip
    assert "cannot run ./nothing: No such file" in project.run("fit", "--", "./nothing", "{}", status=1).stderr
