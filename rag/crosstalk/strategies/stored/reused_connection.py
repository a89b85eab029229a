"""A pool of Redis connections that takes one back although its reply was never read: the incident of March 2023."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Sequence
from typing import Any

import redis

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, pair, question
from rag.crosstalk.strategies.stored.keys import RedisKeyed


class Connections:
    """Idle connections, last in, first out. Thread-safe."""

    def __init__(self, url: str) -> None:
        # To name the library, redis-py reads its own metadata for every connection, and asks twice.
        self.pool = redis.Redis.from_url(url, protocol=2, driver_info=None).connection_pool
        self.lock = threading.Lock()
        self.idle: list[Any] = []

    def take(self) -> Any:
        with self.lock:
            if self.idle:
                return self.idle.pop()
        connection: Any = self.pool.make_connection()
        connection.connect()
        return connection

    def give_back(self, connection: Any) -> None:
        with self.lock:
            self.idle.append(connection)

    def close(self) -> None:
        for connection in self.idle:
            connection.disconnect()


class ReusedConnection(RedisKeyed):
    name = "reused-connection"
    title = "A connection with a reply left in it"
    place = 180
    lesson = "A connection with an unread reply is one reply behind: the next user gets the previous user's."
    wrong = (
        "A request is cancelled between command and reply, and its connection goes back to the pool anyway, with the "
        "reply still in it. From then on, every read on it returns what the previous request asked for."
    )
    seen = ("redis/redis-py#2624, #2665: ChatGPT, March 2023",)
    fix = "Close a connection whose reply was not read completely. (redis-py does, since 4.5.5.)"
    part = "pool"
    expects_cancelled = kinds(kind.FOREIGN_READ)
    may = kinds(kind.AMNESIA, kind.BACKWARD_READ, kind.FOREIGN_WRITE, kind.STALE_PROMPT, kind.SWAPPED_ANSWER)
    cancels = 0.1

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.connections = Connections(lab.plain_redis_url)

    def turn(self, asked: Asked) -> Steps:
        history = yield from self.load(asked.session)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.save(asked.session, pair(asked, answer))
        return answer

    def load(self, session: str) -> Generator[str, None, list[Message]]:
        connection = self.connections.take()
        try:
            yield "load: send the command"
            connection.send_command("LRANGE", self.key(session), 0, -1)
            yield "load: read the reply"
            return read(connection.read_response())
        finally:
            self.connections.give_back(connection)  # the bug

    def save(self, session: str, messages: Sequence[Message]) -> None:
        pipe = self.lab.redis.pipeline()
        pipe.rpush(self.key(session), *(json.dumps([message.role, message.text]) for message in messages))
        pipe.expire(self.key(session), self.lab.ttl)
        pipe.execute()

    def history(self, session: str) -> list[Message]:
        return read(self.lab.redis.lrange(self.key(session), 0, -1))

    def close(self) -> None:
        self.connections.close()


def read(items: Sequence[bytes]) -> list[Message]:
    return [Message(*json.loads(item)) for item in items]
