"""What Wasmtime's refusals mean to whoever loads an artifact."""

from __future__ import annotations

from wasmbuild.diagnosis import loading
from wasmbuild.diagnosis.cause import Cause
from wasmbuild.diagnosis.wording import one_line
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.runtime import errors, mismatches
from wasmbuild.runtime.engines import other_line
from wasmbuild.runtime.file_errors import said_by_host
from wasmbuild.shipment.errors import AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.runtime.errors import LoadError

_PREFIX = "failed deserialization for: "


def refusal(subject: str, message: str, *, declared: bool) -> LoadError:
    """Return the error for an artifact that Wasmtime refuses with these words; ``subject`` names the artifact.

    ``declared`` tells that the engine was made from the artifact's manifest, and not by the application.
    """
    if (by_host := said_by_host(subject, message)) is not None:
        return by_host
    if message.startswith(_PREFIX):
        # The path, which may be any text, is the subject's already.
        message = message.partition("Caused by:")[2]
    cause = loading.cause(message)
    if cause is None:
        return errors.RefusedError(f"{subject} is refused by Wasmtime: {one_line(message)}", "")
    by_name: dict[str, Callable[[str, str], LoadError]] = {
        loading.CPU_FEATURE: mismatches.missing_feature,
        loading.OTHER_LINE: other_line,
        loading.OTHER_ARCHITECTURE: mismatches.other_architecture,
        loading.OTHER_SYSTEM: mismatches.other_system,
    }
    if cause.word in by_name:
        return by_name[cause.word](subject, cause.names[0])
    differs = loading.difference(cause)
    if differs is not None:
        setting = differs.setting or differs.what
        return mismatches.other_setting(subject, setting, _differing(cause, differs), declared=declared)
    if cause.word == loading.CODE_FLAG:
        message = f"was compiled with a setting that no engine takes: {one_line(cause.said)}"
        return mismatches.other_setting(subject, cause.names[0], message, declared=declared)
    if cause.word in (loading.DAMAGED, loading.STANDARD):
        return errors.DamagedError(f"{subject} is damaged: Wasmtime says {one_line(message)}", AGAIN)
    return errors.RefusedError(f"{subject} is refused by Wasmtime: {one_line(message)}", "")


def _differing(cause: Cause, differs: loading.EngineDifference) -> str:
    """Return how an artifact and an engine differ, as the rest of a sentence."""
    if cause.word == loading.COLLECTOR:
        return f"was compiled for the {cause.names[0]} collector, and the engine has the {cause.names[1]} one"
    if cause.word == loading.NO_GC:
        return "was compiled with GC, and the engine has none"
    if cause.word == loading.NUMBER:
        return f"was compiled with a {differs.what} of {differs.artifact}, and the engine has {differs.engine}"
    if cause.word == loading.INLINING:
        return f"was compiled {cause.names[0]}, and the engine is configured {cause.names[1]}"
    if cause.word == loading.CODE_FLAG:
        return f"was compiled without {differs.what}, and the engine has it"
    has = "lacks" if cause.names[0] == "with" else "has"
    return f"was compiled {cause.names[0]} {differs.what}, and the engine {has} it"
