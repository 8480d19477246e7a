"""``wasmbuild cache``: what is kept of artifacts that were compiled before, and how to be rid of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wasmbuild.builder.cache.selection import OFF, VARIABLE, local
from wasmbuild.commands import options
from wasmbuild.commands.cache_schema import SCHEMA
from wasmbuild.errors import DONE, DiskError, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project.cache_policy import DEFAULT_SIZE, CachePolicy
from wasmbuild.project.filenames import CONFIG
from wasmbuild.text import escaped

if TYPE_CHECKING:
    import argparse

    from wasmbuild.builder.cache.local import LocalCache


_OFF = f"{VARIABLE}={OFF}"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    stats = actions.add_parser("stats", help="say where the cache is, how much is in it, and which remote one is used")
    options.add_json(stats, "it")
    options.add_config(stats)
    actions.add_parser("clear", help="remove all of it")
    prune = actions.add_parser(
        "prune",
        help="remove what was used longest ago and is beyond [cache] max-size, of the declaration here or else "
        f"{DEFAULT_SIZE}",
    )
    options.add_config(prune)
    keygen = actions.add_parser(
        "keygen", help="make a key to sign what is pushed: write the private one to FILE, and print the public one"
    )
    keygen.add_argument("file", metavar="FILE", type=options.file, help="a file that is not there yet; keep it secret")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.console.figures import counted, human_size

    if arguments.action == "keygen":
        return _keygen(arguments.file)
    policy = CachePolicy() if arguments.action == "clear" else _declared(arguments)
    cache = local(policy.max_bytes)
    if arguments.action == "stats":
        return _stats(cache, policy, as_json=arguments.json)
    if cache is None:
        raise UsageError(f"wasmbuild cache {arguments.action}: {_OFF} says that there is none; unset {VARIABLE}")
    with _as_disk_error():
        removed = cache.clear() if arguments.action == "clear" else cache.prune()
    print(f"{counted(removed.entries, 'artifact')} removed, {human_size(removed.bytes)}", file=sys.stderr)
    return DONE


@contextmanager
def _as_disk_error() -> Iterator[None]:
    """Turn what the cache's directory makes impossible into the error that says so."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        where = getattr(error, "filename", None) or "the cache"
        problem = getattr(error, "strerror", None) or error
        raise DiskError(f"{where}: {problem}; mend that, or name another place with WASMBUILD_CACHE") from error


def _stats(cache: LocalCache | None, policy: CachePolicy, *, as_json: bool) -> int:
    from wasmbuild.builder.cache.answers import CacheProblem
    from wasmbuild.builder.cache.local import Usage
    from wasmbuild.console.figures import counted, human_size

    directory, usage = None, Usage(0, 0)
    problem: CacheProblem | None = CacheProblem(f"{_OFF} in the environment")
    if cache is not None:
        problem = cache.problem()
        # Of one that is not used, as that is told, what can be read is told too.
        with _as_disk_error() if problem is None else suppress(OSError, RuntimeError):
            directory, usage = cache.directory, cache.usage()
        problem = cache.problem()
    if not policy.enabled:
        problem = CacheProblem("[cache] enabled = false")
    remote = _remote(policy)
    if as_json:
        document = {
            "schema": SCHEMA,
            "directory": directory and str(directory),
            "problem": problem and problem.why,
            **usage._asdict(),
            "max_bytes": policy.max_bytes,
            "remote": remote,
        }
        options.print_json(document)
        return DONE
    if directory is not None:
        print(f"{escaped(str(directory))}: {counted(usage.entries, 'artifact')}, {human_size(usage.bytes)}")
    if problem is not None:
        print(problem.told(), file=sys.stderr)
    if remote is not None:
        trusted = f"what {counted(len(policy.keys), 'key')} signed" if policy.keys else "whoever can write there"
        written = "; what is compiled is pushed" if policy.push else ""
        print(f"{remote['address']}: believes {trusted}, delays a build by at most {policy.timeout} s{written}")
    return DONE


def _remote(policy: CachePolicy) -> dict[str, Any] | None:
    """Return what is declared of a remote cache, without credentials; nothing connects to it."""
    from wasmbuild.project.cache_policy import shown_address

    if policy.remote is None or not policy.enabled:
        return None
    return {
        "address": shown_address(policy.remote),
        "push": policy.push,
        "timeout": policy.timeout,
        "keys": list(policy.keys),
    }


def _keygen(path: Path) -> int:
    try:
        from wasmbuild.builder.cache import signing
    except ImportError as error:
        raise UsageError(
            f"wasmbuild cache keygen: needs the extra remote, of which {error.name} is not installed: "
            "pip install 'wasmbuild[remote]'"
        ) from None
    print(signing.make(path))
    return DONE


def _declared(arguments: argparse.Namespace) -> CachePolicy:
    """Return what the declaration here says, the defaults where there is none."""
    from wasmbuild.builder.workspace import Workspace

    if not os.path.exists(arguments.config) and str(arguments.config) == CONFIG:
        return CachePolicy()
    return Workspace(arguments.config).project().cache
