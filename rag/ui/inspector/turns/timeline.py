"""How long the phases of a turn took, as a bar. It holds numbers and colours only."""

from __future__ import annotations

import base64
from collections.abc import Mapping

PHASES = {
    "wait": ("waited for the turn before", "#868e96"),
    "load": ("load history", "#1c7ed6"),
    "rewrite": ("rewrite question", "#7c6ee6"),
    "retrieve": ("retrieve", "#2f9e63"),
    "ask": ("answer", "#e8590c"),
    "turn": ("whole turn", "#e8590c"),
}
"""Words and colour of each, in the order in which they come."""
OTHER = "#adb5bd"


def timeline(milliseconds: Mapping[str, float]) -> str:
    """A data URL for `st.image`. Each phase is as wide as it took long; a mark says when the first token came."""
    taken = [(phase, took) for phase, took in milliseconds.items() if phase != "first_token" and took > 0]
    total = sum(took for _, took in taken) or 1.0
    start, boxes = 0.0, []
    for phase, took in taken:
        width = max(2.0, 1000 * took / total)
        colour = PHASES.get(phase, ("", OTHER))[1]
        boxes.append(f'<rect x="{start:.1f}" y="0" width="{width:.1f}" height="10" fill="{colour}"/>')
        if phase == "ask" and (first := milliseconds.get("first_token")):
            at = start + 1000 * min(first, took) / total
            boxes.append(f'<rect x="{at:.1f}" y="0" width="3" height="10" fill="#ffffff"/>')
        start += 1000 * took / total
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 10" width="1000" height="10" '
        f'preserveAspectRatio="none">{"".join(boxes)}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def milliseconds(taken: Mapping[str, float]) -> str:
    """`212 ms: load history 1, retrieve 12, answer 199 (first token after 40)`."""
    parts = []
    for phase, took in taken.items():
        if phase == "first_token":
            continue
        first = taken.get("first_token") if phase == "ask" else None
        told = f" (first token after {_short(first)})" if first else ""
        parts.append(f"{PHASES.get(phase, (phase, ''))[0]} {_short(took)}{told}")
    total = sum(took for phase, took in taken.items() if phase != "first_token")
    return f"{_short(total)} ms: {', '.join(parts)}"


def _short(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"
