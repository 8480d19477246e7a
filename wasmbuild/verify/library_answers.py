"""What the child that loads with the library answers, or dies of, and what that says of each artifact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wasmbuild.errors import ChildError
from wasmbuild.toolchain import python
from wasmbuild.toolchain.endings import is_from_outside, is_late
from wasmbuild.toolchain.limits import binding
from wasmbuild.toolchain.process import format_bytes
from wasmbuild.toolchain.replies import Reply
from wasmbuild.toolchain.worker import ChildExit
from wasmbuild.verify import interface
from wasmbuild.verify.host_errors import is_of_the_path, ran_out_of_memory, unverified
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.loading import Load, LoadingSite, crash, refusal
from wasmbuild.verify.outcomes import Broken, Obstacle, Unverified
from wasmbuild.verify.tested import CaseResult


def obstacles(
    loads: Sequence[Load], outcome: Reply | ChildExit, memory: int | None, site: LoadingSite
) -> list[Obstacle | None] | None:
    """Return what is wrong with each artifact of a request; None where there is no answer to tell it by.

    ``memory`` is the limit of the child in bytes.
    """
    if isinstance(outcome, Reply):
        body = outcome.body
        loaded = [body] * len(loads) if "error" in body else body.get("loaded")
        if isinstance(loaded, list) and len(loaded) == len(loads):
            return [_obstacle(load, described, memory, site) for load, described in zip(loads, loaded, strict=True)]
    if len(loads) != 1:  # without any: whatever is wrong with the engine comes again with the first load
        return None
    [load] = loads
    if isinstance(outcome, Reply):
        return [_nonsense(load)]
    return [crash(load.artifact, outcome.reason, outcome.stderr, memory, is_own=is_own(outcome))]


def _obstacle(load: Load, described: object, memory: int | None, site: LoadingSite) -> Obstacle | None:
    if not isinstance(described, dict):
        return _nonsense(load)
    if "error" in described:
        return refusal(load.artifact, str(described["error"]), memory, site)
    imports, exports = described.get("imports"), described.get("exports")
    if not interface.are_rows(imports, 4) or not interface.are_rows(exports, 3):
        return _nonsense(load)
    problem = interface.difference(load.artifact, imports, exports)
    return Broken(f"{load.artifact.path}: {problem}; {BY_HAND}") if problem else None


def _nonsense(load: Load) -> Broken:
    # The child is healthy until it loads something that is not.
    return Broken(f"{load.artifact.path} makes the process that loads it answer with nonsense; {AGAIN}")


def is_own(ended: ChildExit) -> bool:
    """Tell whether a process did not die of an artifact: Python told of an exception, or something killed it."""
    return (ended.status == python.EXCEPTION or is_from_outside(ended.status)) and not is_late(ended.reason)


def may_be_of_another(outcome: Reply | ChildExit, site: LoadingSite, *, alone: bool) -> bool:
    """Tell whether something else than an artifact, ``alone`` in its process, may be the cause of an outcome."""
    if not alone and is_exhausted(outcome, site):
        return True
    if not isinstance(outcome, ChildExit):
        return False
    # An exception comes again.
    own = (is_own(outcome) and not is_from_outside(outcome.status)) or is_late(outcome.reason)
    return not own and (not alone or is_from_outside(outcome.status))


def may_be_of_earlier(outcome: Reply | ChildExit, result: CaseResult, site: LoadingSite) -> bool:
    """Tell whether what the process did before a test may be the cause of its outcome, and of the ``result``.

    In an emulator that has no memory left a growth of memory gives -1, and a program goes on with that: there whatever
    is wrong may come of it, except where the process ended for a reason of its own.
    """
    if is_exhausted(outcome, site):
        return True
    own = isinstance(outcome, ChildExit) and is_own(outcome)
    return site.is_runner and bool(result.problem) and result.lacks is None and not own


def is_exhausted(outcome: Reply | ChildExit, site: LoadingSite) -> bool:
    """Tell whether a process lacked memory, some of which may have gone to what it did before.

    An emulator keeps memory for each range of addresses that was ever reserved, and qemu computes for ever where it
    gets no more: what is late through a runner may be so for that.
    """
    if isinstance(outcome, ChildExit):
        late = site.is_runner and is_late(outcome.reason)
        return late or ran_out_of_memory(outcome.stderr)
    return any(ran_out_of_memory(text) for text in _refusals(outcome))


def _refusals(reply: Reply) -> Iterator[str]:
    described = reply.body.get("loaded")
    for one in [reply.body, *described] if isinstance(described, list) else [reply.body]:
        if isinstance(one, dict):
            yield from (str(one[key]) for key in ("error", "failed") if key in one)


def not_started(error: ChildError, memory: int | None, site: LoadingSite) -> Obstacle:
    """Return what keeps all artifacts from being loaded by a child that cannot be started.

    ``memory`` is what the child may allocate, in bytes.
    """
    if is_of_the_host(error):
        return unverified("was not loaded", error)
    if site.is_runner:
        return site.cannot(*start_failure(error, site))
    limit = binding(memory)
    if limit.memory is None or limit.memory >= python.TO_START:
        return unverified("was not loaded", error)
    why, _ = start_failure(error, site)
    more = f"{'allow it' if limit.is_ours else 'raise the limit (ulimit -v): it takes'} more memory than"
    return Unverified(f"was not loaded: {why}; {more} {format_bytes(limit.memory)}")


def is_of_the_host(error: ChildError) -> bool:
    """Tell whether a child could not be started for want of something that has nothing to do with its program."""
    return isinstance(error.__cause__, OSError) and not is_of_the_path(error.__cause__)


def start_failure(error: ChildError, site: LoadingSite) -> tuple[str, str]:
    """Return why a runner's child could not be started, and what to do."""
    first, *rest = str(error).splitlines()
    last = rest[-1].strip() if rest else ""
    why = f"{first} ({last})" if last else first
    if "No module named 'wasmtime'" in last:
        return why, "install the package wasmtime for its python, or name an executable as its wasmtime"
    return why, site.correction()
