"""Stored records that are damaged from outside, and mended again, wherever a store keeps its texts as text.

That is in the tables of the SQLite files in its folder, in the Redis keys that its commands name, and in the PostgreSQL
tables that its statements name. No other record is touched than one that holds a word of this very trial.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rag.audit.kit.contract import NotApplicable
from rag.audit.kit.expiry import Key, Keys
from rag.audit.kit.wire import Wire

_HEADER = b"SQLite format 3\0"
MOST_ELEMENTS = 10_000
"""Of a list, fields of a hash or rows of a table that are looked through: somebody else's may be longer."""
MOST_BYTES = 10_000_000
"""Of a value that is looked through."""
NOT_REACHED = (
    "no record of it can be damaged from outside: none is found as text in an SQLite file of its folder, nor in the "
    "Redis keys and the PostgreSQL tables that its commands name"
)


@dataclass(frozen=True)
class Record:
    """A stored value: a cell of a table, an element of a list, a field of a hash, a member of a JSON document."""

    where: str
    held: Any
    """Its text, or its bytes."""
    write: Callable[[Any], None]
    """Put this in its place: half of a text, or the text that was there."""

    def holds(self, word: str) -> bool:
        return (word.encode() if isinstance(self.held, bytes) else word) in self.held

    def cut(self, word: str) -> None:
        """Cut it off in the middle of the word."""
        self.write(
            self.held[: self.held.index(word.encode() if isinstance(self.held, bytes) else word) + len(word) // 2]
        )

    def mend(self) -> None:
        self.write(self.held)


class Reach:
    """All the records that a store can be seen to have. To be made while its connections are open; then closed."""

    def __init__(self, folder: str, wire: Wire) -> None:
        self.folder = folder
        self.keys = Keys(wire)
        self.named = sorted(self.keys.named())
        self.statements = b" ".join(
            words[0] for each in wire.sent if each.client == "psycopg" for words in each.commands
        )
        self.database: Any = next(
            filter(None, map(beside_postgres, [s.link for s in wire.sent if s.client == "psycopg"])), None
        )

    def holding(self, word: str, neighbours: list[str]) -> list[Record]:
        """Those that hold the word, and no neighbour's.

        Raises NotApplicable if there are none, or if each holds a neighbour's word as well: it is then more than one
        message.
        """
        found = [each for each in self._records(word) if each.holds(word)]
        alone = [each for each in found if not any(map(each.holds, neighbours))]
        if not alone:
            places = ", ".join(sorted({each.where for each in found}))
            raise NotApplicable(f"a message is not one record of its own: {places}" if found else NOT_REACHED)
        return alone

    def _records(self, word: str) -> Iterator[Record]:
        for file in sorted(Path(self.folder).rglob("*")) if self.folder else ():
            if file.is_file() and file.open("rb").read(len(_HEADER)) == _HEADER:
                yield from cells_of(str(file), word)
        for key in self.named:
            with contextlib.suppress(Exception):  # a word that names no key, or one of another node
                yield from values_of(self.keys, key)
        if self.database is not None:
            yield from rows_of(self.database, self.statements, word)

    def close(self) -> None:
        self.keys.close()
        if self.database is not None:
            self.database.close()


def cells_of(file: str, word: str) -> Iterator[Record]:
    """Of the tables of an SQLite file, those with the word."""
    with closing(sqlite3.connect(file, timeout=5)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            for _, column, *_ in _execute(database, "PRAGMA table_info({})", table):
                having = "SELECT {} FROM {} WHERE instr(CAST({} AS TEXT), ?)"
                for (cell,) in _execute(database, having, column, table, column, given=(word,)):
                    if isinstance(cell, (str, bytes)):
                        yield Record(f"{table}.{column}", cell, _Cell(file, table, column, cell))


class _Cell:
    """Writes a cell of an SQLite file; it is known by what it holds."""

    def __init__(self, file: str, table: str, column: str, held: Any) -> None:
        self.file = file
        self.names = (table, column, column)
        self.held = held

    def __call__(self, value: Any) -> None:
        with closing(sqlite3.connect(self.file, timeout=5, isolation_level=None)) as database:
            _execute(database, "UPDATE {} SET {} = ? WHERE {} = ?", *self.names, given=(value, self.held))
        self.held = value


def _execute(database: sqlite3.Connection, form: str, *names: str, given: tuple[Any, ...] = ()) -> list[Any]:
    """With names of tables and columns put in, quoted as SQL wants it."""
    return database.execute(form.format(*map(_quoted, names)), given).fetchall()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def values_of(keys: Keys, key: Key) -> Iterator[Record]:
    """What a Redis key holds. Raises what the server does."""
    kind = keys.on(key, "TYPE")
    match kind.decode() if isinstance(kind, bytes) else kind:
        case "string" if keys.on(key, "STRLEN") <= MOST_BYTES:
            yield Record("a string", keys.on(key, "GET"), lambda value: keys.on(key, "SET", value, "KEEPTTL"))
        case "list":
            for n, each in enumerate(keys.on(key, "LRANGE", 0, MOST_ELEMENTS - 1)):
                yield Record("an element of a list", each, partial(keys.on, key, "LSET", n))
        case "hash" if keys.on(key, "HLEN") <= MOST_ELEMENTS:
            for field, each in keys.on(key, "HGETALL").items():
                name = field.decode(errors="replace")
                yield Record(f"{name} of a hash", each, partial(keys.on, key, "HSET", field))
        case "ReJSON-RL":
            for name, each in json.loads(keys.on(key, "JSON.GET")).items():
                yield Record(
                    f"{name} of a JSON document", json.dumps(each, ensure_ascii=False), _Member(keys, key, name)
                )


class _Member:
    """Writes a member of a JSON document; where that is no JSON, as a string of it."""

    def __init__(self, keys: Keys, key: Key, name: str) -> None:
        self.keys = keys
        self.key = key
        self.path = f"$[{json.dumps(name)}]"

    def __call__(self, value: str) -> None:
        self.keys.on(self.key, "JSON.SET", self.path, as_json(value))


def as_json(text: str) -> str:
    """The same if it is JSON, else a string of it."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


def beside_postgres(link: Any) -> Any:
    """A connection of our own to the database of one that is open; None if it is not."""
    psycopg = sys.modules["psycopg"]
    try:
        given = {**link.info.get_parameters(), "password": link.info.password, "options": "-c statement_timeout=5s"}
        return psycopg.connect(**given, autocommit=True)
    except psycopg.Error:
        return None


_COLUMNS = (
    "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns WHERE data_type IN "
    "('text', 'character varying', 'json', 'jsonb', 'bytea') "
    "AND table_schema NOT IN ('pg_catalog', 'information_schema')"
)
_HELD = "SELECT DISTINCT {column}{text} FROM {table} WHERE position(%s in {column}{text}) > 0 LIMIT %s"
_WRITTEN = "UPDATE {table} SET {column} = %s{cast} WHERE {column}{text} = %s RETURNING {column}{text}"


def rows_of(database: Any, statements: bytes, word: str) -> Iterator[Record]:
    """Of the PostgreSQL tables that the statements name, the cells with the word."""
    sql = sys.modules["psycopg"].sql
    for schema, table, column, kind in database.execute(_COLUMNS).fetchall():
        if table.replace('"', '""').encode() in statements:
            binary = kind == "bytea"
            named = {
                "table": sql.Identifier(schema, table),
                "column": sql.Identifier(column),
                "text": sql.SQL("" if binary else "::text"),
                "cast": sql.SQL(f"::{kind}"),
            }
            wanted = (word.encode() if binary else word, MOST_ELEMENTS)
            written = sql.SQL(_WRITTEN).format(**named)
            for (cell,) in database.execute(sql.SQL(_HELD).format(**named), wanted).fetchall():
                yield Record(f"{table}.{column}", cell, _Row(database, written, cell, is_json="json" in kind))


class _Row:
    """Writes a cell of a PostgreSQL table, which is known by what it holds; where that has to be JSON and is none, as a
    string of it.
    """

    def __init__(self, database: Any, written: Any, held: Any, *, is_json: bool) -> None:
        self.database = database
        self.written = written
        self.held = held
        self.is_json = is_json

    def __call__(self, value: Any) -> None:
        given = (as_json(value) if self.is_json else value, self.held)
        self.held = self.database.execute(self.written, given).fetchone()[0]
