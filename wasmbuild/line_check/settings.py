"""The settings of a line: options, presets, defaults, and what each value does."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from wasmbuild.engine import host, rules, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Line, Setting, Value
from wasmbuild.engine.translations import cli_option
from wasmbuild.line_check.compilers import Attempt, Compilers
from wasmbuild.line_check.topic import Topic
from wasmbuild.text import shown

_NATIVE = "x86_64-unknown-linux-gnu"
# Symbols of it carry the whole version, in which library and executable may differ.
_NAMES_VERSION = "debug-info"
# The module has no gaps in its data, which are all that it changes.
_NEEDS_OTHER_MODULE = frozenset(("memory-guaranteed-dense-image-size",))


def targets() -> list[triples.TargetTriple]:
    """Return the targets whose artifacts the library makes too: this machine's, and Pulley's."""
    return [triples.parse(text) for text in (host.triple() or _NATIVE, "pulley64")]


def options(line: Line, compilers: Compilers) -> Topic:
    """Every setting is an option of the executable with these values, and no option is left that nobody looked at."""
    topic = Topic("options")
    have = compilers.options()
    for name, setting in line.settings.items():
        if setting.cli is None:
            continue
        key = f"settings.{name}"
        topic.check(
            setting.cli in have,
            f"{key}.cli",
            f"the executable has no option {setting.cli}",
            f"name the one it has now, or write settings.{name} = false",
        )
        listed = have.get(setting.cli, ())
        words = {cli_option(setting, value)[0].partition("=")[2] for value in setting.values}
        for word in listed:
            topic.check(
                word in words or _is_passed_over(line, f"{setting.cli}={word}"),
                f"{key}.choices",
                f"{setting.cli} takes {word} too",
                f'write it there, or name "{setting.cli}={word}" in other-options',
            )
        for choice in setting.choices:
            word = setting.cli_values.get(choice, choice)
            right = not listed or word in listed or choice == "auto"
            topic.check(
                right, f"{key}.choices", f"{setting.cli} takes {', '.join(listed)}, not {word}", f'leave out "{choice}"'
            )
    named = {setting.cli for setting in line.settings.values()}
    for option in have.keys() - named:
        topic.check(
            _is_passed_over(line, option),
            "settings",
            f"the executable has an option {option} that no setting is",
            f'write a table [settings.NAME] with cli = "{option}", or name it in other-options',
        )
    return topic


def _is_passed_over(line: Line, option: str) -> bool:
    return any(fnmatchcase(option, glob) for glob in line.other_options)


def presets(line: Line, compilers: Compilers) -> Topic:
    """An engine that nobody configured is what the presets say of the executable and of the library."""
    topic = Topic("presets")
    native = triples.parse(_NATIVE)
    plain = compilers.compile(["--target", _NATIVE, "-Ccache=n"])
    preset = EngineConfig.declared({"embedder": "cli"}, line=line.number, triple=native)
    topic.check(
        _same(plain, compilers.compile(preset.executable_arguments())),
        "embedders.cli.settings",
        "the executable makes another artifact by itself than with this preset",
        "write what it has other than the library by default",
    )
    for triple in targets():
        if not compilers.has_library_for(triple):
            topic.untried += [f"what the library makes for {triple.text} by itself"] * compilers.lacks_library(triple)
            continue
        engine = EngineConfig(line.number, triple, {}, {})
        topic.check(
            _same(compilers.compile_by_library(engine), compilers.compile(engine.executable_arguments())),
            "embedders.c-api",
            f"the library by itself and the executable make different artifacts for {triple.text}",
            "look at what the topics below say of defaults and values",
        )
    return topic


def defaults(line: Line, compilers: Compilers) -> Topic:
    """A setting that is left out has the value that is said to be its default: on every kind of target."""
    topic = Topic("defaults")
    kinds = [(text, "cranelift") for text in (_NATIVE, "pulley64", "pulley32")]
    kinds += [(f"{architecture}-unknown-linux-gnu", "winch") for architecture in line.winch.architectures]
    for text, strategy in kinds:
        triple = triples.parse(text)
        engine = EngineConfig(line.number, triple, {}, {} if strategy == "cranelift" else {"strategy": strategy})
        plain = compilers.compile(engine.executable_arguments())
        said = line.setting_defaults(triple.architecture, strategy)
        reaching = [
            setting
            for setting in line.settings.values()
            if setting.name != "strategy" and _can_be_spelled(setting, said[setting.name], strategy)
        ]
        spelled = [_with_option(engine, setting, said[setting.name]) for setting in reaching]
        for setting, attempt in zip(reaching, compilers.compile_all(spelled), strict=True):
            value = said[setting.name]
            if _same(plain, attempt):
                topic.check(True, "", "", "")
                continue
            real = [
                other
                for other in _others(setting, value)
                if _same(plain, compilers.compile(_with_option(engine, setting, other)))
            ]
            topic.check(
                False,
                _key_of_default(line, setting.name, triple, strategy),
                f"is not {shown(value)} on {text} with {strategy}" + (f" ({attempt.said})" if attempt.said else ""),
                f"write {shown(real[0])}" if real else "find out which it is",
            )
    return topic


def values(line: Line, compilers: Compilers) -> Topic:
    """Each other value compiles, changes the artifact unless it is of the engine alone, and means one thing to both."""
    topic = Topic("values")
    for triple in targets():
        plain = compilers.compile(EngineConfig(line.number, triple, {}, {}).executable_arguments())
        for setting, value, engine in changed_engines(line, triple):
            attempt = compilers.compile(engine.executable_arguments())
            key, what = f"settings.{setting.name}", f"{shown(value)} on {triple.text}"
            topic.check(
                attempt.artifact is not None,
                key,
                f"the executable refuses {what}: {attempt.said}",
                "write a table [conflicts.NAME] that says so, or what the option takes",
            )
            if attempt.artifact is None:
                continue
            if setting.name not in _NEEDS_OTHER_MODULE:
                reaches = bool(engine.key_inputs()["engine"])
                topic.check(
                    _same(plain, attempt) is not reaches,
                    f"{key}.check",
                    f"{what} changes {'nothing' if reaches else 'the artifact'}",
                    'write "runtime"' if reaches else "write another word than runtime",
                )
            if engine.library_lacks(runs=False) or setting.name == _NAMES_VERSION:
                continue
            if not compilers.has_library_for(triple):
                topic.untried += [f"{setting.name} of the library on {triple.text}"] * compilers.lacks_library(triple)
                continue
            by_library = compilers.compile_by_library(engine)
            topic.check(
                _same(attempt, by_library),
                f"{key}.{'python' if setting.python else 'c-api'}",
                f"library and executable make different artifacts with {what}" + f" {by_library.said}".rstrip(),
                "name the property or the function of the C API that means the same as the option",
            )
    return topic


def changed_engines(line: Line, triple: triples.TargetTriple) -> Iterator[tuple[Setting, Value, EngineConfig]]:
    """Yield each setting with each value other than its default, with an engine in which that alone is changed."""
    plain = line.setting_defaults(triple.architecture)
    for name, setting in line.settings.items():
        for value in _others(setting, plain[name]):
            declared: dict[str, object] = {name: value}
            # What cannot be on without it is switched off with it.
            for conflict in line.conflicts.values():
                if conflict.when.get(name) == value and not conflict.on:
                    declared |= {
                        other: not wanted
                        for other, wanted in conflict.when.items()
                        if other != name and plain[other] is wanted and isinstance(wanted, bool)
                    }
            if not rules.problems(declared, line=line.number, triple=triple):
                engine = EngineConfig.declared(declared, line=line.number, triple=triple)
                yield setting, value, engine


def _others(setting: Setting, value: Value) -> list[Value]:
    if isinstance(value, int) and not isinstance(value, bool):
        return [value // 2 + 65536]
    return [each for each in setting.values if each not in (value, "auto")]


def _can_be_spelled(setting: Setting, value: Value, strategy: str) -> bool:
    """Tell whether the executable has words for a value, and takes them for the compiler inside."""
    # Some options only switch on.
    has_word = not setting.cli_values or not isinstance(value, bool) or str(value).lower() in setting.cli_values
    return setting.cli is not None and has_word and (strategy == "cranelift" or "cranelift" not in setting.name)


def _with_option(engine: EngineConfig, setting: Setting, value: Value) -> list[str]:
    """Return the arguments for an engine with one setting spelled out, which need not be another one than it has."""
    kept = [argument for argument in engine.executable_arguments() if not argument.startswith(f"{setting.cli}=")]
    return [*kept, *cli_option(setting, value)]


def _key_of_default(line: Line, name: str, triple: triples.TargetTriple, strategy: str) -> str:
    if strategy == "winch":
        return f"winch.off ({name})"
    starts = [
        start for start, table in line.defaults.items() if triple.architecture.startswith(start) and name in table
    ]
    return f"defaults.{starts[-1]}.{name}" if starts else f"settings.{name}.default"


def _same(one: Attempt, other: Attempt) -> bool:
    return one.artifact is not None and one.artifact == other.artifact
