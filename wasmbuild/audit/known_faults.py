"""What a build and a verification say of known faults, in one line each, and whether they fail by them.

A build remembers its line in the user's cache: most have the same artifacts as the one before in all that is judged,
and to read the records and judge takes as long as to compile a small module.
"""

from __future__ import annotations

import marshal
import os

from wasmbuild import files
from wasmbuild.audit import bundle, choice
from wasmbuild.audit.shipment import NOT_LISTED, ShippedArtifact, ShippedManifest, Unreadable
from wasmbuild.digest import sha256_hex
from wasmbuild.engine import host
from wasmbuild.lean.json import spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.project.audit_policy import AuditPolicy
from wasmbuild.toolchain import loads_here
from wasmbuild.usercache import Documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wasmbuild.audit.choice import CompilerChoice
    from wasmbuild.builder.session import Session
    from wasmbuild.project.declared import Module, Project

_DOCUMENTS = Documents("known-faults", 256)

# Of `marshal`, which is twice as fast as `repr`; with references equal values may have other bytes.
_WITHOUT_REFERENCES = 2


class KnownFaults(NamedTuple):
    """``line`` is for people, None where nothing is known; ``fails`` says that ``[audit] enforce`` makes it fail."""

    line: str | None
    fails: bool


def of_paths(paths: Sequence[str | os.PathLike[str]], declared: Project | None) -> KnownFaults:
    """Judge what manifests list by the records that came with wasmbuild, for ``verify``.

    ``declared`` is the declaration of who asks, by whose policy it is. What cannot be read is passed over: whoever
    builds or verifies it tells. What was let pass until an earlier day than this is not let pass.
    """
    from wasmbuild.audit.manifests import collect

    policy = AuditPolicy() if declared is None else declared.audit
    return _judged(collect(paths), _audit(paths), policy.in_force(), "verify", choice.of(declared))


def of_build(session: Session, policy: AuditPolicy) -> KnownFaults:
    """Judge what stands after a build, as ``of_paths`` does, by what the build knows: it reads nothing.

    That is what manifests list, and of targets that are not whole what is right: who selects may have made no more.
    The session still has the directory. Where ``policy`` does not let it pass, the next build does not pass for having
    nothing to do.
    """
    manifests, policy = list(_built(session)), policy.in_force()
    ways, more = choice.of(session.plan), _audit([session.plan.build_dir])
    question = _question(manifests, policy, more, *ways)
    known = None if question is None else _remembered(question)
    if known is None:
        known = _judged(manifests, more, policy, "build", ways, lambda id: session.path(session.artifacts[id]))
        if question is not None:
            _DOCUMENTS.remember(question, known)
    if known.fails:
        session.forget_noop()
    return known


def _question(manifests: list[ShippedManifest], policy: AuditPolicy, *told_by: str | bool) -> str | None:
    """Return a digest of all that decides what is known of a build; None where the records cannot be looked at."""
    try:
        records = bundle.signature()
    except OSError:
        return None
    listed = [each._replace(isa_flags=dict(each.isa_flags)) for each in manifests]
    here = [str(host.triple()), loads_here.installed(), *told_by, repr(policy)]
    return sha256_hex(spell([records, here, listed]).encode("ascii"))


def _remembered(question: str) -> KnownFaults | None:
    known = _DOCUMENTS.recall(question)
    match known:
        case [str() | None as line, bool() as fails]:
            return KnownFaults(line, fails)
    return None


def _judged(
    manifests: Iterable[ShippedManifest | Unreadable],
    more: str,
    policy: AuditPolicy,
    command: str,
    ways: CompilerChoice,
    path: Callable[[str], Path] = Path,
) -> KnownFaults:
    """Judge what manifests list, of which the command ``more`` says more; ``path`` is where an artifact lies, by id."""
    from wasmbuild.audit.database import bundled
    from wasmbuild.audit.report import judged
    from wasmbuild.audit.text import note

    report = judged(manifests, bundled(), policy, library=loads_here.installed())
    first = report.worst
    if first is not None and first.manifest == NOT_LISTED:
        # An audit is of what manifests list.
        more = f"wasmbuild inspect {files.in_shell(path(first.id))}"
    line = note(report, more, ways)
    fails = command in policy.enforce and report.severe
    return KnownFaults(f"{line} (fails by [audit] enforce)" if line and fails else line, fails)


def _audit(paths: Iterable[str | os.PathLike[str]]) -> str:
    return " ".join(["wasmbuild audit", *map(files.in_shell, paths)])


def _built(session: Session) -> Iterator[ShippedManifest]:
    # Thousands of artifacts have few shapes, and each is judged once for a target.
    numbers: dict[bytes, int] = {}
    shapes: list[tuple[str, dict[str, Any] | None]] = []
    number_of: dict[str, int] = {}

    def look(module: Module) -> int:
        shape = session.traits(module)
        number = numbers.setdefault(marshal.dumps(shape, _WITHOUT_REFERENCES), len(numbers))
        if number == len(shapes):
            shapes.append(shape)
        return number

    for target, artifacts, is_listed in session.standing():
        ids: dict[int, str] = {}
        counts: dict[int, int] = {}
        for artifact in artifacts:
            # Of what nothing stands, the source may be one that cannot be looked at.
            if (name := artifact.module.name) not in number_of:
                number_of[name] = look(artifact.module)
            number = number_of[name]
            ids.setdefault(number, artifact.id)
            counts[number] = counts.get(number, 0) + 1
        yield ShippedManifest(
            str(session.manifest(target)) if is_listed else NOT_LISTED,
            session.compiler(target).version,
            target.triple.text,
            target.engine.engine_table(),
            target.engine.isa_flags,
            tuple([ShippedArtifact(ids[number], *shapes[number], count) for number, count in counts.items()]),
            target.runtime,
        )
