"""Ninja: the whole project as one edge, and an edge for each artifact."""

from __future__ import annotations

from systems import JOBS, System

IDLE = r"ninja: no work to do\.\n"


def whole(out: str = "out") -> System:
    rules = f"""\
rule wasmbuild
  command = wasmbuild build --quiet --build-dir "{out}" --state-dir .state --stamp $out --depfile $out.d
  depfile = $out.d
  deps = gcc
  restat = 1
  pool = console
build wasm.stamp: wasmbuild wasmbuild.toml
"""
    return System(
        "ninja",
        {"build.ninja": rules.replace('"out"', "out")},
        ("ninja", f"-j{JOBS}"),
        IDLE,
        ("ninja", "-t", "clean"),
        whole,
        out=out,
        reasons={"clean": "Ninja cleans the stamp, of which it knows, and not the directory: rm -rf out"},
    )


def each(out: str = "out") -> System:
    index = f"{out}/index.json".replace(" ", "$ ")
    return System(
        "ninja-per-artifact",
        {"build.ninja": f"build build.ninja: phony wasm.ninja\nsubninja wasm.ninja\ndefault {index}\n"},
        ("ninja", f"-j{JOBS}"),
        IDLE,
        ("ninja", "-t", "clean"),
        each,
        setup=(("wasmbuild", "plan", "--ninja", "-o", "wasm.ninja", "--build-dir", out, "--state-dir", ".state"),),
        out=out,
        reasons={"manifest_tampered": "Ninja sees that a manifest is gone, not that it is another: delete it"},
    )


SYSTEMS = (whole(), each())
