"""Tests that crash, hang, eat memory or write something else, as ``wasmbuild verify`` tells of them.

With the library of this host, and with an executable without a runner.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from matrix import thorough
from support import HEAD, MODULES, TARGETS, Project

from wasmbuild.engine import host
from wasmbuild.formats import cwasm
from wasmbuild.toolchain.process import memory_can_be_limited

pytestmark = pytest.mark.skipif(host.triple() != "x86_64-unknown-linux-gnu", reason="breaks machine code of x86-64")

X64 = TARGETS[: TARGETS.index("[targets.arm]")]
PULLEY = '[targets.portable]\ntriple = "pulley64"\n'
ENGINES = {"library": "", "executable": 'engine = { embedder = "cli" }\n'}
MARKED = """(module
  (func (export "before") (result i32) (i32.const 1))
  (func (export "marked") (result i32) (i32.const 0x12345678)))
"""
# mov eax, 0x12345678
MOVE = bytes.fromhex("b878563412")
CALLS = """
[[modules.add.tests]]
call = "add"
args = [1, 2]
returns = [3]
"""
TESTS = f"""
[modules.marked]
source = "marked.wat"
{MODULES}
{CALLS}
[[modules.marked.tests]]
call = "before"
returns = [1]
[[modules.marked.tests]]
call = "marked"
returns = [0x12345678]
"""


def alter(project: Project, id: str, change: Callable[[bytes], bytes]) -> None:
    """Change the code of an artifact, and the digests that its manifest and the index have of it."""
    module, target = id.split("@")
    file, manifest, index = (
        project.build / name for name in (f"{target}/{module}.cwasm", f"{target}/manifest.json", "index.json")
    )
    data = file.read_bytes()
    [code] = [section for section in cwasm.read(data).sections if section.name == ".text"]
    end = code.offset + code.size
    new = data[: code.offset] + change(data[code.offset : end]) + data[end:]
    assert len(new) == len(data)
    assert new != data
    file.write_bytes(new)
    for path, key, name, of in ((manifest, "artifacts", module, file), (index, "targets", target, manifest)):
        document = json.loads(path.read_bytes())
        for item in document[key]:
            if name in (item.get("module"), item.get("name")):
                item["sha256"] = hashlib.sha256(of.read_bytes()).hexdigest()
        path.write_text(json.dumps(document))


ENDS = "ends the process that runs it, which"


@pytest.mark.parametrize(
    ("code", "ending", "fix"),
    [
        ("0f0b", f"{ENDS} was killed by SIGILL", "compile it again, or with another patch release of Wasmtime"),
        ("f4", f"{ENDS} was killed by SIGSEGV", "compile it again, or with another patch release of Wasmtime"),
        ("ebfe", "did not end within 1 s", "raise the time-limit of the test, or correct what never ends"),
    ],
    ids=["an illegal instruction", "a privileged one", "a jump to itself"],
)
@thorough("engine", list(ENGINES), always=1)
def test_code_that_crashes_or_hangs_costs_one_artifact_its_verdict(
    project: Project, engine: str, code: str, ending: str, fix: str
) -> None:
    project.write("marked.wat", MARKED)
    project.declare(HEAD + X64 + ENGINES[engine] + TESTS + ("time-limit = 1\n" if "end within" in ending else ""))
    project.run("build")
    alter(project, "marked@x64", lambda text: text.replace(MOVE, (bytes.fromhex(code) * 5)[:5]))
    found = project.verdicts(status=1)
    assert (found["marked@x64"]["level"], found["marked@x64"]["failed"]) == ("loaded", "tested")
    assert found["marked@x64"]["message"] == f"marked.cwasm: test 2 of 2, marked() {ending}; {fix}"
    # What comes before it and after it is loaded and tested as ever.
    assert (found["add@x64"]["level"], found["add@x64"]["message"]) == ("tested", "")
    assert (found["sub@x64"]["level"], found["sub@x64"]["message"]) == ("loaded", "")


LARGE = """
[modules.large]
source = "large.wat"
[[modules.large.tests]]
call = "f"
returns = [1]
"""


@pytest.mark.skipif(not memory_can_be_limited(), reason="this system cannot limit memory")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_test_that_needs_too_much_memory_fails_by_itself(project: Project, engine: str) -> None:
    project.write("large.wat", '(module (memory 4096) (func (export "f") (result i32) (i32.const 1)))')
    project.declare(HEAD + X64 + ENGINES[engine] + MODULES + CALLS + LARGE)
    project.run("build")
    found = project.verdicts("--memory-limit", "192 MiB", status=1)
    assert found["large@x64"]["failed"] == "tested"
    assert found["large@x64"]["message"] == (
        "large.cwasm: test 1 of 1, f() needs more memory than the limit of 192 MiB; "
        "raise --memory-limit, or memory-limit of its runner"
    )
    assert (found["add@x64"]["level"], found["sub@x64"]["level"]) == ("tested", "loaded")
    assert project.verdicts()["large@x64"]["level"] == "tested"


WRITES = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 0x34333231))
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (i32.const 4))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
"""


def test_outputs_that_differ_are_told_of_both_where_no_test_says_which_is_right(project: Project) -> None:
    project.write("writes.wat", WRITES)
    module = '[modules.writes]\nsource = "writes.wat"\n[[modules.writes.tests]]\nwasi = {}\n'
    project.declare(HEAD + X64 + PULLEY + module)
    project.run("build")
    assert [entry["message"] for entry in project.verdicts().values()] == ["", ""]
    alter(project, "writes@x64", lambda text: text.replace(b"1234", b"1235"))
    found = project.verdicts()
    for here, wrote, there, other in (("x64", "1235", "portable", "1234"), ("portable", "1234", "x64", "1235")):
        entry = found[f"writes@{here}"]
        assert (entry["ok"], entry["level"]) == (True, "tested")
        assert entry["message"] == (
            f'_start(argv ["writes"]) wrote "{wrote}" to stdout, and on {there} it wrote "{other}"'
        )


MIXES = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00") (data (i32.const 8) "4")
  (func (export "f") (result i32)
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20))) (i32.const 2)))
"""


@pytest.mark.parametrize("way", ENGINES)
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("returns = [2]", ""),
        ('returns = [2]\nstdout = "4"', ""),
        ("returns = [42]", "returned 2 instead of 42"),
        ('returns = [42]\nstdout = ""', "returned 2 instead of 42"),
    ],
)
def test_what_a_module_writes_is_taken_for_no_result(project: Project, way: str, said: str, message: str) -> None:
    """An executable prints both to one place, and nothing stands between them."""
    project.write("writes.wat", MIXES)
    tests = f'[modules.writes]\nsource = "writes.wat"\n[[modules.writes.tests]]\ncall = "f"\nwasi = {{}}\n{said}\n'
    project.declare(HEAD + X64 + ENGINES[way] + tests)
    project.run("build")
    found = project.verdicts(status=1 if message else 0)["writes@x64"]
    assert found["level"] == ("loaded" if message else "tested")
    assert message in found["message"]
