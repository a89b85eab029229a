"""The same conversations as each tool records them. By name: a function from turns to the text of a file."""

from __future__ import annotations

from tests.crosstalk.log.langfuse_shapes import (
    langfuse_api,
    langfuse_blobs,
    langfuse_observations,
    langfuse_sessions,
    langfuse_texts,
    langfuse_traces,
)
from tests.crosstalk.log.langsmith_shapes import (
    langsmith_langchain,
    langsmith_langgraph,
    langsmith_openai,
)
from tests.crosstalk.log.otel_shapes import (
    otel_content_events,
    otel_log_records,
    otel_message_events,
    otel_numbered,
    otel_structured,
)
from tests.crosstalk.log.recorder import Shape

SHAPES: dict[str, Shape] = {
    one.__name__: one
    for one in (
        langfuse_traces,
        langfuse_texts,
        langfuse_api,
        langfuse_observations,
        langfuse_blobs,
        langfuse_sessions,
        otel_structured,
        otel_numbered,
        otel_content_events,
        otel_message_events,
        otel_log_records,
        langsmith_langchain,
        langsmith_langgraph,
        langsmith_openai,
    )
}
