"""Turns of a history that only holds messages: by the numbers that they bear, or else one a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.inspector.turns.model import Turn
from rag.inspector.views.session import Element


def paired(elements: Sequence[Element]) -> list[Turn]:
    """Oldest first. What stands before the first question is a turn without one, numbered 0."""
    groups: list[list[Element]] = []
    numbers: list[int] = []
    for element in elements:
        number, asks = element.said.turn, element.said.role == "user" and not element.said.problem
        if not groups:
            begins = True
        elif number:
            begins = number != numbers[-1]
        else:  # an element that bears no number belongs where it stands
            begins = asks and not element.said.problem and not _open(groups[-1])
        if begins:
            groups.append([])
            numbers.append(number or (numbers[-1] + 1 if numbers else int(asks)))
        groups[-1].append(element)
    return [Turn(number, tuple(group), at=_at(group)) for number, group in zip(numbers, groups, strict=True)]


def _open(group: Iterable[Element]) -> bool:
    """Whether only questions have come so far: several in a row are asked as one."""
    return all(one.said.role == "user" for one in group)


def _at(group: Iterable[Element]) -> float:
    return next((one.said.at for one in group if one.said.at), 0.0)
