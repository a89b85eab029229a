"""What a few questions to somebody's chat have shown: a line for each finding, and what the two users were told."""

from __future__ import annotations

import streamlit as st

from rag.colours import colour
from rag.crosstalk.targets.onboarding.probe import Probe
from rag.crosstalk.targets.onboarding.turns import Exchange
from rag.ui.avatar import badge
from rag.ui.escaping import code, escaped

ICONS = {
    "good": ":green[:material/check_circle:]",
    "note": ":orange[:material/info:]",
    "wrong": ":red[:material/error:]",
}
NAMES = {1: "First user", 2: "Second user"}
SHOWN = 1000
"""Characters of an answer."""


def draw(probe: Probe) -> None:
    for finding in probe.findings:
        st.markdown(f"{ICONS[finding.level]} {_with_code(finding.text)}")
    told = [one for one in probe.exchanges if not one.problem]
    if not told:
        return
    for place, number in zip(st.columns(2, gap="medium"), NAMES, strict=True):
        with place:
            _told([one for one in told if one.number == number], number)


def _with_code(text: str) -> str:
    """What stands between two backticks is code; all else is taken literally."""
    parts = text.split("`")
    whole = len(parts) - 1 if len(parts) % 2 == 0 else len(parts)
    return "".join(code(part) if n % 2 and n < whole else escaped(part) for n, part in enumerate(parts))


def _told(told: list[Exchange], number: int) -> None:
    """The answer that matters, and the others below it: what the first user is told of itself, and the second one."""
    st.markdown(f"**{NAMES[number]}**")
    if not told:
        st.caption("Was not asked, or got no answer.")
        return
    chosen = told[-1] if number == 1 else told[0]
    _turn(chosen)
    others = [one for one in told if one is not chosen]
    if others:
        with st.expander(f"{len(others)} more turns" if len(others) > 1 else "1 more turn"):
            for one in others:
                _turn(one)


def _turn(one: Exchange) -> None:
    name = NAMES[one.number]
    with st.chat_message("user", avatar=badge(name, colour(name))):
        st.text(one.question)
    with st.chat_message("assistant", avatar=":material/smart_toy:"):
        st.text(one.answer[:SHOWN] + ("…" if len(one.answer) > SHOWN else ""))
        st.caption(f"{one.seconds:.1f} s")
