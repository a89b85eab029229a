"""What shows only when sessions are laid side by side: one list under two names, answers to somebody else's turn."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from rag.crosstalk.checker.anomalies import KEY_COLLISION, SWAPPED_ANSWER
from rag.crosstalk.checker.findings import Findings
from rag.crosstalk.checker.histories import Session
from rag.crosstalk.checker.observed import Observed, Turn

BACK = 200
"""Turns of one user under way at once that are looked at, the newest first."""


def same_list(session: Session, first: dict[int, str], findings: Findings) -> None:
    """key-collision: its stored history is also that of a session before it. first: by what is stored, kept by the
    caller.

    Turns are compared, not texts: two users who said the same have the same texts.
    """
    stored, final = session.stored, session.final
    if stored is None or final is None or not any(final.places_known()):
        return
    other = first.setdefault(hash((stored.messages.tobytes(), final.places)), session.id)
    if other == session.id:
        return
    theirs = session.seen.sessions.get(other)
    findings.add(
        KEY_COLLISION,
        stored.t,
        surface="history",
        session=session.id,
        user=session.user,
        owner=theirs[0].user if theirs else None,
        evidence=f"{session.id} and {other} hold the same {len(stored.messages)} messages",
    )


def swapped_answers(seen: Observed) -> None:
    """swapped-answer: it tells what a concurrent turn of another session was to be told, and nothing of its own.

    What its own prompt held, it was told through the prompt: that is another anomaly.
    """
    leaking = [(turn, foreign) for turn in seen.turns.values() if (foreign := sorted(turn.leaked("answer")))]
    if not leaking:
        return
    wanted: dict[int, list[Turn]] = {}
    for turn in sorted(seen.turns.values(), key=lambda turn: (turn.sent, turn.op)):
        for number in turn.expects:
            wanted.setdefault(number, []).append(turn)
    for turn, foreign in leaking:
        if any(number in turn.told for number in turn.expects):
            continue
        for number in foreign:
            other = next(_answered_by(turn, wanted.get(number, [])), None)
            if other is not None:
                _swapped(seen, turn, other, number)
                break


def _answered_by(turn: Turn, others: list[Turn]) -> Iterator[Turn]:
    """The turns of other sessions beside it that this answer fits. others: in the order in which they were sent."""
    prompted = frozenset(turn.leaked("prompt"))
    until = bisect_left(others, turn.ended, key=lambda other: other.sent)
    for other in reversed(others[max(0, until - BACK) : until]):
        beside = not other.end or turn.sent < other.ended
        stranger = other.session != turn.session and other.user != turn.user
        if beside and stranger and prompted.isdisjoint(other.expects) and set(other.expects) <= set(turn.told):
            yield other


def _swapped(seen: Observed, turn: Turn, other: Turn, number: int) -> None:
    seen.findings.add(
        SWAPPED_ANSWER,
        turn.ended,
        surface="answer",
        session=turn.session,
        user=turn.user,
        op=turn.op,
        owner=other.user,
        owner_op=other.op,
        canary=seen.canary(number).text,
        evidence=f"asked: {turn.brief} | the answer is to: {other.brief}",
    )
