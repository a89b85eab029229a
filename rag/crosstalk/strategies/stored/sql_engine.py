"""A database by its address, SQLAlchemy's: it is reached at once or the error says in one line why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag.errors import CrosswireError
from rag.settings import without_password

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

CONNECTIONS = 16
"""Of one process. PostgreSQL takes a hundred unless it is told otherwise."""
SECONDS = 5
"""To connect to a server."""
FREE_SECONDS = 30
"""For a connection of a full pool to become free."""
LOCK_SECONDS = 60
"""For the one lock of an SQLite file, which is not given out in turn: in four processes that serve 64 turns at once,
some wait nearly as long as all others together. With SQLite's own 5 seconds up to 2 % of the turns fail with “database
is locked”, which is a matter of this setting and not of how turns are stored."""


def open_engine(address: str) -> Engine:
    """Raises CrosswireError where it cannot be read or nobody answers."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    shown = without_password(address)
    try:
        url = _url(address)
        if url.get_backend_name() == "sqlite":
            return create_engine(url, connect_args={"timeout": LOCK_SECONDS})
        engine = create_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=FREE_SECONDS,
            connect_args={"connect_timeout": SECONDS} if url.get_backend_name() == "postgresql" else {},
        )
    except (ArgumentError, NoSuchModuleError, ValueError) as exc:
        raise CrosswireError(
            f"{shown!r} is not the address of a database that is known here ({_line(exc)}). "
            "Expected postgresql://user:password@host:5432/database.",
            "The database of this strategy is not set up correctly. Choose another strategy.",
        ) from exc
    except ImportError as exc:
        raise CrosswireError(
            f"The driver for {shown!r} is not installed ({exc}). Install it, or leave +… out of the address."
        ) from exc
    try:
        with reached(address):
            engine.connect().close()
    except CrosswireError:
        engine.dispose()
        raise
    return engine


@contextmanager
def reached(address: str | None) -> Iterator[None]:
    """Raises CrosswireError for what the database, or the way to it, refuses."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as exc:
        raise CrosswireError(
            f"The database {without_password(address or 'of this run')} cannot be used "
            f"({_line(getattr(exc, 'orig', None) or exc)}). Check that it runs, and its name, user and password.",
            "The database of this strategy cannot be used right now. Choose another strategy.",
        ) from exc


def _url(address: str) -> URL:
    from sqlalchemy import make_url

    url = make_url(address)
    # Hosts hand out postgres://, which SQLAlchemy does not read, and its plain postgresql:// may mean another driver.
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def _line(problem: object) -> str:
    """Without the password, and without what libpq adds about each address of a name."""
    lines = without_password(str(problem)).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__
