"""The directories that a program of WASI is given for one test, where an executable runs it."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from wasmbuild.files import Signature, signature_of
from wasmbuild.project.cases import Case


class UntoldError(Exception):
    """What came of a test says nothing: the executable cannot be told to run it so, or it had more than it may."""


@contextmanager
def given(case: Case, where: Path) -> Iterator[Mapping[str, str]]:
    """Make the directories of a program in ``where``, for one call; they are told by their paths for the program.

    Raises OSError, and at the end UntoldError where it wrote to what it may only read.
    """
    preopened: list[tuple[str, dict[str, bytes], bool]] = []
    if case.wasi is not None:
        if case.wasi.files:
            preopened.append(("/", {name: text.encode("utf-8") for name, text in case.wasi.files}, True))
        for each in case.wasi.dirs:
            held = {name: base64.b64decode(content) for name, content in each.files or ()}
            preopened.append((each.path, held, False))
    with ExitStack() as stack:
        made = {}
        for path, held, writable in preopened:
            made[path] = stack.enter_context(tempfile.TemporaryDirectory(prefix="root-", dir=where))
            _fill(Path(made[path]), held, writable=writable)
        read_only = [Path(made[path]) for path, _, writable in preopened if not writable]
        before = _signatures(read_only)
        yield made
        # Modes keep out neither root nor, of directories, anybody on Windows.
        if _signatures(read_only) != before:
            raise UntoldError(f"{case.title} writes to its dirs, which an executable lets this user do")


def _signatures(folders: Iterable[Path]) -> list[Signature | None]:
    return [signature_of(path) for folder in folders for path in (folder, *sorted(folder.rglob("*")))]


def _fill(root: Path, files: Mapping[str, bytes], *, writable: bool) -> None:
    """Write files by path; an executable has no other way to give a program what it may only read than modes."""
    folders = {root}
    for name, content in files.items():
        path = root.joinpath(*name.split("/"))
        folders.update(folder for folder in path.parents if root in folder.parents)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if not writable:
            path.chmod(0o444)
    if not writable:
        for folder in folders:
            folder.chmod(0o555)
