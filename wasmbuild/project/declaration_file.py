"""The file of a declaration."""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.boundary import fix_of, is_of_host
from wasmbuild.errors import DeclarationError, Mistake
from wasmbuild.lean.pathlib import Path
from wasmbuild.project.filenames import CONFIG

MAX_BYTES = 16 << 20


def read(path: Path) -> bytes:
    """Return the bytes of a declaration. Raises DeclarationError."""
    file = str(path)
    try:
        with files.open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(MAX_BYTES + 1) if size <= MAX_BYTES else b""
    except FileNotFoundError:
        if os.path.islink(path):
            fix = "mend or remove the link, or name another file"
            raise DeclarationError([Mistake(file, "", "is a link that leads nowhere", fix)]) from None
        above = _above(path)
        fix = "name the one that is meant, or have wasmbuild init write a first one"
        if above is not None:
            fix = f"{above} is one: run this where that is, or name it with --config"
        raise DeclarationError([Mistake(file, "", "there is no such file", fix)]) from None
    except IsADirectoryError:
        inside = path / CONFIG
        other = "name the file that is meant, or move the directory away"
        fix = f"name the file in it, {inside}" if os.path.isfile(inside) else other
        raise DeclarationError([Mistake(file, "", "is a directory", fix)]) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        fix = fix_of(error, "name a readable file")
        mistake = Mistake(file, "", f"cannot be read: {why}", fix, is_of_host(error))
        raise DeclarationError([mistake]) from None
    if size > MAX_BYTES:
        problem = f"has {size} bytes, and at most {MAX_BYTES} are read"
        raise DeclarationError([Mistake(file, "", problem, "use globs to declare many modules")])
    return data


def _above(path: Path) -> str | None:
    """Return the declaration of the directory that this one is in, or is somewhere in; None where there is none."""
    declared = Path(os.path.abspath(path))
    found = (directory / declared.name for directory in declared.parent.parents)
    return next((files.seen_from_here(each) for each in found if os.path.isfile(each)), None)
