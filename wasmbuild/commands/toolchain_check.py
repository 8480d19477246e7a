"""``wasmbuild toolchain check``: whether the compiler compiles for every target, and what is known of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from wasmbuild.audit.database import LAYOUT, Advisory, bundled
from wasmbuild.audit.judge import AFFECTED, AuditedTarget, Judge
from wasmbuild.commands import options
from wasmbuild.console.figures import counted
from wasmbuild.errors import DONE, FAILED, ToolchainError
from wasmbuild.formats import wasm_traits
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import checking
from wasmbuild.toolchain.checking import CheckedTarget
from wasmbuild.toolchain.executable_copy import lasting
from wasmbuild.toolchain.find import EMBEDDED, FoundCompiler, library

if TYPE_CHECKING:
    from wasmbuild.project.declared import Project, Target
    from wasmbuild.toolchain.embedded import Embedded
    from wasmbuild.toolchain.toolchain import Toolchain

SCHEMA = "wasmbuild/toolchain-check/1"


class _TargetRow(NamedTuple):
    """A target and what came of it; ``note`` is for people, ``works`` decides the exit code."""

    target: Target
    works: bool
    note: str
    checked: CheckedTarget


class _Checked(NamedTuple):
    """What came of the targets of one line, and the faults that are known of its compiler for them."""

    compiler: FoundCompiler
    rows: list[_TargetRow]
    known: list[Advisory]


def run(project: Project, toolchain: Toolchain, *, as_json: bool) -> int:
    """Check every target of a declaration; tell on stdout, and return the exit code."""
    with ExitStack() as stack:
        stack.callback(toolchain.close)
        checked = [_line(line, compiler, project, toolchain) for line, compiler in toolchain.compilers.items()]
    if as_json:
        options.print_json(_document(checked))
    else:
        print("\n\n".join("\n".join(_story(each)) for each in checked))
    return DONE if all(row.works for each in checked for row in each.rows) else FAILED


def _line(line: int, compiler: FoundCompiler, project: Project, toolchain: Toolchain) -> _Checked:
    targets = [target for target in project.targets if target.engine.line == line]
    other = _library(compiler, toolchain, line)
    try:
        rows = list(_rows(targets, toolchain, other))
    finally:
        if other is not None:
            other.close()
    return _Checked(compiler._replace(path=lasting(compiler.path)[0]), rows, _known(compiler, targets))


def _library(compiler: FoundCompiler, toolchain: Toolchain, line: int) -> Embedded | None:
    """Return the library, where it is another compiler and of the same line."""
    from wasmbuild.toolchain.embedded import Embedded

    if compiler.kind == EMBEDDED:
        return None
    try:
        return Embedded(library(line), toolchain.limits)
    except ToolchainError:
        return None


def _rows(targets: Iterable[Target], toolchain: Toolchain, other: Embedded | None) -> Iterator[_TargetRow]:
    for target in targets:
        with tempfile.TemporaryDirectory(prefix="wasmbuild-") as directory:
            checked = checking.check(target.engine, toolchain, other, Path(directory))
        if checked.error:
            yield _TargetRow(target, False, f"does not compile: {checked.error}", checked)
            continue
        compiles = f"compiles {', '.join(checked.features)}"
        if checked.same is None or other is None:
            yield _TargetRow(target, True, compiles, checked)
        elif checked.same:
            yield _TargetRow(
                target, True, f"{compiles}; the library {other.compiler.version} gives the same bytes", checked
            )
        else:
            reason = _layout(toolchain.compiler(target.engine), other.compiler, target, checked)
            note = reason or "which nothing known explains; please report it with both versions"
            yield _TargetRow(
                target,
                bool(reason),
                f"{compiles}; the library {other.compiler.version} gives other bytes: {note}",
                checked,
            )


def _layout(compiler: FoundCompiler, other: FoundCompiler, target: Target, checked: CheckedTarget) -> str:
    """Say by which known difference of layout two compilers give other bytes; empty where none is known."""
    findings = _judge(compiler, target, other.version).judge("module", wasm_traits.read(checked.wasm).to_json())
    return next(
        (
            f"{finding.reason} ({finding.advisory.id})"
            for finding in findings
            if finding.advisory.kind == LAYOUT and finding.verdict == AFFECTED
        ),
        "",
    )


def _judge(compiler: FoundCompiler, target: Target, runtime: str | None = None) -> Judge:
    engine = target.engine
    judged = AuditedTarget(compiler.version, engine.triple.text, engine.engine_table(), engine.isa_flags, runtime)
    return Judge(bundled(), judged)


def _known(compiler: FoundCompiler, targets: Iterable[Target]) -> list[Advisory]:
    """Return the faults that are known of the compiler for any of the targets, the most severe first."""
    found = {
        question.advisory.id: question.advisory
        for target in targets
        for question in _judge(compiler, target).questions
        if question.listed and question.parts
    }
    return sorted(found.values(), key=lambda advisory: (-advisory.weight, advisory.id))


def _story(checked: _Checked) -> Iterator[str]:
    compiler, rows, known = checked
    yield f"{compiler.path}: Wasmtime {compiler.version}, SHA-256 {compiler.sha256[:12]}…"
    width = max((len(row.target.name) for row in rows), default=0)
    for row in rows:
        yield f"  {row.target.name:<{width}}  {row.target.triple.text}: {row.note}"
    if not known:
        yield f"no fault of Wasmtime {compiler.version} is known that concerns these targets"
        return
    named = ", ".join(f"{advisory.id} ({advisory.severity})" for advisory in known)
    what = counted(len(known), "known fault")
    yield f"{what} of Wasmtime {compiler.version} may concern these targets, by what a module uses: {named}"
    yield "wasmbuild audit says which artifacts have them"


def _document(checked: Sequence[_Checked]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "compilers": [
            {**each.compiler._asdict(), "advisories": [advisory.id for advisory in each.known]} for each in checked
        ],
        "targets": [
            {
                "name": row.target.name,
                "triple": row.target.triple.text,
                "compiler": each.compiler.version,
                "works": row.works,
                "features": list(row.checked.features),
                "same_as_library": row.checked.same,
                "message": printable(row.note, 2000),
            }
            for each in checked
            for row in each.rows
        ],
    }
