"""Errors of every class come through pickle and copy as they were: executors and pools send them between processes."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from wasmbuild import api, runtime
from wasmbuild.errors import CompileError, DeclarationError, DiskError, Mistake, UnreadableSourceError, WasmbuildError
from wasmbuild.fit import search
from wasmbuild.formats import cursor
from wasmbuild.installing import archive, attestation, locking, transfer
from wasmbuild.plan import placement
from wasmbuild.runtime import errors
from wasmbuild.shipment.errors import Reason, ShippedFileError
from wasmbuild.toolchain import executable, find, job, worker
from wasmbuild.verify.report import Report

LOADED = (runtime, search, cursor, archive, attestation, locking, transfer, placement, executable, find, job)
"""The modules with classes of errors that nothing else here names."""

MISTAKE = Mistake("wasmbuild.toml", "project.name", "must be text", "write a name")
REFUSED = Mistake("src/a.txt", "", "is no module", "narrow the glob", of_host=True)
AVX = errors.MissingCpuFeatureError("a needs avx", "build for less", "avx")

EXAMPLES: dict[type, tuple[Any, ...]] = {
    Exception: ("what is wrong",),
    DeclarationError: ([REFUSED, REFUSED],),
    api.BuildError: (
        {"a@x64": CompileError("a.wat: no"), "b@x64": UnreadableSourceError("b.wat: no")},
        [MISTAKE],
        DiskError("build: cannot be written"),
    ),
    api.KnownFaultError: ("compiled by Wasmtime 48.0.2", [MISTAKE]),
    api.VerificationError: (Report((), (), ("nothing there",)),),
    ShippedFileError: (Reason.HOST, "index.json", "cannot be read", "try again", 24),
    job.NoVerdictError: ("a.wat: nothing judged it", "raise the limit"),
    worker.StartError: ("it could not be started: it ended with status 1", "ended with status 1"),
    errors.LoadError: ("a is damaged", "build it again"),
    errors.HostLimitError: ("a cannot be read", "close some", 24),
    errors.OtherSettingError: ("a differs", "declare it", "consume-fuel"),
    errors.InexpressibleSettingError: ("a differs", "leave it out", ["gc", "threads"]),
    errors.MissingCpuFeatureError: ("a needs avx", "build for less", "avx"),
    errors.UnknownImportError: ("a imports", "define it", ["env.f"]),
    errors.OtherImportTypeError: ("a imports", "define it", "env.f"),
    errors.NoFittingArtifactError: ("nothing fits", "declare", [errors.PassedOver("v4", "x86_64-pc-linux-gnu", AVX)]),
}
"""What errors are made with, by the class whose way to make one that is."""


def kinds(base: type[WasmbuildError] = WasmbuildError) -> Iterator[type[WasmbuildError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


def example(kind: type[WasmbuildError]) -> WasmbuildError:
    maker = next(base for base in kind.__mro__ if "__init__" in vars(base) or base is Exception)
    return kind(*EXAMPLES[maker])


def pickled(error: WasmbuildError) -> WasmbuildError:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- what was just pickled here
    assert isinstance(again, WasmbuildError)
    return again


@pytest.mark.parametrize("way", [pickled, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_errors_of_every_class_come_through(way: Callable[[WasmbuildError], WasmbuildError]) -> None:
    # Tests have classes of their own.
    ours = {kind for kind in kinds() if kind.__module__.startswith("wasmbuild.")}
    assert ours >= {api.BuildError, find.NoCompilerError, errors.LoadError}
    for kind in ours:
        error = example(kind)
        again = way(error)
        assert again is not error
        assert type(again) is kind
        assert (str(again), again.args, again.exit_code) == (str(error), error.args, error.exit_code)
        assert repr(vars(again)) == repr(vars(error))


def test_an_error_comes_out_of_a_pool_of_processes(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        failed = pool.submit(api.plan, tmp_path / "wasmbuild.toml").exception(timeout=300)
    assert isinstance(failed, DeclarationError)
    [mistake] = failed.mistakes
    assert mistake.problem == "there is no such file"
