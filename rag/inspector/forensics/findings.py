"""What a scan can find. A finding names sessions and places, never what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "same-id",
    "same-text",
    "names-other",
    "ids-collide",
    "answer-without-question",
    "question-without-answer",
    "out-of-order",
    "duplicate",
    "half-expired",
    "no-expiry",
    "broken",
    "unlisted",
    "canary",
]
Severity = Literal["critical", "high", "medium", "low"]

KINDS: dict[Kind, tuple[Severity, str]] = {
    "same-id": ("critical", "the same message is in two sessions"),
    "same-text": ("high", "the same long text is in two sessions"),
    "names-other": ("critical", "a message names another session"),
    "ids-collide": ("medium", "ids that are equal when case, spaces, commas or Unicode form are ignored"),
    "answer-without-question": ("high", "an answer has no question"),
    "question-without-answer": ("high", "a question has no answer"),
    "out-of-order": ("medium", "a later message is older than the one before it"),
    "duplicate": ("low", "a message is stored more than once"),
    "half-expired": ("high", "a part of the session is gone"),
    "no-expiry": ("medium", "a key never expires, though the session is not pinned"),
    "broken": ("high", "an element or a key is malformed"),
    "unlisted": ("low", "the session is not in the index, so lists do not show it"),
    "canary": ("critical", "a secret appears outside of the session that stated it"),
}

WHOLE = 48
"""Characters of an id that is not shortened."""
COULD: frozenset[Kind] = frozenset({"ids-collide"})
"""What could go wrong, and did not by itself: it is reported, and changes no verdict."""


def short(session_id: str) -> str:
    """A session's id in a sentence: ids of people are short, and of a digest the beginning tells enough."""
    return session_id if len(session_id) <= WHOLE else session_id[:16]


@dataclass(frozen=True, slots=True)
class Finding:
    """sessions: whose trouble it is; places: which element of each, from 0, -1 for the session as a whole.

    certain: nothing right looks like this. What is only suspected makes no trouble of a report, and no clean one.
    """

    kind: Kind
    sessions: tuple[str, ...]
    places: tuple[int, ...]
    explanation: str
    certain: bool = True

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind][0]
