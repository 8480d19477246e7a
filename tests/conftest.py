"""What all tests share: programs that pip does not install, an order, examples without a clock."""

from __future__ import annotations

import gc
import importlib.util
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from typing import NamedTuple

import pytest
from hypothesis import settings

from wasmbuild.builder.job_slots import cores

# A shell that starts tests in the background has them ignore interrupts, and whatever they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where no bytecode is written (images of containers say so), each of the thousand Pythons that tests start compiled
# what it imports of wasmbuild, for half a second, and each worker compiled all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Half a million objects of six thousand tests are there to stay: the garbage collector looks at them neither while they
# come, which took a third of pytest's collection, nor again and again during the run.
gc.disable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    # A test waits for its children and for clocks a third of its time.
    return -(-3 * cores() // 2)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


# What the user of this machine has installed is no part of a test.
os.environ["XDG_DATA_HOME"] = os.path.join(tempfile.gettempdir(), "wasmbuild-tests", "nothing-installed")

# How long an example takes depends on what else the machine does.
settings.register_profile("thorough", deadline=None)
# A fast run tries the same ones each time, so that what it says is of what was changed; CI tries others.
settings.register_profile("fast", settings.get_profile("thorough"), max_examples=25, derandomize=True)
settings.load_profile("fast")


# Tests assert what is compiled; those of the cache name a directory of their own.
os.environ["WASMBUILD_CACHE"] = "off"


SLOW_TOOLS = {"apt-get", "cargo", "npm"}
"""Programs that fetch or build for minutes: what needs one is slow, as is what runs under an emulator."""

INSTALL_EXTRA = shlex.join([sys.executable, "-m", "pip", "install", "-e", ".[cross,dev,slow]"])


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Have each worker begin to collect elsewhere: in a fresh clone, all compiled the same file at the same time."""
    report = yield
    worker = _worker(collector.config)
    if worker and isinstance(collector, pytest.Dir):
        start = worker.number * len(report.result) // worker.count
        report.result = [*report.result[start:], *report.result[:start]]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, and begin with what builds Rust, lest one worker does that alone at the end."""
    if _worker(config):
        items.sort(key=lambda item: item.nodeid.partition("::")[0])  # the same in all workers
    for item in items:
        tools = _named("needs", item)
        if _named("needs_modules", item) or any(tool in SLOW_TOOLS or tool.startswith("qemu-") for tool in tools):
            item.add_marker("slow")
    items.sort(key=lambda item: "cargo" in _named("needs", item), reverse=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs or modules are missing; where CI says that all of them are there, it fails."""
    missing = [tool for tool in _named("needs", item) if shutil.which(tool) is None]
    modules = [module for module in _named("needs_modules", item) if not _is_installed(module)]
    if missing or modules:
        reason = f"needs {', '.join(missing + modules)}"
        if modules:
            reason += f": {INSTALL_EXTRA}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


class _Worker(NamedTuple):
    number: int
    count: int


def _worker(config: pytest.Config) -> _Worker | None:
    if (told := getattr(config, "workerinput", None)) is None:
        return None
    return _Worker(int(told["workerid"].removeprefix("gw")), told["workercount"])


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # what it is part of is missing
        return False


def _named(mark: str, item: pytest.Item) -> list[str]:
    return [name for found in item.iter_markers(mark) for name in found.args]
