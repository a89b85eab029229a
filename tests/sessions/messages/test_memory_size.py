"""What the cache counts is what it takes: its limit is one of memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from random import Random

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from rag.sessions.messages.codec import Place, as_stored, decode, encode
from rag.sessions.protocol.history_cache import Cache

TURNS = 20
SID = "s" * 64
RANDOM = Random(1)


def words(count: int) -> str:
    return " ".join("".join(RANDOM.choices("abcdefghij", k=5)) for _ in range(count))


def token() -> dict[str, object]:
    return {"token": words(1), "logprob": -RANDOM.random(), "bytes": list(RANDOM.randbytes(4))}


def logprobs() -> dict[str, object]:
    return {"content": [token() | {"top_logprobs": [token() for _ in range(5)]} for _ in range(100)]}


def source(number: int) -> dict[str, object]:
    return {"number": number, "passage_id": words(2), "title": words(2), "text": words(60), "score": RANDOM.random()}


def tools() -> list[BaseMessage]:
    call = ToolCall(name=words(1), args={"text": words(2), "chest": RANDOM.random()}, id=words(2), type="tool_call")
    usage = {"input_tokens": 1000, "output_tokens": 2000, "total_tokens": 3000}
    asked = AIMessage("", tool_calls=[call], usage_metadata=usage, id=words(3))
    return [HumanMessage(words(10)), asked, ToolMessage(words(50), tool_call_id=words(2)), AIMessage(words(40))]


def image() -> list[BaseMessage]:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{words(2000)}"}}
    return [HumanMessage([{"type": "text", "text": words(20)}, picture]), AIMessage(words(60))]


SAID: dict[str, Callable[[], list[BaseMessage]]] = {
    "plain": lambda: [HumanMessage(words(10)), AIMessage(words(60))],
    "tiny": lambda: [HumanMessage("?"), AIMessage("!")],
    "sources": lambda: [AIMessage(words(60), response_metadata={"sources": [source(number) for number in range(4)]})],
    "logprobs": lambda: [HumanMessage(words(10)), AIMessage("", response_metadata={"logprobs": logprobs()})],
    "tools": tools,
    "image": image,
    "long": lambda: [HumanMessage(words(4000)), AIMessage(words(4000))],
    "Chinese": lambda: [HumanMessage("衣服" * 500 + words(1)), AIMessage("衣服的尺寸" * 800 + words(1))],
    "emoji": lambda: [HumanMessage("\U0001f9e5" * 500 + words(1)), AIMessage("\U0001f9e5a" * 800 + words(1))],
    "code": lambda: [HumanMessage('{"a": [1, 2, 3], "b": {"c": "d"}}\n' * 100)],
    "embedding": lambda: [HumanMessage("x", additional_kwargs={"it": [RANDOM.random() for _ in range(1536)]})],
    "keys": lambda: [AIMessage("x", additional_kwargs={words(2): number for number in range(100)})],
}


def read(cache: Cache, place: Place, lines: list[bytes], begins: int) -> None:
    records = [decode(line, SID) for line in lines]
    cache.update(SID, "e", 0, begins, records, lines)


def committed(cache: Cache, place: Place, lines: list[bytes], begins: int) -> None:
    said = [decode(line, SID).message for line in lines]
    again = encode(said, place)
    cache.update(SID, "e", 0, begins, as_stored(said, again, place, None), again)


@pytest.mark.parametrize("keep", [read, committed])
@pytest.mark.parametrize("what", SAID)
def test_the_size_is_what_it_takes(what: str, keep: Callable[[Cache, Place, list[bytes], int], None]) -> None:
    places = [Place(SID, turn, 1.7e9 + turn / 3, f"abcd1234.{turn:016}") for turn in range(1, TURNS + 1)]
    turns = [encode(SAID[what](), place) for place in places]
    cache, begins = Cache(1 << 30), 0
    gc.freeze()  # what the other tests left is not looked through
    gc.collect()  # and no list or dict is made of one that was kept for that
    tracemalloc.start()
    try:
        for place, lines in zip(places, turns, strict=True):
            keep(cache, place, lines, begins)
            begins += len(lines)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 * taken < cache.size < 1.3 * taken


def test_sessions_without_messages_count_too() -> None:
    cache = Cache(100_000)
    for number in range(1000):
        cache.update(f"session {number}", "e", 0, 0, (), ())
    assert len(cache._entries) < 150
    assert cache.size <= cache.limit


def test_a_list_of_unlike_elements_takes_at_least_its_text() -> None:
    parts = ["x"] * 1000
    parts[501] = words(100_000)
    place = Place(SID, 1, 1.7e9, "abcd1234.0")
    lines = encode([HumanMessage("x", additional_kwargs={"it": parts})], place)
    cache = Cache(1 << 30)
    read(cache, place, lines, 0)
    assert cache.size > len(parts[501])
