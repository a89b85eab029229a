"""What can be wrong with one session, seen by itself: pure, one pass over its messages, nothing kept of them.

Where a format has turns, it is the app's own: a turn is judged as a whole, and trouble is certain. What looks wrong in
others' histories is suspected. Their roles alternate as a rule; a greeting before the first question, tools between
question and answer, and a last question that may be being answered are no trouble.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from rag.inspector.forensics.findings import Finding, Kind, short
from rag.inspector.layouts.base import Stored
from rag.inspector.parsing.message_parsers import Said

Numbered = tuple[int, Said]
_NUMBER = re.compile(r"\d+(\.\d+)?")


def facts(stored: Stored, history: str, session: str, *, indexed: bool) -> Iterator[Finding]:
    """Of the session's keys. history, session: their names. indexed: it is the app's own, where every key expires."""
    for name, problem in stored.wrong.items():
        text = f"The key {name} cannot be read as a part of a session: {problem}."
        yield replace(_whole(stored, "broken", text), certain=indexed)
    if indexed and not stored.pinned:
        endless = [name for name, left in stored.left.items() if left == -1]
        if endless:
            what = endless[0] if len(endless) == 1 else f"{len(endless)} of {len(stored.left)} keys"
            yield _whole(stored, "no-expiry", f"{what} never expires, and the session is not pinned.")
    if not indexed or stored.wrong:
        return
    for field, value in (stored.session or {}).items():
        if not _NUMBER.fullmatch(value):
            yield _whole(
                stored, "broken", f"The session metadata says {field} is {value[:20]!r}, which is not a number."
            )
    if session not in stored.left and history in stored.left:
        yield _whole(stored, "half-expired", "Its messages are there, but its metadata is gone.")
    elif stored.session is not None and history not in stored.left and _lost(stored.session):
        yield _whole(stored, "half-expired", f"It had {stored.session['turns']} turns, but its messages are gone.")
    if stored.session is not None and not stored.listed:
        yield _whole(stored, "unlisted", "The session exists but is not in the index, so lists do not show it.")


def messages(
    stored: Stored, said: Sequence[Said], *, turns: bool, partial: bool, alternates: bool = True
) -> Iterator[Finding]:
    """turns: the format has them. partial: single messages may expire, so that an answer may outlive its question.

    alternates: an answer follows each question.
    """
    sid = stored.id
    for number, one in enumerate(said):
        if one.problem == "foreign":
            named = f"the session {one.owner[:12]}…" if one.owner and len(one.owner) > 12 else one.owner or "no session"
            yield Finding(
                "names-other", (sid, *([one.owner] if one.owner else [])), (number,), f"Message {number} names {named}."
            )
        elif one.problem in ("corrupt", "tampered"):
            text = f"Element {number} is {one.problem}: {one.detail}."
            yield Finding("broken", (sid,), (number,), text, certain=turns)
    good = [(number, one) for number, one in enumerate(said) if one.problem in ("", "sealed")]
    if not turns:
        yield from _owners(sid, good)
    for found in (*_order(sid, good), *_duplicates(sid, good)):
        yield replace(found, certain=turns)
    if any(one.problem == "sealed" for _, one in good):
        return
    if turns:
        yield from _turns(sid, good)
    elif alternates:
        yield from _alternating(sid, good, partial=partial)


def _owners(sid: str, good: Sequence[Numbered]) -> Iterator[Finding]:
    """What others' messages name as their session need not be its id, but it is one, as a rule."""
    first: dict[str, int] = {}
    for number, one in good:
        if one.owner:
            first.setdefault(one.owner, number)
    if len(first) > 1:
        (own, _), (other, number), *_ = first.items()
        text = f"Message {number} names {short(other)}, and those before it name {short(own)}."
        yield Finding("names-other", (sid,), (number,), text, certain=False)


def _order(sid: str, good: Sequence[Numbered]) -> Iterator[Finding]:
    for (_, before), (number, after) in pairwise(good):
        if after.turn < before.turn or (after.at and after.at < before.at):
            late = before.at - after.at
            what = f"{late:.1f} s older than" if late > 0 else "of an earlier turn than"
            yield Finding("out-of-order", (sid,), (number,), f"Message {number} is {what} the one before it.")


def _duplicates(sid: str, good: Sequence[Numbered]) -> Iterator[Finding]:
    first: dict[tuple[str, str], int] = {}
    for number, one in good:
        names = [("place", one.place)] if one.place else []
        names += [("id", one.id)] if one.id else []
        earlier = [first[name] for name in names if name in first]
        if earlier:
            yield Finding("duplicate", (sid,), (earlier[0], number), f"Message {number} is message {earlier[0]} again.")
        for name in names:
            first.setdefault(name, number)


def _turns(sid: str, good: Sequence[Numbered]) -> Iterator[Finding]:
    for turn, group in groupby(good, key=lambda one: one[1].turn):
        part = list(group)
        asked = [number for number, one in part if one.role == "user"]
        answered = [number for number, one in part if one.role == "assistant"]
        if asked and not answered:
            yield Finding("question-without-answer", (sid,), (asked[0],), f"Turn {turn} has a question and no answer.")
        elif answered and not asked:
            yield Finding(
                "answer-without-question", (sid,), (answered[0],), f"Turn {turn} has an answer and no question."
            )


def _alternating(sid: str, good: Sequence[Numbered], *, partial: bool) -> Iterator[Finding]:
    waiting: int | None = None
    before = ""
    for number, one in good:
        if one.role == "user":
            if waiting is not None:
                text = f"Message {waiting} is a question; another question follows it."
                yield Finding("question-without-answer", (sid,), (waiting,), text, certain=False)
            waiting = number
        elif one.role == "assistant":
            if before == "assistant" or (not before and partial):
                what = "follows another answer" if before else "is the first that is left"
                text = f"Message {number} is an answer and {what}."
                yield Finding("answer-without-question", (sid,), (number,), text, certain=False)
            waiting = None
        if one.role in ("user", "assistant"):
            before = "tools" if one.calls and one.role == "assistant" else one.role


def _lost(session: dict[str, str]) -> bool:
    """Whether there should be messages: not if there never were any, or all of them were put aside."""
    return session.get("turns", "0") != "0" and session.get("quarantined", "0") == "0"


def _whole(stored: Stored, kind: Kind, explanation: str) -> Finding:
    return Finding(kind, (stored.id,), (-1,), explanation)
