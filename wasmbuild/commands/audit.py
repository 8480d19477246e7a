"""``wasmbuild audit``: whether artifacts have a known fault of the compiler that made them, told by manifests alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options
from wasmbuild.errors import DeclarationError, FormatError, Mistake, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.audit_policy import AuditPolicy, today
from wasmbuild.project.filenames import CONFIG
from wasmbuild.toolchain import loads_here

if TYPE_CHECKING:
    import argparse
    from datetime import date

    from wasmbuild.audit.database import Database
    from wasmbuild.audit.report import AuditReport
    from wasmbuild.project.declared import Project


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="DIR|MANIFEST|INDEX",
        nargs="*",
        type=options.named,
        help="manifests, indexes, or directories with them (default: the build directory of the declaration)",
    )
    parser.add_argument(
        "--runtime",
        metavar="VERSION",
        action="append",
        default=[],
        help="the version of Wasmtime that loads the artifacts of its line, such as 48.0.0, whatever was declared; may "
        "be given for each line",
    )
    parser.add_argument(
        "--db",
        metavar="DIR",
        type=options.directory,
        help="take the records from there (default: those of this wasmbuild)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=options.file,
        help=f"a declaration whose [audit] applies (default: {CONFIG} of the working directory, where there is one)",
    )
    options.add_json(parser, "the report")
    parser.add_argument("--sarif", action="store_true", help="write the report to stdout as SARIF 2.1.0")


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.audit.report import audit

    if arguments.json and arguments.sarif:
        raise UsageError("wasmbuild audit: --json and --sarif are two forms of one report; ask for one of them")
    project = _project(arguments.config, needed=not arguments.paths)
    if project is not None:
        _check_dates(project, today())
    policy = project.audit if project is not None else AuditPolicy()
    paths = arguments.paths or ([_as_named(project)] if project is not None else [])
    report = audit(paths, _database(arguments.db), policy, _runtimes(arguments.runtime), library=loads_here.installed())
    _check_runtimes(arguments.runtime, report)
    _tell(report, arguments, project)
    return report.exit_code


def _tell(report: AuditReport, arguments: argparse.Namespace, project: Project | None) -> None:
    if arguments.sarif:
        from wasmbuild.audit.sarif import to_sarif

        sys.stdout.write(to_sarif(report))
    elif arguments.json:
        sys.stdout.write(report.to_json(today()))
    else:
        from wasmbuild.audit.text import story

        sys.stdout.write("\n".join(story(report, today(), project)) + "\n")


def _project(config: Path | None, *, needed: bool) -> Project | None:
    if config is None and not needed and not os.path.isfile(CONFIG):
        return None
    return Workspace(config or Path(CONFIG)).project()


def _as_named(project: Project) -> str:
    """Return the build directory as people write it, from the working directory, where it is below that."""
    try:
        return str(project.build_dir.relative_to(Path.cwd()))
    except ValueError:
        return str(project.build_dir)


def _check_dates(project: Project, on: date) -> None:
    """Raise DeclarationError where a fault was to be let pass until a day that is over."""
    mistakes = [
        Mistake(
            project.file,
            f"audit.ignore[{index}].until",
            f"{ignore.until} is over, and {ignore.id} is not let pass any more",
            "mend what is affected, or look at it again and write a later date",
        )
        for index, ignore in enumerate(project.audit.ignore)
        if ignore.until is not None and ignore.until < on
    ]
    if mistakes:
        raise DeclarationError(mistakes)


def _database(directory: Path | None) -> Database:
    from wasmbuild.audit.database import bundled, load

    if directory is None:
        return bundled()
    try:
        return load(directory)
    except FormatError as error:
        raise UsageError(f"wasmbuild audit: --db: {error}") from None


def _runtimes(texts: list[str]) -> list[str]:
    from wasmbuild.audit.versions import parse

    lines: dict[str, str] = {}
    for text in texts:
        version = parse(text)
        if version is None or text.count(".") < 2:
            raise UsageError(f"wasmbuild audit: --runtime {text!r} is no version; write one such as 48.0.0")
        other = lines.setdefault(version.line, text)
        if other != text:
            raise UsageError(
                f"wasmbuild audit: --runtime {other} and {text} are of one line; give one, and audit twice"
            )
    return texts


def _check_runtimes(texts: list[str], report: AuditReport) -> None:
    """Raise UsageError for a version that loads nothing of what was audited: it was meant to change something."""
    from wasmbuild.audit.versions import parse
    from wasmbuild.engine.lines import own_release_only

    compilers = [version for version in map(parse, report.compilers) if version is not None]
    lines = {version.line for version in compilers}
    for text in texts:
        version = parse(text)
        if version is None or not lines:
            continue
        if version.line not in lines:
            of = ", ".join(sorted(lines))
            raise UsageError(f"wasmbuild audit: --runtime {text} loads none of these artifacts, which are of line {of}")
        if own_release_only(version.major) and version not in compilers:
            by = ", ".join(sorted(str(one) for one in compilers if one.line == version.line))
            raise UsageError(
                f"wasmbuild audit: --runtime {text} loads none of these artifacts, which {by} compiled: a release of "
                f"that line loads what it compiled itself and nothing else"
            )
