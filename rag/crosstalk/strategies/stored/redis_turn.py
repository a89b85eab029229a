"""Crosswire's own: SessionStore.turn holds the session, and stores question and answer as one unit or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, Wait, pair, question
from rag.crosstalk.strategies.plain_messages import langchain, plain
from rag.sessions import SessionId
from rag.sessions.protocol import index_entries

WAIT = 60.0
BATCH = 1000


class RedisTurn(Strategy):
    name = "redis-turn"
    title = "Redis, one write per turn"
    place = 150
    lesson = "A turn is a transaction: it holds its session in Redis, and stores the pair in one write or not at all."
    wrong = "Nothing that we know of. It costs two round trips per turn, and a second tab waits for the first."
    fix = "None needed."
    uses_redis = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.store = lab.store

    def turn(self, asked: Asked) -> Steps:
        yield Wait("wait and load", lambda: self.free(asked.session))
        with self.store.turn(asked.session, wait=WAIT) as turn:
            history = plain(turn.messages)
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save turn"
            turn.commit(langchain(pair(asked, answer)))
        return answer

    def history(self, session: str) -> list[Message]:
        return plain(self.store.messages(session))

    def free(self, session: str) -> bool:
        """Whether nobody holds the session now."""
        return not self.lab.redis.exists(self.store.protocol.keys.of(SessionId(session)).turn)

    def forget(self, sessions: Sequence[str]) -> None:
        # Not through `expire_now`, whose entries would push everything else out of the audit.
        keys, client = self.store.protocol.keys, self.lab.redis
        for start in range(0, len(sessions), BATCH):
            pipe = client.pipeline(transaction=False)
            for sid in map(SessionId, sessions[start : start + BATCH]):
                for key in keys.of(sid):
                    pipe.unlink(key)
                for command in index_entries.gone(keys, sid):
                    pipe.execute_command(*command)
            pipe.execute()
