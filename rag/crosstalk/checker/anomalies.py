"""Every anomaly: its name, the field's term for it, how grave it is, and how it is found in a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Definition:
    kind: str
    term: str
    severity: Severity
    text: str


_ALL = (
    Definition(
        "foreign-read",
        "CWE-488; garbage read",
        "critical",
        "An answer or prompt holds a canary of another user.",
    ),
    Definition(
        "foreign-write",
        "misdirected write",
        "critical",
        "A session's stored history holds another user's message or canary.",
    ),
    Definition(
        "swapped-answer",
        "response desync",
        "critical",
        "An answer fits another session's concurrent turn and not its own.",
    ),
    Definition("key-collision", "key aliasing", "critical", "Two sessions' stored histories are the same list."),
    Definition(
        "retrieval-leak",
        "cross-tenant search",
        "critical",
        "A retrieved document's owner is neither shared nor this session.",
    ),
    Definition(
        "lost-update",
        "lost update",
        "high",
        "An acknowledged turn is absent from the final history, and a concurrent turn read the same version and is "
        "there.",
    ),
    Definition(
        "lost-append",
        "durability loss",
        "high",
        "An acknowledged turn is absent from the final history and no rival explains it.",
    ),
    Definition(
        "resurrection",
        "lost delete",
        "high",
        "A message from before an acknowledged clear is seen after it.",
    ),
    Definition("aborted-read", "G1a", "high", "A prompt or history holds a message of a turn that failed."),
    Definition(
        "mid-turn-read",
        "G1b, intermediate read",
        "medium",
        "A prompt holds the question of another turn without its answer.",
    ),
    Definition(
        "torn-turn",
        "atomicity violation",
        "high",
        "The final history holds a question without its answer, or an answer without its question.",
    ),
    Definition(
        "interleaved-turns",
        "G0 at the level of turns",
        "medium",
        "A turn's question and answer are both stored, not next to each other.",
    ),
    Definition(
        "reordered",
        "monotonic writes; incompatible order",
        "medium",
        "Two turns, one acknowledged before the other was sent, are stored the other way round; or two reads disagree "
        "on order.",
    ),
    Definition(
        "amnesia",
        "read-your-writes",
        "high",
        "A turn's prompt (or, seen from outside, its answer) lacks what an earlier acknowledged turn of the same "
        "session stored, outside the memory window.",
    ),
    Definition(
        "backward-read",
        "monotonic reads",
        "medium",
        "A later prompt lacks a message that an earlier prompt of the same session had, with no clear or pruning "
        "between.",
    ),
    Definition(
        "stale-prompt",
        "write skew, G2-item",
        "medium",
        "Two overlapping turns of one session are both stored, and neither saw the other.",
    ),
    Definition("duplicate", "duplicate elements", "low", "One message is stored more than once."),
    Definition("corrupt", "garbage read", "high", "A stored message matches no turn that was ever sent."),
)

DEFINITIONS: dict[str, Definition] = {definition.kind: definition for definition in _ALL}
