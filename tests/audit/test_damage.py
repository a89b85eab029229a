"""Which records are damaged from outside, that they are mended, and what a store is told that has none or many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit.contract import NotApplicable
from rag.audit.kit.damage import Reach, values_of
from rag.audit.kit.opening import Target
from rag.audit.kit.wire import Wire
from rag.audit.results import Outcome
from rag.audit.run.trying import tried
from tests.audit.planted.core import Core, Row
from tests.audit.planted.expiry import InRedis
from tests.audit.planted.faces import history
from tests.crosstalk.run.postgres import Postgres
from tests.servers import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def outcome(make: Any) -> Outcome:
    return asyncio.run(tried(CHECKS["faithful.corrupt"], Target(make, ADAPTERS)))


def test_only_a_record_of_one_message_alone_is_damaged(tmp_path: Path) -> None:
    store = Core(str(tmp_path), "sync")
    (tmp_path / "notes.txt").write_text("middle")
    reach = Reach(str(tmp_path), Wire())
    with pytest.raises(NotApplicable, match="no record of it can be damaged"):
        reach.holding("middle", ["first"])
    rows: list[Row] = [{"text": "first"}, {"text": "middle"}, {"text": "middle first"}]
    asyncio.run(Core.add(store, "one", rows[2:]))
    with pytest.raises(NotApplicable, match=r"not one record of its own: rows\.row"):
        reach.holding("middle", ["first"])
    asyncio.run(Core.add(store, "one", rows[:2]))
    (record,) = reach.holding("middle", ["first"])
    record.cut("middle")
    assert asyncio.run(Core.rows(store, "one")) == [rows[2], rows[0]]
    record.mend()
    assert asyncio.run(Core.rows(store, "one")) == [rows[2], *rows[:2]]


def test_one_list_element_that_cannot_be_read_must_not_hide_the_others(server: Server) -> None:
    class Right(InRedis):
        url = server.url

    class Choking(Right):
        def readable(self, texts: Any) -> list[Row]:
            return [json.loads(text) for text in texts]

    found = outcome(history(Right))
    assert (found.status, found.tried[0]) == (
        "pass",
        "async: an element of a list was cut off in the middle of a message",
    )
    found = outcome(history(Choking))
    assert (found.status, "none can be read: JSONDecodeError" in found.evidence) == ("fail", True)
    with server.client() as client:
        assert client.dbsize() == 0, "all is deleted, also what could not be read"


def test_what_shares_the_damaged_record_is_not_missed(tmp_path: Path) -> None:
    class ByTurns(Core):
        """A turn is one record."""

        def stamped(self, session: str, rows: list[Row]) -> list[tuple[str, str, int]]:
            return [(session, json.dumps(rows), 0)]

        def readable(self, texts: list[str]) -> list[Row]:
            turns: list[Any] = super().readable(texts)
            return [row for turn in turns for row in turn]

    class Twice(Core):
        """A copy for show is kept of all, which nobody reads."""

        async def add(self, session: str, rows: list[Row]) -> None:
            await super().add(f"copy of {session}", rows)
            await super().add(session, rows)

    class TwiceChoking(Twice):
        def readable(self, texts: list[str]) -> list[Row]:
            return [json.loads(text) for text in texts]

    assert [outcome(history(each)).status for each in (ByTurns, Twice, TwiceChoking)] == ["pass", "pass", "fail"]


def test_values_of_redis_are_cut_and_mended(server: Server) -> None:
    with Wire() as wire, server.client() as client:
        client.set("text", "a word", ex=100)
        client.hset("of", mapping={"one": "a word", "two": "other"})
        client.rpush("list", "first", "a word")
        client.zadd("scores", {"a word": 1})
        reach = Reach("", wire)
        records = reach.holding("word", ["first"])
        assert sorted(each.where for each in records) == ["a string", "an element of a list", "one of a hash"]
        for each in records:
            each.cut("word")
        assert (client.get("text"), client.hgetall("of")[b"one"], client.lindex("list", 1)) == (b"a wo",) * 3
        assert int(client.ttl("text")) > 0
        for each in records:
            each.mend()
        assert (client.get("text"), client.lrange("list", 0, -1)) == (b"a word", [b"first", b"a word"])
        client.flushdb()
        reach.close()


def test_a_member_of_a_json_document_is_replaced_by_the_half_of_its_text() -> None:
    sent: list[tuple[Any, ...]] = []

    def on(_: Any, command: str, *given: Any) -> Any:
        sent.append((command, *given))
        return {"TYPE": b"ReJSON-RL", "JSON.GET": b'{"role": "user", "data": {"text": "a word"}}'}.get(command)

    keys: Any = SimpleNamespace(on=on)
    (record,) = [each for each in values_of(keys, "a key") if each.holds("word")]  # type: ignore[arg-type]  # is not looked at
    record.cut("word")
    record.mend()
    assert (record.where, sent[-2:]) == (
        "data of a JSON document",
        [("JSON.SET", '$["data"]', '"{\\"text\\": \\"a wo"'), ("JSON.SET", '$["data"]', '{"text": "a word"}')],
    )


def test_rows_of_postgresql_are_cut_and_mended_in_the_tables_that_are_named() -> None:
    with Postgres() as server, Wire() as wire, server.connect() as connection:
        connection.execute('CREATE TABLE "odd ""name" (n int, plain text, document jsonb, packed bytea)')
        connection.execute("CREATE TABLE theirs (plain text)")
        wire.sent.clear()
        told = ["a word", '{"text": "a word"}', b"\x00a word"]
        connection.execute('INSERT INTO "odd ""name" VALUES (1, %s, %s, %s), (2, %s, NULL, NULL)', [*told, "first"])
        with wire.aside():
            connection.execute("INSERT INTO theirs VALUES ('a word')")
        assert (wire.sent[-1].what, wire.received) == ("INSERT", 0)
        assert len(connection.execute("SELECT plain FROM theirs").fetchall()) == 1
        assert wire.received == len("a word")
        wire.sent.pop()  # which named a table of theirs
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("SELECT 22")
        assert [each.what for each in wire.sent[-2:]] == ["INSERT", "SELECT, SELECT"], "a pipeline goes at once"
        reach = Reach("", wire)
        records = reach.holding("word", ["first"])
        assert [each.where for each in records] == [f'odd "name.{each}' for each in ("plain", "document", "packed")]

        def kept() -> list[Any]:
            return connection.execute('SELECT plain, document, packed FROM "odd ""name" WHERE n = 1').fetchall()

        before = kept()
        for each in records:
            each.cut("word")
        assert kept() == [("a wo", '{"text": "a wo', b"\x00a wo")]
        for each in records:
            each.mend()
        assert kept() == before
        reach.close()
