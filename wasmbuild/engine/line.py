"""What a line of Wasmtime has, as values: the kinds of things that a file of ``engine/lines`` says."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from wasmbuild.lean.typing import NamedTuple

Value = bool | int | str
"""Of a setting or a flag."""

Problem = tuple[str, str, str]
"""The dotted key below the table that is judged, what is wrong, what to write instead."""

EQUAL = "equal"
FEATURE = "feature"
UNSEEN = "unseen"
RUNTIME = "runtime"

CHECKS = {
    EQUAL: "engine and artifact must agree",
    FEATURE: "an artifact that has it needs an engine that has it",
    UNSEEN: "the loader does not see it",
    RUNTIME: "of the loading engine alone; artifacts are the same",
}
"""What Wasmtime's loader makes of a setting in which engine and artifact differ."""

RELEASE = "release"
"""The ``artifact_version`` of lines whose artifacts name the whole release."""

MAX_SIZE = 2**61
"""A memory is reserved with what it may grow by and a guard on both sides; the sum of larger ones may pass 64 bits."""


class Setting(NamedTuple):
    """One engine setting, named as in ``wasmtime.Config`` with dashes: Python's class, or Rust's where that has none.

    ``default`` is for a target of 64 bits compiled by Cranelift; what differs elsewhere is in ``Line``. The kind of a
    value is that of its default; ``choices`` are all that a text may be, and what a switch may be besides on and off,
    ``low`` and ``high`` bound an integer
    (``unit`` says of what). ``check`` is one of ``CHECKS``. Values in mappings are spelled as in JSON (``"true"``).

    ``cli`` is the option of ``wasmtime`` up to its value, None for a setting that no code can tell from its default;
    ``cli_values`` are what the option calls values other than ``y``, ``n`` or as they are. ``python`` is the property
    of the Python library's ``Config``, ``c_api`` the setter of the C API that its ``_bindings`` have instead,
    ``c_values`` what it calls texts; with neither, the library cannot express it. Where it can and
    ``library_aborts``, it compiles so and lacks what such code calls, which ends the process. With ``no_code`` an
    engine has the feature, and no compiler has code for its instructions. ``off_with`` is what has to be off too when
    this is, as both compilers name it, and no setting of its own. ``follows`` is the setting whose
    value this one has where none of those that follow one is declared; ``when_on`` are the values that others have
    where they are not declared and this is on, and ``needs`` the settings that must be on then.

    ``c_macro`` is what the headers declare the setter for, ``c_enum`` the prefix of its values there. ``rust`` is the
    method of the crate's ``Config`` where the name does not tell, ``rust_values`` its enumerations, ``rust_feature``
    what the crate must be built with to have it, or to take it when it is on.
    """

    name: str
    default: Value
    check: str
    doc: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = MAX_SIZE
    unit: str = ""
    cli: str | None = None
    cli_values: Mapping[str, str] = {}
    python: str | None = None
    c_api: str | None = None
    c_values: Mapping[str, int] = {}
    library_aborts: bool = False
    no_code: bool = False
    off_with: str = ""
    follows: str = ""
    when_on: Mapping[str, Value] = {}
    needs: tuple[str, ...] = ()
    c_macro: str | None = None
    c_enum: str = ""
    rust: str = ""
    rust_values: Mapping[str, str] = {}
    rust_feature: str = ""

    def binds(self, value: Value | None) -> bool:
        """Tell whether an engine that has another value refuses what was made with this one."""
        return self.check == EQUAL or (self.check == FEATURE and value is True)

    @property
    def unseen(self) -> bool:
        """Whether artifacts load whatever an engine has for it."""
        return self.check == UNSEEN

    @property
    def values(self) -> tuple[Value, ...]:
        """All that it may be, nothing of a number."""
        return (*((False, True) if isinstance(self.default, bool) else ()), *self.choices)

    @property
    def runtime_only(self) -> bool:
        """Whether it changes nothing of what is compiled."""
        return self.check == RUNTIME

    @property
    def off_with_setter(self) -> str:
        """The setter of the C API for what ``off_with`` names."""
        return f"wasmtime_config_wasm_{self.off_with.replace('-', '_')}_set"

    @property
    def in_library(self) -> bool:
        """Whether the Python library can express it."""
        return self.python is not None or self.c_api is not None


class Flag(NamedTuple):
    """A flag of Cranelift that may be set, to a value of the kind of ``default``; integers lie between two bounds.

    A ``spectre`` mitigation is off, and cannot be on, where signals-based traps are off.
    """

    default: Value
    doc: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    spectre: bool = False
    unit: str = ""


class RefusedFlags(NamedTuple):
    """Flags of Cranelift that may not be set: Wasmtime sets them, its loader refuses them, they are for tests.

    ``settings`` maps those that are settings of their own to these.
    """

    overridden: tuple[str, ...]
    unloadable: tuple[str, ...]
    testing: tuple[str, ...]
    settings: Mapping[str, str]


class Embedder(NamedTuple):
    """A kind of program that loads: ``settings`` are what its engine has that differs from one of the C API.

    ``unconfigured`` is what such an engine has that nobody configured, where ``settings`` are stricter for safety.
    """

    doc: str
    settings: Mapping[str, Value]
    unconfigured: Mapping[str, Value] = {}


class Winch(NamedTuple):
    """What the compiler Winch has: where it works, what is off by default, cannot be on, and must be as said.

    ``off`` and ``lacks`` have those of one architecture under its name, of all under ``""``. Of ``lacks``, some may be
    settings of other lines only.
    """

    architectures: tuple[str, ...]
    off: Mapping[str, tuple[str, ...]]
    lacks: Mapping[str, tuple[str, ...]]
    needs: Mapping[str, Value]


class Conflict(NamedTuple):
    """Settings that do not go together: those of ``when``, where each has the value there, or one of several.

    It is so on targets whose ``ARCHITECTURE-SYSTEM`` matches one of the globs ``on`` and none of ``excluded``; with
    neither it is so on all. It is said of the first of ``keys`` that is declared, else of the last. In ``problem``,
    ``{architecture}`` and ``{triple}`` stand for the target's.
    """

    when: Mapping[str, Value | list[Value]]
    keys: tuple[str, ...]
    problem: str
    fix: str
    on: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class RequiredFeatures(NamedTuple):
    """CPU features of which an architecture's code needs one: ``missing`` says that it lacks them, ``why`` what then.

    ``fix`` is what to write instead, ``advice`` the same for whoever meets the consequence.
    """

    any_of: tuple[str, ...]
    missing: str
    why: str
    fix: str
    advice: str


class CpuTable(NamedTuple):
    """What Cranelift knows of an architecture's CPUs.

    ``features`` maps a feature to what every CPU that has it has too; ``flags`` maps a feature to its ISA flag where
    that is not the feature's name behind ``has_``; ``levels`` maps a level, lowest first, to its features and the
    levels that it has all of. Of flags that are no features, ``always_on`` are on whatever is asked for, ``left_out``
    are not.
    """

    features: Mapping[str, tuple[str, ...]]
    levels: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, str] = {}
    left_out: tuple[str, ...] = ()
    always_on: tuple[str, ...] = ()
    needed: RequiredFeatures | None = None

    def flag(self, feature: str) -> str:
        """Return the ISA flag of a feature."""
        return self.flags.get(feature, f"has_{feature}")

    def isa_flags(self, names: Iterable[str]) -> dict[str, Value]:
        """Return the ISA flags of features and levels and of all that they bring, sorted by name."""
        flags = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self.levels:
                waiting.extend(self.levels[name])
            else:
                flags.add(self.flag(name))
                waiting.extend(self.features[name])
        return dict.fromkeys(sorted(flags), True)


class Line(NamedTuple):
    """All that is known of a line (major version) of Wasmtime.

    ``artifact_version`` is what artifacts name and loaders compare, ``"line"`` or the whole ``"release"``. ``library``
    says whether the Python library of the line is used; without it, executables do all that is done here.
    ``defaults`` are those of targets that differ from what the settings say, by the start of their architecture.
    ``install`` is the command that gets a compiler for every target, or empty. ``layout_moved_in`` is the patch release
    from which on libraries keep their fields elsewhere, 0 where all of them do. ``cargo_features`` are those of the
    crate ``wasmtime-cli`` that make an executable for all targets, ``other_options`` globs of options of
    ``wasmtime compile`` that are no settings. ``cpus`` are by architecture.
    """

    number: int
    artifact_version: str
    library: bool
    settings: Mapping[str, Setting]
    defaults: Mapping[str, Mapping[str, Value]]
    embedders: Mapping[str, Embedder]
    winch: Winch
    flags: Mapping[str, Flag]
    refused_flags: RefusedFlags
    install: str
    layout_moved_in: int
    cargo_features: tuple[str, ...]
    other_options: tuple[str, ...]
    conflicts: Mapping[str, Conflict]
    cpus: Mapping[str, CpuTable]

    @property
    def own_release_only(self) -> bool:
        """Whether a release loads what it compiled itself and nothing else."""
        return self.artifact_version == RELEASE

    def version_in_artifacts(self, compiler: str) -> str:
        """Return what artifacts of a release of the line call themselves."""
        return compiler if self.own_release_only else str(self.number)

    def setting_defaults(self, architecture: str | None, strategy: str = "cranelift") -> dict[str, Value]:
        """Return what every setting is when it is not declared; ``architecture`` is None for any native one."""
        values = {name: setting.default for name, setting in self.settings.items()}
        for start, others in self.defaults.items():
            if architecture is not None and architecture.startswith(start):
                values.update(others)
        if strategy == "winch":
            values.update(dict.fromkeys((*self.winch.off[""], *self.winch.off.get(architecture or "", ())), False))
        return {**values, **self.dependent(values)}

    def dependent(self, values: Mapping[str, Value], declared: Container[str] = ()) -> dict[str, Value]:
        """Return what settings that depend on others are when they are not ``declared``, those being as in ``values``.

        Where one that follows is declared, none does.
        """
        brought = [
            setting.when_on for name, setting in self.settings.items() if setting.when_on and values[name] is True
        ]
        followers = {name: values[setting.follows] for name, setting in self.settings.items() if setting.follows}
        if any(name in declared for name in followers):
            followers = {}
        return {**followers, **{name: value for table in brought for name, value in table.items()}}
