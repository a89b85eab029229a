"""CopyOnRead as they are copies out: copies of what is kept, so that nobody can change what a later turn will see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, SupportsIndex, overload

from langchain_core.messages import BaseMessage

from rag.sessions.messages.codec import duplicate


class CopyOnRead(list[BaseMessage]):
    """A list of messages that belong to its owner: each is copied when it is first looked at, and only then."""

    __slots__ = ("_mine",)

    def __init__(self, shared: Iterable[BaseMessage] = ()) -> None:
        list.__init__(self, shared)
        self._mine: bytearray | None = bytearray(len(self))
        """Which ones are copies; None: all of them."""

    def _own(self, places: Iterable[int]) -> None:
        if (mine := self._mine) is not None:
            for place in places:
                if not mine[place]:
                    list.__setitem__(self, place, duplicate(list.__getitem__(self, place)))
                    mine[place] = 1

    @overload
    def __getitem__(self, index: SupportsIndex) -> BaseMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[BaseMessage]: ...
    def __getitem__(self, index: Any) -> Any:
        if self._mine is not None:
            places = range(len(self))[index]  # raises what a list raises
            self._own(places if isinstance(places, range) else (places,))
        return list.__getitem__(self, index)

    def __iter__(self) -> Iterator[BaseMessage]:
        place = 0
        while place < len(self):  # it may grow meanwhile, as any list
            yield self[place]
            place += 1

    def __reversed__(self) -> Iterator[BaseMessage]:
        for place in range(len(self) - 1, -1, -1):
            if place >= len(self):  # it has become shorter
                return
            yield self[place]

    def __radd__(self, other: list[Any]) -> list[Any]:
        return [*other, *self]

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[Any, ...]:
        return list, ([*self],)


def _taking(name: str) -> Any:
    plain = getattr(list, name)

    def method(self: CopyOnRead, *args: Any, **kwargs: Any) -> Any:
        self._own(range(len(self)))
        self._mine = None
        return plain(self, *args, **kwargs)

    return method


# What moves messages to other places, or hands out all of them, first copies them all.
for _name in (
    *("__setitem__", "__delitem__", "__add__", "__iadd__", "__mul__", "__rmul__", "__imul__"),
    *("append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear", "copy"),
):
    setattr(CopyOnRead, _name, _taking(_name))
