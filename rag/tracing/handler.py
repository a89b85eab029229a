"""`crosswire.trace`: a LangChain callback handler that sends an application's turns to be looked at in the inspector.

It holds nothing of a turn that has ended, never raises into the application, and never makes it wait. Texts are sent
only where that is asked for; without them, digests tell whether a prompt holds what is another conversation's.
"""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from rag.errors import BadSetting
from rag.sessions.ids import SessionId
from rag.settings import without_password
from rag.tracing import conventions as names
from rag.tracing.langchain_values import conversation_of, document_of, model_of, note_answer
from rag.tracing.sender import Deliver, Sender, to_redis, to_server
from rag.tracing.spans import Said, Span, otlp
from rag.tracing.store import TTL

LOG = logging.getLogger(__name__)
MOST_OPEN = 2000
"""Runs that have begun and not ended; the oldest is forgotten for a further one."""
F = TypeVar("F", bound=Callable[..., Any])


def trace(
    to: str | Any,
    *,
    conversation_id: str | None = None,
    text: bool = False,
    service: str = "",
    token: str = "",
    ttl: int = TTL,
) -> TraceHandler:
    """A callback handler: `chain.invoke(question, config={"callbacks": [handler], "metadata": {"session_id": id}})`.

    to: a Redis address or client, or the http(s) address of a Crosswire server, which then needs its TRACE_TOKEN as
    `token`. conversation_id: of all turns, where the runs' metadata do not say (gen_ai.conversation.id,
    conversation_id, session_id or thread_id); a turn that names none is not sent. text: send what was said, too.
    service: the application's name. ttl: seconds for which Redis keeps a conversation after its last turn.

    Raises BadSetting for an address of another kind, BadSessionId, SessionStoreUnavailable if Redis does not answer.
    """
    if conversation_id is not None:
        SessionId(conversation_id)
    return TraceHandler(Sender(_deliver(to, token, ttl)), conversation_id, text=text, service=service)


def _deliver(to: str | Any, token: str, ttl: int) -> Deliver:
    if not isinstance(to, str):
        return to_redis(to, ttl)
    scheme = urlsplit(to).scheme
    if scheme in ("http", "https"):
        return to_server(to, token)
    if scheme in ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster"):
        from rag.sessions import connect

        return to_redis(connect(to), ttl)
    shown = without_password(to)[:60]
    raise BadSetting("to", shown, "a Redis address, or the http:// or https:// address of a Crosswire server")


def _quiet(method: F) -> F:
    """What goes wrong in a callback is this handler's business alone."""

    @wraps(method)
    def safe(self: TraceHandler, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as exc:
            LOG.debug("A callback of the trace failed: %s", type(exc).__name__)

    return cast(F, safe)


@dataclass(slots=True)
class _Run:
    """What is known of a run that goes on. root: of the turn that it belongs to. spans: of a root, those that ended."""

    root: UUID
    conversation: str | None
    span: Span | None = None
    spans: list[Span] = field(default_factory=list)


class TraceHandler(BaseCallbackHandler):
    """Thread-safe: one may serve all conversations of an application."""

    raise_error = False
    run_inline = False

    def __init__(self, sender: Sender, conversation_id: str | None, *, text: bool, service: str) -> None:
        self._sender = sender
        self._conversation = conversation_id
        self._text = text
        self._service = service or "langchain"
        self._runs: OrderedDict[UUID, _Run] = OrderedDict()
        self._lock = Lock()
        self.unnamed = 0
        """Turns that named no conversation, and were not sent."""

    @property
    def dropped(self) -> int:
        """Turns that could not be sent."""
        return self._sender.dropped

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all turns are sent, for so long at most: before a script ends. True if they are."""
        return self._sender.flush(seconds)

    def close(self, seconds: float = 5.0) -> bool:
        """As `flush`; nothing is sent after it."""
        return self._sender.close(seconds)

    # --- what LangChain calls

    @_quiet
    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        del serialized, inputs, kwargs
        self._begin(run_id, parent_run_id, metadata, None)

    @_quiet
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        del outputs, kwargs
        self._end(run_id)

    @_quiet
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        del error, kwargs
        self._end(run_id)

    @_quiet
    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        sent = [(names.ROLES.get(one.type, one.type), str(one.text)) for one in (messages[0] if messages else ())]
        self._asked(run_id, parent_run_id, metadata, model_of(serialized, metadata, kwargs), sent)

    @_quiet
    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        sent = [("user", prompt) for prompt in prompts[:1]]
        self._asked(run_id, parent_run_id, metadata, model_of(serialized, metadata, kwargs), sent)

    @_quiet
    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        del token, kwargs
        run = self._runs.get(run_id)
        if run is not None and run.span is not None and names.FIRST_CHUNK not in run.span.attributes:
            run.span.attributes[names.FIRST_CHUNK] = (time.time_ns() - run.span.start) / 1e9

    @_quiet
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        del kwargs
        run = self._runs.get(run_id)
        if run is not None and run.span is not None:
            note_answer(run.span, response, text=self._text)
        self._end(run_id)

    @_quiet
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        del kwargs
        self._end(run_id, error)

    @_quiet
    def on_retriever_start(
        self,
        serialized: dict[str, Any] | None,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        del serialized, kwargs
        span = Span(names.RETRIEVAL, time.time_ns())
        if self._text:
            span.attributes[names.QUERY] = query[: names.LONGEST_TEXT]
        self._begin(run_id, parent_run_id, metadata, span)

    @_quiet
    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **kwargs: Any) -> None:
        del kwargs
        run = self._runs.get(run_id)
        if run is not None and run.span is not None:
            found = [document_of(number, one) for number, one in enumerate(documents[: names.MOST_DOCUMENTS], 1)]
            run.span.attributes[names.DOCUMENTS] = json.dumps(found)
        self._end(run_id)

    on_retriever_error = on_llm_error

    @_quiet
    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        del serialized, input_str, kwargs
        self._begin(run_id, parent_run_id, metadata, None)

    @_quiet
    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        del output, kwargs
        self._end(run_id)

    on_tool_error = on_chain_error

    # --- what is kept of it

    def _asked(
        self,
        run_id: UUID,
        parent: UUID | None,
        metadata: Mapping[str, Any] | None,
        model: str,
        sent: Sequence[Said],
    ) -> None:
        span = Span(names.CHAT, time.time_ns())
        if model:
            span.attributes[names.REQUEST_MODEL] = model
        span.messages(sent, sent=True, text=self._text)
        self._begin(run_id, parent, metadata, span)

    def _begin(self, run_id: UUID, parent: UUID | None, metadata: Mapping[str, Any] | None, span: Span | None) -> None:
        named = conversation_of(metadata)
        with self._lock:
            above = self._runs.get(parent) if parent is not None else None
            root = above.root if above is not None else run_id
            self._runs[run_id] = _Run(root, named or (above.conversation if above else None), span)
            while len(self._runs) > MOST_OPEN:
                self._runs.popitem(last=False)

    def _end(self, run_id: UUID, error: BaseException | None = None) -> None:
        with self._lock:
            run = self._runs.pop(run_id, None)
            if run is None:
                return
            top = run if run.root == run_id else self._runs.get(run.root)
            if run.span is not None:
                run.span.end = time.time_ns()
                run.span.error = type(error).__name__ if error is not None else ""
                if top is not None and len(top.spans) < names.MOST_SPANS:
                    top.spans.append(run.span)
            if top is not None and run.conversation and not top.conversation:
                top.conversation = run.conversation
        if run.root == run_id:
            self._send(run)

    def _send(self, run: _Run) -> None:
        if not any(span.operation == names.CHAT for span in run.spans):
            return
        conversation = run.conversation or self._conversation
        if not conversation:
            self.unnamed += 1
            return
        self._sender.put((conversation, otlp(conversation, run.spans, self._service)))
