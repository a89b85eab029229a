"""The rules about what is stored of one session. It is judged each time that it is read, and each anomaly is told of
once; what is lost, torn or interleaved is so at the end.

Each takes near-linear time in the session's turns and messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import pairwise

from rag.crosstalk.checker.anomalies import (
    CORRUPT,
    DUPLICATE,
    FOREIGN_WRITE,
    INTERLEAVED_TURNS,
    LOST_APPEND,
    LOST_UPDATE,
    REORDERED,
    TORN_TURN,
)
from rag.crosstalk.checker.findings import Findings
from rag.crosstalk.checker.histories import UNSURE, Place, Read, Session, answer_of, question_of, said
from rag.crosstalk.checker.narration import Told, about, of_prompt, pairs, part_of, prompts, told
from rag.crosstalk.checker.observed import USER, Stored, Turn, place_of, role_of


def foreign_write(session: Session, findings: Findings) -> None:
    """In a session that nobody ever sent a turn in, all is somebody else's."""
    shown: set[tuple[int | None, int]] = set()
    users = {turn.user for turn in session.turns}
    for stored, read in session.reads:
        _foreign_write(session, findings, stored, read, users, shown)


def _foreign_write(
    session: Session,
    findings: Findings,
    stored: Stored,
    read: Read,
    users: AbstractSet[str],
    shown: set[tuple[int | None, int]],
) -> None:
    """shown: what an earlier read showed, by turn and canary; -1: the turn itself."""
    seen = session.seen
    hits: dict[int, list[int]] = {}
    for at, number in pairs(stored.hits):
        hits.setdefault(at, []).append(number)
    add = partial(findings.add, FOREIGN_WRITE, stored.t, surface="history", session=session.id, user=session.user)
    for at, message, place in told(stored, read):
        turn = seen.turns.get(place[0]) if place else None
        op = turn.op if turn else None
        if findings.enough(FOREIGN_WRITE) and session.user in findings.met[FOREIGN_WRITE.kind][0]:
            return
        for number in hits.get(at, ()):
            canary = seen.canary(number)
            if (op, number) not in shown and canary.user not in users:
                shown.add((op, number))
                evidence = seen.evidence(message, number)
                add(op=op, owner=canary.user, owner_op=canary.op, canary=canary.text, evidence=evidence)
        if turn is not None and turn.user != session.user and at not in hits and (turn.op, -1) not in shown:
            shown.add((turn.op, -1))
            add(op=op, owner=turn.user, owner_op=turn.op, evidence=turn.brief)


def missing(session: Session, findings: Findings) -> None:
    """lost-update, lost-append and torn-turn."""
    final, stored = session.final, session.stored
    if final is None or stored is None:
        return
    there = final.has()
    rivals = [turn for op in dict.fromkeys(op for op, _ in there) if (turn := session.seen.turns.get(op))]
    for turn in session.turns:
        if turn.op not in session.by_question:
            continue
        question, answer = question_of(turn) in there, answer_of(turn) in there
        if turn.end in ("", "fail") or turn.ended >= stored.t:
            continue
        if question or answer or session.owed(turn, stored.t):
            _missing(session, findings, turn, question=question, answer=answer, rivals=rivals)
    if not session.repeated:
        return
    free = _free(session, list(told(stored, final)))
    for alike in session.repeated:
        owed = [turn for turn in alike if session.owed(turn, stored.t)]
        answered = {
            turn.op: answer_of(turn) in there or any(_taken(free, one) for one in turn.answers) for turn in owed
        }
        for turn in sorted(owed, key=lambda turn: not answered[turn.op]):
            question = question_of(turn) in there or _taken(free, turn.question)
            _missing(session, findings, turn, question=question, answer=answered[turn.op], rivals=rivals)


def _free(session: Session, messages: list[Told]) -> Counter[int]:
    """The messages that may be any of several turns'. A question is not, where an answer follows that nobody heard."""
    free: Counter[int] = Counter()
    for (_, message, place), after in zip(messages, [*messages, None][1:], strict=True):
        unheard = after is not None and after[2] == UNSURE and not session.seen.turns_of(after[1])
        if place == UNSURE and not unheard:
            free[message] += 1
    return free


def _taken(free: Counter[int], message: int | None) -> bool:
    """One of the messages that may be any of several turns', if there is one left."""
    if message is None or not free[message]:
        return False
    free[message] -= 1
    return True


def _missing(
    session: Session, findings: Findings, turn: Turn, *, question: bool, answer: bool, rivals: list[Turn]
) -> None:
    """question and answer: whether they are there."""
    if session.stored is None or (question and answer):
        return
    if question or answer:
        about(findings, TORN_TURN, session, turn, session.stored.t, part_of(turn, question=question))
    else:
        kind = LOST_UPDATE if _rival(turn, rivals) else LOST_APPEND
        about(findings, kind, session, turn, session.stored.t, turn.brief)


def _rival(turn: Turn, rivals: list[Turn]) -> bool:
    """Whether a turn that is stored went on at the same time and, as far as is known, had read the same."""
    mine = _version(turn)
    for other in rivals:
        if other.op != turn.op and other.sent < turn.ended and (not other.end or turn.sent < other.ended):
            theirs = _version(other)
            if mine is None or theirs is None or mine == theirs:
                return True
    return False


def _version(turn: Turn) -> tuple[int, ...] | None:
    if turn.prompt is None:
        return None
    own = (turn.question, place_of(turn.op, USER))
    return tuple(message for message in said(turn.prompt) if message not in own)


def order(session: Session, findings: Findings) -> None:
    """interleaved-turns, reordered and duplicate, in what is stored."""
    twice: set[Place] = set()
    displaced: set[int] = set()
    for stored, read in session.reads:
        for place, count in Counter(read.places_known()).items():
            turn = session.own.get(place[0])
            if count > 1 and turn is not None and place not in twice:
                twice.add(place)
                about(findings, DUPLICATE, session, turn, stored.t, part_of(turn, question=place[1] == USER))
        first = read.first()
        _in_order(session, findings, stored, first, displaced)
        if stored is session.stored:
            _stored_disagree(session, findings, first, displaced)
            _reads_disagree(session, findings, first)


def _in_order(
    session: Session, findings: Findings, stored: Stored, first: dict[Place, int], displaced: set[int]
) -> None:
    """displaced: the turns that are known to be out of order. What stands apart may still come together in a read that
    is not the last one."""
    latest: Turn | None = None
    for (op, role), at in first.items():
        turn = session.own.get(op)
        if role != USER or turn is None:
            continue
        answered = first.get(answer_of(turn))
        if stored is session.stored and answered is not None and answered != at + 1:
            about(findings, INTERLEAVED_TURNS, session, turn, stored.t, turn.brief)
        if latest is not None and turn.end == "ok" and turn.ended < latest.sent and op not in displaced:
            displaced.add(op)
            about(findings, REORDERED, session, turn, stored.t, f"{latest.brief} | {turn.brief}")
        if latest is None or turn.sent > latest.sent:
            latest = turn


def _stored_disagree(session: Session, findings: Findings, last: dict[Place, int], displaced: set[int]) -> None:
    """Two reads that have two turns the other way round: each read is held against the next one and the last one."""
    if len(session.reads) < 2:
        return
    first = session.reads[0][1].first()
    for (stored, _), (_, after) in pairwise(session.reads):
        following = after.first()
        for other in (following, last):
            _held_against(session, findings, stored, first, other, displaced)
        first = following


def _held_against(
    session: Session,
    findings: Findings,
    stored: Stored,
    first: dict[Place, int],
    other: dict[Place, int],
    displaced: set[int],
) -> None:
    latest: tuple[int, Turn] | None = None
    for place in first:
        there, turn = other.get(place), session.seen.turns[place[0]]
        if there is None:
            continue
        if latest is None or there > latest[0]:
            latest = there, turn
        elif turn is not latest[1] and displaced.isdisjoint((turn.op, latest[1].op)):
            displaced.add(turn.op)
            about(findings, REORDERED, session, turn, stored.t, f"{latest[1].brief} | {turn.brief}", latest[1])
            return


def _reads_disagree(session: Session, findings: Findings, stored: dict[Place, int]) -> None:
    """A prompt that has two turns the other way round than they are stored."""
    for reader, read in prompts(session):
        latest = -1
        for place in read.places_known():
            at = stored.get(place)
            if at is None:
                continue
            if at < latest:
                of_prompt(findings, REORDERED, session, reader, session.seen.turns[place[0]])
                break
            latest = at


def corrupt(session: Session, findings: Findings) -> None:
    """A message that is no turn's, or that names its turn and says something else. The same words are told of once."""
    shown: set[int] = set()
    for stored, read in session.reads:
        if None not in read.places and not stored.unlike:
            continue
        named = dict(pairs(stored.unlike))
        for at, message, place in told(stored, read):
            text = named.get(at, message)
            turn = session.seen.turns[place[0]] if at in named and place is not None else None
            if text not in shown and (place is None or (turn is not None and _garbled(turn, text, stored.t))):
                shown.add(text)
                findings.add(
                    CORRUPT,
                    stored.t,
                    surface="history",
                    session=session.id,
                    user=session.user,
                    op=turn.op if turn is not None else None,
                    owner=turn.user if turn is not None else None,
                    owner_op=turn.op if turn is not None else None,
                    evidence=session.seen.text(text),
                )


def _garbled(turn: Turn, text: int, at: float) -> bool:
    """Whether a message of this turn is neither what was asked nor what was answered by then, as far as that was
    heard."""
    if role_of(text) == USER:
        return text != turn.question
    return turn.end == "ok" and turn.ended <= at and text not in turn.answers
