"""Meson: the whole project as one custom target, whose output is the directory."""

from __future__ import annotations

from systems import System

BUILD = """\
project('demo', meson_version: '>=1.3')
custom_target('wasm',
  input: 'wasmbuild.toml',
  output: 'wasm',
  depfile: 'wasm.d',
  command: [find_program('wasmbuild'), 'build', '--quiet', '--config', '@INPUT@', '--build-dir', '@OUTPUT@',
            '--state-dir', '@PRIVATE_DIR@', '--depfile', '@DEPFILE@'],
  build_by_default: true,
)
"""

SYSTEMS = (
    System(
        "meson",
        {"meson.build": BUILD},
        ("meson", "compile", "-C", "b", "-j4"),
        r"(?s).*ninja: no work to do\.\n",
        ("meson", "compile", "-C", "b", "--clean"),
        setup=(("meson", "setup", "b"),),
        out="b/wasm",
    ),
)
