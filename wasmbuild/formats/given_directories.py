"""Directories that tests are given: a document has what each holds once, by its digest, and its tests name that."""

from __future__ import annotations

from wasmbuild.formats.strict_json import Invalid
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wasmbuild.project.cases import Case, Directory, Files


def named_by(tests: Iterable[Case]) -> list[Directory]:
    """Return the directories of tests, of those that hold the same only one."""
    found = {each.sha256: each for test in tests if test.wasi is not None for each in test.wasi.dirs}
    return list(found.values())


def to_json(directories: Iterable[Directory]) -> dict[str, Any]:
    """Return the key of a document that has them, if there are any."""
    table = {each.sha256: dict(each.files or ()) for each in directories}
    return {"directories": table} if table else {}


def from_json(document: Mapping[str, Any]) -> dict[str, Files]:
    """Return what directories hold, by digest, of a document that was checked."""
    return {sha256: tuple(sorted(held.items())) for sha256, held in document.get("directories", {}).items()}


def check(document: Mapping[str, Any], where: str) -> None:
    """Check that a document has the directories that the tests of what is ``where`` name, and no others.

    Raises Invalid.
    """
    directories = from_json(document)
    named: set[str] = set()
    for index, item in enumerate(document[where]):
        for number, test in enumerate(item.get("tests", ())):
            for path, sha256 in test.get("wasi", {}).get("dirs", {}).items():
                if sha256 not in directories:
                    place = (path, "dirs", "wasi", number, "tests", index, where)
                    raise Invalid("names what is not in directories", *place)
                named.add(sha256)
    if not directories:
        return
    from wasmbuild.project.case_rules import directory_problems
    from wasmbuild.project.cases import digest_of

    for sha256, files in directories.items():
        if sha256 not in named:
            raise Invalid("is named by no test", sha256, "directories")
        if digest_of(files) != sha256:
            raise Invalid("is not the SHA-256 of what is there", sha256, "directories")
        for path, problem, _fix in directory_problems(files):
            raise Invalid(problem, *reversed(path), sha256, "directories")
