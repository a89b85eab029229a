"""OpenTelemetry spans of turns, where OTEL_EXPORTER_OTLP_ENDPOINT is set: one a turn, and one below it for each phase.

They are made when the turn is over, from its timings: while it runs, nothing is done for them. What is sent goes out of
a thread of the SDK's own, whose settings are OpenTelemetry's variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.chat import Timings
from rag.observability.turns import Spans

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

PHASES = ("wait", "load", "rewrite", "retrieve", "ask", "save")
NANO = 1_000_000_000


def spans_if_wanted(endpoint: str | None) -> Spans | None:
    """None, and nothing imported, where no endpoint is set."""
    if endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({SERVICE_NAME: "crosswire"}).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return spans_to(provider)


def spans_to(provider: TracerProvider) -> Spans:
    from opentelemetry.trace import set_span_in_context

    tracer = provider.get_tracer("crosswire")

    def written(session: str, turn: int, ended: float, timings: Timings) -> None:
        at = int((ended - timings.total) * NANO)
        whole = tracer.start_span(
            "turn", start_time=at, attributes={"crosswire.session": session, "crosswire.turn": turn}
        )
        inside = set_span_in_context(whole)
        for phase in PHASES:
            if seconds := getattr(timings, phase):
                span = tracer.start_span(phase, inside, start_time=at)
                at += int(seconds * NANO)
                span.end(at)
        whole.end(int(ended * NANO))

    return written
