"""Write generated/model.wat: a forest of decision trees as code, the way models are compiled to WebAssembly."""

from __future__ import annotations

import random
from pathlib import Path

FEATURES = 8
_TREES = 400
_DEPTH = 6


def _tree(chosen: random.Random, depth: int) -> str:
    if not depth:
        return f"(f64.const {chosen.uniform(-1, 1):.6f})"
    feature, limit = chosen.randrange(FEATURES), chosen.uniform(0, 1)
    below, above = _tree(chosen, depth - 1), _tree(chosen, depth - 1)
    value = f"(f64.load (i32.const {8 * feature}))"
    return f"(if (result f64) (f64.lt {value} (f64.const {limit:.6f})) (then {below}) (else {above}))"


def text() -> str:
    """Return the module: ``score`` reads the features from the start of memory."""
    chosen = random.Random(48)  # noqa: S311 -- the same model every time
    trees = [f"(func $tree{number} (result f64) {_tree(chosen, _DEPTH)})" for number in range(_TREES)]
    total = "(f64.const 0)"
    for number in range(_TREES):
        total = f"(f64.add {total} (call $tree{number}))"
    score = f'(func (export "score") (result f64) {total})'
    return "\n".join(["(module", '(memory (export "memory") 1)', *trees, score, ")"])


if __name__ == "__main__":
    path = Path(__file__).with_name("generated") / "model.wat"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text(), encoding="utf-8")
    print(f"{path}: {_TREES} trees of depth {_DEPTH}")
