"""A connection that cannot write, to an SQLite file or a PostgreSQL server.

SQLite opens its file with `mode=ro` (https://sqlite.org/uri.html); PostgreSQL is told that every transaction only reads
(`default_transaction_read_only`), and to give up a statement after a minute.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from rag.errors import CrosswireError

SECONDS = 60
_POSTGRES = ("postgresql", "postgres")


def is_sql(url: str) -> bool:
    """Whether this is the address of an SQL database, of whatever kind."""
    kind = url.partition("://")[0].partition("+")[0].lower()
    return kind in ("sqlite", "mysql", "mariadb", "mssql", "oracle", *_POSTGRES)


def engine(url: str) -> tuple[Engine, str]:
    """The engine, and what to call the database in messages, without a password. Raises CrosswireError."""
    try:
        place = make_url(url)
    except ArgumentError as exc:
        raise CrosswireError("That is no address of a database: expected sqlite:///file or postgresql://…") from exc
    target = place.render_as_string(hide_password=True)
    kind = place.drivername.partition("+")[0]
    if kind == "sqlite":
        return _sqlite(place, target), target
    if kind in _POSTGRES:
        return _postgres(place), target
    raise CrosswireError(f"{target}: histories are read from sqlite:///file and postgresql://…, not from {kind}.")


@contextmanager
def sql_errors(target: str) -> Iterator[None]:
    """What the driver raises, as a CrosswireError in one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as exc:
        reason = str(getattr(exc, "orig", None) or exc).strip().splitlines() or [type(exc).__name__]
        raise CrosswireError(f"{target} cannot be read: {reason[0].rstrip('.')}. Check the address.") from exc


def _sqlite(place: URL, target: str) -> Engine:
    path = Path(place.database or "")
    if not path.is_file():
        raise CrosswireError(
            f"{target}: there is no such file. Name a database as sqlite:///relative or sqlite:////path."
        )
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False), poolclass=QueuePool
    )


def _postgres(place: URL) -> Engine:
    options = f"-c default_transaction_read_only=on -c statement_timeout={SECONDS * 1000}"
    return create_engine(
        place.set(drivername="postgresql+psycopg"), connect_args={"options": options, "connect_timeout": 10}
    )
