"""Load and test artifacts with a ``wasmtime`` executable, one process for each load and for each test.

``wasmtime run`` deserializes the file that it is given before it opens what ``--preload`` names. With a preload that
does not exist it stops there: nothing is instantiated, and no code of the artifact runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from wasmbuild.diagnosis.wording import one_line
from wasmbuild.errors import ChildError
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.interrupts import DeferredInterrupts
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.project.cases import Case
from wasmbuild.toolchain import child, process
from wasmbuild.toolchain.endings import is_from_outside, is_late
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify import executable_cases, memory_limited, tested, values
from wasmbuild.verify.executable_directories import UntoldError, given
from wasmbuild.verify.host_errors import host_lacks, how_it_ended, lacks_memory, unverified
from wasmbuild.verify.library_answers import is_of_the_host, start_failure
from wasmbuild.verify.loading import HERE, Load, LoadingSite, LoadOutcome, crash, refusal
from wasmbuild.verify.outcomes import WASMTIME, Obstacle
from wasmbuild.verify.probes import with_memory_limit
from wasmbuild.verify.tested import CaseResult, Metering

# Below a file there is nothing.
_MISSING = "missing"
_LOADED = re.compile(rf'failed to open wasm module ".*{_MISSING}"')
# What starts an executable may have written something before: qemu warns of CPU features.
_ERROR = re.compile(r"^Error: ", re.MULTILINE)
_ERROR_BYTES = re.compile(rb"^Error: ", re.MULTILINE)
_POLL_SECONDS = 0.05
# A request to stop that comes as a wait begins is heard when that ends.
_HEARING_SECONDS = 1
_WITHOUT_RUN = re.compile(r"unrecognized subcommand(?: 'run'|\s*$)", re.MULTILINE)
_RUN = ("run", "--allow-precompiled")
# What executables write themselves is taken away from what a program wrote.
_KEPT = 2 * values.OUTPUT_LIMIT
_REFUSED = 1
_USAGE = 2
_WELL = "ended well, although it should not"
_PASSES_ON = "a runner has to pass on the exit status and all that is written, and to write nothing else"


def loading(program: Iterable[str], options: Iterable[str], file: str) -> list[str]:
    """Return the command that loads an artifact and runs nothing; ``options`` are those of ``run`` for its engine."""
    return [*program, *_RUN, *options, *_nothing_run(file), file]


def is_loaded(ended: child.ChildResult) -> bool:
    """Tell whether such a command has loaded its artifact."""
    # An artifact can have lines of its own in the words that refuse it, so that none after the first counts.
    error = _ERROR.search(ended.stderr)
    return ended.status == _REFUSED and error is not None and _LOADED.match(ended.stderr, error.end()) is not None


def _nothing_run(file: str) -> tuple[str, str]:
    return ("--preload", f"probe={file}/{_MISSING}")


class _Preface(NamedTuple):
    """What a runner writes before the executable does."""

    stdout: bytes
    stderr: bytes


class LoaderCommand(NamedTuple):
    """An executable, or what runs one: the command up to its options, variables to add, and where it runs.

    Without a ``directory`` it runs where the private copies are.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    directory: str | None = None


class ExecutableLoader:
    """Settles what is put in, a few at a time. ``Load.how`` are the ``executable_cases.RunOptions`` of its engine.

    The executable is given private copies, in ``directory``. ``limits`` are for one artifact; a test has its own time.
    """

    def __init__(
        self, program: LoaderCommand, directory: Path, limits: ProcessLimits, site: LoadingSite = HERE
    ) -> None:
        self._program = program
        self._directory = directory
        self._limits = limits
        self._site = site
        self._workers = min(os.cpu_count() or 1, 4)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="wasmbuild-loader")
        self._under_way: set[Future[None]] = set()
        self._count = 0
        self._aborted = False
        self._mutex = threading.Lock()
        self._running: list[process.Process] = []
        self._useless: Obstacle | None = None

    def put(self, load: Load) -> None:
        """Take a load, waiting while enough others do."""
        while len(self._under_way) > 2 * self._workers:
            ended, self._under_way = wait(self._under_way, _HEARING_SECONDS, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
        self._count += 1
        # What is not known to be under way is not ended by ``abort``, which then waits for it.
        with DeferredInterrupts():
            self._under_way.add(self._pool.submit(self._load, load, f"load-{id(self)}-{self._count}.cwasm"))

    def flush(self) -> None:
        """Nothing waits for others here."""

    def close(self) -> None:
        """Settle what is left."""
        while wait(self._under_way, _HEARING_SECONDS).not_done:
            pass
        # An interrupted shutdown would take threads that go on for ended ones.
        for future in self._under_way:
            future.result()
        self._pool.shutdown()

    def abort(self) -> None:
        """End without settling what has not been settled yet."""
        self._aborted = True
        while wait(self._under_way, _POLL_SECONDS).not_done:
            with self._mutex:
                for running in self._running:
                    process.kill(running)
        self._pool.shutdown()

    def _load(self, load: Load, name: str) -> None:
        if self._aborted:
            load.file.close()
            return
        since = time.monotonic()
        copy = self._directory / name
        try:
            try:
                obstacle, results = self._outcome(load, copy)
            except OSError as error:
                obstacle, results = unverified(f"{load.artifact.path} was not loaded", error), None
            except ChildError as error:
                if not self._site.is_runner or is_of_the_host(error):
                    obstacle, results = unverified(f"{load.artifact.path} was not loaded", error), None
                else:
                    obstacle, results = self._site.cannot(*start_failure(error, self._site)), None
            if not self._aborted:
                load.end(LoadOutcome(obstacle, results, time.monotonic() - since))
        finally:
            load.file.close()
            copy.unlink(missing_ok=True)

    def _outcome(self, load: Load, copy: Path) -> tuple[Obstacle | None, tuple[CaseResult, ...] | None]:
        if self._useless is not None:
            return self._useless, None
        if _copy(load, copy) != load.artifact.sha256:
            return load.changed(), None
        run = [*self._program.command, *_RUN, *load.how.options]
        file = copy.name if self._program.directory is None else str(copy)
        ended = self._run(loading(self._program.command, load.how.options, file), self._limits.seconds)
        obstacle = self._obstacle(load, ended)
        if obstacle is not None or load.metering is None:
            return obstacle, None
        cannot = executable_cases.obstacle(load.artifact, load.metering)
        if cannot:
            return executable_cases.untestable(load.artifact, cannot, load.how), ()
        try:
            results = self._tests(load, load.metering, run, file, _preface(ended))
        except UntoldError as error:
            return executable_cases.untestable(load.artifact, str(error), load.how), ()
        return tested.verdict(load.artifact, results), results

    def _tests(
        self, load: Load, metering: Metering, run: list[str], file: str, preface: _Preface
    ) -> tuple[CaseResult, ...]:
        results = []
        for case in load.artifact.tests:
            if self._aborted:
                break
            ended = self._run_case(load.artifact, case, run, file, metering, preface)
            if replaced := executable_cases.replaced_wasi(load.artifact, case, ended, load.how):
                results.append(replaced)
                continue
            again = executable_cases.again(load.artifact, case, ended)
            second = self._run_case(load.artifact, case, run, file, metering, preface, again) if again else None
            reply = executable_cases.reply(load.artifact, case, ended, second)
            if reply:
                result = tested.judged(case, reply, self._limits.memory)
                if self._site.is_runner and executable_cases.is_untold(reply):
                    fix = self._pass_on() if second is None else f"{self._pass_on()}; where it does so, {tested.WRONG}"
                    result = result._replace(fix=fix)
                elif executable_cases.is_unplaced(reply):
                    result = result._replace(judged=False, fix="use WASI in the call alone, or remove the test")
                results.append(result)
            else:
                # As with the library, whose process is gone then.
                own = ended.status == memory_limited.NOT_RUN or (
                    is_from_outside(ended.status) and not is_late(ended.reason)
                )
                results.append(tested.died(case, ended.reason, ended.stderr, self._limits.memory, is_own=own))
                break
        return tuple(results)

    def _run_case(
        self,
        artifact: ManifestArtifact,
        case: Case,
        run: list[str],
        file: str,
        metering: Metering,
        preface: _Preface,
        again: Sequence[str] = (),
    ) -> child.ChildResult:
        stdin = None if case.wasi is None else case.wasi.stdin.encode("utf-8")
        with given(case, self._directory) as directories:
            command = executable_cases.command(run, artifact, case, file, metering, directories, again)
            ended = self._run(command, case.seconds, stdin, instance=True)
            if ended.status == _USAGE:
                # Programs end with it too, and in the same words.
                unrun = [*run, *_nothing_run(file), *command[len(run) :]]
                if not is_loaded(self._run(unrun, self._limits.seconds, instance=True)):
                    said = one_line(ended.stderr)
                    raise UntoldError(f"this executable does not take the options of {case.title} ({said})")
        stderr = ended.stderr_bytes.removeprefix(preface.stderr)
        return ended._replace(
            stdout=ended.stdout.removeprefix(preface.stdout),
            stderr=executable_cases.own_stderr(stderr, artifact, file),
        )

    def _run(
        self, command: list[str], seconds: float | None, stdin: bytes | None = None, *, instance: bool = False
    ) -> child.ChildResult:
        limits, environment = ProcessLimits(self._limits.memory, seconds), self._program.environment
        if instance or self._site.is_runner:
            # Instances and emulators reserve address space by the gigabyte; bounded is what the process allocates.
            command, environment = with_memory_limit(command, environment, limits.memory)
            limits = ProcessLimits(None, seconds)
        directory = self._program.directory or self._directory
        started: list[process.Process] = []

        def note(one: process.Process) -> None:
            started.append(one)
            with self._mutex:
                self._running.append(one)

        try:
            return child.run(
                command, limits=limits, env_extra=environment, cwd=directory, input=stdin, on_start=note, keep=_KEPT
            )
        finally:
            with self._mutex:
                for process in started:
                    self._running.remove(process)

    def _obstacle(self, load: Load, ended: child.ChildResult) -> Obstacle | None:
        if is_loaded(ended):
            return None
        error = _ERROR.search(ended.stderr)
        refused = ended.stderr[error.end() :] if error else ended.stderr
        if ended.status == _REFUSED and error:
            # The first line names the private copy.
            return refusal(load.artifact, refused.partition("\n")[2] or refused, self._limits.memory, self._site)
        if ended.status == _USAGE:
            program = self._program.command[-1]
            if _WITHOUT_RUN.search(refused):
                return self._site.cannot(
                    f"{program} was built without `run`", "name another executable", lacks=WASMTIME
                )
            why = f"{program} does not take its settings ({one_line(refused)})"
            return self._site.cannot(why, "name another executable")
        if ended.status == memory_limited.NOT_RUN:
            return self._site.cannot(one_line(refused), "correct the runner in wasmbuild.toml, or install it")
        self._useless = self._useless or self._uselessness()
        ending = ended.reason or _WELL
        own = is_from_outside(ended.status) and not is_late(ending)
        crashed = crash(load.artifact, ending, ended.stderr, self._limits.memory, is_own=own)
        return self._useless or self._meddling(ended) or crashed

    def _meddling(self, ended: child.ChildResult) -> Obstacle | None:
        """Return that a runner keeps back how an executable ended, which is with 1 and an error where it has no crash.

        None where no runner does, or where memory or something else was lacking.
        """
        lacking = lacks_memory(ended.stderr, self._limits.memory) or host_lacks(ended.stderr)
        if not self._site.is_runner or lacking or ended.status not in (0, _REFUSED):
            return None
        how = f"{ended.reason} and no error on stderr" if ended.status else _WELL
        # Its own words name the private copy.
        said = _ERROR.split(ended.stderr, maxsplit=1)[0]
        return self._site.cannot(f"wasmtime run {how_it_ended(how, said)}", self._pass_on())

    def _pass_on(self) -> str:
        return f"{_PASSES_ON}; {self._site.correction()}"

    def _uselessness(self) -> Obstacle | None:
        """Return why the runner runs no executable at all, for then a death says nothing of an artifact."""
        if not self._site.is_runner:
            return None
        ended = self._run([*self._program.command, "--version"], self._limits.seconds)
        if not ended.reason and b"wasmtime" in ended.stdout:
            return None
        ending = how_it_ended(ended.reason or "ended without an answer", ended.stderr)
        return self._site.cannot(f"wasmtime --version {ending}", self._site.correction())


def _preface(loading: child.ChildResult) -> _Preface:
    """Return what was written before an executable that only loads, which writes nothing but its error."""
    error = _ERROR_BYTES.search(loading.stderr_bytes)
    return _Preface(loading.stdout, loading.stderr_bytes[: error.start()] if error else b"")


def _copy(load: Load, to: Path) -> str:
    """Copy the open file, and return the SHA-256 in hex of what was copied."""
    digest = hashlib.sha256()
    load.file.seek(0)
    with open(to, "xb") as out:
        while part := load.file.read(1 << 20):
            digest.update(part)
            out.write(part)
    return digest.hexdigest()
