"""Sessions with planted faults, to see what a scan finds and what a mix-up looks like. Made up, marked, soon removed.

Their ids begin with EXAMPLES, which no browser's session does; nobody chats in them, and nothing of anybody else's is
touched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.errors import CrosswireError
from rag.inspector.actions.importing import own_histories
from rag.inspector.inspector import Inspector
from rag.inspector.views.session_table import EXAMPLES
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId

CANARY = "ORD-48213-EXAMPLE"
"""The order number that one of them states, to look for in a scan."""
PEOPLE = ("ada", "ben", "cleo", "dan", "eva", "finn", "gita")
_ADA = (
    (
        f"Hello, I am Ada. My order is {CANARY} and it goes to 12 Elm Street.",
        "Thank you, Ada. I have noted your order.",
    ),
    ("Can I still change the address?", "Yes, until the parcel leaves our warehouse."),
)
_TALK = (
    ("How long do I have to return an item?", "You have 30 days from the day it arrives."),
    ("And who pays for the parcel?", "We do: print the label under “My orders”."),
)


def example_ids() -> list[str]:
    return [f"{EXAMPLES}{name}" for name in PEOPLE]


def present(inspector: Inspector) -> int:
    """How many of them are there."""
    keys, client = own_histories(inspector).keys, inspector.client
    with translated(inspector.target):
        return sum(bool(client.exists(*keys.of(SessionId(one)))) for one in example_ids())


def fill(inspector: Inspector, who: str) -> list[str]:
    """Put them in, instead of those that are there. Returns their ids."""
    remove(inspector, who)
    ids = example_ids()
    ada, ben, cleo, dan, eva, finn, gita = ids
    for one in (ada, ben, dan, eva, finn, gita):
        _say(inspector, one, *(_ADA if one == ada else _TALK))
    _prompted_with_anothers(inspector, cleo, ada)
    keys, client = own_histories(inspector).keys, inspector.client
    history = {one: keys.history(SessionId(one)) for one in ids}
    with translated(inspector.target):
        # Ben's history holds what Ada said; Dan's metadata are gone; Eva's key never expires; Finn's last question has
        # no answer, and an element of his is cut off. Gita's session has no fault.
        client.rpush(history[ben], client.lindex(history[ada], 0))
        client.delete(keys.session(SessionId(dan)))
        client.persist(history[eva])
        client.rpop(history[finn])
        client.rpush(history[finn], b'{"session_id": "cut o')
    for one in ids:
        inspector.store.audit.add("add example", one, who)
    return ids


def remove(inspector: Inspector, who: str) -> int:
    """Take all of them out, with everything stored for them. Returns how many there were."""
    histories, store = own_histories(inspector), inspector.store
    gone = 0
    for one in example_ids():
        sid = SessionId(one)
        names = histories.names(sid)
        with translated(inspector.target):
            there = bool(inspector.client.exists(*names))
        if there:
            store.clear(sid, who)
            with translated(inspector.target):
                inspector.client.unlink(*names)
            gone += 1
    return gone


def _say(inspector: Inspector, session_id: str, *turns: tuple[str, str]) -> None:
    for question, answer in turns:
        with inspector.store.turn(session_id) as turn:
            if turn.turns >= len(turns):
                raise CrosswireError("Somebody else is putting in examples just now: try again.")
            answered = AIMessage(answer, id=f"example-{os.urandom(8).hex()}")
            messages: list[BaseMessage] = [HumanMessage(question), answered]
            turn.commit(messages, model="example", title=None if turn.turns else question[:60])


def _prompted_with_anothers(inspector: Inspector, session_id: str, other: str) -> None:
    """Two turns, traced. The second one's prompt holds another session's messages, and its answer tells of them."""
    from rag.chat.events import Timings
    from rag.chat.prompt import build_prompt
    from rag.chat.trace import written

    theirs = inspector.store.messages(other)[:2]
    asked: Sequence[tuple[str, str, list[Any]]] = (
        (*_TALK[0], []),
        ("Where does my order go?", f"Your order {CANARY} goes to 12 Elm Street.", theirs),
    )
    for question, answer, foreign in asked:
        with inspector.store.turn(session_id) as turn:
            prompt = build_prompt([], [*turn.messages, *foreign], question)
            times = Timings(load=0.001, retrieve=0.012, first_token=0.18, ask=0.74)
            trace = written(turn, prompt, [], "", question, "example", times)
            title = None if turn.turns else question
            turn.commit([HumanMessage(question), AIMessage(answer)], model="example", title=title, trace=trace)
