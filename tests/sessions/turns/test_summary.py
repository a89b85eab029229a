"""A summary of older turns lives with its session, and says exactly how far it goes."""

from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage

from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client

PAIR = [HumanMessage("question"), AIMessage("answer")]


def test_a_summary_covers_messages_of_whole_turns(client: Client, sid: str) -> None:
    store = SessionStore(client)
    store.append(sid, PAIR)
    store.append(sid, [*PAIR, *PAIR])
    with store.turn(sid) as turn:
        assert (turn.summary, turn.summarised) == ("", 0)
        assert turn.turn_at(5) == 2
        turn.commit(PAIR, summary=("so far", turn.turn_at(5)))
    with store.turn(sid) as turn:
        assert (turn.summary, turn.summarised, len(turn.messages)) == ("so far", 6, 8)


def test_it_counts_what_is_still_stored(client: Client, sid: str) -> None:
    store = SessionStore(client, max_turns=2)
    for _ in range(3):
        store.append(sid, PAIR)
    assert store.set_summary(sid, "of two, one of them is gone", 2)
    with store.turn(sid) as turn:
        assert (turn.summarised, len(turn.messages)) == (2, 4)


def test_it_ends_with_the_session(client: Client, sid: str) -> None:
    store = SessionStore(client)
    with store.turn(sid) as turn:
        turn.commit(PAIR, summary=("private", 1))
    store.clear(sid)
    with store.turn(sid) as turn:
        assert (turn.summary, turn.summarised) == ("", 0)
