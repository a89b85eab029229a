"""All histories of one SQL database together; what no reader takes is looked at, and named if it could hold some."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import MetaData, Table, func, inspect, select
from sqlalchemy.exc import SAWarning

from rag.inspector.databases.engine import engine, sql_errors
from rag.inspector.databases.readers import BLOBS, STATES, WRITES, Checkpoints, Messages, form_of
from rag.inspector.databases.rows import Source, is_text, plain
from rag.inspector.layouts.together import Together
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import BEGINNING, Look
from rag.inspector.parsing.suspects import suspicion

PEEK = 5
"""Rows of a table that no reader takes, from which it is told whether it could hold messages."""


class Database(Together):
    client: Source

    def __init__(self, source: Source, tables: Sequence[Table]) -> None:
        super().__init__(source, "", source.target)
        self._tables = tables
        self._others = self._taken(tables)

    def total(self) -> int:
        return self.client.count(self._tables)

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        self.begin()
        for name, reader in self.readers.items():
            for rows, sessions in reader.ids(pace):
                self.seen.keys += rows
                yield rows, [self.known_as(session, name) for session in sessions]
        for table in self._others:
            self._look(table, pace)
            yield 0, []

    def _taken(self, tables: Sequence[Table]) -> list[Table]:
        """Make the readers. The tables that none of them takes."""
        rest = []
        by_columns = {table: set(table.c.keys()) for table in tables}
        states = [table for table, columns in by_columns.items() if columns >= STATES]
        for table, columns in by_columns.items():
            if columns >= STATES or (states and (columns >= WRITES or columns >= BLOBS)):
                continue
            form = form_of(table)
            if form is None:
                rest.append(table)
            else:
                self._add(Messages(self.client, table, form))
        for table in states:
            beside = [one for one, columns in by_columns.items() if one.schema == table.schema
                      and one not in states and (columns >= BLOBS or columns >= WRITES)]  # fmt: skip
            self._add(Checkpoints(self.client, table, beside))
        return rest

    def _add(self, reader: Messages | Checkpoints) -> None:
        """Under its layout's name; a second one of a layout also under its table's."""
        name = reader.layout.name
        self.readers[f"{name}, {reader.tables[0].name}" if name in self.readers else name] = reader

    def _look(self, table: Table, pace: Pace) -> None:
        columns = [column for column in table.c if is_text(column)]
        shown = [func.substr(plain(column), 1, BEGINNING) for column in columns]
        rows = self.client.ask(pace, select(*shown).limit(PEEK)) if columns else []
        names = [column.name.encode() for column in columns]
        for row in rows:
            cells = {name: _bytes(cell) for name, cell in zip(names, row, strict=True) if cell is not None}
            look = Look(table.name.encode(), "table", parts=tuple(cells.values()), fields=cells)
            if why := suspicion(look, self.spots):
                self.seen.doubt(look, why)
                return
        self.seen.other(Look(table.name.encode(), "table"))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The histories at this address, read-only. Raises CrosswireError."""
    made, target = engine(url)
    try:
        with sql_errors(target):
            tables = _tables(Source(made, target))
        yield Database(Source(made, target), tables)
    finally:
        made.dispose()


def _tables(source: Source) -> list[Table]:
    """Of every schema that is not the server's own."""
    found = inspect(source.engine)
    schemas: list[str | None] = [None]
    if source.engine.dialect.name == "postgresql":
        schemas = [one for one in found.get_schema_names() if one != "information_schema" and not one.startswith("pg_")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # types that only an extension knows, such as vectors
        return [
            Table(name, MetaData(), schema=schema, autoload_with=source.engine)
            for schema in schemas
            for name in found.get_table_names(schema=schema)
        ]


def _bytes(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | bytearray | memoryview) else str(cell).encode()
