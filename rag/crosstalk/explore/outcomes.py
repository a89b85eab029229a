"""What came of a schedule: the checker's anomaly kinds on its log, and those that only a scheduler can see.

The same trace is judged once, and so are those of one pattern: the checker asks whether names and texts are the same
and whose address a text holds, never what they are. Outcomes are compared by what they are, so that schedules can be
counted by outcome.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from rag.crosstalk.checker.anomalies import DEFINITIONS, in_group
from rag.crosstalk.checker.canaries import Canaries
from rag.crosstalk.checker.check import check, kinds
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.checker.sentences import BY_DESIGN
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.stepping import Log, Moment, Texts, Trace

ORDER = (*DEFINITIONS, "deadlock", "livelock")
STUCK = {
    "deadlock": "Every turn is waiting for another one, and none of them can go on.",
    "livelock": "The turns go on forever, and none of them ends.",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds that a reader takes for one thing. verb: of `18 of 20 …`."""

    name: str
    verb: str
    kinds: frozenset[str]
    leak: bool = False


GROUPS = (
    Group("leak", "leak", in_group("leak"), leak=True),
    Group("stuck", "never end", frozenset(STUCK)),
    Group("lost", "lose a message", in_group("lost")),
    Group("torn", "tear or interleave a turn", in_group("torn")),
    Group("stale", "answer without seeing the other turn", in_group("stale")),
    Group("forgotten", "forget an acknowledged turn", in_group("forgotten")),
    Group("misplaced", "store data in another user's history", in_group("misplaced"), leak=True),
    Group("odd", "store what should not be there", in_group("odd")),
)
"""The gravest for a visitor first; what is stored in one list for all shows by itself."""


@dataclass(frozen=True)
class Outcome:
    """kinds: gravest first, without repetition; none: it went right. keeps: as of the stage."""

    scene: Scene
    trace: Trace
    kinds: tuple[str, ...]
    keeps: bool = True

    @property
    def wrong(self) -> bool:
        return bool(self.kinds)

    @property
    def group(self) -> Group | None:
        """The gravest thing that went wrong."""
        return next((group for group in GROUPS if group.kinds & set(self.kinds)), None)

    @cached_property
    def report(self) -> Report:
        return check(self.trace.events(self.scene), keeps=self.keeps)

    @property
    def answered(self) -> int:
        """Turns."""
        return sum(what == "ok" for what, _, _ in self.trace.moments)

    @property
    def over(self) -> bool:
        """Whether every turn has ended: answered, failed or given up."""
        return sum(what != "invoke" for what, _, _ in self.trace.moments) == self._turns

    @property
    def right(self) -> bool:
        """Whether all went well to the end. What is not over, or answered nobody, is neither right nor wrong."""
        return not self.kinds and self.over and self.answered > 0

    @property
    def failed(self) -> str:
        """What the first turn that failed said."""
        return next((text for what, _, text in self.trace.moments if what == "fail"), "")

    @property
    def told(self) -> str:
        """The gravest anomaly in a sentence, or that there was none."""
        if not self.kinds:
            if not self.over:
                ended = sum(what != "invoke" for what, _, _ in self.trace.moments)
                return f"Nothing has gone wrong so far: {ended} of {self._turns} turns have ended. Play on."
            if not self.answered:
                return f"Nobody was answered, so nothing can be said ({self.failed or 'all turns were cancelled'})."
            if not self.keeps:
                return f"Everyone was answered without any history: it {BY_DESIGN}."
            return "Everyone was answered from their own history, and nothing was lost."
        kind = next(gravest(self.kinds))
        return STUCK.get(kind) or next(self.explained(kind), kind)

    @property
    def _turns(self) -> int:
        return sum(len(actor.turns) for actor in self.scene.actors())

    def explained(self, kind: str) -> Iterator[str]:
        return (one.explanation for one in self.report.anomalies if one.kind == kind)


class Judge:
    """Of one scene. Not thread-safe."""

    def __init__(self, scene: Scene, *, keeps: bool = True) -> None:
        self.scene = scene
        self.keeps = keeps
        self._addresses = addresses(scene)
        self._known: dict[Trace, Outcome] = {}
        self._kinds: dict[Hashable, tuple[str, ...]] = {}
        self._pattern, *self._others = patterns(scene, self._addresses)

    def __call__(self, trace: Trace) -> Outcome:
        known = self._known.get(trace)
        if known is None:
            pattern = self._pattern(trace)
            found = self._kinds.get(pattern)
            if found is None:
                found = self._kinds[pattern] = self._found(trace)
                self._kinds.update((other(trace), found) for other in self._others)
            known = self._known[trace] = Outcome(self.scene, trace, found, self.keeps)
        return known

    def _found(self, trace: Trace) -> tuple[str, ...]:
        found = kinds(trace.events(self.scene), self._addresses, keeps=self.keeps)
        return tuple(sorted({*found, *([trace.stuck] if trace.stuck else [])}, key=ORDER.index))


def addresses(scene: Scene) -> Canaries:
    """All canaries of a scene, in the order of its users."""
    known = Canaries()
    for actor in scene.actors():
        for said in actor.turns:
            for plant in said.plants:
                known.add(plant)
    return known


MOST_MIRRORED = 3
"""Actors; with more there are more mirror images than any of them saves."""


def patterns(scene: Scene, addresses: Canaries) -> Iterator[Pattern]:
    """Of the actors as they are, and with their places changed in every way: traces that have any of these in common
    have the same kinds. Two tabs have one pattern: which of their turns is told first counts, in one session.
    """
    changed = not scene.tabs and scene.users <= MOST_MIRRORED
    orders = permutations(range(scene.users)) if changed else [range(scene.users)]
    return (Pattern(scene, addresses, tuple(order)) for order in orders)


class Pattern:
    """What a trace's kinds depend on: who said what, when and to whom. A text is the place where it is first met, and
    the users whose address the checker finds in it. Where there is one user no address is another's."""

    def __init__(self, scene: Scene, addresses: Canaries, order: tuple[int, ...]) -> None:
        actors = scene.actors()
        self._ops: dict[int, int] = {}
        self._questions: dict[int, str] = {}
        self._sessions = {actor.session: 0 if scene.tabs else order[at] for at, actor in enumerate(actors)}
        self._addresses = addresses
        self._owners = () if scene.tabs else order
        self._tabs = scene.tabs
        self._held: dict[str, tuple[int, ...]] = {}
        for at, actor in enumerate(actors):
            for said, other in zip(actor.turns, actors[order[at]].turns, strict=True):
                self._ops[said.op] = other.op
                self._questions[said.op] = said.text

    def __call__(self, trace: Trace) -> Hashable:
        """Of a document it is not known what else its id may say: what holds one has a pattern of its own."""
        if trace.retrieved:
            return trace
        ops, met = self._ops, dict[str, int]()
        if self._tabs:
            ops = {op: number for number, (what, op, _) in enumerate(trace.moments) if what == "invoke"}
        told: Sequence[Moment] = [
            (what, ops[op], self._questions[op] if what == "invoke" else text) for what, op, text in trace.moments
        ]
        log = Log().then(() if self._tabs else told, [(ops[op], messages) for op, messages in trace.prompts], ())
        moments = [(what, op, met.setdefault(text, len(met))) for what, op, text in log.moments or told]
        prompts = [(op, self._messages(messages, met)) for op, messages in log.prompts]
        sessions = sorted([(self._sessions[session], messages) for session, messages in trace.stored])
        stored = [(session, self._messages(messages, met)) for session, messages in sessions]
        return tuple(moments), tuple(prompts), tuple(stored), tuple(map(self._whose, met)), trace.stuck

    def _messages(self, messages: Texts, met: dict[str, int]) -> Hashable:
        return tuple([(role, met.setdefault(text, len(met))) for role, text in messages])

    def _whose(self, text: str) -> tuple[int, ...]:
        held = self._held.get(text)
        if held is None:
            found = self._addresses.find(text) if self._owners else ()
            held = self._held[text] = tuple(sorted([self._owners[number] for number in found]))
        return held


def gravest(kinds: Iterable[str]) -> Iterator[str]:
    """What a visitor should hear of first."""
    there = set(kinds)
    for group in GROUPS:
        yield from sorted(group.kinds & there, key=ORDER.index)
