"""What became of a remote cache in a build, counted, and told in at most one line for each thing that is wrong."""

from __future__ import annotations

from wasmbuild.builder.cache.answers import RemoteReport

# Outcomes of which only a cache speaks.
_ANSWERS = frozenset({"found", "done", "missing", "damaged", "untrusted"})


class RemoteStatus:
    """Counts of entries, and why the store is not used any more."""

    def __init__(self, shown: str, push_problem: str | None, warning: str | None = None) -> None:
        """``shown`` names the store to people; ``push_problem`` says why nothing can be pushed.

        ``warning`` is told whatever becomes of it.
        """
        self._shown = shown
        self.push_problem = push_problem
        self._warning = warning
        self.away: str | None = None
        self.failure = self.push_failure = ""
        self.answered = self._untold = self._is_absent = False
        self.taken = self.offered = self.pushed = self.denied = self.damaged = self.untrusted = 0

    def hear(self, outcome: str, *, absent: bool) -> None:
        """Note what became of a transfer, and whether that is because no store answers there."""
        if outcome in _ANSWERS:
            self.answered = True
        self._is_absent = self._is_absent or absent

    @property
    def is_absent(self) -> bool:
        """Whether no store answers there, as far as is known: nothing ever came of it, or it was left for that."""
        return self._is_absent and (self.away is not None or not self.answered)

    def kept_nothing(self) -> None:
        """Note that the store has nothing of an entry that it accepted."""
        what = "1 entry" if self.pushed == 1 else f"{self.pushed} entries"
        self.push_problem = f"accepted {what}, but has none when asked for it: does it keep what is put there?"
        self.pushed = 0

    def leave_untold(self) -> None:
        """Note that it is not used, of which somebody else has told."""
        self.away, self._untold = "is not used", True

    def report(self) -> RemoteReport:
        """Return what became of it so far."""
        problems = [] if self._untold else self._problems()
        return RemoteReport(self.taken, self.pushed, tuple(f"{self._shown} {problem}" for problem in problems))

    def _problems(self) -> list[str]:
        problems = [] if self._warning is None else [self._warning]
        missing = self.offered - self.pushed
        why = f" ({self.push_failure})" if self.push_failure and self.away is None else ""
        lacks = f"did not get {missing} of what was compiled{why}"
        if self.away is not None:
            problems.append(f"{self.away}; it is done without" + (f", and {lacks}" if missing else ""))
        elif self.failure and not self.answered:
            problems.append(f"does not answer as a cache does ({self.failure}); it is done without")
        if self.denied and not self.answered:
            problems.append("gives this user nothing (403): check its credentials, and the address")
        if self.damaged:
            what = "that is no whole artifact" if self.damaged == 1 else "that are no whole artifacts"
            problems.append(_passed_over(self.damaged, what))
        if self.untrusted:
            problems.append(_passed_over(self.untrusted, "that none of [cache] keys signed"))
        if self.push_problem is not None:
            problems.append(self.push_problem)
        elif missing and self.away is None:
            problems.append(lacks)
        return problems


def _passed_over(count: int, what: str) -> str:
    if count == 1:
        return f"has 1 entry {what}; it is passed over"
    return f"has {count} entries {what}; they are passed over"
