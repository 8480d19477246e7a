"""Target triples: what Wasmtime compiles for, and what to write instead of a triple that it does not know.

Measured with the executables of 48.0.2 and 49.0.3, which hold every backend: they take the architectures, operating
systems and environments listed here, and two more architectures (``pulley``). The grammar is that of the
crate ``target-lexicon``: architecture, then up to four more parts, each of them optional.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.engine import target_names

# The first part of a triple, to the name that settings and CPU levels go by.
_ARCHITECTURES = {
    "x86_64": "x86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
    "riscv64": "riscv64",
    "riscv64gc": "riscv64",
    "s390x": "s390x",
    "pulley32": "pulley32",
    "pulley64": "pulley64",
    "pulley32be": "pulley32be",
    "pulley64be": "pulley64be",
}

ARCHITECTURES = ("x86_64", "aarch64", "riscv64", "s390x", "pulley32", "pulley64", "pulley32be", "pulley64be")

# What people write for an architecture that target-lexicon does not know by that name.
_ALIASES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "x86-64": "x86_64",
    "x86_64h": "x86_64",
    "arm64e": "aarch64",
    "arm64ec": "aarch64",
    "armv8": "aarch64",
    "aarch_64": "aarch64",
    "rv64": "riscv64gc",
    "rv64gc": "riscv64gc",
    "riscv": "riscv64gc",
    "systemz": "s390x",
    "s390_64": "s390x",
    "pulley": "pulley64",
    **{f"pulley-{kind}": f"pulley{kind}" for kind in ("32", "64", "32be", "64be")},
}

_VENDORS = ("unknown", "pc", "apple", "ibm", "linux", "alpine", "amazon", "redhat", "suse", "fortanix", "sun")

SYSTEMS = (
    "linux", "windows", "darwin", "macosx", "ios", "tvos", "visionos", "watchos", "freebsd", "netbsd", "openbsd",
    "dragonfly", "illumos", "solaris", "fuchsia", "redox", "haiku", "uefi", "none",
)  # fmt: skip

_ENVIRONMENTS = ("gnu", "musl", "msvc", "android", "ohos", "uclibc", "sim", "macabi", "elf", "gnullvm")
# Of 32 bits, by the environment that has 64.
_NARROW_ENVIRONMENTS = {"gnux32": "gnu", "gnu_ilp32": "gnu", "muslx32": "musl"}

COMMON = (
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-pc-windows-msvc",
    "x86_64-pc-windows-gnu",
    "x86_64-apple-darwin",
    "x86_64-unknown-freebsd",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "aarch64-apple-darwin",
    "aarch64-apple-ios",
    "aarch64-linux-android",
    "aarch64-pc-windows-msvc",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "pulley32",
    "pulley64",
    "pulley32be",
    "pulley64be",
)

# What other tools call targets, where the words do not tell: Android's ABIs, MinGW's hosts and an ABI of Windows.
_FOREIGN = {
    "arm64-v8a": "aarch64-linux-android",
    "armeabi-v7a": "pulley32",
    "x86_64-w64-mingw32": "x86_64-pc-windows-gnu",
    "x86_64-w64-windows-gnu": "x86_64-pc-windows-gnu",
    "aarch64-w64-mingw32": "aarch64-pc-windows-gnullvm",
    "arm64ec": "aarch64-pc-windows-msvc",
}

_OF_OTHER_TOOLS = "is what other tools call a target"

# What follows an architecture that was written alone.
_USUAL = "-unknown-linux-gnu"

_LONGEST = 100

_NATIVE = "|".join(name for name in _ARCHITECTURES if not name.startswith("pulley"))
_SYSTEM = rf"({'|'.join(SYSTEMS)}|(darwin|macosx)[0-9.]+)"
_PORTABLE = "pulley(32|64)(be)?(-unknown-unknown(-elf)?)?"

PATTERN = rf"^(({_NATIVE})(-[^-]+)?-{_SYSTEM}(-[^-]+)?|{_PORTABLE})$"
"""Triples as a regular expression, which takes some that ``parse`` does not."""


def spellings(architecture: str) -> list[str]:
    """Return the first parts of triples of an architecture, one of ``ARCHITECTURES``."""
    return [name for name, known in _ARCHITECTURES.items() if known == architecture]


class TargetTriple(NamedTuple):
    """A target that Wasmtime compiles for.

    ``text`` is the triple as declared, ``architecture`` one of ``ARCHITECTURES``, ``os`` the operating system
    (``"linux"``, ``"windows"``, ``"macos"``, … or ``"none"``), ``environment`` the last part (``"gnu"``, ``"musl"``,
    ``"msvc"``, … or ``""``).
    """

    text: str
    architecture: str
    os: str
    environment: str

    def __str__(self) -> str:
        return self.text

    @property
    def is_pulley(self) -> bool:
        """Whether it is Wasmtime's portable interpreter."""
        return self.architecture.startswith("pulley")

    @property
    def is_windows(self) -> bool:
        return self.os == "windows"

    @property
    def vendor(self) -> str:
        """The part between architecture and system (``"unknown"``, ``"pc"``, ``"apple"``), which may be left out."""
        first, *rest = self.text.split("-")
        if rest and f"{first}-{rest[0]}" in _ALIASES:
            rest = rest[1:]
        return rest[0] if _has_vendor(rest) else "unknown"

    @property
    def pointer_width(self) -> int:
        """Bits of a pointer: 32 for ``pulley32`` and ``pulley32be``, else 64."""
        return 32 if self.architecture.startswith("pulley32") else 64

    @property
    def is_big_endian(self) -> bool:
        return self.architecture == "s390x" or self.architecture.endswith("be")

    def loads(self, other: TargetTriple) -> bool:
        """Tell whether a program of this target can load what is compiled for another, Pulley and CPU features apart.

        Wasmtime's loader compares architecture and system, not the environment: gnu and musl are alike to it.
        """
        return (self.architecture, self.os) == (other.architecture, other.os)


class _Flaw(NamedTuple):
    """What is wrong with a triple, and what to write: a triple as it is, or the one that is nearest to a guess."""

    problem: str
    triple: str = ""
    guess: str = ""
    advice: str = "write"


def parse(text: str) -> TargetTriple:
    """Return the target that a triple names.

    Raises ValueError with the problem and, after a semicolon, what to write: for a triple that is malformed, and for
    one that Wasmtime does not compile for.
    """
    found = _read(text)
    if isinstance(found, TargetTriple):
        return found
    meant = found.triple or _nearest(found.guess)
    if meant is None:
        systems = ", ".join(SYSTEMS)
        raise ValueError(f"{found.problem}; systems are {systems}: write a triple like {quoted(example(found.guess))}")
    question = "?" if found.advice == "did you mean" else ""
    interpreted = ", which Wasmtime interprets there" if found.triple.startswith("pulley") and not question else ""
    raise ValueError(f"{found.problem}; {found.advice} {quoted(meant)}{interpreted}{question}")


def _read(text: str) -> TargetTriple | _Flaw:
    if not text:
        return _Flaw("is empty", COMMON[0], advice="write a target triple, for example")
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST:
        return _Flaw("is no target triple", COMMON[0], advice="write one like")
    if text in _FOREIGN:
        return _Flaw(_OF_OTHER_TOOLS, _FOREIGN[text])
    first, *rest = text.split("-")
    if rest and f"{first}-{rest[0]}" in _ALIASES:
        first, *rest = (f"{first}-{rest[0]}", *rest[1:])
    architecture = _ARCHITECTURES.get(first)
    if architecture is None:
        return _unknown_architecture(text, first)
    if architecture.startswith("pulley"):
        # The executable calls all of these alike; only this spelling is the same for both compilers.
        if rest and rest not in (["unknown", "unknown"], ["unknown", "unknown", "elf"]):
            return _Flaw(f"names a system, but {quoted(first)} runs on every system", guess=first)
        return TargetTriple(text, architecture, "none", "")
    if not rest:
        return _Flaw("is an architecture without a system", guess=first + _USUAL)
    if "" in rest:
        return _Flaw("has an empty part", guess=text)
    return _system(text, architecture, rest)


def _has_vendor(parts: list[str]) -> bool:
    """Tell whether a vendor is the first of the parts behind an architecture, or a system: x86_64-linux-gnu."""
    return len(parts) > 1 and (_system_name(parts[0]) is None or _system_name(parts[1]) is not None)


def _system(text: str, architecture: str, parts: list[str]) -> TargetTriple | _Flaw:
    system, *others = parts
    if not others and system in _VENDORS and _system_name(system) is None:
        return _Flaw("names no system", guess=f"{text}-{'darwin' if system == 'apple' else 'linux-gnu'}")
    # Zig ends the name of a system so that has no environment.
    if others == ["none"] and system != "none" and (meant := _named(f"{architecture}-{system}").triple()):
        return _Flaw(_OF_OTHER_TOOLS, meant)
    if _has_vendor(parts):
        system, *others = others
    name = _system_name(system)
    if name is None:
        guess = _named(text).triple() or text.replace(system, _slip(system, SYSTEMS) or system)
        return _Flaw(f"names the unknown system {quoted(system)}", guess=guess, advice="did you mean")
    if len(others) > 1:
        return _Flaw("has too many parts", guess=text)
    environment = others[0] if others else ""
    if environment in _NARROW_ENVIRONMENTS:
        meant = text.removesuffix(environment) + _NARROW_ENVIRONMENTS[environment]
        return _Flaw("has pointers of 32 bits, which Wasmtime lacks", meant)
    if environment and environment not in _ENVIRONMENTS:
        problem = f"names the unknown environment {quoted(environment)}"
        return _Flaw(problem, guess=text, advice="did you mean")
    return TargetTriple(text, architecture, name, environment)


def _system_name(part: str) -> str | None:
    if part in ("darwin", "macosx"):
        return "macos"
    for apple in ("darwin", "macosx"):
        # A version may follow, as in aarch64-apple-macosx11.0.
        if part.startswith(apple) and part[len(apple) :].replace(".", "").isdigit():
            return "macos"
    return part if part in SYSTEMS else None


def _unknown_architecture(text: str, first: str) -> _Flaw:
    from wasmbuild.engine import pulley, target_names

    words = target_names.words(text)
    if any(word.startswith("wasm") for word in words):
        problem = "names WebAssembly itself, not a machine"
        return _Flaw(problem, COMMON[0], advice="write the triple of what runs it, like")
    if (instead := pulley.interpreter(first)) is not None:
        return _Flaw(pulley.problem(first), instead)
    slip = _slip(first, _ARCHITECTURES)
    # Where another word names the machine, the first is no misspelt one.
    if slip is None and words and not _named(words[0]).architecture:
        machines = filter(None, map(pulley.interpreter, words))
        if meant := _named(text).triple() or next(machines, ""):
            return _Flaw(_OF_OTHER_TOOLS, meant)
    alias = _ALIASES.get(first.lower()) or slip
    problem = f"is for the unknown architecture {quoted(first)}"
    if alias is None:
        names = ", ".join(ARCHITECTURES)
        return _Flaw(problem, example(text), advice=f"Wasmtime compiles for {names}: write a triple like")
    return _Flaw(problem, guess=alias + (text[len(first) :] or _USUAL), advice="did you mean")


def _slip(word: str, known: Iterable[str]) -> str | None:
    """Return the one of ``known`` that was mistyped as ``word``, if it is certain to be no other machine or system.

    One letter is missing, too many or another one, or they are in another order; the first one and digits are there.
    """
    word = word.lower()
    for name in known:
        same = word[:1] == name[:1] and _digits(word) == _digits(name)
        if same and (sorted(word) == sorted(name) or _is_one_off(word, name)):
            return name
    return None


def _digits(word: str) -> list[str]:
    return sorted(filter(str.isdigit, word))


def _is_one_off(word: str, name: str) -> bool:
    start = _shared(word, name)
    end = _shared(word[start:][::-1], name[start:][::-1])
    return max(len(word), len(name)) - start - end <= 1


def _shared(one: str, other: str) -> int:
    """Return with how many letters both begin."""
    differences = (at for at, (mine, its) in enumerate(zip(one, other, strict=False)) if mine != its)
    return next(differences, min(len(one), len(other)))


def _nearest(guess: str) -> str | None:
    """Return a triple like a guess, for the machine and the system that it names; None where it names none of these."""
    return guess if isinstance(_read(guess), TargetTriple) else _named(guess).triple() or None


def _named(text: str) -> target_names.NamedTarget:
    """Return the machine and the system that a text names, whatever else is in it."""
    from wasmbuild.engine import target_names

    architectures = {**_ARCHITECTURES, **{alias: _ARCHITECTURES[first] for alias, first in _ALIASES.items()}}
    return target_names.read(text, architectures, {system: system for system in SYSTEMS})


def example(text: str) -> str:
    """Return a triple for the machine and the system that a text names, as far as it names any: ``"edge-x64"``."""
    named = _named(text)
    return named.triple() or max(
        COMMON, key=lambda triple: [wanted == its != "" for wanted, its in zip(named, _named(triple), strict=True)]
    )
