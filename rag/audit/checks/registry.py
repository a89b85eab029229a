"""A check: its stable id, what it asserts, why, and what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rag.audit.kit.trial import Trial

Body = Callable[[Trial], Awaitable[None]]

LEVELS = {
    "apart": "Nobody reads or loses somebody else's conversation.",
    "whole": "A conversation keeps every turn, whole, once and in order.",
    "lasting": "What was acknowledged outlives its process, and expires as one.",
    "faithful": "What is read is what was written.",
    "bounded": "A turn's cost does not grow with the conversation.",
    "async": "Async calls do not block the event loop.",
}
"""What a store may claim, by level."""


@dataclass(frozen=True)
class Check:
    """One assertion about a store. Its body raises Wrong, CannotTell or NotApplicable, or returns: it holds."""

    id: str
    """`level.name`, stable."""
    asserts: str
    why: str
    """The report or the document that it comes from."""
    link: str
    lanes: tuple[str, ...]
    body: Body
    limit: float
    """Seconds."""

    @property
    def level(self) -> str:
        return self.id.partition(".")[0]


CHECKS: dict[str, Check] = {}
"""Every check, by id, in the order of the report. Filled as the files of this folder are imported, then only read."""


def check(
    id: str,  # what the field calls it
    asserts: str,
    *,
    why: str,
    link: str = "",
    lanes: tuple[str, ...] = ("async", "sync"),
    limit: float = 30.0,
) -> Callable[[Body], Body]:
    """Register a check. lanes: those that it is tried in, where the store has them."""

    def registered(body: Body) -> Body:
        if id in CHECKS or id.partition(".")[0] not in LEVELS:
            raise ValueError(f"{id}: a check's id is used once, and begins with one of {', '.join(LEVELS)}")
        CHECKS[id] = Check(id, asserts, why, link, lanes, body, limit)
        return body

    return registered
