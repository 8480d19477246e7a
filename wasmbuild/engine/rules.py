"""What is wrong with declared engine settings: names, kinds, ranges, and what lines and targets refuse.

Every rule is one that a compiler or the library was seen to enforce, most by an abort of the whole process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from wasmbuild.engine import lines
from wasmbuild.engine.cranelift_flags import choice_problem, flag_problems, value_problem
from wasmbuild.engine.line import Conflict, Line, Problem, Value
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import shown, suggestion

if TYPE_CHECKING:
    from wasmbuild.engine.triples import TargetTriple

DEFAULT_EMBEDDER = "c-api"
_NOT_HERE = "is not a setting of the engine here"
# What older documents of Wasmtime have, and some of its APIs still take: names that are like those of other settings.
_FORMER = {
    "async-support": "remove it, since it changes no artifact",
    "dynamic-memory-guard-size": "write memory-guard-size",
    "dynamic-memory-reserved-for-growth": "write memory-reservation-for-growth",
    "static-memory-forced": "write memory-may-move, which is the opposite",
    "static-memory-guard-size": "write memory-guard-size",
    "static-memory-maximum-size": "write memory-reservation",
}
# Of most names, and nothing that two of them have in common.
_PREFIXES = ("wasm-", "cranelift-")


class EngineError(ValueError):
    """An engine that cannot be; ``problems`` has every reason, each with its key and its fix."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(": ".join(filter(None, (key, f"{said}; {fix}"))) for key, said, fix in self.problems)
        )


def line_problem(line: int) -> str | None:
    """Return why artifacts cannot be built for a line of Wasmtime, or None."""
    if line in lines.known():
        return None
    *others, last = map(str, lines.known())
    return f"Wasmtime {line} is unknown to this version of wasmbuild, which knows {', '.join(others)} and {last}"


def problems(declared: Mapping[str, object], *, line: int, triple: TargetTriple | None) -> list[Problem]:
    """Return all that is wrong with engine settings that somebody declared, in the order of the settings.

    A canonical engine is judged without its ``embedder``, which it has spelled out. Without ``triple`` what
    depends on the target is not judged. A line that is unknown is a problem by itself.
    """
    if (unknown := line_problem(line)) is not None:
        return [("", unknown, f"write one of {', '.join(map(str, lines.known()))}")]
    found = value_problems(declared, line=line)
    wrong = {key.partition(".")[0] for key, _problem, _fix in found}
    sound = {name: value for name, value in declared.items() if name not in wrong}
    found.extend(combination_problems(sound, line=line, triple=triple))
    return found


def embedder_of(declared: Mapping[str, object]) -> str:
    """Return the preset that a declaration names, or the one of those that name none."""
    return str(declared.get("embedder", DEFAULT_EMBEDDER))


def value_problems(declared: Mapping[str, object], *, line: int, others: Iterable[str] = ()) -> list[Problem]:
    """Return what is wrong with names and values, each by itself, whatever the target.

    ``others`` are keys beside them that are no settings, which an unknown name may be to mean.
    """
    found: list[Problem] = []
    has = lines.get(line)
    for name, value in declared.items():
        if name == "cranelift-flags":
            found.extend(flag_problems(value, has, spectre=True))
            continue
        if name == "embedder":
            problem = choice_problem(value, tuple(has.embedders))
        elif name in has.settings:
            problem = value_problem(value, has.settings[name])
        else:
            problem = _unknown(str(name), has, others)
        if problem is not None:
            found.append((str(name), *problem))
    return found


def combination_problems(declared: Mapping[str, object], *, line: int, triple: TargetTriple | None) -> list[Problem]:
    """Return what does not fit together, with the target or with the line, of settings that are sound by themselves.

    Without ``triple`` only what fits no target at all is reported.
    """
    engine = effective(declared, line, triple, embedder_of(declared))
    found = [
        *_winch(engine, line, triple),
        *_needs(engine, declared, line),
        *_conflicts(engine, declared, line, triple),
    ]
    if triple is not None:
        flags = declared.get("cranelift-flags", {})
        found.extend(flag_problems(flags, lines.get(line), spectre=engine["signals-based-traps"] is True))
    elif engine["signals-based-traps"] is False and "signals-based-traps" in declared:
        found.extend(flag_problems(declared.get("cranelift-flags", {}), lines.get(line), spectre=False))
    return found


def effective(
    settings: Mapping[str, object], line: int, triple: TargetTriple | None, embedder: str = DEFAULT_EMBEDDER
) -> dict[str, Value]:
    """Return the value of every setting, preset and defaults filled in; ``auto`` is what it stands for.

    The preset is that of ``embedder`` alone, whatever ``settings`` say under that name: in a canonical engine it is
    spelled out already.
    """
    has = lines.get(line)
    strategy = "winch" if settings.get("strategy") == "winch" else "cranelift"
    architecture = triple.architecture if triple is not None else None
    engine = has.setting_defaults(architecture, strategy)
    preset = has.embedders[embedder].settings
    engine.update(preset)
    for name in engine.keys() & settings.keys():
        value = settings[name]
        if isinstance(value, (bool, int, str)):
            engine[name] = value
    engine["strategy"] = strategy
    for name, value in has.dependent(engine, settings).items():
        if name not in settings and name not in preset:
            engine[name] = value
    return engine


def _winch(engine: Mapping[str, Value], line: int, triple: TargetTriple | None) -> Iterator[Problem]:
    if engine["strategy"] != "winch":
        return
    winch = lines.get(line).winch
    if triple is not None and triple.architecture not in winch.architectures:
        fix = 'write strategy = "cranelift" for this target'
        where = " and ".join(winch.architectures)
        yield "strategy", f"Winch compiles for {where}, not for {triple.architecture}", fix
        return
    lacks = dict.fromkeys(winch.lacks[""], "")
    if triple is not None and triple.architecture in winch.lacks:
        lacks.update(dict.fromkeys(winch.lacks[triple.architecture], f" on {triple.architecture}"))
    for name, where in lacks.items():
        if engine.get(name) is True:
            yield name, f"Winch of Wasmtime {line} lacks it{where}", "remove it, or write false"
    for name, needed in winch.needs.items():
        if engine.get(name, needed) is not needed:
            yield name, f"Winch cannot work with {name} = {shown(engine[name])}", f"write {name} = {shown(needed)}"


def _needs(engine: Mapping[str, Value], declared: Mapping[str, object], line: int) -> Iterator[Problem]:
    for name, setting in lines.get(line).settings.items():
        for other in setting.needs:
            if engine[name] is True and engine[other] is False:
                if other in declared:
                    yield other, f"{name} needs it", f"leave it out, or write {name} = false"
                else:
                    yield name, f"needs {other}", f"leave it out, or write {other} = true"


def _conflicts(
    engine: Mapping[str, Value], declared: Mapping[str, object], line: int, triple: TargetTriple | None
) -> Iterator[Problem]:
    for conflict in lines.get(line).conflicts.values():
        if not all(
            engine.get(name) in (value if isinstance(value, list) else [value]) for name, value in conflict.when.items()
        ):
            continue
        problem = conflict.problem
        if conflict.on:
            if triple is None or not _concerns(conflict, triple):
                continue
            problem = problem.format(architecture=triple.architecture, triple=triple.text)
        key = next((key for key in conflict.keys if key in declared), conflict.keys[-1])
        yield key, problem, conflict.fix


def _concerns(conflict: Conflict, triple: TargetTriple) -> bool:
    target = f"{triple.architecture}-{triple.os}"
    return any(fnmatchcase(target, glob) for glob in conflict.on) and not any(
        fnmatchcase(target, glob) for glob in conflict.excluded
    )


def _unknown(name: str, line: Line, others: Iterable[str]) -> tuple[str, str]:
    known = ["embedder", "cranelift-flags", *line.settings, *others]
    spelt = name.replace("_", "-")
    if spelt in known:
        return "unknown setting", f"did you mean {spelt}?"
    if f"wasm-{spelt}" in known:
        return "unknown setting", f"did you mean wasm-{spelt}?"
    for setting in line.settings.values():
        if setting.cli is not None and setting.cli[2:] == spelt:
            return "unknown setting", f"did you mean {setting.name}?"
    if spelt == "target":
        return _NOT_HERE, "write triple in a target"
    if spelt in _FORMER:
        return "is an older name of Wasmtime", _FORMER[spelt]
    prefix = next((prefix for prefix in _PREFIXES if spelt.startswith(prefix)), "")
    stem = spelt.removeprefix(prefix)
    if (flag := stem.replace("-", "_")) in line.flags:
        return "is a flag of Cranelift", f"write cranelift-flags = {{ {flag} = … }}"
    if having := [str(number) for number in lines.known() if name in lines.get(number).settings]:
        return f"is no setting of Wasmtime {line.number}, but of {', '.join(having)}", "remove it"
    if stem in {option[2:] for option in line.other_options}:
        return _NOT_HERE, "remove it"
    stems = {setting.removeprefix(prefix): setting for setting in known}
    meant = suggestion(stem, stems)
    if meant is None:
        return "unknown setting", "remove it; wasmbuild schema wasmbuild.toml lists all settings"
    return "unknown setting", f"did you mean {stems[meant]}?"
