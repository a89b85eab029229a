"""Each figure of `/metrics` counts what it says, as it is really caused; a log of JSON lines and an OTLP receiver get
the same turns, without their texts. Two processes on one Redis count their own turns, and what they share as one."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc  # type: ignore[import-untyped]
import pytest
from langchain_core.messages import BaseMessage
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag.chat import ChatService
from rag.errors import CrosswireError, LibraryUnavailable, ModelUnavailable, SessionStoreUnavailable, TurnBusy, TurnLost
from rag.observability import TurnMetrics, TurnWatch
from rag.observability.logs import JsonLines
from rag.observability.spans import spans_if_wanted
from rag.probe import probe_if_due
from rag.services import Services
from rag.sessions import SessionStore, connect
from rag.sessions.log_names import log_name
from rag.web.api import ApiFirst
from tests import PROJECT, needs
from tests.chat.parts import ScriptedModel, ShelfLibrary
from tests.observability.test_probe import Shared
from tests.servers import Server, wait_for

QUESTION = "How long is the return window for a tent?"
RULES = PROJECT / "deploy" / "alerts.yaml"
PLAYED = Path(__file__).with_name("alerts.test.yaml")
"""What Prometheus' own tool plays to the rules."""


class Process:
    """What one process has, and what it tells Prometheus."""

    def __init__(self, store: SessionStore, client: Any, endpoint: str | None = None) -> None:
        self.model, self.library = ScriptedModel(), ShelfLibrary()
        self.watch = TurnWatch(TurnMetrics(), spans_if_wanted(endpoint))
        self.chat = ChatService(store, self.library, self.model, observer=self.watch, wait=20)
        settings = SimpleNamespace(metrics_token=None, canary_probe_model=False, offline=False)
        self.services = cast(
            Services,
            SimpleNamespace(client=client, store=store, chat=self.chat, watch=self.watch, settings=settings),
        )
        self.http = TestClient(ApiFirst(Starlette(), services=lambda: self.services), client=("127.0.0.1", 1))

    def figures(self) -> dict[str, float]:
        text = self.http.get("/metrics").text
        assert QUESTION not in text
        return {
            " ".join([sample.name, *sample.labels.values()]).removeprefix("crosswire_"): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def fails(self, error: type[Exception], sid: str = "ada") -> None:
        with pytest.raises(error):
            self.chat.answer(sid, QUESTION)


def changed(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Of what is counted: no times, sums and buckets."""
    names = [name for name in after if not re.search(r"_sum|_bucket|_created|timestamp", name)]
    return {name: after[name] - before.get(name, 0.0) for name in names if after[name] != before.get(name, 0.0)}


PHASES = {f"turn_phase_seconds_count {name}": 1.0 for name in ("load", "rewrite", "retrieve", "model", "save")}
ANSWERED = {"turns_total answered": 1.0, "turn_seconds_count": 1.0, **PHASES}


def raising(error: Exception) -> Any:
    def script(prompt: object) -> Iterator[str]:
        del prompt
        raise error

    return script


def test_each_figure_as_it_is_caused() -> None:
    with Server() as server, closing(connect(server.url)) as client, closing(connect(server.url)) as second:
        store = SessionStore(client)
        process, other = Process(store, client), Process(SessionStore(second), second)
        seen = process.figures()

        def news() -> dict[str, float]:
            nonlocal seen
            before, seen = seen, process.figures()
            return changed(before, seen)

        process.chat.answer("ada", QUESTION)
        assert news() == {**ANSWERED, "live_sessions": 1}
        assert changed({}, other.figures()) == {"live_sessions": 1, "store_up": 1}
        other.chat.answer("ben", QUESTION)  # of another process: only what both share
        assert news() == {"live_sessions": 1}

        told = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            with store.turn("ada"):
                waiting = pool.submit(lambda: _asked(process.chat, told))
                assert told.wait(20)
            waiting.result(20)
        assert news() == {**ANSWERED, "turn_phase_seconds_count lock_wait": 1}
        process.chat._wait = 0.01
        with store.turn("ada"):
            process.fails(TurnBusy)
        assert news() == {"turns_total busy": 1}

        def cleared(prompt: Sequence[BaseMessage]) -> Iterator[str]:
            store.clear("ada")
            yield f"to {len(prompt)}"

        process.model.script = cleared
        process.fails(TurnLost)
        assert news() == {"turns_total fenced": 1, "live_sessions": -1}
        for error, outcome in ((ModelUnavailable("http://m", "gone"), "model"), (RuntimeError(QUESTION), "error")):
            process.model.script = raising(error)
            process.fails(type(error), "cy")
            assert news() == {f"turns_total {outcome}": 1}
        process.model.script = ScriptedModel().script
        process.library.error = LibraryUnavailable("a folder", "locked", "Unlock it.")
        process.fails(LibraryUnavailable, "cy")
        assert news() == {"turns_total library": 1}
        process.library.error = None

        history = store.protocol.keys.of(cast(Any, "ben")).history
        client.rpush(history, json.dumps({"session_id": "ada", "text": QUESTION}), f"no JSON {QUESTION}")
        process.chat.answer("ben", QUESTION)
        assert news() == {**ANSWERED, "quarantined_elements": 2, "foreign_elements": 1}
        assert probe_if_due(process.services)
        assert news() == {}  # nobody's turns; and it found nothing
        assert seen["probe_crosstalk"] == 0
        process.services.chat = ChatService(store, ShelfLibrary(), ScriptedModel(), memory=Shared(20))  # type: ignore[misc]
        client.delete(store.protocol.keys.probe_turn)
        assert probe_if_due(process.services)
        assert news() == {"probe_crosstalk": 1, "probes_with_crosstalk": 1}
        assert seen["probe_timestamp_seconds"] == pytest.approx(other.figures()["probe_timestamp_seconds"])
        _alarms_name_what_there_is(seen)

        server.kill()
        process.fails(SessionStoreUnavailable)
        assert (news()["turns_total store"], seen["store_up"]) == (1, 0)
        assert "live_sessions" not in seen


def _asked(chat: ChatService, told: threading.Event) -> None:
    with chat.stream("ada", QUESTION) as events:
        for _ in events:
            told.set()  # the first one is that it waits


def _alarms_name_what_there_is(figures: dict[str, float]) -> None:
    text = RULES.read_text()
    names = set(re.findall(r"\bcrosswire_(\w+)", text))
    assert len(names) >= 6
    assert names <= {name.partition(" ")[0] for name in figures}
    outcomes = {name.partition(" ")[2] for name in figures if name.startswith("turns_total")}
    assert set(re.findall(r'outcome=~"([\w|]+)"', text)[0].split("|")) <= outcomes


@pytest.mark.parametrize("command", [("check", RULES), ("test", PLAYED)])
def test_each_alarm_rings_when_it_should_and_only_then(command: tuple[str, Path]) -> None:
    what, file = command
    done = subprocess.run([needs.program("promtool"), what, "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Receiver:
    """An OTLP receiver, as far as an exporter can tell."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self._server = grpc.server(ThreadPoolExecutor(1))
        handler = grpc.unary_unary_rpc_method_handler(
            self._taken, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
        )
        name = "opentelemetry.proto.collector.trace.v1.TraceService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": handler}),))
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def _taken(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:
        del context
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return ExportTraceServiceResponse()

    def __enter__(self) -> Receiver:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()


def test_a_receiver_and_the_log_get_each_turn_without_its_text(
    store: SessionStore, sid: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with Receiver() as receiver, caplog.at_level(logging.INFO):
        process = Process(store, store._client, receiver.url)
        reply = process.chat.answer(sid, QUESTION)
        store._client.rpush(store.protocol.keys.of(cast(Any, sid)).history, f"no JSON {QUESTION}")
        process.chat.answer(sid, QUESTION)
        process.model.script = raising(ModelUnavailable("http://m", "gone"))
        process.fails(CrosswireError, sid)
        wait_for(lambda: sum(span.name == "turn" for span in receiver.spans) == 2, "two turns")
    turns = {span.span_id: span for span in receiver.spans if span.name == "turn"}
    for number, whole in enumerate(turns.values(), 1):
        told = {pair.key: pair.value.string_value or pair.value.int_value for pair in whole.attributes}
        assert told == {"crosswire.session": log_name(sid), "crosswire.turn": number}
        inside = [span for span in receiver.spans if span.parent_span_id == whole.span_id]
        assert {"load", "retrieve", "ask", "save"} <= {span.name for span in inside}
        assert all(span.trace_id == whole.trace_id for span in inside)
    records = [record for record in caplog.records if record.name.startswith(("rag.", "crosswire"))]
    lines = [json.loads(JsonLines().format(record)) for record in records]
    assert [(line["level"], line.get("turn"), line.get("outcome")) for line in lines] == [
        ("info", 1, None),
        ("error", 2, None),  # what was put into quarantine
        ("info", 2, None),
        ("info", 3, "model"),
    ]
    assert {line["session"] for line in lines} == {log_name(sid)}
    sent = json.dumps(lines) + "".join(map(str, receiver.spans))
    for private in (QUESTION, reply.text, sid):
        assert private not in sent
