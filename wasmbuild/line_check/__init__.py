"""Holding the file of a line of Wasmtime against a compiler and the library of that line: does it say what they do?

``python -m wasmbuild.line_check 48`` prints what agrees, and of all else the key of ``engine/lines/NN.toml`` to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wasmbuild.engine import lines
from wasmbuild.engine.line import Line
from wasmbuild.line_check import combinations, loading, settings, targets
from wasmbuild.line_check.compilers import Compilers
from wasmbuild.line_check.topic import Topic

__all__ = ["SINGLE", "Compilers", "Topic", "topics"]


SINGLE: tuple[Callable[[Line, Compilers], Topic], ...] = (
    settings.options,
    settings.presets,
    settings.defaults,
    settings.values,
    loading.checks,
    targets.flags,
    targets.cpus,
)


def topics(compilers: Compilers) -> Iterator[Topic]:
    """Hold all that the line of these compilers is said to have against them, one topic after the other."""
    line = lines.get(compilers.line)
    single = True
    for hold in SINGLE:
        topic = hold(line, compilers)
        single = single and not topic.disagreements
        yield topic
    if single:
        yield combinations.combinations(line, compilers)
    else:
        # Most of them would disagree for the same reasons.
        topic = Topic("combinations")
        topic.untried.append("random engines, as long as single settings disagree")
        yield topic
