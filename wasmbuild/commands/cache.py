"""``wasmbuild cache``: what is kept of artifacts that were compiled before, and how to be rid of it."""

from __future__ import annotations

import argparse
import os
import sys

from wasmbuild.builder.workspace import CONFIG
from wasmbuild.commands import options
from wasmbuild.errors import DONE, DiskError, UsageError
from wasmbuild.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.builder.cache.local import LocalCache

SCHEMA = "wasmbuild/cache/1"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(parser))
    stats = actions.add_parser("stats", help="say where the cache is and how much is in it")
    options.add_json(stats, "it")
    actions.add_parser("clear", help="remove all of it")
    prune = actions.add_parser(
        "prune",
        help="remove what was used longest ago and is beyond [cache] max-size, of the declaration here or else 5 GiB",
    )
    options.add_config(prune)


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.console import counted, human_size
    from wasmbuild.project.cache_policy import DEFAULT_BYTES

    limit = _declared_limit(arguments) if arguments.action == "prune" else DEFAULT_BYTES
    cache = _local(limit)
    try:
        if arguments.action == "stats":
            return _stats(cache, as_json=arguments.json)
        removed = cache.clear() if arguments.action == "clear" else cache.prune()
    except (OSError, RuntimeError) as error:
        where = getattr(error, "filename", None) or "the cache"
        problem = getattr(error, "strerror", None) or error
        raise DiskError(f"{where}: {problem}; mend that, or name another place with WASMBUILD_CACHE") from error
    print(f"{counted(removed.entries, 'artifact')} removed, {human_size(removed.bytes)}", file=sys.stderr)
    return DONE


def _stats(cache: LocalCache, *, as_json: bool) -> int:
    from wasmbuild.console import counted, human_size

    directory, usage, problem = cache.directory, cache.usage(), cache.problem()
    if as_json:
        import json

        document = {"schema": SCHEMA, "directory": str(directory), "problem": problem, **usage._asdict()}
        json.dump(document, sys.stdout, indent=2)
        print()
    else:
        print(f"{directory}: {counted(usage.entries, 'artifact')}, {human_size(usage.bytes)}")
        if problem is not None:
            print(f"not used: {problem}", file=sys.stderr)
    return DONE


def _local(limit: int) -> LocalCache:
    from wasmbuild.builder.cache.selection import OFF, VARIABLE, local

    cache = local(limit)
    if cache is None:
        raise UsageError(f"wasmbuild cache: {VARIABLE}={OFF} says that there is none; unset {VARIABLE}")
    return cache


def _declared_limit(arguments: argparse.Namespace) -> int:
    from wasmbuild.builder.workspace import Workspace
    from wasmbuild.project.cache_policy import DEFAULT_BYTES

    if not os.path.exists(arguments.config) and str(arguments.config) == CONFIG:
        return DEFAULT_BYTES
    return Workspace(arguments.config).project().cache.max_bytes
