"""What a report knows, in the words of whoever shows it: each kind's people and turns, facts recalled, ways of asking,
and what is only suspected. Where there is nothing there are no words."""

from __future__ import annotations

from rag.crosstalk.checker.findings import Report, Shape
from rag.crosstalk.run.conversation import SHAPES

SUSPECTED = "Suspected, not certain"
ABOUT_SUSPECTED = (
    "These may be leaks in other words, or chance. They change neither the verdict nor the exit status: read them."
)
ASKED = "How users asked"
HEADS = ("question", "turns", "answered", "chances", "leaks", "leak rate")
"""Of `shapes`. chances: answered turns in which somebody else's data could have been seen; leaks: turns that had it."""
MOST_SHAPES = 20
"""A log may name as many as it likes."""
LONGEST_TITLE = 34


def met(report: Report, kind: str) -> str:
    """People and turns first, then occurrences: `20 of 20 users, in 59 of 60 turns; 1,789 ×`."""
    count = f"{report.counts.get(kind, 0):,} ×"
    reach = report.reach(kind)
    return f"{reach}; {count}" if reach else count


def recalled(report: Report) -> str:
    """`Own facts recalled in 61 % of 120 chances`; nothing where answers alone were not to tell."""
    if not report.recall.chances:
        return ""
    return f"Own facts recalled in {report.recall.share:.0%} of {report.recall.chances:,} chances".replace("%", " %")


def recalled_beside(report: Report) -> str:
    """The same as a sentence, where the verdict's own does not say so: it tells of facts that were not recalled."""
    told = recalled(report)
    return f"{told}." if told and report.recall.recalled == report.recall.chances else ""


def shapes(report: Report) -> list[tuple[str, ...]]:
    """A row each, as HEADS."""
    return [_row(shape) for shape in report.shapes[:MOST_SHAPES]]


def _row(shape: Shape) -> tuple[str, ...]:
    known = SHAPES.get(shape.name)
    title = known.title if known else shape.name
    short = title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
    bound = "–" if shape.bound is None else f"≤ {100 * shape.bound:.2g} %"
    return short, *(f"{number:,}" for number in (shape.turns, shape.answered, shape.chances, shape.leaking)), bound
