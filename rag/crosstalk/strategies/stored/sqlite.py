"""SQLite by hand: each message has a number in its session, and a turn is stored only right behind what it read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, pair, question

TABLE = """CREATE TABLE IF NOT EXISTS message (
    session TEXT, place INTEGER, role TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (session, place)
) WITHOUT ROWID"""


class Sqlite(Strategy):
    name = "sqlite"
    title = "SQLite, one transaction per turn"
    place = 100
    lesson = (
        "One transaction per turn, refused if another turn was first: correct, with no lock held while the model "
        "thinks."
    )
    wrong = (
        "Correct, on one machine. A turn that another tab overtook asks the model again, and writers queue for one "
        "file."
    )
    fix = "None needed on one machine."

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.path = lab.folder / "history.sqlite"
        with closing(self.connect()) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(TABLE)

    def turn(self, asked: Asked) -> Steps:
        while True:
            yield "load"
            history = self.history(asked.session)
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save turn"
            if self.append(asked.session, len(history), pair(asked, answer)):
                return answer

    def append(self, session: str, place: int, messages: tuple[Message, Message]) -> bool:
        """False, and nothing is stored, if the session has grown since it was read."""
        rows = [(session, place + n, message.role, message.text) for n, message in enumerate(messages)]
        with closing(self.connect()) as database, database:
            try:
                database.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", rows)
            except sqlite3.IntegrityError:
                return False
        return True

    def history(self, session: str) -> list[Message]:
        with closing(self.connect()) as database:
            rows: list[Any] = database.execute(
                "SELECT role, text FROM message WHERE session = ? ORDER BY place", (session,)
            ).fetchall()
        return [Message(*row) for row in rows]

    def connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=30)
        database.execute("PRAGMA synchronous=NORMAL")
        return database
