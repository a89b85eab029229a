"""A few turns before a run, with real servers: what each finds out, and what it says to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rag.crosstalk.targets.describing import parsed
from rag.crosstalk.targets.function import FunctionTarget
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.onboarding.answer_paths import likely
from rag.crosstalk.targets.onboarding.begin import begun, tried
from rag.crosstalk.targets.onboarding.probe import Probe, probe, settled
from rag.crosstalk.targets.trust import LOCAL_VISITOR, OWNER, Trust
from tests.crosstalk.targets.protocol_servers import Protocols, told
from tests.web.serving import serving

CHAT = "tests.crosstalk.targets.test_endpoints"


class Odd(Protocols):
    """And some chats as people build them."""

    tires = 0

    async def wrapped(self, request: Request) -> Response:
        body = await request.json()
        answer = self.say("wrapped", body["session_id"], text=body["message"])
        meta = {"model": "m", "question": body["message"]}
        return JSONResponse({"status": "ok", "meta": meta, "data": {"bubbles": [{"kind": "bot", "text": answer}]}})

    async def forgetful(self, request: Request) -> Response:
        return JSONResponse({"reply": told([(await request.json())["message"]])})

    async def parts(self, request: Request) -> Response:
        body = await request.json()
        words = self.say("parts", body["session_id"], text=body["message"]).split(" ")
        events = [json.dumps({"type": "delta", "piece": f"{word} "}) for word in words]
        return StreamingResponse(iter([f"data: {event}\n\n" for event in events]), media_type="text/event-stream")

    async def fields(self, request: Request) -> Response:
        if not request.headers["content-type"].startswith("multipart/form-data"):
            return JSONResponse({"detail": "expected multipart/form-data"}, 415)
        sent = await request.form()
        if not all(isinstance(one, str) for one in sent.values()):
            return JSONResponse({"detail": "expected fields and no files"}, 422)
        return JSONResponse({"reply": self.say("fields", sent["session"], text=str(sent["message"]))})

    async def empty(self, request: Request) -> Response:
        return JSONResponse({"reply": ""})

    async def tired(self, request: Request) -> Response:
        self.tires += 1
        if self.tires > 2:
            return JSONResponse({"detail": "out of order"}, 500)
        return await self.wrapped(request)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    odd = Odd()
    more = {name: getattr(odd, name) for name in ("wrapped", "forgetful", "parts", "empty", "tired", "fields")}
    routes = [*odd.routes(), *(Route(f"/{name}", call, methods=["POST"]) for name, call in more.items())]
    with serving(Starlette(routes=routes)) as address:
        yield address


def probed(url: str, spec: str) -> Probe:
    with closing(HttpTarget(parsed(spec, "spec", url), timeout=10)) as target:
        return probe(target)


def asking(path: str, answer: str = "reply", session: str = "session_id") -> str:
    return f'url: {path}\njson: {{message: "{{text}}", {session}: "{{session}}"}}\nanswer: "{answer}"\n'


def test_a_right_chat_answers_remembers_and_keeps_two_apart(url: str) -> None:
    found = probed(url, asking("/wrapped", "data.bubbles.0.text"))
    assert (found.answers, found.remembers, found.streams, found.leaked, found.answer) == (True, True, False, (), "")
    assert [one.number for one in found.exchanges] == [1, 1, 1, 2, 2]
    assert {finding.level for finding in found.findings} == {"good"}


def test_what_shows_to_the_second_user_already_is_said(url: str) -> None:
    found = probed(url, asking("/by-address", "answer"))
    assert set(found.leaked) == {"name", "order number", "address"}
    assert "the second user got the first one's name and order number and address" in found.lines[-1]


def test_forgetting_is_a_note_with_what_to_do(url: str) -> None:
    found = probed(url, asking("/forgetful"))
    assert found.remembers is False
    (memory,) = [finding for finding in found.findings if finding.about == "memory"]
    assert (memory.level, "{session}" in memory.text, "`keep`" in memory.text) == ("note", True, True)


@pytest.mark.parametrize("answer", ["", "result"])
def test_what_only_accepts_the_question_has_no_answer_to_name(url: str, answer: str) -> None:
    found = probed(url, asking("/queued", answer, "id"))
    assert (found.answers, found.answer) == (False, "")
    assert len(found.lines) == 2
    assert "`keep`, `then` and `until`" in found.lines[0]


def test_parts_of_a_form_are_sent_as_such(url: str) -> None:
    spec = 'url: /fields\nmultipart: {message: "{text}", session: "{session}"}\nanswer: reply\n'
    assert probed(url, spec).remembers


def test_a_rate_limit_is_said(url: str) -> None:
    found = probed(url, asking("/limiting", session="id"))
    assert found.answers
    assert found.limited > 0
    assert any("It limits its rate" in line for line in found.lines)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (asking("/me"), "It wants a login (it said 401"),
        (asking("/queued", "result", "id"), "It only accepts the question and answers later (202): say where"),
        (asking("/nowhere"), "There is no chat at this address (it said 404"),
        (asking("/threads/x/runs/wait"), "It does not understand the request (it said 422"),
        (asking("/failed"), "It does not answer: it said model overloaded."),
        (asking("/empty"), "every answer is empty"),
        (asking("/wrapped", "answer"), "It has texts at `data.bubbles.0.text`"),
    ],
)  # fmt: skip
def test_who_answers_nobody_is_told_what_to_do(spec: str, said: str, url: str) -> None:
    found = probed(url, spec.replace("/threads/x", "/threads/8f14e45f-ceea-467f-a8f2-1c2d3e4f5a6b"))
    assert not found.answers
    assert said in found.lines[0]
    assert found.findings[0].level == "wrong"


def test_what_fails_after_the_first_turns_is_said(url: str) -> None:
    found = probed(url, asking("/tired", "data.bubbles.0.text"))
    assert found.answers
    assert any("It answered at first, but not turn 3: it said 500" in line for line in found.lines)


@pytest.mark.parametrize(
    ("path", "place", "streams"), [("/wrapped", "data.bubbles.0.text", False), ("/parts", "piece", True)]
)
def test_the_place_of_the_answer_is_found_and_filled_in(path: str, place: str, streams: bool, url: str) -> None:
    draft = begun(f'curl {url}{path} --json \'{{"message": "Hi", "session_id": "s"}}\'')
    found, filled = tried(draft)
    assert (found.answers, found.remembers, found.streams, found.answer) == (True, True, streams, place)
    assert filled.values["answer"] == place
    assert any(f"`answer: {place}`" in line for line in found.lines)
    assert "session" not in found.exchanges[0].answer
    assert tried(filled)[0].answer == ""


def test_a_wrong_place_is_put_right_for_a_target_that_was_recognised(url: str) -> None:
    found, target = settled(HttpTarget(parsed(asking("/wrapped", "answer"), "spec", url)))
    with closing(target):
        assert found.answers
        assert "one order" in target.call("a", "one order")


@pytest.mark.parametrize(("name", "leaks"), [("right", False), ("shared", True)])
def test_a_callable_is_probed_too(name: str, leaks: bool) -> None:
    found = probe(FunctionTarget(f"{CHAT}:{name}"))
    assert (found.answers, found.remembers, bool(found.leaked)) == (True, True, leaks)


def test_whatever_a_callable_raises_is_an_answer_to_the_first_question() -> None:
    found = probe(FunctionTarget(f"{CHAT}:leaving"))
    assert not found.answers
    assert "SystemExit: 3" in found.lines[0]


def test_it_stops_between_two_turns() -> None:
    stop = threading.Event()
    stop.set()
    assert probe(FunctionTarget(f"{CHAT}:right"), stop).exchanges == ()


def test_its_users_are_not_the_run_s(url: str) -> None:
    with closing(
        HttpTarget(parsed(asking("/wrapped", "data.bubbles.0.text") + 'users: {login: "a{number}"}\n', "s", url))
    ) as it:
        probe(it)
        assert it._visitor("first").values("")["number"] == "1"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"id": "a", "choices": [{"message": {"role": "assistant", "content": "I am"}}]}, "choices.0.message.content"),
        ({"messages": [{"content": "Hello I am"}, {"type": "ai", "content": "Hi there"}]}, "messages.-1.content"),
        ({"query": "What now?", "result": "It is so", "trace": "a long trace of what was done here"}, "result"),
        ([{"generated_text": "Well then"}], "0.generated_text"),
    ],
)  # fmt: skip
def test_the_likeliest_place_is_first(value: object, path: str) -> None:
    assert likely([value], "What now?")[0] == path


def test_an_answer_of_any_size_and_depth_is_looked_at_in_bounds() -> None:
    deep: object = "deep text"
    for _ in range(500):
        deep = {"a": deep}
    wide = {f"k{number}": f"text {number}" for number in range(5000)}
    assert len(likely([{"deep": deep, **wide}], "")) <= 500


@pytest.mark.parametrize(
    "path",
    "/v1 /stream-only/v1/chat/completions /v1/responses /v1/chat-messages /rag/invoke /rag/stream "
    "/threads/{thread}/runs/wait /gradio_api/call/chat /webhook/4711/chat /api/v1/prediction/4711 /api/chat "
    "/mcp ws".split(),
)
@pytest.mark.parametrize("trust", [OWNER, LOCAL_VISITOR], ids=["owner", "visitor"])
def test_what_is_recognised_is_written_read_again_and_answers(path: str, trust: Trust, url: str) -> None:
    address = url.replace("http", "ws") + "/socket" if path == "ws" else url + path
    found, filled = tried(begun(address, trust), trust)
    assert (found.answers, found.remembers, found.leaked) == (True, True, ()), found.lines
    assert "Recognised: " in filled.text()


def test_an_address_that_nobody_knows_begins_with_a_common_form(url: str) -> None:
    draft = begun(f"{url}/wrapped-elsewhere/x", OWNER)
    assert "{text}" in draft.text()
