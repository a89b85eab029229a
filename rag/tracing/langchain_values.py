"""What a run's metadata, its parameters and its results say, as LangChain hands them to a callback handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document
from langchain_core.outputs import LLMResult

from rag.errors import BadSessionId
from rag.sessions.ids import SessionId
from rag.tracing import conventions as names
from rag.tracing.spans import Said, Span

KEYS = (names.CONVERSATION, "conversation_id", "session_id", "thread_id")
"""Where the metadata of a run may name its conversation, best first. LangChain puts what is `configurable` there."""


def conversation_of(metadata: Mapping[str, Any] | None) -> str | None:
    for key in KEYS:
        found = (metadata or {}).get(key)
        if isinstance(found, str | int) and not isinstance(found, bool):
            try:
                return SessionId(str(found))
            except BadSessionId:
                continue
    return None


def model_of(serialized: Any, metadata: Mapping[str, Any] | None, kwargs: Mapping[str, Any]) -> str:
    given = kwargs.get("invocation_params")
    params = given if isinstance(given, dict) else {}
    known = (params.get("model"), params.get("model_name"), (metadata or {}).get("ls_model_name"))
    name = serialized.get("name") if isinstance(serialized, dict) else None
    return next((one[:100] for one in (*known, name) if isinstance(one, str) and one), "")


def note_answer(span: Span, response: LLMResult, *, text: bool) -> None:
    generations = response.generations[0] if response.generations else []
    told: list[Said] = [("assistant", one.text or "") for one in generations[:1]]
    span.messages(told, sent=False, text=text)
    message = getattr(generations[0], "message", None) if generations else None
    usage = getattr(message, "usage_metadata", None) or {}
    for name, key in ((names.INPUT_TOKENS, "input_tokens"), (names.OUTPUT_TOKENS, "output_tokens")):
        if isinstance(usage.get(key), int):
            span.attributes[name] = usage[key]
    about = getattr(message, "response_metadata", None) or {}
    if isinstance(about.get("model_name"), str):
        span.attributes[names.RESPONSE_MODEL] = about["model_name"][:100]
    if isinstance(about.get("finish_reason"), str):
        span.attributes[names.FINISH_REASONS] = [about["finish_reason"][:40]]


def document_of(number: int, one: Document) -> dict[str, Any]:
    """Its id, or its place, and its score, if the retriever says it. Never its text or title."""
    score = one.metadata.get("score", one.metadata.get("relevance_score"))
    known = {"id": str(one.id or one.metadata.get("id") or number)[:100]}
    return known | ({"score": float(score)} if isinstance(score, int | float) else {})
