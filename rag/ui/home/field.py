"""The recorded run as it plays: two memories, a cell for each person, somebody else's colour where data crossed over.

Markup and styles alone, made from numbers: nothing in it was written by a user or a model. Whoever asks their system
for less motion sees how it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from rag.colours import colour
from rag.crosstalk.run.people import label
from rag.ui.home.recording import Half, Person, Recording, recorded

HOLD = 3.5
"""Seconds for which the end stays."""
FRAMES = 10
"""A second, as the simulator's live view had them."""
NEVER = 1e6
TITLES = {"wrong": "One memory for everyone", "right": "One memory per session"}


def draw() -> None:
    _component()()


@cache
def _component() -> Any:
    run = recorded()
    styles = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return st.components.v2.component(
        "crosswire_field", html=markup(run), css=styles + counting(run), isolate_styles=False
    )


def markup(run: Recording) -> str:
    whole = run.seconds + HOLD
    halves = "".join(_half(side, half) for side, half in (("wrong", run.wrong), ("right", run.right)))
    times = f"--whole:{whole:.2f};--length:{whole:.2f}s;--frames:{round(whole * FRAMES)};"
    people = len(run.wrong.people)
    said = f"A recorded run of {run.day}: {people} people, {run.turns} turns each, the same words on both sides."
    return (
        f'<div class="cw-field"><div class="cw-halves" style="{times}--reached:0">{halves}</div>'
        f'<footer><span>{said}</span><label><input type="checkbox"> Pause</label></footer></div>'
    )


def _half(side: str, half: Half) -> str:
    cells = "".join(f'<i style="{_cell(user, person)}"></i>' for user, person in enumerate(half.people))
    people, reached = len(half.people), half.reached
    alt = f"{reached} of {people} people got someone else’s data."
    return (
        f'<section class="cw-half cw-{side}" style="--reached:{reached}"><h2>{TITLES[side]}</h2>'
        f'<div class="cw-people" role="img" aria-label="{alt}">{cells}</div>'
        f'<p aria-hidden="true"><b></b> of {people} people got someone else’s data</p></section>'
    )


def _cell(user: int, person: Person) -> str:
    answered = [f"--{name}:{at:g}" for name, at in zip("abc", (*person.answered, NEVER, NEVER, NEVER), strict=False)]
    values = [f"--own:{_colour(user)}", *answered]
    if person.leaked is None or person.owner is None:
        return ";".join([*values, f"--l:{NEVER:g}"])
    return ";".join([*values, f"--l:{person.leaked:g}", f"--owner:{_colour(person.owner)}"])


def _colour(user: int) -> str:
    return colour(label(user))


def counting(run: Recording) -> str:
    """How many people got somebody else's data by then, as keyframes."""
    whole = run.seconds + HOLD
    times = sorted(person.leaked for person in run.wrong.people if person.leaked is not None)
    return f"@keyframes crosswire-reached {{{''.join(_steps(times, whole))}}}"


def _steps(times: Sequence[float], whole: float) -> Iterator[str]:
    yield "0% {--reached:0}"
    for at, number in {at: number for number, at in enumerate(times, 1)}.items():
        yield f"{at / whole:.2%} {{--reached:{number}}}"
    yield f"to {{--reached:{len(times)}}}"
