"""The levels of the lesson, in the order in which they are told."""

from __future__ import annotations

from rag.crosstalk.checker.anomalies import STALE_PROMPT
from rag.crosstalk.explore.outcomes import Outcome
from rag.crosstalk.explore.scenes import Scene
from rag.ui.race.levels.goals import TORN, Goal, Level, ben_sees, leak, lost, sees


def _not_torn(outcome: Outcome) -> str:
    if STALE_PROMPT.kind in outcome.kinds:
        return "Stale, not torn: neither tab saw the other's turn, but each turn is stored in one piece."
    return "Nothing is torn: each turn is stored in one piece, one after the other."


LESSON = {
    "incident": Level(
        "It is 2 AM. Two people use your chat. Nothing was hacked, and they come one after the other.",
        "lesson-shared",
        Scene(),
        (
            Goal(
                "seen",
                "play Ada's whole turn, then Ben's, and look at Ben's phone.",
                ben_sees,
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
            leak("Let Ada finish her turn before Ben loads."),
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
        (lost("Let both load their copy first. Whoever saves last overwrites the other."),),
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
