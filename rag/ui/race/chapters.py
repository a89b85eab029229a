"""A level as it is drawn: what to do, the board, and how it goes on when it is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from rag.crosstalk.explore.stepping import BadSchedule
from rag.settings import Settings
from rag.ui.race import board
from rag.ui.race.levels import LEVELS, par, questions
from rag.ui.race.progress import done, reach
from rag.ui.race.scene.replay import look


def play(key: str, settings: Settings, *, onward: tuple[str, Callable[[], None]] | None = None) -> None:
    """onward: where it goes on, as words and what is done."""
    level = LEVELS[key]
    todo = [goal for goal in level.goals if not done(f"{key}-{goal.name}")]
    what, button = st.columns([4, 1], vertical_alignment="center")
    links = ", ".join(f"[{name}]({address})" for name, address in level.reports)
    reported = f" :small[Reported: {links}]" if links else ""
    with what:
        if todo:
            icons = [":material/flag:" if goal in todo else ":material/check_circle:" for goal in level.goals]
            goals = [f"{icon} **Goal:** {goal.text}" for icon, goal in zip(icons, level.goals, strict=True)]
            st.markdown("  \n".join([level.text + reported, *goals]))
        else:
            st.markdown(f":green[:material/check_circle:] **Done.** {level.after}{reported}")
    with button:
        if todo:
            with st.popover("Hint", icon=":material/lightbulb:"):
                st.write(todo[0].hint)
        elif onward:
            st.button(onward[0], type="primary", icon=":material/arrow_forward:", on_click=onward[1])
    aims = [board.Aim(goal.name, goal not in todo, par(key, goal.name)) for goal in level.goals]
    # What is wrong with the code is for the learner to find.
    seen = board.draw(
        key,
        level.strategy,
        level.scene,
        settings,
        level=key,
        aims=aims,
        questions=questions(key) if todo == list(level.goals) else (),
        watch=level.watch,
        bug=not todo,
        above=32.5 if level.title else 28.5,
    )
    if todo and seen is not None:
        for schedule in board.played(key):
            with suppress(BadSchedule):
                outcome = look(level.strategy, level.scene, schedule, settings).outcome
                if outcome is not None and todo[0].done(outcome):
                    reach(settings, f"{key}-{todo[0].name}")
    if not todo:
        reach(settings, key)
