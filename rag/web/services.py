"""What the HTTP side needs of the application. `rag.services.Services` has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from langchain_core.messages import BaseMessage

from rag.chat import EventStream


class StoredMessage(Protocol):
    @property
    def message(self) -> BaseMessage: ...
    @property
    def turn(self) -> int: ...
    @property
    def at(self) -> float: ...


class Store(Protocol):
    def records(self, session_id: str) -> Sequence[StoredMessage]: ...
    def ttl(self, session_id: str) -> float | None: ...
    def clear(self, session_id: str) -> bool: ...
    def health(self) -> object: ...


class Library(Protocol):
    def health(self) -> None: ...
    def forget(self, session_id: str) -> None: ...


class Chat(Protocol):
    def stream(self, session_id: str, text: str) -> EventStream: ...


class Services(Protocol):
    @property
    def store(self) -> Store: ...
    @property
    def library(self) -> Library: ...
    @property
    def chat(self) -> Chat: ...
