"""What the checker found: anomalies with their evidence, and the report that they end up in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from rag.crosstalk.checker.anomalies import Definition, Severity, Surface

Verdict = Literal["isolated", "anomalies", "unknown"]

KEPT = 5000
"""Anomalies of a kind that are kept with their evidence; beyond that they are counted."""
FIRSTS = 20_000
"""Of these, the first of a pair of users on a surface is kept in any case: enough for each pair of a hundred users."""
PAIRS = 200_000
"""Pairs of users of whom one was shown data of the other; no further ones are noted."""
BRIEF = 1000
"""Of a kind, as many as a brief report counts: the verdict need not wait for the rest of them."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """op: the turn that shows it; owner: the user whose data it is; either may be None. t: seconds.

    user: whose session it is. canary: what was found there, if it was one. owner_op: the turn that the data is from.
    """

    kind: str
    severity: Severity
    op: int | None
    session: str | None
    owner: str | None
    surface: Surface
    evidence: str
    explanation: str
    t: float
    user: str | None = None
    canary: str | None = None
    owner_op: int | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """planted: canaries that users stated; recalled: how many came back to them; seen: controls that showed up."""

    planted: int
    recalled: int
    seen: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How far something went: the users and the turns that it met."""

    users: int = 0
    turns: int = 0

    def of(self, users: int, turns: int) -> str:
        """`20 of 20 users, in 59 of 60 turns`. users, turns: how many there were."""
        met = f", in {self.turns:,} of {turns:,} turns" if self.turns else ""
        return f"{self.users:,} of {max(users, self.users):,} users{met}"


def few_of_each(anomalies: Iterable[Anomaly], most: int) -> Iterator[Anomaly]:
    """The first ones of each kind, in their order."""
    seen: Counter[str] = Counter()
    for anomaly in anomalies:
        seen[anomaly.kind] += 1
        if seen[anomaly.kind] <= most:
            yield anomaly


CONFIDENCE = 3.0
"""Zero events in n chances: their rate is at most 3/n, with 95 % confidence (the rule of three)."""


def bound(chances: int) -> float | None:
    """Of a rate of which nothing was seen in so many chances; None where there was none."""
    return min(1.0, CONFIDENCE / chances) if chances else None


@dataclass(frozen=True, slots=True)
class Recall:
    """Seen from outside: of the facts that an answer should have repeated, how many it did."""

    chances: int
    recalled: int

    @property
    def share(self) -> float:
        return self.recalled / self.chances if self.chances else 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the turns of one kind of question. bound: of their leak rate, at 95 %, if none leaked."""

    name: str
    turns: int
    answered: int
    chances: int
    leaking: int
    bound: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """bound: of the leak rate, at 95 %, when no leak was found and something can be said. counts are of all anomalies,
    `anomalies` of those kept.

    seen: who was shown whose data, and how often: (user, owner, count), of the first pairs. about_cause: what the cause
    of the leaks means.
    """

    verdict: Verdict
    why: str
    box: Literal["black", "white"]
    turns: int
    users: int
    counts: dict[str, int]
    anomalies: tuple[Anomaly, ...]
    bound: float | None
    controls: Controls
    answered: int = 0
    sessions: int = 0
    cause: str | None = None
    seen: tuple[tuple[str, str, int], ...] = ()
    about_cause: str = ""
    chances: int = 0
    """Answered turns in which somebody else's data could have been seen: it had been stated by then."""
    recall: Recall = field(default_factory=lambda: Recall(0, 0))
    shapes: tuple[Shape, ...] = ()
    suspected: tuple[Anomaly, ...] = ()
    """What may be a leak in other words. It decides nothing."""
    leaked: Reach = field(default_factory=Reach)
    """Users who got somebody else's data, and the turns that showed it."""
    reached: dict[str, Reach] = field(default_factory=dict)
    """By kind, of all that were counted."""
    by_design: dict[str, int] = field(default_factory=dict)
    """What a memory that keeps nothing has lost, by kind: it is in no other count."""
    shown: int = 0
    """Users in whose answers somebody else's data was: they could read it."""
    at_least: tuple[str, ...] = ()
    """Kinds of which a brief report counts no more than that."""

    def reach(self, kind: str) -> str:
        """`20 of 20 users, in 59 of 60 turns`; nothing where only occurrences were counted."""
        found = self.reached.get(kind)
        return found.of(self.users, self.turns) if found else ""

    def unsure(self, why: str) -> Self:
        """The same, where nothing can be said after all: neither a bound nor a cause."""
        shapes = tuple(replace(shape, bound=None) for shape in self.shapes)
        return replace(self, verdict="unknown", why=why, bound=None, shapes=shapes, cause=None, about_cause="")

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            **values,
            "anomalies": [asdict(anomaly) for anomaly in self.anomalies],
            "controls": asdict(self.controls),
            "recall": asdict(self.recall),
            "leaked": asdict(self.leaked),
            "reached": {kind: asdict(reach) for kind, reach in self.reached.items()},
            "shapes": [asdict(shape) for shape in self.shapes],
            "suspected": [asdict(anomaly) for anomaly in self.suspected],
            "seen": [list(one) for one in self.seen],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; keys of a later version are ignored."""
        known = {name: values[name] for name in cls.__slots__ if name in values}
        known["anomalies"] = tuple(Anomaly(**one) for one in values["anomalies"])
        known["controls"] = Controls(**values["controls"])
        known["recall"] = Recall(**values.get("recall", {"chances": 0, "recalled": 0}))
        known["leaked"] = Reach(**values.get("leaked", {}))
        known["reached"] = {kind: Reach(**reach) for kind, reach in values.get("reached", {}).items()}
        known["shapes"] = tuple(Shape(**one) for one in values.get("shapes", ()))
        known["at_least"] = tuple(values.get("at_least", ()))
        known["suspected"] = tuple(Anomaly(**one) for one in values.get("suspected", ()))
        known["seen"] = tuple((user, owner, count) for user, owner, count in values.get("seen", ()))
        return cls(**known)


@dataclass(slots=True)
class Findings:
    """Collects. Leaks are counted by who saw whom. counted_only: none is kept. most: as in `Checker.report`."""

    counts: Counter[str] = field(default_factory=Counter)
    kept: list[Anomaly] = field(default_factory=list)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    counted_only: bool = False
    suspected: list[Anomaly] = field(default_factory=list)
    chances: int = 0
    recalled: int = 0
    """Of facts that answers should have repeated: how many there were, and how many were."""
    leaking: set[int] = field(default_factory=set)
    """Turns in which somebody else's data was seen."""
    firsts: set[tuple[str, str, str]] = field(default_factory=set)
    met: dict[str, tuple[set[str], set[int]]] = field(default_factory=dict)
    """By kind: users and turns."""
    by_design: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str | None] = field(default_factory=dict)
    """Users in whose answers somebody else's data was, and whose it was the first time."""
    held: dict[str, str | None] = field(default_factory=dict)
    """The same of what their model was given."""
    most: int | None = None

    def fork(self, most: int | None) -> Findings:
        """What was found so far, for one who goes on and may not change it."""
        met = {kind: (set(users), set(ops)) for kind, (users, ops) in self.met.items()}
        return replace(
            self,
            counts=self.counts.copy(),
            kept=list(self.kept if most is None else few_of_each(self.kept, most)),
            seen=self.seen.copy(),
            suspected=list(self.suspected),
            leaking=set(self.leaking),
            firsts=set(self.firsts),
            met=met,
            shown=dict(self.shown),
            held=dict(self.held),
            most=most,
        )

    def wanted(self, found: Definition) -> bool:
        """Whether one more of this kind may be kept."""
        return not self.counted_only and (self.counts[found.kind] < KEPT or len(self.firsts) < FIRSTS)

    def enough(self, found: Definition) -> bool:
        """Whether no more of this kind need to be counted; whom else it met is to be told all the same."""
        return self.most is not None and self.counts[found.kind] >= self.most

    def add(
        self,
        found: Definition,
        t: float,
        *,
        surface: Surface,
        session: str | None,
        user: str | None,
        op: int | None = None,
        owner: str | None = None,
        owner_op: int | None = None,
        canary: str | None = None,
        evidence: str = "",
    ) -> None:
        kind, first = found.kind, False
        if found.breaks == "isolation" and surface != "history":
            if op is not None:
                self.leaking.add(op)
            if user is not None:
                (self.shown if surface == "answer" else self.held).setdefault(user, owner)
        if not self.counted_only:
            users, ops = self.met.setdefault(kind, (set(), set()))
            if user is not None:
                users.add(user)
            if op is not None:
                ops.add(op)
        if self.enough(found):
            return
        if user is not None and owner is not None and user != owner:
            pair = (user, owner)
            if pair in self.seen or len(self.seen) < PAIRS:
                self.seen[pair] += 1
            first = self._first((user, owner, surface))
        if not self.counted_only and (first or self.counts[kind] < KEPT):
            self.kept.append(
                Anomaly(kind, found.severity, op, session, owner, surface, evidence, "", t, user, canary, owner_op)
            )
        self.counts[kind] += 1

    def reach(self, kinds: Iterable[str]) -> Reach:
        """Of these kinds together."""
        met = [self.met[kind] for kind in kinds if kind in self.met]
        return Reach(len(set().union(*(users for users, _ in met))), len(set().union(*(ops for _, ops in met))))

    def set_aside(self, kinds: AbstractSet[str]) -> None:
        """These are no fault of what was looked at."""
        self.by_design = {kind: self.counts.pop(kind) for kind in sorted(kinds) if self.counts[kind]}
        self.kept = [anomaly for anomaly in self.kept if anomaly.kind not in kinds]
        for kind in kinds:
            self.met.pop(kind, None)

    def suspect(self, anomaly: Anomaly) -> None:
        """Something that is not certain: kept apart, so that it decides nothing."""
        if not self.counted_only and len(self.suspected) < KEPT:
            self.suspected.append(anomaly)

    def only_suspected(self) -> list[Anomaly]:
        """Those of whom nothing certain was found in the same turn and place."""
        sure = {(one.op, one.owner, one.surface) for one in self.kept}
        return [one for one in self.suspected if (one.op, one.owner, one.surface) not in sure]

    def _first(self, leak: tuple[str, str, str]) -> bool:
        if leak in self.firsts or len(self.firsts) >= FIRSTS:
            return False
        self.firsts.add(leak)
        return True
