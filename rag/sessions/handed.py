"""Messages as they are handed out: copies of what is kept, so that nobody can change what a later turn will see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Self, SupportsIndex, overload

from langchain_core.messages import BaseMessage

from rag.sessions.codec import StoredMessage, duplicate


class Messages(list[BaseMessage]):
    """A list of messages that belong to its owner: they are copied when they are first looked at."""

    __slots__ = ("_mine",)

    def __init__(self, shared: Iterable[BaseMessage] = ()) -> None:
        list.__init__(self, shared)
        self._mine = False

    def _take(self) -> Self:
        if not self._mine:
            self._mine = True
            super().__setitem__(slice(None), [duplicate(message) for message in super().__iter__()])
        return self

    @overload
    def __getitem__(self, index: SupportsIndex) -> BaseMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[BaseMessage]: ...
    def __getitem__(self, index: Any) -> Any:
        return list.__getitem__(self._take(), index)

    def __iter__(self) -> Iterator[BaseMessage]:
        return list.__iter__(self._take())

    def __reversed__(self) -> Iterator[BaseMessage]:
        return list.__reversed__(self._take())

    def __add__(self, other: list[Any]) -> list[Any]:
        return [*self, *other]

    def __radd__(self, other: list[Any]) -> list[Any]:
        return [*other, *self]

    def copy(self) -> list[BaseMessage]:
        return [*self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, ([*self],)


def _taking(name: str) -> Any:
    plain = getattr(list, name)

    def method(self: Messages, *args: Any, **kwargs: Any) -> Any:
        return plain(self._take(), *args, **kwargs)

    return method


for _name in (
    *("__setitem__", "__delitem__", "__iadd__", "__imul__", "__mul__", "__rmul__"),
    *("append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear"),
):
    setattr(Messages, _name, _taking(_name))


def duplicate_record(record: StoredMessage) -> StoredMessage:
    return replace(record, message=duplicate(record.message))
