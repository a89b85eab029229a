"""Every message of LangChain's comes back equal, whatever is in it, plain and sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

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

from rag.sessions import SessionStore, connect
from rag.sessions.connect import Client
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


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


@pytest.mark.parametrize("bad", [object(), {1: "number as a key"}, {1, 2}, b"bytes"], ids=type)
def test_what_json_cannot_hold_is_refused_in_one_line(client: Client, sid: str, bad: object) -> None:
    store = SessionStore(client)
    with store.turn(sid) as turn, pytest.raises(TypeError, match="JSON cannot hold it") as refused:
        turn.commit([AIMessage("x", additional_kwargs={"it": bad})])
    assert "\n" not in str(refused.value)
    assert store.messages(sid) == []
