"""Starts the child that ``transferring`` is, with the modules of its parent: ``transfer_main.py DIRECTORY…``.

The directories are those that the parent imports from: this Python reads neither variables nor ``site``.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Answer requests until stdin ends."""
    sys.path[:] = sys.argv[1:]
    from wasmbuild.lean import importing

    importing.by_name()
    from wasmbuild.builder.cache import transferring

    transferring.serve()


if __name__ == "__main__":
    main()
