"""LangChain's SQLChatMessageHistory, over SQLite, or PostgreSQL where an address is given.

It is made for each request, as its documentation has it, and that is slow: each one declares and maps a table's class
of its own and looks whether the table exists, and SQLAlchemy compiles every statement for it anew. Of the 10 ms of
processor time that a turn takes beside 63 others, all but some tenths are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING

from rag.crosstalk.checker.anomalies import INTERLEAVED_TURNS, STALE_PROMPT, kinds
from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question
from rag.crosstalk.strategies.plain_messages import langchain, plain
from rag.crosstalk.strategies.stored.sql_engine import open_engine, reached

if TYPE_CHECKING:
    from langchain_community.chat_message_histories import SQLChatMessageHistory


class Sql(Strategy):
    name = "sql"
    title = "SQL, read and write apart"
    place = 110
    lesson = "A database keeps users apart and loses nothing. It does not know that a turn began with a read."
    wrong = (
        "The pair is stored in one transaction, but the read before it is not part of that: two tabs read the same "
        "history, answer without each other, and both are stored. A server with many writers, such as PostgreSQL, "
        "assigns row numbers outside of transactions: now and then one tab's question and answer end up between the "
        "other's. SQLite has one writer at a time."
    )
    seen = ("LangChain's RunnableWithMessageHistory over any of its histories",)
    fix = "Make the write depend on the read: number the places that must still be free, or lock the session."
    expects_tabs = kinds(STALE_PROMPT)

    def __init__(self, lab: Lab) -> None:
        from langchain_community.chat_message_histories import SQLChatMessageHistory

        super().__init__(lab)
        self.engine = open_engine(lab.sql_url or f"sqlite:///{lab.folder / 'langchain.sqlite'}")
        self.kind = SQLChatMessageHistory
        self.table = table_of(lab)
        with reached(lab.sql_url):
            self.nobody = self.of("nobody")  # makes the table, which two turns at once may not

    @classmethod
    def possible(cls, lab: Lab, *, tabs: int = 1, processes: int = 1, restart: bool = False) -> frozenset[str]:
        beside = super().possible(lab, tabs=tabs, processes=processes, restart=restart)
        return beside | kinds(INTERLEAVED_TURNS) if lab.sql_url and tabs > 1 else beside

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        stored = self.of(asked.session)
        history = plain(stored.messages)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        stored.add_messages(langchain(pair(asked, answer)))  # the bug
        return answer

    def history(self, session: str) -> list[Message]:
        # Nobody's request: to map a class for each of all sessions takes ten times as long as to read them.
        stored = copy(self.nobody)
        stored.session_id = session
        with reached(self.lab.sql_url):
            return plain(stored.messages)

    def of(self, session: str) -> SQLChatMessageHistory:
        return self.kind(session_id=session, connection=self.engine, table_name=self.table)

    def forget(self, sessions: Sequence[str]) -> None:
        del sessions
        if self.lab.sql_url is not None:
            from sqlalchemy import MetaData, Table

            with reached(self.lab.sql_url):
                Table(self.table, MetaData()).drop(self.engine, checkfirst=True)

    @classmethod
    def left(cls, lab: Lab) -> str:
        return f"Its table stays in the database until you run DROP TABLE {table_of(lab)}" if lab.sql_url else ""

    def close(self) -> None:
        self.engine.dispose()


def table_of(lab: Lab) -> str:
    """Letters, digits and underscores: it needs no quotes."""
    return re.sub(r"\W", "_", f"crosswire_{lab.prefix}".rstrip(":"))
