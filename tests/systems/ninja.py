"""Ninja: the whole project as one edge, and an edge for each artifact."""

from __future__ import annotations

from systems import System

WHOLE = """\
rule wasmbuild
  command = wasmbuild build --quiet --build-dir out --state-dir .state --stamp $out --depfile $out.d
  depfile = $out.d
  deps = gcc
  restat = 1
  pool = console
build wasm.stamp: wasmbuild wasmbuild.toml
"""
EACH = """\
build build.ninja: phony wasm.ninja
subninja wasm.ninja
default out/index.json
"""
IDLE = r"ninja: no work to do\.\n"

SYSTEMS = (
    System(
        "ninja",
        {"build.ninja": WHOLE},
        ("ninja", "-j4"),
        IDLE,
        ("ninja", "-t", "clean"),
        reasons={"clean": "Ninja cleans the stamp, of which it knows, and not the directory: rm -rf out"},
    ),
    System(
        "ninja-per-artifact",
        {"build.ninja": EACH},
        ("ninja", "-j4"),
        IDLE,
        ("ninja", "-t", "clean"),
        setup=(("wasmbuild", "plan", "--ninja", "-o", "wasm.ninja", "--build-dir", "out", "--state-dir", ".state"),),
    ),
)
