"""Settings as calls on a configuration, for packages that have methods for some of them and none for the others."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping

from wasmbuild.embed.spec import C_API_ONLY, Spec, refused, unseen
from wasmbuild.engine import lines
from wasmbuild.engine.line import Value
from wasmbuild.lean.typing import NamedTuple

IN_C = "leave it out under [engine], or load the artifacts in a program of C"


class ConfigMethods(NamedTuple):
    """What a package's configuration has.

    ``methods`` maps settings to the methods that set them, ``call`` writes a call of one. ``literal`` spells a value of
    a setting, or is None where the language has no name for it. ``special`` are settings with statements of their own,
    ``apart`` those that are left to the caller. ``of_line`` is the package with what it is a release for, for people.
    """

    package: str
    of_line: str
    methods: Mapping[str, str]
    call: Callable[[str, str], str]
    literal: Callable[[str, Value], str | None]
    special: Mapping[str, Callable[[Value], list[str]]]
    apart: Container[str] = ()


def statements(spec: Spec, has: ConfigMethods) -> Iterator[str]:
    """Yield what sets the settings of an engine. Raises UsageError for one that the package cannot express."""
    settings = lines.get(spec.line).settings
    for name, value in spec.engine.settings.items():
        if name not in settings or name in has.apart:
            continue
        if settings[name].off_with and value is False:
            who = f"{has.package} has no way to switch {settings[name].off_with} off, which goes with it"
            raise refused(spec, name, who, _fix(spec, name))
        literal = has.literal(name, value)
        if name in has.special:
            yield from has.special[name](value)
        elif name in has.methods and literal is not None:
            yield has.call(has.methods[name], literal)
        elif unseen(name, spec.line):
            yield f"// {name} is not told: {has.package} cannot, and no engine looks at it when it loads."
        else:
            raise refused(spec, name, f"{has.of_line} has no way to set it", _fix(spec, name))


def _fix(spec: Spec, name: str) -> str:
    """Return what to do about a setting that a package lacks: nobody can leave out what the embedder brings."""
    brought = lines.get(spec.line).embedders[spec.engine.embedder].settings
    is_brought = name in brought and brought[name] == spec.engine.settings[name]
    return C_API_ONLY if is_brought or name in spec.engine.library_lacks() else IN_C
