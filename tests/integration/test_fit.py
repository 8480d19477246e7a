"""Finding settings, of the Python library and of the executable as programs that load artifacts."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from matrix import thorough
from support import Project

from wasmbuild.engine import host, lines

# Loads the artifact with an engine whose settings it is told, as a user's program has its own.
LOADER = """
import sys
import wasmtime
config = wasmtime.Config()
for setting in sys.argv[2:]:
    name, value = setting.split("=")
    if name.startswith("wasmtime_"):
        getattr(wasmtime._bindings, name)(config.ptr(), int(value))
    else:
        setattr(config, name, int(value) if value.isdecimal() else value == "True")
try:
    module = wasmtime.Module.deserialize_file(wasmtime.Engine(config), sys.argv[1])
except wasmtime.WasmtimeError as error:
    sys.exit(f"loader: {error}")
print("ready")
"""


@pytest.fixture
def executable(tmp_path: Path) -> str:
    from wasmbuild.toolchain.find import find

    return find("cli", 48, tmp_path).path


def loader(project: Project, *settings: str) -> list[str]:
    project.write("loader.py", LOADER)
    return [sys.executable, "loader.py", "{}", *settings]


def fit(project: Project, command: list[str], *options: str) -> dict[str, Any]:
    """Return the table that is found."""
    engine: dict[str, Any] = tomllib.loads(project.run("fit", *options, "--", *command).stdout)["engine"]
    return engine


def refusal(project: Project, *command: str, options: tuple[str, ...] = (), status: int = 1) -> str:
    done = project.run("fit", *options, "--", *command, status=status)
    assert done.stdout == ""
    return done.stderr


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


def test_a_program_that_loads_components(project: Project) -> None:
    project.write("loader.py", LOADER.replace("wasmtime.Module", "component.Component").replace(
        "import wasmtime\n", "import wasmtime\nfrom wasmtime import component\n"
    ))  # fmt: skip
    done = project.run("fit", "--", sys.executable, "loader.py", "{}", "consume_fuel=True")
    assert "1. it loads components  (incompatible object file format)\n" in done.stderr
    assert tomllib.loads(done.stdout)["engine"] == {"embedder": "c-api", "consume-fuel": True}


def test_a_program_that_wants_more_than_an_empty_module(project: Project) -> None:
    project.write("loader.py", LOADER + "\nprint('no export run')\nsys.exit(3)\n")
    command = [sys.executable, "loader.py", "{}"]
    assert refusal(project, *command) == (
        f"error: {sys.executable} ended with status 3, and wrote nothing that Wasmtime's loader says; if it has loaded "
        f"the artifact and wants more of it, give it a module of its own with --source FILE, or tell with "
        f"--success-text what it writes then; if it hides what Wasmtime says, let it print that\n"
        f"    ready\n"
        f"    no export run\n"
    )
    assert fit(project, command, "--success-text", "ready") == {"embedder": "c-api"}
    assert fit(project, command, "--success-exit", "3") == {"embedder": "c-api"}


def test_a_source_of_one_s_own(project: Project) -> None:
    project.write("loader.py", LOADER + "\nsys.exit(not len(module.exports))\n")
    command = [sys.executable, "loader.py", "{}", "consume_fuel=True"]
    assert "wrote nothing that Wasmtime's loader says" in refusal(project, *command)
    assert fit(project, command, "--source", "add.wat") == {"embedder": "c-api", "consume-fuel": True}


def test_a_program_that_does_not_end(project: Project) -> None:
    project.write(
        "loader.py", LOADER.replace('print("ready")', 'print("ready", flush=True)\nimport time\ntime.sleep(60)')
    )
    command = [sys.executable, "loader.py", "{}", "consume_fuel=True"]
    assert refusal(project, *command, options=("--timeout", "2")).splitlines()[-1] == (
        f"error: {sys.executable} did not end within 2 s and was killed; let it end after loading, tell with "
        f"--success-text what it writes when it has loaded, or give it longer with --timeout"
    )
    options = ("--timeout", "8", "--success-text", "ready")
    assert fit(project, command, *options) == {"embedder": "c-api", "consume-fuel": True}


def test_a_program_that_compiles(project: Project) -> None:
    project.write("compiles.py", "import sys, wasmtime\nwasmtime.Module.from_file(wasmtime.Engine(), sys.argv[1])\n")
    said = refusal(project, sys.executable, "compiles.py", "{}")
    assert said.startswith(f'error: {sys.executable} does not load artifacts: it says "input was not valid utf-8"')
    assert "wasmtime_module_deserialize_file in C, Module::deserialize_file in Rust" in said


def test_a_program_that_never_fails(project: Project) -> None:
    program = [sys.executable, "-c", "pass", "{}"]
    said = (
        "even with an artifact that nothing can load: it does not load what it is given, or does not say when that "
        "fails; let it load {} and end with another status when it cannot, or tell with --success-text what it writes "
        "only when it has loaded it\n"
    )
    assert refusal(project, *program) == f"error: {sys.executable} succeeds {said}"
    talker = [sys.executable, "-c", "print('ready')", "{}"]
    options = ("--success-text", "ready")
    assert refusal(project, *talker, options=options) == f"error: {sys.executable} writes that {said}"


def test_a_failure_that_is_told_with_status_0_is_one(project: Project) -> None:
    project.write("loader.py", LOADER.replace("sys.exit(f", "sys.exit(print(f").replace('{error}")', '{error}"))'))
    assert fit(project, [sys.executable, "loader.py", "{}", "consume_fuel=True"]) == {
        "embedder": "c-api",
        "consume-fuel": True,
    }


def test_a_program_that_crashes(project: Project) -> None:
    crash = "import os, signal, sys; print('on my way', flush=True); os.kill(os.getpid(), signal.SIGSEGV)"
    assert refusal(project, sys.executable, "-c", crash, "{}") == (
        f"error: {sys.executable} was killed by SIGSEGV over an artifact, and wrote nothing that Wasmtime's loader "
        f"says; find out with a debugger whether that is in loading; a program that fails has to say why\n"
        f"    on my way\n"
    )


CHANGED_MIND = """
with open("asked", "a+") as asked:
    asked.seek(0)
    count = len(asked.read())
    asked.write("x")
words = [("without", "is"), ("with", "is not")][%s]
exit("Module was compiled {} fuel support but it {} enabled for the host".format(*words))
"""


def test_settings_that_go_round_in_circles_end(project: Project) -> None:
    project.write("loader.py", CHANGED_MIND % "count % 2")
    assert refusal(project, sys.executable, "loader.py", "{}").splitlines()[-1] == (
        f"error: {sys.executable} wants consume-fuel both ways, after other settings had changed; its engine cannot be "
        f"matched: Module was compiled without fuel support but it is enabled for the host"
    )
    project.write("loader.py", CHANGED_MIND % "0")
    assert refusal(project, sys.executable, "loader.py", "{}").splitlines()[-1] == (
        f"error: {sys.executable} refuses what it asked for: artifacts with consume-fuel = true are still refused with "
        f'"Module was compiled without fuel support but it is enabled for the host"; its Wasmtime may be a changed one'
    )


def test_what_no_setting_changes_ends_it(project: Project) -> None:
    said = "Module was compiled without shadow stacks but it is enabled for the host"
    assert refusal(project, sys.executable, "-c", f"exit('{said}')", "{}") == (
        f'error: {sys.executable} says "{said}": no setting of wasmbuild.toml changes that; give the program\'s engine '
        f"its default there\n"
    )


def test_a_feature_that_no_setting_here_switches_ends_it(project: Project) -> None:
    said = refusal(project, *loader(project, "wasmtime_config_wasm_component_model_async_set=0"))
    assert 'feature `cm_async` but it is not enabled for the host": no setting of wasmbuild.toml changes that' in said


OTHER_LINE = """
import sys
data = open(sys.argv[1], "rb").read()
for line in range(10, 99):
    if b"\\x00\\x02%d" % line in data[:100] and line != LINE:
        exit(f"Module was compiled with incompatible version '{line}'")
exit("failed to parse the target")
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (49, 'has Wasmtime 49, and these artifacts are for 48; write wasmtime = "49" under [toolchain], or try again'),
        (46, f"has Wasmtime 46, and wasmbuild knows {', '.join(map(str, lines.known()))}; build it with one of those"),
        (90, "has a Wasmtime of another line than 48, and none from 38 to 63; find out which"),
    ],
)
def test_the_line_of_a_program_is_found(line: int, words: str, project: Project) -> None:
    project.write("loader.py", OTHER_LINE.replace("LINE", str(line)))
    said = refusal(project, sys.executable, "loader.py", "{}")
    assert words in said
    assert ("wasmbuild toolchain install 49" in said) == (line == 49)


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
    assert "--success-text is empty" in project.run("fit", "--success-text", "", "--", "x", "{}", status=2).stderr
    assert "--source: nothing.wat: No such file" in project.run(
        "fit", "--source", "nothing.wat", "--", "x", "{}", status=2
    ).stderr  # fmt: skip
    assert "cannot run ./nothing: No such file" in project.run("fit", "--", "./nothing", "{}", status=1).stderr
