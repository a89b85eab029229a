"""How each client library is watched: by a step before the one call through which all that it sends goes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Found:
    """What a client sends, before it does."""

    client: str
    names: list[str]
    size: int
    link: Any = None
    commands: tuple[tuple[bytes, ...], ...] = ()
    pipeline: Any = None
    """What is sent in the same one goes with it, at once."""


Saw = Callable[[Found], None]
Undo = Callable[[], None]


def redis_like() -> list[str]:
    """The loaded modules of connections of redis-py and of valkey-py, which has the same ones."""
    homes = [f"{library}{part}.connection" for library in ("redis", "valkey") for part in ("", ".asyncio")]
    return [home for home in homes if home in sys.modules]


def watch_redis(home: str, saw: Saw, heard: Callable[[Any], None]) -> Undo:
    kind: Any = sys.modules[home].AbstractConnection
    send, read = kind.send_packed_command, kind.read_response

    def packed(link: Any, command: Any) -> list[Any]:
        chunks = [command] if isinstance(command, (bytes, str, memoryview)) else list(command)
        whole = b"".join(each.encode() if isinstance(each, str) else bytes(each) for each in chunks)
        commands = commands_of(whole)
        saw(Found("redis", [str(each[0], "latin-1").upper() for each in commands], len(whole), link, commands))
        return chunks

    if ".asyncio" in home:

        @functools.wraps(send)
        async def send_async(link: Any, command: Any, *given: Any, **named: Any) -> Any:
            return await send(link, packed(link, command), *given, **named)

        @functools.wraps(read)
        async def read_async(link: Any, *given: Any, **named: Any) -> Any:
            reply = await read(link, *given, **named)
            heard(reply)
            return reply

        kind.send_packed_command, kind.read_response = send_async, read_async
    else:

        @functools.wraps(send)
        def send_now(link: Any, command: Any, *given: Any, **named: Any) -> Any:
            return send(link, packed(link, command), *given, **named)

        @functools.wraps(read)
        def read_now(link: Any, *given: Any, **named: Any) -> Any:
            reply = read(link, *given, **named)
            heard(reply)
            return reply

        kind.send_packed_command, kind.read_response = send_now, read_now

    def undo() -> None:
        kind.send_packed_command, kind.read_response = send, read

    return undo


def commands_of(packed: bytes) -> tuple[tuple[bytes, ...], ...]:
    """The commands in what is sent, each with its words: Redis' protocol, arrays of strings that tell their length."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        end = packed.index(b"\r\n", at)
        value = int(packed[at + 1 : end])
        at = end + 2
        return value

    while packed[at : at + 1] == b"*":
        words = []
        for _ in range(number()):
            size = number()
            words.append(packed[at : at + size])
            at += size + 2
        found.append(tuple(words))
    return tuple(found)


def watch_sqlite(saw: Saw) -> Undo:
    """Each connection that is opened from now on tells its statements, as they begin."""
    import sqlite3

    connect = sqlite3.connect

    @functools.wraps(connect)
    def connect_watched(*given: Any, **named: Any) -> Any:
        made = connect(*given, **named)
        database = str(given[0] if given else named.get("database", ""))

        def begins(statement: str) -> None:
            if not statement.startswith("--"):  # of a trigger
                name = [*statement.upper().split(None, 1), "?"][0].rstrip(";")
                saw(Found("sqlite3", [name], len(statement.encode(errors="replace")), database))

        made.set_trace_callback(begins)
        return made

    homes = [each for each in list(sys.modules.values()) if vars(each).get("connect") is connect]
    for each in homes:
        vars(each)["connect"] = connect_watched

    def undo() -> None:
        for each in homes:
            vars(each)["connect"] = connect

    return undo


def watch_psycopg(saw: Saw, heard: Callable[[Any], None]) -> Undo:
    """Its cursors: each statement as it is executed, and the rows that come of one by itself."""
    import psycopg

    undone: list[Undo] = []

    def statement(link: Any, query: Any, given: Any) -> None:
        text = query if isinstance(query, (str, bytes)) else repr(query)
        packed = text.encode(errors="replace") if isinstance(text, str) else text
        name = packed.decode(errors="replace").strip(" \r\n\t;").split(None, 1)[:1] or ["empty statement"]
        pipeline = getattr(link, "_pipeline", None)
        saw(Found("psycopg", [name[0].upper()], len(packed) + size_of(given), link, ((packed,),), pipeline))

    def begins(name: str, cursor: Any, query: Any, params: Any) -> Any:
        """The parameters, which may have been an iterator."""
        if name == "executemany" and not isinstance(params, (list, tuple)):
            params = list(params)
        statement(getattr(cursor, "connection", None), query, params)
        return params

    def ends(cursor: Any) -> None:
        if result := cursor.pgresult:
            heard([result.get_value(row, field) for row in range(result.ntuples) for field in range(result.nfields)])

    def replace(kind: Any, name: str) -> None:
        original = getattr(kind, name)

        @functools.wraps(original)
        def watched_now(cursor: Any, query: Any, params: Any = None, *given: Any, **named: Any) -> Any:
            done = original(cursor, query, begins(name, cursor, query, params), *given, **named)
            ends(cursor)
            return done

        @functools.wraps(original)
        async def watched_async(cursor: Any, query: Any, params: Any = None, *given: Any, **named: Any) -> Any:
            done = await original(cursor, query, begins(name, cursor, query, params), *given, **named)
            ends(cursor)
            return done

        setattr(kind, name, watched_async if kind is psycopg.AsyncCursor else watched_now)
        undone.append(lambda: setattr(kind, name, original))

    for kind in (psycopg.Cursor, psycopg.AsyncCursor):
        for name in ("execute", "executemany"):
            replace(kind, name)

    def undo() -> None:
        for each in undone:
            each()

    return undo


SEEN_ELSEWHERE = ("pysqlite", "aiosqlite", "psycopg", "psycopg_async")
"""SQLAlchemy's drivers whose own client is watched."""


def watch_sqlalchemy(saw: Saw) -> Undo:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def executes(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if connection.dialect.driver not in SEEN_ELSEWHERE:
            name = statement.split(None, 1)[0].upper()
            saw(Found("sqlalchemy", [name], size_of(statement) + size_of(parameters)))

    event.listen(Engine, "before_cursor_execute", executes)
    return lambda: event.remove(Engine, "before_cursor_execute", executes)


def size_of(value: Any, depth: int = 8) -> int:
    """Bytes of the texts and the numbers in it."""
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return len(value)
    if isinstance(value, dict):
        return size_of([*value.keys(), *value.values()], depth)
    if isinstance(value, Iterable) and depth:
        return sum(size_of(each, depth - 1) for each in value)
    return 0 if value is None else len(str(value))
