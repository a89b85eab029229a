"""The memory as boxes, with an arrow from each who reads and writes it; what a turn has loaded is a dashed box.

Drawn from the race lab's own fixed texts; nothing in it was written by a user or a model. A message has the colour of
the actor whose turn it is from, and an address that of its owner. Paper and ink follow the page's theme: inside an
image, `prefers-color-scheme` asks for the colour scheme of the page that shows it. An actor's colour is the same in
both; as text it is mixed with ink, for contrast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from rag.crosstalk.explore.scenes import LETTERS, PEOPLE
from rag.ui.palette import OWNERS
from rag.ui.race.narration import owner_of
from rag.ui.race.replay import Look
from rag.ui.svg import data_url, rect, svg, text

WIDTH, LINE, HEAD, GAP, SIDE = 306, 22, 36, 16, 84
INNER = WIDTH - 40
LETTER, BOLD = 8.8, 10.2
"""Pixels of a letter, as wide as the widest of the fonts that a browser takes inside an image."""
PLAIN = "#8985a0"
"""Nobody's colour."""
STYLE = """<style>
svg {--paper: #fbfaff; --ink: #1d1b2a; --faint: #64617a}
@media (prefers-color-scheme: dark) {svg {--paper: #201e2d; --ink: #ecebf5; --faint: #a9a6bd}}
.paper {fill: var(--paper)} .ink {fill: var(--ink)} .faint {fill: var(--faint)}
.own {fill: color-mix(in srgb, var(--own) 65%, var(--ink))}
</style>"""
INK, FAINT, WHITE = 'class="ink"', 'class="faint"', 'fill="#fff"'
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
    parts, middles, shown, y = [STYLE], list[float](), boxes(seen), 8.0
    for box in shown:
        height = HEAD + max(LINE + 8, sum(_tall(role, said) for role, said in box.messages)) + 8
        parts += _box(box, y, height)
        middles.append(y + height / 2)
        y += height + GAP
    tall = max(y, 96.0 * len(seen.actors))
    spots = {actor.letter: tall / len(seen.actors) * (number + 0.5) - 10 for number, actor in enumerate(seen.actors)}
    for box, middle in zip(shown, middles, strict=True):
        for place, letter in enumerate(box.letters):  # arrows into one box end side by side
            end = middle + (place - (len(box.letters) - 1) / 2) * 14
            parts.append(_arrow(letter, spots[letter], end, copy=box.copy))
    parts += [_actor(actor.letter, actor.name, spots[actor.letter]) for actor in seen.actors]
    return data_url(svg(SIDE + WIDTH + 6, round(tall), "".join(parts)))


def described(seen: Look) -> str:
    """The same in words."""
    return ". ".join(f"{box.title}: {'; '.join(said for _, said in box.messages) or 'empty'}" for box in boxes(seen))


def _box(box: Box, y: float, height: float) -> Iterator[str]:
    colour = _colour(box.letters) if len(box.letters) == 1 else PLAIN
    dash = ' stroke-dasharray="7 5"' if box.copy else ""
    yield rect(SIDE, y, WIDTH, height, 12, f'class="paper" stroke="{colour}" stroke-width="2.5"{dash}')
    yield text(SIDE + 16, y + 24, escape(box.title), 16, 700, INK)
    if not box.messages:
        yield text(SIDE + 16, y + HEAD + 17, "empty", 15, 400, FAINT)
    y += HEAD
    for role, said in box.messages:
        colour, high = _colour(owner_of(said) or ""), _tall(role, said) - 4
        yield rect(SIDE + 10, y, WIDTH - 20, high, 6, f'fill="{colour}" fill-opacity=".18"')
        yield rect(SIDE + 10, y, 6, high, 3, f'fill="{colour}"')
        for number, line in enumerate(lines(role, said)):
            yield text(SIDE + 24, y + 18 + number * LINE, "".join(map(_span, _ADDRESS.split(line))), 15, 400, INK)
        y += _tall(role, said)


def _tall(role: str, said: str) -> int:
    return LINE * len(lines(role, said)) + 8


def lines(role: str, said: str) -> list[str]:
    """Wrapped to fit into a box; an address stays in one piece, because it is coloured as a whole."""
    found, room = list[str](), 0.0
    words = _ADDRESS.sub(lambda one: one[0].replace(" ", "\0"), said if role == "user" else f"↳ {said}").split()
    for word in words:
        wide = len(word) * (BOLD if "\0" in word else LETTER)
        if found and wide + LETTER <= room:
            found[-1] += f" {word}"
            room -= wide + LETTER
        else:
            found.append(word)
            room = INNER - wide
    return [line.replace("\0", " ") for line in found] or [""]


def _span(part: str) -> str:
    for letter, (_, address) in zip(LETTERS, PEOPLE, strict=True):
        if part == address:
            return f'<tspan {_own(letter)} font-weight="700">{escape(part)}</tspan>'
    return escape(part)


def _actor(letter: str, name: str, y: float) -> str:
    short = name.rpartition(", ")[2]  # of “Ada, tab 1” the tab
    return (
        f'<circle cx="32" cy="{y:g}" r="21" fill="{_colour(letter)}"/>'
        + text(32, y + 7, letter, 20, 700, WHITE, "middle")
        + text(32, y + 39, escape(short), 15, 700, _own(letter), "middle")
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


def _colour(letter: str) -> str:
    return OWNERS[LETTERS.index(letter)] if letter and letter in LETTERS else PLAIN
