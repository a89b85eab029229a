"""Whose a text is that no prompt of this session should hold: looked for in every session, once, in small steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from rag.inspector.layouts.base import Histories
from rag.inspector.pace import Pace, Progress, Stopped

STEP = 50


@dataclass(frozen=True, slots=True)
class Owners:
    """owners: of each text that only one other session holds, that session. several: texts that more than one does.

    complete: False if it was stopped, and more may hold them.
    """

    owners: dict[str, str]
    several: frozenset[str]
    complete: bool
    looked_at: int


def find_owners(
    histories: Histories,
    texts: Collection[str],
    session_id: str,
    pace: Pace,
    progress: Callable[[Progress], None] | None = None,
) -> Owners:
    """texts: whole messages, as they were sent."""
    wanted = {text for text in texts if text.strip()}
    found: dict[str, set[str]] = {text: set() for text in wanted}
    looked, keys, total, complete = 0, 0, histories.total(), True
    try:
        for seen, ids in histories.listed(pace):
            keys += seen
            for start in range(0, len(ids), STEP):
                part = [one for one in ids[start : start + STEP] if one != session_id]
                for other, lines in histories.lines(part, pace):
                    for raw in lines:
                        said = histories.parse(raw, other)
                        if said.text in wanted and not said.problem:
                            found[said.text].add(other)
                pace.check()
            looked += len(ids)
            if progress is not None:
                progress(Progress(looked, 0, keys, total, sum(map(bool, found.values()))))
    except Stopped:
        complete = False
    owners = {text: next(iter(who)) for text, who in found.items() if len(who) == 1}
    return Owners(
        owners if complete else {}, frozenset(text for text, who in found.items() if len(who) > 1), complete, looked
    )
