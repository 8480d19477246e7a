"""``wasmbuild verify``: prove what manifests say, wherever they are; no wasmbuild.toml is read."""

from __future__ import annotations

import argparse
import sys

from wasmbuild.commands import options
from wasmbuild.formats.schemas import LEVELS


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="MANIFEST|DIR", nargs="+", help="manifests, indexes, or directories with them")
    parser.add_argument("--level", choices=LEVELS, help="try and demand no more than this level")
    parser.add_argument("--index-sha256", metavar="HEX", help="the digest that the index must have")
    parser.add_argument("-q", "--quiet", action="store_true", help="show what failed only")
    options.add_json(parser, "the report")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.console import Console
    from wasmbuild.verdicts import tell
    from wasmbuild.verify import verify

    report = verify(arguments.paths, level=arguments.level, index_sha256=arguments.index_sha256)
    if arguments.json:
        sys.stdout.write(report.to_json())
    else:
        tell(report, Console(sys.stdout, quiet=arguments.quiet))
    return report.exit_code
