"""`crosswire.trace`: what an application's turns look like when they arrive, and that the application never notices."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware

import crosswire
from rag.crosstalk.checker.check import check
from rag.crosstalk.log.foreign.reading import read
from rag.errors import BadSessionId, BadSetting
from rag.inspector import Inspector
from rag.inspector.forensics.scan import scan
from rag.inspector.pace import Pace
from rag.inspector.turns.model import EVERYBODY
from rag.inspector.turns.traced import traced_owners, traced_turns
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.tracing import conventions
from rag.tracing import handler as handling
from rag.tracing.receiving import MOST_RECEIVED, received
from rag.tracing.sender import MOST_WAITING, Sender
from rag.tracing.store import MOST_TURNS, TraceStore
from rag.web.api import ApiFirst
from tests.servers import Server
from tests.web.serving import serving

TOKEN = "a token of sixteen characters or more"
ADA = "My name is Ada and my order is ORD-48213."


class Shelf(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("You have 30 days.", id="returns", metadata={"score": 0.5}), Document("Secret text")]


class App:
    """A LangChain app with a bug: one list of messages for everybody, if it is `shared`."""

    def __init__(self, *, shared: bool = False) -> None:
        self._shared = shared
        self._histories: dict[str, list[Any]] = {}
        model = FakeListChatModel(responses=["Noted, I will remember this for you.", "It is on its way to you now."])

        def turn(asked: dict[str, str], config: Any) -> str:
            Shelf().invoke(asked["question"], config)
            own = self._histories.setdefault("" if self._shared else asked["session"], [])
            prompt = [SystemMessage("Be brief."), *own, HumanMessage(asked["question"])]
            answer = model.invoke(prompt, config)
            own += [prompt[-1], AIMessage(answer.text)]
            return answer.text

        self.chain = RunnableLambda(turn)

    def ask(self, handler: Any, session: str, question: str) -> str:
        return self.chain.invoke(
            {"question": question, "session": session},
            {"callbacks": [handler], "metadata": {"session_id": session}},
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = connect(server.url)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def emptied(client: Client) -> None:
    for key in client.scan_iter("traces:*"):
        client.delete(key)


def test_the_names_are_those_of_the_conventions() -> None:
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    ours = {value for value in vars(conventions).values() if isinstance(value, str) and value.startswith("gen_ai.")}
    assert len(ours) > 12
    assert ours <= known


def test_a_turn_arrives_without_its_texts_and_shows_what_is_foreign(client: Client) -> None:
    handler, app = crosswire.trace(client, service="shop"), App(shared=True)
    app.ask(handler, "ada", ADA)
    app.ask(handler, "ben", "Where is my order, please? I am Ben.")
    assert handler.flush()
    store = TraceStore(client)
    assert [(one.id, one.turns) for one in store.conversations()] == [("ben", 1), ("ada", 1)]
    (raw,) = store.turns("ben")
    assert not [text for text in (b"Ada", b"ORD", b"Ben", b"remember", b"30 days", b"Secret", b"brief") if text in raw]
    (turn,) = traced_turns([raw], "ben")
    assert [(one.label, one.score) for one in turn.found or ()] == [("returns", 0.5), ("2", None)]
    assert [part.owner for part in turn.prompt or ()] == [EVERYBODY, None, None, "ben"]
    # Ben's first turn held a history, so it may have begun before it was traced: nobody is accused.
    assert (turn.foreign("ben"), len(turn.unknown)) == (0, 0)
    assert set(turn.milliseconds) == {"retrieve", "ask"}
    app.ask(handler, "cleo", "Hello")
    assert (handler.dropped, handler.unnamed) == (0, 0)
    handler.close()


def test_what_is_foreign_in_a_conversation_that_was_traced_from_its_start(client: Client) -> None:
    handler, app = crosswire.trace(client, text=True), App(shared=True)
    app.ask(handler, "ben", "Hello, I am Ben and I have a question.")
    app.ask(handler, "ada", ADA)
    app.ask(handler, "ben", "Where is my order?")
    assert handler.close()
    store = TraceStore(client)
    first, second = traced_turns(store.turns("ben"), "ben")
    assert [part.text for part in second.unknown] == [ADA, "It is on its way to you now."]
    assert [part.turn for part in second.prompt or () if part.owner == "ben"] == [1, 1, 2]
    found = traced_owners(store, [part.asked for part in second.unknown], "ben", Pace())
    named = second.named(found.owners)
    assert named.foreign("ben") == 2
    assert {part.owner for part in named.prompt or ()} == {EVERYBODY, "ben", "ada"}
    assert first.foreign("ben") == 0
    assert traced_turns(store.turns("ada"), "ada")[0].unknown == ()
    # What was stored is OTLP JSON: the checker reads it, too, and says the same.
    lines = b"\n".join(raw for one in ("ben", "ada") for raw in store.turns(one))
    log = read(io.BytesIO(lines), "log", user_per_session=True)
    assert log is not None
    report = check(log.events, leaks_only=True)
    assert "the user of session ada" in {one.owner for one in report.anomalies if one.user == "the user of session ben"}


def test_an_app_that_keeps_people_apart_is_not_accused(client: Client) -> None:
    handler, app = crosswire.trace(client), App()
    for _ in range(3):
        for person in ("ada", "ben"):
            app.ask(handler, person, f"I am {person} and this is what I want to know.")
    assert handler.close()
    for person in ("ada", "ben"):
        turns = traced_turns(TraceStore(client).turns(person), person)
        assert [turn.number for turn in turns] == [1, 2, 3]
        assert [(turn.foreign(person), len(turn.unknown)) for turn in turns] == [(0, 0)] * 3


def test_streams_errors_async_and_tools_are_one_turn_each(client: Client) -> None:
    handler = crosswire.trace(client, text=True, conversation_id="named")
    model = FakeListChatModel(responses=["one two three"])
    assert "".join(str(chunk.text) for chunk in model.stream("Stream", {"callbacks": [handler]})) == "one two three"
    asyncio.run(model.ainvoke("Async", {"callbacks": [handler]}))

    class Broken(FakeListChatModel):
        def _call(self, *_: Any, **__: Any) -> str:
            raise OSError("the provider is away")

    with pytest.raises(OSError, match="away"):
        Broken(responses=[]).invoke("Broken", {"callbacks": [handler]})
    assert handler.close()
    streamed, awaited, broken = traced_turns(TraceStore(client).turns("named"), "named")
    assert [one.said.text for one in streamed.said] == ["Stream", "one two three"]
    assert streamed.milliseconds["first_token"] > 0
    assert [one.said.text for one in awaited.said] == ["Async", "one two three"]
    assert (broken.trouble, len(broken.said)) == ("failed: OSError", 1)


def test_a_turn_that_names_no_conversation_is_not_sent(client: Client) -> None:
    handler = crosswire.trace(client)
    FakeListChatModel(responses=["Hi"]).invoke("Hello", {"callbacks": [handler]})
    FakeListChatModel(responses=["Hi"]).invoke(
        "Hello", {"callbacks": [handler], "metadata": {"session_id": "\x00", "thread_id": "good"}}
    )
    assert handler.close()
    assert handler.unnamed == 1
    assert [one.id for one in TraceStore(client).conversations()] == ["good"]


def spans(client: Client, session: str) -> list[dict[str, Any]]:
    """The attributes of each span of the session's newest turn."""
    (scope,) = json.loads(TraceStore(client).turns(session)[-1])["resourceSpans"][0]["scopeSpans"]
    return [{one["key"]: next(iter(one["value"].values())) for one in span["attributes"]} for span in scope["spans"]]


def test_the_address_of_a_redis_is_enough(server: Server, client: Client) -> None:
    handler = crosswire.trace(server.url)
    App().ask(handler, "ada", ADA)
    assert handler.close()
    assert [one.id for one in TraceStore(client).conversations()] == ["ada"]


def test_what_a_model_says_of_its_answer_is_sent_along(client: Client) -> None:
    answer = AIMessage(
        "Hi",
        usage_metadata={"input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
        response_metadata={"model_name": "tiny-2", "finish_reason": "stop"},
    )
    handler = crosswire.trace(client, conversation_id="told")
    FakeMessagesListChatModel(responses=[answer]).invoke("Hello", {"callbacks": [handler]})
    run = uuid4()  # of a model without a name, that says nothing
    handler.on_chat_model_start(None, [[HumanMessage("Hello")]], run_id=run, metadata={"session_id": "untold"})
    handler.on_llm_end(LLMResult(generations=[]), run_id=run)
    assert handler.close()
    (told,), (untold,) = spans(client, "told"), spans(client, "untold")
    assert (told[conventions.INPUT_TOKENS], told[conventions.OUTPUT_TOKENS]) == ("7", "2")
    assert told[conventions.RESPONSE_MODEL] == "tiny-2"
    assert told[conventions.FINISH_REASONS] == {"values": [{"stringValue": "stop"}]}
    assert not {conventions.REQUEST_MODEL, conventions.RESPONSE_MODEL, conventions.INPUT_TOKENS} & untold.keys()


def test_a_turn_is_as_long_as_it_may_be_and_may_be_named_by_a_call_in_it(client: Client) -> None:
    model = FakeListChatModel(responses=["Hi"])

    def turn(question: str, config: Any) -> None:
        named: Any = {"callbacks": config["callbacks"], "metadata": {"session_id": "named inside"}}
        for _ in range(conventions.MOST_SPANS + 1):
            model.invoke(question, named)

    handler = crosswire.trace(client)
    RunnableLambda(turn).invoke("Hello", {"callbacks": [handler]})
    assert handler.close()
    assert (len(spans(client, "named inside")), handler.unnamed) == (conventions.MOST_SPANS, 0)


def test_what_is_no_turn_or_began_too_long_ago_is_not_sent(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = crosswire.trace(client, conversation_id="a")
    Shelf().invoke("Only looked for", {"callbacks": [handler]})
    monkeypatch.setattr(handling, "MOST_OPEN", 1)
    first, second = uuid4(), uuid4()
    for run in (first, second):
        handler.on_chat_model_start(None, [[HumanMessage(str(run))]], run_id=run)
    for run in (first, second):
        handler.on_llm_end(LLMResult(generations=[]), run_id=run)
    handler.on_retriever_end([Document("found")], run_id=uuid4())  # it began before the handler was there
    assert handler.close()
    assert (client.llen("traces:{a}"), handler.unnamed, handler.dropped) == (1, 0, 0)


def test_the_application_never_notices() -> None:
    sent: list[int] = []

    def broken(turns: Any) -> None:
        sent.append(len(turns))
        raise OSError("away")

    sender = Sender(broken)
    begun = time.process_time()
    for number in range(MOST_WAITING + 300):
        sender.put(("a", {"n": number}))
    assert time.process_time() - begun < 5
    assert not sender.flush(0.3)
    assert sender.dropped >= 250
    assert not sender.close(0.1)
    sender.put(("a", {}))
    handler = crosswire.trace("http://127.0.0.1:9", conversation_id="a")
    assert FakeListChatModel(responses=["Hi"]).invoke("Hello", {"callbacks": [handler]}).text == "Hi"
    handler.on_llm_end(None, run_id=None)  # type: ignore[arg-type]
    handler.on_chat_model_start(None, [[object()]], run_id=None)  # type: ignore[list-item, arg-type]


def test_what_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(BadSetting, match="expected a Redis address, or the http"):
        crosswire.trace("ftp://user:secret@example.org")
    with pytest.raises(BadSessionId):
        crosswire.trace("http://127.0.0.1:9", conversation_id="")


def test_what_is_kept_is_bounded_and_expires(client: Client) -> None:
    now = [1000.0]
    store = TraceStore(client, ttl=60, clock=lambda: now[0])
    store.add([("a", "{}")] * (MOST_TURNS + 5))
    assert store.add([("a", "x" * (1 << 19))]) == 0
    assert client.llen("traces:{a}") == MOST_TURNS
    assert 50 < client.ttl("traces:{a}") <= 60
    now[0] += 61
    store.add([("b", "{}")])
    assert [one.id for one in store.conversations()] == ["b"]
    store.forget("b")
    assert store.conversations() == []


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"[" * 100_000, b'{"resourceSpans": [7]}', b'{"resourceSpans": [{"scopeSpans": 1}]}']
)
def test_what_strangers_send_is_no_turn(raw: bytes) -> None:
    assert traced_turns([raw], "a") == []
    try:
        assert received(raw)[0] == []
    except ValueError as exc:
        assert "resourceSpans" in str(exc)  # noqa: PT017 - either is right


# --- over HTTP


@pytest.fixture(scope="module")
def site(client: Client) -> Iterator[str]:
    services: Any = SimpleNamespace(settings=SimpleNamespace(trace_token=SecretStr(TOKEN)), client=client)
    app = Starlette(middleware=[Middleware(ApiFirst, services=lambda: services)])
    with serving(app) as address:
        yield address


def test_turns_over_http_arrive_as_they_do_in_redis(client: Client, site: str) -> None:
    handler, app = crosswire.trace(site, token=TOKEN, text=True), App()
    app.ask(handler, "ada", ADA)
    assert handler.close(10)
    (turn,) = traced_turns(TraceStore(client).turns("ada"), "ada")
    assert [one.said.text for one in turn.said] == [ADA, "Noted, I will remember this for you."]


def test_the_door_is_shut_without_the_token_and_bounded_with_it(client: Client, site: str) -> None:
    def post(body: Any, token: str = TOKEN, kind: str = "application/json") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        return httpx.post(f"{site}/v1/traces", content=body, headers=headers, timeout=20)

    span = {"traceId": "t", "attributes": [{"key": "gen_ai.conversation.id", "value": {"stringValue": "x"}}]}
    whole = {"resourceSpans": [{"scopeSpans": [{"spans": [span, {"traceId": "unnamed"}]}]}]}
    assert post(json.dumps(whole), token="wrong").status_code == 401
    assert post(b"\x0a\x01", kind="application/x-protobuf").status_code == 415
    assert post("[]").status_code == 400
    assert post("x" * (1 << 21)).status_code == 413
    assert client.exists("traces:{x}") == 0
    answer = post(json.dumps(whole))
    assert (answer.status_code, answer.json()["partialSuccess"]["rejectedSpans"]) == (200, "1")
    assert client.llen("traces:{x}") == 1
    many = {"resourceSpans": [{"scopeSpans": [{"spans": [{**span, "traceId": str(n)} for n in range(600)]}]}]}
    assert post(json.dumps(many)).json()["partialSuccess"]["rejectedSpans"] == str(600 - MOST_RECEIVED)


def test_a_scan_of_all_keys_takes_traces_for_what_they_are(client: Client) -> None:
    for text in (True, False):
        handler = crosswire.trace(client, text=text)
        App().ask(handler, "ada", ADA)
        assert handler.close()
    store = SessionStore(client)
    store.append("somebody", [HumanMessage("Hi"), AIMessage("Hello.")])
    report = scan(Inspector(client, store).of("auto").histories)
    assert (report.verdict, report.sessions, report.seen.doubtful) == ("clean", 1, 0)
    store.clear("somebody")
