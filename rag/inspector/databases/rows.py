"""Rows of a table, fetched in bounded steps, at the pace of a walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Engine, LargeBinary, Select, String, Table, Text, cast, func, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from rag.inspector.databases.engine import sql_errors
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import TEXT, TRIP

SOME = 200
"""Rows that one query asks for by their keys."""


class Source:
    """An engine, and how its queries are asked. target: what to call the database in messages."""

    def __init__(self, engine: Engine, target: str) -> None:
        self.engine = engine
        self.target = target

    def ask(self, pace: Pace, query: Select[Any]) -> list[tuple[Any, ...]]:
        with sql_errors(self.target):
            return pace(self._ask, query)

    def _ask(self, query: Select[Any]) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def count(self, tables: Sequence[Table]) -> int:
        with sql_errors(self.target), self.engine.connect() as connection:
            return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)

    def each(self, table: Table, column: str, pace: Pace, *others: str) -> Iterator[list[tuple[Any, ...]]]:
        """Every value of a column that is unique or indexed, with others beside it, in order, a step at a time."""
        key, last = table.c[column], None
        wanted = select(key, *[table.c[name] for name in others]).order_by(key).limit(pace.step)
        wanted = wanted if others else wanted.distinct()
        while True:
            rows = self.ask(pace, wanted if last is None else wanted.where(key > last))
            if rows:
                yield rows
            if len(rows) < pace.step:
                return
            last = rows[-1][0]

    def values(
        self,
        table: Table,
        where: ColumnElement[bool],
        columns: Sequence[str],
        pace: Pace,
        too_large: Callable[[tuple[Any, ...]], object],
    ) -> Iterator[dict[str, Any]]:
        """These columns of the rows that match, in the order of the table's key. Rows of more than 4 MB are told of."""
        keys = list(table.primary_key.columns)
        sizes = sum((func.coalesce(func.length(plain(table.c[name])), 0) for name in columns), start=func.length(""))
        known = self.ask(pace, select(*keys, sizes).where(where).order_by(*keys))
        part, size = list[tuple[Any, ...]](), 0
        for *key, used in known:
            if used > TEXT:
                too_large(tuple(key))
                continue
            if part and (size + used > TRIP or len(part) >= SOME):
                yield from self._at(table, keys, part, columns, pace)
                part, size = [], 0
            part.append(tuple(key))
            size += used
        if part:
            yield from self._at(table, keys, part, columns, pace)

    def _at(
        self, table: Table, keys: Sequence[Column[Any]], at: Sequence[Any], columns: Sequence[str], pace: Pace
    ) -> Iterator[dict[str, Any]]:
        chosen = keys[0].in_([one for (one,) in at]) if len(keys) == 1 else tuple_(*keys).in_(at)
        query = select(*[plain(table.c[name]).label(name) for name in columns]).where(chosen).order_by(*keys)
        for row in self.ask(pace, query):
            yield dict(zip(columns, row, strict=True))


def is_text(column: Column[Any]) -> bool:
    return isinstance(column.type, String | Text | JSON | LargeBinary) or "JSON" in str(column.type).upper()


def plain(column: Column[Any]) -> ColumnElement[Any]:
    """As it is stored: bytes as bytes, and all else as a text."""
    return column if isinstance(column.type, LargeBinary) else cast(column, Text)
