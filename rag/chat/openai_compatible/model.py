"""A chat model behind any OpenAI-compatible server (OpenAI, Ollama, vLLM, llama.cpp).

Whatever the server does, an answer is complete or a ModelError, and it ends within twice `limit` seconds. Nothing is
asked twice once a token came. No error shows the key or what else the address held besides host, port and path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import httpx2
import openai
import pycurl
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from rag.chat.openai_compatible.errors import shown_address, translate
from rag.chat.openai_compatible.wire import BoundedClient, Delta, Deltas, Wire, bounded
from rag.errors import AnswerTooLong, ModelBusy, ModelRefused, ModelUnavailable

OPENAI = "https://api.openai.com/v1"
CONNECT_SECONDS = 5.0
LONGEST = 16_000
CHARS_A_TOKEN = 6
"""More than a token has on average, so that a server ends an answer before it is too long and all of it is lost."""
MAX_TOKENS = "max_completion_tokens"
"""As OpenAI calls it now; other servers keep the older name."""
PATIENCE_SECONDS = 5.0
"""A server that asks for a longer pause than this is reported as busy at once."""

_BACKOFF = wait_random_exponential(multiplier=0.5, max=4)


class CompatibleChat(ChatOpenAI):
    """ChatOpenAI that keeps the promise of this module. `attempts` counts the first one; `longest`: characters.

    What is plain text is read from the wire here: ChatOpenAI takes ten times as long for a token. Calls with other
    arguments (tools, a format) go its way.
    """

    limit: float
    attempts: int
    longest: int
    _wire: Wire = PrivateAttr()

    def pieces(self, messages: Sequence[BaseMessage], *, whole: bool = False) -> Iterator[tuple[str, str]]:
        """The answer as it comes, without LangChain's callbacks, so that it can be stopped. See `Direct`."""
        with closing(self._answer(lambda: self._asked([*messages], stream=not whole))) as deltas:
            for delta in deltas:
                yield delta.text, ""

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        def asked() -> Deltas:
            if not kwargs:
                return self._asked(messages, stop)
            chunks = super(CompatibleChat, self)._stream(messages, stop, run_manager, **kwargs)
            return (Delta(one.text, (one.generation_info or {}).get("finish_reason"), one) for one in chunks)

        with closing(self._answer(asked)) as deltas:
            for delta in deltas:
                chunk = delta.chunk
                if chunk is None:
                    info = {"finish_reason": delta.reason} if delta.reason else {}
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=delta.text), generation_info=info)
                    if run_manager is not None:
                        run_manager.on_llm_new_token(delta.text, chunk=chunk)
                yield chunk

    # ChatOpenAI's own asynchronous stream has none of the bounds; this one runs `_stream` in a thread.
    _astream = BaseChatModel._astream

    def _answer(self, ask: Callable[[], Deltas]) -> Deltas:
        def opened() -> tuple[list[Delta], Deltas]:
            begun, deltas = [], self._whole(ask())
            for delta in deltas:
                begun.append(delta)
                if delta.text.strip():
                    break
            return begun, deltas

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts) | stop_after_delay(self.limit / 2),
            wait=_pause,
            retry=retry_if_exception(_worth_repeating),
            reraise=True,
        )
        begun, rest = retrying(opened)
        with closing(rest):
            yield from begun
            yield from rest

    def _whole(self, deltas: Deltas) -> Deltas:
        """One attempt. Only a stream that says why it finished is an answer."""
        reason, blank = None, True
        try:
            for delta in bounded(deltas, self.longest):
                reason = delta.reason or reason
                blank = blank and not delta.text.strip()
                yield delta
        except AnswerTooLong:
            raise
        except Exception as exc:
            raise translate(exc, self._target, self.model_name) from exc
        if reason == "content_filter":
            stopped = "its content filter stopped the answer"
            raise ModelRefused(self._target, stopped, stopped)
        if reason is None:
            raise ModelUnavailable(self._target, "the answer broke off" if not blank else "it sent no answer")
        if blank:
            raise ModelUnavailable(self._target, "the answer was empty")

    def _asked(self, messages: list[BaseMessage], stop: list[str] | None = None, *, stream: bool = True) -> Deltas:
        payload = self._get_request_payload(messages, stop=stop, stream=stream)
        payload[MAX_TOKENS if self._target == OPENAI else "max_tokens"] = self.longest // CHARS_A_TOKEN
        yield from self._wire.ask(payload)

    @property
    def _target(self) -> str:
        return shown_address(self.openai_api_base or OPENAI)


def connect(
    model: str, base_url: str | None, key: SecretStr | None, *, limit: float, retries: int, longest: int = LONGEST
) -> CompatibleChat:
    """A model whose answers take `limit` seconds an attempt and have `longest` characters at most.

    Servers that need no key get a dummy.
    """
    silence = limit / 2
    connecting = min(CONNECT_SECONDS, silence)
    made = CompatibleChat(
        model=model,
        base_url=base_url or OPENAI,
        api_key=key or SecretStr("not-needed"),
        timeout=httpx2.Timeout(silence, connect=connecting),  # overrides that of the client
        http_client=BoundedClient(limit),
        max_retries=0,
        streaming=True,
        stream_usage=base_url is None,  # many compatible servers refuse the option
        use_responses_api=False,
        limit=limit,
        attempts=retries + 1,
        longest=longest,
    )
    made._wire = Wire(made.root_client, connect=connecting, silence=silence, limit=limit)
    return made


def _worth_repeating(exc: BaseException) -> bool:
    if isinstance(exc, ModelBusy):
        return exc.retry_after is None or exc.retry_after <= PATIENCE_SECONDS
    return isinstance(exc, ModelUnavailable) and isinstance(
        exc.__cause__, openai.OpenAIError | httpx2.HTTPError | pycurl.error | None
    )


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    jitter = float(_BACKOFF(state))
    if isinstance(error, ModelBusy) and error.retry_after:
        return error.retry_after + jitter / 4
    return jitter
