"""The Python that runs what is measured: a virtual environment as after ``pip install wasmbuild``.

The one that runs the benchmarks may have wasmbuild as an editable install, whose import hook costs every Python that
starts there 25 ms, and a bare one too.
"""

from __future__ import annotations

import sysconfig
import tempfile
import venv
from pathlib import Path

import wasmbuild
from benchmarks.measure import seconds

# What the script that pip installs runs. It ends without the interpreter's own end, where a peak would be written.
_WASMBUILD = "from wasmbuild.__main__ import run; run()"
_ENDING = "import os; os._exit = sys.exit\n"

# The peak of the process itself, without its children's: each of these runs a compiler that needs more than it does.
# Linux counts what the parent had before `exec` into `ru_maxrss`, not into VmHWM.
_PEAK = """
import atexit, sys
def peak():
    try:
        with open("/proc/self/status") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except FileNotFoundError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
def write(path):
    with open(path, "w") as result:
        result.write(str(peak()))
atexit.register(write, sys.argv.pop(1))
"""


class Environment:
    """A virtual environment that borrows the packages of the one that runs the benchmarks, without their hooks."""

    def __init__(self, directory: Path) -> None:
        builder = venv.EnvBuilder(symlinks=True)
        self.python = Path(builder.ensure_directories(directory).env_exe)
        builder.create(directory)
        paths = {"base": str(directory), "platbase": str(directory)}
        packages = Path(sysconfig.get_path("purelib", "venv", paths))
        borrowed = dict.fromkeys(
            (str(Path(wasmbuild.__file__).parents[1]), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
        )
        (packages / "borrowed.pth").write_text("\n".join([*borrowed, ""]), encoding="utf-8")

    def run(self, code: str, *arguments: str | Path) -> list[str]:
        """Return a command that runs code."""
        return [str(self.python), "-c", code, *map(str, arguments)]

    def wasmbuild(self, *arguments: str | Path) -> list[str]:
        """Return a ``wasmbuild`` command."""
        return self.run(_WASMBUILD, *arguments)

    def peak_of_wasmbuild(self, *arguments: str, cwd: Path) -> float:
        """Run a ``wasmbuild`` command and return the peak memory of its own process in bytes."""
        return self._peak(_PEAK + _ENDING + _WASMBUILD, *arguments, cwd=cwd)

    def peak_of_python(self, cwd: Path) -> float:
        """Return the peak memory in bytes of a Python that does nothing."""
        return self._peak(_PEAK, cwd=cwd)

    def doit(self, *arguments: str) -> list[str]:
        """Return a ``doit`` command."""
        return [str(self.python), "-m", "doit", *arguments]

    def _peak(self, code: str, *arguments: str, cwd: Path) -> float:
        with tempfile.TemporaryDirectory() as temporary:
            result = Path(temporary) / "peak"
            seconds(self.run(code, result, *arguments), cwd)
            return float(result.read_text(encoding="ascii"))
