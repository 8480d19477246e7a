"""What a build and a verification say of known faults, in one line each, and whether they fail by them."""

from __future__ import annotations

import marshal
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from wasmbuild.audit.database import bundled
from wasmbuild.audit.report import judged
from wasmbuild.audit.shipment import ShippedArtifact, ShippedManifest, Unreadable
from wasmbuild.audit.text import note
from wasmbuild.lean_typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.project.audit_policy import AuditPolicy
from wasmbuild.toolchain import loads_here, search_path

if TYPE_CHECKING:
    from wasmbuild.builder.session import Session

# Of `marshal`, which is twice as fast as `repr`; with references equal values may have other bytes.
_WITHOUT_REFERENCES = 2


class KnownFaults(NamedTuple):
    """``line`` is for people, None where nothing is known; ``fails`` says that ``[audit] enforce`` makes it fail."""

    line: str | None
    fails: bool


def of_paths(paths: Sequence[str | os.PathLike[str]], policy: AuditPolicy, command: str) -> KnownFaults:
    """Judge what manifests list by the records that came with wasmbuild, for one of ``audit_policy.COMMANDS``.

    What cannot be read is passed over: whoever builds or verifies it tells. What was let pass until an earlier day
    than this is not let pass.
    """
    from wasmbuild.audit.manifests import collect

    return _judged(collect(paths), paths, policy, command)


def of_build(session: Session, policy: AuditPolicy) -> KnownFaults:
    """Judge what the manifests of a build list, as ``of_paths`` does, by what the build knows: it reads none."""
    locked = os.path.lexists(session.plan.directory / search_path.LOCK)
    return _judged(_built(session), [session.plan.build_dir], policy, "build", locked=locked)


def _judged(
    manifests: Iterable[ShippedManifest | Unreadable],
    paths: Sequence[str | os.PathLike[str]],
    policy: AuditPolicy,
    command: str,
    *,
    locked: bool = False,
) -> KnownFaults:
    if any(ignored.until is not None for ignored in policy.ignore):
        from datetime import UTC, datetime

        policy = policy.on(datetime.now(UTC).date())
    report = judged(manifests, bundled(), policy, library=loads_here.installed())
    line = note(report, " ".join(["wasmbuild audit", *map(_shown, paths)]), locked=locked)
    fails = command in policy.enforce and report.severe
    return KnownFaults(f"{line} (fails by [audit] enforce)" if line and fails else line, fails)


def _built(session: Session) -> Iterator[ShippedManifest]:
    # Thousands of artifacts have few shapes, and each is judged once for a target.
    numbers: dict[bytes, int] = {}
    shapes: list[tuple[str, dict[str, Any] | None]] = []
    number_of: dict[str, int] = {}
    for module in session.plan.modules:
        shape = session.traits(module)
        number = number_of[module.name] = numbers.setdefault(marshal.dumps(shape, _WITHOUT_REFERENCES), len(numbers))
        if number == len(shapes):
            shapes.append(shape)
    for target, artifacts in session.listed():
        found = [number_of[artifact.module.name] for artifact in artifacts]
        yield ShippedManifest(
            str(session.manifest(target)),
            session.compiler(target).version,
            target.triple.text,
            target.engine.engine_table(),
            target.engine.isa_flags,
            tuple(
                [
                    ShippedArtifact(artifacts[found.index(number)].id, *shapes[number], count)
                    for number, count in Counter(found).items()
                ]
            ),
            target.runtime,
        )


def _shown(path: str | os.PathLike[str]) -> str:
    """Return a path as people type it into a shell, from the working directory, where it is below that."""
    path = os.fspath(path)
    if os.path.isabs(path):
        relative = os.path.relpath(path) if os.path.splitdrive(path)[0] == os.path.splitdrive(os.getcwd())[0] else path
        path = path if relative.startswith(os.pardir) else relative
    if path.isascii() and path.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum():
        return path
    import shlex

    return shlex.quote(path)
