"""The lesson's first four chapters: each a thing to do, and done when it was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from rag.crosstalk.checker.anomalies import FOREIGN_READ, STALE_PROMPT, in_group
from rag.crosstalk.explore.outcomes import Outcome
from rag.crosstalk.explore.scenes import Scene
from rag.settings import Settings
from rag.ui.race import board
from rag.ui.race.progress import done, reach

LOST = in_group("lost")
TORN = in_group("torn")
INCIDENT = "AAAABBBB"


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
class Chapter:
    """after: what is said when all of its goals are reached."""

    text: str
    strategy: str
    scene: Scene
    goals: tuple[Goal, ...]
    after: str


def sees(outcome: Outcome, user: str, owner: str) -> bool:
    """Whether an answer to this user shows the owner's address."""
    return any(
        (one.kind, one.user, one.owner, one.surface) == (FOREIGN_READ.kind, user, owner, "answer")
        for one in outcome.report.anomalies
    )


def _not_seen(outcome: Outcome) -> str:
    if sees(outcome, "Ada", "Ben"):
        return "That is the same leak, the other way round: Ada sees Ben's address. Now make Ben see Ada's."
    return "Both answers look fine this time: nobody saw the other's address."


def _not_torn(outcome: Outcome) -> str:
    if STALE_PROMPT.kind in outcome.kinds:
        return "Stale, not torn: neither tab saw the other's turn, but each turn is stored in one piece."
    return "Nothing is torn: each turn is stored in one piece, one after the other."


CHAPTERS = {
    "scheduler": Chapter(
        "Now *you* decide who goes next. Both share one list, which is written after the model has answered.",
        "lesson-shared-late",
        Scene(),
        (
            Goal(
                "leak",
                "make Ben see Ada's address.",
                lambda outcome: sees(outcome, "Ben", "Ada"),
                "Let Ada finish her turn before Ben loads.",
                _not_seen,
            ),
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
    ),
    "deepcopy": Chapter(
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
    ),
    "tabs": Chapter(
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
    ),
}


def incident(settings: Settings) -> None:
    st.markdown("It is 2 AM. Two people use your chat. Nothing was hacked. Press play.")
    if not INCIDENT.startswith(board.opened("incident")):
        board.refuse("incident", "The link's schedule does not belong to this chapter.")
    seen = board.reopened("incident", "lesson-shared", Scene(), settings)
    board.phones(seen)
    with st.container(horizontal=True):
        label = "Play" if not seen.schedule else "Next"
        if st.button(
            label, type="primary", icon=":material/play_arrow:", disabled=seen.outcome is not None, shortcut="p"
        ):
            # A turn at a time: Ada's whole one, then Ben's.
            board.put("incident", INCIDENT[: len(seen.schedule) + 4])
            st.rerun()
        if st.button("Again", icon=":material/replay:", disabled=not seen.schedule):
            board.put("incident", "")
            st.rerun()
    if seen.outcome is not None:
        if board.own("incident", seen.schedule):
            reach(settings, "incident")
        st.error(
            "Ben's answer shows Ada's address. Ben did nothing wrong, and neither did Ada.", icon=":material/report:"
        )
        st.markdown(
            "What happened? The chat's memory is **one object**, made when the app started. Ada's words are in Ben's "
            "prompt, and the model answers from its prompt. No race was needed: they came one after the other."
        )
        board.store(seen, 560)


def tabs(settings: Settings) -> None:
    both = done("tabs-torn")
    # Two boards, one keyboard: its letters are for the board that was touched last.
    here = board.touched("tabs", "lock") or "lock"
    play("tabs", settings, keys=here == "tabs" if both else None)
    if both:
        st.divider()
        st.markdown(
            "Now with a **turn lock**: a turn locks its session from its first read to its last write. Try to break it."
        )
        seen = board.draw("lock", "lesson-turn-lock", Scene(tabs=True), settings, keys=here == "lock")
        if seen is not None and seen.outcome is not None:
            if board.own("lock", seen.schedule):
                reach(settings, "lock")
            st.markdown("A tab that has to wait cannot move. No schedule is left that goes wrong.")


def play(key: str, settings: Settings, *, keys: bool | None = None) -> None:
    """keys: as the board's."""
    chapter = CHAPTERS[key]
    st.markdown(chapter.text)
    todo = [goal for goal in chapter.goals if not done(f"{key}-{goal.name}")]
    with st.container(horizontal=True, vertical_alignment="center"):
        icons = [":material/flag:" if goal in todo else ":material/check_circle:" for goal in chapter.goals]
        lines = [f"{icon} **Goal:** {goal.text}" for icon, goal in zip(icons, chapter.goals, strict=True)]
        st.markdown("  \n".join(lines))
        if todo:
            with st.popover("Hint", icon=":material/lightbulb:"):
                st.write(todo[0].hint)
    above = st.container()
    # What is wrong with the code is for the learner to find.
    seen = board.draw(key, chapter.strategy, chapter.scene, settings, keys=keys, bug=not todo)
    if todo and seen is not None and seen.outcome is not None and board.own(key, seen.schedule):
        if todo[0].done(seen.outcome):
            board.let_go()
            reach(settings, f"{key}-{todo[0].name}")
        elif not any(goal.done(seen.outcome) for goal in chapter.goals if goal not in todo):
            above.info(f"Not yet. {todo[0].missed(seen.outcome)}", icon=":material/flag:")
    if not todo:
        reach(settings, key)
        above.success(chapter.after, icon=":material/school:")
