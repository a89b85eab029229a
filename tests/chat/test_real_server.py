"""The whole turn against a real OpenAI-compatible server, a real Redis and a real Chroma."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.chat import ChatService, Finished, Found, Token, make_model, sources_of
from rag.errors import ModelRefused
from rag.knowledge import Library, open_library
from rag.sessions import SessionStore
from rag.settings import Settings
from tests.llm_server import ALIAS, llm_server

pytestmark = pytest.mark.server

KEY = "sk-test-0123456789"
QUESTION = "How many days do I have to return a tent?"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with llm_server(key=KEY) as address:
        yield address


SHORT = {"model_max_answer_chars": 100}
"""A model of this size seldom ends by itself."""


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        articles = Path(folder) / "knowledge"
        articles.mkdir()
        (articles / "returns.md").write_text("# Returns\n\nTents can be returned within 30 days, unused.\n")
        (articles / "delivery.md").write_text("# Delivery\n\nStandard delivery in the UK costs 4 pounds.\n")
        library = open_library(Settings(state_dir=Path(folder) / "state", knowledge_dir=articles))
        library.add([articles])
        yield library
        library.close()


def settings(address: str, **values: Any) -> Settings:
    return Settings(**{"openai_base_url": address, "openai_api_key": KEY, "chat_model": ALIAS, **SHORT, **values})


@pytest.fixture
def service(store: SessionStore, library: Library, address: str) -> ChatService:
    return ChatService(store, library, make_model(settings(address)))


def test_an_answer_streams_and_is_stored_with_sources(service: ChatService, store: SessionStore, sid: str) -> None:
    events = list(service.stream(sid, QUESTION))

    found, finished = events[0], events[-1]
    assert isinstance(found, Found)
    assert isinstance(finished, Finished)
    assert found.sources[0].document_id == "returns"
    tokens = [event.text for event in events if isinstance(event, Token)]
    assert len(tokens) > 3
    assert "".join(tokens) == finished.reply.text
    asked, answered = store.records(sid)
    assert (asked.message.text, answered.message.text) == (QUESTION, finished.reply.text)
    assert sources_of(answered.message) == finished.reply.sources != ()
    assert answered.documents == tuple(source.passage_id for source in finished.reply.sources)
    assert answered.message.response_metadata["model_name"] == ALIAS


def test_the_history_reaches_the_model_and_stays_in_its_session(
    service: ChatService, store: SessionStore, sid: str
) -> None:
    service.answer(sid, "My name is Rosalind. Please greet me by my name.")
    reply = service.answer(sid, "Please repeat the name that I told you in my first message.")

    assert reply.turn == 2
    assert [message.type for message in store.messages(sid)] == ["human", "ai"] * 2
    assert "Rosalind" in str(service.preview(sid, "What does delivery to the UK cost?"))
    assert "Rosalind" not in str(service.preview(f"{sid}-other", "What does delivery to the UK cost?"))


def test_a_wrong_key_is_refused(store: SessionStore, library: Library, address: str, sid: str) -> None:
    service = ChatService(store, library, make_model(settings(address, openai_api_key="sk-wrong-key")))

    with pytest.raises(ModelRefused, match="the key in OPENAI_API_KEY is not accepted") as caught:
        service.answer(sid, QUESTION)

    assert "sk-wrong-key" not in str(caught.value)
    assert store.info(sid) is None


def test_a_prompt_that_is_too_long_for_the_model(address: str) -> None:
    with pytest.raises(ModelRefused, match="longer than it can read"):
        make_model(settings(address)).invoke("One two three. " * 3000)


def test_a_wrong_path_in_the_address(address: str) -> None:
    with pytest.raises(ModelRefused, match="CHAT_MODEL or OPENAI_BASE_URL is wrong"):
        make_model(settings(f"{address}/v2")).invoke("Hello")


def test_stopping_leaves_the_server_free_for_the_next(service: ChatService, store: SessionStore, sid: str) -> None:
    with service.stream(sid, QUESTION) as events:
        next(events)
        next(events)

    assert store.info(sid) is None
    assert service.answer(sid, QUESTION).turn == 1
