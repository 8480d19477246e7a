"""``wasmbuild plan --ninja``: the commands that edges run, and the file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from wasmbuild.builder import output
from wasmbuild.builder.inputs import of_declaration, source_of
from wasmbuild.commands import options, placing
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.plan.ninja import Commands, to_ninja, value
from wasmbuild.project.globs import normal

if TYPE_CHECKING:
    import argparse

    from wasmbuild.plan.graph import Plan


def write(arguments: argparse.Namespace, plan: Plan) -> None:
    """Write the file to where it was asked for, if it is not there already. Raises UsageError, DiskError."""
    file: Path | None = arguments.output
    sources = dict(arguments.source)
    build_dir = arguments.build_dir or Path(plan.path).parent / plan.build_dir_text
    placing.check_outputs("plan", [("-o", file), ("--depfile", arguments.depfile)], arguments, plan)
    text = to_ninja(
        plan,
        _commands(arguments, file),
        file=None if file is None else normal(file),
        declaration=normal(arguments.config),
        build_dir=normal(build_dir),
        source=lambda module: normal(source_of(plan, module, sources)),
    )
    data = os.fsencode(text)
    if file is None:
        sys.stdout.write(text)
        return
    if arguments.depfile is not None:
        output.write(arguments.depfile, options.depfile(arguments, file, of_declaration(plan)))
    if not (os.path.isfile(file) and file.read_bytes() == data):
        output.write(file, data)


def _commands(arguments: argparse.Namespace, file: Path | None) -> Commands:
    program = _program()
    # Names may begin with a dash, and Ninja takes a `./` before them away.
    config = f"--config={arguments.config}"
    placed = [f"--source={name}={path}" for name, path in arguments.source]
    for option in ("build_dir", "state_dir"):
        path = getattr(arguments, option)
        placed += [] if path is None else [f"--{option.replace('_', '-')}={path}"]
    placed += [f"--target={glob}" for glob in arguments.target]
    placed += [] if arguments.program is None else [f"--for={arguments.program.text}"]
    step = "--module=$module --target=$target --output=$out --record=$out.json --depfile=$out.d --restat -- $in"
    again = None if file is None else [*program, "plan", "--ninja", config, *placed]
    return Commands(
        compile=f"{_line([*program, 'compile', config])} {step}",
        manifest=_line([*program, "manifest", config, *placed, "--restat"]),
        plan=None if again is None else f"{_line(again)} --output=$out --depfile=$out.d",
    )


def _program() -> list[str]:
    """Return how to run this command again: by its name where that leads to the one that runs now."""
    found = shutil.which("wasmbuild")
    if found is not None and os.path.exists(sys.argv[0]) and os.path.samefile(found, sys.argv[0]):
        return ["wasmbuild"]
    # What pip's script runs, which takes a tenth less than `-m`: each edge starts it.
    return [sys.executable, "-P", "-c", "from wasmbuild.__main__ import run; run()"]


def _line(command: list[str]) -> str:
    return value(subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command))
