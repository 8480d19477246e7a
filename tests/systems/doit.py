"""doit: a task for each artifact, in a dodo.py of their own and in a larger one."""

from __future__ import annotations

from systems import JOBS, System

OWN = """\
from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml", build_dir="OUT").dodo()
"""
LARGER = """\
from wasmbuild.doit import load

WASM = load("wasmbuild.toml", build_dir="OUT")


def task_wasm():
    yield from WASM.tasks(basename="wasm")


def task_image():
    return {"actions": ["cp '%(dependencies)s' image"], "file_dep": ["OUT/index.json"], "targets": ["image"]}
"""


def own(out: str = "out") -> System:
    return System(
        "doit",
        {"dodo.py": OWN.replace("OUT", out)},
        ("doit", f"-n{JOBS}", "compile"),
        r"6 artifacts: 6 up to date in .*\n",
        ("doit", "clean"),
        own,
        out=out,
    )


def larger(out: str = "out") -> System:
    return System(
        "doit-larger",
        {"dodo.py": LARGER.replace("OUT", out)},
        ("doit", f"-n{JOBS}", "-P", "thread"),
        r"(-- .*\n)+",
        ("doit", "clean"),
        larger,
        out=out,
    )


SYSTEMS = (own(), larger())
