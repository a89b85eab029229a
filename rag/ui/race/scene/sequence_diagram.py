"""The schedule as a sequence diagram, in Mermaid's language: who goes to the memory and who to the model, in order."""

from __future__ import annotations

import json
import re

from rag.ui.race.scene.replay import Look

# Close together: a wide diagram would be drawn too small to read on a phone.
SHAPE = {"actorMargin": 8, "width": 60, "height": 40, "diagramMarginX": 4, "boxMargin": 6}
_ASK = re.compile(r"(?: {0,8}\band )?\bask\b(?: and\b)? {0,8}")


def sequence(seen: Look, *, size: int) -> str:
    """size: of the letters, in pixels."""
    names = {actor.letter: re.sub(r"\W+", " ", actor.name.rpartition(", ")[2]) for actor in seen.actors}
    lines = [
        f"%%{{init: {json.dumps({'fontSize': size, 'sequence': SHAPE})}}}%%",
        "sequenceDiagram",
        *(f"participant {letter} as {name}" for letter, name in names.items()),
        "participant S as Memory",
        "participant M as Model",
    ]
    first, last = window(seen)
    for number, (letter, label, _) in enumerate(seen.steps):
        if number == first:
            lines.append("rect rgb(214, 51, 108, 0.15)")
        lines += [f"{letter.upper()}->>{to}: {said}" for to, said in _sent(re.sub(r"[^a-z ,]+", " ", label))]
        if number == last:
            lines.append("end")
    return "\n".join(lines)


def _sent(label: str) -> list[tuple[str, str]]:
    """Such as “load and ask”: the first to the memory, the second to the model."""
    left = _ASK.sub("", label).strip()
    return [("S", left)] * bool(left) + [("M", "ask")] * bool(_ASK.search(label))


def window(seen: Look) -> tuple[int, int]:
    """From the first step of the first turn that somebody else came into, to the last one of those that it overlaps
    with; (-1, -1) where nobody did."""
    turns: dict[tuple[str, int], list[int]] = {}
    for number, (letter, _, turn) in enumerate(seen.steps):
        turns.setdefault((letter.upper(), turn), []).append(number)
    for own in turns.values():  # in the order in which they began
        others = [one for one in turns.values() if one[0] < own[-1] and own[0] < one[-1] and one is not own]
        if others:
            return own[0], max(one[-1] for one in [own, *others])
    return -1, -1
