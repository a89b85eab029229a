"""What only shows when sessions are laid side by side: one list under two names, and answers to somebody else's turn."""

from __future__ import annotations

import heapq

from rag.crosstalk.observed import Observed, Turn


def same_lists(seen: Observed) -> None:
    """key-collision: each session whose stored history is also another one's."""
    first: dict[bytes, str] = {}
    for session, stored in seen.stored.items():
        if not stored.messages:
            continue
        other = first.setdefault(stored.messages.tobytes(), session)
        if other != session:
            mine, theirs = seen.sessions.get(session), seen.sessions.get(other)
            seen.findings.add(
                "key-collision",
                stored.t,
                surface="history",
                session=session,
                user=mine[0].user if mine else None,
                owner=theirs[0].user if theirs else None,
                evidence=f"{session} and {other} hold the same {len(stored.messages)} messages",
            )


def swapped_answers(seen: Observed) -> None:
    """swapped-answer: it tells what a concurrent turn of another session was to be told, and nothing of its own.

    What its own prompt held, it was told through the prompt: that is another anomaly.
    """
    waiting: list[tuple[float, int]] = []
    wanted: dict[int, set[int]] = {}
    for turn in sorted(seen.turns.values(), key=lambda turn: (turn.sent, turn.op)):
        while waiting and waiting[0][0] < turn.sent:
            _, op = heapq.heappop(waiting)
            for canary in seen.turns[op].expects:
                wanted.get(canary, set()).discard(op)
        heapq.heappush(waiting, (_until(turn), turn.op))
        for canary in turn.expects:
            wanted.setdefault(canary, set()).add(turn.op)
        for canary in turn.told:
            for op in wanted.get(canary, ()):
                _weigh(seen, turn, seen.turns[op])
        for op in {op for _, op in waiting} if turn.expects else ():
            if set(turn.expects) & seen.turns[op].told:
                _weigh(seen, seen.turns[op], turn)


def _weigh(seen: Observed, turn: Turn, other: Turn) -> None:
    own, theirs = set(turn.expects), set(other.expects)
    if turn.session == other.session or turn.user == other.user or not theirs <= turn.told or own & turn.told:
        return
    if ("swapped", 0) in turn.leaked or any(("prompt", number) in turn.leaked for number in theirs):
        return
    turn.leaked.add(("swapped", 0))
    canary = seen.canary(min(theirs))
    seen.findings.add(
        "swapped-answer",
        turn.ended,
        surface="answer",
        session=turn.session,
        user=turn.user,
        op=turn.op,
        owner=other.user,
        owner_op=other.op,
        canary=canary.text,
        evidence=f"asked: {turn.brief} | the answer is to: {other.brief}",
    )


def _until(turn: Turn) -> float:
    return turn.ended if turn.end else float("inf")
