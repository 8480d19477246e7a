"""CMake with both kinds of generator: the whole project as one target."""

from __future__ import annotations

from systems import System
from wasmbuild import cmake

LISTS = """\
cmake_minimum_required(VERSION 3.21)
project(demo LANGUAGES NONE)
find_package(wasmbuild REQUIRED)
wasmbuild_project(wasm)
"""


def _system(name: str, generator: str, idle: str, needs: tuple[str, ...] = ()) -> System:
    configure = ("cmake", "-S", ".", "-B", "b", "-G", generator, f"-Dwasmbuild_DIR={cmake.directory()}")
    return System(
        name,
        {"CMakeLists.txt": LISTS},
        ("cmake", "--build", "b", "-j4"),
        idle,
        ("cmake", "--build", "b", "--target", "clean"),
        setup=(configure,),
        out="b/wasm",
        needs=needs,
    )


SYSTEMS = (
    _system("cmake", "Ninja", r"ninja: no work to do\.\n"),
    _system("cmake-make", "Unix Makefiles", r"\[100%\] Built target wasm\n", ("make",)),
)
