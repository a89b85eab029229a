"""Many turns at once, and what has to be true of them afterwards. Also a program, to be that from several processes.

python -m tests.sessions.turns.load URL PREFIX THREADS TURNS SESSION…      # waits for a line, then prints JSON

The latter also takes a quarter as many turns of one session alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

from langchain_core.messages import AIMessage, HumanMessage

from rag.sessions import SessionStore, connect


class Said(NamedTuple):
    """An acknowledged turn: its number, and how many messages and which newest question it had before it."""

    session: str
    question: str
    number: int
    seen: int
    newest: str


def talk(store: SessionStore, sessions: Sequence[str], threads: int, turns: int, name: str) -> list[Said]:
    """Each thread takes so many turns, of one session after the other, starting with its own."""

    def one(thread: int) -> list[Said]:
        return [
            _turn(store, sessions[(thread + number) % len(sessions)], f"{name}-{thread}-{number}")
            for number in range(turns)
        ]

    with ThreadPoolExecutor(threads) as crowd:
        return [said for each in crowd.map(one, range(threads)) for said in each]


def _turn(store: SessionStore, session: str, question: str) -> Said:
    with store.turn(session, wait=100) as turn:
        seen = len(turn.messages)
        newest = turn.messages[-2].text if seen else ""
        number = turn.commit([HumanMessage(question), AIMessage(f"answer to {question}")])
    return Said(session, question, number, seen, newest)


def check(store: SessionStore, said: Sequence[Said]) -> None:
    """Every acknowledged turn is stored once, whole, in order, and had seen all before it. Nothing else is stored."""
    for session in {one.session for one in said}:
        turns = sorted((one for one in said if one.session == session), key=lambda one: one.number)
        assert [one.number for one in turns] == list(range(1, len(turns) + 1))
        expected = [text for one in turns for text in (one.question, f"answer to {one.question}")]
        assert [message.text for message in store.messages(session)] == expected
        assert [one.seen for one in turns] == list(range(0, 2 * len(turns), 2))
        assert turns[0].newest == ""
        assert all(later.newest == earlier.question for earlier, later in pairwise(turns))


def main(url: str, prefix: str, threads: str, turns: str, *sessions: str) -> None:
    client = connect(url)
    store = SessionStore(client, key_prefix=prefix)
    sys.stdin.readline()
    said = talk(store, sessions, int(threads), int(turns), store.protocol.name)
    said += talk(store, [f"{sessions[0]}-alone"], int(threads) // 2, int(turns) // 2, store.protocol.name)
    sys.stdout.write(json.dumps(said))
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
