"""A configured model's answer is complete or one clear error, in bounded time, and no error shows the key."""

from __future__ import annotations

import json
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import openai
import pycurl
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from rag.chat.models import make_model, model_name
from rag.chat.openai_compatible.errors import shown_address, translate
from rag.chat.openai_compatible.exchange import Connections
from rag.chat.openai_compatible.model import CHARS_A_TOKEN
from rag.chat.openai_compatible.wire import BoundedClient
from rag.errors import AnswerTooLong, ModelBusy, ModelError, ModelRefused, ModelTooSlow, ModelUnavailable
from rag.settings import Settings
from tests.certificates import written
from tests.chat import faulty_server as faults
from tests.chat.faulty_server import Fault, FaultyServer

KEY = "sk-secret-0123456789"
ANSWER = "".join(faults.WORDS)
REQUEST = httpx2.Request("POST", "http://m")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faults.faulty_server() as server:
        yield server


def model_for(server: FaultyServer, retries: int = 0, *, stalls: bool = False, **settings: Any) -> BaseChatModel:
    """stalls: the server never answers, so that nobody waits for it as long as the setting asks for at least."""
    values = {
        "openai_base_url": server.url,
        "openai_api_key": KEY,
        "model_timeout_seconds": 10,
        "chat_model": "larch-1",
    }
    checked = Settings(model_max_retries=retries, **{**values, **settings})
    return make_model(checked.model_copy(update={"model_timeout_seconds": 0.2}) if stalls else checked)


def ask(model: BaseChatModel) -> str:
    return "".join(chunk.text for chunk in model.stream([HumanMessage("Can I return it?")]))


def test_without_key_and_address_the_offline_model_answers() -> None:
    model = make_model(Settings())

    assert type(model).__name__ == "OfflineChatModel"
    assert model_name(model)


def test_a_start_without_a_key_does_not_load_the_client_library() -> None:
    import subprocess

    code = "import sys, rag.chat; assert not {'openai', 'langchain_openai'} & set(sys.modules), 'loaded'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_answer_is_streamed_with_key_and_model_name(server: FaultyServer) -> None:
    model = model_for(server)

    chunks = [chunk.text for chunk in model.stream([HumanMessage("Can I return it?")]) if chunk.text]

    assert chunks == list(faults.WORDS)
    assert model_name(model) == "larch-1"
    [request] = server.seen
    assert (request["model"], request["stream"]) == ("larch-1", True)
    assert server.keys == [f"Bearer {KEY}"]


def test_each_word_is_told_when_it_comes(server: FaultyServer) -> None:
    server.always = faults.waits_to_be_heard
    told = []
    for chunk in model_for(server).stream([HumanMessage("Can I return it?")]):
        told.append(chunk.text)
        server.heard.set()
    assert "".join(told) == ANSWER


def test_what_nobody_watches_is_the_same_and_just_as_bounded(server: FaultyServer) -> None:
    model: Any = model_for(server)

    def whole() -> str:
        return "".join(text for text, _ in model.pieces([HumanMessage("Can I return it?")], whole=True))

    assert whole() == whole() == ANSWER
    assert server.connections == 1, "read to its end"
    server.always = faults.at_once
    assert whole() == ANSWER
    assert server.seen[-1]["stream"] is False
    for fault in (
        faults.endless_body,
        faults.drop_midway,
        faults.end_midway,
        faults.stall_midway,
        faults.keep_alive_forever,
    ):
        if fault is faults.stall_midway:
            model = model_for(server, stalls=True)
        server.always = fault
        with pytest.raises(ModelUnavailable):
            whole()
    model, server.always, server.hung_up = model_for(server), faults.endless, threading.Event()
    with pytest.raises(AnswerTooLong):
        whole()
    assert server.hung_up.wait(10)


def test_an_address_without_a_key_gets_a_dummy(server: FaultyServer) -> None:
    assert ask(model_for(server, openai_api_key=None)) == ANSWER
    assert KEY not in str(server.keys)


def test_a_key_without_an_address_means_openai() -> None:
    model: Any = make_model(Settings(openai_api_key=KEY))

    assert str(model.root_client.base_url) == "https://api.openai.com/v1/"
    assert model.stream_usage


def test_other_variables_of_the_client_library_do_not_redirect_it(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:1/v1")

    assert ask(model_for(server)) == ANSWER


def test_redirects_are_followed_and_the_environment_says_which_proxy(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults.append(faults.status(307, "", Location=f"{server.url}/elsewhere"))
    assert ask(model_for(server)) == ANSWER
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "me:pw@").removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "")
    assert ask(model_for(server, openai_base_url="http://model.invalid/v1")) == ANSWER
    assert server.keys == [f"Bearer {KEY}"] * 3
    assert server.proxied == [None, None, "Basic bWU6cHc="]
    monkeypatch.setenv("no_proxy", "model.invalid")
    with pytest.raises(ModelUnavailable, match="no connection"):
        ask(model_for(server, openai_base_url="http://model.invalid/v1"))


def test_the_environment_says_whose_certificates_are_trusted(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = written(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http://", "https://")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    assert ask(model_for(server, openai_base_url=url)) == ANSWER
    for other in (str(folder / "stranger.pem"), ""):
        monkeypatch.setenv("SSL_CERT_FILE", other)
        with pytest.raises(ModelUnavailable, match="its certificate is not trusted"):
            ask(model_for(server, openai_base_url=url))
    assert len(server.seen) == 1


def test_a_kept_connection_keeps_nothing_of_what_was_asked(server: FaultyServer) -> None:
    connections = Connections(f"{server.url}/chat/completions", {}, connect=5, silence=5)
    question = json.dumps({"messages": []}).encode()
    held = sys.getrefcount(question)
    for _ in range(2):
        with connections.post(question, time.monotonic() + 5) as reply:
            assert sys.getrefcount(question) > held
            assert b"Returns" in b"".join(reply.chunks)
        assert sys.getrefcount(question) == held
    assert server.connections == 1


def test_a_request_is_sent_again_only_where_its_connection_had_been_kept(server: FaultyServer) -> None:
    model = model_for(server)
    server.faults += [faults.well, faults.no_response]
    assert [ask(model), ask(model)] == [ANSWER] * 2
    with server.failing(faults.no_response), pytest.raises(ModelUnavailable, match="dropped"):
        ask(model)
    assert len(server.seen) == 5


def test_a_process_with_thousands_of_connections_asks_like_any_other(server: FaultyServer) -> None:
    """`select` knows no socket above 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
        more = [stack.enter_context(socket.socket()) for _ in range(1100)]
        assert max(one.fileno() for one in more) > 1023
        assert ask(model_for(server)) == ANSWER


async def test_every_way_to_call_it_is_bounded(server: FaultyServer) -> None:
    model = model_for(server, stalls=True)
    server.always = faults.stall_midway

    with pytest.raises(ModelUnavailable):
        model.invoke("Hello")
    with pytest.raises(ModelUnavailable):
        await model.ainvoke("Hello")
    with pytest.raises(ModelUnavailable):
        [chunk async for chunk in model.astream("Hello")]


def test_an_endless_answer_is_hung_up_on_and_the_server_is_told_how_much(server: FaultyServer) -> None:
    server.always = faults.endless
    seen: list[str] = []
    with pytest.raises(AnswerTooLong):
        seen.extend(chunk.text for chunk in model_for(server, model_max_answer_chars=4000).stream("Hello"))
    assert 3500 <= len("".join(seen)) <= 4000
    assert server.hung_up.wait(10)
    assert server.seen[-1]["max_tokens"] == 4000 // CHARS_A_TOKEN


def test_half_characters_are_joined_or_replaced(server: FaultyServer) -> None:
    server.always = faults.strange_text
    assert ask(model_for(server)) == "a\U0001f600b\ufffd c\ufffdd\ufffd"


UNAUTHORIZED = faults.status(401, {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"})
QUOTA = faults.status(429, {"message": "You exceeded your current quota", "code": "insufficient_quota"})
TOO_LONG = faults.status(
    400, {"message": "This model's maximum context length is 4096", "code": "context_length_exceeded"}
)

CASES: list[tuple[str, Fault, type[ModelError], str]] = [
    ("refused", UNAUTHORIZED, ModelRefused, "the key in OPENAI_API_KEY is not accepted"),
    ("forbidden", faults.status(403, {"message": "no"}), ModelRefused, "OPENAI_API_KEY"),
    (
        "unknown model",
        faults.status(404, {"message": "model not found"}),
        ModelRefused,
        "no model 'larch-1'; CHAT_MODEL",
    ),
    (
        "bad request",
        faults.status(400, {"message": "temperature\nis wrong."}),
        ModelRefused,
        "400: temperature is wrong)",
    ),
    ("too long", TOO_LONG, ModelRefused, "longer than it can read"),
    ("busy", faults.status(429, {"message": "slow"}, Retry_After="17"), ModelBusy, "try again in 17 s"),
    ("busy, no hint", faults.status(429, "slow"), ModelBusy, "try again in a moment"),
    ("quota", QUOTA, ModelRefused, "quota"),
    ("error 500", faults.status(500, {"message": "oops"}), ModelUnavailable, "status 500"),
    ("error 503, page", faults.status(503, "<html>"), ModelUnavailable, "status 503"),
    ("no response", faults.no_response, ModelUnavailable, "dropped"),
    ("stall, no headers", faults.stall_before_headers, ModelTooSlow, "MODEL_TIMEOUT_SECONDS"),
    ("stall, no token", faults.stall_before_token, ModelTooSlow, "MODEL_TIMEOUT_SECONDS"),
    ("stall midway", faults.stall_midway, ModelTooSlow, "MODEL_TIMEOUT_SECONDS"),
    ("keep-alives only", faults.keep_alive_forever, ModelTooSlow, "MODEL_TIMEOUT_SECONDS"),
    ("dropped midway", faults.drop_midway, ModelUnavailable, "dropped"),
    ("ended midway", faults.end_midway, ModelUnavailable, "broke off"),
    ("done midway", faults.done_midway, ModelUnavailable, "broke off"),
    ("error midway", faults.error_midway, ModelUnavailable, "CUDA out of memory"),
    ("filtered", faults.filtered, ModelRefused, "content filter"),
    ("empty", faults.nothing, ModelUnavailable, "empty"),
    ("blank", faults.blank, ModelUnavailable, "empty"),
    ("web page", faults.web_page, ModelUnavailable, "no answer"),
    ("bad JSON", faults.bad_json, ModelUnavailable, "cannot be read"),
    ("other JSON", faults.other_json, ModelUnavailable, "cannot be read"),
    ("bad UTF-8", faults.bad_utf8, ModelUnavailable, "cannot be read"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_fault_is_one_clear_line(server: FaultyServer, fault: Fault, kind: type[ModelError], words: str) -> None:
    server.always = fault

    with pytest.raises(ModelError) as caught:
        ask(model_for(server, stalls=kind is ModelTooSlow))

    message = str(caught.value)
    assert type(caught.value) is kind, message
    assert words in message
    assert server.url in message
    assert "\n" not in message
    assert KEY not in message


def test_a_server_that_is_not_there(server: FaultyServer) -> None:
    gone = model_for(server, openai_base_url="http://user:pass@127.0.0.1:9/v1?token=abc", retries=1)

    with pytest.raises(ModelUnavailable, match=r"at http://127\.0\.0\.1:9/v1 gave .*\(no connection\)"):
        ask(gone)


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500, "oops"),
        faults.status(429, "slow"),
        faults.status(429, "slow", Retry_After_Ms="30"),
        faults.no_response,
        faults.nothing,
    ],
    ids=["500", "429", "429 with a short pause", "no response", "empty"],
)
def test_before_the_first_token_it_is_asked_again(server: FaultyServer, fault: Fault) -> None:
    server.faults.append(fault)

    assert ask(model_for(server, retries=1)) == ANSWER
    assert len(server.seen) == 2


@pytest.mark.parametrize("fault", [faults.drop_midway, faults.end_midway, faults.error_midway])
def test_after_the_first_token_it_is_never_asked_again(server: FaultyServer, fault: Fault) -> None:
    server.faults.append(fault)

    with pytest.raises(ModelUnavailable):
        ask(model_for(server, retries=5))
    assert len(server.seen) == 1


@pytest.mark.parametrize("fault", [UNAUTHORIZED, QUOTA, TOO_LONG, faults.bad_json])
def test_what_would_fail_again_is_not_repeated(server: FaultyServer, fault: Fault) -> None:
    server.always = fault

    with pytest.raises(ModelError):
        ask(model_for(server, retries=5))
    assert len(server.seen) == 1


def test_a_long_pause_that_the_server_asks_for_is_told_not_slept(server: FaultyServer) -> None:
    server.always = faults.status(429, "slow", Retry_After="3600")

    with pytest.raises(ModelBusy) as caught:
        ask(model_for(server, retries=5))

    assert caught.value.retry_after == 3600
    assert len(server.seen) == 1


def test_closing_the_stream_ends_the_request(server: FaultyServer) -> None:
    server.always = faults.chatter
    stream: Any = model_for(server, model_timeout_seconds=60).stream("Hello")
    next(stream)

    stream.close()

    assert server.hung_up.wait(20)


def test_anything_that_the_client_raises_becomes_a_model_error() -> None:
    for exc in (ValueError("x"), KeyError("choices"), OSError("x"), httpx2.ReadTimeout("x"), RuntimeError("x")):
        assert isinstance(translate(exc, "http://h/v1", "m"), ModelUnavailable)


def caused(cause: Exception) -> Exception:
    """As the client library wraps what it met below it."""
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = cause
    return error


def reported(body: dict[str, str]) -> Exception:
    return openai.APIError("An error was reported in an answer", REQUEST, body=body)


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (ModelRefused("http://m", "no"), ModelRefused, "no"),
        (pycurl.error(pycurl.E_OPERATION_TIMEDOUT, ""), ModelTooSlow, "http://m"),
        (pycurl.error(pycurl.E_PEER_FAILED_VERIFICATION, ""), ModelUnavailable, "not trusted"),
        (caused(httpx2.ReadError("reset")), ModelUnavailable, "the connection was dropped"),
        (caused(ConnectionRefusedError()), ModelUnavailable, "no connection"),
        (caused(OSError("a strange one")), ModelUnavailable, "the connection failed"),
        (reported({"code": "rate_limit_exceeded"}), ModelBusy, "http://m"),
        (reported({"message": "out of memory"}), ModelUnavailable, "it reported: out of memory"),
    ],
)
def test_what_may_be_raised_midway(raised: Exception, kind: type[ModelError], words: str) -> None:
    error = translate(raised, "http://m", "larch-1")
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(("asked", "seconds"), [("0", None), ("90000", None), ("soon", None), ("2.5", 2.5)])
def test_only_a_pause_that_makes_sense_is_told(asked: str, seconds: float | None) -> None:
    response = httpx2.Response(429, headers={"retry-after": asked}, request=REQUEST)
    error = translate(openai.APIStatusError("busy", response=response, body=None), "http://m", "larch-1")
    assert isinstance(error, ModelBusy)
    assert error.retry_after == seconds


def test_the_client_library_s_own_requests_are_bounded_too(server: FaultyServer) -> None:
    asked = {"model": "m", "messages": [], "stream": True}
    with BoundedClient(60) as client:
        assert "data: [DONE]" in client.post(f"{server.url}/chat/completions", json=asked).text
    with BoundedClient(-1) as client, pytest.raises(httpx2.ReadTimeout, match="the whole answer took too long"):
        client.post(f"{server.url}/chat/completions", json=asked)


def test_an_address_is_shown_without_secrets() -> None:
    assert shown_address("https://me:pw@host:8443/v1?key=1#2") == "https://host:8443/v1"
