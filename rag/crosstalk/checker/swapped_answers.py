"""What shows only when sessions are laid side by side: one list under two names, answers to somebody else's turn."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

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


def swapped_answers(seen: Observed, heard: Mapping[int, int]) -> None:
    """swapped-answer: it tells what a concurrent turn of another session was to be told, and nothing of its own.

    What its own prompt held, it was told through the prompt: that is another anomaly. heard: by op, the turn whose
    answer it is known to have got (see `misrouted`).
    """
    leaking = [(turn, foreign) for turn in seen.turns.values() if (foreign := sorted(turn.leaked("answer")))]
    known = {turn.op: seen.turns[heard[turn.op]] for turn in seen.turns.values() if turn.op in heard}
    # Without a canary, an exchange: one text that is another's answer may be what anybody is told instead of theirs.
    for op, other in known.items():
        turn = seen.turns[op]
        if other.op in known and not turn.leaked("answer") and _beside(turn, other):
            _swapped(seen, turn, other, None)
    if not leaking:
        return
    wanted: dict[int, list[Turn]] = {}
    for turn in sorted(seen.turns.values(), key=lambda turn: (turn.sent, turn.op)):
        for number in turn.expects:
            wanted.setdefault(number, []).append(turn)
    for turn, foreign in leaking:
        maker = known.get(turn.op)
        if maker is not None and _beside(turn, maker):
            _swapped(seen, turn, maker, foreign[0])
            continue
        if any(number in turn.told for number in turn.expects):
            continue
        for number in foreign:
            maker = next(_answered_by(turn, wanted.get(number, [])), None)
            if maker is not None:
                _swapped(seen, turn, maker, number)
                break


def _answered_by(turn: Turn, others: list[Turn]) -> Iterator[Turn]:
    """The turns of other sessions beside it that this answer fits. others: in the order in which they were sent."""
    prompted = frozenset(turn.leaked("prompt"))
    until = bisect_left(others, turn.ended, key=lambda other: other.sent)
    for other in reversed(others[max(0, until - BACK) : until]):
        if _beside(turn, other) and prompted.isdisjoint(other.expects) and set(other.expects) <= set(turn.told):
            yield other


def _beside(turn: Turn, other: Turn) -> bool:
    """Whether it is a stranger's, and was under way at the same time."""
    stranger = other.session != turn.session and other.user != turn.user
    return stranger and other.sent < turn.ended and (not other.end or turn.sent < other.ended)


def _swapped(seen: Observed, turn: Turn, other: Turn, number: int | None) -> None:
    seen.findings.add(
        SWAPPED_ANSWER,
        turn.ended,
        surface="answer",
        session=turn.session,
        user=turn.user,
        op=turn.op,
        owner=other.user,
        owner_op=other.op,
        canary=None if number is None else seen.canary(number).text,
        evidence=f"asked: {turn.brief} | the answer is to: {other.brief}",
    )
