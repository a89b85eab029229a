"""What is told of turns: right figures, and neither a text nor a session's id in any of it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag.chat import ChatService, Finished
from rag.errors import ModelUnavailable, SessionStoreUnavailable, TurnBusy
from rag.observability import TurnMetrics, TurnWatch
from rag.observability.logs import JsonLines
from rag.observability.spans import spans_if_wanted, spans_to
from rag.services import Services
from rag.sessions import SessionStore
from rag.web.api import ApiFirst
from tests.chat.parts import ScriptedModel, ShelfLibrary

QUESTION = "How long is the return window for a tent?"


def gone(prompt: object) -> Iterator[str]:
    del prompt
    raise ModelUnavailable("http://model", "gone")


def figures(text: str) -> dict[str, float]:
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_each_turn_is_counted_logged_and_traced_without_its_text(
    store: SessionStore, sid: str, caplog: pytest.LogCaptureFixture
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    watch = TurnWatch(TurnMetrics(), spans_to(provider))
    model = ScriptedModel()
    chat = ChatService(store, ShelfLibrary(), model, observer=watch, wait=0.01)
    with caplog.at_level(logging.INFO, "crosswire.turns"):
        reply = chat.answer(sid, QUESTION)
        with store.turn(sid), pytest.raises(TurnBusy):
            chat.answer(sid, QUESTION)
        model.script = gone
        with pytest.raises(ModelUnavailable):
            chat.answer(sid, QUESTION)
    held = SimpleNamespace(metrics_token=None)
    services = cast(Services, SimpleNamespace(client=store._client, store=store, watch=watch, settings=held))
    scraped = TestClient(ApiFirst(Starlette(), services=lambda: services), client=("127.0.0.1", 1)).get("/metrics")
    seen = figures(scraped.text)
    assert {name: seen[f"crosswire_turns_total {name}"] for name in ("answered", "busy", "model", "error")} == {
        "answered": 1,
        "busy": 1,
        "model": 1,
        "error": 0,
    }
    assert seen["crosswire_turn_phase_seconds_count model"] == seen["crosswire_turn_seconds_count"] == 1
    assert seen["crosswire_turn_phase_seconds_count lock_wait"] == 0
    assert seen["crosswire_turn_seconds_sum"] == pytest.approx(reply.timings.total)
    assert (seen["crosswire_store_up"], seen["crosswire_foreign_elements"]) == (1, 0)
    assert seen["crosswire_live_sessions"] >= 1

    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "crosswire.turns"]
    numbered = [(line.get("turn"), line.get("outcome")) for line in lines]
    assert numbered == [(1, None), (None, "busy"), (2, "model")], "one that waited for another had no number yet"
    assert len({line["session"] for line in lines}) == 1
    spans = exporter.get_finished_spans()
    whole = next(span for span in spans if span.name == "turn")
    assert {"load", "retrieve", "ask", "save"} <= {span.name for span in spans}
    assert all(span.parent.span_id == whole.context.span_id for span in spans if span is not whole and span.parent)
    told = scraped.text + json.dumps(lines) + "".join(span.to_json() for span in spans)
    for private in (sid, sid[:16], QUESTION, reply.text):
        assert private not in told


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_turn_that_was_stopped_is_counted_and_logged_as_that_and_one_that_had_ended_is_not(
    store: SessionStore, sid: str, caplog: pytest.LogCaptureFixture, taken: int
) -> None:
    watch = TurnWatch(TurnMetrics())
    chat = ChatService(store, ShelfLibrary(), ScriptedModel(), observer=watch)
    with caplog.at_level(logging.INFO, "crosswire.turns"):
        with chat.stream(sid, QUESTION) as events:
            for _ in range(taken):
                next(events)
        with chat.stream(sid, QUESTION, tokens=False) as events:
            next(events)
            events.stop()  # as a reader does that waits for nothing
        with chat.stream(sid, QUESTION) as events:
            ended = list(events)
    assert {name: number for name, number in watch.metrics.counts().items() if number} == {"stopped": 2, "answered": 1}
    told = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert [(line["turn"], line.get("outcome")) for line in told] == [(1, "stopped"), (1, "stopped"), (1, None)]
    assert isinstance(ended[-1], Finished)
    assert ended[-1].reply.text not in json.dumps(told)


def test_who_may_read_the_metrics() -> None:
    class Gone:
        def __getattr__(self, name: str) -> Any:
            raise SessionStoreUnavailable("redis://secret", "gone")

    settings = SimpleNamespace(metrics_token=None)
    services = cast(Services, SimpleNamespace(store=Gone(), watch=TurnWatch(TurnMetrics()), settings=settings))
    app = ApiFirst(Starlette(), services=lambda: services)
    here, elsewhere = TestClient(app, client=("127.0.0.1", 1)), TestClient(app, client=("10.0.0.9", 1))
    assert figures(here.get("/metrics").text)["crosswire_store_up"] == 0
    assert here.get("/healthz").json() == {"status": "ok"}
    assert here.get("/readyz").status_code == 503
    assert here.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert elsewhere.get("/metrics").status_code == 403
    settings.metrics_token = SecretStr("0123456789abcdef")
    assert here.get("/metrics").status_code == 401
    assert elsewhere.get("/metrics", headers={"Authorization": "Bearer 0123456789abcdef"}).status_code == 200


def test_no_endpoint_no_spans() -> None:
    assert spans_if_wanted(None) is None


def test_json_lines_have_a_line_for_a_turn_and_none_for_a_request() -> None:
    told = (
        "import logging; from rag.observability.logs import set_up; set_up('json');"
        "logging.getLogger('uvicorn.access').info('GET /');"
        "logging.getLogger('crosswire.turns').info('a turn', extra={'fields': {'turn': 3}});"
        "logging.getLogger('other').warning('two\\nlines')"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["message"], line.get("turn")) for line in lines] == [("a turn", 3), ("two\nlines", None)]
