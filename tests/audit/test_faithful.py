"""What counts as a difference, what is damaged from outside, and what is refused instead of lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS, faithful
from rag.audit.kit.differing import difference, given_an_id, kind_of
from rag.audit.kit.opening import Target
from rag.audit.results import Outcome
from rag.audit.run.trying import tried
from tests.audit import stores
from tests.audit.planted.faces import history, session
from tests.audit.planted.faithful import Hiding, writing


def outcome(check: str, make: Any) -> Outcome:
    return asyncio.run(tried(CHECKS[check], Target(make, ADAPTERS)))


def test_a_difference_is_named_by_its_innermost_field_and_an_id_is_none() -> None:
    before = AIMessage("hi", additional_kwargs={"kept": [1, {"two": None}]})
    after = AIMessage("hi", additional_kwargs={"kept": [1, {"two": "none"}]})
    assert difference(before, before, "AIMessage") == ""
    assert (
        difference(before, after, "AIMessage")
        == "AIMessage.additional_kwargs['kept'][1]['two'] was None, and is 'none' (str)."
    )
    assert difference(before, HumanMessage("hi"), kind_of(before)).endswith("(HumanMessage).")
    assert "['more'] was 1, and is gone" in difference({"more": 1}, {}, "item")
    assert "['more'] was not there, and is 1" in difference({}, {"more": 1}, "item")
    assert difference({"n": [1, 2]}, {"n": [1, 3]}, "item") == "item['n'][1] was 2, and is 3."
    assert kind_of({"type": "reasoning"}) == "reasoning"
    assert given_an_id(before, before.model_copy(update={"id": "m1"}))
    assert given_an_id({"role": "user"}, {"role": "user", "id": "m1"})
    assert not given_an_id(before, after.model_copy(update={"id": "m1"}))
    assert not given_an_id({"id": "m1"}, {"id": "m2"})
    assert not given_an_id({"role": "user"}, {"role": "user"})


def test_what_comes_after_a_damaged_record_is_valid_too() -> None:
    assert "reply after broken" in outcome("faithful.corrupt", session(Hiding)).evidence


def test_a_refusal_is_no_loss_and_says_so() -> None:
    def refused(value: Any) -> Any:
        if isinstance(value, str) and (len(value) > 65_536 or "\0" in value or "\udc80" in value):
            raise ValueError("not here")
        return value

    for check in ("faithful.texts", "faithful.surrogate", "faithful.large"):
        found = outcome(check, history(writing(refused)))
        assert (found.status, "refused (ValueError)" in " ".join(found.tried)) == ("pass", True)


def test_a_replay_can_be_written_whatever_was_said() -> None:
    found = outcome("faithful.surrogate", stores.Session)
    assert found.status == "pass"
    assert "\\udc80" in repr(found.replay).encode("utf-8").decode()


def test_a_slow_store_gets_fewer_messages_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faithful, "time", SimpleNamespace(monotonic=count(time.monotonic() + 100, step=10).__next__))
    assert outcome("faithful.many", stores.Session).tried == [
        "async: 100 messages of 10020: a limit beyond is not seen"
    ]


class Plain(InMemoryChatMessageHistory):
    """A history of this process alone, whose calls never come between each other. Right as it is."""

    name: str = ""

    async def aget_messages(self) -> list[BaseMessage]:
        return self.messages

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        self.add_messages(messages)

    async def aclear(self) -> None:
        self.clear()


class Twice(Plain):
    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        super().add_messages([*messages, *messages])


class Numbering(Plain):
    """Gives each message an id."""

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        super().add_messages([each.model_copy(update={"id": each.id or f"m{len(self.messages)}"}) for each in messages])


class Shut(Plain):
    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        raise ValueError("not here")


class Choosy(Plain):
    """Knows plain ids alone."""

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        if not self.name.endswith("plain"):
            raise ValueError("no such id")
        super().add_messages(messages)


class Narrow(Plain):
    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        if len(messages) > faithful.FIRST:
            raise ValueError("too many at once")
        super().add_messages(messages)


class Unreadable(Plain):
    """From the first message on."""

    async def aget_messages(self) -> list[BaseMessage]:
        if self.messages:
            raise ValueError("it cannot be decoded")
        return []


class Waiting(Unreadable):
    async def aget_messages(self) -> list[BaseMessage]:
        await asyncio.sleep(0)
        return await super().aget_messages()


class Refusing(Plain):
    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        await asyncio.sleep(0)
        raise ValueError("not here")


class Backwards(Plain):
    async def aget_messages(self) -> list[BaseMessage]:
        return self.messages[::-1]


class Keeping(Plain):
    """Nothing of it can be deleted."""

    def clear(self) -> None: ...


class Away(Plain):
    """Nothing can be read of it but that it is there."""

    async def aget_messages(self) -> list[BaseMessage]:
        if not self.name.startswith("probe"):
            raise ConnectionError("its server is away")
        return []


class Jammed(Plain):
    """After the first one."""

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        if self.messages:
            raise ValueError("it is locked")
        super().add_messages(messages)


@pytest.mark.parametrize(
    ("kind", "check", "status", "told"),
    [
        (Plain, "faithful.messages", "pass", "each in a conversation of its own"),
        (Shut, "faithful.messages", "unknown", "is refused (ValueError: not here)"),
        (Twice, "faithful.messages", "fail", "was written, and 2 messages are read"),
        (Numbering, "faithful.messages", "pass", "was given an id"),
        (Unreadable, "faithful.messages", "fail", "cannot be read: ValueError: it cannot be decoded"),
        (Shut, "faithful.many", "not applicable", "100 messages are refused: ValueError"),
        (Narrow, "faithful.many", "pass", "200 more are refused (ValueError)"),
        (Backwards, "faithful.many", "fail", "none is missing: the order is wrong"),
        (Choosy, "apart.case", "not applicable", "such ids are refused"),
        (Keeping, "apart.clear", "fail", "alice clears"),
        (Unreadable, "apart.shared-read", "unknown", "The store raised ValueError: it cannot be decoded"),
        (Shut, "apart.shared-write", "unknown", "The store raised ValueError: not here"),
        (Waiting, "apart.shared-read", "unknown", "The store raised ValueError: it cannot be decoded"),
        (Refusing, "apart.shared-write", "pass", "alice's write was refused: ValueError"),
        (Away, "whole.failed-turn", "unknown", "A turn whose model answers is refused: ConnectionError"),
        (Plain, "whole.failed-turn", "pass", ""),
        (Away, "whole.pairs", "unknown", "Neither of two overlapping turns was answered"),
        (Shut, "whole.pairs", "unknown", "Nothing is stored of turns that were acknowledged"),
        (Shut, "whole.overlapping-turns", "fail", "was acknowledged and is stored 0 times"),
        (Jammed, "async.not-blocking", "unknown", "The store raised ValueError: it is locked"),
        (Plain, "async.not-blocking", "pass", ""),
        (Plain, "whole.clock-back", "not applicable", "asks no clock"),
        (Backwards, "whole.clock-back", "not applicable", "it does not keep the order under a clock that runs either"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_store_that_refuses_or_changes_what_it_is_told_is_judged_by_what_it_says(
    monkeypatch: pytest.MonkeyPatch, kind: type[Plain], check: str, status: str, told: str
) -> None:
    monkeypatch.setattr(faithful, "ADDED", 700)

    def make(session_id: str) -> Any:
        return kind(name=session_id)

    target = Target(make, ADAPTERS)
    trial = replace(CHECKS[check], lanes=("async",))
    found = asyncio.run(tried(trial, target))
    assert (found.status, told in " ".join([found.evidence, *found.tried])) == (status, True), found
