"""Whatever the model's server does, the user reads one right line, nothing is half-stored and the next turn works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.chat import ChatService, Event, Found, Token, make_model
from rag.errors import ModelBusy, ModelError, ModelRefused, ModelUnavailable
from rag.sessions import SessionStore
from rag.settings import Settings
from tests.chat import faulty_server as faults
from tests.chat.faulty_server import Fault, FaultyServer
from tests.chat.parts import ShelfLibrary

KEY = "sk-secret-0123456789"
FIRST = "How long is the return window for a tent?"
SECOND = "What is the warranty on hiking boots?"
THIRD = "What does standard delivery to Germany cost?"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faults.faulty_server() as server:
        yield server


@pytest.fixture
def service(server: FaultyServer, store: SessionStore) -> ChatService:
    settings = Settings(
        openai_base_url=server.url,
        openai_api_key=KEY,
        chat_model="larch-1",
        model_timeout_seconds=1,
        model_max_retries=0,
    )
    return ChatService(store, ShelfLibrary(), make_model(settings))


REFUSED = faults.status(401, {"message": f"Incorrect API key provided: {KEY}"})
UNKNOWN = faults.status(404, {"message": "The model `larch-1` does not exist"})
LIMITED = faults.status(429, {"message": "slow down"}, Retry_After="17")
BROKEN = faults.status(500, {"message": "oops"})

CASES: list[tuple[str, Fault, type[ModelError], str]] = [
    ("refused", REFUSED, ModelRefused, "refused the request (status 401: the key in OPENAI_API_KEY"),
    ("unknown model", UNKNOWN, ModelRefused, "has no model 'larch-1'; CHAT_MODEL"),
    ("limited", LIMITED, ModelBusy, "limits the rate of requests. Nothing was saved; try again in 17 s"),
    ("broken", BROKEN, ModelUnavailable, "no complete answer (status 500)"),
    ("no response", faults.no_response, ModelUnavailable, "the connection was dropped"),
    ("stalls at once", faults.stall_before_headers, ModelUnavailable, "did not answer in time"),
    ("stalls before a token", faults.stall_before_token, ModelUnavailable, "did not answer in time"),
    ("stalls midway", faults.stall_midway, ModelUnavailable, "did not answer in time"),
    ("only keep-alives", faults.keep_alive_forever, ModelUnavailable, "did not answer in time"),
    ("drops midway", faults.drop_midway, ModelUnavailable, "the connection was dropped"),
    ("ends midway", faults.end_midway, ModelUnavailable, "the answer broke off"),
    ("reports midway", faults.error_midway, ModelUnavailable, "it reported: CUDA out of memory"),
    ("web page", faults.web_page, ModelUnavailable, "it sent no answer"),
    ("garbage", faults.bad_json, ModelUnavailable, "its reply cannot be read"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_fault_is_told_and_leaves_no_trace(
    service: ChatService,
    store: SessionStore,
    server: FaultyServer,
    sid: str,
    fault: Fault,
    kind: type[ModelError],
    words: str,
) -> None:
    service.answer(sid, FIRST)
    before, info = store.messages(sid), store.info(sid)
    server.always = fault
    seen: list[Event] = []

    with pytest.raises(kind) as caught:
        seen.extend(service.stream(sid, SECOND))

    message = str(caught.value)
    assert words in message
    assert server.url in message
    assert KEY not in message
    assert "\n" not in message
    assert store.messages(sid) == before
    now = store.info(sid)
    assert info
    assert now
    assert (now.turns, now.title) == (info.turns, info.title)

    server.always = faults.well
    events = list(service.stream(sid, THIRD))
    assert isinstance(events[0], Found)
    assert [m.text for m in store.messages(sid)][len(before) :] == [THIRD, "".join(faults.WORDS)]
    assert SECOND not in str(server.seen[-1])


@pytest.mark.parametrize("fault", [faults.drop_midway, faults.stall_midway])
def test_the_tokens_that_came_were_shown(
    service: ChatService, store: SessionStore, server: FaultyServer, sid: str, fault: Fault
) -> None:
    server.always = fault
    events = service.stream(sid, FIRST)

    assert isinstance(next(events), Found)
    assert next(events) == Token(faults.WORDS[0])
    with pytest.raises(ModelUnavailable):
        next(events)
    assert store.info(sid) is None


def test_a_fault_while_the_question_is_rewritten(
    service: ChatService, store: SessionStore, server: FaultyServer, sid: str
) -> None:
    service.answer(sid, "How much is express delivery to Germany?")
    server.always = BROKEN

    with pytest.raises(ModelUnavailable):
        service.answer(sid, "and to France?")

    assert len(store.messages(sid)) == 2


def test_a_stop_ends_the_request_too(service: ChatService, store: SessionStore, server: FaultyServer, sid: str) -> None:
    server.always = faults.chatter
    events = service.stream(sid, FIRST)
    next(events)
    next(events)

    events.close()

    assert server.hung_up.wait(20)
    assert store.info(sid) is None
    server.always = faults.well
    assert service.answer(sid, FIRST).turn == 1
