"""The list of messages that a turn hands out is a list like any other, and nobody else's."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.sessions.messages.copy_on_read import CopyOnRead


def shared() -> list[BaseMessage]:
    return [
        HumanMessage("one"),
        AIMessage("two", response_metadata={"sources": [{"title": "t"}]}),
        HumanMessage("three"),
        AIMessage("four", tool_calls=[{"name": "n", "args": {"deep": [1]}, "id": "c"}]),
    ]


def done(call: Callable[..., None], *arguments: Any) -> Any:
    """Call it with all arguments but the last, which is the result."""
    call(*arguments[:-1])
    return arguments[-1]


LOOKS: dict[str, Callable[[list[BaseMessage]], Any]] = {
    "index": lambda found: [found[1], found[-1]],
    "slice": lambda found: found[1:],
    "slice backwards": lambda found: found[::-2],
    "iter": lambda found: [*found],
    "list": list,
    "tuple": tuple,
    "reversed": lambda found: list(reversed(found)),
    "add": lambda found: found + [HumanMessage("x")],  # noqa: RUF005
    "radd": lambda found: [HumanMessage("x")] + found,  # noqa: RUF005
    "copy": copy.copy,
    "copy method": lambda found: found.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda found: pickle.loads(pickle.dumps(found)),
    "sorted": lambda found: sorted(found, key=lambda message: message.text),
    "pop": lambda found: [found.pop(), found.pop(0)],
    "append": lambda found: done(found.append, HumanMessage("x"), found),
    "reverse": lambda found: done(found.reverse, found),
    "multiply": lambda found: found * 2,
    "slice assignment": lambda found: done(found.__setitem__, slice(0, 1), [], found),
    "extending another": lambda found: done((another := [HumanMessage("x")]).extend, found, another),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_whatever_is_done_with_it_it_does_what_a_list_does_and_shares_nothing(
    look: Callable[[list[BaseMessage]], Any],
) -> None:
    kept, plain = shared(), shared()
    copies = CopyOnRead(kept)
    result = look(copies)
    assert list(result) == list(look(plain))
    assert copies == plain
    for message in (*result, *copies):
        assert not any(message is one for one in kept)
        message.content = "changed"
        for source in message.response_metadata.get("sources", []):
            source["title"] = "changed"
        if isinstance(message, AIMessage) and message.tool_calls:
            message.tool_calls[0]["args"]["deep"].append(2)
    assert kept == shared()


def test_what_is_changed_stays_changed() -> None:
    copies = CopyOnRead(shared())
    copies[2].content = "changed"
    assert [message.text for message in copies] == ["one", "two", "changed", "four"]
    assert copies[2] is copies[2] is list(copies)[2]


def test_only_what_is_looked_at_is_copied() -> None:
    copies = CopyOnRead(shared())
    assert len(copies) == 4
    assert bool(copies)
    assert copies == shared()
    assert sum(copies._mine or b"") == 0
    next(newest := reversed(copies))
    assert list(copies._mine or b"") == [0, 0, 0, 1]
    copies[-2:]
    assert list(copies._mine or b"") == [0, 0, 1, 1]
    del copies[1:]
    assert [*newest] == []


def test_outside_of_it_is_an_index_error() -> None:
    copies = CopyOnRead(shared())
    for index in (4, -5):
        with pytest.raises(IndexError):
            copies[index]
