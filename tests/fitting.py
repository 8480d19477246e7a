"""The command ``fit`` with a program whose engine is told in its arguments."""

from __future__ import annotations

import sys
import tomllib
from typing import Any

from support import Project

# Loads the artifact with an engine whose settings it is told, as a user's program has its own.
LOADER = """
import sys
import wasmtime
config = wasmtime.Config()
for setting in sys.argv[2:]:
    name, value = setting.split("=")
    if name.startswith("wasmtime_"):
        getattr(wasmtime._bindings, name)(config.ptr(), int(value))
    else:
        setattr(config, name, int(value) if value.isdecimal() else value == "True")
try:
    module = wasmtime.Module.deserialize_file(wasmtime.Engine(config), sys.argv[1])
except wasmtime.WasmtimeError as error:
    sys.exit(f"loader: {error}")
print("ready")
"""


def loader(project: Project, *settings: str) -> list[str]:
    project.write("loader.py", LOADER)
    return [sys.executable, "loader.py", "{}", *settings]


def fit(project: Project, command: list[str], *options: str) -> dict[str, Any]:
    """Return the table that is found."""
    engine: dict[str, Any] = tomllib.loads(project.run("fit", *options, "--", *command).stdout)["engine"]
    return engine


def refusal(project: Project, *command: str, options: tuple[str, ...] = (), status: int = 1) -> str:
    done = project.run("fit", *options, "--", *command, status=status)
    assert done.stdout == ""
    return done.stderr
