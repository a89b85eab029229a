"""Histories that others wrote: recognised, read right, and never written to."""

from __future__ import annotations

import json
import warnings
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from rag.errors import CrosswireError
from rag.inspector import LAYOUTS, Filter, Inspector
from rag.inspector.actions.changes import Changes
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export, restore
from rag.inspector.forensics.scan import scan
from rag.inspector.layouts.lists import LARGEST
from rag.inspector.pace import Pace
from rag.inspector.parsing.message_parsers import document, llama_index
from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client
from tests import needs
from tests.inspector.stored_sessions import Place, stored
from tests.servers import Server

TALK: list[BaseMessage] = [
    SystemMessage("Be kind."),
    HumanMessage("What is the weather in Ghent?"),
    AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Ghent"}, "id": "c1", "type": "tool_call"}]),
    ToolMessage("12 °C", tool_call_id="c1"),
    AIMessage("12 °C and rain.", usage_metadata={"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}),
]
ROLES = [
    ("system", "Be kind."),
    ("user", "What is the weather in Ghent?"),
    ("assistant", ""),
    ("tool", "12 °C"),
    ("assistant", "12 °C and rain."),
]


def said(inspector: Inspector, sid: str) -> list[tuple[str, str]]:
    view = inspector.view(sid)
    assert view is not None
    assert not any(element.said.problem for element in view.elements)
    return [(element.said.role, element.said.text) for element in view.elements]


def community(server: Server, sid: str, messages: list[BaseMessage], **options: Any) -> None:
    """As langchain-community's own class writes it."""
    needs.package("langchain_community")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.chat_message_histories import RedisChatMessageHistory

        RedisChatMessageHistory(sid, url=server.url, **options).add_messages(messages)


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:10]}:"


def other(client: Client, name: str, prefix: str) -> Inspector:
    return Inspector(client, SessionStore(client), LAYOUTS[name], prefix)


def test_langchain_communitys_class(server: Server, client: Client, prefix: str, sid: str) -> None:
    community(server, sid, TALK, key_prefix=prefix, ttl=100)
    inspector = other(client, "community", prefix)
    assert said(inspector, sid) == ROLES
    view = inspector.view(sid)
    assert view is not None
    assert [(key.name, key.type, key.length) for key in view.keys] == [(prefix + sid, "list", 5)]
    assert 90 < (view.keys[0].ttl or 0) <= 100
    assert view.elements[4].said.tokens == 25
    (row,) = inspector.page().rows
    assert (row.info.id, row.info.messages) == (sid, 5)


def test_the_classic_list(client: Client, prefix: str) -> None:
    for message in TALK:
        client.rpush(f"{prefix}Zoë, the 2nd", stored(message))
    assert said(other(client, "classic", prefix), "Zoë, the 2nd") == ROLES


LLAMA = [
    {"role": "system", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Be kind."}]},
    {
        "role": "user",
        "additional_kwargs": {},
        "blocks": [
            {"block_type": "text", "text": "What is the weather "},
            {"block_type": "image", "url": "http://127.0.0.1/x.png"},
            {"block_type": "text", "text": "in Ghent?"},
        ],
    },
    {"role": "assistant", "additional_kwargs": {"tool_calls": [{"id": "c1"}]}, "blocks": []},
    {"role": "tool", "additional_kwargs": {"tool_call_id": "c1"}, "content": "12 °C"},
    {"role": "assistant", "content": "12 °C and rain.", "additional_kwargs": {}},
]
"""What LlamaIndex' `ChatMessage.model_dump_json()` gives, in both of its forms."""


def test_llama_index(client: Client, prefix: str, sid: str) -> None:
    client.rpush(prefix + sid, *map(json.dumps, LLAMA))
    client.rpush(f"{prefix}queue:tasks", "job-1", "job-2")
    client.set(f"{prefix}text", "no list")
    inspector = other(client, "llama-index", prefix)
    assert said(inspector, sid) == ROLES
    assert [row.info.id for row in inspector.page().rows] == [sid]
    found = scan(inspector.histories)
    assert (found.sessions, found.findings, found.endless) == (1, [], 1)


def test_a_list_that_would_fill_the_memory_is_named_and_not_read(client: Client, prefix: str) -> None:
    client.rpush(f"{prefix}huge", stored(HumanMessage("x" * LARGEST)))
    client.expire(f"{prefix}huge", 100)
    client.rpush(f"{prefix}deep", b"[" * 100_000, b'{"type": "human", "data": ' * 5000, b'{"type": ' + b"9" * 5000)
    client.rpush(f"{prefix}good", stored(HumanMessage("Hello")))
    inspector = other(client, "classic", prefix)
    (huge,) = inspector.histories.read(["huge"], Pace())
    assert list(huge.elements) == []
    assert "at most 64 are read" in huge.wrong[f"{prefix}huge"]
    assert {row.info.id for row in inspector.page().rows} == {"huge", "good"}
    (finding,) = [one for one in scan(inspector.histories).findings if one.kind == "broken"]
    assert finding.sessions == ("huge",)
    assert "at most 64 are read" in finding.explanation
    client.delete(f"{prefix}huge")


@pytest.mark.parametrize("name", ["crosswire", "classic", "community", "llama-index"])
def test_what_they_hold_tells_whose_they_are(server: Server, client: Client, prefix: str, sid: str, name: str) -> None:
    match name:
        case "crosswire":
            SessionStore(client, key_prefix=prefix).append(sid, TALK)
        case "classic":
            client.rpush(prefix + sid, *map(stored, TALK))
        case "community":
            community(server, sid, TALK, key_prefix=prefix)
        case "llama-index":
            client.rpush(prefix + sid, *map(json.dumps, LLAMA))
    inspector = Inspector(client, SessionStore(client, key_prefix=prefix)).of("auto", prefix)
    assert said(inspector, sid) == ROLES
    assert scan(inspector.histories).layouts == {name: 1}


def test_a_format_that_nobody_knows_is_refused(client: Client) -> None:
    with pytest.raises(CrosswireError, match="is no format of histories"):
        Inspector(client, SessionStore(client)).of("mongo")


def test_a_document_of_langchain_redis() -> None:
    value = {
        "type": "human",
        "message_id": "01J9ZK3V9W3T1R7Q5M2N8B4C6D",
        "data": {"content": "Hello", "additional_kwargs": {}, "type": "human"},
        "session_id": "ada",
        "timestamp": 1795246481.5,
    }
    one = document(json.dumps(value).encode(), "ada")
    assert (one.role, one.text, one.at, one.place, one.problem) == (
        "user",
        "Hello",
        1795246481.5,
        value["message_id"],
        "",
    )
    assert document(json.dumps(value).encode(), "Ada").problem == "foreign"
    assert document(b"{}", "ada").problem == "corrupt"


def test_a_server_without_the_module_says_so(client: Client, prefix: str) -> None:
    inspector = other(client, "langchain-redis", prefix)
    for act in (inspector.page, lambda: inspector.view("ada"), lambda: scan(inspector.histories)):
        with pytest.raises(CrosswireError, match="has no JSON module"):
            act()


@pytest.mark.parametrize("raw", [b"{", b"7", b'{"role": 7}', b'{"role": "user", "blocks": 7}', b"\xff"])
def test_what_is_no_message_of_llama_index_says_so(raw: bytes) -> None:
    assert llama_index(raw, "x").problem == "corrupt"


@pytest.mark.parametrize("name", ["classic", "community", "llama-index"])
def test_they_are_only_read(place: Place, client: Client, prefix: str, sid: str, name: str) -> None:
    lines = list(map(json.dumps, LLAMA) if name == "llama-index" else map(stored, TALK))
    client.rpush(prefix + sid, *lines[:: -1 if name == "community" else 1])
    before = client.dump(prefix + sid)
    theirs = other(client, name, prefix)
    with pytest.raises(CrosswireError, match="only read here"):
        Changes(theirs, "somebody")
    (session,) = read_export(export(theirs, [sid]).written("json"))
    for act in (import_new, restore):
        with pytest.raises(CrosswireError, match="only read here"):
            act(theirs, session, "somebody")
    theirs.search(Filter(text="rain"))
    scan(theirs.histories)
    assert client.dump(prefix + sid) == before
    sid_here = import_new(place.inspector, session, "somebody")
    assert [text for _, text in said(place.inspector, sid_here)] == [text for _, text in ROLES]


def test_what_has_no_index_says_so(client: Client, prefix: str) -> None:
    with pytest.raises(CrosswireError, match="needs an index"):
        other(client, "classic", prefix).overview()


def test_trouble_in_a_list_of_others(client: Client, prefix: str) -> None:
    pairs = {
        "greeted": [AIMessage("Hello, how may I help?"), HumanMessage("Hm."), AIMessage("Yes?")],
        "asking": [HumanMessage("One?"), AIMessage("One."), HumanMessage("Two?")],
        "twice": [HumanMessage("One?"), HumanMessage("Two?"), AIMessage("Two.")],
        "answers": [HumanMessage("One?"), AIMessage("One."), AIMessage("Who asked?")],
        "tools": TALK,
    }
    for sid, messages in pairs.items():
        client.rpush(prefix + sid, *map(stored, messages))
        client.expire(prefix + sid, 100)
    found = scan(other(client, "classic", prefix).histories)
    assert {(one.kind, one.sessions[0]) for one in found.findings} == {
        ("question-without-answer", "twice"),
        ("answer-without-question", "answers"),
    }
