"""Whose a turn is, as far as the log says: nobody is guessed, and users who share a session are not told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.crosstalk.log.foreign.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Person:
    """sure: named by the log, and alone in the session."""

    user: str
    session: str
    sure: bool


def people(turns: Sequence[Exchange], *, user_per_session: bool) -> list[Person]:
    """Of each turn, whose it is. user_per_session: where the log names no user, each session is one."""
    users: dict[str, set[str]] = {}
    for turn in turns:
        if turn.user is not None:
            users.setdefault(_session(turn), set()).add(turn.user)
    found = []
    for turn in turns:
        session = _session(turn)
        known = users.get(session, set())
        user = turn.user or (next(iter(known)) if len(known) == 1 else None)
        sure = len(known) == 1 or (not known and user_per_session)
        found.append(Person(user or f"the user of session {session}", session, sure))
    return found


def _session(turn: Exchange) -> str:
    return turn.session or f"all of {turn.user}"


def shared(found: Iterable[Person]) -> set[str]:
    """The sessions that several users have."""
    users: dict[str, set[str]] = {}
    for one in found:
        users.setdefault(one.session, set()).add(one.user)
    return {session for session, here in users.items() if len(here) > 1}
