"""What may be declared of an engine, drawn by Hypothesis, and target triples of all kinds."""

from __future__ import annotations

from hypothesis import strategies as st

from wasmbuild.engine import lines, triples

SETTINGS = lines.get(48).settings
FLAGS = lines.get(48).flags
LINUX = triples.parse("x86_64-unknown-linux-gnu")
MACOS = triples.parse("x86_64-apple-darwin")
ARM = triples.parse("aarch64-unknown-linux-gnu")
WINDOWS = triples.parse("x86_64-pc-windows-msvc")
RISCV = triples.parse("riscv64gc-unknown-linux-gnu")
PULLEY = triples.parse("pulley64")
PULLEY32 = triples.parse("pulley32")
targets = st.sampled_from([LINUX, MACOS, ARM, WINDOWS, RISCV, PULLEY, PULLEY32])
lines_of_wasmtime = st.sampled_from(lines.known())


def _sound(default: object, choices: tuple[str, ...], low: int, high: int) -> st.SearchStrategy[object]:
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(low, high)
    return st.sampled_from(choices)


declarations = st.fixed_dictionaries(
    {},
    optional={
        **{name: _sound(s.default, s.choices, s.low, s.high) for name, s in SETTINGS.items()},
        "embedder": st.sampled_from(list(lines.get(48).embedders)),
        "cranelift-flags": st.fixed_dictionaries(
            {}, optional={name: _sound(f.default, f.choices, f.low, f.high) for name, f in FLAGS.items()}
        ),
    },
)
