"""CMake with both kinds of generator: the whole project as one target."""

from __future__ import annotations

from systems import JOBS, System
from wasmbuild import cmake

LISTS = """\
cmake_minimum_required(VERSION 3.21)
project(demo LANGUAGES NONE)
find_package(wasmbuild REQUIRED)
wasmbuild_project(wasm)
"""


def _system(name: str, generator: str, idle: str, needs: tuple[str, ...] = (), binary: str = "b") -> System:
    configure = ("cmake", "-S", ".", "-B", binary, "-G", generator, f"-Dwasmbuild_DIR={cmake.directory()}")
    return System(
        name,
        {"CMakeLists.txt": LISTS},
        ("cmake", "--build", binary, f"-j{JOBS}"),
        idle,
        ("cmake", "--build", binary, "--target", "clean"),
        lambda out: _system(name, generator, idle, needs, out),
        setup=(configure,),
        out=f"{binary}/wasm",
        needs=needs,
    )


SYSTEMS = (
    _system("cmake", "Ninja", r"ninja: no work to do\.\n"),
    _system("cmake-make", "Unix Makefiles", r"\[100%\] Built target wasm\n", ("make",)),
)
