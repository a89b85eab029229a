"""What is played in the lesson: scenes with goals, and questions to answer before one plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rag.crosstalk.checker.anomalies import FOREIGN_READ, STALE_PROMPT, in_group
from rag.crosstalk.explore.explorer import make_stage, temporary_lab
from rag.crosstalk.explore.outcomes import Judge, Outcome
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.schedules import Played, ordered
from rag.crosstalk.explore.stepping import played
from rag.crosstalk.strategies import find

LOST = in_group("lost")
TORN = in_group("torn")
MOST_PREEMPTIONS = 3
"""No goal takes more."""


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
    reports: tuple[tuple[str, str], ...] = field(default=())
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


def _ben_sees(outcome: Outcome) -> bool:
    return sees(outcome, "Ben", "Ada")


def _not_seen(outcome: Outcome) -> str:
    if sees(outcome, "Ada", "Ben"):
        return "That is the same leak, the other way round: Ada sees Ben's address. Now make Ben see Ada's."
    return "Both answers look fine this time: nobody saw the other's address."


def _not_torn(outcome: Outcome) -> str:
    if STALE_PROMPT.kind in outcome.kinds:
        return "Stale, not torn: neither tab saw the other's turn, but each turn is stored in one piece."
    return "Nothing is torn: each turn is stored in one piece, one after the other."


def _leak(hint: str) -> Goal:
    return Goal("leak", "make Ben see Ada's address.", _ben_sees, hint, _not_seen)


LEVELS = {
    "incident": Level(
        "It is 2 AM. Two people use your chat. Nothing was hacked, and they come one after the other.",
        "lesson-shared",
        Scene(),
        (
            Goal(
                "seen",
                "play Ada's whole turn, then Ben's, and look at Ben's phone.",
                _ben_sees,
                "Four times A, then four times B.",
                lambda _: "The other way round. Let Ada go first.",
            ),
        ),
        "Ben did nothing wrong, and neither did Ada. The chat's memory is **one object**, made when the app started. "
        "Ada's words are in Ben's prompt, and the model answers from its prompt. No race was needed.",
        asks=("AAAABBBB",),
        watch=True,
    ),
    "scheduler": Level(
        "Now *you* decide who goes next. Both share one list, which is written after the model has answered.",
        "lesson-shared-late",
        Scene(),
        (
            _leak("Let Ada finish her turn before Ben loads."),
            Goal(
                "no-leak",
                "then, with the same code, make both *answers* look fine.",
                lambda outcome: not (sees(outcome, "Ada", "Ben") or sees(outcome, "Ben", "Ada")),
                "Let both load before either saves. The prompts are then clean, but the list is still shared.",
                lambda _: "One answer still shows the other person's address.",
            ),
        ),
        "It came down to luck: in 60 of the 70 interleavings both answers look fine, so a test of the answers would "
        "usually pass. What is stored is wrong in all 70: one list holds everybody's messages.",
        asks=("ABABABAB",),
    ),
    "deepcopy": Level(
        "Somebody fixes it: each turn works on a **copy** of the memory, and writes the copy back.",
        "lesson-deepcopy",
        Scene(),
        (
            Goal(
                "lost",
                "lose an acknowledged message.",
                lambda outcome: not LOST.isdisjoint(outcome.kinds),
                "Let both load their copy first. Whoever saves last overwrites the other.",
                lambda _: "Nothing is lost this time: the second copy already held the first turn.",
            ),
        ),
        "Of 20 interleavings, 18 lose a message and 2 leak. None is right: the clever fix is worse.",
        asks=("AAABBB",),
    ),
    "tabs": Level(
        "One key per session stops the leak. Now **one** person opens two tabs.",
        "lesson-list",
        Scene(tabs=True),
        (
            Goal(
                "torn",
                "tear a turn: get one tab between the other's question and answer.",
                lambda outcome: not TORN.isdisjoint(outcome.kinds),
                "Let one tab save its question. Before its answer is saved, let the other tab load, or save.",
                _not_torn,
            ),
        ),
        "44 of the 70 interleavings tear a turn, and in 24 more neither tab sees the other's turn. Nobody else sees "
        "any of it.",
        asks=("AABBAABB",),
    ),
    "lock": Level(
        "Now with a **turn lock**: a turn locks its session from its first read to its last write.",
        "lesson-turn-lock",
        Scene(tabs=True),
        (
            Goal(
                "held",
                "try to break it.",
                lambda outcome: outcome.right,
                "Start one tab, then the other.",
                lambda _: "Something went wrong.",
            ),
        ),
        "A tab that has to wait cannot move. No schedule is left that goes wrong.",
        asks=("AAABBB",),
    ),
}


@lru_cache(64)
def par(level: str, goal: str) -> int:
    """The fewest preemptions that reach a goal, by the explorer."""
    found, wanted = LEVELS[level], next(one for one in LEVELS[level].goals if one.name == goal)
    with temporary_lab() as lab:
        for one in ordered(make_stage(found.strategy, found.scene, lab), MOST_PREEMPTIONS):
            if isinstance(one, Played) and wanted.done(one.outcome):
                return one.preemptions
    raise AssertionError(f"nothing reaches {level}-{goal}")


# --- what a learner foretells

FATES = {
    "leak": "Somebody sees the other's address",
    "lost": "A message is lost",
    "torn": "Turns are torn or mixed in the store",
    "stale": "Neither sees the other's turn",
    "right": "Nothing goes wrong",
}
"""By the group of the gravest thing that went wrong."""
OF_USERS, OF_TABS = ("leak", "lost", "torn", "right"), ("torn", "lost", "stale", "right")


@lru_cache(64)
def questions(level: str) -> Sequence[Question]:
    found = LEVELS[level]
    options = OF_TABS if found.scene.tabs else OF_USERS
    with temporary_lab() as lab:
        stage = make_stage(found.strategy, found.scene, lab)
        judge = Judge(found.scene, keeps=find(found.strategy).keeps)
        fates = [judge(played(stage, schedule)).group for schedule in found.asks]
    names = ["right" if fate is None else fate.name for fate in fates]
    texts = tuple(FATES[name] for name in options)
    return [Question(schedule, texts, options.index(name)) for schedule, name in zip(found.asks, names, strict=True)]
