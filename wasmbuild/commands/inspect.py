"""``wasmbuild inspect``: what files say of themselves, and what differs between two of them. Nothing is loaded."""

from __future__ import annotations

import sys

from wasmbuild.commands import options
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=options.named,
        help="artifacts, WebAssembly, or whatever you wonder about; of two files it also says what differs",
    )
    parser.add_argument("--diff", action="store_true", help="of two files, show only what differs")
    options.add_json(parser, "what was found")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.console.terminal import Console
    from wasmbuild.inspection import compare, inspect
    from wasmbuild.inspection.report import to_json
    from wasmbuild.inspection.text import tell, tell_comparison

    if arguments.diff and len(arguments.files) != 2:
        raise UsageError("wasmbuild inspect: --diff compares two files; name two")
    descriptions = inspect(arguments.files)
    comparison = None
    if len(descriptions) == 2 and not any(description.error for description in descriptions):
        comparison = compare(*descriptions)
    if arguments.json:
        sys.stdout.write(to_json(descriptions, comparison))
    else:
        console = Console(sys.stdout)
        for number, description in enumerate(descriptions):
            if description.error:
                print(f"error: {description.error}", file=sys.stderr)
            elif not arguments.diff:
                if number:
                    console.write("")
                tell(description, console)
        if comparison is not None:
            if not arguments.diff:
                console.write("")
            tell_comparison(descriptions[0], descriptions[1], comparison, console)
    return max(description.exit_code for description in descriptions)
