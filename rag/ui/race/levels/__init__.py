"""Every level by its name, the fewest preemptions that reach its goals, and what a learner is asked to foretell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rag.crosstalk.explore.explorer import make_stage, temporary_lab
from rag.crosstalk.explore.outcomes import Judge
from rag.crosstalk.explore.schedules import Played, ordered
from rag.crosstalk.explore.stepping import played
from rag.crosstalk.strategies import find
from rag.ui.race.levels.goals import Goal, Level, Question
from rag.ui.race.levels.lesson import LESSON
from rag.ui.race.levels.reports import REPORTS

__all__ = ["LESSON", "LEVELS", "REPORTS", "Goal", "Level", "Question", "par", "questions"]

LEVELS = {**LESSON, **REPORTS}
MOST_PREEMPTIONS = 3
"""No goal takes more."""


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
