"""The rules about one session's turns: each looks at what is stored and at what prompts held, and says what is broken.

Each takes near-linear time in the session's turns and messages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

from rag.crosstalk.findings import Findings
from rag.crosstalk.histories import Place, Read, Session, answer_of, question_of
from rag.crosstalk.observed import ASSISTANT, OTHER, USER, Turn, role_of

Rule = Callable[[Session, Findings], None]
RIVALS = 200
"""Turns under way at once that are compared with each other; a session with more is a load test, not a chat."""


def foreign_write(session: Session, findings: Findings) -> None:
    final, stored = session.final, session.stored
    if final is None or stored is None or session.user is None:
        return
    seen = session.seen
    hits: dict[int, list[int]] = {}
    for at, number in zip(stored.hits[::2], stored.hits[1::2], strict=True):
        hits.setdefault(at, []).append(number)
    places = iter(final.places)
    told: set[tuple[int | None, int]] = set()
    for at, message in enumerate(stored.messages):
        place = None if role_of(message) == OTHER else next(places)
        turn = seen.turns.get(place[0]) if place else None
        op = turn.op if turn else None
        for number in hits.get(at, ()):
            if (op, number) not in told:
                told.add((op, number))
                canary = seen.canary(number)
                findings.add(
                    "foreign-write",
                    stored.t,
                    surface="history",
                    session=session.id,
                    user=session.user,
                    op=op,
                    owner=canary.user,
                    owner_op=canary.op,
                    canary=canary.text,
                    evidence=seen.evidence(message, number),
                )
        if turn is not None and turn.user != session.user and at not in hits and (turn.op, -1) not in told:
            told.add((turn.op, -1))
            findings.add(
                "foreign-write",
                stored.t,
                surface="history",
                session=session.id,
                user=session.user,
                op=turn.op,
                owner=turn.user,
                owner_op=turn.op,
                evidence=turn.brief,
            )


def missing(session: Session, findings: Findings) -> None:
    """lost-update, lost-append and torn-turn."""
    final, stored = session.final, session.stored
    if final is None or stored is None:
        return
    there = final.has()
    rivals = [turn for op in dict.fromkeys(op for op, _ in there) if (turn := session.seen.turns.get(op))]
    for turn in session.told_apart:
        question, answer = question_of(turn) in there, answer_of(turn) in there
        if question and answer:
            continue
        if question or answer:
            if turn.end in ("", "fail") or turn.ended >= stored.t:
                continue
            _about(findings, "torn-turn", session, turn, stored.t, _brief(turn, question=question))
        elif turn.end == "ok" and turn.ended < stored.t and not session.cleared_since(turn, stored.t):
            kind = "lost-update" if _rival(turn, rivals) else "lost-append"
            _about(findings, kind, session, turn, stored.t, turn.brief)


def order(session: Session, findings: Findings) -> None:
    """interleaved-turns, reordered and duplicate, in what is stored."""
    final, stored = session.final, session.stored
    if final is None or stored is None:
        return
    first: dict[Place, int] = {}
    for at, place in enumerate(final.places):
        if place is not None:
            first.setdefault(place, at)
    for place, count in Counter(place for place in final.places if place is not None).items():
        turn = session.own.get(place[0])
        if count > 1 and turn is not None:
            _about(findings, "duplicate", session, turn, stored.t, _brief(turn, question=place[1] == USER))
    latest: Turn | None = None
    own = [(at, session.own[place[0]]) for place, at in first.items() if place[1] == USER and place[0] in session.own]
    for at, turn in sorted(own, key=lambda one: one[0]):
        answered = first.get(answer_of(turn))
        if answered is not None and answered != at + 1:
            _about(findings, "interleaved-turns", session, turn, stored.t, turn.brief)
        if latest is not None and turn.end == "ok" and turn.ended < latest.sent:
            _about(findings, "reordered", session, turn, stored.t, f"{latest.brief} | {turn.brief}")
        if latest is None or turn.sent > latest.sent:
            latest = turn
    _reads_disagree(session, findings, first)


def corrupt(session: Session, findings: Findings) -> None:
    final, stored = session.final, session.stored
    if final is None or stored is None:
        return
    for place in final.places:
        if place is None:
            findings.add(
                "corrupt",
                stored.t,
                surface="history",
                session=session.id,
                user=session.user,
                evidence=stored.last if len(final.places) == 1 else "",
            )


def aborted(session: Session, findings: Findings) -> None:
    """aborted-read and mid-turn-read."""
    stored = session.stored
    if session.final is not None and stored is not None:
        for op in dict.fromkeys(op for op, _ in session.final.places_known()):
            turn = session.seen.turns[op]
            if turn.end == "fail":
                _about(findings, "aborted-read", session, turn, stored.t, turn.brief)
    for reader, read in _prompts(session):
        has = read.has()
        for op in dict.fromkeys(op for op, _ in read.places_known()):
            turn = session.seen.turns[op]
            if turn.end == "fail":
                _read(findings, "aborted-read", session, reader, turn)
            elif (op, USER) in has and (op, ASSISTANT) not in has:
                _read(findings, "mid-turn-read", session, reader, turn)


def resurrection(session: Session, findings: Findings) -> None:
    if not session.clears:
        return
    stored = session.stored
    if session.final is not None and stored is not None:
        for turn in _risen(session, session.final, stored.t):
            _about(findings, "resurrection", session, turn, stored.t, turn.brief)
    for reader, read in _prompts(session):
        for turn in _risen(session, read, reader.sent):
            _read(findings, "resurrection", session, reader, turn)


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
    acknowledged = sorted((turn for turn in session.told_apart if turn.end == "ok"), key=lambda turn: turn.ended)
    ended = [turn.ended for turn in acknowledged]
    reads = list(_prompts(session))
    known = sorted(((reader, read) for reader, read in reads if reader.end), key=lambda one: one[0].ended)
    known_since = [reader.ended for reader, _ in known]
    for reader, read in reads:
        has, kept = read.has(), _kept_since(session, reader, read)
        for at in range(bisect_left(ended, reader.sent) - 1, -1, -1):
            turn = acknowledged[at]
            if turn.ended <= kept:
                break
            if turn.sent > kept and not {question_of(turn), answer_of(turn)} <= has:
                _read(findings, "amnesia", session, reader, turn)
                break
        # The newest read that was over before this turn was sent: of two that overlap, neither is the earlier one.
        latest = bisect_left(known_since, reader.sent) - 1
        if latest >= 0:
            for op, role in known[latest][1].places_known():
                turn = session.seen.turns[op]
                if (op, role) not in has and turn.sent > kept and turn.end != "fail":
                    _read(findings, "backward-read", session, reader, turn)
                    break


def _kept_since(session: Session, reader: Turn, read: Read) -> float:
    """Only what was sent after that time has to be in this prompt."""
    cleared = session.cleared_until(reader.ended if reader.end else reader.sent)
    held = {op for op, _ in read.places_known()}
    if session.window is None or max(len(held), (len(read.places) + 1) // 2) < session.window:
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
        if turn.op not in there or turn.op not in session.prompts or turn.end in ("", "fail"):
            continue
        open_turns = [other for other in open_turns if other.ended > turn.sent][-RIVALS:]
        saw = {op for op, _ in session.prompts[turn.op].has()}
        for other in open_turns:
            if other.op not in saw and all(op != turn.op for op, _ in session.prompts[other.op].places_known()):
                _about(findings, "stale-prompt", session, turn, turn.ended, f"{other.brief} | {turn.brief}", "prompt")
        open_turns.append(turn)


def recall(session: Session, findings: Findings) -> None:
    """amnesia as it is seen from outside: an answer lacks what its user had stated."""
    for turn in session.turns:
        if turn.prompt is None and turn.end == "ok":
            lost = [number for number in turn.expects if number not in turn.told]
            if lost:
                canary = session.seen.canary(lost[0])
                findings.add(
                    "amnesia",
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


RULES: tuple[Rule, ...] = (
    foreign_write,
    missing,
    order,
    corrupt,
    aborted,
    resurrection,
    memory,
    stale,
    recall,
)


def _reads_disagree(session: Session, findings: Findings, stored: dict[Place, int]) -> None:
    """A prompt that has two turns the other way round than they are stored."""
    for reader, read in _prompts(session):
        latest = -1
        for place in read.places_known():
            at = stored.get(place)
            if at is None:
                continue
            if at < latest:
                _read(findings, "reordered", session, reader, session.seen.turns[place[0]])
                break
            latest = at


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
    own = (turn.question, turn.op << 3 | 1)
    return tuple(message for message in turn.prompt if message not in own)


def _prompts(session: Session) -> Iterator[tuple[Turn, Read]]:
    for turn in session.turns:
        if turn.op in session.prompts:
            yield turn, session.prompts[turn.op]


def _brief(turn: Turn, *, question: bool) -> str:
    return f"{'question' if question else 'answer'} of: {turn.brief}"


def _about(
    findings: Findings, kind: str, session: Session, turn: Turn, t: float, evidence: str, surface: str = "history"
) -> None:
    """Something about what is stored of a turn."""
    findings.add(
        kind,
        t,
        surface="prompt" if surface == "prompt" else "history",
        session=session.id,
        user=session.user or turn.user,
        op=turn.op,
        owner=turn.user,
        owner_op=turn.op,
        evidence=evidence,
    )


def _read(findings: Findings, kind: str, session: Session, reader: Turn, turn: Turn) -> None:
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
