"""What is asked of every store: the last messages of a session, and a question and its answer stored after them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict

LAST = 40
"""Messages that a chat reads for its prompt."""

Answer = Callable[[list[BaseMessage]], Sequence[BaseMessage]]
"""From the messages that were read to those that are stored."""


@dataclass(slots=True)
class Store:
    """One way to keep histories. `flushed`: when an acknowledged turn is on the disk, as the server itself says.

    `read` gives the last messages of a session, oldest first; `write` stores some after them. Both are called by many
    threads, each session by one at a time. `turn`: both, for a store that holds the session meanwhile.
    """

    name: str
    version: str
    flushed: str
    read: Callable[[str], list[BaseMessage]]
    write: Callable[[str, Sequence[BaseMessage]], object]
    turn: Callable[[str, Answer], object] = field(init=False)

    def __post_init__(self) -> None:
        self.turn = self._apart

    def _apart(self, session: str, answer: Answer) -> None:
        self.write(session, answer(self.read(session)))


def langchain(package: str, version_of: str, flushed: str, of: Callable[[str], Any]) -> Store:
    """What is of LangChain's `BaseChatMessageHistory`. of: a session's."""
    return Store(
        f"{package.removeprefix('langchain-')} {version(package)}",
        version_of,
        flushed,
        lambda session: cast(list[BaseMessage], of(session).messages[-LAST:]),
        lambda session, messages: of(session).add_messages(messages),
    )


def one_each(make: Callable[[str], Any]) -> Callable[[str], Any]:
    """A session's, made when it is asked for the first time, one after the other: the first one may make a table."""
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def of(session: str) -> Any:
        with lock:
            if session not in made:
                made[session] = make(session)
            return made[session]

    return of


@dataclass(slots=True)
class Bench:
    """folder: scratch; stack: what is closed at the end."""

    folder: Path
    stack: ExitStack


def pair(question: str, answer: str) -> list[BaseMessage]:
    return [HumanMessage(question), AIMessage(answer)]


def dumped(message: BaseMessage) -> str:
    return json.dumps(message_to_dict(message))


def loaded(lines: Sequence[Any]) -> list[BaseMessage]:
    return messages_from_dict([json.loads(line) for line in lines])
