"""A program that runs every plugin that it finds, each in a sandbox with a bounded amount of fuel."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Final

import wasmtime

from wasmbuild import runtime

HERE = Path(__file__).parent
FUEL = 1_000_000
# A plugin that nobody built for this machine, or for this line of Wasmtime, is compiled here.
FALLBACK: Final = ("pulley", "compile")


def log(value: int) -> None:
    print(f"  a plugin says {value}")


def run(plugin: runtime.Loaded, value: int) -> int:
    """Call a plugin in a store of its own. Raises LoadError for what it imports, and Trap when it runs out of fuel."""
    store = wasmtime.Store(plugin.engine)
    store.set_fuel(FUEL)
    linker = wasmtime.Linker(plugin.engine)
    linker.define_func("host", "log", wasmtime.FuncType([wasmtime.ValType.i64()], []), log)
    instance = runtime.instantiate(plugin, linker, store)
    function = instance.exports(store)["run"]
    if not isinstance(function, wasmtime.Func):
        raise TypeError(f"{plugin} exports run, but not as a function")
    return int(function(store, value))


def main(build: Path, value: int, targets: list[str]) -> int:
    """Run all plugins and return the exit code."""
    try:
        names = runtime.modules(build, fallback=FALLBACK)
    except runtime.LoadError as error:
        print(error, file=sys.stderr)
        return 1
    for name in names:
        try:
            plugin = runtime.load(build, name, targets=targets, fallback=FALLBACK)
            how = plugin.target if plugin.precompiled else f"the source of {plugin.target}"
            print(f"{name} ({how}): {run(plugin, value)}")
        except runtime.LoadError as error:
            # One plugin that does not fit is no reason to be without the others.
            print(f"{name}: left out: {error}")
        except wasmtime.Trap as error:
            print(f"{name}: stopped: {error.trap_code.name if error.trap_code else error}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("value", type=int, nargs="?", default=27)
    parser.add_argument("--build", type=Path, default=HERE / "build", help="directory that wasmbuild made")
    parser.add_argument("--targets", nargs="+", default=["*"], help="globs over targets, for example portable")
    parser.add_argument("--verbose", action="store_true", help="show what was chosen, and why")
    options = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.ERROR, format="  %(message)s")
    sys.exit(main(options.build, options.value, options.targets))
