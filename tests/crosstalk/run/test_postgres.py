"""The strategy `sql` on a real PostgreSQL: what it gets right and wrong there, and what it leaves behind: nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rag.crosstalk import Lab, Workload, simulate
from rag.crosstalk.strategies.stored.sql import Sql
from rag.errors import CrosswireError
from tests.crosstalk.run.postgres import PASSWORD, Postgres
from tests.crosstalk.strategies.judging import judge
from tests.servers import free_port


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture
def there(lab: Lab, server: Postgres) -> Iterator[Lab]:
    """A lab on that server, which somebody else uses too."""
    yield replace(lab, sql_url=server.url)
    assert server.tables() == []


@pytest.mark.parametrize("changes", [{}, {"processes": 2, "tabs": 2}, {"restart": True}], ids=str)
def test_it_shows_what_it_is_listed_with_and_leaves_nothing(there: Lab, changes: dict[str, Any]) -> None:
    found = judge("sql", there, seed=4, users=25, **changes)
    by_chance = {"interleaved-turns"} if "tabs" in changes else set()
    assert found.keys() - by_chance == ({"stale-prompt"} if "tabs" in changes else set())


def test_a_server_numbers_the_rows_outside_of_transactions(there: Lab, server: Postgres) -> None:
    """Two tabs store their pairs at once: each is one transaction, and they still end up between one another."""
    one, other = Sql(there), Sql(there)
    with server.connect() as first, server.connect() as second, first.transaction(), second.transaction():
        for role in ("human", "ai"):
            for connection, text in ((first, "first"), (second, "second")):
                message = json.dumps({"type": role, "data": {"content": text, "type": role}})
                connection.execute(f"INSERT INTO {one.table} (session_id, message) VALUES ('ada', %s)", (message,))
        assert other.history("ada") == []
    assert [message.text for message in one.history("ada")] == ["first", "second"] * 2
    one.forget(["ada"])
    one.close()
    other.close()


def test_what_others_keep_there_is_left_alone(lab: Lab, server: Postgres) -> None:
    """LangChain's own table has the same shape and the name that everybody uses."""
    with server.connect() as connection:
        connection.execute("CREATE TABLE message_store (id int, session_id text, message text)")
        connection.execute("INSERT INTO message_store VALUES (1, 'mine', 'hello')")
    judge("sql", replace(lab, sql_url=server.url), seed=1, users=5)
    with server.connect() as connection:
        assert connection.execute("SELECT * FROM message_store").fetchall() == [(1, "mine", "hello")]
        connection.execute("DROP TABLE message_store")


def test_the_short_form_of_the_address_is_read(there: Lab, server: Postgres) -> None:
    short = server.url.replace("postgresql://", "postgres://")
    result = simulate("sql", Workload(users=4, turns=2, latency="0.001"), lab=replace(there, sql_url=short))
    assert result.report.verdict == "isolated"


def test_an_address_that_cannot_be_used_is_one_line_without_its_password(lab: Lab, server: Postgres) -> None:
    nobody = f"postgresql://tester:{PASSWORD}@127.0.0.1:{free_port()}/lab"
    for url, said in (
        (nobody, "cannot be used"),
        (server.url.replace("/lab", "/nowhere"), 'database "nowhere" does not exist'),
        (server.url.replace(PASSWORD, "wr0ng"), "password authentication failed"),
        (server.url.replace("postgresql", "postgresql+nothing"), "is not the address of a database that is known here"),
        (f"postgresql://tester:{PASSWORD}@127.0.0.1:five/lab", "is not the address of a database"),
        (f"tester:{PASSWORD}", "is not the address of a database"),
        (server.url.replace("postgresql", "postgresql+pg8000"), "is not installed"),
    ):
        with pytest.raises(CrosswireError) as caught:
            simulate("sql", Workload(users=4), lab=replace(lab, sql_url=url))
        message = str(caught.value)
        assert said in message
        assert "\n" not in message
        assert PASSWORD not in message or "://" not in url
        assert "wr0ng" not in message
    with pytest.raises(CrosswireError, match=r"could not be started: The database .* cannot be used"):
        simulate("sql", Workload(users=4), lab=replace(lab, sql_url=nobody), apart=True)
