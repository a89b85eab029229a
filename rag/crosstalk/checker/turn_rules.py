"""The rules about one session's turns: each looks at what is stored and at what prompts held, and says what is broken.

Those about what is stored alone are in `stored_rules`. Each takes near-linear time in the session's turns and messages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from rag.crosstalk.checker.anomalies import (
    ABORTED_READ,
    AMNESIA,
    BACKWARD_READ,
    FOREIGN_READ,
    MERGED_ANSWERS,
    MID_TURN_READ,
    RESURRECTION,
    STALE_PROMPT,
)
from rag.crosstalk.checker.findings import Findings
from rag.crosstalk.checker.histories import Read, Session
from rag.crosstalk.checker.narration import about, of_prompt, prompts
from rag.crosstalk.checker.observed import ASSISTANT, USER, Canary, Turn
from rag.crosstalk.checker.stored_rules import corrupt, foreign_write, missing, order

Rule = Callable[[Session, Findings], None]
PHRASE = 24
"""Characters up to which a question is what anybody might ask."""
RIVALS = 200
"""Turns under way at once that are compared with each other; a session with more is a load test, not a chat."""


def aborted(session: Session, findings: Findings) -> None:
    """aborted-read and mid-turn-read."""
    told: set[int] = set()
    for stored, read in session.reads:
        for op in dict.fromkeys(op for op, _ in read.places_known()):
            turn = session.seen.turns[op]
            if turn.end == "fail" and op not in told:
                told.add(op)
                about(findings, ABORTED_READ, session, turn, stored.t, turn.brief)
    for reader, read in prompts(session):
        has = read.has()
        for op in dict.fromkeys(op for op, _ in read.places_known()):
            turn = session.seen.turns[op]
            if turn.end == "fail":
                of_prompt(findings, ABORTED_READ, session, reader, turn)
            elif op in session.own and (op, USER) in has and (op, ASSISTANT) not in has:
                of_prompt(findings, MID_TURN_READ, session, reader, turn)


def foreign_prompt(session: Session, findings: Findings) -> None:
    """foreign-read of what holds no canary: a message of somebody else's turn. One an owner and prompt; where a canary
    of that owner was seen there, it has been told. What anybody might say proves nothing: the reader may have said it
    before the log began."""
    for reader, read in prompts(session):
        told = {session.seen.canary(number).user for number in reader.leaked("prompt")}
        for op in dict.fromkeys(op for op, _ in read.places_known()):
            turn = session.seen.turns[op]
            stranger = turn.user != reader.user and turn.session != reader.session
            if stranger and turn.user not in told and _telling(session, turn):
                told.add(turn.user)
                of_prompt(findings, FOREIGN_READ, session, reader, turn)


def _telling(session: Session, turn: Turn) -> bool:
    """Whether a message can only be of this turn: the log says so, or nobody else asked that, and it is no phrase."""
    asked_once = isinstance(session.seen.texts.get(turn.question), int)
    return turn.op in session.seen.marked or (asked_once and len(turn.brief) >= PHRASE)


def resurrection(session: Session, findings: Findings) -> None:
    if not session.clears:
        return
    told: set[int] = set()
    for stored, read in session.reads:
        for turn in _risen(session, read, stored.t):
            if turn.op not in told:
                told.add(turn.op)
                about(findings, RESURRECTION, session, turn, stored.t, turn.brief)
    for reader, read in prompts(session):
        for turn in _risen(session, read, reader.sent):
            of_prompt(findings, RESURRECTION, session, reader, turn)


def _risen(session: Session, read: Read, at: float) -> Iterator[Turn]:
    """The turns that had ended before a deletion which was confirmed before that time."""
    deleted = session.deleted_before(at)
    for op in dict.fromkeys(op for op, _ in read.places_known()):
        turn = session.own.get(op)
        if turn is not None and turn.end and turn.ended < deleted:
            yield turn


def memory(session: Session, findings: Findings) -> None:
    """amnesia and backward-read, from prompts.

    What a prompt lacks may have been pruned, if it holds as many turns as fit and none that is older.
    """
    known_by = session.by_question | session.by_answer
    answered = (turn for turn in session.turns if turn.op in known_by and turn.end == "ok")
    acknowledged = sorted(answered, key=lambda turn: turn.ended)
    ended = [turn.ended for turn in acknowledged]
    reads = list(prompts(session))
    known = sorted(((reader, read) for reader, read in reads if reader.end), key=lambda one: one[0].ended)
    known_since = [reader.ended for reader, _ in known]
    sent = sorted(turn.sent for turn in session.turns)
    for reader, read in reads:
        has, kept = read.has(), _kept_since(session, reader, read)
        for at in range(bisect_left(ended, reader.sent) - 1, -1, -1):
            turn = acknowledged[at]
            if turn.ended <= kept:
                break
            if turn.sent > kept and session.lacks(has, turn):
                of_prompt(findings, AMNESIA, session, reader, turn)
                break
        # The newest read that was over before this turn was sent: of two that overlap, neither is the earlier one. So
        # all are the newest that ended with nothing sent between them.
        latest = bisect_left(known_since, reader.sent) - 1
        begun = sent[bisect_left(sent, known_since[latest]) - 1] if latest >= 0 else 0.0
        while latest >= 0 and known_since[latest] > begun:
            lacking = (place for place in known[latest][1].places_known() if place not in has and session.sure(place))
            turns = (session.own[op] for op, _ in lacking if op in session.own)
            if lost := next((one for one in turns if one.sent > kept and one.end != "fail"), None):
                of_prompt(findings, BACKWARD_READ, session, reader, lost)
                break
            latest -= 1


def _kept_since(session: Session, reader: Turn, read: Read) -> float:
    """Only what was sent after that time has to be in this prompt."""
    cleared = session.cleared_until(reader.ended if reader.end else reader.sent)
    held = {op for op, _ in read.places_known()}
    window = session.window or reader.window
    if window is None or max(len(held), (len(read.places) + 1) // 2) < window:
        return cleared
    oldest = min((turn.ended for op in held if (turn := session.own.get(op)) and turn.end), default=float("inf"))
    return max(cleared, oldest)


def stale(session: Session, findings: Findings) -> None:
    final, stored = session.final, session.stored
    if final is None or stored is None:
        return
    there = {op for op, _ in final.has()}
    open_turns: list[Turn] = []
    for turn in session.turns:
        known = turn.op in there and turn.op in session.by_question
        if not known or turn.op not in session.prompts or turn.end in ("", "fail"):
            continue
        open_turns = [other for other in open_turns if other.ended > turn.sent][-RIVALS:]
        saw = {op for op, _ in session.prompts[turn.op].has()}
        for other in open_turns:
            if other.op not in saw and all(op != turn.op for op, _ in session.prompts[other.op].places_known()):
                about(
                    findings,
                    STALE_PROMPT,
                    session,
                    turn,
                    turn.ended,
                    f"{other.brief} | {turn.brief}",
                    surface="prompt",
                )
        open_turns.append(turn)


def merged(session: Session, findings: Findings) -> None:
    for turn in session.turns:
        for op in turn.beside:
            other = session.own[op]
            if other.silent and not turn.silent:
                about(findings, MERGED_ANSWERS, session, turn, turn.ended, other.brief, other, surface="answer")


def recall(session: Session, findings: Findings) -> None:
    """How often an answer repeats what its user had stated. From outside, forgetting is no mix-up: an application may
    refuse, redact or have a small memory. Where memory was asked for, it is amnesia."""
    for turn in session.turns:
        if turn.prompt is None and turn.end == "ok":
            wanted = [n for n in turn.expects if _remembered(session, session.seen.canary(n), turn)]
            lost = [session.seen.canary(number) for number in wanted if number not in turn.told]
            findings.chances += len(wanted)
            findings.recalled += len(wanted) - len(lost)
            if lost and session.seen.memory_required:
                canary = lost[0]
                findings.add(
                    AMNESIA,
                    turn.ended,
                    surface="answer",
                    session=session.id,
                    user=turn.user,
                    op=turn.op,
                    owner=turn.user,
                    owner_op=canary.op,
                    canary=canary.text,
                    evidence=turn.brief,
                )


def _remembered(session: Session, canary: Canary, turn: Turn) -> bool:
    """Whether this turn should know it: an earlier turn of the session that was acknowledged had stated it, and since
    then it was neither deleted nor replaced by what the answer tells in its place."""
    source = session.own.get(canary.op)
    if source is None or source.end != "ok" or source.ended >= turn.sent or session.cleared_since(source, turn.ended):
        return False
    window = session.window or turn.window
    if window is not None and turn.number - source.number > window:
        return False
    told = (session.seen.canary(number) for number in turn.told if number not in turn.expects)
    return not any(other.op in session.own and session.own[other.op].sent > source.sent for other in told)


RULES: tuple[Rule, ...] = (
    foreign_write,
    missing,
    order,
    corrupt,
    aborted,
    foreign_prompt,
    resurrection,
    memory,
    stale,
    merged,
    recall,
)
LEAK_RULES: tuple[Rule, ...] = (foreign_write, foreign_prompt, recall)
"""Those that need not know what a prompt should hold."""
