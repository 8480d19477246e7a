"""The standard streams of the command: data that cannot be written is an error, talk that cannot be is none."""

from __future__ import annotations

import os
import sys

from wasmbuild.errors import DiskError
from wasmbuild.lean.contextlib import contextmanager, suppress
from wasmbuild.lean.typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def checked() -> Iterator[None]:
    """Let whatever is written to stdout raise DiskError where it fails, and what is lost of stderr be lost.

    A BrokenPipeError stays one. Streams that were closed when the process started lead nowhere.
    """
    _open_closed()
    streams = sys.stdout, sys.stderr
    out, err = map(_open, streams)
    sys.stdout, sys.stderr = cast(TextIO, _Data(out)), cast(TextIO, _Stream(err))
    try:
        yield
    finally:
        # What the interpreter cannot write at its end, it complains of, and ends with a status of its own.
        with suppress(OSError, DiskError):
            sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = streams
        for stream in (out, err):
            if stream not in streams:
                stream.close()


# What a terminal without them shows in their place; of other characters it shows the escape.
_PLAIN = str.maketrans({"…": "...", "━": "=", "╌": "-", "→": "->", "×": "x", "–": "-", "—": "-", "’": "'"})


def write(stream: TextIO, text: str) -> int:
    """Write text, and what the encoding of the stream lacks in another way."""
    try:
        return stream.write(text)
    except UnicodeEncodeError:
        return stream.write(fitting(stream, text))


def fitting(stream: TextIO, text: str) -> str:
    """Return text as the encoding of a stream has it."""
    encoding = stream.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text


def losing(stream: TextIO | None) -> TextIO:
    """Return a stream of a program that is not ours as one on which talk that cannot be written is no error.

    It is None where it was closed when the process started.
    """
    return cast(TextIO, _Stream(_open(stream)))


def write_bytes(data: bytes) -> None:
    """Write bytes to stdout as they are, in order with the text. Raises DiskError where ``checked`` does."""
    if isinstance(sys.stdout, _Data):
        sys.stdout.write_bytes(data)
    else:
        sys.stdout.buffer.write(data)


class _Stream:
    """Loses what cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return write(self._stream, text)
        except OSError as error:
            self._fail(error)
            return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Write bytes as they are, in order with the text."""
        try:
            self._stream.flush()
            self._stream.buffer.write(data)
            self._stream.buffer.flush()
        except OSError as error:
            self._fail(error)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Let what is left in the buffer lead nowhere, as it can be written at no other time either."""
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


class _Data(_Stream):
    def _fail(self, error: OSError) -> None:
        super()._fail(error)
        if isinstance(error, BrokenPipeError):
            raise error
        reason = error.strerror or error
        raise DiskError(f"standard output cannot be written: {reason}; let it lead somewhere else") from error


def _open(stream: TextIO | None) -> TextIO:
    return stream or open(os.devnull, "w", encoding="utf-8")


def _open_closed() -> None:
    """Let no file that is opened later get the number of a standard stream that is closed, and its output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
