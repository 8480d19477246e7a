"""The engine that artifacts are compiled for, as one value: line, target and settings.

A setting at its default is left out and a preset is expanded, once, when the value is made: two declarations of the
same engine are equal, and nobody who holds one has to know how it was written.
"""

from __future__ import annotations

from wasmbuild.engine import triples
from wasmbuild.lean.types import MappingProxyType
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wasmbuild.engine.line import Problem, Value

_FLAGS = "cranelift-flags"
_EMBEDDER = "embedder"


class EngineConfig:
    """A line of Wasmtime, a target and the settings of an engine: immutable, comparable, hashable.

    ``isa_flags`` are all flags of the target's CPU. ``settings`` and ``cranelift_flags`` hold what differs from an
    engine of the C API on that line and target, sorted by name; ``embedder`` is the preset that was declared, a word
    for people that changes nothing any more.

    The constructor takes values that are canonical already; everything else comes through ``declared``, ``from_json``
    or from another value.
    """

    __slots__ = (
        "_arguments",
        "_compiled",
        "_hash",
        "_own_release_only",
        "cranelift_flags",
        "embedder",
        "isa_flags",
        "line",
        "settings",
        "triple",
    )

    line: int
    triple: triples.TargetTriple
    isa_flags: Mapping[str, Value]
    settings: Mapping[str, Value]
    cranelift_flags: Mapping[str, Value]
    embedder: str
    _arguments: tuple[str, ...] | None
    _compiled: Mapping[str, Any] | None
    _own_release_only: bool | None
    _hash: int | None

    def __init__(
        self,
        line: int,
        triple: triples.TargetTriple,
        isa_flags: Mapping[str, Value],
        engine: Mapping[str, Any],
    ) -> None:
        """``engine`` is a canonical engine as ``engine_table`` gives it."""
        put = object.__setattr__
        put(self, "line", line)
        put(self, "triple", triple)
        put(self, "isa_flags", MappingProxyType(dict(isa_flags)))
        put(
            self,
            "settings",
            MappingProxyType({name: value for name, value in engine.items() if name not in (_EMBEDDER, _FLAGS)}),
        )
        put(self, "cranelift_flags", MappingProxyType(dict(engine.get(_FLAGS, {}))))
        put(self, "embedder", engine.get(_EMBEDDER, "c-api"))
        put(self, "_arguments", None)
        put(self, "_compiled", None)
        put(self, "_own_release_only", None)
        put(self, "_hash", None)

    @classmethod
    def declared(
        cls,
        engine: Mapping[str, object],
        *,
        line: int,
        triple: triples.TargetTriple,
        cpu: str | None = None,
        cpu_features: Iterable[str] = (),
    ) -> EngineConfig:
        """Return the value of an ``[engine]`` table for a target. Raises EngineError with all that is wrong."""
        from wasmbuild.engine import cpu as cpus
        from wasmbuild.engine import rules
        from wasmbuild.engine.settings import expand

        features = list(cpu_features)
        wrong = [
            *cpus.problems(triple.architecture, cpu, features, line),
            *rules.problems(engine, line=line, triple=triple),
        ]
        if wrong:
            raise rules.EngineError(wrong)
        return cls(line, triple, cpus.isa_flags(triple.architecture, cpu, features, line), expand(engine, line, triple))

    # --- what it is

    def engine_table(self) -> dict[str, Any]:
        """Return ``embedder``, settings and flags as manifests have them: a canonical engine, for JSON."""
        return {_EMBEDDER: self.embedder, **dict(sorted(self._spelled_out().items()))}

    def values(self) -> dict[str, Value]:
        """Return the value of every setting, defaults filled in; ``strategy`` is never ``"auto"``."""
        from wasmbuild.engine import rules

        return rules.effective(self.settings, self.line, self.triple)

    def problems(self) -> list[Problem]:
        """Return all that is wrong with settings and flags on this line and target; nothing, unless made of others'."""
        from wasmbuild.engine import rules

        return rules.problems(self._spelled_out(), line=self.line, triple=self.triple)

    def differences(self, other: EngineConfig) -> dict[str, tuple[Value | None, Value | None]]:
        """Return the settings in which two engines differ, with both values; flags as ``cranelift-flags.NAME``.

        A flag at its default is None. Line, target, the word of the preset, and settings that follow others in both
        engines are not compared.
        """
        from wasmbuild.engine import lines

        ours, theirs = self._flat(), other._flat()
        followers = {name for name, setting in lines.get(self.line).settings.items() if setting.follows}
        if followers.isdisjoint((*self.settings, *other.settings)):
            for name in followers:
                ours.pop(name)
                theirs.pop(name, None)
        return {
            name: (ours.get(name), theirs.get(name))
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name) or type(ours.get(name)) is not type(theirs.get(name))
        }

    # --- others made from it

    def changed(self, settings: Mapping[str, object]) -> EngineConfig:
        """Return this engine with other settings put over its own. Raises EngineError where they do not go together."""
        from wasmbuild.engine.settings import expand

        wanted = {**self._spelled_out(), **settings}
        return EngineConfig(
            self.line,
            self.triple,
            self.isa_flags,
            {**expand(wanted, self.line, self.triple), _EMBEDDER: settings.get(_EMBEDDER, self.embedder)},
        )

    def on(self, triple: triples.TargetTriple, isa_flags: Mapping[str, Value] | None = None) -> EngineConfig:
        """Return the engine that has the same values on another target, whose defaults may be others.

        Raises EngineError where that target cannot have them.
        """
        from wasmbuild.engine.settings import expand

        wanted = {**self.values(), **self._flags_table()}
        engine = {**expand(wanted, self.line, triple), _EMBEDDER: self.embedder}
        return EngineConfig(self.line, triple, isa_flags or {}, engine)

    def with_isa_flags(self, isa_flags: Mapping[str, Value]) -> EngineConfig:
        """Return the same engine for another CPU, by all flags of that."""
        return EngineConfig(self.line, self.triple, isa_flags, self.engine_table())

    def named(self, embedder: str) -> EngineConfig:
        """Return the same engine under the name of another preset."""
        return EngineConfig(self.line, self.triple, self.isa_flags, {**self.engine_table(), _EMBEDDER: embedder})

    # --- in the words of others

    def executable_arguments(self) -> list[str]:
        """Return all that ``wasmtime compile`` is told of the engine, the target and its CPU included."""
        if self._arguments is None:
            from wasmbuild.engine.translations import flag_options

            isa = flag_options(dict(sorted(self.isa_flags.items())))
            arguments = ["--target", self.triple.text, *self._options(), *isa]
            object.__setattr__(self, "_arguments", tuple(arguments))
        return list(self._arguments or ())

    def version_in_artifacts(self, compiler: str) -> str:
        """Return what artifacts for the engine call themselves that a compiler of this version made."""
        return compiler if self._is_own_release_only() else str(self.line)

    def _is_own_release_only(self) -> bool:
        if self._own_release_only is None:
            from wasmbuild.engine import lines

            object.__setattr__(self, "_own_release_only", lines.get(self.line).own_release_only)
        return bool(self._own_release_only)

    def loading_arguments(self) -> list[str]:
        """Return what ``wasmtime run --allow-precompiled`` is told: the target for Pulley alone, and no CPU."""
        options = self._options()
        # It gives components WASI 0.3 by default, whose functions are concurrent.
        if self.settings.get("concurrency-support") is False:
            options.append("-Sp3=n")
        return [*options, *(["--target", self.triple.text] if self.triple.is_pulley else [])]

    def library_calls(self, *, runtime: bool = False) -> list[list[Any]]:
        """Return the calls on the library's ``Config``, without target and CPU, as ``translations`` describes them."""
        from wasmbuild.engine.translations import config_calls

        return config_calls(self._spelled_out(), self.line, runtime=runtime)

    def library_lacks(self, *, runs: bool = True) -> list[str]:
        """Return the settings whose values the Python library of the line cannot express, or ``runs`` no code of."""
        from wasmbuild.engine.translations import library_lacks

        return library_lacks(self._spelled_out(), self.line, runs=runs)

    def loader_lacks(self) -> list[str]:
        """Return what the library lacks to load artifacts: it need not be told what no loader looks at."""
        from wasmbuild.engine import lines

        settings = lines.get(self.line).settings
        return [name for name in self.library_lacks() if not settings[name].unseen]

    def key_inputs(self) -> dict[str, Any]:
        """Return what decides an artifact's bytes, for its key, as JSON values."""
        if self._compiled is None:
            from wasmbuild.engine.translations import compiler_inputs

            object.__setattr__(self, "_compiled", compiler_inputs(self._spelled_out(), self.line))
        return {"triple": self.triple.text, "isa-flags": dict(self.isa_flags), "engine": dict(self._compiled or {})}

    def declaration(self, embedder: str) -> dict[str, Value]:
        """Return the shortest table, flags apart, that declares these settings with a preset."""
        from wasmbuild.engine import lines, rules

        wanted = self.values()
        table: dict[str, Value] = {_EMBEDDER: embedder}
        # It decides what the others are by default.
        if wanted["strategy"] != "cranelift":
            table["strategy"] = wanted["strategy"]
        settings = lines.get(self.line).settings
        while True:
            have = rules.effective(table, self.line, self.triple, embedder)
            missing = [name for name in sorted(wanted) if wanted[name] != have[name]]
            if not missing:
                return table
            # What follows another setting may be right when that is, or when one of its like is declared.
            first = [name for name in missing if not settings[name].follows] or missing[:1]
            table.update({name: wanted[name] for name in first})

    def to_json(self) -> dict[str, Any]:
        """Return the value as JSON, for other machines and programs; ``from_json`` reads it."""
        return {
            "line": self.line,
            "triple": self.triple.text,
            "isa-flags": dict(self.isa_flags),
            "engine": self.engine_table(),
        }

    @classmethod
    def from_json(cls, document: object) -> EngineConfig:
        """Return the value of JSON that anybody may have written. Raises EngineError with all that is wrong."""
        from wasmbuild.engine.checked import checked

        return cls(*checked(document))

    def to_remembered(self) -> dict[str, Any]:
        """Return the value as JSON together with what it takes a line's data to tell, for a cache of the user's own."""
        return {
            **self.to_json(),
            "arguments": self.executable_arguments(),
            "compiled": self.key_inputs()["engine"],
            "own-release-only": self._is_own_release_only(),
        }

    @classmethod
    def from_remembered(cls, document: Mapping[str, Any]) -> EngineConfig:
        """Return the value of ``to_remembered``, unchecked: neither a rule nor the data of a line is read."""
        triple = triples.parse(document["triple"])
        config = cls(document["line"], triple, document["isa-flags"], document["engine"])
        object.__setattr__(config, "_arguments", tuple(document["arguments"]))
        object.__setattr__(config, "_compiled", document["compiled"])
        object.__setattr__(config, "_own_release_only", document["own-release-only"])
        return config

    # --- a value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an EngineConfig is never changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an EngineConfig is never changed: {name}")

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, EngineConfig) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            object.__setattr__(self, "_hash", hash(self._identity()))
        return self._hash or 0

    def __reduce__(self) -> tuple[Any, ...]:
        return EngineConfig, (self.line, self.triple, dict(self.isa_flags), self.engine_table())

    def __repr__(self) -> str:
        return f"EngineConfig({self.line}, {self.triple.text}, {dict(self.isa_flags)}, {self.engine_table()})"

    def _identity(self) -> tuple[Any, ...]:
        # With the kinds of values: true is not 1.
        tables = (self.isa_flags, self.settings, self.cranelift_flags)
        rows = (tuple((name, type(value), value) for name, value in sorted(table.items())) for table in tables)
        return self.line, self.triple, self.embedder, *rows

    def _flags_table(self) -> dict[str, Any]:
        return {_FLAGS: dict(self.cranelift_flags)} if self.cranelift_flags else {}

    def _spelled_out(self) -> dict[str, Any]:
        """Return settings and flags without the preset, which they say already."""
        return {**self.settings, **self._flags_table()}

    def _flat(self) -> dict[str, Value]:
        return {**self.values(), **{f"{_FLAGS}.{name}": value for name, value in self.cranelift_flags.items()}}

    def _options(self) -> list[str]:
        from wasmbuild.engine.translations import cli_args

        return cli_args(self._spelled_out(), self.line)


def engine_toml(declared: Mapping[str, Value]) -> str:
    """Return an ``[engine]`` table as TOML, with a newline at its end."""
    from wasmbuild.text import shown

    return "\n".join(["[engine]", *(f"{name} = {shown(value)}" for name, value in declared.items()), ""])
