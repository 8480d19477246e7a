"""The search: an artifact, what the program says of it, the one setting that it names, and again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from wasmbuild.embed.artifact import artifact_of
from wasmbuild.engine import host, lines, rules
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Value
from wasmbuild.engine.triples import TargetTriple
from wasmbuild.errors import WasmbuildError
from wasmbuild.fit.messages import (
    AlreadyLoaded,
    Change,
    Compiles,
    Meaning,
    Obstacle,
    OtherKind,
    OtherLine,
    OtherPlatform,
    meaning,
)
from wasmbuild.formats import cwasm
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import child, endings
from wasmbuild.toolchain.embedded import EMPTY
from wasmbuild.toolchain.find import remedies
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.toolchain import Toolchain

PLACE = "{}"
"""What stands for the artifact's path in a command."""

_STEPS = 40
_SHOWN_LINES = 8
# Lines of Wasmtime that are tried to find out that of a program; there is one a month.
_NEAR = 15
# Older ones refuse all that another release compiled, and do not say which they are.
_FIRST_TO_FIND = lines.LAST_OWN_RELEASE_ONLY + 1
_EXAMPLES = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu", "riscv64gc-unknown-linux-gnu")


class NotFoundError(WasmbuildError):
    """The settings of a program could not be found out; the text says why and what to do."""

    exit_code = 1


class Success(NamedTuple):
    """How a program tells that it has loaded an artifact: an exit status, or with ``text`` what it writes."""

    status: int
    text: str | None


class ExaminedProgram(NamedTuple):
    """A program that loads artifacts: its command, in which ``PLACE`` stands for a path, and its environment."""

    command: Sequence[str]
    environment: dict[str, str]
    seconds: float
    success: Success


class Search:
    """Finds the settings of one program. ``tell`` is called with each step in words."""

    def __init__(
        self,
        program: ExaminedProgram,
        toolchain: Toolchain,
        line: int,
        triple: TargetTriple,
        tell: Callable[[str], None],
    ) -> None:
        self._program = program
        self._toolchain = toolchain
        self._line = line
        self._triple = triple
        self._tell = tell
        self._count = 0
        self._kind = "module"
        self._wasm: bytes | None = None

    def run(self, wasm: bytes | None = None, kind: str = "module") -> dict[str, Value]:
        """Return the settings with which the program loads artifacts, as far as they differ from ``c-api``.

        It is given an empty module, or an empty component where it wants one; or ``wasm``, a binary of a ``kind``.
        Raises NotFoundError, CompileError, ToolchainError, ChildError.
        """
        self._wasm, self._kind = wasm, kind
        with tempfile.TemporaryDirectory(prefix="wasmbuild-fit-") as directory:
            self._directory = Path(directory)
            return self._search()

    def _search(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        artifact = self._compile(found)
        self._control(artifact)
        for step in range(1, _STEPS + 1):
            ended = self._give(artifact)
            said = meaning(_output(ended), self._line)
            if self._has_loaded(ended, said):
                return found
            if isinstance(said, Change):
                self._tell(f"{step}. {said}  ({said.said})")
                found = self._changed(found, said)
            elif isinstance(said, OtherKind) and self._wasm is None and self._kind == "module":
                self._tell(f"{step}. it loads components  ({said.said})")
                self._kind = "component"
            else:
                raise self._end(ended, said, artifact)
            artifact = self._compile(found)
        raise NotFoundError(f"{self._name} still refuses artifacts after {_STEPS} changes; {_tell_us(found)}")

    def _changed(self, found: dict[str, Value], change: Change) -> dict[str, Value]:
        for name, value in change.settings.items():
            if name in found and found[name] != value:
                raise NotFoundError(
                    f"{self._name} wants {name} both ways, after other settings had changed; its engine cannot be "
                    f"matched: {change.said}"
                )
        if all(found.get(name) == value for name, value in change.settings.items()):
            raise NotFoundError(
                f"{self._name} refuses what it asked for: artifacts with {change} are still refused with "
                f'"{change.said}"; its Wasmtime may be a changed one'
            )
        changed = {**found, **change.settings}
        wrong = rules.problems(changed, line=self._line, triple=self._triple)
        if wrong:
            key, problem, fix = wrong[0]
            raise NotFoundError(f"{self._name} wants {change}, which cannot be compiled: {key}: {problem}; {fix}")
        return changed

    def _control(self, artifact: bytes) -> None:
        """Check that the program fails on an artifact for no machine at all: else its success would prove nothing."""
        ended = self._give(_for_nothing(artifact, cwasm.read(artifact).version))
        said = meaning(_output(ended), self._line)
        if isinstance(said, Compiles):
            raise self._compiles(said)
        if said is not None and not isinstance(said, AlreadyLoaded):
            return
        if self._succeeded(ended):
            how = "succeeds"
            advice = f"let it load {PLACE} and end with another status when it cannot, or tell with --success-text"
            if self._program.success.text is not None:
                how, advice = "writes that", f"let it load {PLACE}, and name as --success-text"
            raise NotFoundError(
                f"{self._name} {how} even with an artifact that nothing can load: it does not load what it is given, "
                f"or does not say when that fails; {advice} what it writes only when it has loaded it"
            )
        self._check_time(ended)

    def _has_loaded(self, ended: child.ChildResult, said: Meaning | None) -> bool:
        if isinstance(said, AlreadyLoaded):
            self._tell(f"loaded, and then: {said.said}")
            return True
        return said is None and self._succeeded(ended)

    def _succeeded(self, ended: child.ChildResult) -> bool:
        status, text = self._program.success
        if text is not None:
            return text in _output(ended)
        return ended.status == status and not _timed_out(ended)

    def _end(self, ended: child.ChildResult, said: Meaning | None, artifact: bytes) -> NotFoundError:
        """Return why the search ends here."""
        if isinstance(said, OtherLine):
            return self._other_line(artifact)
        if isinstance(said, OtherPlatform):
            return self._other_platform(said)
        if isinstance(said, OtherKind):
            other = "component" if self._kind == "module" else "module"
            return NotFoundError(
                f"{self._name} loads a {other}, and was given a {self._kind}; name a {other} as --source"
            )
        if isinstance(said, Compiles):
            return self._compiles(said)
        if isinstance(said, Obstacle):
            return NotFoundError(f'{self._name} says "{said.said}": {said.meaning}')
        self._check_time(ended)
        how = ended.reason or "ended with status 0"
        problem = f"{self._name} {how}, and wrote nothing that Wasmtime's loader says"
        told = ", or tell with --success-text what it writes then" if self._program.success.text is None else ""
        advice = (
            "if it has loaded the artifact and wants more of it, give it a module of its own with --source FILE"
            f"{told}; if it hides what Wasmtime says, let it print that"
        )
        if ended.status < 0:
            problem = f"{self._name} {how} over an artifact, and wrote nothing that Wasmtime's loader says"
            advice = "find out with a debugger whether that is in loading; a program that fails has to say why"
        written = [line for line in _output(ended).splitlines() if line.strip()]
        shown = [f"    {printable(line)}" for line in written[-_SHOWN_LINES:]]
        return NotFoundError("\n".join([f"{problem}; {advice}", *shown]))

    def _compiles(self, said: Compiles) -> NotFoundError:
        return NotFoundError(
            f'{self._name} does not load artifacts: it says "{said.said}", because it gives the file to the call that '
            f"compiles standard WebAssembly; artifacts need another one: wasmtime_module_deserialize_file in C, "
            f"Module::deserialize_file in Rust, Module.deserialize_file in Python"
        )

    def _check_time(self, ended: child.ChildResult) -> None:
        if _timed_out(ended):
            advice = "let it end after loading, tell with --success-text what it writes when it has loaded"
            if (text := self._program.success.text) is not None:
                advice = f"it had not written {text!r}: let it do so when it has loaded"
            raise NotFoundError(
                f"{self._name} {ended.reason} and was killed; {advice}, or give it longer with --timeout"
            )

    def _other_platform(self, said: OtherPlatform) -> NotFoundError:
        own, native = self._triple.text, host.triple()
        here = f"leave --triple out for a program of this machine ({native}), " if native not in (None, own) else ""
        name = "name its target with --triple, such as" if not here else "or name another one, such as"
        other = next(triple for triple in _EXAMPLES if triple not in (own, native))
        interprets = ", or pulley64 for an engine that interprets" if not self._triple.is_pulley else ""
        return NotFoundError(
            f'{self._name} says "{said.said}": its engine is for another platform than these artifacts, which are for '
            f"{own}; {here}{name} {other}{interprets}"
        )

    def _other_line(self, artifact: bytes) -> NotFoundError:
        if lines.own_release_only(self._line):
            made_by = cwasm.read(artifact).version
            return NotFoundError(
                f"{self._name} does not take what Wasmtime {made_by} compiled: a release of line {self._line} loads "
                f"its own artifacts alone; compile with the release that the program has"
            )
        line = self._find_line(artifact)
        if line is None:
            return NotFoundError(
                f"{self._name} has a Wasmtime of another line than {self._line}, and none from "
                f"{max(self._line - _NEAR, _FIRST_TO_FIND)} to {self._line + _NEAR}; find out which (those before "
                f"{_FIRST_TO_FIND} cannot be told like this), and compile with that one"
            )
        known = ", ".join(map(str, lines.known()))
        if line not in lines.known():
            return NotFoundError(
                f"{self._name} has Wasmtime {line}, and wasmbuild knows {known}; build it with one of those"
            )
        return NotFoundError(
            f"{self._name} has Wasmtime {line}, and these artifacts are for {self._line}; write wasmtime = "
            f'"{line}" under [toolchain], or try again with --line {line}; a compiler of that line is needed: '
            f"{remedies(line)}"
        )

    def _find_line(self, artifact: bytes) -> int | None:
        """Return the line of the program's Wasmtime: that whose number it does not refuse.

        The version is compared before anything else, and no engine goes on to load what is given.
        """
        for distance in range(1, _NEAR + 1):
            for line in (self._line + distance, self._line - distance):
                if line < _FIRST_TO_FIND:
                    continue
                ended = self._give(_for_nothing(artifact, str(line)))
                if not isinstance(meaning(_output(ended)), OtherLine):
                    return line
        return None

    def _compile(self, found: dict[str, Value]) -> bytes:
        engine = EngineConfig(self._line, self._triple, {}, {}).changed(found)
        wasm = EMPTY[self._kind] if self._wasm is None else self._wasm
        return artifact_of(wasm, self._toolchain, self._kind, engine)

    def _give(self, artifact: bytes) -> child.ChildResult:
        self._count += 1
        path = self._directory / f"{self._count}.cwasm"
        try:
            path.write_bytes(artifact)
        except FileNotFoundError:
            problem = f"{self._name} removes the directory of what it is given; let it leave that alone"
            raise NotFoundError(problem) from None
        argv = [word.replace(PLACE, str(path)) for word in self._program.command]
        limits = ProcessLimits(seconds=self._program.seconds)
        try:
            return child.run(argv, limits=limits, env_extra=self._program.environment)
        finally:
            path.unlink(missing_ok=True)

    @property
    def _name(self) -> str:
        return self._program.command[0]


def _for_nothing(artifact: bytes, version: str) -> bytes:
    """Return an artifact of a version of Wasmtime and for a target that does not exist: no engine loads it."""
    facts = cwasm.read(artifact)
    [section] = [section for section in facts.sections if section.name == cwasm.ENGINE_SECTION]
    # The target follows the version, behind its own length.
    behind = facts.engine[2 + len(facts.version) :].replace(facts.triple.encode(), b"?" + facts.triple[1:].encode(), 1)
    engine = bytes((0, len(version))) + version.encode("ascii") + behind
    changed = bytearray(artifact)
    changed[section.offset : section.offset + section.size] = engine[: section.size].ljust(section.size, b"\0")
    return bytes(changed)


def _timed_out(ended: child.ChildResult) -> bool:
    return endings.is_late(ended.reason)


def _output(ended: child.ChildResult) -> str:
    return ended.stdout.decode("utf-8", "replace") + "\n" + ended.stderr


def _tell_us(found: dict[str, Value]) -> str:
    return f"the last ones were {', '.join(list(found)[-3:])}"
