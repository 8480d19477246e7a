"""The shortest way to know that nothing is to be done: one look at every file that the plan names.

The note that makes it possible is removed before a build changes anything and written when everything is right, so a
build that was killed leaves none. It holds digests alone, and names no file: which files are looked at is what is
declared now. Without it, everything is looked at more closely.
"""

from __future__ import annotations

import os

from wasmbuild import __version__, files
from wasmbuild.builder.plan_files import PlanFiles
from wasmbuild.digest import sha256_hex
from wasmbuild.lean.json import read, spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.toolchain import search_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wasmbuild.plan.graph import Plan

SCHEMA = "wasmbuild/noop/11"
WHOLE = "whole"
"""The name of the note in ``Memory`` that has the digest of what it remembers, where all of it was right."""
# It has the same few digests however much is built: a file that is damaged may have any size.
_MAX_BYTES = 1 << 20


def file(state: Path) -> Path:
    """Return where the note of a build lies, in the directory of what it remembers."""
    return state / "noop.json"


class Snapshot(NamedTuple):
    """What a look at all files found: whether each is as the last whole build left it, and their signatures as text.

    ``signatures`` are those of ``files.all``, "" for a file that is not there; there are none where the last whole
    build was of another plan. ``identity`` is what a note of this plan is of, when the look began: a compiler that is
    replaced while it builds is another one to the next build.
    """

    whole: bool
    files: PlanFiles
    signatures: Sequence[str]
    identity: list[object]


def look(plan: Plan, declaration: bytes) -> Snapshot:
    """Look at all files of a plan, if the last whole build was of this very one.

    ``declaration`` are the bytes that the plan was made from. It costs a stat for each file, and never raises: whatever
    is wrong is found by a closer look.
    """
    unseen = not_yet(plan, declaration)
    there = unseen.files
    try:
        document = _document(plan)
        # Through a link that leads elsewhere everything may look the same.
        if document["for"] != unseen.identity or any(map(os.path.islink, _directories(plan))):
            return unseen
        signatures: list[str] = []
        for see, paths in ((os.stat, there.sources), (os.lstat, there.made)):
            for path in paths:
                try:
                    signatures.append(files.spelled(see(path)))
                except (FileNotFoundError, NotADirectoryError):
                    signatures.append("")
        whole = "" not in signatures and document["files"] == digest(signatures)
        return unseen._replace(whole=whole, signatures=signatures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return unseen


def not_yet(plan: Plan, declaration: bytes) -> Snapshot:
    """Look at no file yet; who asks what compiles asks that afterwards. Never raises."""
    return Snapshot(False, PlanFiles(plan), (), _identity(plan, declaration))


def is_of(plan: Plan, identity: list[object], digest: str | None) -> bool:
    """Tell whether the last whole build was of this very plan, and found its files with signatures of this digest.

    All that has another signature now has changed since; the rest is right. Never raises.
    """
    try:
        document = _document(plan)
        return digest is not None and document["files"] == digest and document["for"] == identity
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def to_bytes(identity: list[object], digest: str) -> bytes:
    """Return the note of a plan that was built, and whose files had signatures of this digest when they were right."""
    return spell({"for": identity, "files": digest}, ",", ":").encode()


def digest(signatures: Iterable[str]) -> str:
    """Return a digest of the signatures, as text, of all files of a plan in their order."""
    return sha256_hex("\n".join(signatures).encode("ascii"))


def _document(plan: Plan) -> Any:
    """Return the note. Raises OSError, ValueError."""
    return read(files.read(file(plan.state_dir), _MAX_BYTES)[0].decode("ascii"))


def _directories(plan: Plan) -> Iterator[str]:
    """Yield the directories below the build directory that artifacts lie in."""
    below = {""}
    for module in plan.modules:
        folder = module.name.rpartition("/")[0]
        while folder not in below:
            below.add(folder)
            folder = folder.rpartition("/")[0]
    for target in plan.targets:
        for folder in below:
            # With a separator at its end, it would be what a link leads to.
            yield os.path.join(plan.build_dir, *f"{target.name}/{folder}".rstrip("/").split("/"))


def _identity(plan: Plan, declaration: bytes) -> list[object]:
    """Return what a note is of besides files: all that the plan and the keys come from."""
    globs = spell(plan.globs).encode("ascii")
    # What a build was told besides the declaration may leave out targets, keep what they have, have sources elsewhere,
    # and build elsewhere what another has its notes beside.
    targets = [target.name for target in plan.targets]
    placed = repr([str(plan.build_dir), targets, plan.kept, [(m.name, str(m.source)) for m in plan.modules]])
    wasi = [test.wasi for test in plan.tests() if test.wasi is not None]
    granted = repr([[(held.path, held.sha256) for held in given.dirs] for given in wasi])
    digests = [sha256_hex(data) for data in (declaration, globs, (placed + granted).encode("utf-8", "surrogatepass"))]
    lines = len({target.engine.line for target in plan.targets})
    # What was let pass for a time is a day that comes without an edit.
    passed = [ignored.id for ignored in plan.audit.in_force().ignore] if "build" in plan.audit.enforce else []
    return [SCHEMA, __version__, *digests, passed, search_path.fingerprint(plan.compiler, plan.directory, lines=lines)]
