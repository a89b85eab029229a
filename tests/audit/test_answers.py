"""What shows nothing but answers, a function or a running chat: judged by whose words they hold, or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.checks import CHECKS
from rag.audit.kit.opening import Target
from rag.audit.results import Outcome
from rag.audit.run.loading import loaded
from rag.audit.run.trying import tried

DESCRIBED = "url: {url}\njson: {{id: '{{session}}', text: '{{text}}'}}\nanswer: answer\n"
GIVES_IDS = "url: {url}\njson: {{id: null, text: '{{text}}'}}\nanswer: answer\ncookies: {{sid: '{{uuid}}'}}\n"


def outcome_of(check: str, target: Any) -> Outcome:
    target = target if isinstance(target, Target) else Target(target, ADAPTERS)
    return asyncio.run(tried(CHECKS[check], target))


def chat(key: Callable[[str], str], *, tells: bool = True) -> Callable[[str, str], str]:
    """One that keeps what was said under this key, and repeats it, or does not."""
    said: dict[str, list[str]] = {}

    def answer(session_id: str, text: str) -> str:
        kept = said.setdefault(key(session_id), [])
        kept.append(text)
        return " / ".join(kept) if tells else "Fine."

    return answer


def test_ids_are_told_apart_by_answers_and_not_at_all_where_they_tell_nothing() -> None:
    exact, folding = outcome_of("apart.case", chat(str)), outcome_of("apart.case", chat(str.lower))
    silent, unread = outcome_of("apart.case", chat(str.lower, tells=False)), outcome_of("whole.pairs", chat(str))
    assert [each.status for each in (exact, folding, silent, unread)] == ["pass", "fail", "unknown", "not applicable"]
    assert "alice" in folding.evidence
    assert exact.tried == ["sync: one after the other"]


class Shared:
    """The id of a call lies on the object while it is answered."""

    def __init__(self) -> None:
        self.answer = chat(str)
        self.session = ""

    def blocking(self, session_id: str, text: str) -> str:
        self.session = session_id
        return self.answer(self.session, text)

    async def awaiting(self, session_id: str, text: str) -> str:
        self.session = session_id
        await asyncio.sleep(0)
        return self.answer(self.session, text)

    async def apart(self, session_id: str, text: str) -> str:
        await asyncio.sleep(0)
        return self.answer(session_id, text)


def test_an_id_on_the_object_is_found_at_a_line_and_at_an_await() -> None:
    shared = Shared()
    calls = [shared.blocking, shared.awaiting, shared.apart, chat(str), chat(str, tells=False)]
    found = [outcome_of("apart.shared-read", call) for call in calls]
    assert [each.status for each in found] == ["fail", "fail", "pass", "pass", "unknown"]
    assert "test_answers.py:" in found[0].evidence
    assert "held at await 1" in found[1].evidence
    assert found[2].tried == ["async: the first call was held at 1 of its 1 awaits while the other ran"]


class Routed:
    """A right chat behind one transport, which hands each answer to the first who waits for its request's id: a number
    that each client counts, alone or with the client's name. in_vain: to the last one, and nobody else is answered."""

    def __init__(self, *, by_client: bool, in_vain: bool = False) -> None:
        self.answer = chat(str)
        self.by_client, self.in_vain = by_client, in_vain
        self.counts: Counter[str] = Counter()
        self.waiting: defaultdict[Any, list[Future[str]]] = defaultdict(list)
        self.lock = threading.Lock()

    def request(self, client: str) -> tuple[Any, Future[str]]:
        reply: Future[str] = Future()
        with self.lock:
            self.counts[client] += 1
            number = (client, self.counts[client]) if self.by_client else self.counts[client]
            self.waiting[number].append(reply)
        return number, reply

    def reply(self, number: Any, text: str) -> None:
        with self.lock:
            replies = self.waiting[number]
            if not replies:  # whoever waited for this has been told something else
                return
            first = replies.pop(-1 if self.in_vain else 0)
            if self.in_vain:
                replies.clear()
        with suppress(InvalidStateError):  # given up
            first.set_result(text)

    def blocking(self, session_id: str, text: str) -> str:
        number, reply = self.request(session_id)
        # Answers are swapped where the second one overtakes, and nobody waits in vain but where it does not.
        first = len(self.waiting[number]) == 1
        time.sleep(0.06 if first else 0.12 if self.in_vain else 0.01)
        self.reply(number, self.answer(session_id, text))
        return reply.result(0.3)

    async def awaiting(self, session_id: str, text: str) -> str:
        number, reply = self.request(session_id)
        await asyncio.sleep(0)
        self.reply(number, self.answer(session_id, text))
        return await asyncio.wait_for(asyncio.wrap_future(reply), 0.1)


def test_equal_request_ids_are_found_and_ids_of_ones_own_are_not(
    served: Callable[[Callable[[str, str], str]], str], tmp_path: Path
) -> None:
    def asked(chat: Routed) -> list[Any]:
        file = tmp_path / "chat.yaml"
        file.write_text(DESCRIBED.format(url=served(chat.blocking)), encoding="utf-8")
        return [chat.blocking, chat.awaiting, loaded(str(file))]

    kinds = {"swapped": Routed(by_client=False), "in vain": Routed(by_client=False, in_vain=True)}
    for name, wrong in kinds.items():
        found = [outcome_of("apart.shared-read", one) for one in asked(wrong)]
        assert [each.status for each in found] == ["fail"] * 3, (name, found)
        assert all("which was said in" in each.evidence for each in found)
    right = [outcome_of("apart.shared-read", one) for one in asked(Routed(by_client=True))]
    assert [each.status for each in right] == ["pass"] * 3, right


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[str, str], str]], str]]:
    """Serve a function at an address of its own."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answer: Callable[[str, str], str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sent = json.dumps({"answer": answer(asked["id"] or self.headers["Cookie"], asked["text"])}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_running_chat_is_asked_as_its_description_says(
    served: Callable[[Callable[[str, str], str]], str], tmp_path: Path
) -> None:
    router = threading.Barrier(2, timeout=0.2)
    waiting: dict[str, str] = {}
    answer = chat(str)

    def routed(session_id: str, text: str) -> str:
        """Answers of two that ask at the same time are swapped."""
        waiting[session_id] = answer(session_id, text)
        try:
            router.wait()
        except threading.BrokenBarrierError:
            router.reset()
            return waiting[session_id]
        return next((waiting[other] for other in waiting if other != session_id), waiting[session_id])

    def target(answer: Callable[[str, str], str], described: str) -> Target:
        file = tmp_path / "chat.yaml"
        file.write_text(described.format(url=served(answer)), encoding="utf-8")
        return loaded(str(file))

    found = [
        outcome_of("apart.case", target(chat(str), DESCRIBED)),
        outcome_of("apart.case", target(chat(str.lower), DESCRIBED)),
        outcome_of("apart.case", target(chat(str), GIVES_IDS)),
        outcome_of("apart.shared-read", target(chat(str), GIVES_IDS)),
        outcome_of("apart.shared-read", target(routed, DESCRIBED)),
    ]
    assert [each.status for each in found] == ["pass", "fail", "not applicable", "pass", "fail"], found
    assert "the chat gives its own ids" in found[2].evidence
    assert "a mix-up of one time in ten is missed with 12%" in found[3].tried[0]
