"""Readers of tables: one message a row (LangChain's SQL history, OpenAI Agents' sessions), and LangGraph's checkpoints.

Tables are told by their columns, since each product lets their names be chosen. Sources: langchain-community's
`SQLChatMessageHistory`, langchain-postgres' `PostgresChatMessageHistory`, openai-agents' `SQLiteSession` and
`SQLAlchemySession`, langgraph-checkpoint-sqlite and -postgres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Integer, Table

from rag.inspector.databases.rows import Source
from rag.inspector.layouts.base import Histories, Layout, Stored
from rag.inspector.layouts.scattered import LONGEST, KeyIndex
from rag.inspector.pace import Pace
from rag.inspector.parsing.checkpoints import Thread, element
from rag.inspector.parsing.looks import Look
from rag.inspector.parsing.message_parsers import classic
from rag.inspector.parsing.spoken import lenient, spoken

LANGCHAIN = Layout("langchain-sql", "LangChain's SQL history", "", None, lenient(classic), alternates=False)
AGENTS = Layout("openai-agents-sql", "OpenAI Agents' sessions", "", None, spoken, alternates=False)
ROWS = Layout("message-rows", "a message a row", "", None, spoken, alternates=False)
LANGGRAPH = Layout("langgraph-sql", "LangGraph checkpoints", "", None, element, alternates=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Which columns a table of messages has. role: of the column that says who speaks, if the text does not."""

    layout: Layout
    session: tuple[str, ...]
    text: tuple[str, ...]
    role: tuple[str, ...] = ()


FORMS = (
    Form(AGENTS, ("session_id",), ("message_data",)),
    Form(
        ROWS,
        ("session_id", "conversation_id", "thread_id", "chat_id"),
        ("content", "text", "message"),
        ("role", "sender", "message_type", "type"),
    ),
    Form(LANGCHAIN, ("session_id",), ("message",)),
)
STATES = {"thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint"}
WRITES = {"thread_id", "checkpoint_id", "task_id", "idx", "channel", "type"}
BLOBS = {"thread_id", "checkpoint_ns", "channel", "version", "type", "blob"}


def form_of(table: Table) -> tuple[Form, str, str, str] | None:
    """A table of messages: its form, and the columns of session, text and (or empty) role. It needs a numbered key."""
    keys = list(table.primary_key.columns)
    if len(keys) != 1 or not isinstance(keys[0].type, Integer):
        return None
    for form in FORMS:
        session, text, role = (_first(table, names) for names in (form.session, form.text, form.role))
        if session and text and (role or not form.role):
            return form, session, text, role
    return None


def _first(table: Table, names: Sequence[str]) -> str:
    return next((name for name in names if name in table.c), "")


class Tabled(Histories):
    """Readers of tables. client: the source of their rows."""

    client: Source

    def __init__(self, source: Source, layout: Layout, tables: Sequence[Table]) -> None:
        super().__init__(source, layout, "", source.target)
        self.tables = tables

    def total(self) -> int:
        return self.client.count(self.tables)

    def too_large(self, table: Table, key: Sequence[Any]) -> None:
        """A row that is not read."""
        look = Look(f"{table.name} {', '.join(map(str, key))}".encode(), "row")
        self.seen.doubt(look, "it takes more than 4 MB, and is not read")


class Messages(Tabled):
    """A table with a message a row."""

    def __init__(self, source: Source, table: Table, form: tuple[Form, str, str, str]) -> None:
        kind, self._session, self._text, self._role = form
        super().__init__(source, kind.layout, [table])
        self._table = table
        self._key = next(iter(table.primary_key.columns)).name
        self._index = KeyIndex()

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        self._index = KeyIndex()
        for rows in self.client.each(self._table, self._key, pace, self._session):
            self._index.add((str(session), key.to_bytes(8, "big"), b"%d" % key) for key, session in rows)
            yield len(rows), []
        for sessions in self._index.sessions():
            yield 0, sessions

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        del first
        found = []
        for session in ids:
            keys = [int(key) for key in self._index.keys(session)]
            if len(keys) >= LONGEST:
                self.seen.doubt(Look(session.encode(), "rows"), f"only its first {LONGEST:,} rows are read")
            lines = list(self._lines(keys, pace))
            if lines:
                found.append(Stored(session, lines, len(lines), {}))
        return found

    def _lines(self, keys: Sequence[int], pace: Pace) -> Iterator[bytes]:
        columns = [self._text, *([self._role] if self._role else [])]
        for start in range(0, len(keys), pace.step):
            where = self._table.c[self._key].in_(keys[start : start + pace.step])
            for row in self.client.values(
                self._table, where, columns, pace, lambda key: self.too_large(self._table, key)
            ):
                yield self._line(row)

    def _line(self, row: Mapping[str, Any]) -> bytes:
        text = row[self._text]
        if not self._role:
            return text if isinstance(text, bytes) else str(text).encode()
        plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return orjson.dumps({"role": str(row[self._role]).lower(), "content": plain or ""})


class Checkpoints(Tabled):
    """LangGraph's tables. A session is a thread, in all of its namespaces."""

    def __init__(self, source: Source, states: Table, others: Sequence[Table]) -> None:
        super().__init__(source, LANGGRAPH, [states, *others])

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        for table in self.tables:
            for rows in self.client.each(table, "thread_id", pace):
                yield len(rows), [str(thread) for (thread,) in rows]

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        del first
        found = []
        for session in ids:
            thread = Thread()
            for table in self.tables:
                self._add(thread, table, session, pace)
            found.append(Stored(session, thread.lines, len(thread.lines), {}))
        return found

    def _add(self, thread: Thread, table: Table, session: str, pace: Pace) -> None:
        held = next(name for name in ("checkpoint", "value", "blob") if name in table.c)
        channel = "channel" in table.c
        columns = ["type", held, *(["channel"] if channel else [])]
        where = table.c.thread_id == session
        for row in self.client.values(table, where, columns, pace, lambda key: self.too_large(table, key)):
            data = row[held]
            # PostgreSQL keeps the checkpoint itself as JSON, whatever its type says, and its channels' values apart.
            kind = "json" if isinstance(data, str) and not channel else row["type"]
            thread.add(kind, data, row["channel"] if channel else "")
