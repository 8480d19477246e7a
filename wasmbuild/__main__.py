"""The ``wasmbuild`` command as a process: ``python -m wasmbuild``, and the script that pip installs."""

from __future__ import annotations

from wasmbuild import interrupts

# Before anything else is imported, which takes as long as a short command.
interrupts.end_at_once()


def run() -> None:
    """Run the command of this process's arguments and end the process."""
    from wasmbuild.cli import main

    interrupts.end(main())


if __name__ == "__main__":
    run()
