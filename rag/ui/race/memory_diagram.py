"""The memory as boxes, with an arrow from each who reads and writes it; what a turn has loaded is a dashed box.

Made of the race lab's own fixed texts; nothing in it was written by a user or a model. A message has the colour of the
actor whose turn it is from, and an address that of its owner: as text it is mixed with the page's ink, for contrast.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Literal

import streamlit as st

from rag.crosstalk.explore.scenes import LETTERS, PEOPLE
from rag.crosstalk.explore.stepping import Texts
from rag.ui.palette import OWNERS
from rag.ui.race.narration import owner_of
from rag.ui.race.replay import Look

PLAIN = "#8985a0"
"""Nobody's colour."""
STYLE = """<style>
.race-memory {display: grid; grid-template-columns: 4.2rem 1fr; row-gap: 1rem; line-height: 1.4}
.race-memory .users {display: grid; align-content: center; row-gap: 0.2rem}
.race-memory .user {display: grid; grid-template-columns: 2.6rem 1fr 0.6rem; align-items: center; text-align: center}
.race-memory .user b {width: 2.6rem; line-height: 2.6rem; border-radius: 50%; background: var(--own); color: #fff}
.race-memory .user i {border-top: 0.2rem solid var(--own)}
.race-memory .copy i {border-top-style: dashed}
.race-memory .user u {border: solid transparent; border-width: 0.4rem 0 0.4rem 0.6rem; border-left-color: var(--own)}
.race-memory .box {padding: 0.4rem 0.7rem; border: 0.15rem solid var(--own); border-radius: 0.8rem}
.race-memory .box.copy {border-style: dashed}
.race-memory p {margin: 0.3rem 0; padding: 0.15rem 0.5rem; border-left: 0.4rem solid var(--own); border-radius: 0.4rem;
  background: color-mix(in srgb, var(--own) 18%, transparent)}
.race-memory .own {color: color-mix(in srgb, var(--own) 65%, currentColor); font-weight: 700; white-space: nowrap}
</style>"""
_ADDRESS = re.compile("|".join(re.escape(address) for _, address in PEOPLE))
_OWNERS = {address: OWNERS[letter] for letter, (_, address) in zip(LETTERS, PEOPLE, strict=True)}


def draw(seen: Look, width: int | Literal["stretch"]) -> None:
    """width: at most, in pixels."""
    names = {actor.letter: actor.name for actor in seen.actors}
    if seen.shared or len(seen.stored) == 1:
        title = "one shared list" if len(seen.stored) > 1 else f"{names['A'].split(',')[0]}'s session"
        boxes = [_box(title, seen.stored[0][1], names)]
    else:
        owners = zip(names.items(), seen.stored, strict=False)
        boxes = [_box(f"{name}'s session", messages, {letter: name}) for (letter, name), (_, messages) in owners]
    for letter, variable, messages in seen.copies:
        title = f"{names[letter]}'s turn: {variable}"
        boxes.append(_box(title, messages, {letter: names[letter]}, kind="copy"))
    st.html(f'<div class="race-memory">{STYLE}{"".join(boxes)}</div>', width=width)


def _box(title: str, messages: Texts, users: Mapping[str, str], kind: str = "") -> str:
    """users: names, by letter, of those whose it is."""
    arrows = "".join(
        f'<div class="user {kind}" style="--own: {OWNERS[letter]}"><b>{letter}</b><i></i><u></u>'
        f'<span class="own">{escape(name.rpartition(", ")[2])}</span></div>'  # of “Ada, tab 1” the tab
        for letter, name in users.items()
    )
    colour = OWNERS.get("".join(users), PLAIN)
    shown = "".join(_message(role, said) for role, said in messages) or "<div>empty</div>"
    box = f'<div class="box {kind}" style="--own: {colour}"><strong>{escape(title)}</strong>{shown}</div>'
    return f'<div class="users">{arrows}</div>{box}'


def _message(role: str, said: str) -> str:
    text = _ADDRESS.sub(lambda one: f'<span class="own" style="--own: {_OWNERS[one[0]]}">{one[0]}</span>', escape(said))
    return f'<p style="--own: {OWNERS.get(owner_of(said) or "", PLAIN)}">{"" if role == "user" else "↳ "}{text}</p>'
