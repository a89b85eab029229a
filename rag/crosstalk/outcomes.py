"""What came of a schedule: the checker's anomaly kinds on its log, and those that only a scheduler can see.

The same trace is judged once. Outcomes are compared by what they are, so that schedules can be counted by outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from rag.crosstalk.checker import check, judged
from rag.crosstalk.definitions import DEFINITIONS
from rag.crosstalk.findings import Report
from rag.crosstalk.scenes import Scene
from rag.crosstalk.stepping import Trace

ORDER = (*DEFINITIONS, "deadlock", "livelock")
STUCK = {
    "deadlock": "Each turn waits for another one, and none of them can go on.",
    "livelock": "The turns go on for ever and none of them ends.",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds that a reader takes for one thing. verb: of `18 of 20 …`."""

    name: str
    verb: str
    kinds: frozenset[str]
    leak: bool = False


GROUPS = (
    Group("leak", "leak", frozenset({"foreign-read", "retrieval-leak", "swapped-answer"}), leak=True),
    Group("stuck", "never end", frozenset(STUCK)),
    Group("lost", "lose a message", frozenset({"lost-update", "lost-append"})),
    Group("torn", "tear or interleave a turn", frozenset({"torn-turn", "interleaved-turns", "mid-turn-read"})),
    Group("stale", "answer without each other's turn", frozenset({"stale-prompt"})),
    Group("forgotten", "forget what was acknowledged", frozenset({"amnesia", "backward-read"})),
    Group("misplaced", "store it in another's history", frozenset({"foreign-write", "key-collision"}), leak=True),
    Group(
        "odd",
        "store what should not be there",
        frozenset({"resurrection", "aborted-read", "reordered", "duplicate", "corrupt"}),
    ),
)
"""The gravest for a visitor first; what is stored in one list for all shows by itself."""


@dataclass(frozen=True)
class Outcome:
    """kinds: gravest first, without repetition; none: it went right."""

    scene: Scene
    trace: Trace
    kinds: tuple[str, ...]

    @property
    def wrong(self) -> bool:
        return bool(self.kinds)

    @property
    def group(self) -> Group | None:
        """The gravest thing that went wrong."""
        return next((group for group in GROUPS if group.kinds & set(self.kinds)), None)

    @cached_property
    def report(self) -> Report:
        return check(self.trace.events(self.scene))

    @property
    def told(self) -> str:
        """The gravest anomaly in a sentence, or that there was none."""
        if not self.kinds:
            return "Everybody was answered from their own history, and nothing is lost."
        kind = next(gravest(self.kinds))
        return STUCK.get(kind) or next(self.explained(kind), kind)

    def explained(self, kind: str) -> Iterator[str]:
        return (one.explanation for one in self.report.anomalies if one.kind == kind)


class Judge:
    """Of one scene. Not thread-safe."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._known: dict[Trace, Outcome] = {}

    def __call__(self, trace: Trace) -> Outcome:
        known = self._known.get(trace)
        if known is None:
            found = {*judged(trace.events(self.scene)).findings.counts, *([trace.stuck] if trace.stuck else [])}
            known = self._known[trace] = Outcome(self.scene, trace, tuple(sorted(found, key=ORDER.index)))
        return known


def gravest(kinds: Iterable[str]) -> Iterator[str]:
    """What a visitor should hear of first."""
    there = set(kinds)
    for group in GROUPS:
        yield from sorted(group.kinds & there, key=ORDER.index)
