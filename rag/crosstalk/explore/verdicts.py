"""What an exploration says, in one line: how many of how many, and whether it is a scope bug or a race."""

from __future__ import annotations

from decimal import Decimal

from rag.crosstalk.explore.outcomes import GROUPS, Group
from rag.crosstalk.explore.schedules import DEPTH, Explored, How
from rag.crosstalk.explore.stepping import LONGEST

CLAUSES = 3


def verdict(found: Explored) -> str:
    """Such as “All 70 interleavings leak, even with no interruption: a scope bug (2 users, 4 steps, exhaustive)”."""
    if not found.wrong and not found.answered:
        because = f" ({found.failed})" if found.failed else ""
        return f"Nothing can be said, because no turn was answered{because} ({of_what(found)})"
    if not found.wrong:
        return f"0 of {amount(found.total)} interleavings go wrong ({of_what(found)})"
    groups = [group for group in GROUPS if found.in_group(group)[0]]
    told = [_clause(found, group, first=group is groups[0]) for group in groups]
    more = f"; {len(told) - CLAUSES} more" if len(told) > CLAUSES else ""
    said = "; ".join(told[:CLAUSES])
    return f"{said[0].upper()}{said[1:]}{more} ({of_what(found)})"


def of_what(found: Explored) -> str:
    scene = found.scene
    turns = f", {scene.turns} turns each" if scene.turns > 1 else ""
    given_up = f", {scene.cancels} turn cancelled" if scene.cancels else ""
    return f"{scene.people}{turns}, {found.steps} steps{given_up}, {how(found)}"


def amount(number: int) -> str:
    """Whole, or where nobody would read that, its beginning and size."""
    return f"{number:,}" if number < 10**15 else f"{Decimal(number):.2e}"


def how(found: Explored) -> str:
    match found.how:
        case How.EXHAUSTIVE:
            return f"every way of up to {LONGEST} steps" if found.cut else "exhaustive"
        case How.BOUNDED:
            return f"all with at most {found.bound} preemption{'s' if found.bound != 1 else ''}"
        case How.RANDOM:
            return f"PCT: a bug of depth {DEPTH} is missed with a probability of at most {found.odds:.1e}"
        case How.STOPPED:
            return "stopped"


def cause(found: Explored, group: Group) -> str | None:
    """scope bug: it leaks without any preemption. race: it needs one. order: without one, and it is no leak."""
    fewest = found.in_group(group)[1]
    if fewest is None:
        return None
    return "race" if fewest else ("scope bug" if group.leak else "order")


def _clause(found: Explored, group: Group, *, first: bool) -> str:
    number, fewest = found.in_group(group)
    which = f"all {amount(number)}" if number == found.total else f"{amount(number)} of {amount(found.total)}"
    noun = "interleavings " if first else ""
    if fewest:
        often = "one interruption" if fewest == 1 else f"{fewest} interruptions"
        return f"{which} {noun}{group.verb}, with at least {often}: a race"
    what = "a scope bug" if group.leak else "wrong even one after the other"
    return f"{which} {noun}{group.verb}, even with no interruption: {what}"
