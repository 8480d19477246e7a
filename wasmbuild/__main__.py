"""The ``wasmbuild`` command as a process: ``python -m wasmbuild``, and the script that pip installs."""

from __future__ import annotations

import gc

# Code is imported once and thousands of artifacts are made once, and both stay: to look through them for what is not
# used any more finds nothing.
gc.set_threshold(100_000)

from wasmbuild.lean import importing  # noqa: E402

importing.by_name()

from wasmbuild import interrupts  # noqa: E402

# Before anything else is imported, which takes as long as a short command.
interrupts.end_at_once()
interrupts.hear_of_children()


def run() -> None:
    """Run the command of this process's arguments and end the process."""
    from wasmbuild.cli import main

    interrupts.end(main())


if __name__ == "__main__":
    run()
