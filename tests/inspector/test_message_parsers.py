"""Whatever lies in a history, reading it says what it is and raises nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from rag.inspector.parsing.message_parsers import Parse, classic, document, llama_index, ours
from rag.inspector.timestamps import moment, seconds, shown
from rag.sessions.messages.codec import Place, encode
from rag.sessions.messages.seal import Seal

READERS: dict[str, Parse] = {
    "ours": ours(None),
    "sealed": ours(Seal([bytes(32)])),
    "classic": classic,
    "llama-index": llama_index,
    "langchain-redis": document,
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400) | st.just("sid"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("session_id", "turn", "at", "id", "type", "data", "documents", "sealed", "box", "exact", "role", "blocks")
INNER = ("content", "type", "id", "tool_calls", "usage_metadata", "additional_kwargs", "response_metadata", "name")
DATA = st.dictionaries(st.sampled_from(INNER), ODD, max_size=5)
KINDS = st.sampled_from(["human", "ai", "system", "tool", "chat", "remove", "function"])
ELEMENT = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMES, ODD) | {"data": DATA | ODD, "session_id": st.just("sid") | ODD, "type": KINDS | ODD},
)


@pytest.mark.parametrize("name", READERS)
@given(value=ELEMENT)
@settings(max_examples=150, deadline=None)
def test_any_json_is_read(name: str, value: dict[str, Any]) -> None:
    said = READERS[name](json.dumps(value).encode(), "sid")
    assert said.problem in ("", "foreign", "tampered", "corrupt", "sealed")
    assert isinstance(said.text, str)
    assert isinstance(said.at, float | int)
    hash((said.id, said.place, said.text))
    shown(said.at)


@pytest.mark.parametrize("name", READERS)
@given(raw=st.binary(max_size=60) | st.just(b"[" * 100_000) | st.just(b'{"a":' * 50_000))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read(name: str, raw: bytes) -> None:
    assert READERS[name](raw, "sid").problem


def test_what_the_store_wrote_is_read_in_both_ways() -> None:
    place = Place("sid", 3, 1795246481.5, "t", ("a.md",))
    used = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    plain, counted = encode([AIMessage("Yes.", id="m1"), AIMessage("No.", usage_metadata=used)], place)
    first, second = READERS["ours"](plain, "sid"), READERS["ours"](counted, "sid")
    assert (first.role, first.text, first.id, first.place, first.turn, first.at) == (
        "assistant", "Yes.", "m1", "t:0", 3, 1795246481.5,
    )  # fmt: skip
    assert (first.documents, first.owner, first.problem, first.tokens) == (("a.md",), "sid", "", None)
    assert (second.text, second.tokens, second.problem) == ("No.", 3, "")
    assert READERS["ours"](plain, "other").problem == "foreign"


@pytest.mark.parametrize("at", [0.0, -1.0, 1e300, float("inf"), float("nan"), -float("inf")])
def test_what_is_no_time(at: float) -> None:
    assert moment(at) is None
    assert shown(at) == ""


@pytest.mark.parametrize("value", [None, "1", True, [], 10**400])
def test_what_is_no_number(value: object) -> None:
    assert seconds(value) == 0.0
