"""What is seen of what a store sends, and what a forked child tells."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import redis.asyncio
from sqlalchemy import create_engine, text

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit import children, wire_clients
from rag.audit.kit.children import Line, die, in_child, other_process
from rag.audit.kit.contract import CannotTell, NotApplicable
from rag.audit.kit.opening import Target
from rag.audit.kit.wire import Wire, audited
from rag.audit.run.trying import tried
from tests.audit.planted.core import Core
from tests.audit.planted.faces import history, saver
from tests.servers import Server


def test_each_client_shows_its_commands_and_none_when_it_is_over(tmp_path: Path) -> None:
    original = sqlite3.connect, redis.connection.AbstractConnection.send_packed_command
    with Server() as server, Wire(str(tmp_path)) as wire:
        with sqlite3.connect(tmp_path / "one.db", isolation_level=None) as database:
            database.execute("CREATE TABLE one (two)")
            database.executemany("INSERT INTO one VALUES (?)", [(1,), (2,)])
            database.execute("SELECT * FROM one").fetchall()
        database.close()
        assert [each.what for each in wire.sent] == ["CREATE", "INSERT", "INSERT", "SELECT"]
        assert wire.outside
        wire.sent.clear()
        with server.client() as client:
            client.set("a\r\nkey", "$3\r\n*1")
            with client.pipeline() as pipe:
                pipe.rpush("list", "x" * 100)
                pipe.expire("list", 9)
                pipe.execute()
            with wire.aside():
                client.get("the auditor's own")
        assert [each.what for each in wire.sent] == ["SET", "MULTI, RPUSH, EXPIRE, EXEC"]
        assert wire.sent[0].commands == ((b"SET", b"a\r\nkey", b"$3\r\n*1"),)
        assert wire.sent[1].size > 100

        async def asks() -> Any:
            async with redis.asyncio.Redis.from_url(server.url) as client:
                return await client.lrange("list", 0, -1)

        before = wire.received
        assert asyncio.run(asks()) == [b"x" * 100]
        assert wire.sent[-1].what == "LRANGE"
        assert wire.received >= before + 100
        (tmp_path / "two").write_text("x")
        assert wire.opened[-1][1]
    assert original == (sqlite3.connect, redis.connection.AbstractConnection.send_packed_command)


def test_a_driver_of_sqlalchemy_is_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent() -> list[str]:
        with Wire() as wire, create_engine("sqlite://").connect() as connection:
            connection.execute(text("SELECT 1"))
            assert wire.outside == ("sqlalchemy" in {each.client for each in wire.sent})
        return [f"{each.client} {each.what}" for each in wire.sent if each.what == "SELECT"]

    assert sent() == ["sqlite3 SELECT"]
    monkeypatch.setattr(wire_clients, "SEEN_ELSEWHERE", ())  # a driver whose own client is not watched
    assert sent() == ["sqlalchemy SELECT", "sqlite3 SELECT"]


async def test_statements_of_psycopg_are_seen_before_they_go() -> None:
    original = psycopg.Cursor.execute
    nowhere: Any = object()
    with Wire() as wire:
        with pytest.raises(AttributeError):  # there is no server: it is seen before that matters
            psycopg.Cursor.execute(nowhere, "SELECT %s", ("abc",))
        with pytest.raises(AttributeError):
            await psycopg.AsyncCursor.executemany(nowhere, b"INSERT %s", iter([("abc",), ("de",)]))
    assert [(each.client, each.what, each.size) for each in wire.sent] == [
        ("psycopg", "SELECT", 12),
        ("psycopg", "INSERT", 14),
    ]
    assert wire.outside
    assert psycopg.Cursor.execute is original


async def test_a_child_gives_its_value_its_error_or_its_end() -> None:
    async def gives() -> int:
        return os.getpid()

    async def raises() -> None:
        raise ValueError("out of paper")

    async def dies() -> None:
        die()

    given = await in_child(gives)
    assert given.value not in (None, os.getpid())
    assert (await in_child(raises)).error == "ValueError: out of paper"
    assert (await in_child(dies)).killed


async def test_a_child_that_takes_too_long_is_ended_and_one_that_cannot_be_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    async def serves(line: Line) -> None:
        await waits()

    monkeypatch.setattr(children, "PATIENT", 0.0)
    assert (await in_child(waits)).error == "it took longer than 0 s"
    monkeypatch.delattr(os, "fork")
    with pytest.raises(NotApplicable, match="forks no processes"):
        await in_child(waits)
    with pytest.raises(NotApplicable, match="forks no processes"):
        async with other_process(serves):
            pass


def test_of_another_process_that_is_silent_nothing_can_be_told_and_one_that_is_gone_says_nothing() -> None:
    one, other = socket.socketpair()
    with one, other:
        here, there = Line(one), Line(other)
        with pytest.raises(CannotTell, match="has said nothing for 0 s"):
            here.hear(0)
        there.say(n=1)
        there.say(n=2)
        assert [here.hear(), here.hear()] == [{"n": 1}, {"n": 2}]
        other.close()
        assert here.hear() == {}
        here.say(n=3)  # to nobody


@pytest.mark.parametrize(
    ("event", "path", "mode", "flags", "opened"),
    [
        ("open", "in/one", "r", os.O_RDONLY, [False]),
        ("open", "in/one", "a", os.O_RDONLY, [True]),
        ("open", "in/one", None, os.O_RDWR, [True]),
        ("open", "in/../out", "w", os.O_RDWR, []),
        ("open", "inner", "w", os.O_RDWR, []),
        ("open", 1, "w", os.O_RDWR, []),
        ("os.remove", "in/one", None, 0, []),
    ],
)
def test_files_that_are_opened_in_the_folder_are_seen(
    tmp_path: Path, event: str, path: Any, mode: str | None, flags: int, opened: list[bool]
) -> None:
    """Asked as Python asks its hooks, in which no coverage is measured."""
    with Wire() as elsewhere, Wire(str(tmp_path / "in")) as wire:
        audited(event, (f"{tmp_path}/{path}" if isinstance(path, str) else path, mode, flags))
    assert [write for _, write in wire.opened] == opened
    assert elsewhere.opened == []


async def test_what_a_turn_costs_is_told_by_the_length_of_its_conversation() -> None:
    figures = {}
    for make in (history, saver):
        for check in ("bounded.round-trips", "bounded.bytes"):
            outcome = await tried(CHECKS[check], Target(make(Core), ADAPTERS))
            assert outcome.status == "pass"
            figures[make, check] = list(outcome.figures.values())
    assert figures[history, "bounded.round-trips"] == [7, 7], "two pragmas, SELECT, BEGIN, two INSERTs, COMMIT"
    few, many = figures[history, "bounded.bytes"]
    assert many - few < 10, "an appending store's turn costs the same"
    few, many = figures[saver, "bounded.bytes"]
    assert many > 20 * few, "what writes the whole with each turn is seen to"


async def test_a_file_that_is_read_in_the_loops_own_thread_is_blocking_too() -> None:
    class Filing:
        def __init__(self, folder: str) -> None:
            self.file = Path(folder, "items.json")

        async def get_items(self, limit: int | None = None) -> list[Any]:
            return json.loads(self.file.read_text()) if self.file.exists() else []

        async def add_items(self, items: list[Any]) -> None:
            self.file.write_text(json.dumps([*await self.get_items(), *items]))

        async def pop_item(self) -> Any: ...

        async def clear_session(self) -> None: ...

    def make(session_id: str, folder: str) -> Any:  # one conversation is enough here
        return Filing(folder)

    outcome = await tried(CHECKS["async.not-blocking"], Target(make, ADAPTERS))
    assert outcome.status == "fail"
    assert "opens a file in the event loop's own thread" in outcome.evidence


async def test_where_nothing_is_sent_there_are_no_figures() -> None:
    def make(session_id: str) -> Any:  # whose it is is known by who holds it
        from langchain_core.chat_history import InMemoryChatMessageHistory

        return InMemoryChatMessageHistory()

    target = Target(make, ADAPTERS)
    came = {each.id: await tried(each, target) for each in CHECKS.values() if each.level in ("bounded", "lasting")}
    assert {each.status for each in came.values()} == {"not applicable"}
    assert "None of the clients" in came["bounded.bytes"].evidence
    assert "memory" in came["lasting.new-process"].evidence
    assert (await tried(CHECKS["async.not-blocking"], target)).status == "pass"
