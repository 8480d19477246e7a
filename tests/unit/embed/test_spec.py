from __future__ import annotations

from collections.abc import Callable

import pytest
from engines import engine
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.embed.spec import ApplicationPlatform, ProbeArtifact, TargetEngine, platforms, together
from wasmbuild.errors import UsageError

Make = Callable[..., TargetEngine]


def test_targets_of_one_platform_are_one(machine: Make) -> None:
    found = platforms(
        [
            machine("x64", "x86_64-unknown-linux-gnu", {"has_sse3": True, "has_avx": True}),
            machine("arm", "aarch64-unknown-linux-musl", {"has_lse": True}),
            machine("x64-v2", "x86_64-unknown-linux-musl", {"has_sse3": True}),
            machine("phone", "aarch64-linux-android"),
            machine("mac", "aarch64-apple-darwin"),
        ]
    )
    assert [platform.targets for platform in found] == [("x64", "x64-v2"), ("arm",), ("phone",), ("mac",)]
    # Flags that not all targets of a platform have would be asked of machines that need not have them.
    assert [dict(platform.engine.isa_flags) for platform in found] == [{"has_sse3": True}, {"has_lse": True}, {}, {}]


def test_pulley_needs_an_engine_of_its_own(machine: Make) -> None:
    native = machine("x64", "x86_64-unknown-linux-gnu")
    portable = machine("portable", "pulley64")
    assert together([portable, native], "f") == ([native], ["portable"])
    assert together([portable], "f") == ([portable], [])


def test_targets_that_differ_are_refused(machine: Make) -> None:
    one = machine("x64", "x86_64-unknown-linux-gnu", consume_fuel=True)
    other = machine("arm", "aarch64-unknown-linux-gnu", memory_guard_size=65536)
    with pytest.raises(UsageError) as caught:
        together([one, other], "wasmbuild.toml")
    assert str(caught.value) == (
        "wasmbuild.toml: the targets x64 and arm differ in consume-fuel, memory-guard-size, so that no engine serves "
        "both; generate a file for each, with --target x64 and --target arm"
    )


def test_what_no_loader_sees_may_differ(machine: Make) -> None:
    one = machine("x64", "x86_64-unknown-linux-gnu", cranelift_opt_level="none", embedder="c-api")
    other = machine("arm", "aarch64-unknown-linux-gnu", cranelift_flags={"regalloc_algorithm": "single_pass"})
    assert together([one, other], "f") == ([one, other], [])


BYTES = st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 100).map(bytes)), max_size=12).map(b"".join)


@given(BYTES)
def test_parts_are_all_but_zeros(artifact: bytes) -> None:
    platform = ApplicationPlatform(engine(triple="pulley64"), ("t",))
    parts = ProbeArtifact(platform, artifact).parts()
    again = bytearray(len(artifact))
    for offset, data in parts:
        again[offset : offset + len(data)] = data
        assert data
        assert bytes(16) not in data
    assert again == artifact
