"""A chat model behind any OpenAI-compatible server (OpenAI, Ollama, vLLM, llama.cpp).

Whatever the server does, an answer is complete or a ModelError, and it ends within twice `limit` seconds. Nothing is
asked twice once a token came. No error shows the key or what else the address held besides host, port and path.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import httpx2
import openai
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from rag.chat.faults import shown_address, translate
from rag.errors import ModelBusy, ModelRefused, ModelUnavailable

OPENAI = "https://api.openai.com/v1"
CONNECT_SECONDS = 5.0
PATIENCE_SECONDS = 5.0
"""A server that asks for a longer pause than this is reported as busy at once."""

Chunks = Generator[ChatGenerationChunk]
_BACKOFF = wait_random_exponential(multiplier=0.5, max=4)


class CompatibleChat(ChatOpenAI):
    """ChatOpenAI that keeps the promise of this module. `attempts` counts the first one."""

    limit: float
    attempts: int

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        def open_stream() -> tuple[list[ChatGenerationChunk], Chunks]:
            return self._until_first_token(self._whole(messages, stop, run_manager, **kwargs))

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts) | stop_after_delay(self.limit / 2),
            wait=_pause,
            retry=retry_if_exception(_worth_repeating),
            reraise=True,
        )
        begun, rest = retrying(open_stream)
        with closing(rest):
            yield from begun
            yield from rest

    # ChatOpenAI's own asynchronous stream has none of the bounds; this one runs `_stream` in a thread.
    _astream = BaseChatModel._astream

    @staticmethod
    def _until_first_token(
        chunks: Chunks,
    ) -> tuple[list[ChatGenerationChunk], Chunks]:
        begun = []
        for chunk in chunks:
            begun.append(chunk)
            if chunk.text:
                break
        return begun, chunks

    def _whole(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        run_manager: CallbackManagerForLLMRun | None,
        **kwargs: Any,
    ) -> Chunks:
        """One attempt. Only a stream that says why it finished is an answer."""
        reason, empty = None, True
        try:
            for chunk in super()._stream(messages, stop, run_manager, **kwargs):
                reason = (chunk.generation_info or {}).get("finish_reason") or reason
                empty = empty and not chunk.text
                yield chunk
        except Exception as exc:
            raise translate(exc, self._target, self.model_name) from exc
        if reason == "content_filter":
            stopped = "its content filter stopped the answer"
            raise ModelRefused(self._target, stopped, stopped)
        if reason is None:
            raise ModelUnavailable(self._target, "the answer broke off" if not empty else "it sent no answer")
        if empty:
            raise ModelUnavailable(self._target, "the answer was empty")

    @property
    def _target(self) -> str:
        return shown_address(self.openai_api_base or OPENAI)


def connect(model: str, base_url: str | None, key: SecretStr | None, *, limit: float, retries: int) -> CompatibleChat:
    """A model whose answers take at most `limit` seconds an attempt. Servers that need no key get a dummy."""
    silence = limit / 2
    return CompatibleChat(
        model=model,
        base_url=base_url or OPENAI,
        api_key=key or SecretStr("not-needed"),
        timeout=httpx2.Timeout(silence, connect=min(CONNECT_SECONDS, silence)),  # overrides that of the client
        http_client=_BoundedClient(limit),
        max_retries=0,
        streaming=True,
        stream_usage=base_url is None,  # many compatible servers refuse the option
        use_responses_api=False,
        limit=limit,
        attempts=retries + 1,
    )


# --- time limits ---------------------------------------------------------------------------------------------


class _BoundedClient(httpx2.Client):
    """An HTTP client that gives up on a body after `limit` seconds, even when keep-alives trickle in forever."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        super().__init__(
            limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
            follow_redirects=True,
        )

    def send(self, request: httpx2.Request, *, stream: bool = False, **kwargs: Any) -> httpx2.Response:
        deadline = time.monotonic() + self._limit
        response = super().send(request, stream=True, **kwargs)
        if not isinstance(response.stream, httpx2.SyncByteStream):
            return response
        response.stream = _BoundedStream(response.stream, request, deadline)
        if not stream:
            with closing(response):
                response.read()
        return response


class _BoundedStream(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, request: httpx2.Request, deadline: float) -> None:
        self._inner = inner
        self._request = request
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for part in self._inner:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the whole answer took too long", request=self._request)
            yield part

    def close(self) -> None:
        self._inner.close()


# --- what is asked again --------------------------------------------------------------------------------------


def _worth_repeating(exc: BaseException) -> bool:
    if isinstance(exc, ModelBusy):
        return exc.retry_after is None or exc.retry_after <= PATIENCE_SECONDS
    return isinstance(exc, ModelUnavailable) and isinstance(exc.__cause__, openai.OpenAIError | None)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    jitter = float(_BACKOFF(state))
    if isinstance(error, ModelBusy) and error.retry_after:
        return error.retry_after + jitter / 4
    return jitter
