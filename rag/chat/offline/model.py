"""A chat model that quotes the sources of its prompt and this person's own words, and says nothing else.

A pure function of its prompt: deterministic, nobody's data kept, no network.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from rag.chat.memory import SAID
from rag.chat.offline.answer import compose
from rag.chat.offline.ranking import Ranker
from rag.chat.prompt import parse_earlier, parse_sources

NAME = "offline-extractive"


class OfflineChatModel(BaseChatModel):
    """Extractive chat model over prompts made by `build_prompt`.

    `ranker` compares texts. `delay` is a pause in seconds before each streamed word, for demos.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    ranker: Ranker = Field(exclude=True)
    model_name: str = NAME
    delay: float = Field(default=0.0, ge=0.0)

    @property
    def _llm_type(self) -> str:
        return NAME

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def pieces(
        self, messages: Sequence[BaseMessage], *, whole: bool = False, stop: Sequence[str] = ()
    ) -> Iterator[tuple[str, str]]:
        """The words of the answer, the last one with its kind, without LangChain's callbacks. See `Direct`."""
        system = "\n".join(message.text for message in messages if isinstance(message, SystemMessage))
        humans = [message.text for message in messages if isinstance(message, HumanMessage)]
        question = humans.pop() if humans else ""
        older = [line.removeprefix(SAID) for line in parse_earlier(system).split("\n") if line.strip()]
        text, kind = compose(self.ranker, parse_sources(system), [*older, *humans], question)
        for word in stop:
            text = text.split(word, 1)[0]
        *words, last = [text] if whole and not self.delay else text.split(" ")
        for piece in (*((f"{word} ", "") for word in words), (last, kind)):
            if self.delay:
                time.sleep(self.delay)
            yield piece

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del kwargs
        for piece, kind in self.pieces(messages, stop=stop or ()):
            told = {"kind": kind, "model_name": self.model_name, "finish_reason": "stop"} if kind else {}
            message = AIMessageChunk(content=piece, response_metadata=told, chunk_position="last" if kind else None)
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
