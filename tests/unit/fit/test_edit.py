from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.errors import UsageError
from wasmbuild.fit.edit import with_engine

FOUND: dict[str, bool | int | str] = {"embedder": "rust", "consume-fuel": True, "memory-guard-size": 65536}


def test_a_table_goes_in_front_of_the_targets() -> None:
    text = '[project]\nname = "p"\n\n# Where it runs.\n[targets.x]\ntriple = "t"\n'
    changed = with_engine(text, FOUND, "f")
    assert changed == (
        '[project]\nname = "p"\n\n[engine]\nembedder = "rust"\nconsume-fuel = true\nmemory-guard-size = 65536\n\n'
        '# Where it runs.\n[targets.x]\ntriple = "t"\n'
    )


def test_a_table_goes_to_the_end_without_targets() -> None:
    assert with_engine('[project]\nname = "p"', {"embedder": "rust"}, "f") == (
        '[project]\nname = "p"\n\n[engine]\nembedder = "rust"\n'
    )


def test_what_no_loader_sees_and_all_comments_stay() -> None:
    text = """\
# Ours.
[engine]    # what loads
# The program.
embedder = "c-api"          # for now
epoch-interruption = true
cranelift-opt-level = "speed_and_size"   # small
consume-fuel = true   # metered
cranelift-flags = { regalloc_algorithm = "single_pass" }

# Targets.
[targets.x]
triple = "t"
engine = { consume-fuel = false }
"""
    assert with_engine(text, FOUND, "f") == (
        """\
# Ours.
[engine]    # what loads
# The program.
embedder = "rust"
cranelift-opt-level = "speed_and_size"   # small
consume-fuel = true   # metered
cranelift-flags = { regalloc_algorithm = "single_pass" }
memory-guard-size = 65536

# Targets.
[targets.x]
triple = "t"
engine = { consume-fuel = false }
"""
    )


def test_lines_end_as_they_did() -> None:
    assert with_engine('[engine]\r\nembedder = "cli"\r\n', {"embedder": "rust"}, "f") == (
        '[engine]\r\nembedder = "rust"\r\n'
    )


def test_it_is_written_once() -> None:
    text = '[project]\nname = "p"\n[modules.m]\nsource = "m.wat"\n'
    once = with_engine(text, FOUND, "f")
    assert with_engine(once, FOUND, "f") == once


@pytest.mark.parametrize(
    "text",
    [
        'engine = { embedder = "c-api" }\n',
        'engine.embedder = "c-api"\n',
        '[engine]\nembedder = """\nc-api"""\n',
        'note = """\n[engine]\n"""\n[targets.x]\n',
    ],
)
def test_a_table_that_is_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_engine(text, FOUND, "deep/wasmbuild.toml")
    assert str(caught.value) == (
        "deep/wasmbuild.toml: its engine settings are not in a plain table [engine]; put these in by hand:\n"
        '    [engine]\n    embedder = "rust"\n    consume-fuel = true\n    memory-guard-size = 65536'
    )


def test_broken_toml_is_told() -> None:
    with pytest.raises(UsageError, match=r"^f: .*; correct the TOML there$"):
        with_engine("[engine\n", FOUND, "f")


LINES = st.sampled_from(
    [
        "", "# c", "[engine]", "[project]", '[targets."a b"]', "[modules.m]", "[engine.cranelift-flags]",
        'embedder = "cli"',
        "consume-fuel = false # why", "debug-info = true", 'name = "[engine]"', "cache = true", "memory-guard-size=1",
        'text = """', '"""', "list = [", "]", "epoch-interruption =\ttrue",
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=12))
def test_nothing_else_is_changed(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    try:
        changed = with_engine(text, FOUND, "f")
    except UsageError:
        return
    before, after = tomllib.loads(text), tomllib.loads(changed)
    old, new = before.pop("engine", {}), after.pop("engine")
    assert before == after
    kept = {name: value for name, value in old.items() if name in ("cache", "cranelift-flags", "name", "text", "list")}
    assert new == {**FOUND, **kept}
    assert [line for line in lines if line.startswith("#")] == [x for x in changed.splitlines() if x.startswith("#")]
