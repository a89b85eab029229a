"""On SQL databases: LangChain's SQLChatMessageHistory, langchain-postgres', and two plain statements over an index."""

from __future__ import annotations

import threading
import uuid
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import psycopg
from langchain_core.messages import BaseMessage
from sqlalchemy import (
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    text,
)

from rag.web.bench.servers import NotInstalled
from rag.web.bench.stores.base import LAST, Bench, Store, dumped, langchain, loaded, one_each
from rag.web.bench.stores.sql_servers import mariadb, postgres

THREADS = 16
PATIENCE = 60
"""Seconds that SQLite waits for its one lock."""

_SAYS = {
    "postgresql": ("SELECT current_setting('server_version')", "SELECT current_setting('synchronous_commit')", {"on"}),
    "mysql": ("SELECT version()", "SELECT @@innodb_flush_log_at_trx_commit", {"1"}),
    "sqlite": ("SELECT sqlite_version()", "PRAGMA synchronous", {"2", "3"}),
}
"""By dialect: what tells the version, what tells whether a commit is on the disk, and what means that it is."""
_NAMES = {"postgresql": "PostgreSQL", "mysql": "MariaDB", "sqlite": "SQLite"}


def on_postgres(bench: Bench) -> Iterator[Store]:
    address = bench.stack.enter_context(postgres(bench.folder))
    engine = _engine(bench, address.replace("postgresql://", "postgresql+psycopg://"))
    yield from _both(engine)
    if find_spec("langchain_postgres") is None:
        raise NotInstalled("langchain-postgres", "pip install langchain-postgres")
    yield _langchain_postgres(address, bench, *_says(engine))


def on_mariadb(bench: Bench) -> Iterator[Store]:
    yield from _both(_engine(bench, bench.stack.enter_context(mariadb(bench.folder))))


def on_sqlite(bench: Bench) -> Iterator[Store]:
    """With a write-ahead log, as whoever has several writers sets it."""
    engine = _engine(bench, f"sqlite:///{bench.folder / 'histories.sqlite'}", connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def ahead(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    yield from _both(engine)


def _engine(bench: Bench, address: str, **more: Any) -> Engine:
    engine = create_engine(address, pool_size=THREADS, **more)
    bench.stack.callback(engine.dispose)
    return engine


def _says(engine: Engine) -> tuple[str, str]:
    which, asked, yes = _SAYS[engine.dialect.name]
    with engine.connect() as connection:
        number = str(connection.execute(text(which)).scalar()).partition("-")[0].partition(" ")[0]
        found = str(connection.execute(text(asked)).scalar())
    return f"{_NAMES[engine.dialect.name]} {number}", "before the answer" if found in yes else f"no ({found})"


def _both(engine: Engine) -> Iterator[Store]:
    says = _says(engine)
    yield _langchain(engine, *says)
    yield _plain(engine, *says)


def _langchain(engine: Engine, version_of: str, flushed: str) -> Store:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.chat_message_histories import SQLChatMessageHistory
    make = partial(SQLChatMessageHistory, connection=engine)
    return langchain("langchain-community", version_of, flushed, one_each(make))


def _plain(engine: Engine, version_of: str, flushed: str) -> Store:
    table = Table(
        "said",
        meta := MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("session", String(64), nullable=False),
        Column("message", Text, nullable=False),
    )
    Index("said_session", table.c.session, table.c.id)
    meta.create_all(engine)
    adding = insert(table)

    def write(session: str, messages: Sequence[BaseMessage]) -> None:
        with engine.begin() as connection:
            connection.execute(adding, [{"session": session, "message": dumped(message)} for message in messages])

    def read(session: str) -> list[BaseMessage]:
        newest = select(table.c.message).where(table.c.session == session).order_by(table.c.id.desc()).limit(LAST)
        with engine.connect() as connection:
            return loaded(list(reversed(connection.execute(newest).scalars().all())))

    return Store("plain table", version_of, flushed, read, write)


def _langchain_postgres(address: str, bench: Bench, version_of: str, flushed: str) -> Store:
    """One connection a thread, which its users share out themselves."""
    from langchain_postgres import PostgresChatMessageHistory  # type: ignore[import-not-found, unused-ignore]

    mine, table = threading.local(), "histories"
    with psycopg.connect(address) as connection:
        PostgresChatMessageHistory.create_tables(connection, table)

    def of(session: str) -> Any:
        if not hasattr(mine, "connection"):
            mine.connection = psycopg.connect(address)
            bench.stack.callback(mine.connection.close)
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, session))
        return PostgresChatMessageHistory(table, name, sync_connection=mine.connection)

    return langchain("langchain-postgres", version_of, flushed, of)
