"""Descriptions for people: aligned, the most telling first."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wasmbuild.console.figures import human_size
from wasmbuild.console.terminal import Console
from wasmbuild.engine import lines
from wasmbuild.formats.extern import Export, Import
from wasmbuild.inspection import roles, uses
from wasmbuild.inspection.calls import calls
from wasmbuild.inspection.difference import Comparison
from wasmbuild.inspection.facts import ArtifactDescription, Cpu, Description, Engine, Origin, Section, WebAssembly
from wasmbuild.lean.typing import Any
from wasmbuild.text import and_more, printable
from wasmbuild.verify.setting_changes import shown

_LABEL = 10
_WIDTH = 112
_MOST = 24
"""Imports, exports and sections that are listed at most; ``--json`` has all."""
_LONGEST = 1000
_NO_ORIGIN = (
    "an artifact does not name its imports and exports; its record (FILE.json) or manifest.json does, when near"
)
_NOT_RECORDED = "not told: whoever recorded it could not tell what the source uses"
_PRESETS = {
    "c-api": "as an engine of the C API has by default, or of the Python package",
    "rust": "as the Rust crate and the wasmtime command have by default",
    "rust-minimal": "as the Rust crate has with the features runtime and std alone",
}


def tell(description: Description, console: Console) -> None:
    """Write what a file is."""
    page = _Page(console)
    if description.artifact is not None:
        _artifact(page, description, description.artifact)
    elif description.webassembly is not None:
        _webassembly(page, description, description.webassembly)


def tell_comparison(left: Description, right: Description, comparison: Comparison, console: Console) -> None:
    """Write how two files differ."""
    names = f"A = {printable(left.path)}, B = {printable(right.path)}"
    console.write(console.bold(f"{names}: {comparison.sentence}"))
    rows = [("", "A", "B")]
    for difference in comparison.differences[: 4 * _MOST]:
        value = _size if difference.what == "size" or difference.what.startswith("section ") else _value
        rows.append((printable(difference.what, 60), value(difference.left), value(difference.right)))
    if len(rows) > 1:
        first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
        for row in rows:
            line = f"  {row[0]:<{first}}  {row[1]:<{second}}  {row[2]}".rstrip()
            console.write(console.dim(line) if row is rows[0] else line)
    _more(console.write, len(comparison.differences), 4 * _MOST, "  ")


class _Page:
    """Lines with a label in front, on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, path: str, sentence: str) -> None:
        self._console.write(self._console.bold(f"{printable(path)}: {sentence}"))

    def note(self, text: str) -> None:
        for line in self._wrapped("note", text):
            self._console.write(self._console.warning(line))

    def line(self, label: str, text: str) -> None:
        """Write text that may need several lines."""
        for line in self._wrapped(label, text):
            self._console.write(line)

    def table(self, label: str, rows: Sequence[Sequence[str]]) -> None:
        """Write rows with aligned columns, the label before the first."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
        for number, row in enumerate(rows):
            cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            self._console.write(f"  {'' if number else label:<{_LABEL}}  {cells}")

    def more(self, count: int) -> None:
        _more(self._console.write, count, _MOST, " " * (_LABEL + 4))

    def _wrapped(self, label: str, text: str) -> list[str]:
        return textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=f"  {label:<{_LABEL}}  ",
            subsequent_indent=" " * (_LABEL + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _artifact(page: _Page, description: Description, artifact: ArtifactDescription) -> None:
    sentence = (
        f"a {artifact.kind} that Wasmtime {printable(artifact.line)} precompiled for {printable(artifact.triple)}"
    )
    page.title(description.path, sentence)
    for note in description.notes:
        page.note(note)
    _calls(page, description)
    page.line("CPU", _cpu(artifact.cpu, artifact.architecture))
    _engine(page, artifact.engine, artifact.line_number if artifact.engine.settings is not None else 0)
    if artifact.engine.settings is None:
        flags = ", ".join(f"{printable(k, 60)} = {shown(v)}" for k, v in artifact.cranelift_flags.items() if v)
        page.line("flags", printable(flags, _LONGEST))
    origin = description.origin
    if origin is not None:
        page.line("from", _origin(origin, description.origins))
        page.line("uses", uses.of_source(origin.traits) if origin.traits is not None else _NOT_RECORDED)
        for number, fault in enumerate(uses.faults(artifact.faults or (), origin.compiler)):
            page.line("" if number else "faults", fault)
        _interface(page, origin.imports, origin.exports)
    else:
        page.line("imports", _NO_ORIGIN)
    _size_and_sections(page, description, artifact.sections)


def _webassembly(page: _Page, description: Description, described: WebAssembly) -> None:
    what = "core module" if described.kind == "module" else "component"
    form = "WebAssembly text" if description.kind == "text" else "WebAssembly"
    page.title(description.path, f"a {what} in {form}, not compiled yet")
    for note in description.notes:
        page.note(note)
    _calls(page, description)
    _features(page, described)
    untold = f"not told: {printable(described.untold, _LONGEST)}"
    page.line("uses", uses.of_source(described.traits) if described.traits is not None else untold)
    if described.memories:
        page.line("memories", f"{', '.join(described.memories)} (pages of 64 KiB)")
    if described.starts:
        page.line("start", "it has a start function, which runs when it is instantiated")
    _interface(page, described.imports, described.exports)
    _size_and_sections(page, description, described.sections)


def _calls(page: _Page, description: Description) -> None:
    right, wrong = calls(description)
    page.table("load with", list(right.items()))
    page.line("not with", wrong)


def _cpu(cpu: Cpu, architecture: str | None) -> str:
    if architecture is None:
        return printable(", ".join(f"{name} = {shown(value)}" for name, value in cpu.flags.items()), _LONGEST) or "none"
    if architecture.startswith("pulley"):
        return "any: it is bytecode, which Wasmtime's interpreter Pulley runs"
    plus = [printable(feature, 60) for feature in cpu.features]
    level = f"{cpu.level} or better" if cpu.level is not None else f"any {architecture}"
    return printable(f"{level}, with {', '.join(plus)}" if plus else level, _LONGEST)


def _engine(page: _Page, engine: Engine, line: int) -> None:
    if engine.settings is None:
        page.line("engine", f"settings are not told: {printable(engine.problem, _LONGEST)}")
        return
    embedder = str(engine.settings["embedder"])
    rows = [(f'embedder = "{embedder}"', _PRESETS[embedder])]
    preset = lines.get(line).embedders[embedder].settings
    for name, value in engine.settings.items():
        if name == "embedder" or preset.get(name) == value:
            continue
        rows += [(f"{key} = {shown(one)}", "") for key, one in _flat(name, value)]
    page.table("engine", rows)
    if not engine.exact:
        page.note(f"the settings are not all of it; besides: {printable(', '.join(engine.unnamed), _LONGEST)}")


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:
    return [(f"{name}.{key}", one) for key, one in value.items()] if isinstance(value, Mapping) else [(name, value)]


def _origin(origin: Origin, origins: Iterable[Origin]) -> str:
    compiler = f", compiled by wasmtime {printable(origin.compiler)}" if origin.compiler else ""
    files = ", ".join(printable(origin.file) for origin in origins if origin.matches)
    return f"{printable(origin.source)}{compiler}, as {printable(origin.id)} (says {files})"


def _features(page: _Page, described: WebAssembly) -> None:
    features, line, problem = described.features, described.line, printable(described.problem, _LONGEST)
    if features is None:
        if problem:
            page.line("needs", f"not told: {problem}")
    elif problem:
        page.note(f"Wasmtime {line} cannot compile it: {problem}")
    elif line is not None:
        needed = ", ".join(name.removeprefix("wasm-") for name in features)
        page.line("needs", needed or "no feature beyond the first version of WebAssembly")
        unusual = [f"{name} = true" for name in features if not lines.get(line).settings[name].default]
        if unusual:
            page.note(f"Wasmtime {line} takes it only with {', '.join(unusual)} under [engine]")


def _interface(page: _Page, imports: Sequence[Import], exports: Sequence[Export]) -> None:
    rows = []
    last = None
    for an_import in imports[:_MOST]:
        module = printable(an_import.module, 60)
        rows.append(["" if module == last else module, printable(an_import.name, 80), *_kind(an_import)])
        last = module
    page.table("imports", _dense(rows) or [("none",)])
    page.more(len(imports))
    page.table("exports", [(printable(export.name, 80), *_kind(export)) for export in exports[:_MOST]] or [("none",)])
    page.more(len(exports))


def _dense(rows: list[list[str]]) -> list[list[str]]:
    """Leave out a first column that is empty throughout, as in components."""
    return [row[1:] for row in rows] if rows and not any(row[0] for row in rows) else rows


def _kind(extern: Import | Export) -> tuple[str, str]:
    return extern.kind, printable(extern.type, 120)


def _size_and_sections(page: _Page, description: Description, sections: Sequence[Section]) -> None:
    by_role: dict[str, int] = {}
    for section in sections:
        by_role[section.role] = by_role.get(section.role, 0) + section.size
    most = sorted((size, role) for role, size in by_role.items() if size)[:-4:-1]
    parts = ", ".join(f"{human_size(size)} {roles.ROLES[role]}" for size, role in most)
    page.line("size", f"{human_size(description.size or 0)}: {parts}" if parts else human_size(description.size or 0))
    grouped = list(_grouped(sections))
    rows = [(printable(name, 60), human_size(size), roles.ROLES[role]) for name, size, role in grouped[:_MOST]]
    page.table("sections", [(name, f"{size:>8}", role) for name, size, role in rows] or [("none", "", "")])
    page.more(len(grouped))
    page.line("sha256", str(description.sha256))


def _grouped(sections: Sequence[Section]) -> Iterator[tuple[str, int, str]]:
    """Take sections of one name together: a component has many."""
    found: dict[str, list[Section]] = {}
    for section in sections:
        found.setdefault(section.name, []).append(section)
    for name, some in found.items():
        count = f" × {len(some)}" if len(some) > 1 else ""
        yield name + count, sum(section.size for section in some), some[0].role


def _more(write: Callable[[str], None], count: int, most: int, indent: str) -> None:
    if count > most:
        write(f"{indent}… {and_more(count - most)}; --json has all")


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return printable(", ".join(map(str, value)), 80) or "none"
    return shown(value) if isinstance(value, bool) else printable(value, 80)


def _size(value: Any) -> str:
    return f"{human_size(value)} ({value})" if isinstance(value, int) else f"{str(value)[:12]}…" if value else "none"
