"""Whether test cases fit the module that they are for, and the form in which they travel in a manifest.

Of a core module everything is known: its imports, its exports and their types. Of a component names and kinds are, and
when it is built the types of its functions (``component_types.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from wasmbuild.formats import wasi
from wasmbuild.formats.component_values import Exports, Functions, absent
from wasmbuild.formats.component_values import problems as component_problems
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.project.case_values import CaseValue, number_of_values, number_problem, vector_problems
from wasmbuild.project.cases import START, TRAP, ZERO, Case
from wasmbuild.project.keys import Problem, dotted
from wasmbuild.text import listed, printable, quoted, suggestion

_RUN = re.compile(r"wasi:cli/run@0\.[23]\.[0-9]+")
RUN_3 = re.compile(r"wasi:cli/run@0\.3\.[0-9]+#run")
"""Calls that run a component as a program of WASI 0.3."""
RUN_BY_EXECUTABLES = re.compile(rf"{_RUN.pattern}#run")
"""Calls that run a component as a program in an executable, which takes no release candidate of WASI."""
PROGRAM = re.compile(r"wasi:cli/run@[^#]*#run")
"""Calls that run a component as a program, in the library."""
_FUNCTION = re.compile(r"\((.*)\) -> \((.*)\)")
NUMBERS = ("i32", "i64", "f32", "f64")
_UNKNOWN: Functions = MappingProxyType({})
_SHOWN = 5
# Comparing names with all of a million exports would take a minute for each test.
_COMPARED = 500


def check(cases: Sequence[Case], kind: str, interface: Interface, functions: Functions | None = None) -> Iterator[str]:
    """Say what keeps test cases from being run on a module, one line each, which starts with ``tests[0]…``.

    ``kind`` is ``"module"`` or ``"component"``. The cases are sound by themselves (``case_rules.problems``).
    ``functions`` are the types of a component's functions, as far as they are known.
    """
    for path, problem, fix in _all_problems(cases, kind, interface, functions or {}):
        yield f"{dotted('tests', *path)}: {problem}; {fix}"


def _all_problems(cases: Sequence[Case], kind: str, interface: Interface, functions: Functions) -> Iterator[Problem]:
    # What is wrong with one keeps nobody from being told what is wrong with another.
    told = set()
    for problem in problems(cases, kind, interface, functions):
        told.add(problem[0][:1])
        yield problem
    if functions and () not in told:
        named = {item.name: item for item in interface.exports}
        exports = Exports(functions, lambda call: _missing(call, named, functions))
        for index, case in enumerate(cases):
            if (index,) in told:
                continue
            called = _called(case, interface)
            if wrong := exports.missing(called):
                yield (index, "call"), *wrong
            elif (function := functions.get(called)) is not None:
                if RUN_3.fullmatch(called):
                    # An executable runs it, async or not.
                    function = function._replace(is_async=False)
                for path, what, fix in component_problems(case, function, exports):
                    yield (index, *path), what, fix


def problems(
    cases: Sequence[Case], kind: str, interface: Interface, functions: Functions = _UNKNOWN
) -> Iterator[Problem]:
    """Say the same as ``check`` without types: place in the cases, what is wrong, what to write instead.

    Of ``functions`` the names are told where others are meant.
    """
    if not cases:
        return
    foreign = [item for item in interface.imports if not is_of_wasi(kind, item)]
    if foreign and any(case.imports is None for case in cases):
        what = f"the {kind} imports {_listed(foreign)}, which no test can give it"
        given = f'"{TRAP}" in the test, where it does not use them'
        if kind == "module" and _not_functions(foreign):
            given = f'"{ZERO}" in the test'
        fix = "" if kind == "component" and _without_stand_in(foreign) else f"write imports = {given}, or "
        yield (), what, f"{fix}test one that imports WASI alone"
    of_component = kind == "component"
    named = {item.name: item for item in interface.exports}
    for index, case in enumerate(cases):
        for path, problem, fix in _stand_ins(case, kind, foreign):
            yield (index, *path), problem, fix
        if case.wasi is None and case.imports is None and len(foreign) < len(interface.imports):
            yield (index,), f"the {kind} imports WASI, and the test gives it none", "write wasi = {}"
        for path, problem, fix in (
            _of_component(case, interface, named, functions) if of_component else _of_module(case, named)
        ):
            yield (index, *path), problem, fix


def _stand_ins(case: Case, kind: str, foreign: Sequence[Import]) -> Iterator[Problem]:
    """Say what keeps what a case writes as ``imports`` from standing for imports."""
    if case.imports == ZERO and kind == "component":
        yield ("imports",), "no component can be given zeros", f'write imports = "{TRAP}"'
    if case.imports == TRAP and kind == "component" and (alone := _without_stand_in(foreign)):
        what = f"the component imports {_listed(alone)}, and nothing stands for modules and components"
        yield ("imports",), what, "test one that imports none"
    other = _not_functions(foreign)
    if case.imports == TRAP and kind == "module" and other:
        fix = f'write imports = "{ZERO}", which gives it memories, tables and globals too'
        yield ("imports",), f"the module imports {_listed(other)}, and what is no function cannot trap", fix


def _without_stand_in(imports: Sequence[Import]) -> list[Import]:
    """Return what a component imports that the library's linker has nothing for."""
    return [item for item in imports if item.kind in ("module", "component")]


def _not_functions(imports: Sequence[Import]) -> list[Import]:
    return [item for item in imports if item.kind != "func"]


def need_wasi_3(cases: Sequence[Case], imports: Sequence[Import]) -> bool:
    """Tell whether test cases give a component WASI 0.3, or run it as a program of that, which is async."""
    imported = any(item.kind == "instance" and wasi.version(item.name) == "0.3" for item in imports)
    given = any(case.wasi is not None for case in cases)
    return (given and imported) or any(RUN_3.fullmatch(case.call) for case in cases)


def typed(cases: Sequence[Case], kind: str, interface: Interface) -> tuple[Case, ...]:
    """Return cases in which ``check`` finds nothing as they travel in a manifest: equal cases have equal JSON.

    Numbers of floating point are floats, and ``_start`` of a component is its ``wasi:cli/run``.
    """
    if kind == "component":
        return tuple([case._replace(call=_called(case, interface)) for case in cases])
    types = {item.name: function_types(item.type) for item in interface.exports if item.kind == "func"}
    return tuple([_typed(case, *(types[case.call] or ((), ()))) for case in cases])


# --- core modules -----------------------------------------------------------------------------------------------------


def _of_module(case: Case, named: Mapping[str, Export]) -> Iterator[Problem]:
    export, problem = _export(case.call, case.call, ("func",), named)
    if export is None:
        yield problem
        return
    types = function_types(export.type)
    if types is None:
        yield ("call",), f"functions of type {printable(export.type, 80)} cannot be tested", "remove the test"
        return
    parameters, results = types
    name = printable(case.call, 80)
    yield from _values("args", case.args, parameters, f"{name} takes")
    if case.returns is not None:
        yield from _values("returns", case.returns, results, f"{name} returns")
    elif case.exit == 0 and results:
        yield (), f"{name} returns a value, and the test does not say which", "write returns = […]"


def _values(key: str, values: Sequence[CaseValue], types: Sequence[str], who: str) -> Iterator[Problem]:
    wanted = f"({', '.join(types)})"
    other = next((type_ for type_ in types if type_ not in (*NUMBERS, "v128")), None)
    if other is not None:
        yield (key,), f"{who} {printable(wanted, 80)}, and references cannot be tested", "remove the test"
    elif len(values) != len(types):
        has = number_of_values(len(values))
        yield (key,), f"has {has}, and {who} {printable(wanted, 80)}", f"write {number_of_values(len(types))}"
    else:
        for index, (value, type_) in enumerate(zip(values, types, strict=True)):
            if type_ == "v128":
                yield from (((key, index, *path), what, fix) for path, what, fix in vector_problems(value))
            elif (wrong := number_problem(value, type_)) is not None:
                yield (key, index), *wrong


def function_types(text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the types of parameters and results that the text of a function's type names."""
    match = _FUNCTION.fullmatch(text)
    if match is None:
        return None
    parameters, results = (tuple(part.split(", ")) if part else () for part in match.groups())
    return parameters, results


def _typed(case: Case, parameters: Sequence[str], results: Sequence[str]) -> Case:
    args = tuple(map(_canonical, case.args, parameters))
    returns = None if case.returns is None else tuple(map(_canonical, case.returns, results))
    return case._replace(args=args, returns=returns)


def _canonical(value: CaseValue, type_: str) -> CaseValue:
    if isinstance(value, int) and type_[0] == "f":
        return float(value)
    if isinstance(value, dict) and type_ == "v128":
        shape, lanes = next(iter(value.items()))
        if isinstance(lanes, list):
            return {shape: [_canonical(lane, shape) for lane in lanes]}
    return value


# --- components -------------------------------------------------------------------------------------------------------


def _of_component(
    case: Case, interface: Interface, named: Mapping[str, Export], functions: Functions
) -> Iterator[Problem]:
    if case.call == START and _called(case, interface) == START:
        fix = 'write call = "…", the name of an exported function'
        yield ("call",), "the component is no program: it exports no wasi:cli/run of WASI 0.2 or 0.3", fix
        return
    called = _called(case, interface)
    instance, hash_, _ = called.partition("#")
    export, problem = _export(instance, case.call, ("instance",) if hash_ else ("func",), named, functions)
    if export is None:
        yield problem
    elif case.returns is not None and PROGRAM.fullmatch(called):
        fix = "write exit = 0 in its place, or 1 for err" + (", and wasi = {}" if case.wasi is None else "")
        yield ("returns",), "the call runs the program, which ends with an exit status", fix
    elif case.returns is not None and len(case.returns) > 1:
        yield (
            ("returns",),
            f"has {len(case.returns)} values, and a component returns one at most",
            "write a list of one",
        )


def _missing(call: str, named: Mapping[str, Export], functions: Functions) -> tuple[str, str] | None:
    instance, hash_, _ = call.partition("#")
    export, (_, problem, fix) = _export(instance, call, ("instance",) if hash_ else ("func",), named, functions)
    return (problem, fix) if export is None else absent(call, functions)


def _called(case: Case, interface: Interface) -> str:
    if case.call != START:
        return case.call
    programs = (item.name for item in interface.exports if item.kind == "instance" and _RUN.fullmatch(item.name))
    program = next(programs, None)
    return START if program is None else f"{program}#run"


# --- both -------------------------------------------------------------------------------------------------------------


def is_of_wasi(kind: str, item: Import) -> bool:
    """Tell whether a case that has ``wasi`` gives an import to a component, or to a core module."""
    if kind == "component":
        return item.kind == "instance" and wasi.version(item.name) is not None
    return item.kind == "func" and item.module == wasi.PREVIEW_1


def _export(
    name: str, call: str, kinds: tuple[str, ...], named: Mapping[str, Export], functions: Functions = _UNKNOWN
) -> tuple[Export | None, Problem]:
    """Return the export of one of ``kinds`` with a name, or None and why there is none."""
    found = named.get(name)
    if found is not None and found.kind in kinds:
        return found, ((), "", "")
    if found is None:
        problem = f"there is no export {quoted(name)}"
    elif found.kind == "instance":
        problem = f"{quoted(name)} is an instance, not a function"
        return None, (("call",), problem, f'write call = "{printable(name)}#…", with the name of a function in it')
    else:
        problem = f"{quoted(name)} is no {kinds[0] if kinds[0] == 'instance' else 'function'}, but a {found.kind}"
    return None, (("call",), problem, _instead(name, call, kinds, named, functions))


def _instead(name: str, call: str, kinds: tuple[str, ...], named: Mapping[str, Export], functions: Functions) -> str:
    """Return what to write in place of a call of what is no export of one of ``kinds``."""
    within = [function for function in functions if "#" not in call and function.endswith(f"#{name}")]
    if within:
        return f"did you mean {' or '.join(map(quoted, within[:_SHOWN]))}?"
    exported = [item.name for item in named.values() if item.kind in kinds]
    meant = suggestion(name, exported[:_COMPARED])
    if meant is not None:
        return f"did you mean {quoted(call.replace(name, meant, 1))}?"
    if exported:
        return f"exported are {_quoted(exported)}"
    instances = [item.name for item in named.values() if item.kind == "instance"]
    if instances and kinds == ("func",):
        return f'write call = "INSTANCE#FUNCTION", a function of one of these: {_quoted(instances)}'
    return "nothing that can be called is exported"


def _listed(imports: Sequence[Import]) -> str:
    return _quoted([f"{item.module}.{item.name}" if item.module else item.name for item in imports])


def _quoted(texts: Iterable[str]) -> str:
    return listed([quoted(text) for text in texts], _SHOWN)
