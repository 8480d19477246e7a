"""Lines for people: one for each thing done, and on a terminal a live bar."""

from __future__ import annotations

import os
from _thread import allocate_lock

from wasmbuild import streams
from wasmbuild.errors import marked
from wasmbuild.lean.typing import TextIO

_BOLD, _RED, _GREEN, _YELLOW, _DIM = "1", "31", "32", "33", "2"
_BAR = 24


class Console:
    """Lines on a stream, and below them, where the stream is a terminal, one that is redrawn.

    Colours and the live line are left out when the stream is no terminal, in CI, for ``TERM=dumb``; colours also
    when ``NO_COLOR`` is set. Threads may write at once.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self.stream = stream
        self.quiet = quiet
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
        self._live = terminal and not quiet
        self._colors = terminal and not os.environ.get("NO_COLOR")
        self._drawn = False
        self._mutex = allocate_lock()

    def say(self, text: str) -> None:
        """Write a line that a quiet console leaves out."""
        if not self.quiet:
            self.write(text)

    def write(self, text: str) -> None:
        """Write a line."""
        with self._mutex:
            self._erase()
            streams.write(self.stream, text + "\n")
            self.stream.flush()

    def error(self, message: str, of: str = "") -> None:
        """Write an error, each line that is not indented marked as one, and as what ``of`` says has it."""
        self.write(marked(message, f"{self.bad('error:')} {of}{': ' if of else ''}"))

    def bar(self, done: int, total: int, doing: str) -> None:
        """Show how far things are, on a terminal, until the next line."""
        if not self._live or not total:
            return
        filled = _BAR * done // total
        text = f"{'━' * filled}{'╌' * (_BAR - filled)} {done}/{total}  {doing}"
        import shutil

        text = text[: shutil.get_terminal_size().columns - 1]
        with self._mutex:
            self._erase()
            streams.write(self.stream, text)
            self.stream.flush()
            self._drawn = True

    def clear(self) -> None:
        """Remove the live line."""
        with self._mutex:
            self._erase()
            self.stream.flush()

    def bold(self, text: str) -> str:
        return self._styled(_BOLD, text)

    def dim(self, text: str) -> str:
        return self._styled(_DIM, text)

    def good(self, text: str) -> str:
        return self._styled(_GREEN, text)

    def warning(self, text: str) -> str:
        return self._styled(_YELLOW, text)

    def bad(self, text: str) -> str:
        return self._styled(_RED, text)

    def _styled(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colors else text

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write("\r\033[K")
            self._drawn = False
