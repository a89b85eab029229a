"""Every message of LangChain's comes back equal, whatever is in it, plain and sealed."""

from __future__ import annotations

import json
import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    InvalidToolCall,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolCall,
    ToolMessage,
    ToolMessageChunk,
)
from langchain_core.messages.ai import UsageMetadata
from pydantic import BaseModel

from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.messages.lossless import DEEPEST
from tests.servers import Server
from tests.sessions.backends import KEYS

TEXT = st.text(st.characters(codec=None))  # every plane, and lone surrogates too
NAME = st.none() | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
CONTENT = TEXT | st.lists(
    TEXT | st.builds(lambda text: {"type": "text", "text": text}, TEXT) | OBJECT.map(lambda more: more | {"type": "x"}),
    max_size=3,
)
SHARED = {"content": CONTENT, "id": NAME, "name": NAME, "additional_kwargs": OBJECT, "response_metadata": OBJECT}
CALLS = st.lists(st.builds(ToolCall, name=TEXT, args=OBJECT, id=NAME, type=st.just("tool_call")), max_size=2)
INVALID = st.lists(
    st.builds(InvalidToolCall, name=NAME, args=NAME, id=NAME, error=NAME, type=st.just("invalid_tool_call")), max_size=2
)
COUNT = st.integers(min_value=0)
USAGE = st.none() | st.builds(UsageMetadata, input_tokens=COUNT, output_tokens=COUNT, total_tokens=COUNT)


def of(kind: type[BaseMessage], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[BaseMessage]:
    return st.builds(kind, **SHARED, **more)


MESSAGES = st.one_of(
    of(HumanMessage),
    of(HumanMessageChunk),
    of(SystemMessage),
    of(SystemMessageChunk),
    of(AIMessage, tool_calls=CALLS, invalid_tool_calls=INVALID, usage_metadata=USAGE),
    of(AIMessageChunk, usage_metadata=USAGE),
    of(ChatMessage, role=TEXT),
    of(ChatMessageChunk, role=TEXT),
    of(ToolMessage, tool_call_id=TEXT, artifact=JSON, status=st.sampled_from(["success", "error"])),
    of(ToolMessageChunk, tool_call_id=TEXT, artifact=JSON),
    st.builds(FunctionMessage, content=TEXT, name=TEXT, additional_kwargs=OBJECT),
    TEXT.map(RemoveMessage),
)


@pytest.fixture(scope="module", params=["plain", "sealed"])
def stores(valkey: Server, request: pytest.FixtureRequest) -> Iterator[tuple[SessionStore, SessionStore]]:
    """One that remembers what it wrote, and one that reads all of it from Redis."""
    client = connect(valkey.url)
    keys = KEYS if request.param == "sealed" else ()
    yield SessionStore(client, encryption_keys=keys), SessionStore(client, encryption_keys=keys, cache_bytes=0)
    client.close()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=st.lists(MESSAGES, min_size=1, max_size=3), documents=st.lists(TEXT, max_size=2))
def test_every_message_comes_back_equal(
    stores: tuple[SessionStore, SessionStore], said: list[BaseMessage], documents: list[str]
) -> None:
    sid = uuid4().hex
    with stores[0].turn(sid) as turn:
        turn.commit(said, documents)
    for store in stores:
        found = store.messages(sid)
        assert found == said
        assert [type(message) for message in found] == [type(message) for message in said]
        assert repr(found) == repr(said)  # == takes 1 for True and 1.0
        kept = {document for record in store.records(sid) for document in record.documents}
        assert kept == set(documents)


EXAMPLES: list[BaseMessage] = [
    HumanMessage(""),
    HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:;,x"}}]),
    HumanMessage("naïve café \U0001f9e5 \U00020000 \x00 \ud800 e\u0301 \u202e", name="Zoë", id="run-1"),
    AIMessage("", tool_calls=[ToolCall(name="size", args={"chest": 1.5, "n": 2**70}, id="c1", type="tool_call")]),
    AIMessage("a", usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}, id="run-2"),
    AIMessage("b", additional_kwargs={"refusal": None}, response_metadata={"logprobs": {"t": [-0.0, 1e308, True]}}),
    AIMessage("c", response_metadata={"bound": float("inf")}),
    ToolMessage("52", tool_call_id="c1", artifact={"raw": [1, 2]}, status="error"),
    SystemMessage("s"),
    ChatMessage(content="r", role="critic"),
    FunctionMessage(content="f", name="old"),
    RemoveMessage("m1"),
]


def test_through_redis_and_another_process(client: Client, sid: str) -> None:
    SessionStore(client).append(sid, EXAMPLES)
    found = SessionStore(client).messages(sid)
    assert found == EXAMPLES
    assert [repr(message) for message in found] == [repr(message) for message in EXAMPLES]


def test_what_was_written_here_reads_as_what_others_would_read(client: Client, sid: str) -> None:
    store = SessionStore(client)
    store.append(sid, EXAMPLES)
    assert [repr(message) for message in store.messages(sid)] == [repr(message) for message in EXAMPLES]


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 52


class Fit(BaseModel):
    chest: int = 52


class Special(AIMessage):
    """A message of somebody's own."""


def nested(levels: int) -> object:
    value: object = "deep"
    for _ in range(levels):
        value = [value]
    return value


BAD = [
    *(object(), {1: "number as a key"}, {1, 2}, b"bytes", UUID(int=1), (1, 2), Colour.RED, Size.LARGE, Fit()),
    *({Colour.RED: 1}, datetime(2026, 1, 1), Decimal(1), frozenset(), nested(DEEPEST + 1), nested(700)),
]
ROOMS: dict[str, Callable[[Any], BaseMessage]] = {
    "AIMessage.additional_kwargs.it[0]": lambda bad: AIMessage("x", additional_kwargs={"it": [bad]}),
    "AIMessage.response_metadata.it": lambda bad: AIMessage("x", response_metadata={"it": bad}),
    "HumanMessage.mine": lambda bad: HumanMessage("x", mine=bad),
    "HumanMessage.content[0].it": lambda bad: HumanMessage([{"type": "x", "it": bad}]),
    "ToolMessage.artifact": lambda bad: ToolMessage("x", tool_call_id="1", artifact=bad),
    "AIMessage.tool_calls[0].args.it": lambda bad: AIMessage(
        "", tool_calls=[ToolCall(name="t", args={"it": bad}, id="1")]
    ),
}


@pytest.mark.parametrize("bad", BAD, ids=type)
@pytest.mark.parametrize("where", ROOMS)
@pytest.mark.parametrize("keys", [(), KEYS], ids=["plain", "sealed"])
def test_what_json_cannot_hold_is_refused_in_one_line_that_says_where(
    client: Client, sid: str, bad: object, where: str, keys: tuple[bytes, ...]
) -> None:
    store = SessionStore(client, encryption_keys=keys)
    with store.turn(sid) as turn, pytest.raises(TypeError) as refused:
        turn.commit([HumanMessage("fine"), ROOMS[where](bad)])
    told = str(refused.value)
    assert re.search("JSON cannot hold it; convert it first|more than 90 levels", told)
    assert told.startswith(where)
    assert "\n" not in told
    assert len(told) < 200
    assert store.messages(sid) == []
    assert store.info(sid) is None


def test_what_is_as_deep_as_it_may_be_comes_back(client: Client, sid: str) -> None:
    said = [ROOMS[where](nested(DEEPEST - 3)) for where in ROOMS]
    SessionStore(client).append(sid, said)
    assert SessionStore(client).messages(sid) == said


def test_what_equals_it_is_what_comes_back_of_a_subclass(client: Client, sid: str) -> None:
    said = [AIMessage("x", additional_kwargs=OrderedDict(text=AIMessage("x").text, many=defaultdict(list, a=[1])))]
    SessionStore(client).append(sid, said)
    assert SessionStore(client).messages(sid) == said


def changed(message: BaseMessage, **fields: object) -> BaseMessage:
    """As it becomes when somebody sets fields of it, which nothing validates."""
    message.__dict__.update(fields)
    return message


CHANGED: dict[str, BaseMessage] = {
    "AIMessage could not be read back (content": changed(AIMessage("x"), content=None),
    "HumanMessage could not be read back (additional_kwargs": changed(HumanMessage("x"), additional_kwargs=None),
    "AIMessage could not be read back (TypeError": changed(AIMessage("x"), tool_calls=[{"secret": "text"}]),
    "ToolMessage would come back with other tool_call_id": changed(ToolMessage("x", tool_call_id="1"), tool_call_id=7),
    "Special would come back as AIMessage": Special(content="x"),
}


@pytest.mark.parametrize("told", CHANGED)
def test_a_message_that_would_come_back_otherwise_is_refused(client: Client, sid: str, told: str) -> None:
    store = SessionStore(client)
    with store.turn(sid) as turn, pytest.raises(TypeError, match=re.escape(told)) as refused:
        turn.commit([HumanMessage("fine"), CHANGED[told]])
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert store.messages(sid) == []


SECRET = "TOPSECRET-PIN-1234"
DATA: dict[str, Any] = {"type": "human", "data": {"content": SECRET}}
HEAD = {"turn": 2, "at": 1.0, "id": "z:0"}
UNREADABLE: dict[str, object] = {
    "content, string_type": {**HEAD, **DATA, "data": {"content": {"my": SECRET}}},
    "usage_metadata, dict_type": {**HEAD, "type": "ai", "data": {"content": SECRET, "usage_metadata": [SECRET]}},
    "ValueError": {**HEAD, **DATA, "type": SECRET},
    "it has no turn": {**DATA, "at": 1.0, "id": "z:0"},
    "its turn or its id": {**HEAD, **DATA, "turn": SECRET},
    "its turn or its id is none": {**HEAD, **DATA, "id": {"my": SECRET}},
    "not a stored message: ": {**HEAD, **DATA, "at": SECRET},
    "TypeError": {**HEAD, **DATA, "data": [SECRET]},
    "too many levels": {**HEAD, **DATA, "data": {"content": SECRET, "additional_kwargs": {"k": nested(600)}}},
    "at character": f'{{"session_id":"{SECRET}\n{SECRET}',
}


@pytest.mark.parametrize("told", UNREADABLE)
def test_what_cannot_be_read_is_reported_in_one_line_without_its_text(
    client: Client, sid: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = SessionStore(client)
    store.append(sid, EXAMPLES[:1])
    value = UNREADABLE[told]
    raw = value if isinstance(value, str) else json.dumps({"session_id": sid, **value})  # type: ignore[dict-item]
    client.rpush(store.protocol.keys.history(SessionId(sid)), raw)
    assert store.messages(sid) == EXAMPLES[:1]
    (line,) = caplog.messages
    assert told in line
    assert "\n" not in line
    assert SECRET not in caplog.text
    assert [one.reason for one in store.quarantined(sid)] == ["corrupt"]
