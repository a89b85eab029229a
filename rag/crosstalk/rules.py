"""The rules about one session's turns: each looks at what is stored and at what prompts held, and says what is broken.

Each takes near-linear time in the session's turns and messages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from rag.crosstalk.findings import Findings, Surface
from rag.crosstalk.histories import UNSURE, Place, Read, Session, answer_of, question_of, said
from rag.crosstalk.observed import ASSISTANT, OTHER, USER, Canary, Stored, Turn, place_of, role_of

Rule = Callable[[Session, Findings], None]
_Told = tuple[int, int, Place | None]
"""A stored message: where it stands, what it is known by, and where it belongs."""
RIVALS = 200
"""Turns under way at once that are compared with each other; a session with more is a load test, not a chat."""


def foreign_write(session: Session, findings: Findings) -> None:
    """In a session that nobody ever sent a turn in, all is somebody else's."""
    told: set[tuple[int | None, int]] = set()
    users = {turn.user for turn in session.turns}
    for stored, read in session.reads:
        _foreign_write(session, findings, stored, read, users, told)


def _foreign_write(
    session: Session,
    findings: Findings,
    stored: Stored,
    read: Read,
    users: AbstractSet[str],
    told: set[tuple[int | None, int]],
) -> None:
    """told: what an earlier read showed, by turn and canary; -1: the turn itself."""
    seen = session.seen
    hits: dict[int, list[int]] = {}
    for at, number in pairs(stored.hits):
        hits.setdefault(at, []).append(number)
    for at, message, place in _told(stored, read):
        turn = seen.turns.get(place[0]) if place else None
        op = turn.op if turn else None
        for number in hits.get(at, ()):
            canary = seen.canary(number)
            if (op, number) not in told and canary.user not in users:
                told.add((op, number))
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
    for turn in session.turns:
        if turn.op not in session.by_question:
            continue
        question, answer = question_of(turn) in there, answer_of(turn) in there
        if turn.end in ("", "fail") or turn.ended >= stored.t:
            continue
        if question or answer or session.owed(turn, stored.t):
            _missing(session, findings, turn, question=question, answer=answer, rivals=rivals)
    free = _free(session, list(_told(stored, final)))
    for alike in session.repeated:
        owed = [turn for turn in alike if session.owed(turn, stored.t)]
        answered = {turn.op: answer_of(turn) in there or _taken(free, turn.answer) for turn in owed}
        for turn in sorted(owed, key=lambda turn: not answered[turn.op]):
            question = question_of(turn) in there or _taken(free, turn.question)
            _missing(session, findings, turn, question=question, answer=answered[turn.op], rivals=rivals)


def _free(session: Session, told: list[_Told]) -> Counter[int]:
    """The messages that may be any of several turns'. A question is not, where an answer follows that nobody heard."""
    free: Counter[int] = Counter()
    for (_, message, place), after in zip(told, [*told, None][1:], strict=True):
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
        _about(findings, "torn-turn", session, turn, session.stored.t, _brief(turn, question=question))
    else:
        kind = "lost-update" if _rival(turn, rivals) else "lost-append"
        _about(findings, kind, session, turn, session.stored.t, turn.brief)


def order(session: Session, findings: Findings) -> None:
    """interleaved-turns, reordered and duplicate, in what is stored."""
    twice: set[Place] = set()
    displaced: set[int] = set()
    for stored, read in session.reads:
        for place, count in Counter(read.places_known()).items():
            turn = session.own.get(place[0])
            if count > 1 and turn is not None and place not in twice:
                twice.add(place)
                _about(findings, "duplicate", session, turn, stored.t, _brief(turn, question=place[1] == USER))
        _in_order(session, findings, stored, read.first(), displaced)
    if session.final is not None:
        _stored_disagree(session, findings, displaced)
        _reads_disagree(session, findings, session.final.first())


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
            _about(findings, "interleaved-turns", session, turn, stored.t, turn.brief)
        if latest is not None and turn.end == "ok" and turn.ended < latest.sent and op not in displaced:
            displaced.add(op)
            _about(findings, "reordered", session, turn, stored.t, f"{latest.brief} | {turn.brief}")
        if latest is None or turn.sent > latest.sent:
            latest = turn


def corrupt(session: Session, findings: Findings) -> None:
    """A message that is no turn's, or that names its turn and says something else. The same words are told of once."""
    told: set[int] = set()
    for stored, read in session.reads:
        said = dict(pairs(stored.unlike))
        for at, message, place in _told(stored, read):
            text = said.get(at, message)
            turn = session.seen.turns[place[0]] if place is not None and place != UNSURE else None
            if text in told or (turn is not None and (at not in said or not _garbled(turn, text, stored.t))):
                continue
            if turn is None and place is not None:
                continue
            told.add(text)
            findings.add(
                "corrupt",
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
    return turn.end == "ok" and turn.ended <= at and text != turn.answer


def aborted(session: Session, findings: Findings) -> None:
    """aborted-read and mid-turn-read."""
    told: set[int] = set()
    for stored, read in session.reads:
        for op in dict.fromkeys(op for op, _ in read.places_known()):
            turn = session.seen.turns[op]
            if turn.end == "fail" and op not in told:
                told.add(op)
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
    told: set[int] = set()
    for stored, read in session.reads:
        for turn in _risen(session, read, stored.t):
            if turn.op not in told:
                told.add(turn.op)
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
    known_by = session.by_question | session.by_answer
    answered = (turn for turn in session.turns if turn.op in known_by and turn.end == "ok")
    acknowledged = sorted(answered, key=lambda turn: turn.ended)
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
            if turn.sent > kept and session.lacks(has, turn):
                _read(findings, "amnesia", session, reader, turn)
                break
        # The newest read that was over before this turn was sent: of two that overlap, neither is the earlier one.
        latest = bisect_left(known_since, reader.sent) - 1
        if latest >= 0:
            for op, role in known[latest][1].places_known():
                turn = session.seen.turns[op]
                sure = session.sure((op, role))
                if sure and (op, role) not in has and turn.sent > kept and turn.end != "fail":
                    _read(findings, "backward-read", session, reader, turn)
                    break


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
                _about(
                    findings,
                    "stale-prompt",
                    session,
                    turn,
                    turn.ended,
                    f"{other.brief} | {turn.brief}",
                    surface="prompt",
                )
        open_turns.append(turn)


def recall(session: Session, findings: Findings) -> None:
    """amnesia as it is seen from outside: an answer lacks what its user had stated."""
    for turn in session.turns:
        if turn.prompt is None and turn.end == "ok":
            lost = (session.seen.canary(number) for number in turn.expects if number not in turn.told)
            canary = next((canary for canary in lost if _remembered(session, canary, turn)), None)
            if canary is not None:
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


def _remembered(session: Session, canary: Canary, turn: Turn) -> bool:
    """Whether this turn should know it: an earlier turn of the session that was acknowledged had stated it, and since
    then it was neither deleted nor replaced by what the answer tells in its place."""
    source = session.own.get(canary.op)
    if source is None or source.end != "ok" or source.ended >= turn.sent or session.cleared_since(source, turn.ended):
        return False
    told = (session.seen.canary(number) for number in turn.told if number not in turn.expects)
    return not any(other.op in session.own and session.own[other.op].sent > source.sent for other in told)


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


def _stored_disagree(session: Session, findings: Findings, displaced: set[int]) -> None:
    """Two reads that have two turns the other way round: each read is held against the next one and the last one."""
    first = [read.first() for _, read in session.reads]
    for at, (stored, _) in enumerate(session.reads[:-1]):
        for other in (at + 1, -1):
            latest: tuple[int, Turn] | None = None
            for place in first[at]:
                there, turn = first[other].get(place), session.seen.turns[place[0]]
                if there is None:
                    continue
                if latest is None or there > latest[0]:
                    latest = there, turn
                elif turn is not latest[1] and displaced.isdisjoint((turn.op, latest[1].op)):
                    displaced.add(turn.op)
                    _about(
                        findings, "reordered", session, turn, stored.t, f"{latest[1].brief} | {turn.brief}", latest[1]
                    )
                    break


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


def _prompts(session: Session) -> Iterator[tuple[Turn, Read]]:
    for turn in session.turns:
        if turn.op in session.prompts:
            yield turn, session.prompts[turn.op]


def _told(stored: Stored, read: Read) -> Iterator[_Told]:
    """Each message that a user or the model said."""
    places = iter(read.places)
    for at, message in enumerate(stored.messages):
        if role_of(message) != OTHER:
            yield at, message, next(places)


def pairs(flat: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _brief(turn: Turn, *, question: bool) -> str:
    return f"{'question' if question else 'answer'} of: {turn.brief}"


def _about(
    findings: Findings,
    kind: str,
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
