"""A model's pieces: read directly where nobody listens, with LangChain's run where somebody does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage

from rag.chat import pieces
from rag.chat.bench import ANSWER, Instant
from rag.chat.models import make_model
from rag.chat.openai_compatible import wire
from rag.errors import AnswerTooLong
from rag.settings import Settings
from tests.chat.faulty_server import WORDS, faulty_server

PROMPT = [HumanMessage("How long is the warranty?")]


class Heard(BaseCallbackHandler):
    def __init__(self) -> None:
        self.ended = 0

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.ended += 1


class Counted(Instant):
    """Counts how it is read."""

    direct: int = 0

    def pieces(self, messages: Any, *, whole: bool = False) -> Iterator[tuple[str, str]]:
        self.direct += 1
        return super().pieces(messages, whole=whole)


def test_without_listeners_there_is_no_run_around_it() -> None:
    model = Counted()
    assert pieces.text_of(model, PROMPT) == ANSWER
    assert model.direct == 1


def test_who_listens_gets_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model, heard = Counted(), Heard()
    model.callbacks = [heard]
    assert pieces.text_of(model, PROMPT) == ANSWER
    assert (model.direct, heard.ended) == (0, 1)
    model.callbacks = None
    monkeypatch.setattr(pieces, "tracing_is_enabled", lambda: True)
    assert pieces.text_of(model, PROMPT) == ANSWER
    assert model.direct == 0


def test_both_models_of_ours_say_the_same_either_way() -> None:
    with faulty_server() as server:
        remote = make_model(Settings(openai_base_url=server.url, openai_api_key="k", chat_model="m"))
        for model in (remote, make_model(Settings())):
            assert isinstance(model, pieces.Direct)
            assert pieces.text_of(model, PROMPT) == "".join(chunk.text for chunk in model.stream(PROMPT))


def test_a_call_with_arguments_goes_the_whole_way_of_the_client_library() -> None:
    with faulty_server() as server:
        model = make_model(Settings(openai_base_url=server.url, openai_api_key="k", chat_model="m"))
        assert model.invoke(PROMPT).text == model.invoke(PROMPT, temperature=0.5).text == "".join(WORDS)
        assert [seen.get("temperature") for seen in server.seen] == [None, 0.5]


def test_questions_share_a_connection() -> None:
    with faulty_server() as server:
        model = make_model(Settings(openai_base_url=server.url, openai_api_key="k", chat_model="m"))
        for _ in range(3):
            assert pieces.text_of(model, PROMPT) == "".join(WORDS)
        assert len(server.seen) == 3
        assert server.connections == 1


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    sent = ': comment\r\nevent: x\r\ndata: {"a": 1}\r\n\r\ndata:{"b": "ü"}\n\n: more\n\ndata: [DONE]\n\n'.encode()
    chunks = (sent[start : start + size] for start in range(0, len(sent), size))
    assert list(wire._events(chunks)) == [b'{"a": 1}', '{"b": "ü"}'.encode(), b"[DONE]"]


def test_an_event_without_an_end_is_not_kept_for_ever() -> None:
    endless = (b"x" * (1 << 16) for _ in iter(int, 1))
    with pytest.raises(ValueError, match="too long"):
        list(wire._events(endless))


def test_pieces_without_a_word_are_not_kept_for_ever() -> None:
    thinking = (wire.Delta("") for _ in range(100_000))
    said = [wire.Delta("a\ud83d"), wire.Delta(""), wire.Delta("\ude00", "stop")]
    assert list(wire.bounded((delta for part in (thinking, said) for delta in part), 100)) == [
        wire.Delta("a"),
        wire.Delta("\U0001f600", "stop"),
    ]
    with pytest.raises(AnswerTooLong):
        list(wire.bounded((wire.Delta("", "stop") for _ in iter(int, 1)), 100))
