"""SQL databases of other people's, read by their address: *.sql is what the packages themselves wrote.

langgraph-checkpoint-sqlite 3.1, langgraph-checkpoint-postgres 3.2 and openai-agents, each with the three conversations
of tests/inspector/layouts/databases.py.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from rag.errors import CrosswireError
from rag.inspector.databases import is_sql, opened
from rag.inspector.databases.engine import engine
from rag.inspector.forensics.scan import Report, scan
from rag.inspector.pace import Pace
from tests.commands.running import Call, caller, environment
from tests.crosstalk.run.postgres import Postgres
from tests.inspector.layouts.databases import CANARY, LEAK, langchain

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some chats.db"


def script(path: Path, text: str) -> str:
    """Run it on a file; its address."""
    with closing(sqlite3.connect(path)) as file:
        file.executescript(text)
    return f"sqlite:///{path}"


def message_store() -> str:
    rows = [(who, langchain(*one)) for who, said in LEAK.items() for one in said]
    values = ", ".join("('{}', '{}')".format(who, raw.replace("'", "''")) for who, raw in rows)
    return (
        "CREATE TABLE message_store (id INTEGER PRIMARY KEY, session_id TEXT, message TEXT);"
        f"INSERT INTO message_store (session_id, message) VALUES {values};"
    )


def rows() -> str:
    values = ", ".join(f"('{who}', '{role}', '{text}')" for who, said in LEAK.items() for role, text in said)
    return (
        "CREATE TABLE chats (id INTEGER PRIMARY KEY, chat_id TEXT, role TEXT, content TEXT);"
        f"INSERT INTO chats (chat_id, role, content) VALUES {values};"
    )


FILES = {
    "langgraph-sql": (HERE / "langgraph_sqlite.sql").read_text(),
    "openai-agents-sql": (HERE / "openai_agents.sql").read_text(),
    "langchain-sql": message_store(),
    "message-rows": rows(),
}
WITHOUT_BOB = {
    "langgraph-sql": "DELETE FROM checkpoints WHERE thread_id = 'bob'; DELETE FROM writes WHERE thread_id = 'bob';",
    "openai-agents-sql": "DELETE FROM agent_messages WHERE session_id = 'bob';",
    "langchain-sql": "DELETE FROM message_store WHERE session_id = 'bob';",
    "message-rows": "DELETE FROM chats WHERE chat_id = 'bob';",
}


def scanned(url: str, pace: Pace | None = None) -> Report:
    with opened(url) as database:
        return scan(database, canaries=(CANARY,), pace=pace)


@pytest.mark.parametrize("layout", FILES)
def test_a_leak_in_a_file_is_found(path: Path, layout: str) -> None:
    report = scanned(script(path, FILES[layout]), Pace(step=10))
    assert (report.verdict, report.layouts) == ("trouble", {layout: 3})
    (finding,) = [one for one in report.findings if one.kind == "canary"]
    assert finding.sessions[:2] == ("alice", "bob")
    assert report.messages == 6
    first = report.canaries[0].first
    assert first is not None
    assert (first.session, first.role) == ("alice", "user")


@pytest.mark.parametrize("layout", FILES)
def test_a_right_file_is_clean_and_not_written_to(path: Path, layout: str) -> None:
    url = script(path, FILES[layout] + WITHOUT_BOB[layout])
    before = path.read_bytes()
    report = scanned(url)
    assert (report.verdict, report.layouts, report.findings) == ("clean", {layout: 2}, [])
    assert path.read_bytes() == before


@pytest.mark.parametrize("layout", ["langgraph-sql", "langchain-sql", "message-rows"])
def test_on_postgresql(postgres: Postgres, layout: str) -> None:
    text = (HERE / "langgraph_postgres.sql").read_text() if layout == "langgraph-sql" else FILES[layout]
    numbered = text.replace("id INTEGER PRIMARY KEY", "id SERIAL PRIMARY KEY").replace("message TEXT", "message JSONB")
    with postgres.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(numbered)
    report = scanned(postgres.url)
    assert (report.verdict, report.layouts, report.messages) == ("trouble", {layout: 3}, 6)
    (finding,) = [one for one in report.findings if one.kind == "canary"]
    assert finding.sessions[:2] == ("alice", "bob")
    with postgres.connect() as connection:
        for table in postgres.tables():
            for column in ("thread_id", "session_id", "chat_id"):
                there = "SELECT 1 FROM information_schema.columns WHERE table_name = %s AND column_name = %s"
                if connection.execute(there, (table, column)).fetchone():
                    connection.execute(f"DELETE FROM {table} WHERE {column} = 'bob'")
    assert scanned(postgres.url).verdict == "clean"


def test_neither_can_be_written_to(path: Path, postgres: Postgres) -> None:
    for url in (script(path, "CREATE TABLE x (a)"), postgres.url):
        made, _ = engine(url)
        with made.connect() as connection, pytest.raises(SQLAlchemyError, match=r"read-?only"):
            connection.exec_driver_sql("CREATE TABLE written (a INTEGER)")
        made.dispose()


def test_what_is_encrypted_is_not_clean(path: Path) -> None:
    url = script(
        path, FILES["langgraph-sql"] + WITHOUT_BOB["langgraph-sql"] + "UPDATE writes SET type = 'msgpack+aes';"
    )
    report = scanned(url)
    assert (report.verdict, report.findings) == ("unknown", [])
    assert report.sealed == 2


def test_what_is_broken_is_said(path: Path) -> None:
    url = script(
        path, FILES["langgraph-sql"] + "UPDATE checkpoints SET checkpoint = X'81A161' WHERE thread_id = 'carol';"
    )
    report = scanned(url)
    assert report.counts["broken"] >= 1
    assert report.counts["canary"] == 1


def test_a_table_that_nobody_knows_is_named(path: Path) -> None:
    url = script(
        path,
        message_store() + WITHOUT_BOB["langchain-sql"] + "CREATE TABLE talks (who TEXT, utterance TEXT);"
        "INSERT INTO talks VALUES ('dave', 'Where is my parcel?');"
        "CREATE TABLE products (id INTEGER PRIMARY KEY, title TEXT, price REAL);"
        "INSERT INTO products VALUES (1, 'A blue kettle', 20);",
    )
    report = scanned(url)
    assert (report.verdict, [one.key for one in report.seen.unread]) == ("unknown", ["talks"])
    assert report.seen.names == {"table": ["products"]}


def test_several_products_in_one_file(path: Path) -> None:
    report = scanned(script(path, "".join(FILES[one] for one in ("openai-agents-sql", "langchain-sql"))))
    assert report.layouts == {"openai-agents-sql": 3, "langchain-sql": 3}
    assert report.counts["canary"] == 1


def test_an_empty_file_has_nothing(path: Path) -> None:
    assert scanned(script(path, "CREATE TABLE x (a); DROP TABLE x;")).verdict == "unknown"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///no/such.db", "there is no such file"),
        ("sqlite://", "there is no such file"),
        ("mysql://user:hunter2@host/db", "not from mysql"),
        ("postgresql://user:hunter2@127.0.0.1:1/db", "cannot be read"),
    ],
)
def test_what_cannot_be_opened_says_so_without_a_password(url: str, says: str) -> None:
    assert is_sql(url)
    with pytest.raises(CrosswireError, match=says) as refused, opened(url):
        pass
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("no database" * 100)
    with pytest.raises(CrosswireError, match="cannot be read"), opened(f"sqlite:///{path}"):
        pass


def test_by_the_command(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                        ) -> None:  # fmt: skip
    call: Call = caller(monkeypatch, capsys)
    env = environment(tmp_path / "state", COLUMNS="200")
    url = script(path, FILES["langgraph-sql"])
    ran = call("sessions", "scan", "--url", url, "--canary", CANARY, env=env)
    assert ran.returncode == 1
    assert "in message 0 of alice" in ran.stdout
    assert "of bob" in ran.stdout
    report = json.loads(call("sessions", "scan", "--url", url, "--canary", CANARY, "--json", "-", env=env).stdout)
    assert report["layouts"] == {"langgraph-sql": 3}
    assert call("sessions", "scan", "--url", "sqlite:///nope", env=env).returncode == 2
