"""How a rule goes through one session, and how it tells of what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.crosstalk.checker.anomalies import Definition, Surface
from rag.crosstalk.checker.findings import Findings
from rag.crosstalk.checker.histories import Place, Read, Session
from rag.crosstalk.checker.observed import OTHER, Stored, Turn, role_of

Told = tuple[int, int, Place | None]
"""A stored message: where it stands, what it is known by, and where it belongs."""


def prompts(session: Session) -> Iterator[tuple[Turn, Read]]:
    for turn in session.turns:
        if turn.op in session.prompts:
            yield turn, session.prompts[turn.op]


def told(stored: Stored, read: Read) -> Iterator[Told]:
    """Each message that a user or the model said."""
    places = iter(read.places)
    for at, message in enumerate(stored.messages):
        if role_of(message) != OTHER:
            yield at, message, next(places)


def pairs(flat: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def part_of(turn: Turn, *, question: bool) -> str:
    return f"{'question' if question else 'answer'} of: {turn.brief}"


def about(
    findings: Findings,
    kind: Definition,
    session: Session,
    turn: Turn,
    t: float,
    evidence: str,
    other: Turn | None = None,
    surface: Surface = "history",
) -> None:
    """Something about what is stored of a turn, or of two."""
    findings.add(
        kind,
        t,
        surface=surface,
        session=session.id,
        user=session.user or turn.user,
        op=turn.op,
        owner=turn.user,
        owner_op=turn.op if other is None else other.op,
        evidence=evidence,
    )


def of_prompt(findings: Findings, kind: Definition, session: Session, reader: Turn, turn: Turn) -> None:
    """Something about what a prompt held, or lacked, of another turn."""
    findings.add(
        kind,
        reader.sent,
        surface="prompt",
        session=session.id,
        user=reader.user,
        op=reader.op,
        owner=turn.user,
        owner_op=turn.op,
        evidence=turn.brief,
    )
