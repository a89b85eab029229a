"""What a level is made of: a scene, goals to reach in it, and questions to answer before one plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rag.crosstalk.checker.anomalies import FOREIGN_READ, in_group
from rag.crosstalk.explore.outcomes import Outcome
from rag.crosstalk.explore.scenes import Scene

LOST = in_group("lost")
TORN = in_group("torn")


@dataclass(frozen=True, slots=True)
class Goal:
    """done: whether a finished run reaches it. hint: for somebody who is stuck. missed: of a run that ended and did not
    reach it, why not."""

    name: str
    text: str
    done: Callable[[Outcome], bool]
    hint: str
    missed: Callable[[Outcome], str]


@dataclass(frozen=True, slots=True)
class Level:
    """after: what is said when all of its goals are reached. asks: schedules whose end the learner foretells. watch:
    to have seen the first of them played is to reach the goal."""

    text: str
    strategy: str
    scene: Scene
    goals: tuple[Goal, ...]
    after: str
    asks: tuple[str, ...] = ()
    watch: bool = False
    reports: tuple[tuple[str, str], ...] = ()
    """(name, address) of where it was reported."""
    title: str = ""

    def judged(self, outcome: Outcome) -> Mapping[str, str]:
        """For each goal why it was missed; empty: it was reached."""
        return {goal.name: "" if goal.done(outcome) else goal.missed(outcome) for goal in self.goals}


@dataclass(frozen=True, slots=True)
class Question:
    """What comes of a schedule? answer: the place of the right one of the options."""

    schedule: str
    options: tuple[str, ...]
    answer: int


def sees(outcome: Outcome, user: str, owner: str) -> bool:
    """Whether an answer to this user shows the owner's address."""
    return any(
        (one.kind, one.user, one.owner, one.surface) == (FOREIGN_READ.kind, user, owner, "answer")
        for one in outcome.report.anomalies
    )


def ben_sees(outcome: Outcome) -> bool:
    return sees(outcome, "Ben", "Ada")


def _not_seen(outcome: Outcome) -> str:
    if sees(outcome, "Ada", "Ben"):
        return "That is the same leak, the other way round: Ada sees Ben's address. Now make Ben see Ada's."
    return "Both answers look fine this time: nobody saw the other's address."


def leak(hint: str) -> Goal:
    return Goal("leak", "make Ben see Ada's address.", ben_sees, hint, _not_seen)


def lost(hint: str) -> Goal:
    return Goal(
        "lost",
        "lose an acknowledged message.",
        lambda outcome: not LOST.isdisjoint(outcome.kinds),
        hint,
        lambda _: "Nothing is lost this time: whoever saved last had read what the other had stored.",
    )
