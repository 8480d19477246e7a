"""Run a program that may allocate so many bytes and no more: ``memory_limited.py BYTES UNSET PROGRAM ARGUMENT…``.

``UNSET`` are names of variables, with commas between them, that this Python needs and the program does not get.

Standard library alone, run by path. What is bounded is the data of the process (RLIMIT_DATA), which an emulator passes
on to nobody: it counts what it emulates as its own. Reserved address space, of which instances of WebAssembly and
emulators take gigabytes, does not count.
"""

from __future__ import annotations

import os
import sys

NOT_RUN = 127
"""Exit status when the program cannot be run, as shells have it."""


def main() -> None:
    """Become the program."""
    import resource

    size, program = int(sys.argv[1]), sys.argv[3:]
    for name in filter(None, sys.argv[2].split(",")):
        os.environ.pop(name, None)
    there, _ = resource.getrlimit(resource.RLIMIT_DATA)
    size = size if there == resource.RLIM_INFINITY else min(size, there)
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    try:
        os.execvp(program[0], program)  # noqa: S606 -- there is no shell, and none is wanted
    except OSError as error:
        sys.stderr.write(f"cannot run {program[0]}: {error.strerror}\n")
        sys.exit(NOT_RUN)


if __name__ == "__main__":
    main()
