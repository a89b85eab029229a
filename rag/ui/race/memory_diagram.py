"""The memory as boxes, with an arrow from each who reads and writes it; what a turn has loaded is a dashed box.

Drawn from the race lab's own fixed texts; nothing in it was written by a user or a model. A message has the colour of
the actor whose turn it is from, and an address that of its owner. Paper and ink follow the page's theme: inside an
image, `prefers-color-scheme` asks for the colour scheme of the page that shows it. An actor's colour is the same in
both; as text it is mixed with ink, for contrast.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from rag.crosstalk.explore.scenes import LETTERS, PEOPLE
from rag.ui.palette import OWNERS
from rag.ui.race.narration import owner_of
from rag.ui.race.replay import Look

WIDTH, LINE, HEAD, GAP, SIDE = 306, 22, 36, 16, 84
LETTERS_A_LINE = 36
PLAIN = "#8985a0"
"""Nobody's colour."""
STYLE = """<style>
svg {--paper: #fbfaff; --ink: #1d1b2a; --faint: #64617a}
@media (prefers-color-scheme: dark) {svg {--paper: #201e2d; --ink: #ecebf5; --faint: #a9a6bd}}
.paper {fill: var(--paper)} .ink {fill: var(--ink)} .faint {fill: var(--faint)}
.own {fill: color-mix(in srgb, var(--own) 65%, var(--ink))}
</style>"""
INK, FAINT, WHITE = 'class="ink"', 'class="faint"', 'fill="#fff"'
FONT = 'font-family="Source Sans Pro,Source Sans,system-ui,sans-serif"'
_ADDRESS = re.compile(r"(" + "|".join(re.escape(address) for _, address in PEOPLE) + ")")


@dataclass(frozen=True, slots=True)
class Box:
    """letters: of the actors whose it is. copy: a variable of one turn."""

    title: str
    messages: tuple[tuple[str, str], ...]
    letters: str
    copy: bool = False


def boxes(seen: Look) -> list[Box]:
    letters = "".join(actor.letter for actor in seen.actors)
    names = {actor.letter: actor.name for actor in seen.actors}
    if seen.shared or len(seen.stored) == 1:
        title = "one shared list" if len(seen.stored) > 1 else f"{names['A'].split(',')[0]}'s session"
        found = [Box(title, seen.stored[0][1], letters)]
    else:
        owners = zip(letters, seen.stored, strict=False)
        found = [Box(f"{names[letter]}'s session", messages, letter) for letter, (_, messages) in owners]
    return found + [
        Box(f"{names[letter]}'s turn: {name}", messages, letter, copy=True) for letter, name, messages in seen.copies
    ]


def picture(seen: Look) -> str:
    """An SVG as a data address."""
    parts: list[str] = []
    middles: list[float] = []
    y = 8.0
    shown = boxes(seen)
    for box in shown:
        height = HEAD + max(LINE + 8, sum(_tall(role, text) for role, text in box.messages)) + 8
        parts.append("".join(_box(box, y, height)))
        middles.append(y + height / 2)
        y += height + GAP
    tall = max(y, 96.0 * len(seen.actors))
    spots = {actor.letter: tall / len(seen.actors) * (number + 0.5) - 10 for number, actor in enumerate(seen.actors)}
    for box, middle in zip(shown, middles, strict=True):
        for place, letter in enumerate(box.letters):  # arrows into one box end side by side
            end = middle + (place - (len(box.letters) - 1) / 2) * 14
            parts.append(_arrow(letter, spots[letter], end, copy=box.copy))
    parts += [_actor(actor.letter, actor.name, spots[actor.letter]) for actor in seen.actors]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE + WIDTH + 6} {tall:.0f}" '
        f'width="{SIDE + WIDTH + 6}" height="{tall:.0f}">{STYLE}{"".join(parts)}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def described(seen: Look) -> str:
    """The same in words."""
    return ". ".join(f"{box.title}: {'; '.join(text for _, text in box.messages) or 'empty'}" for box in boxes(seen))


def _box(box: Box, y: float, height: float) -> Iterator[str]:
    colour = _colour(box.letters) if len(box.letters) == 1 else PLAIN
    dash = ' stroke-dasharray="7 5"' if box.copy else ""
    yield (
        f'<rect x="{SIDE}" y="{y}" width="{WIDTH}" height="{height}" rx="12" class="paper" stroke="{colour}" '
        f'stroke-width="2.5"{dash}/>'
    )
    yield _text(SIDE + 16, y + 24, escape(box.title), INK, 16, 700)
    if not box.messages:
        yield _text(SIDE + 16, y + HEAD + 17, "empty", FAINT, 15)
    y += HEAD
    for role, text in box.messages:
        yield _row(role, text, y)
        y += _tall(role, text)


def _row(role: str, text: str, y: float) -> str:
    colour = _colour(owner_of(text) or "")
    high = _tall(role, text) - 4
    lines = "".join(
        _text(SIDE + 24, y + 18 + number * LINE, "".join(map(_span, _ADDRESS.split(line))), INK, 15)
        for number, line in enumerate(_lines(role, text))
    )
    return (
        f'<rect x="{SIDE + 10}" y="{y}" width="{WIDTH - 20}" height="{high}" rx="6" fill="{colour}" '
        f'fill-opacity=".18"/><rect x="{SIDE + 10}" y="{y}" width="6" height="{high}" rx="3" fill="{colour}"/>{lines}'
    )


def _tall(role: str, text: str) -> int:
    return LINE * len(_lines(role, text)) + 8


def _lines(role: str, text: str) -> list[str]:
    """Wrapped; an address stays in one piece, because it is coloured as a whole."""
    whole = _ADDRESS.sub(lambda found: found[0].replace(" ", "\0"), text if role == "user" else f"↳ {text}")
    return [line.replace("\0", " ") for line in wrap(whole, LETTERS_A_LINE)] or [""]


def _span(part: str) -> str:
    for letter, (_, address) in zip(LETTERS, PEOPLE, strict=True):
        if part == address:
            return f'<tspan {_own(letter)} font-weight="700">{escape(part)}</tspan>'
    return escape(part)


def _actor(letter: str, name: str, y: float) -> str:
    short = name.rpartition(", ")[2]  # of “Ada, tab 1” the tab
    return (
        f'<circle cx="32" cy="{y}" r="21" fill="{_colour(letter)}"/>'
        f"{_text(32, y + 7, letter, WHITE, 20, 700, 'middle')}"
        f"{_text(32, y + 39, escape(short), _own(letter), 15, 700, 'middle')}"
    )


def _arrow(letter: str, start: float, end: float, *, copy: bool) -> str:
    colour, dash = _colour(letter), ' stroke-dasharray="6 5"' if copy else ""
    return (
        f'<path d="M54 {start} C {SIDE - 8} {start}, {SIDE - 28} {end}, {SIDE - 9} {end}" fill="none" '
        f'stroke="{colour}" stroke-width="3"{dash}/><path d="M{SIDE - 11} {end - 6}l10 6l-10 6z" fill="{colour}"/>'
    )


def _own(letter: str) -> str:
    """A text in its owner's colour."""
    return f'class="own" style="--own: {_colour(letter)}"'


def _text(x: float, y: float, content: str, paint: str, size: int, weight: int = 400, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" {FONT} font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'{paint} xml:space="preserve">{content}</text>'
    )


def _colour(letter: str) -> str:
    return OWNERS[LETTERS.index(letter)] if letter and letter in LETTERS else PLAIN
