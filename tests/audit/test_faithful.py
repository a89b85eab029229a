"""What counts as a difference, what is damaged from outside, and what is refused instead of lost."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

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
