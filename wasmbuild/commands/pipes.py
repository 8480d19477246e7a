"""``-`` for a file: standard input and output, by way of files of this command's own."""

from __future__ import annotations

import sys

from wasmbuild import streams
from wasmbuild.commands import options
from wasmbuild.errors import UsageError
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "standard input"
"""What messages call a source that came through a pipe."""


def path(text: str) -> Path | None:
    """Read the path of a file; None stands for ``-``. One that is called so is ``./-``."""
    return None if text == "-" else options.file(text)


@contextmanager
def as_files(source: Path | None, out: Path | None) -> Iterator[tuple[Path, Path]]:
    """Give files in the place of pipes: what comes in is read first, what goes out is written when all went well.

    Raises UsageError where a pipe is none, and DiskError.
    """
    if source is not None and out is not None:
        yield source, out
        return
    if out is None and sys.stdout.isatty():
        raise UsageError(
            "standard output is a terminal, and an artifact is no text; name a file with -o, or use a pipe"
        )
    import tempfile

    data = _received() if source is None else b""
    with tempfile.TemporaryDirectory(prefix="wasmbuild-") as directory:
        if source is None:
            source = Path(directory, "source")
            source.write_bytes(data)
        # Its stem names the artifact in messages.
        made = out or Path(directory, "out.cwasm")
        yield source, made
        if out is None:
            streams.write_bytes(made.read_bytes())


def _received() -> bytes:
    if sys.stdin is None:
        raise UsageError(f"{STDIN} is closed; name a file in place of -")
    from wasmbuild.formats.identify import MAX_SOURCE

    data = sys.stdin.buffer.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        raise UsageError(f"{STDIN}: has more than {MAX_SOURCE} bytes, which is the most that is read of a source")
    return data
