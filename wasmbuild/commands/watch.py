"""``wasmbuild build --watch``: build, and verify what was built, whenever what is declared changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

from wasmbuild import boundary, files
from wasmbuild.errors import DONE, UsageError, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    import argparse

    from wasmbuild.builder.workspace import Planned, Workspace
    from wasmbuild.console.terminal import Console

Build = Callable[["Planned"], int]

# Clears the screen, and what was scrolled out of it; then the cursor goes to its upper left corner.
_CLEAR = "\033[2J\033[3J\033[H"
# How long nothing may happen before the files are looked at all the same: some file systems tell of no change.
_TIMEOUT_MS = 1000


class _Observed(NamedTuple):
    """What is declared, or what is wrong with that; ``state`` is another value when a file has changed."""

    planned: Planned | None
    error: WasmbuildError | None
    state: object


def run(arguments: argparse.Namespace, workspace: Workspace, build: Build) -> NoReturn:
    """Build at once, and again after every change, until a request to stop raises KeyboardInterrupt.

    Raises UsageError for what does not go with it, or where watchfiles is not installed.
    """
    from wasmbuild.console.terminal import Console

    for option in ("json", "stamp", "depfile"):
        if getattr(arguments, option):
            raise UsageError(
                f"wasmbuild build: --{option} is for a build that ends, and --watch does not; leave one out"
            )
    try:
        from watchfiles import watch
    except ImportError:
        raise UsageError(
            "wasmbuild build: --watch takes the package watchfiles; run: pip install 'wasmbuild[watch]'"
        ) from None
    console = Console(sys.stderr, quiet=arguments.quiet)
    while True:
        seen = _look(workspace)
        if sys.stderr.isatty():
            sys.stderr.write(_CLEAR)
        try:
            with boundary.as_wasmbuild_error():
                _round(seen, arguments, workspace, build, console)
        except WasmbuildError as error:
            console.write(error.message())
        again = _look(workspace)
        if again.state != seen.state:
            # It was edited meanwhile.
            continue
        console.say(console.dim("watching for changes; Ctrl-C ends"))
        folders = sorted({path for path in _folders(workspace, again) if os.path.isdir(path)})
        # What changed before it was watched, and after it was looked at just now, shows after the first time-out.
        for _ in watch(*folders, watch_filter=None, recursive=False, rust_timeout=_TIMEOUT_MS, yield_on_timeout=True):
            if _look(workspace).state != seen.state:
                break


def _round(
    seen: _Observed, arguments: argparse.Namespace, workspace: Workspace, build: Build, console: Console
) -> None:
    if seen.planned is None:
        if seen.error is not None:
            raise seen.error
        return
    # Of a part of the artifacts there may be no manifest.
    if build(seen.planned) == DONE and not arguments.selectors:
        from wasmbuild.console.verification_table import arguments_for, summary, tell
        from wasmbuild.verify import verify

        report = verify([seen.planned.plan.build_dir], targets=workspace.runners())
        if report.ok:
            console.say(summary(report))
        else:
            tell(report, console, arguments_for(seen.planned.plan.build_dir, workspace.config))


def _look(workspace: Workspace) -> _Observed:
    declaration = files.signature_of(workspace.config)
    try:
        with boundary.as_wasmbuild_error():
            planned = workspace.planned()
    except WasmbuildError as error:
        return _Observed(None, error, (declaration, str(error)))
    plan = planned.plan
    sources = [files.signature_of(module.source) for module in plan.modules]
    test_files = [files.signature_of(plan.directory / file) for file in plan.test_files()]
    return _Observed(planned, None, (declaration, sources, test_files, plan.globs))


def _folders(workspace: Workspace, seen: _Observed) -> Iterator[str]:
    yield str(workspace.directory)
    if seen.planned is not None:
        plan = seen.planned.plan
        yield from (str(module.source.parent) for module in plan.modules)
        yield from (os.path.normpath(plan.directory / folder) for folder in plan.folders)
