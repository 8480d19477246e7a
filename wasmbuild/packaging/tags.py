"""The platform tags of wheels, for targets (PEP 425, PEP 600 for manylinux, PEP 656 for musllinux)."""

from __future__ import annotations

from collections.abc import Iterable

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.project.declared import Target

# An artifact calls nothing of a system's library: the oldest tags that installers know for a machine are right. gnu and
# musl are alike to Wasmtime's loader.
_LINUX = ("x86_64", "aarch64", "riscv64", "s390x")
_OTHERS = {
    ("windows", "x86_64"): "win_amd64",
    ("windows", "aarch64"): "win_arm64",
    ("darwin", "x86_64"): "macosx_10_12_x86_64",
    ("darwin", "aarch64"): "macosx_11_0_arm64",
}


def of_targets(targets: Iterable[Target]) -> str:
    """Return the platform tag of a wheel with artifacts for these targets; those for Pulley go with any.

    Raises UsageError where they are for several platforms, or for none that has a tag.
    """
    found: dict[str, str] = {}
    for target in targets:
        if not target.triple.is_pulley:
            found.setdefault(_tag(target), target.name)
    if len(found) == 1:
        return next(iter(found))
    if not found:
        raise UsageError(
            "platform-wheel = true: all targets are for Pulley, which runs anywhere; leave it out, and the wheel is too"
        )
    names = ", ".join(found.values())
    raise UsageError(
        f"platform-wheel = true: {names} are for several platforms, and a wheel is for one; name the targets of one, "
        f"for example with WASMBUILD_TARGETS={next(iter(found.values()))}, and build once for each"
    )


def with_other_code(whose: str) -> UsageError:
    """Return what is told of a platform wheel with native code besides its artifacts: ``whose`` tells of it.

    The tags of artifacts promise any Python and any libc of Linux, which holds for nothing that calls these.
    """
    return UsageError(
        f"platform-wheel = true: the tag would be that of artifacts alone, and {whose} another; leave it out, and the "
        f"wheel has that one; targets, or WASMBUILD_TARGETS, names the artifacts that go with it"
    )


def _tag(target: Target) -> str:
    os = "darwin" if target.triple.os in ("macos", "macosx") else target.triple.os
    machine = target.triple.architecture
    if os == "linux" and machine in _LINUX:
        return f"manylinux_2_17_{machine}.musllinux_1_1_{machine}"
    tag = _OTHERS.get((os, machine))
    if tag is None:
        raise UsageError(
            f"platform-wheel = true: no platform tag is for {target.name} ({target.triple.text}); leave it out of "
            f"targets, or leave out platform-wheel"
        )
    return tag
