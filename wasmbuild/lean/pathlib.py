"""What a step and a build after an edit use of ``pathlib``, without importing it: that is a sixth of a step.

To a type checker the name is that of ``pathlib``, and so is all that it does: what is rare is done there, by the real
one. On Windows, where drives make paths another matter, it is the real one. What is handed out to other programs is
made of the real one.
"""

from __future__ import annotations

import os
import sys

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING or os.name != "posix":
    from pathlib import Path as Path
else:

    class Path:
        """A path as ``pathlib.PosixPath`` has it: no ``.`` between its parts, no more ``/`` than it takes."""

        __slots__ = ("_text",)

        def __init__(self, *segments):
            text = os.path.join(*segments) if segments else ""
            # Most have nothing to leave out, and there are thousands.
            if not text or "//" in text or "/./" in text or text.endswith(("/", "/.")) or text.startswith("./"):
                text = _shortest(text)
            self._text = text

        @classmethod
        def home(cls):
            home = os.path.expanduser("~")
            if home == "~":
                raise RuntimeError("Could not determine home directory.")
            return cls(home)

        def __fspath__(self):
            return self._text

        __str__ = as_posix = __fspath__

        def __repr__(self):
            return f"PosixPath({self._text!r})"

        def __truediv__(self, segment):
            return Path(self._text, segment)

        def __rtruediv__(self, segment):
            return Path(segment, self._text)

        def joinpath(self, *segments):
            return Path(self._text, *segments)

        @property
        def name(self):
            return "" if self._text == "." else self._text.rpartition("/")[2]

        @property
        def stem(self):
            name = self.name
            return name.rpartition(".")[0] or name if not name.endswith(".") else self._whole().stem

        @property
        def parent(self):
            above, slash, name = self._text.rpartition("/")
            if not name:
                return self
            return Path(above if above.strip("/") else above + slash)

        def is_absolute(self):
            return self._text.startswith("/")

        def absolute(self):
            return self if self.is_absolute() else Path(os.getcwd(), self._text)

        def stat(self, *, follow_symlinks=True):
            return os.stat(self._text, follow_symlinks=follow_symlinks)

        def read_bytes(self):
            with open(self._text, "rb") as file:
                return file.read()

        def unlink(self, missing_ok=False):
            try:
                os.unlink(self._text)
            except FileNotFoundError:
                if not missing_ok:
                    raise

        def __eq__(self, other):
            if type(other) is Path:
                return self._text == other._text
            pathlib = sys.modules.get("pathlib")
            if pathlib is not None and type(other) is pathlib.PosixPath:
                return self._text == str(other)
            return self._whole() == other

        def __lt__(self, other):
            return self._whole() < (other._whole() if type(other) is Path else other)

        def __hash__(self):
            # The same as that of an equal one from elsewhere, which is that of its parts before Python 3.12.
            return hash(self._text if sys.version_info >= (3, 12) else _parts(self._text))

        def __reduce__(self):
            return Path, (self._text,)

        def __bytes__(self):
            return os.fsencode(self._text)

        def __getattr__(self, name):
            # What has `with_segments`, Python 3.14 takes for one of its own, and reads what those have inside.
            if name.startswith("_") or name == "with_segments":
                raise AttributeError(name)
            return getattr(self._whole(), name)

        def _whole(self):
            import pathlib

            return pathlib.Path(self._text)

    def _parts(text):
        names = text.lstrip("/")
        root = text[: len(text) - len(names)]
        return (*((root,) if root else ()), *(names.split("/") if names not in ("", ".") else ()))

    def _shortest(text):
        parts = [part for part in text.split("/") if part and part != "."]
        # POSIX leaves it to systems what two of them mean.
        slashes = len(text) - len(text.lstrip("/"))
        root = "/" * (slashes if slashes < 3 else 1)
        return root + "/".join(parts) or "."
