"""What is told from a value alone: whether it could hold messages, what it says, and that no value does harm."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import time
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.inspector.layouts.recognised import claimed_by
from rag.inspector.layouts.registry import LAYOUTS
from rag.inspector.parsing import checkpoints
from rag.inspector.parsing.checkpoints import Thread, element, from_base64
from rag.inspector.parsing.looks import JSON, Look
from rag.inspector.parsing.msgpack import unpacked
from rag.inspector.parsing.spoken import conversation, said_in, spoken
from rag.inspector.parsing.suspects import suspicion

CHAT = [{"role": "user", "content": "Where is my parcel?"}, {"role": "assistant", "content": "On its way."}]


def text(value: object) -> bytes:
    return (
        value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    )


COULD: dict[str, object] = {
    "one message": CHAT[0],
    "messages of several": {"alice": CHAT, "bob": CHAT},
    "JSON in JSON": {"state": json.dumps({"log": [CHAT[0]]})},
    "a name and a text": {"from": "alice", "text": "Where is my parcel?"},
    "a pair": {"prompt": "Where is it?", "response": "On its way."},
    "a transcript": "Human: Where is my parcel?\nAI: On its way.",
    "bold names": "**User**: Where is it?\n**Assistant**: On its way.",
    "a chat template": "<|im_start|>user\nWhere is it?<|im_end|>",
    "sentences": ["Where is my parcel?", "It is on its way to you."],
    "a pickle": pickle.dumps(CHAT),
    "gzip": gzip.compress(text(CHAT)),
    "zlib": zlib.compress(text(CHAT)),
    "base64": base64.b64encode(text(CHAT)),
    "cut off": text(CHAT)[:-5],
    "Java": b"\xac\xed\x00\x05sr\x00\x30org.springframework.ai.chat.messages.UserMessage\x00",
}
COULD_NOT: dict[str, object] = {
    "a number": "42",
    "a date": "2026-11-27T10:00:00Z",
    "a flag": "true",
    "an id": "7f6e9a52-9a3c-4b8e-8f63-0d5a3f1c2b4e",
    "a vector": b"\x00\x80?\x00\x00\x00@\x00\x00@@" * 50,
    "HTML": "<!doctype html><p>User: hello</p><p>Assistant: hi</p>",
    "a user": {"id": 7, "type": "user", "name": "Bob", "bio": "I like you"},
    "a role without text": {"role": "user", "permissions": ["read"]},
    "a text without speaker": {"title": "Kettle", "content": "A kettle for your kitchen"},
    "a job": {"class": "SendMail", "args": [1, 2], "retry": True},
    "a task": {"body": "W10=", "headers": {"task": "a.b"}, "properties": {"delivery_tag": "x"}},
    "GeoJSON": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}},
    "blocks of a page": [{"type": "text", "value": "Hello there, how are you?"}],
    "a search": {"query": "kettle", "hits": 3},
    "a configuration": "user: bob\nhost: example.org\nport: 80",
    "robots": "User-agent: *\nDisallow: /private",
    "a session": {"_auth_user_id": "1", "_auth_user_backend": "django.contrib.auth.backends.ModelBackend"},
    "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "nothing": "",
}


@pytest.mark.parametrize("kind", COULD)
def test_what_could_hold_messages(kind: str) -> None:
    assert suspicion(Look(b"x", "string", parts=(text(COULD[kind]),)))


@pytest.mark.parametrize("kind", COULD_NOT)
@pytest.mark.parametrize("of", ["string", "list", "set"])
def test_what_could_not(kind: str, of: str) -> None:
    look = Look(b"x", of, parts=(text(COULD_NOT[kind]),))
    assert suspicion(look) == ""
    assert claimed_by(look) is None


@pytest.mark.parametrize(
    ("fields", "could"),
    [
        ({"role": "user", "content": "Where is it?"}, True),
        ({"user_message": "Where is my parcel?", "bot_message": "On its way."}, True),
        ({"0": "Where is my parcel now?", "1": "On its way."}, True),
        ({"history": json.dumps(CHAT)}, True),
        ({"name": "Bob", "role": "user", "email": "bob@example.org"}, False),
        ({"title": "Kettle", "text": "It is the one for you and your kitchen"}, False),
        ({"1": "17", "2": "23"}, False),
    ],
)
def test_hashes_and_entries_of_streams(fields: dict[str, str], could: bool) -> None:
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    for kind in ("hash", "stream"):
        assert bool(suspicion(Look(b"x", kind, parts=tuple(raw.values()), fields=raw))) is could


@pytest.mark.parametrize(
    ("value", "role", "said"),
    [
        ({"role": "user", "content": "Hi"}, "user", "Hi"),
        ({"role": "model", "parts": [{"text": "Hel"}, {"text": "lo"}]}, "assistant", "Hello"),
        ({"type": "USER", "contents": [{"type": "TEXT", "text": "Hi"}]}, "user", "Hi"),
        ({"messageType": "ASSISTANT", "textContent": "Hi"}, "assistant", "Hi"),
        ({"type": "human", "data": {"content": "Hi", "type": "human"}}, "user", "Hi"),
        (
            {"lc": 1, "type": "constructor", "id": ["x", "AIMessageChunk"], "kwargs": {"content": "Hi"}},
            "assistant",
            "Hi",
        ),
        ({"type": "function_call", "name": "find", "arguments": '{"id": 7}'}, "assistant", '{"id": 7}'),
        ({"type": "function_call_output", "output": "7"}, "tool", "7"),
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}, "assistant", ""),
        ({"sender": "bot", "message": "Hi"}, "assistant", "Hi"),
    ],
)
def test_who_says_what(value: dict[str, Any], role: str, said: str) -> None:
    one = said_in(value)
    assert one is not None
    assert (one.role, one.text) == (role, said)


def nested(depth: int, inner: object, name: str) -> Any:
    for _ in range(depth):
        inner = {"role": "user", "type": "human", name: inner}
    return inner


HOSTILE = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    *(text(nested(900, "x", name)) for name in ("data", "content", "parts", "kwargs", "messages", "text")),
    b'[{"role": "user", "content": ' + b"9" * 5000 + b"}]",
    b"\xff\xfe" * 100,
    text([{"role": None, "content": {"text": {"text": []}}}, 7, None, [[]]]),
    b'"' + b'\\"' * 10_000 + b'"',
]


@pytest.mark.parametrize("raw", HOSTILE)
@pytest.mark.parametrize("of", ["string", "list", "hash", JSON])
def test_hostile_values_do_no_harm(raw: bytes, of: str) -> None:
    look = Look(b"x", of, parts=(raw,), fields={b"checkpoint": raw, b"metadata": raw} if of == "hash" else {})
    claimed_by(look)
    suspicion(look)
    for layout in LAYOUTS.values():
        layout.parse(raw, "x")
    thread = Thread()
    thread.add("json", raw)
    thread.add("msgpack", raw, "messages")
    for line in thread.lines:
        element(line, "x")


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(raw: bytes) -> None:
    look = Look(b"x", "string", parts=(raw,))
    claimed_by(look)
    suspicion(look)
    spoken(raw, "x")
    with suppress(ValueError):
        unpacked(raw)


def test_messagepack_that_never_ends() -> None:
    for raw in (b"\xdd\xff\xff\xff\xff", b"\x91" * 1000, b"\xc9\xff\xff\xff\xff\x05", b"\xdf\xff\xff\xff\xff\x01"):
        with pytest.raises(ValueError, match="MessagePack"):
            unpacked(raw)


@pytest.mark.parametrize(
    "piece", ["user: ", "User:\nAssistant", "role user content ", "a1:" * 3, "I you ? ", '{"a":1},']
)
def test_judging_takes_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        look = Look(b"x", "string", parts=((piece * size)[:size].encode(),))
        best = 9.0
        for _ in range(3):
            began = time.perf_counter()
            suspicion(look)
            best = min(best, time.perf_counter() - began)
        return best

    assert seconds(400_000) < 20 * seconds(40_000) + 0.05


def test_several_conversations_in_one_value_are_nobodys() -> None:
    assert conversation({"alice": CHAT, "bob": CHAT}) is None
    assert conversation({"chat": {"messages": CHAT}, "title": "x"}) == (CHAT, {"title": "x"})
    assert conversation([{"type": "system", "message": "Down at five"}]) is None


def test_what_a_thread_keeps_besides_messages_is_told_each_time_that_it_changes() -> None:
    thread = Thread()
    for summary in ("Ada asked.", "Ada asked.", "Ada asked twice."):
        thread.add("json", json.dumps({"channel_values": {"summary": summary, "branch:to:agent": "x", "turns": 2}}))
    thread.add("json", json.dumps({"likes": ["tea"]}), "profile")
    assert [element(line, "x").text for line in thread.lines] == [
        "summary: Ada asked.",
        "summary: Ada asked twice.",
        'profile: {"likes":["tea"]}',
    ]


def test_of_a_state_without_end_so_much_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MOST", 3)
    thread = Thread()
    thread.add("json", json.dumps(CHAT * 5), "messages")
    assert len(thread.lines) == 2


@pytest.mark.parametrize(
    ("value", "blob"),
    [(base64.b64encode(b"[1]").decode(), b"[1]"), ("no base64 é", "no base64 é".encode()), (None, b""), (7, b"")],
)
def test_a_blob_as_savers_write_it_or_as_it_stands(value: object, blob: bytes) -> None:
    assert from_base64(value) == blob


@pytest.mark.parametrize(
    ("packed", "value"),
    [
        (b"\xd4\x00\x07", 7),  # an extension around no constructor
        (b"\xc7\x07\x02\x93\xa1m\xa1C\xa1v", "v"),  # one whose argument is a text, as a UUID's is
        (b"\xc7\x0a\x05\x93\xa1m\xa1C\x81\xa2id\x01", {"type": "C", "id": 1}),
        (b"\xd4\x63\x07", None),  # nobody's
    ],
)
def test_objects_in_messagepack_are_what_they_were_made_from(packed: bytes, value: object) -> None:
    assert unpacked(packed) == value
