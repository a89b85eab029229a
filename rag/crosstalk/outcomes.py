"""What came of a schedule: the checker's anomaly kinds on its log, and those that only a scheduler can see.

The same trace is judged once, and so are two that differ in nothing but who is who: the checker asks whether names and
texts are the same, never what they are. Outcomes are compared by what they are, so that schedules can be counted by
outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from rag.crosstalk.checker import check, judged
from rag.crosstalk.definitions import DEFINITIONS
from rag.crosstalk.findings import Report
from rag.crosstalk.scenes import LETTERS, PEOPLE, Scene
from rag.crosstalk.stepping import Log, Texts, Trace

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
        self._kinds: dict[Trace, tuple[str, ...]] = {}
        self._mirrors = list(mirrors(scene))

    def __call__(self, trace: Trace) -> Outcome:
        known = self._known.get(trace)
        if known is None:
            kinds = self._kinds.get(trace)
            if kinds is None:
                found = {*judged(trace.events(self.scene)).findings.counts, *([trace.stuck] if trace.stuck else [])}
                kinds = tuple(sorted(found, key=ORDER.index))
                self._kinds.update((mirrored, kinds) for mirror in self._mirrors if (mirrored := mirror(trace)))
            known = self._known[trace] = Outcome(self.scene, trace, kinds)
        return known


MOST_MIRRORED = 3
"""Users; with more there are more mirror images than any of them saves."""


def mirrors(scene: Scene) -> Iterator[Mirror]:
    """Every way for separate users to change places. Two tabs cannot: only one of them states an address."""
    if scene.tabs or scene.users > MOST_MIRRORED:
        return
    for order in permutations(range(scene.users)):
        if order != tuple(range(scene.users)):
            yield Mirror(scene, order)


class Mirror:
    """Tells a trace as if each user were another one: their names, addresses, sessions and turns change places."""

    def __init__(self, scene: Scene, order: tuple[int, ...]) -> None:
        actors = scene.actors()
        self._names: dict[str, str] = {}
        self._ops: dict[int, int] = {}
        self._texts: dict[str, str] = {}
        for mine, number in zip(actors, order, strict=True):
            theirs = actors[number]
            self._names |= {mine.user: theirs.user, mine.session: theirs.session}
            self._names[PEOPLE[LETTERS.index(mine.letter)][1]] = PEOPLE[number][1]
            for said, other in zip(mine.turns, theirs.turns, strict=True):
                self._ops[said.op], self._names[said.mark] = other.op, other.mark
        self._any = re.compile(rf"\b(?:{'|'.join(map(re.escape, self._names))})\b")

    def __call__(self, trace: Trace) -> Trace | None:
        """None where a document is in it: what else its id may say is not known."""
        if trace.retrieved:
            return None
        log = Log().then(
            [(what, self._ops[op], self.text(text)) for what, op, text in trace.moments],
            [(self._ops[op], self._messages(messages)) for op, messages in trace.prompts],
            (),
        )
        stored = {self._names[session]: self._messages(messages) for session, messages in trace.stored}
        return log.trace(tuple([(session, stored[session]) for session, _ in trace.stored]), trace.stuck)

    def text(self, text: str) -> str:
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = self._any.sub(lambda found: self._names[found[0]], text)
        return known

    def _messages(self, messages: Texts) -> Texts:
        return tuple([(role, self.text(text)) for role, text in messages])


def gravest(kinds: Iterable[str]) -> Iterator[str]:
    """What a visitor should hear of first."""
    there = set(kinds)
    for group in GROUPS:
        yield from sorted(group.kinds & there, key=ORDER.index)
