"""Make ``NN.json`` of every ``NN.toml`` here, and list them in ``known.json``: ``python -m wasmbuild.engine.lines``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import tomli

from wasmbuild.lean.typing import Any

HERE = Path(__file__).parent


def as_json(path: Path) -> str:
    """Return the JSON of a line's TOML, what it has of its base included, in the order of the TOML."""
    return json.dumps(_document(path), indent=1) + "\n"


def write(directory: Path) -> None:
    """Make the JSON of all lines of a directory."""
    paths = list(directory.glob("*.toml"))
    for path in paths:
        path.with_suffix(".json").write_text(as_json(path), encoding="utf-8", newline="\n")
    numbers = sorted(int(path.stem) for path in paths)
    (directory / "known.json").write_text(f"{numbers}\n", encoding="utf-8", newline="\n")


def _document(path: Path) -> dict[str, Any]:
    own = tomli.loads(path.read_text(encoding="utf-8"))
    base = own.pop("base", None)
    return own if base is None else _over(_document(path.with_name(f"{base}.toml")), own)


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        was = merged.get(key)
        if value is False and isinstance(was, dict | list | str):
            del merged[key]
        else:
            merged[key] = _over(was, value) if isinstance(was, dict) and isinstance(value, dict) else value
    return merged


if __name__ == "__main__":
    write(HERE)
