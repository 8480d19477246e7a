"""Meson: the whole project as one custom target, whose output is the directory."""

from __future__ import annotations

from systems import JOBS, System

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


def system(binary: str = "b") -> System:
    return System(
        "meson",
        {"meson.build": BUILD},
        ("meson", "compile", "-C", binary, f"-j{JOBS}"),
        r"(?s).*ninja: no work to do\.\n",
        ("meson", "compile", "-C", binary, "--clean"),
        system,
        setup=(("meson", "setup", binary),),
        out=f"{binary}/wasm",
    )


SYSTEMS = (system(),)
